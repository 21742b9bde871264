/* SPDX-License-Identifier: BSD-3-Clause */
/* The cache's table alone, then workers, messages and cache together, at random. */
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "mempool/chunk_cache.h"
#include "mempool/leases.h"
#include "suites.h"

/* ---- the table ---- */

#define FRAMES 4

static struct chunk_cache *cache;

static void setup(void)
{
    cache = chunk_cache_create(FRAMES, 8, &memory_heap);
    ck_assert_ptr_nonnull(cache);
}

static void teardown(void)
{
    chunk_cache_destroy(cache);
}

static enum chunk_result ask(uint32_t file, uint32_t chunk, uint32_t lease, uint32_t *frame)
{
    return chunk_cache_request(cache, (struct chunk_key){ file, chunk },
                               (struct chunk_waiter){ 0, lease }, frame);
}

static unsigned answer(uint32_t frame, bool ok)
{
    struct chunk_waiter who;
    unsigned n = 0;

    chunk_cache_loaded(cache, frame, ok);
    while (chunk_cache_next_waiter(cache, frame, &who))
        n++;
    return n;
}

static uint32_t load(uint32_t file, uint32_t chunk)
{
    uint32_t frame;

    ck_assert_int_eq(ask(file, chunk, 0, &frame), CHUNK_MISS);
    ck_assert_uint_eq(answer(frame, true), 1);
    return frame;
}

START_TEST(all_waiters_share_one_read_and_are_told_in_order)
{
    uint32_t frame, again;
    struct chunk_waiter who;

    ck_assert_int_eq(ask(1, 0, 10, &frame), CHUNK_MISS);
    ck_assert_int_eq(ask(1, 0, 11, &again), CHUNK_SHARED);
    ck_assert_int_eq(ask(1, 0, 12, &again), CHUNK_SHARED);
    ck_assert_uint_eq(again, frame);
    chunk_cache_loaded(cache, frame, true);
    for (uint32_t lease = 10; lease < 13; lease++) {
        ck_assert(chunk_cache_next_waiter(cache, frame, &who));
        ck_assert_uint_eq(who.lease, lease);
    }
    ck_assert(!chunk_cache_next_waiter(cache, frame, &who));
    ck_assert_int_eq(ask(1, 0, 13, &again), CHUNK_HIT);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(chunk_cache_usage(cache).busy, 1);
        chunk_cache_release(cache, frame, 0);
    }
    ck_assert_uint_eq(chunk_cache_usage(cache).busy, 0);
}
END_TEST

START_TEST(with_all_frames_held_nothing_more_is_read)
{
    uint32_t frame, held = 0;

    for (uint32_t i = 0; i < FRAMES; i++)
        held = load(1, i);
    ck_assert_int_eq(ask(2, 0, 0, &frame), CHUNK_FULL);
    ck_assert_uint_eq(chunk_cache_usage(cache).waiters, 0);
    chunk_cache_release(cache, held, 0);
    ck_assert_int_eq(ask(2, 0, 0, &frame), CHUNK_MISS);
    ck_assert_uint_eq(frame, held);
    ck_assert_uint_eq(chunk_cache_usage(cache).evictions, 1);
}
END_TEST

START_TEST(a_read_that_fails_is_forgotten_and_may_be_tried_again)
{
    uint32_t frame;
    struct chunk_key key;

    ck_assert_int_eq(ask(1, 0, 0, &frame), CHUNK_MISS);
    ck_assert_int_eq(ask(1, 0, 1, &frame), CHUNK_SHARED);
    ck_assert_uint_eq(answer(frame, false), 2);
    ck_assert(!chunk_cache_key(cache, frame, &key));
    ck_assert_uint_eq(chunk_cache_usage(cache).used, 0);
    ck_assert_uint_eq(chunk_cache_usage(cache).busy, 0);
    load(1, 0);
}
END_TEST

START_TEST(waiters_are_bounded)
{
    uint32_t frame;

    ck_assert_int_eq(ask(1, 0, 0, &frame), CHUNK_MISS);
    for (unsigned i = 1; i < 8; i++)
        ck_assert_int_eq(ask(1, 0, i, &frame), CHUNK_SHARED);
    ck_assert_int_eq(ask(1, 0, 8, &frame), CHUNK_FULL);
    ck_assert_int_eq(ask(2, 0, 8, &frame), CHUNK_FULL);
    ck_assert_uint_eq(answer(frame, true), 8);
}
END_TEST

/* ---- a worker's leases ---- */

static struct leases *leases_make(uint32_t count)
{
    struct leases_config config = { .leases = count, .files = 10, .memory = memory_heap };
    struct leases *leases = leases_create(&config);

    ck_assert_ptr_nonnull(leases);
    return leases;
}

START_TEST(a_chunk_that_is_held_costs_no_message)
{
    struct leases *l = leases_make(2);
    struct chunk_message m;

    uint32_t lease = leases_hold(l, 1, 5);
    ck_assert_uint_eq(leases_hold(l, 1, 5), lease);
    ck_assert(leases_output(l, &m));
    ck_assert(m.kind == CHUNK_ASK && m.lease == lease && m.file == 1 && m.chunk == 5);
    ck_assert(!leases_output(l, &m));
    m = (struct chunk_message){ .kind = CHUNK_READY, .lease = lease, .frame = 3 };
    ck_assert_uint_eq(leases_input(l, &m), lease);
    ck_assert_uint_eq(leases_hold(l, 1, 5), lease);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert(!leases_output(l, &m));
        leases_drop(l, lease);
    }
    ck_assert(leases_output(l, &m));
    ck_assert(m.kind == CHUNK_RELEASE && m.frame == 3 && m.hits == 2);
    ck_assert_uint_eq(leases_usage(l).used, 0);
    leases_destroy(l);
}
END_TEST

START_TEST(packets_in_flight_keep_a_chunk)
{
    struct leases *l = leases_make(2);
    struct chunk_message m;

    uint32_t lease = leases_hold(l, 1, 5);
    leases_output(l, &m);
    m = (struct chunk_message){ .kind = CHUNK_READY, .lease = lease };
    leases_input(l, &m);
    leases_get(l, lease)->pin.in_flight = 2;
    leases_drop(l, lease);
    ck_assert(leases_ending(l) && !leases_output(l, &m));
    leases_get(l, lease)->pin.in_flight = 0;
    ck_assert(leases_output(l, &m) && m.kind == CHUNK_RELEASE);
    ck_assert(!leases_ending(l));
    leases_destroy(l);
}
END_TEST

START_TEST(what_is_given_up_before_it_was_asked_for_is_never_asked_for)
{
    struct leases *l = leases_make(1);
    struct chunk_message m;

    leases_drop(l, leases_hold(l, 1, 5));
    ck_assert(!leases_output(l, &m));
    ck_assert(leases_available(l));
    leases_destroy(l);
}
END_TEST

START_TEST(what_is_given_up_while_it_is_read_goes_back)
{
    struct leases *l = leases_make(1);
    struct chunk_message m;

    uint32_t lease = leases_hold(l, 1, 5);
    leases_output(l, &m);
    leases_drop(l, lease);
    ck_assert(!leases_available(l));
    m = (struct chunk_message){ .kind = CHUNK_READY, .lease = lease, .frame = 9 };
    ck_assert_uint_eq(leases_input(l, &m), LEASE_NONE);
    ck_assert(leases_output(l, &m) && m.kind == CHUNK_RELEASE && m.frame == 9);
    leases_destroy(l);
}
END_TEST

START_TEST(a_failed_file_is_remembered)
{
    struct leases *l = leases_make(2);
    struct chunk_message m;

    uint32_t lease = leases_hold(l, 9, 0);
    leases_output(l, &m);
    m = (struct chunk_message){ .kind = CHUNK_FAILED, .lease = lease };
    ck_assert_uint_eq(leases_input(l, &m), lease);
    ck_assert_int_eq(leases_get(l, lease)->state, LEASE_FAILED);
    ck_assert(leases_file_failed(l, 9) && !leases_file_failed(l, 8));
    leases_drop(l, lease);
    ck_assert(!leases_output(l, &m));
    ck_assert_uint_eq(leases_usage(l).used, 0);
    leases_destroy(l);
}
END_TEST

START_TEST(at_the_maximum_there_is_no_lease)
{
    struct leases *l = leases_make(2);

    uint32_t first = leases_hold(l, 1, 0);
    leases_hold(l, 1, 1);
    ck_assert_uint_eq(leases_hold(l, 1, 2), LEASE_NONE);
    ck_assert_uint_eq(leases_hold(l, 1, 0), first); /* one more user needs none */
    leases_drop(l, first);
    leases_drop(l, first);
    ck_assert_uint_ne(leases_hold(l, 1, 2), LEASE_NONE);
    leases_destroy(l);
}
END_TEST

/* ---- all together ---- */

enum { WORKERS = 3, WORLD_FRAMES = 40, LEASES = 12, USERS = 20, QUEUE = 256, STEPS = 100000 };

struct queue {
    struct chunk_message m[QUEUE];
    unsigned first, count;
};

static void queue_put(struct queue *q, const struct chunk_message *m)
{
    ck_assert_uint_lt(q->count, QUEUE);
    q->m[(q->first + q->count++) % QUEUE] = *m;
}

static struct chunk_message queue_take(struct queue *q)
{
    struct chunk_message m = q->m[q->first];

    q->first = (q->first + 1) % QUEUE;
    q->count--;
    return m;
}

struct world {
    struct prng prng;
    struct leases *leases[WORKERS];
    struct queue to_streamer[WORKERS], to_worker[WORKERS];
    struct chunk_cache *cache;
    struct chunk_key content[WORLD_FRAMES]; /* what the disk last wrote there */
    uint32_t reading[WORLD_FRAMES];
    unsigned reading_count;
    uint32_t user[WORKERS][USERS]; /* its lease, or LEASE_NONE */
    struct chunk_key wanted[WORKERS][USERS];
    uint64_t asked, answered, failed, wrong;
};

static uint64_t roll(struct world *w, uint64_t bound)
{
    return prng_below(&w->prng, bound);
}

static struct chunk_key some_chunk(struct world *w)
{
    uint64_t n = roll(w, 100); /* some are asked for more often */
    n = n * n / 100;
    return (struct chunk_key){ (uint32_t)n / 20, (uint32_t)n % 20 };
}

/* The bytes that a READY lease points at are those of its chunk, whatever else was read. */
static void user_check(struct world *w, unsigned worker, unsigned user)
{
    const struct lease *lease = leases_get(w->leases[worker], w->user[worker][user]);
    const struct chunk_key *want = &w->wanted[worker][user];

    w->wrong +=
        lease->state == LEASE_FREE || lease->file != want->file || lease->chunk != want->chunk;
    if (lease->state == LEASE_READY)
        w->wrong += w->content[lease->frame].file != want->file ||
                    w->content[lease->frame].chunk != want->chunk;
}

static void step_user(struct world *w)
{
    unsigned worker = (unsigned)roll(w, WORKERS), user = (unsigned)roll(w, USERS);
    uint32_t *lease = &w->user[worker][user];

    if (*lease == LEASE_NONE) {
        w->wanted[worker][user] = some_chunk(w);
        *lease = leases_hold(w->leases[worker], w->wanted[worker][user].file,
                             w->wanted[worker][user].chunk);
        return;
    }
    user_check(w, worker, user);
    struct lease *held = leases_get(w->leases[worker], *lease);
    if (held->state == LEASE_READY && roll(w, 4) == 0)
        held->pin.in_flight++;
    if (roll(w, 2) == 0) {
        leases_drop(w->leases[worker], *lease);
        *lease = LEASE_NONE;
    }
}

/* The port is done with some packets. */
static void step_sent(struct world *w)
{
    struct lease *lease = leases_get(w->leases[roll(w, WORKERS)], (uint32_t)roll(w, LEASES));

    if (lease->pin.in_flight != 0) {
        w->wrong += lease->state != LEASE_READY || w->content[lease->frame].file != lease->file ||
                    w->content[lease->frame].chunk != lease->chunk;
        lease->pin.in_flight /= 2;
    }
}

static void step_send(struct world *w)
{
    unsigned worker = (unsigned)roll(w, WORKERS);
    struct chunk_message m;

    if (w->to_streamer[worker].count < QUEUE && leases_output(w->leases[worker], &m)) {
        w->asked += m.kind == CHUNK_ASK;
        queue_put(&w->to_streamer[worker], &m);
    }
}

static void step_receive(struct world *w)
{
    unsigned worker = (unsigned)roll(w, WORKERS);

    if (w->to_worker[worker].count != 0) {
        struct chunk_message m = queue_take(&w->to_worker[worker]);
        w->answered++;
        leases_input(w->leases[worker], &m);
    }
}

static void reply(struct world *w, struct chunk_waiter who, uint32_t kind, uint32_t frame)
{
    struct chunk_message m = { .kind = kind, .lease = who.lease, .frame = frame };
    queue_put(&w->to_worker[who.worker], &m);
}

static void step_streamer(struct world *w)
{
    unsigned worker = (unsigned)roll(w, WORKERS);
    uint32_t frame;

    if (w->to_streamer[worker].count == 0)
        return;
    struct chunk_message m = queue_take(&w->to_streamer[worker]);
    if (m.kind == CHUNK_RELEASE) {
        chunk_cache_release(w->cache, m.frame, m.hits);
        return;
    }
    struct chunk_key key = { m.file, m.chunk };
    struct chunk_waiter who = { worker, m.lease };
    switch (chunk_cache_request(w->cache, key, who, &frame)) {
    case CHUNK_HIT:
        reply(w, who, CHUNK_READY, frame);
        break;
    case CHUNK_MISS:
        w->content[frame] = (struct chunk_key){ UINT32_MAX, 0 }; /* the disk writes */
        w->reading[w->reading_count++] = frame;
        break;
    case CHUNK_SHARED:
        break;
    case CHUNK_FULL:
        w->wrong++; /* all leases together are fewer than the frames */
        break;
    }
}

static void step_disk(struct world *w)
{
    struct chunk_waiter who;

    if (w->reading_count == 0)
        return;
    unsigned i = (unsigned)roll(w, w->reading_count);
    uint32_t frame = w->reading[i];
    w->reading[i] = w->reading[--w->reading_count];
    bool ok = roll(w, 20) != 0;
    struct chunk_key key;
    w->wrong += !chunk_cache_key(w->cache, frame, &key);
    if (ok)
        w->content[frame] = key;
    w->failed += !ok;
    chunk_cache_loaded(w->cache, frame, ok);
    while (chunk_cache_next_waiter(w->cache, frame, &who))
        reply(w, who, ok ? CHUNK_READY : CHUNK_FAILED, frame);
}

static void world_step(struct world *w)
{
    static void (*const steps[])(
        struct world *) = { step_user,    step_user,    step_sent,     step_send,     step_send,
                            step_receive, step_receive, step_streamer, step_streamer, step_disk };

    steps[roll(w, sizeof(steps) / sizeof(steps[0]))](w);
    struct chunk_cache_usage usage = chunk_cache_usage(w->cache);
    w->wrong += usage.busy > WORKERS * LEASES || usage.used > WORLD_FRAMES;
}

/* Everybody leaves, and all comes to rest. */
static void world_end(struct world *w)
{
    for (unsigned i = 0; i < WORKERS; i++)
        for (unsigned u = 0; u < USERS; u++)
            if (w->user[i][u] != LEASE_NONE)
                leases_drop(w->leases[i], w->user[i][u]);
    for (unsigned n = 0; n < 20000; n++) {
        step_sent(w);
        step_send(w);
        step_receive(w);
        step_streamer(w);
        step_disk(w);
    }
}

START_TEST(chunks_held_are_never_reused_and_every_waiter_is_told_once)
{
    struct world *w = calloc(1, sizeof(*w));

    ck_assert_ptr_nonnull(w);
    w->prng.state = (uint64_t)_i + 1;
    w->cache = chunk_cache_create(WORLD_FRAMES, WORKERS * LEASES, &memory_heap);
    for (unsigned i = 0; i < WORKERS; i++) {
        w->leases[i] = leases_make(LEASES);
        for (unsigned u = 0; u < USERS; u++)
            w->user[i][u] = LEASE_NONE;
    }
    for (unsigned step = 0; step < STEPS; step++)
        world_step(w);
    world_end(w);

    ck_assert_uint_eq(w->wrong, 0);
    ck_assert_uint_gt(w->asked, STEPS / 100);
    ck_assert_uint_gt(w->failed, 0);
    ck_assert_uint_eq(w->asked, w->answered);
    struct chunk_cache_usage usage = chunk_cache_usage(w->cache);
    ck_assert_uint_eq(usage.busy, 0);
    ck_assert_uint_eq(usage.waiters, 0);
    ck_assert_uint_gt(usage.evictions, 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        ck_assert_uint_eq(leases_usage(w->leases[i]).used, 0);
        leases_destroy(w->leases[i]);
    }
    chunk_cache_destroy(w->cache);
    free(w);
}
END_TEST

Suite *chunk_cache_suite(void)
{
    Suite *suite = suite_create("chunk cache");
    TCase *tc = tcase_create("table");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_waiters_share_one_read_and_are_told_in_order);
    tcase_add_test(tc, with_all_frames_held_nothing_more_is_read);
    tcase_add_test(tc, a_read_that_fails_is_forgotten_and_may_be_tried_again);
    tcase_add_test(tc, waiters_are_bounded);
    suite_add_tcase(suite, tc);

    tc = tcase_create("leases");
    tcase_add_test(tc, a_chunk_that_is_held_costs_no_message);
    tcase_add_test(tc, packets_in_flight_keep_a_chunk);
    tcase_add_test(tc, what_is_given_up_before_it_was_asked_for_is_never_asked_for);
    tcase_add_test(tc, what_is_given_up_while_it_is_read_goes_back);
    tcase_add_test(tc, a_failed_file_is_remembered);
    tcase_add_test(tc, at_the_maximum_there_is_no_lease);
    suite_add_tcase(suite, tc);

    tc = tcase_create("together");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, chunks_held_are_never_reused_and_every_waiter_is_told_once, 0, 4);
    suite_add_tcase(suite, tc);
    return suite;
}
