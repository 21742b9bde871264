/* SPDX-License-Identifier: BSD-3-Clause */
/* The Range field for bytes (RFC 9110 section 14). */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdint.h>

#include "base/text.h"

enum range_kind {
    RANGE_IGNORED,       /* as if it were absent: malformed, several, another unit, of nothing */
    RANGE_SATISFIABLE,   /* 206 with the bytes returned */
    RANGE_UNSATISFIABLE, /* 416 */
};

struct range {
    enum range_kind kind;
    uint64_t from, len; /* kind SATISFIABLE: len > 0, from + len <= size */
};

/* The bytes that value asks of a representation of size bytes. */
struct range range_parse(struct text value, uint64_t size);

#endif
