/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP dates (RFC 9110 section 5.6.7), without libc's time zones. Times are Unix seconds. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define DATE_TEXT_BYTES 29

/* Writes an IMF-fixdate, not NUL-terminated. Times outside the years 0000..9999 are clamped. */
void date_format(int64_t seconds, char out[DATE_TEXT_BYTES]);

/*
 * Reads any of the three forms a recipient must know: IMF-fixdate, RFC 850, asctime. now decides
 * the century of RFC 850's two-digit years. False: no valid date; *seconds is unchanged. Whether
 * the name of the day fits the date is not checked.
 */
bool date_parse(struct text text, int64_t now, int64_t *seconds);

#endif
