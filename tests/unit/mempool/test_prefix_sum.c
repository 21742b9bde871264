/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/prng.h"
#include "mempool/prefix_sum.h"
#include "suites.h"

#define BYTES 100003u

/* RFC 1071 as written: big-endian words, an odd last byte padded with zero. */
static uint16_t plain_sum(const uint8_t *data, size_t len)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += (i & 1) != 0 ? data[i] : (uint32_t)data[i] << 8;
        sum = (sum >> 16) + (sum & 0xffff);
    }
    return (uint16_t)sum;
}

/* 0 and 0xffff are one value. */
static void assert_same_sum(uint16_t a, uint16_t b, uint64_t from, uint64_t len)
{
    ck_assert_msg(a % 0xffff == b % 0xffff, "bytes [%lu, +%lu): sum %04x, should be %04x", from,
                  len, a, b);
}

/* A heap copy, so that the sanitizer sees any read outside [0, len). */
static uint8_t *exact_copy(const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, len);
    return copy;
}

static uint8_t bytes[BYTES];
static uint16_t sums[BYTES / PREFIX_SUM_BLOCK + 2];
static const struct prefix_run run = { bytes, BYTES, sums };

static uint16_t range_sum(const struct prefix_run *of, uint64_t from, uint64_t len)
{
    return checksum_fold(
        prefix_sum_between(prefix_sum_before(of, from), prefix_sum_before(of, from + len), from));
}

static void setup(void)
{
    struct prng prng = { .state = 1 };

    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)prng_next(&prng);
    sums[0] = 0x5555; /* nobody reads it */
    prefix_sum_extend(sums, 0, bytes, BYTES);
    sums[0] = 0xaaaa; /* the last entry of the run before, which went on */
}

/* ---- plain sums ---- */

START_TEST(plain_sum_of_every_short_length_and_alignment)
{
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; len < 300; len++)
            assert_same_sum(checksum_bytes(bytes + from, len), plain_sum(bytes + from, len), from,
                            len);
}
END_TEST

START_TEST(plain_sum_carries_out_of_every_word)
{
    uint8_t *ones = malloc(1 << 20);

    ck_assert_ptr_nonnull(ones);
    memset(ones, 0xff, 1 << 20);
    ck_assert_uint_eq(checksum_bytes(ones, 1 << 20) % 0xffff, 0);
    ones[0] = 0xfe;
    ck_assert_uint_eq(checksum_bytes(ones, 1 << 20), 0xfeff);
    free(ones);
}
END_TEST

START_TEST(plain_sum_reads_only_its_bytes)
{
    for (size_t len = 0; len < 40; len++) {
        uint8_t *copy = exact_copy(bytes, len);
        assert_same_sum(checksum_bytes(copy, len), plain_sum(bytes, len), 0, len);
        free(copy);
    }
}
END_TEST

/* ---- prefix sums ---- */

START_TEST(entries_are_one_per_started_block_and_one_for_the_end)
{
    ck_assert_uint_eq(prefix_sum_entries(0), 1);
    ck_assert_uint_eq(prefix_sum_entries(1), 2);
    ck_assert_uint_eq(prefix_sum_entries(PREFIX_SUM_BLOCK), 2);
    ck_assert_uint_eq(prefix_sum_entries(PREFIX_SUM_BLOCK + 1), 3);
}
END_TEST

START_TEST(sums_built_piece_by_piece_are_the_same)
{
    static uint16_t pieced[sizeof(sums) / sizeof(sums[0])] = { 0x5555 };
    struct prng prng = { .state = 2 };
    uint64_t at = 0;

    while (at < BYTES) {
        uint64_t len = (1 + prng_below(&prng, 50)) * PREFIX_SUM_BLOCK;
        if (len > BYTES - at)
            len = BYTES - at;
        prefix_sum_extend(pieced, at / PREFIX_SUM_BLOCK, bytes + at, len);
        at += len;
    }
    ck_assert_mem_eq(pieced + 1, sums + 1, (prefix_sum_entries(BYTES) - 1) * sizeof(sums[0]));
}
END_TEST

START_TEST(range_of_any_start_and_length)
{
    struct prng prng = { .state = 3 };

    for (unsigned i = 0; i < 300000; i++) {
        uint64_t from = prng_below(&prng, BYTES + 1);
        uint64_t most = i % 2 == 0 ? 400 : 9000;
        uint32_t len = (uint32_t)prng_below(&prng, most + 1);
        if (len > BYTES - from)
            len = (uint32_t)(BYTES - from);
        assert_same_sum(range_sum(&run, from, len), plain_sum(bytes + from, len), from, len);
    }
}
END_TEST

START_TEST(range_around_block_borders)
{
    for (uint64_t from = 3 * PREFIX_SUM_BLOCK - 3; from <= 3 * PREFIX_SUM_BLOCK + 3; from++)
        for (uint32_t len = 0; len < 3 * PREFIX_SUM_BLOCK + 3; len++)
            assert_same_sum(range_sum(&run, from, len), plain_sum(bytes + from, len), from, len);
}
END_TEST

START_TEST(range_up_to_the_end_of_the_file)
{
    for (uint32_t len = 0; len < 1000; len++)
        assert_same_sum(range_sum(&run, BYTES - len, len), plain_sum(bytes + BYTES - len, len),
                        BYTES - len, len);
}
END_TEST

/* Each packet's end, taken once, is the next one's start. */
START_TEST(ends_of_packets_are_starts_of_the_next)
{
    struct prng prng = { .state = 4 };

    for (unsigned i = 0; i < 300; i++) {
        uint64_t from = prng_below(&prng, BYTES), end;
        uint64_t packet = 1 + prng_below(&prng, 3000);
        int32_t before = prefix_sum_before(&run, from);
        for (; from < BYTES; from = end) {
            end = from + packet < BYTES ? from + packet : BYTES;
            int32_t before_end = prefix_sum_before(&run, end);
            assert_same_sum(checksum_fold(prefix_sum_between(before, before_end, from)),
                            plain_sum(bytes + from, end - from), from, end - from);
            before = before_end;
        }
    }
}
END_TEST

/* Runs of every short length, so that the sanitizer sees any read outside them. */
START_TEST(no_byte_outside_the_run_is_read)
{
    for (uint64_t len = 0; len < 3 * PREFIX_SUM_BLOCK; len++) {
        uint16_t table[5];
        uint8_t *copy = exact_copy(bytes, len);
        const struct prefix_run exact = { copy, len, table };
        prefix_sum_extend(table, 0, copy, len);
        for (uint64_t at = 0; at <= len; at++) {
            assert_same_sum(range_sum(&exact, 0, at), plain_sum(bytes, at), 0, at);
            assert_same_sum(range_sum(&exact, at, len - at), plain_sum(bytes + at, len - at), at,
                            len - at);
        }
        free(copy);
    }
}
END_TEST

/* Nothing but what lies between each end and the border of blocks that is nearest to it. */
START_TEST(half_a_block_at_each_end_is_all_that_is_read)
{
    const uint64_t half = PREFIX_SUM_BLOCK / 2;
    uint8_t copy[24 * PREFIX_SUM_BLOCK / 2];
    const struct prefix_run changed = { copy, sizeof(copy), sums };

    for (uint64_t from = 4 * half; from < 6 * half; from++)
        for (uint64_t to = 20 * half; to < 22 * half; to++) {
            const uint64_t ends[] = { from, to };
            memset(copy, 0, sizeof(copy));
            for (unsigned i = 0; i < 2; i++) {
                uint64_t end = ends[i];
                uint64_t border = (end + half) / PREFIX_SUM_BLOCK * PREFIX_SUM_BLOCK;
                uint64_t first = end < border ? end : border, last = end + border - first;
                memcpy(copy + first, bytes + first, last - first);
            }
            assert_same_sum(range_sum(&changed, from, to - from),
                            plain_sum(bytes + from, to - from), from, to - from);
        }
}
END_TEST

START_TEST(sums_do_not_wear_out_on_all_ones)
{
    static uint8_t ones[64 * PREFIX_SUM_BLOCK];
    static uint16_t ones_sums[65];
    const struct prefix_run all = { ones, sizeof(ones), ones_sums };

    memset(ones, 0xff, sizeof(ones));
    prefix_sum_extend(ones_sums, 0, ones, sizeof(ones));
    for (uint64_t from = 0; from < 300; from++)
        for (uint32_t len = 0; len < 700; len += 13)
            assert_same_sum(range_sum(&all, from, len), plain_sum(ones + from, len), from, len);
}
END_TEST

Suite *prefix_sum_suite(void)
{
    Suite *suite = suite_create("prefix sums");
    TCase *tcase = tcase_create("sums");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, plain_sum_of_every_short_length_and_alignment);
    tcase_add_test(tcase, plain_sum_carries_out_of_every_word);
    tcase_add_test(tcase, plain_sum_reads_only_its_bytes);
    tcase_add_test(tcase, entries_are_one_per_started_block_and_one_for_the_end);
    tcase_add_test(tcase, sums_built_piece_by_piece_are_the_same);
    tcase_add_test(tcase, range_of_any_start_and_length);
    tcase_add_test(tcase, range_around_block_borders);
    tcase_add_test(tcase, range_up_to_the_end_of_the_file);
    tcase_add_test(tcase, ends_of_packets_are_starts_of_the_next);
    tcase_add_test(tcase, no_byte_outside_the_run_is_read);
    tcase_add_test(tcase, half_a_block_at_each_end_is_all_that_is_read);
    tcase_add_test(tcase, sums_do_not_wear_out_on_all_ones);
    suite_add_tcase(suite, tcase);
    return suite;
}
