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

/* "-len": the last len bytes of a file that has some. */
static enum range_kind suffix_range(struct text digits, uint64_t size, struct range *range)
{
    uint64_t len;

    if (!parse_position(digits, &len))
        return RANGE_IGNORED;
    if (len == 0)
        return RANGE_UNSATISFIABLE;
    if (len > size)
        len = size;
    *range = (struct range){ size - len, len };
    return RANGE_SATISFIABLE;
}

/* "first-" or "first-last" */
static enum range_kind int_range(struct text first_text, struct text last_text, uint64_t size,
                                 struct range *range)
{
    uint64_t first, last = UINT64_MAX;

    if (!parse_position(first_text, &first) ||
        (last_text.len != 0 && !parse_position(last_text, &last)) || last < first)
        return RANGE_IGNORED;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    if (last >= size)
        last = size - 1;
    *range = (struct range){ first, last - first + 1 };
    return RANGE_SATISFIABLE;
}

static enum range_kind spec_parse(struct text spec, uint64_t size, struct range *range)
{
    size_t dash = text_find(spec, '-');

    if (dash == spec.len)
        return RANGE_IGNORED;
    struct text last = text_skip(spec, dash + 1);
    if (dash == 0)
        return suffix_range(last, size, range);
    return int_range((struct text){ spec.at, dash }, last, size, range);
}

/* Adds range; those that it overlaps or touches become one with it, at the place of the first. */
static void ranges_add(struct ranges *ranges, struct range range)
{
    uint32_t place = ranges->count;

    for (uint32_t i = 0; i < ranges->count;) {
        struct range *other = &ranges->range[i];
        uint64_t end = range.from + range.len, other_end = other->from + other->len;
        if (other->from > end || range.from > other_end) {
            i++;
            continue;
        }
        range.from = range.from < other->from ? range.from : other->from;
        range.len = (end > other_end ? end : other_end) - range.from;
        place = i < place ? i : place;
        memmove(other, other + 1, (--ranges->count - i) * sizeof(*other));
        i = 0; /* grown, it may meet those it has passed */
    }
    struct range *at = &ranges->range[place];
    memmove(at + 1, at, (ranges->count++ - place) * sizeof(*at));
    *at = range;
}

enum range_kind ranges_parse(struct text value, uint64_t size, struct ranges *ranges)
{
    struct text unit = TEXT("bytes="), spec;
    uint32_t specs = 0;

    ranges->count = 0;
    /* Of nothing 416 would be right too, but caches that fetch by slices hand that on to clients
     * who asked for the whole; and "-1" is satisfiable, while Content-Range cannot say so: 200. */
    if (!text_starts_nocase(value, unit) || size == 0)
        return RANGE_IGNORED;
    for (struct text set = text_skip(value, unit.len); text_list_next(&set, &spec);) {
        struct range range;
        if (++specs > RANGES_MAX)
            return RANGE_IGNORED;
        enum range_kind kind = spec_parse(spec, size, &range);
        if (kind == RANGE_IGNORED)
            return RANGE_IGNORED;
        if (kind == RANGE_SATISFIABLE)
            ranges_add(ranges, range);
    }
    if (specs == 0)
        return RANGE_IGNORED;
    return ranges->count != 0 ? RANGE_SATISFIABLE : RANGE_UNSATISFIABLE;
}
