/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/checksum.h"
#include "base/counters.h"
#include "base/prng.h"
#include "base/seq.h"
#include "suites.h"

/* Sequence arithmetic, at the wrap. */

START_TEST(seq_compares_across_the_wrap)
{
    static const struct {
        uint32_t a, b;
        bool lt, leq;
    } rows[] = {
        { 0, 0, false, true },           { 0, 1, true, true },
        { 1, 0, false, false },          { 0xffffffff, 0, true, true },
        { 0, 0xffffffff, false, false }, { 0xfffffff0, 0x10, true, true },
        { 0, 0x7fffffff, true, true },   { 0x7fffffff, 0, false, false },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_msg(seq_lt(rows[i].a, rows[i].b) == rows[i].lt, "row %u", i);
        ck_assert_msg(seq_leq(rows[i].a, rows[i].b) == rows[i].leq, "row %u", i);
    }
}
END_TEST

START_TEST(seq_to_offset_is_the_inverse_near_any_offset)
{
    struct prng p = { 1 };

    for (int i = 0; i < 100000; i++) {
        uint32_t initial = (uint32_t)prng_next(&p);
        uint64_t near = prng_below(&p, UINT64_C(1) << 40) + (UINT64_C(1) << 31);
        int64_t offset = (int64_t)(near + prng_below(&p, UINT64_C(1) << 31)) - (INT64_C(1) << 30);
        uint32_t seq = offset_to_seq(initial, (uint64_t)offset);
        if (seq_to_offset(initial, near, seq) != offset)
            ck_abort_msg("offset %ld near %lu", offset, near);
    }
}
END_TEST

START_TEST(seq_before_the_stream_is_negative)
{
    ck_assert_int_eq(seq_to_offset(100, 1, 90), -10);
}
END_TEST

/* The Internet checksum. */

static uint16_t plain_sum(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint64_t)p[i] << 8 : p[i];
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

START_TEST(checksum_equals_the_plain_sum)
{
    uint8_t data[300];
    struct prng p = { 2 };

    for (int round = 0; round < 20000; round++) {
        size_t from = prng_below(&p, 32), len = prng_below(&p, sizeof(data) - 32);
        for (size_t i = 0; i < len; i++)
            data[from + i] = (uint8_t)prng_next(&p);
        if (checksum_bytes(data + from, len) != plain_sum(data + from, len))
            ck_abort_msg("%zu bytes at %zu", len, from);
    }
}
END_TEST

START_TEST(checksum_of_parts_adds_up_at_odd_positions)
{
    uint8_t data[64];
    struct prng p = { 3 };

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)prng_next(&p);
    for (size_t cut = 0; cut <= sizeof(data); cut++) {
        uint16_t second = checksum_bytes(data + cut, sizeof(data) - cut);
        uint64_t sum = checksum_bytes(data, cut);
        sum += cut % 2 != 0 ? checksum_at_odd(second) : second;
        ck_assert_uint_eq(checksum_fold(sum), checksum_bytes(data, sizeof(data)));
    }
}
END_TEST

START_TEST(checksum_of_rfc_1071_example)
{
    static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

    ck_assert_uint_eq(checksum_bytes(data, sizeof(data)), 0xddf2);
}
END_TEST

START_TEST(checksum_folds_every_carry)
{
    ck_assert_uint_eq(checksum_fold(UINT64_C(0x1ffffffff)), 1);
    ck_assert_uint_eq(checksum_fold(UINT64_C(0xffffffffffffffff)), 0xffff);
    ck_assert_uint_eq(checksum_fold(0), 0);
    ck_assert_uint_eq(checksum_fold(UINT64_C(0xffff0000ffff)), 0xffff);
    ck_assert_uint_eq(checksum_fold(UINT64_C(0xffffffff00000001)), 1);
}
END_TEST

START_TEST(checksum_folds_to_the_remainder_of_0xffff)
{
    struct prng prng = { .state = 3 };

    for (unsigned i = 0; i < 100000; i++) {
        uint64_t sum = prng_next(&prng) >> prng_below(&prng, 63);
        ck_assert_uint_eq(checksum_fold(sum) % 0xffff, sum % 0xffff);
        ck_assert(sum == 0 || checksum_fold(sum) != 0);
    }
}
END_TEST

START_TEST(checksum_of_a_usual_length_is_the_same)
{
    uint8_t data[64];
    struct prng prng = { .state = 4 };

    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)prng_next(&prng);
    for (size_t len = 0; len <= sizeof(data); len++) {
        uint64_t sum = checksum_native(data, len);
        ck_assert_uint_eq(checksum_at_odd(checksum_fold(sum)), plain_sum(data, len));
        ck_assert_uint_eq(checksum_native_usual(data, len, 20), sum);
        ck_assert_uint_eq(checksum_native_usual(data, len, 32), sum);
    }
}
END_TEST

/* Counters. */

START_TEST(counters_have_names_in_the_order_of_the_fields)
{
    struct counters a = { 0 }, sum = { 0 };

    ck_assert_uint_eq(counter_count * sizeof(uint64_t), sizeof(struct counters));
    ck_assert_str_eq(counter_infos[0].name, "rx_frames");
    ck_assert_str_eq(counter_infos[counter_count - 1].name, "loop_idle_waits");
    COUNT_N(&a, rx_frames, 3);
    COUNT(&a, loop_idle_waits);
    counters_sum(&sum, &a);
    counters_sum(&sum, &a);
    ck_assert_uint_eq(sum.rx_frames, 6);
    ck_assert_uint_eq(sum.loop_idle_waits, 2);
}
END_TEST

Suite *base_suite(void)
{
    Suite *suite = suite_create("base");
    TCase *t = tcase_create("base");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, seq_compares_across_the_wrap);
    tcase_add_test(t, seq_to_offset_is_the_inverse_near_any_offset);
    tcase_add_test(t, seq_before_the_stream_is_negative);
    tcase_add_test(t, checksum_equals_the_plain_sum);
    tcase_add_test(t, checksum_of_parts_adds_up_at_odd_positions);
    tcase_add_test(t, checksum_of_rfc_1071_example);
    tcase_add_test(t, checksum_folds_every_carry);
    tcase_add_test(t, checksum_folds_to_the_remainder_of_0xffff);
    tcase_add_test(t, checksum_of_a_usual_length_is_the_same);
    tcase_add_test(t, counters_have_names_in_the_order_of_the_fields);
    suite_add_tcase(suite, t);
    return suite;
}
