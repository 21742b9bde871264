/* SPDX-License-Identifier: BSD-3-Clause */
/* A record of a request as a line of the access log. */
#ifndef APP_ACCESS_FORMAT_H
#define APP_ACCESS_FORMAT_H

#include <stddef.h>

#include "app/config.h"
#include "http/record.h"

/* The longest line: each byte of a record's texts as \u00XX, and the rest. */
#define ACCESS_LINE_BYTES (6 * RECORD_TEXT_BYTES + 512)

/*
 * Writes the line with its newline, without a NUL; returns its length. Nothing in it but the
 * newline at its end is a control character. A text that was cut ends in "...".
 *
 * combined: as nginx and Apache write it; quotes, backslashes, bytes below 0x20 and above 0x7e are
 * \xHH; the time is local. json: one object, always valid UTF-8: bytes that are none are \u00HH;
 * the time is UTC.
 */
size_t access_format(enum config_access_format format, const struct http_record *record,
                     char line[ACCESS_LINE_BYTES]);

#endif
