/* SPDX-License-Identifier: BSD-3-Clause */
/* Classes of characters, looked up by byte. */
#ifndef HTTP_CHARS_H
#define HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum {
    CHAR_TOKEN = 1, /* tchar (RFC 9110 section 5.6.2) */
    CHAR_HOST = 2,  /* of a uri-host that is no IP literal, encoded bytes included (RFC 3986
                       section 3.2.2) */
};

extern const uint8_t char_classes[256];

static inline bool char_is(char c, unsigned classes)
{
    return (char_classes[(uint8_t)c] & classes) != 0;
}

/* How many of the first bytes are of the class. */
static inline size_t chars_span(struct text t, unsigned classes)
{
    size_t n = 0;

    while (n < t.len && char_is(t.at[n], classes))
        n++;
    return n;
}

#endif
