/* SPDX-License-Identifier: BSD-3-Clause */
/* ==== the hash of paths: every byte and the length count, keys differ, nothing clusters ==== */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "mempool/path_hash.h"
#include "suites.h"

#define LEN_MAX (2 * PATH_HASH_SHORT)

static struct path_hash_key drawn_key(uint64_t seed)
{
    struct prng prng = { seed };
    struct path_hash_key key;

    for (size_t i = 0; i < sizeof(key); i++)
        ((uint8_t *)&key)[i] = (uint8_t)prng_below(&prng, 256);
    return key;
}

/* Each path lies alone in a block, so that the sanitizer sees a read beyond it. */
START_TEST(every_bit_and_the_length_count)
{
    const struct path_hash_key key = drawn_key(1), other = drawn_key(2);
    uint64_t shorter = 0;

    for (size_t len = 0; len <= LEN_MAX; len++) {
        char *path = malloc(len);
        memset(path, 0, len);
        uint64_t hash = path_hash(&key, path, len);
        ck_assert(len == 0 || hash != shorter);
        ck_assert(hash != path_hash(&other, path, len));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            path[bit / 8] ^= (char)(1 << bit % 8);
            ck_assert_msg(path_hash(&key, path, len) != hash, "bit %zu of %zu bytes", bit, len);
            path[bit / 8] ^= (char)(1 << bit % 8);
        }
        shorter = hash;
        free(path);
    }
}
END_TEST

START_TEST(keys_are_drawn_at_random)
{
    struct path_hash_key one, other;
    size_t alike = 0;

    path_hash_key_draw(&one);
    path_hash_key_draw(&other);
    for (size_t i = 0; i < sizeof(one); i++)
        alike += ((uint8_t *)&one)[i] == ((uint8_t *)&other)[i];
    ck_assert_uint_lt(alike, sizeof(one) / 8); /* one of 256 is to be expected */
}
END_TEST

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

enum { PATHS = 400000, SLOTS = 1024 };

/* Names that differ little: no two have one hash, and the slots of a table fill evenly, by the low
 * bits as by the high ones (chi-square within six standard deviations). */
START_TEST(similar_names_spread)
{
    static const char *const forms[] = {
        "%u", "d/%u.html", "directory-%04u/file-%06u.html",
        "0123456789abcdef0123456789abcdef/0123456789abcdef-%08u",
        "0123456789abcdef0123456789abcdef/0123456789abcdef/0123456789abcdef/%u"
    };
    const struct path_hash_key key = drawn_key(3);
    uint64_t *hashes = malloc(PATHS * sizeof(*hashes));
    unsigned low[SLOTS] = { 0 }, high[SLOTS] = { 0 };
    double sums[2] = { 0, 0 }, expected = (double)PATHS / SLOTS;

    for (unsigned i = 0; i < PATHS; i++) {
        char path[LEN_MAX];
        int len = snprintf(path, sizeof(path), forms[_i], i, i);
        hashes[i] = path_hash(&key, path, (size_t)len);
        low[hashes[i] % SLOTS]++;
        high[hashes[i] >> 32 & (SLOTS - 1)]++;
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        sums[0] += (low[i] - expected) * (low[i] - expected) / expected;
        sums[1] += (high[i] - expected) * (high[i] - expected) / expected;
    }
    for (unsigned i = 0; i < 2; i++) /* mean SLOTS - 1, deviation 45 */
        ck_assert_msg(sums[i] > 750 && sums[i] < 1300, "chi-square %.0f", sums[i]);
    qsort(hashes, PATHS, sizeof(*hashes), compare);
    for (unsigned i = 1; i < PATHS; i++)
        ck_assert(hashes[i - 1] != hashes[i]);
    free(hashes);
}
END_TEST

Suite *path_hash_suite(void)
{
    Suite *suite = suite_create("path hash");
    TCase *tc = tcase_create("path hash");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_bit_and_the_length_count);
    tcase_add_test(tc, keys_are_drawn_at_random);
    tcase_add_loop_test(tc, similar_names_spread, 0, 5);
    suite_add_tcase(suite, tc);
    return suite;
}
