/* SPDX-License-Identifier: BSD-3-Clause */
/* The statuses we answer with (RFC 9110 section 15). */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct status {
    uint16_t code;
    bool close;       /* where the next request begins is not known, or not worth waiting for */
    struct text line; /* "HTTP/1.1 404 Not Found" */
    struct text body; /* said to the user after the reason; empty: the response has no such body */
    struct text fields; /* further header fields, each ended by CRLF */
};

/* Whether it is an error that a server here may answer with. */
bool status_is_error(unsigned code);
/* "404 Not Found" */
static inline struct text status_reason(const struct status *status)
{
    return text_skip(status->line, sizeof("HTTP/1.1 ") - 1);
}

/* The code must be one of the table. */
const struct status *status_find(unsigned code);

#endif
