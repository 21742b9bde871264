/* SPDX-License-Identifier: BSD-3-Clause */
/* The arena's bookkeeping: no overlap, no leak, little waste. A shadow of owners says what is
 * whose. */
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "mempool/extent_map.h"
#include "suites.h"

#define KIB         UINT64_C(1024)
#define MIB         (UINT64_C(1) << 20)
#define GROUP_BYTES (EXTENT_GROUP_UNITS * UINT64_C(512))
#define PIECES      64

static struct extent_map *map;

static void make(uint64_t bytes, uint32_t unit)
{
    map = extent_map_create(bytes, unit, &memory_heap);
    ck_assert_ptr_nonnull(map);
}

static void teardown(void)
{
    extent_map_destroy(map);
    map = NULL;
}

static uint64_t free_bytes(void)
{
    return extent_map_usage(map).free_bytes;
}

/* One range of bytes (rounded up to the unit). */
static struct extent_range take(uint64_t bytes)
{
    struct extent_range range;
    unsigned count;

    ck_assert(extent_map_alloc(map, bytes, &range, 1, &count));
    ck_assert_uint_eq(count, 1);
    return range;
}

/* ---- one by one ---- */

START_TEST(all_of_a_new_map_is_free)
{
    make(5 * MIB + 512, 512);
    struct extent_usage usage = extent_map_usage(map);

    ck_assert_uint_eq(usage.bytes, 5 * MIB + 512);
    ck_assert_uint_eq(usage.free_bytes, 5 * MIB + 512);
    ck_assert_uint_eq(usage.largest_free, 5 * MIB + 512);
    ck_assert_uint_eq(take(1).bytes, 512);
    ck_assert_uint_eq(take(513).bytes, 1024);
    ck_assert_uint_eq(free_bytes(), 5 * MIB + 512 - 1536);
}
END_TEST

START_TEST(the_unit_is_that_of_the_disk)
{
    make(16 * MIB, 4096);
    ck_assert_uint_eq(extent_map_unit(map), 4096);
    ck_assert_uint_eq(take(1).offset, 0);
    ck_assert_uint_eq(take(4097).offset, 4096);
    ck_assert_uint_eq(take(1).offset, 3 * 4096);
}
END_TEST

START_TEST(small_things_lie_side_by_side)
{
    make(4 * MIB, 512);
    for (uint64_t at = 0; at < MIB; at += 1536) {
        struct extent_range range = take(1100);
        ck_assert_uint_eq(range.offset, at);
        ck_assert_uint_eq(range.bytes, 1536);
    }
}
END_TEST

START_TEST(large_things_are_whole_and_at_the_other_end)
{
    make(64 * MIB, 512);
    struct extent_range small = take(700), large = take(11 * MIB + 5);

    ck_assert_uint_eq(small.offset, 0);
    ck_assert_uint_eq(large.offset, 52 * MIB);
    ck_assert_uint_eq(large.bytes, 11 * MIB + 512);
    /* What is left of its last group is for others. */
    ck_assert_uint_eq(free_bytes(), 64 * MIB - 1024 - (11 * MIB + 512));
}
END_TEST

START_TEST(neighbours_that_are_freed_are_one_run)
{
    make(GROUP_BYTES, 512);
    struct extent_range part[4];

    for (unsigned i = 0; i < 4; i++)
        part[i] = take(GROUP_BYTES / 4);
    ck_assert_uint_eq(free_bytes(), 0);
    extent_map_free(map, part[1]);
    extent_map_free(map, part[3]);
    ck_assert_uint_eq(extent_map_usage(map).largest_free, GROUP_BYTES / 4);
    extent_map_free(map, part[2]);
    ck_assert_uint_eq(extent_map_usage(map).largest_free, GROUP_BYTES / 4 * 3);
    ck_assert_uint_eq(take(GROUP_BYTES / 4 * 3).offset, part[1].offset);
}
END_TEST

START_TEST(what_is_broken_up_serves_in_pieces)
{
    make(8 * GROUP_BYTES, 512);
    struct extent_range out[8];
    unsigned count;

    for (unsigned i = 0; i < 8; i++)
        out[i] = take(GROUP_BYTES);
    for (unsigned i = 0; i < 8; i += 2)
        extent_map_free(map, out[i]);
    /* Too many pieces: nothing is taken. */
    ck_assert(!extent_map_alloc(map, 4 * GROUP_BYTES, out, 3, &count));
    ck_assert_uint_eq(free_bytes(), 4 * GROUP_BYTES);
    ck_assert(extent_map_alloc(map, 4 * GROUP_BYTES, out, 4, &count));
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(free_bytes(), 0);
    ck_assert(!extent_map_alloc(map, 1, out, 4, &count));
}
END_TEST

START_TEST(a_run_may_begin_and_end_within_groups)
{
    struct extent_range end, all;

    make(4 * GROUP_BYTES, 512);
    take(700);
    end = take(3 * GROUP_BYTES);
    ck_assert_uint_eq(end.offset, GROUP_BYTES);
    extent_map_free(map, end);
    end = take(5000);
    all = take(4 * GROUP_BYTES - 1024 - 5120);
    ck_assert_uint_eq(all.offset, end.offset + end.bytes);
    ck_assert_uint_eq(free_bytes(), 0);
}
END_TEST

START_TEST(fixed_frames_get_a_run_of_whole_groups)
{
    struct extent_range frames, other;

    make(10 * GROUP_BYTES, 512);
    take(512);
    ck_assert(extent_map_reserve(map, 3 * GROUP_BYTES + 1, &frames));
    ck_assert_uint_eq(frames.offset, 6 * GROUP_BYTES);
    ck_assert_uint_eq(frames.bytes, 4 * GROUP_BYTES);
    ck_assert(!extent_map_reserve(map, 6 * GROUP_BYTES, &other));
    ck_assert(!extent_map_reserve(map, UINT64_C(1) << 60, &other));
    extent_map_free(map, frames);
    ck_assert(extent_map_reserve(map, 9 * GROUP_BYTES, &other));
}
END_TEST

START_TEST(a_given_range_is_taken_if_all_of_it_is_free)
{
    static const struct {
        struct extent_range range;
        bool taken;
    } rows[] = {
        { { 4 * MIB - 512, MIB + 512 }, true },
        { { 4 * MIB - 512, 512 }, false },
        { { 4 * MIB - 1024, 1024 }, false },
        { { 3 * MIB, 3 * MIB }, false },
        { { 5 * MIB, 512 }, true },
        { { 0, 4 * MIB - 512 }, true },
        { { 6 * MIB + 1, 512 }, false },
        { { 6 * MIB, 511 }, false },
        { { 6 * MIB, 0 }, false },
        { { 8 * MIB - 512, 1024 }, false },
        { { 8 * MIB, 512 }, false },
        { { 6 * MIB, UINT64_MAX - 511 }, false },
        { { UINT64_MAX - 511, 512 }, false },
        { { 8 * MIB - 512, 512 }, true },
    };
    uint64_t taken = 0;

    make(8 * MIB, 512);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(extent_map_take(map, rows[i].range) == rows[i].taken, "row %zu", i);
        taken += rows[i].taken ? rows[i].range.bytes : 0;
        ck_assert_uint_eq(free_bytes(), 8 * MIB - taken);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].taken)
            extent_map_free(map, rows[i].range);
    ck_assert_uint_eq(extent_map_usage(map).largest_free, 8 * MIB);
}
END_TEST

START_TEST(an_empty_map_gives_nothing)
{
    struct extent_range range;
    unsigned count;

    make(0, 512);
    ck_assert(!extent_map_alloc(map, 1, &range, 1, &count));
    ck_assert(!extent_map_reserve(map, 1, &range));
    ck_assert_uint_eq(extent_map_usage(map).largest_free, 0);
    extent_map_destroy(NULL);
}
END_TEST

/* ---- parts that are not equally near ---- */

/* The far part comes first in the arena, and ends within a group. */
static void make_near_and_far(void)
{
    const struct extent_range order[] = {
        { .offset = 4 * GROUP_BYTES + 1024, .bytes = 6 * GROUP_BYTES - 1024 },
        { .offset = 0, .bytes = 4 * GROUP_BYTES + 1024 },
    };

    make(10 * GROUP_BYTES, 512);
    extent_map_prefer(map, order, 2);
}

START_TEST(what_is_near_is_filled_first)
{
    make_near_and_far();
    ck_assert_uint_eq(take(700).offset, 5 * GROUP_BYTES);
    ck_assert_uint_eq(take(2 * GROUP_BYTES).offset, 8 * GROUP_BYTES);
    ck_assert_uint_eq(take(2 * GROUP_BYTES).offset, 6 * GROUP_BYTES);
    /* Small things still find room near, large ones do not. */
    ck_assert_uint_eq(take(700).offset, 5 * GROUP_BYTES + 1024);
    ck_assert_uint_eq(take(2 * GROUP_BYTES).offset, 3 * GROUP_BYTES);
    ck_assert_uint_eq(take(GROUP_BYTES).offset, 0);
}
END_TEST

START_TEST(what_is_freed_near_is_found_again)
{
    struct extent_range near;

    make_near_and_far();
    near = take(1024);
    take(GROUP_BYTES - 1024);
    for (unsigned i = 0; i < 4; i++)
        take(GROUP_BYTES);
    ck_assert_uint_eq(take(512).offset, 0);
    extent_map_free(map, near);
    ck_assert_uint_eq(take(512).offset, near.offset);
}
END_TEST

START_TEST(what_no_part_holds_lies_in_both)
{
    struct extent_range frames;

    make_near_and_far();
    ck_assert_uint_eq(take(8 * GROUP_BYTES).bytes, 8 * GROUP_BYTES);
    ck_assert_uint_eq(free_bytes(), 2 * GROUP_BYTES);
    teardown();
    make_near_and_far();
    ck_assert(extent_map_reserve(map, 3 * GROUP_BYTES, &frames));
    ck_assert_uint_eq(frames.offset, 7 * GROUP_BYTES);
    extent_map_free(map, frames);
    ck_assert(extent_map_reserve(map, 9 * GROUP_BYTES, &frames));
    ck_assert_uint_eq(frames.offset, GROUP_BYTES);
}
END_TEST

static struct extent_usage within(uint64_t offset, uint64_t bytes)
{
    return extent_map_usage_within(map, (struct extent_range){ .offset = offset, .bytes = bytes });
}

START_TEST(usage_of_a_part_is_exact)
{
    make(4 * GROUP_BYTES, 512);
    struct extent_range taken = take(10 * 512);

    ck_assert_uint_eq(taken.offset, 0);
    struct extent_usage usage = within(0, 4 * GROUP_BYTES);
    ck_assert_uint_eq(usage.free_bytes, 4 * GROUP_BYTES - 10 * 512);
    ck_assert_uint_eq(usage.largest_free, 4 * GROUP_BYTES - 10 * 512);
    usage = within(5 * 512, 20 * 512);
    ck_assert_uint_eq(usage.bytes, 20 * 512);
    ck_assert_uint_eq(usage.free_bytes, 15 * 512);
    ck_assert_uint_eq(usage.largest_free, 15 * 512);
    usage = within(2 * GROUP_BYTES - 512, GROUP_BYTES + 1024);
    ck_assert_uint_eq(usage.free_bytes, GROUP_BYTES + 1024);
    ck_assert_uint_eq(usage.largest_free, GROUP_BYTES + 1024);
    ck_assert_uint_eq(within(0, 10 * 512).free_bytes, 0);
    ck_assert_uint_eq(within(0, 10 * 512).largest_free, 0);
    ck_assert_uint_eq(within(9 * 512, 1024).largest_free, 512);
}
END_TEST

/* ---- at random ---- */

struct holding {
    uint64_t bytes;
    unsigned count; /* 0: none */
    struct extent_range range[PIECES];
};

/* Whose each unit is; 0: nobody's. Returns what is wrong, or NULL. */
static const char *owner_change(uint16_t *owner, const struct holding *h, uint16_t from,
                                uint16_t to)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < h->count; i++) {
        sum += h->range[i].bytes;
        for (uint64_t at = h->range[i].offset; at < h->range[i].offset + h->range[i].bytes;
             at += 512) {
            if (owner[at / 512] != from)
                return "a unit has another owner";
            owner[at / 512] = to;
        }
    }
    return sum == (h->bytes + 511) / 512 * 512 ? NULL : "the pieces are not what was asked for";
}

static uint64_t random_size(struct prng *prng)
{
    switch (prng_below(prng, 8)) {
    case 0:
        return prng_below(prng, 9 * MIB) + 1;
    case 1:
        return prng_below(prng, 300 * KIB) + 1;
    default:
        return prng_below(prng, 16 * KIB) + 1;
    }
}

START_TEST(no_overlap_and_no_leak)
{
    enum { HOLDINGS = 6000, STEPS = 60000 };
    const uint64_t bytes = 96 * MIB + 7 * 512;
    struct holding *h = calloc(HOLDINGS, sizeof(*h));
    uint16_t *owner = calloc(bytes / 512, sizeof(*owner));
    struct prng prng = { .state = (uint64_t)_i + 1 };
    const char *wrong = NULL;
    uint64_t held = 0;
    unsigned refused = 0;

    const struct extent_range order[] = { { .offset = 40 * MIB + 512, .bytes = 26 * MIB },
                                          { .offset = 0, .bytes = 40 * MIB + 512 },
                                          { .offset = 66 * MIB + 512,
                                            .bytes = bytes - 66 * MIB - 512 } };

    make(bytes, 512);
    if (_i % 2 != 0)
        extent_map_prefer(map, order, 3);
    for (unsigned step = 0; step < STEPS && wrong == NULL; step++) {
        uint16_t who = (uint16_t)prng_below(&prng, HOLDINGS);
        struct holding *it = &h[who];
        if (it->count != 0) {
            wrong = owner_change(owner, it, (uint16_t)(who + 1), 0);
            for (unsigned i = 0; i < it->count; i++) {
                extent_map_free(map, it->range[i]);
                held -= it->range[i].bytes;
            }
            it->count = 0;
        } else {
            it->bytes = random_size(&prng);
            if (extent_map_alloc(map, it->bytes, it->range, PIECES, &it->count)) {
                wrong = owner_change(owner, it, 0, (uint16_t)(who + 1));
                held += (it->bytes + 511) / 512 * 512;
            } else {
                it->count = 0;
                refused++;
            }
        }
        if (free_bytes() != bytes - held)
            wrong = "free bytes are miscounted";
        uint64_t cut = prng_below(&prng, bytes / 512 + 1) * 512;
        if (step % 16 == 0 &&
            within(0, cut).free_bytes + within(cut, bytes - cut).free_bytes != bytes - held)
            wrong = "two halves are not the whole";
    }
    ck_assert_msg(wrong == NULL, "%s", wrong);
    ck_assert_uint_gt(refused, 0); /* it was full at times */
    for (unsigned i = 0; i < HOLDINGS; i++)
        for (unsigned piece = 0; piece < h[i].count; piece++)
            extent_map_free(map, h[i].range[piece]);
    ck_assert_uint_eq(free_bytes(), bytes);
    ck_assert_uint_eq(extent_map_usage(map).largest_free, bytes); /* all is one run again */
    free(h);
    free(owner);
}
END_TEST

/* The bound of the design: a million files of 1 to 16 KiB waste at most 12% of what they take. */
START_TEST(a_million_small_files_waste_little)
{
    enum { FILES = 1000000 };
    const uint64_t bytes = UINT64_C(9) << 30;
    struct prng prng = { .state = 3 };
    uint64_t asked = 0, highest = 0;
    unsigned pieces = 0;

    make(bytes, 512);
    for (unsigned i = 0; i < FILES; i++) {
        uint64_t size = KIB + prng_below(&prng, 15 * KIB + 1);
        struct extent_range range[4];
        unsigned count;
        if (!extent_map_alloc(map, size, range, 4, &count))
            ck_abort_msg("file %u finds no room", i);
        asked += size;
        pieces += count;
        if (range[0].offset + range[0].bytes > highest)
            highest = range[0].offset + range[0].bytes;
    }
    ck_assert_uint_eq(pieces, FILES);
    ck_assert_uint_lt(bytes - free_bytes() - asked, asked / 100 * 4); /* rounding up */
    ck_assert_uint_lt(highest - asked, asked / 100 * 4);              /* and gaps, too */
}
END_TEST

Suite *extent_map_suite(void)
{
    Suite *suite = suite_create("extent map");
    TCase *tcase = tcase_create("one by one"), *random = tcase_create("at random");

    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, all_of_a_new_map_is_free);
    tcase_add_test(tcase, the_unit_is_that_of_the_disk);
    tcase_add_test(tcase, small_things_lie_side_by_side);
    tcase_add_test(tcase, large_things_are_whole_and_at_the_other_end);
    tcase_add_test(tcase, neighbours_that_are_freed_are_one_run);
    tcase_add_test(tcase, what_is_broken_up_serves_in_pieces);
    tcase_add_test(tcase, a_run_may_begin_and_end_within_groups);
    tcase_add_test(tcase, fixed_frames_get_a_run_of_whole_groups);
    tcase_add_test(tcase, a_given_range_is_taken_if_all_of_it_is_free);
    tcase_add_test(tcase, an_empty_map_gives_nothing);
    tcase_add_test(tcase, what_is_near_is_filled_first);
    tcase_add_test(tcase, what_is_freed_near_is_found_again);
    tcase_add_test(tcase, what_no_part_holds_lies_in_both);
    tcase_add_test(tcase, usage_of_a_part_is_exact);
    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(random, NULL, teardown);
    tcase_set_timeout(random, 60);
    tcase_add_loop_test(random, no_overlap_and_no_leak, 0, 4);
    tcase_add_test(random, a_million_small_files_waste_little);
    suite_add_tcase(suite, random);
    return suite;
}
