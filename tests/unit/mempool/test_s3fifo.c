/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/prng.h"
#include "mempool/s3fifo.h"
#include "suites.h"

#define FRAMES 100

static struct s3fifo *policy;
static bool busy[FRAMES];
static uint64_t held_key[FRAMES]; /* what each frame holds; 0: nothing */
static uint32_t used;

static void setup(void)
{
    policy = s3fifo_create(FRAMES, &memory_heap);
    ck_assert_ptr_nonnull(policy);
    memset(busy, 0, sizeof(busy));
    memset(held_key, 0, sizeof(held_key));
    used = 0;
}

static void teardown(void)
{
    s3fifo_destroy(policy);
}

static bool is_busy(const void *ctx, uint32_t frame)
{
    return busy[frame];
}

static uint32_t frame_of(uint64_t key)
{
    for (uint32_t i = 0; i < FRAMES; i++)
        if (held_key[i] == key)
            return i;
    return S3FIFO_NONE;
}

/* A cache that asks the policy. True: hit. */
static bool use(uint64_t n)
{
    uint64_t key = hash_mix(n + 1, 0x9e3779b97f4a7c15u);
    uint32_t frame = frame_of(key);

    if (frame != S3FIFO_NONE) {
        s3fifo_hit(policy, frame);
        return true;
    }
    frame = used < FRAMES ? used++ : s3fifo_evict(policy, is_busy, NULL);
    if (frame == S3FIFO_NONE)
        return false;
    ck_assert(!busy[frame]);
    held_key[frame] = key;
    s3fifo_insert(policy, frame, key);
    return false;
}

START_TEST(a_scan_does_not_push_out_what_is_used)
{
    unsigned hits = 0;

    for (unsigned round = 0; round < 4; round++)
        for (uint64_t n = 0; n < 50; n++)
            use(n);
    for (uint64_t n = 1000; n < 3000; n++)
        use(n);
    for (uint64_t n = 0; n < 50; n++)
        hits += use(n);
    ck_assert_uint_ge(hits, 45);
}
END_TEST

START_TEST(what_comes_back_soon_enters_the_main_queue)
{
    for (uint64_t n = 0; n < FRAMES + 20; n++)
        use(n);
    ck_assert(!use(0)); /* it had left, and is remembered */
    for (uint64_t n = 1000; n < 2000; n++)
        use(n);
    ck_assert(use(0));
}
END_TEST

START_TEST(busy_frames_are_never_evicted)
{
    for (uint64_t n = 0; n < FRAMES; n++)
        use(n);
    for (unsigned i = 0; i < FRAMES; i++)
        busy[i] = i != 42;
    uint64_t kept = held_key[41];
    for (uint64_t n = 1000; n < 1010; n++) {
        use(n);
        ck_assert_uint_eq(held_key[42], hash_mix(n + 1, 0x9e3779b97f4a7c15u));
    }
    ck_assert_uint_eq(held_key[41], kept);
    busy[42] = true;
    ck_assert_uint_eq(s3fifo_evict(policy, is_busy, NULL), S3FIFO_NONE);
    busy[7] = false;
    s3fifo_idle(policy, 7);
    ck_assert_uint_eq(s3fifo_evict(policy, is_busy, NULL), 7);
}
END_TEST

/* Random uses, with frames that become busy and idle: every frame is in the policy once. */
START_TEST(no_frame_is_lost_or_given_twice)
{
    struct prng prng = { .state = 7 };
    bool seen[FRAMES] = { false };
    unsigned wrong = 0;

    for (unsigned step = 0; step < 200000; step++) {
        uint32_t frame = (uint32_t)prng_below(&prng, FRAMES);
        if (frame < used && prng_below(&prng, 4) == 0) {
            busy[frame] = !busy[frame];
            if (!busy[frame])
                s3fifo_idle(policy, frame);
        }
        use(prng_below(&prng, 3 * FRAMES));
    }
    for (unsigned i = 0; i < FRAMES; i++) {
        if (busy[i]) {
            busy[i] = false;
            s3fifo_idle(policy, i);
        }
    }
    for (unsigned i = 0; i < FRAMES; i++) {
        uint32_t frame = s3fifo_evict(policy, is_busy, NULL);
        wrong += frame == S3FIFO_NONE || seen[frame];
        if (frame != S3FIFO_NONE)
            seen[frame] = true;
    }
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(s3fifo_evict(policy, is_busy, NULL), S3FIFO_NONE);
}
END_TEST

START_TEST(a_removed_frame_may_be_inserted_again)
{
    s3fifo_insert(policy, 3, 1);
    s3fifo_remove(policy, 3);
    s3fifo_insert(policy, 3, 2);
    busy[3] = true;
    ck_assert_uint_eq(s3fifo_evict(policy, is_busy, NULL), S3FIFO_NONE);
    s3fifo_remove(policy, 3); /* set aside */
    s3fifo_insert(policy, 3, 4);
    busy[3] = false;
    ck_assert_uint_eq(s3fifo_evict(policy, is_busy, NULL), 3);
}
END_TEST

Suite *s3fifo_suite(void)
{
    Suite *suite = suite_create("s3fifo");
    TCase *tc = tcase_create("s3fifo");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_scan_does_not_push_out_what_is_used);
    tcase_add_test(tc, what_comes_back_soon_enters_the_main_queue);
    tcase_add_test(tc, busy_frames_are_never_evicted);
    tcase_add_test(tc, no_frame_is_lost_or_given_twice);
    tcase_add_test(tc, a_removed_frame_may_be_inserted_again);
    suite_add_tcase(suite, tc);
    return suite;
}
