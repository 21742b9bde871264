/* SPDX-License-Identifier: BSD-3-Clause */
/* The Range field for bytes (RFC 9110 section 14). */
#ifndef HTTP_RANGE_H
#define HTTP_RANGE_H

#include <stdint.h>

#include "base/text.h"

/* Parts of a response at most. Who asks for more gets the whole: to answer many small ranges costs
 * more than they are worth to an honest client (RFC 9110 section 17.15, CVE-2011-3192). */
#define RANGES_MAX 32

enum range_kind {
    RANGE_IGNORED,       /* another unit, malformed, too many, or of an empty file: as if absent */
    RANGE_SATISFIABLE,   /* 206 */
    RANGE_UNSATISFIABLE, /* 416 */
};

struct range {
    uint64_t from, len; /* len > 0, from + len <= size */
};

struct ranges {
    uint32_t count;
    struct range range[RANGES_MAX];
};

/*
 * The bytes that value asks of a representation of size bytes, in the order asked for; those that
 * overlap or touch are one, at the place of the first, so that no byte is sent twice (section
 * 15.3.7.2). With SATISFIABLE there is at least one, else ranges has no meaning.
 */
enum range_kind ranges_parse(struct text value, uint64_t size, struct ranges *ranges);

#endif
