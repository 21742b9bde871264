/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds text in a buffer; what does not fit is left out, and full says so. */
#ifndef HTTP_WRITER_H
#define HTTP_WRITER_H

#include <stdint.h>

#include "base/text.h"

#define CRLF TEXT("\r\n")

struct writer {
    char *at, *end;
    bool full; /* something did not fit */
};

static inline void put(struct writer *w, struct text t)
{
    if (t.len > (size_t)(w->end - w->at)) {
        w->full = true;
        return;
    }
    memcpy(w->at, t.at, t.len);
    w->at += t.len;
}

static inline void put_number(struct writer *w, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put(w, (struct text){ &digits[at], sizeof(digits) - at });
}

#endif
