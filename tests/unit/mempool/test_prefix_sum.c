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

static void setup(void)
{
    struct prng prng = { .state = 1 };

    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)prng_next(&prng);
    sums[0] = 0x5555; /* nobody reads it */
    prefix_sum_extend(sums, 0, bytes, BYTES);
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
    ck_assert_mem_eq(pieced, sums, prefix_sum_entries(BYTES) * sizeof(sums[0]));
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
        assert_same_sum(prefix_sum_range(sums, bytes + from, from, len),
                        plain_sum(bytes + from, len), from, len);
    }
}
END_TEST

START_TEST(range_around_block_borders)
{
    for (uint64_t from = 3 * PREFIX_SUM_BLOCK - 3; from <= 3 * PREFIX_SUM_BLOCK + 3; from++)
        for (uint32_t len = 0; len < 3 * PREFIX_SUM_BLOCK + 3; len++)
            assert_same_sum(prefix_sum_range(sums, bytes + from, from, len),
                            plain_sum(bytes + from, len), from, len);
}
END_TEST

START_TEST(range_up_to_the_end_of_the_file)
{
    for (uint32_t len = 0; len < 1000; len++)
        assert_same_sum(prefix_sum_range(sums, bytes + BYTES - len, BYTES - len, len),
                        plain_sum(bytes + BYTES - len, len), BYTES - len, len);
}
END_TEST

START_TEST(range_reads_no_byte_outside_it)
{
    struct prng prng = { .state = 4 };

    for (unsigned i = 0; i < 2000; i++) {
        uint64_t from = prng_below(&prng, BYTES - 2000);
        uint32_t len = (uint32_t)prng_below(&prng, 2000);
        uint8_t *copy = exact_copy(bytes + from, len);
        assert_same_sum(prefix_sum_range(sums, copy, from, len), plain_sum(bytes + from, len), from,
                        len);
        free(copy);
    }
}
END_TEST

START_TEST(range_reads_no_byte_of_whole_blocks)
{
    uint64_t from = 2 * PREFIX_SUM_BLOCK + 7;
    uint32_t len = 10 * PREFIX_SUM_BLOCK;
    uint8_t *copy = exact_copy(bytes + from, len);
    size_t head = PREFIX_SUM_BLOCK - 7, tail = 7;

    memset(copy + head, 0, len - head - tail);
    assert_same_sum(prefix_sum_range(sums, copy, from, len), plain_sum(bytes + from, len), from,
                    len);
    free(copy);
}
END_TEST

START_TEST(sums_do_not_wear_out_on_all_ones)
{
    static uint8_t ones[64 * PREFIX_SUM_BLOCK];
    static uint16_t ones_sums[65];

    memset(ones, 0xff, sizeof(ones));
    prefix_sum_extend(ones_sums, 0, ones, sizeof(ones));
    for (uint64_t from = 0; from < 300; from++)
        for (uint32_t len = 0; len < 700; len += 13)
            assert_same_sum(prefix_sum_range(ones_sums, ones + from, from, len),
                            plain_sum(ones + from, len), from, len);
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
    tcase_add_test(tcase, range_reads_no_byte_outside_it);
    tcase_add_test(tcase, range_reads_no_byte_of_whole_blocks);
    tcase_add_test(tcase, sums_do_not_wear_out_on_all_ones);
    suite_add_tcase(suite, tcase);
    return suite;
}
