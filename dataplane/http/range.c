/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/range.h"

/* Digits only, at least one; a number too large for 64 bits becomes the largest. */
static bool parse_position(struct text t, uint64_t *value)
{
    uint64_t v = 0;

    if (t.len == 0)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        unsigned digit = (unsigned)(t.at[i] - '0');
        v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
    }
    *value = v;
    return true;
}

/* "-len": the last len bytes. */
static struct range suffix_range(struct text digits, uint64_t size)
{
    uint64_t len;

    if (!parse_position(digits, &len))
        return (struct range){ RANGE_IGNORED, 0, 0 };
    if (len == 0)
        return (struct range){ RANGE_UNSATISFIABLE, 0, 0 };
    /* The last bytes of nothing are satisfiable, but Content-Range cannot say so: 200. */
    if (size == 0)
        return (struct range){ RANGE_IGNORED, 0, 0 };
    if (len > size)
        len = size;
    return (struct range){ RANGE_SATISFIABLE, size - len, len };
}

/* "first-" or "first-last" */
static struct range int_range(struct text first_text, struct text last_text, uint64_t size)
{
    uint64_t first, last = UINT64_MAX;

    if (!parse_position(first_text, &first) ||
        (last_text.len != 0 && !parse_position(last_text, &last)) || last < first)
        return (struct range){ RANGE_IGNORED, 0, 0 };
    /* From the first byte of nothing on: caches that fetch by slices would hand a 416 on to those
     * who asked for the whole. */
    if (first == 0 && size == 0)
        return (struct range){ RANGE_IGNORED, 0, 0 };
    if (first >= size)
        return (struct range){ RANGE_UNSATISFIABLE, 0, 0 };
    if (last >= size)
        last = size - 1;
    return (struct range){ RANGE_SATISFIABLE, first, last - first + 1 };
}

struct range range_parse(struct text value, uint64_t size)
{
    const struct range ignored = { RANGE_IGNORED, 0, 0 };
    struct text unit = TEXT("bytes="), spec, another;

    if (!text_starts_nocase(value, unit))
        return ignored;
    struct text set = text_skip(value, unit.len);
    /* Several ranges may be answered with the whole (RFC 9110 section 14.2). */
    if (!text_list_next(&set, &spec) || text_list_next(&set, &another))
        return ignored;
    size_t dash = text_find(spec, '-');
    if (dash == spec.len)
        return ignored;
    struct text last = text_skip(spec, dash + 1);
    if (dash == 0)
        return suffix_range(last, size);
    return int_range((struct text){ spec.at, dash }, last, size);
}
