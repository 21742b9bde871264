/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/extent_map.h"

#include <string.h>

#include "base/assert.h"

#define WORD_BITS   64
#define GROUP_WORDS (EXTENT_GROUP_UNITS / WORD_BITS)
#define CLASSES     13 /* powers of two up to a group */
#define NO_GROUP    UINT32_MAX

static_assert(1 << (CLASSES - 1) == EXTENT_GROUP_UNITS, "the last class is a whole group");

/* Groups that are searched together: [begin, end). */
struct region {
    uint32_t begin, end;
    /* No group of it below first[c] has a run of 2^c units: where a search may begin. */
    uint32_t first[CLASSES];
};

struct extent_map {
    uint64_t *words;   /* a bit per unit; 1: free */
    uint16_t *free;    /* units, of each group */
    uint16_t *longest; /* run of free units within each group */
    uint32_t groups;
    uint32_t unit;
    uint64_t units, units_free;
    struct region regions[EXTENT_REGIONS_MAX]; /* all groups, in the order of preference */
    unsigned region_count;
    struct memory memory;
};

/* ---- bits of one group ---- */

static uint64_t *group_words(const struct extent_map *map, uint32_t group)
{
    return map->words + (size_t)group * GROUP_WORDS;
}

/* The first unit at or behind `from` whose bit is `set`; EXTENT_GROUP_UNITS: none. */
static unsigned bit_next(const uint64_t *words, unsigned from, bool set)
{
    uint64_t flip = set ? 0 : UINT64_MAX;

    for (unsigned w = from / WORD_BITS; w < GROUP_WORDS; w++) {
        uint64_t word = words[w] ^ flip;
        if (w == from / WORD_BITS)
            word &= UINT64_MAX << (from % WORD_BITS);
        if (word != 0)
            return w * WORD_BITS + (unsigned)__builtin_ctzll(word);
    }
    return EXTENT_GROUP_UNITS;
}

/* The first run of at least n free units, else the longest; its length, 0 if nothing is free. */
static unsigned run_find(const uint64_t *words, unsigned n, unsigned *start)
{
    unsigned longest = 0, end;

    for (unsigned at = bit_next(words, 0, true); at < EXTENT_GROUP_UNITS;
         at = bit_next(words, end, true)) {
        end = bit_next(words, at, false);
        if (end - at > longest) {
            longest = end - at;
            *start = at;
        }
        if (longest >= n)
            break;
    }
    return longest;
}

static unsigned class_of(unsigned n)
{
    return (unsigned)(31 - __builtin_clz(n));
}

static struct region *region_of(struct extent_map *map, uint32_t group)
{
    struct region *region = map->regions;

    while (group < region->begin || group >= region->end)
        region++;
    return region;
}

/* After a change of the group's bits. */
static void group_update(struct extent_map *map, uint32_t group, int free_change)
{
    unsigned start;
    unsigned longest = run_find(group_words(map, group), EXTENT_GROUP_UNITS, &start);

    map->free[group] = (uint16_t)(map->free[group] + free_change);
    map->units_free += (uint64_t)(int64_t)free_change;
    map->longest[group] = (uint16_t)longest;
    if (free_change > 0 && longest > 0) {
        struct region *region = region_of(map, group);
        for (unsigned c = 0; c <= class_of(longest); c++)
            if (region->first[c] > group)
                region->first[c] = group;
    }
}

/* Marks the units [start, start + n) of one group, which must all be in the other state. */
static void group_mark(struct extent_map *map, uint32_t group, unsigned start, unsigned n,
                       bool free)
{
    uint64_t *words = group_words(map, group);

    for (unsigned at = start, end = start + n; at < end;) {
        unsigned bit = at % WORD_BITS, len = WORD_BITS - bit;
        if (len > end - at)
            len = end - at;
        uint64_t mask = (len == WORD_BITS ? UINT64_MAX : (UINT64_C(1) << len) - 1) << bit;
        uint64_t *word = &words[at / WORD_BITS];
        ASSERT((*word & mask) == (free ? 0 : mask)); /* else freed, or given out, twice */
        *word ^= mask;
        at += len;
    }
    group_update(map, group, free ? (int)n : -(int)n);
}

/* Marks units of the arena. */
static void units_mark(struct extent_map *map, uint64_t first, uint64_t n, bool free)
{
    while (n > 0) {
        unsigned start = (unsigned)(first % EXTENT_GROUP_UNITS);
        unsigned len = EXTENT_GROUP_UNITS - start < n ? EXTENT_GROUP_UNITS - start : (unsigned)n;
        group_mark(map, (uint32_t)(first / EXTENT_GROUP_UNITS), start, len, free);
        first += len;
        n -= len;
    }
}

/* ---- life ---- */

struct extent_map *extent_map_create(uint64_t bytes, uint32_t unit, const struct memory *memory)
{
    uint64_t units = bytes / unit;
    uint64_t groups = (units + EXTENT_GROUP_UNITS - 1) / EXTENT_GROUP_UNITS;

    ASSERT(unit >= EXTENT_UNIT_MIN && (unit & (unit - 1)) == 0 && bytes % unit == 0);
    if (groups >= NO_GROUP)
        return NULL;
    struct extent_map *map = memory_alloc(memory, 1, sizeof(*map));
    if (map == NULL)
        return NULL;
    map->memory = *memory;
    map->groups = (uint32_t)groups;
    map->unit = unit;
    map->units = units;
    map->regions[0].end = map->groups;
    map->region_count = 1;
    map->words = memory_alloc(memory, groups + 1, GROUP_WORDS * sizeof(uint64_t));
    map->free = memory_alloc(memory, groups + 1, sizeof(uint16_t));
    map->longest = memory_alloc(memory, groups + 1, sizeof(uint16_t));
    if (map->words == NULL || map->free == NULL || map->longest == NULL) {
        extent_map_destroy(map);
        return NULL;
    }
    units_mark(map, 0, units, true); /* what the last group has beyond the end stays taken */
    return map;
}

void extent_map_prefer(struct extent_map *map, const struct extent_range *ranges, unsigned count)
{
    uint64_t group_bytes = (uint64_t)EXTENT_GROUP_UNITS * map->unit;
    unsigned n = 0;

    ASSERT(count > 0 && count <= EXTENT_REGIONS_MAX);
    for (unsigned i = 0; i < count; i++) {
        /* A group that two ranges share is the first's. */
        uint64_t begin = (ranges[i].offset + group_bytes - 1) / group_bytes;
        uint64_t end = (ranges[i].offset + ranges[i].bytes + group_bytes - 1) / group_bytes;
        if (begin >= end)
            continue;
        struct region *region = &map->regions[n++];
        *region = (struct region){ .begin = (uint32_t)begin, .end = (uint32_t)end };
        for (unsigned c = 0; c < CLASSES; c++)
            region->first[c] = region->begin;
    }
    map->region_count = n;
}

void extent_map_destroy(struct extent_map *map)
{
    if (map == NULL)
        return;
    const struct memory memory = map->memory;

    memory_release(&memory, map->words);
    memory_release(&memory, map->free);
    memory_release(&memory, map->longest);
    memory_release(&memory, map);
}

uint32_t extent_map_unit(const struct extent_map *map)
{
    return map->unit;
}

/* ---- finding room ---- */

static bool group_is_empty(const struct extent_map *map, uint32_t group)
{
    return map->free[group] == EXTENT_GROUP_UNITS;
}

/* The region's lowest group with a run of n units (n at most a group). */
static uint32_t group_find(const struct extent_map *map, struct region *region, unsigned n)
{
    unsigned c = class_of(n);
    bool met = false;

    for (uint32_t group = region->first[c]; group < region->end; group++) {
        if (!met && map->longest[group] >= 1u << c) {
            region->first[c] = group;
            met = true;
        }
        if (map->longest[group] >= n)
            return group;
    }
    if (!met)
        region->first[c] = region->end;
    return NO_GROUP;
}

/* Of the groups [begin, end): the highest run of n empty ones, else the longest; its length, 0 if
 * none is empty. */
static uint32_t groups_find(const struct extent_map *map, uint32_t begin, uint32_t end, uint32_t n,
                            uint32_t *first)
{
    uint32_t longest = 0, run = 0;

    *first = begin;
    for (uint32_t group = end; group-- > begin && longest < n;) {
        run = group_is_empty(map, group) ? run + 1 : 0;
        if (run > longest) {
            longest = run;
            *first = group;
        }
    }
    return longest;
}

/* Free units at the group's beginning, and at its end. */
static unsigned group_head(const struct extent_map *map, uint32_t group)
{
    return bit_next(group_words(map, group), 0, false);
}

static unsigned tail_of(const uint64_t *words)
{
    unsigned n = 0;

    for (unsigned w = GROUP_WORDS; w-- > 0; n += WORD_BITS)
        if (words[w] != UINT64_MAX)
            return n + (unsigned)__builtin_clzll(~words[w]);
    return n;
}

/* A run of at least n units, wherever groups begin and end, else the longest; its length. */
static uint64_t run_across(const struct extent_map *map, uint64_t n, uint64_t *first)
{
    uint64_t longest = 0, run = 0; /* run: free units from the group's end upward */

    for (uint32_t group = map->groups; group-- > 0 && longest < n;) {
        uint64_t start = (uint64_t)group * EXTENT_GROUP_UNITS;
        unsigned tail = tail_of(group_words(map, group)), at = 0;
        run += tail;
        if (run > longest) {
            longest = run;
            *first = start + EXTENT_GROUP_UNITS - tail;
        }
        if (map->longest[group] > longest) {
            longest = run_find(group_words(map, group), EXTENT_GROUP_UNITS, &at);
            *first = start + at;
        }
        if (!group_is_empty(map, group))
            run = group_head(map, group);
    }
    return longest;
}

/* Room for n units in one region, as it is best there; false: only across groups, if at all. */
static bool region_find(const struct extent_map *map, struct region *region, uint64_t n,
                        uint64_t *first)
{
    uint32_t group;
    unsigned start = 0;

    if (n <= EXTENT_GROUP_UNITS) {
        group = group_find(map, region, (unsigned)n);
        if (group == NO_GROUP)
            return false;
        run_find(group_words(map, group), (unsigned)n, &start);
    } else {
        uint32_t wanted = (uint32_t)((n + EXTENT_GROUP_UNITS - 1) / EXTENT_GROUP_UNITS);
        if (groups_find(map, region->begin, region->end, wanted, &group) < wanted)
            return false;
    }
    *first = (uint64_t)group * EXTENT_GROUP_UNITS + start;
    return true;
}

/* Where the next piece of a request for n units goes; returns its length. Something must be free.
 */
static uint64_t piece_find(struct extent_map *map, uint64_t n, uint64_t *first)
{
    for (unsigned i = 0; i < map->region_count; i++)
        if (region_find(map, &map->regions[i], n, first))
            return n;
    uint64_t run = run_across(map, n, first);
    return run < n ? run : n;
}

bool extent_map_alloc(struct extent_map *map, uint64_t bytes, struct extent_range *out,
                      unsigned max, unsigned *count)
{
    uint64_t left = bytes / map->unit + (bytes % map->unit != 0);

    ASSERT(bytes > 0);
    *count = 0;
    if (left > map->units_free)
        return false;
    while (left > 0 && *count < max) {
        uint64_t first, n = piece_find(map, left, &first);
        units_mark(map, first, n, false);
        out[(*count)++] =
            (struct extent_range){ .offset = first * map->unit, .bytes = n * map->unit };
        left -= n;
    }
    if (left == 0)
        return true;
    while (*count > 0)
        extent_map_free(map, out[--*count]);
    return false;
}

bool extent_map_reserve(struct extent_map *map, uint64_t bytes, struct extent_range *out)
{
    uint64_t group_bytes = (uint64_t)EXTENT_GROUP_UNITS * map->unit;
    uint64_t wanted = bytes / group_bytes + (bytes % group_bytes != 0);
    uint32_t first;
    bool found = false;

    ASSERT(bytes > 0);
    if (wanted > map->groups)
        return false;
    for (unsigned i = 0; i < map->region_count && !found; i++)
        found = groups_find(map, map->regions[i].begin, map->regions[i].end, (uint32_t)wanted,
                            &first) >= wanted;
    if (!found && groups_find(map, 0, map->groups, (uint32_t)wanted, &first) < wanted)
        return false;
    *out = (struct extent_range){ .offset = first * group_bytes, .bytes = wanted * group_bytes };
    units_mark(map, out->offset / map->unit, out->bytes / map->unit, false);
    return true;
}

/* Whether the units [first, first + n), which the map has, are all free. */
static bool units_are_free(const struct extent_map *map, uint64_t first, uint64_t n)
{
    for (uint64_t end = first + n; first < end;) {
        uint32_t group = (uint32_t)(first / EXTENT_GROUP_UNITS);
        uint64_t start = (uint64_t)group * EXTENT_GROUP_UNITS;
        unsigned taken = bit_next(group_words(map, group), (unsigned)(first - start), false);
        if (start + taken < end && taken < EXTENT_GROUP_UNITS)
            return false;
        first = start + EXTENT_GROUP_UNITS;
    }
    return true;
}

bool extent_map_take(struct extent_map *map, struct extent_range range)
{
    uint64_t first = range.offset / map->unit, n = range.bytes / map->unit;

    if (range.offset % map->unit != 0 || range.bytes % map->unit != 0 || n == 0 ||
        first >= map->units || n > map->units - first || !units_are_free(map, first, n))
        return false;
    units_mark(map, first, n, false);
    return true;
}

void extent_map_free(struct extent_map *map, struct extent_range range)
{
    uint64_t first = range.offset / map->unit, n = range.bytes / map->unit;

    ASSERT(range.offset % map->unit == 0 && range.bytes % map->unit == 0);
    ASSERT(first <= map->units && n <= map->units - first);
    units_mark(map, first, n, true);
}

struct extent_usage extent_map_usage(const struct extent_map *map)
{
    uint64_t first;

    return (struct extent_usage){
        .bytes = map->units * map->unit,
        .free_bytes = map->units_free * map->unit,
        .largest_free = run_across(map, UINT64_MAX, &first) * map->unit,
    };
}

/* The group's words with only the units [from, end) that are in the range; in scratch, unless all
 * are. */
static const uint64_t *words_within(const struct extent_map *map, uint32_t group, uint64_t from,
                                    uint64_t end, uint64_t scratch[GROUP_WORDS])
{
    const uint64_t *words = group_words(map, group);
    uint64_t start = (uint64_t)group * EXTENT_GROUP_UNITS;

    if (from <= start && end >= start + EXTENT_GROUP_UNITS)
        return words;
    for (unsigned w = 0; w < GROUP_WORDS; w++, start += WORD_BITS) {
        uint64_t low = from > start ? from : start;
        uint64_t high = end < start + WORD_BITS ? end : start + WORD_BITS;
        scratch[w] = 0;
        if (low < high)
            scratch[w] = words[w] & UINT64_MAX >> (WORD_BITS - (high - low)) << (low - start);
    }
    return scratch;
}

static unsigned bits_set(const uint64_t *words)
{
    unsigned n = 0;

    for (unsigned w = 0; w < GROUP_WORDS; w++)
        n += (unsigned)__builtin_popcountll(words[w]);
    return n;
}

struct extent_usage extent_map_usage_within(const struct extent_map *map, struct extent_range range)
{
    uint64_t scratch[GROUP_WORDS], free_units = 0, longest = 0, run = 0;
    uint64_t from = range.offset / map->unit, end = (range.offset + range.bytes) / map->unit;

    ASSERT(end <= map->units);
    for (uint64_t group = from / EXTENT_GROUP_UNITS; group * EXTENT_GROUP_UNITS < end; group++) {
        const uint64_t *words = words_within(map, (uint32_t)group, from, end, scratch);
        bool whole = words != scratch;
        unsigned start, head = bit_next(words, 0, false);
        unsigned n = whole ? map->free[group] : bits_set(words);
        unsigned inside = whole ? map->longest[group] : run_find(words, EXTENT_GROUP_UNITS, &start);
        free_units += n;
        run += head;
        longest = run > longest ? run : longest;
        longest = inside > longest ? inside : longest;
        if (head < EXTENT_GROUP_UNITS)
            run = tail_of(words);
    }
    return (struct extent_usage){
        .bytes = range.bytes,
        .free_bytes = free_units * map->unit,
        .largest_free = longest * map->unit,
    };
}
