/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/prng.h"
#include "mempool/file.h"
#include "mempool/prefix_sum.h"
#include "suites.h"

#define EXTENTS_MAX 8
#define OUT_MAX     64

/* A file in pieces, each in a heap block of its own, and the same bytes in one. */
struct fixture {
    struct file file;
    struct file_extent extents[EXTENTS_MAX];
    uint8_t *bytes;
    uint16_t *sums[EXTENTS_MAX];
    struct file_pin pin;
    struct tx_extent out[OUT_MAX];
    uint32_t count;
};

static void file_make(struct fixture *f, const uint32_t *lens, uint32_t count)
{
    struct prng prng = { .state = 5 };

    memset(f, 0, sizeof(*f));
    for (uint32_t i = 0; i < count; i++) {
        f->extents[i] =
            (struct file_extent){ .data = malloc(lens[i]), .offset = f->file.size, .len = lens[i] };
        ck_assert_ptr_nonnull(f->extents[i].data);
        f->file.size += lens[i];
    }
    f->bytes = malloc(f->file.size + 1);
    ck_assert_ptr_nonnull(f->bytes);
    for (uint64_t i = 0; i < f->file.size; i++)
        f->bytes[i] = (uint8_t)prng_next(&prng);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(f->extents[i].data, f->bytes + f->extents[i].offset, lens[i]);
        f->sums[i] = calloc(prefix_sum_entries(lens[i]), sizeof(*f->sums[i]));
        prefix_sum_extend(f->sums[i], 0, f->extents[i].data, lens[i]);
        f->extents[i].sums = f->sums[i];
    }
    f->file.extents = f->extents;
    f->file.extent_count = count;
}

static void file_free(struct fixture *f)
{
    for (uint32_t i = 0; i < f->file.extent_count; i++) {
        free(f->extents[i].data);
        free(f->sums[i]);
    }
    free(f->bytes);
}

/* What out refers to is [from, from + covered), whole and in order, and so are the sums. */
static void assert_resolved(const struct fixture *f, uint64_t from, uint32_t covered)
{
    uint64_t at = from;

    for (uint32_t i = 0; i < f->count; i++) {
        const struct tx_extent *out = &f->out[i];
        ck_assert_uint_gt(out->len, 0);
        ck_assert_uint_le(out->len, FILE_EXTENT_MAX);
        ck_assert_mem_eq(out->data, f->bytes + at, out->len);
        ck_assert_uint_eq(out->sum % 0xffff, checksum_bytes(out->data, out->len) % 0xffff);
        ck_assert_ptr_eq(out->pin, &f->pin);
        at += out->len;
    }
    ck_assert_uint_eq(at - from, covered);
}

static uint32_t resolve(struct fixture *f, uint64_t from, uint32_t len, uint32_t max)
{
    struct tx_fill fill = { .extent = f->out, .extents_max = max, .want_sums = true };
    uint32_t covered = file_resolve(&f->file, from, len, &f->pin, &fill);

    f->count = fill.extent_count;
    assert_resolved(f, from, covered);
    return covered;
}

/* Cuts at even, odd, block and non-block places. */
static const uint32_t lens[] = { 1024, 1, 255, 4096, 333, 128 };
#define LENS (sizeof(lens) / sizeof(lens[0]))

START_TEST(one_extent_is_one_reference)
{
    struct fixture f;
    const uint32_t len = 5000;

    file_make(&f, &len, 1);
    ck_assert_uint_eq(resolve(&f, 0, 5000, OUT_MAX), 5000);
    ck_assert_uint_eq(f.count, 1);
    ck_assert_ptr_eq(f.out[0].data, f.extents[0].data);
    ck_assert_uint_eq(resolve(&f, 4999, 1, OUT_MAX), 1);
    file_free(&f);
}
END_TEST

START_TEST(nothing_is_no_reference)
{
    struct fixture f;

    file_make(&f, lens, LENS);
    ck_assert_uint_eq(resolve(&f, 0, 0, OUT_MAX), 0);
    ck_assert_uint_eq(f.count, 0);
    ck_assert_uint_eq(resolve(&f, f.file.size, 0, OUT_MAX), 0);
    file_free(&f);
    file_make(&f, NULL, 0); /* an empty file */
    ck_assert_uint_eq(resolve(&f, 0, 0, OUT_MAX), 0);
    file_copy(&f.file, 0, 0, NULL);
    file_free(&f);
}
END_TEST

START_TEST(any_range_over_many_extents)
{
    struct fixture f;
    struct prng prng = { .state = 6 };
    uint8_t copy[6000];

    file_make(&f, lens, LENS);
    ck_assert_uint_le(f.file.size, sizeof(copy));
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t from = prng_below(&prng, f.file.size + 1);
        uint32_t len = (uint32_t)prng_below(&prng, f.file.size - from + 1);
        ck_assert_uint_eq(resolve(&f, from, len, OUT_MAX), len);
        file_copy(&f.file, from, len, copy);
        ck_assert_mem_eq(copy, f.bytes + from, len);
    }
    file_free(&f);
}
END_TEST

START_TEST(stops_when_out_is_full)
{
    struct fixture f;

    file_make(&f, lens, LENS);
    for (uint32_t max = 1; max < LENS; max++) {
        uint32_t covered = resolve(&f, 0, (uint32_t)f.file.size, max);
        ck_assert_uint_eq(f.count, max);
        ck_assert_uint_eq(covered, f.extents[max].offset);
    }
    ck_assert_uint_eq(resolve(&f, 10, 100, 0), 0);
    file_free(&f);
}
END_TEST

START_TEST(long_runs_are_cut_to_what_an_mbuf_can_name)
{
    struct fixture f;
    const uint32_t len = 3 * FILE_EXTENT_MAX + 17;

    file_make(&f, &len, 1);
    ck_assert_uint_eq(resolve(&f, 0, len, OUT_MAX), len);
    ck_assert_uint_eq(f.count, 4);
    ck_assert_uint_eq(resolve(&f, 17, 65535, OUT_MAX), 65535);
    ck_assert_uint_eq(f.count, 2);
    ck_assert_uint_eq(resolve(&f, 1, FILE_EXTENT_MAX, OUT_MAX), FILE_EXTENT_MAX);
    ck_assert_uint_eq(f.count, 1);
    file_free(&f);
}
END_TEST

/* The packets of fill->packet_bytes that references cover, the first after `text` bytes, have as
 * many of them as they may at the most. Returns how many the last one has. */
static uint32_t assert_packets(const struct fixture *f, const struct tx_fill *fill, uint32_t text)
{
    uint32_t used = text, extents = 0;

    for (uint32_t i = 0; i < f->count; i++) {
        if (used == fill->packet_bytes)
            used = extents = 0;
        used += f->out[i].len;
        extents++;
        ck_assert_uint_le(used, fill->extent_bytes);
        if (used > fill->packet_bytes) {
            used = (used - 1) % fill->packet_bytes + 1;
            extents = 1;
        }
        ck_assert_uint_le(extents, fill->packet_extents_max);
    }
    return extents;
}

/* No packet has more references than it may; and where each needs a sum of its own, no reference
 * reaches over a packet's end. */
START_TEST(a_run_of_packets_is_cut_at_their_ends)
{
    struct fixture f;
    struct prng prng = { .state = 7 };

    file_make(&f, lens, LENS);
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t from = prng_below(&prng, f.file.size + 1);
        uint32_t len = (uint32_t)prng_below(&prng, f.file.size - from + 1);
        struct tx_fill fill = { .extent = f.out,
                                .extents_max = OUT_MAX,
                                .want_sums = true,
                                .packet_bytes = 100 + (uint32_t)prng_below(&prng, 1400),
                                .packet_extents_max = 1 + (uint32_t)prng_below(&prng, 3) };
        fill.extent_bytes = fill.packet_bytes * (_i == 0 ? 1 : 40);
        uint32_t text = (uint32_t)prng_below(&prng, fill.packet_bytes + 1);
        tx_fill_inline(&fill, text);
        uint32_t covered = file_resolve(&f.file, from, len, &f.pin, &fill);
        f.count = fill.extent_count;
        assert_resolved(&f, from, covered);
        uint32_t extents = assert_packets(&f, &fill, text);
        if (covered < len) /* only because one of the two was full */
            ck_assert(f.count == OUT_MAX || extents == fill.packet_extents_max);
    }
    file_free(&f);
}
END_TEST

/* Runs of packets of odd and even lengths, from each place in a block on. */
START_TEST(packets_of_a_run_have_their_sums)
{
    static const uint32_t packets[] = { 1, 2, 63, 64, 65, 127, 128, 129, 536, 1447, 1448, 1460 };
    struct fixture f;

    file_make(&f, &(uint32_t){ 30011 }, 1);
    for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
        for (uint64_t from = 0; from < 2 * PREFIX_SUM_BLOCK; from++) {
            struct tx_fill fill = { .extent = f.out,
                                    .extents_max = 30,
                                    .want_sums = true,
                                    .packet_bytes = packets[i],
                                    .extent_bytes = packets[i],
                                    .packet_extents_max = 2 };
            uint32_t text = (uint32_t)from % packets[i]; /* in front, of the first one */
            uint32_t all = (uint32_t)(f.file.size - from), most = 30 * packets[i] - text;
            tx_fill_inline(&fill, text);
            uint32_t covered = file_resolve(&f.file, from, all, &f.pin, &fill);
            ck_assert_uint_eq(covered, most < all ? most : all);
            f.count = fill.extent_count;
            assert_resolved(&f, from, covered);
            assert_packets(&f, &fill, text);
        }
    file_free(&f);
}
END_TEST

START_TEST(without_a_table_sums_are_read)
{
    struct fixture f;

    file_make(&f, lens, LENS);
    for (uint32_t i = 0; i < LENS; i++)
        f.extents[i].sums = NULL;
    ck_assert_uint_eq(resolve(&f, 3, 2000, OUT_MAX), 2000);
    file_free(&f);
}
END_TEST

Suite *file_suite(void)
{
    Suite *suite = suite_create("file");
    TCase *tcase = tcase_create("resolve");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, one_extent_is_one_reference);
    tcase_add_test(tcase, nothing_is_no_reference);
    tcase_add_test(tcase, any_range_over_many_extents);
    tcase_add_test(tcase, stops_when_out_is_full);
    tcase_add_test(tcase, long_runs_are_cut_to_what_an_mbuf_can_name);
    tcase_add_loop_test(tcase, a_run_of_packets_is_cut_at_their_ends, 0, 2);
    tcase_add_test(tcase, packets_of_a_run_have_their_sums);
    tcase_add_test(tcase, without_a_table_sums_are_read);
    suite_add_tcase(suite, tcase);
    return suite;
}
