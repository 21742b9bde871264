/* SPDX-License-Identifier: BSD-3-Clause */
/* The bounded tables, each against a model that is too simple to be wrong. */
#include <stdlib.h>
#include <string.h>

#include "stack/flow_table.h"
#include "stack/neighbour.h"
#include "stack/wheel.h"
#include "suites.h"

#define CONNS 500

static struct tcp_ctx ctx;

static void conns_make(void)
{
    memset(&ctx, 0, sizeof(ctx));
    ctx.conn = calloc(CONNS, sizeof(*ctx.conn));
    ctx.ready_head = ctx.ready_tail = CONN_NONE;
    for (uint32_t i = 0; i < CONNS; i++)
        ctx.conn[i] = (struct tcp_conn){ .ctx = &ctx, .index = i };
}

static void conns_free(void)
{
    free(ctx.conn);
}

/* Flow table. */

START_TEST(flow_table_agrees_with_a_model)
{
    struct flow_table table;
    uint64_t seed[2] = { 11, 22 };
    bool present[CONNS] = { false };
    struct prng p = { 5 };

    conns_make();
    ck_assert(flow_table_init(&table, CONNS, seed, ctx.conn, NULL, &memory_heap));
    for (uint32_t i = 0; i < CONNS; i++) {
        struct tcp_conn *c = &ctx.conn[i];
        c->key.remote = ip_addr_from_v4((uint32_t)prng_below(&p, 8));
        c->key.local = ip_addr_from_v4(9);
        c->key.remote_port = (uint16_t)i; /* distinct keys, whatever the addresses */
        c->flow_hash = flow_hash(&table, &c->key);
        if (i % 3 == 0)
            c->flow_hash &= 7; /* long probe sequences, across the table's end too */
        else if (i % 3 == 1)
            c->flow_hash |= table.mask & ~3u;
    }
    for (int round = 0; round < 200000; round++) {
        uint32_t i = (uint32_t)prng_below(&p, CONNS);
        struct tcp_conn *c = &ctx.conn[i];
        if (present[i])
            flow_table_remove(&table, i, c->flow_hash);
        else
            flow_table_insert(&table, i, c->flow_hash);
        present[i] = !present[i];
        uint32_t j = (uint32_t)prng_below(&p, CONNS);
        uint32_t found = flow_table_find(&table, &ctx.conn[j].key, ctx.conn[j].flow_hash);
        if (found != (present[j] ? j : FLOW_NONE))
            ck_abort_msg("key %u: found %u", j, found);
    }
    flow_table_release(&table, &memory_heap);
    conns_free();
}
END_TEST

START_TEST(flow_hash_depends_on_every_part_and_on_the_seed)
{
    struct flow_table a = { .seed = { 1, 3 } }, b = { .seed = { 2, 3 } };
    struct tcp_key key = {
        .remote = ip_addr_from_v4(1), .local = ip_addr_from_v4(2), .remote_port = 3, .local_port = 4
    };
    uint32_t h = flow_hash(&a, &key);
    struct tcp_key k = key;

    ck_assert_uint_ne(h, flow_hash(&b, &key));
    k.remote = ip_addr_from_v4(0x01000001);
    ck_assert_uint_ne(h, flow_hash(&a, &k));
    k = key;
    k.remote_port++;
    ck_assert_uint_ne(h, flow_hash(&a, &k));
    k = key;
    k.local_port++;
    ck_assert_uint_ne(h, flow_hash(&a, &k));
}
END_TEST

/* Timing wheel. */

static void drain_ready(uint64_t *deadline, uint64_t now)
{
    struct tcp_conn *c;

    while ((c = conn_next_ready(&ctx)) != NULL) {
        uint32_t i = conn_index(c);
        if (deadline[i] > now)
            ck_abort_msg("fired early");
        deadline[i] = TIME_NEVER;
    }
}

/* The second time across 2^32 ticks. */
START_TEST(wheel_fires_each_deadline_once_and_in_time)
{
    const uint64_t tick = UINT64_C(1) << WHEEL_TICK_SHIFT;
    struct wheel wheel;
    uint64_t deadline[CONNS],
        now = _i == 0 ? UINT64_C(123456789012) : (tick << 32) - 3600 * NS_PER_S;
    struct prng p = { 6 };

    conns_make();
    wheel_init(&wheel, ctx.conn, now);
    for (int i = 0; i < CONNS; i++)
        deadline[i] = TIME_NEVER;
    for (int round = 0; round < 20000; round++) {
        uint32_t i = (uint32_t)prng_below(&p, CONNS);
        unsigned magnitude = (unsigned)prng_below(&p, 42);
        uint64_t when = now + prng_below(&p, UINT64_C(1) << magnitude);
        if (prng_below(&p, 10) == 0)
            when = TIME_NEVER;
        /* The wheel keeps an earlier entry; the connection would look and set it again. */
        if (when == TIME_NEVER || when < deadline[i]) {
            wheel_set(&wheel, &ctx.conn[i], when);
            deadline[i] = when;
        }
        uint64_t step = prng_below(&p, UINT64_C(1) << prng_below(&p, 34));
        if (prng_below(&p, 3) == 0) { /* sleep exactly until the wheel asks */
            uint64_t next = wheel_next(&wheel);
            step = next != TIME_NEVER && next > now ? next - now : 0;
        }
        now += step;
        wheel_advance(&wheel, now);
        drain_ready(deadline, now);
        uint64_t next = wheel_next(&wheel), first = TIME_NEVER;
        for (int k = 0; k < CONNS; k++)
            first = time_min(first, deadline[k]);
        /* Check's assertions cost much: only what fails reaches one. */
        if (first != TIME_NEVER && first + 2 * tick <= now)
            ck_abort_msg("deadline missed by %lu ns", now - first);
        if (next == TIME_NEVER ? first != TIME_NEVER : next > first + 2 * tick)
            ck_abort_msg("wheel_next is after a deadline");
    }
    conns_free();
}
END_TEST

/* So far ahead that the low bits of a tick would not tell: the connection has its turn earlier. */
START_TEST(wheel_brings_a_far_deadline_back_before_it_is_due)
{
    const uint64_t day = 24 * 3600 * NS_PER_S;
    struct wheel wheel;
    uint64_t now = UINT64_C(123456789012), when = now + 10 * day;
    unsigned turns = 0;

    conns_make();
    wheel_init(&wheel, ctx.conn, now);
    for (wheel_set(&wheel, &ctx.conn[3], when); now < when; turns++) {
        wheel_set(&wheel, &ctx.conn[3], when + day); /* later: the entry stays */
        uint64_t next = wheel_next(&wheel);
        ck_assert_uint_lt(next, now + day / 24); /* it is looked at every 18 minutes */
        now = next;
        wheel_advance(&wheel, now);
        if (conn_next_ready(&ctx) == NULL || now >= when)
            continue;
        wheel_set(&wheel, &ctx.conn[3], when);
        wheel_set(&wheel, &ctx.conn[4], now + NS_PER_S); /* an earlier one is not held up */
        wheel_advance(&wheel, now + 2 * NS_PER_S);
        ck_assert_ptr_eq(conn_next_ready(&ctx), &ctx.conn[4]);
    }
    ck_assert_uint_lt(now - when, day / 24);
    ck_assert(!ctx.conn[3].in_wheel);
    ck_assert_uint_gt(turns, 24 * 10);
    conns_free();
}
END_TEST

/* Transmit ranges, against one byte of state per offset. */

enum { STREAM = 4000 };

static void ranges_check(const struct range_list *list, const struct range_pool *pool,
                         const uint8_t *model, uint64_t una, uint64_t nxt)
{
    uint64_t at = una;
    uint32_t lost = 0, sacked = 0, count = 0, in_flight = 0;
    bool hinted = false;

    RANGE_FOREACH (i, list, pool) {
        const struct tcp_range *r = &pool->range[i];
        ck_assert_uint_eq(r->start, at);
        ck_assert_uint_gt(r->len, 0);
        for (uint32_t k = 0; k < r->len; k++)
            if (model[at + k] != (r->flags & (RANGE_LOST | RANGE_SACKED)))
                ck_abort_msg("offset %lu has flags %u", at + k, r->flags);
        hinted = hinted || i == list->lost_hint;
        ck_assert(hinted || (r->flags & RANGE_LOST) == 0);
        in_flight += (r->flags & (RANGE_LOST | RANGE_SACKED)) == 0;
        lost += (r->flags & RANGE_LOST) != 0 ? r->len : 0;
        sacked += (r->flags & RANGE_SACKED) != 0 ? r->len : 0;
        at += r->len;
        count++;
        if (r->next == RANGE_NONE)
            ck_assert_uint_eq(list->tail, i);
    }
    ck_assert_uint_eq(at, nxt);
    ck_assert_uint_eq(list->lost_bytes, lost);
    ck_assert_uint_eq(list->sacked_bytes, sacked);
    ck_assert_uint_eq(count + pool->free_count, pool->count);
    ck_assert(list->sack_hint == RANGE_NONE ||
              (pool->range[list->sack_hint].flags & RANGE_SACKED) != 0);

    uint32_t older = RANGE_TIME_END;
    for (uint32_t i = list->oldest; i != RANGE_TIME_END; i = pool->range[i].newer) {
        ck_assert_uint_eq(pool->range[i].flags & (RANGE_LOST | RANGE_SACKED), 0);
        ck_assert_uint_eq(pool->range[i].older, older);
        ck_assert(older == RANGE_TIME_END || pool->range[older].sent_ns <= pool->range[i].sent_ns);
        older = i;
        in_flight--;
    }
    ck_assert_uint_eq(in_flight, 0);
    ck_assert_uint_eq(list->newest, older);
}

static void range_step(struct range_list *list, struct range_pool *pool, uint8_t *model,
                       struct prng *p, uint64_t now)
{
    uint32_t prev = RANGE_NONE, i = list->head;

    for (uint64_t skip = prng_below(p, 6); skip > 0 && pool->range[i].next != RANGE_NONE; skip--) {
        prev = i;
        i = pool->range[i].next;
    }
    if (pool->range[i].len > 1 && (pool->range[i].flags & RANGE_SACKED) == 0)
        range_list_split(list, pool, i,
                         pool->range[i].start + 1 + prng_below(p, pool->range[i].len - 1));
    struct tcp_range *r = &pool->range[i];
    uint8_t *bytes = model + r->start;
    uint32_t len = (uint32_t)prng_below(p, r->len) + 1;
    switch (prng_below(p, 8)) {
    case 0:
    case 1:
    case 2:
        if ((r->flags & RANGE_SACKED) == 0 && range_list_can_sack(pool, prev, i, len)) {
            uint64_t sent_ns = r->sent_ns;
            unsigned again = r->flags & RANGE_RETRANSMITTED;
            memset(bytes, RANGE_SACKED, len);
            i = range_list_sack(list, pool, prev, i, len);
            ck_assert_uint_ge(pool->range[i].sent_ns, sent_ns);
            ck_assert_uint_eq(pool->range[i].flags & again, again);
            uint32_t next = pool->range[i].next;
            ck_assert(next == RANGE_NONE || (pool->range[next].flags & RANGE_SACKED) == 0);
        }
        break;
    case 3:
        if ((r->flags & RANGE_SACKED) == 0)
            memset(bytes, RANGE_LOST, r->len);
        range_list_mark_lost(list, pool, i);
        break;
    case 4:
        if ((r->flags & RANGE_LOST) != 0) {
            range_list_mark_resent(list, pool, i, now);
            memset(bytes, 0, r->len);
        }
        break;
    case 5:
        if (list->lost_bytes != 0) {
            i = range_list_first_lost(list, pool);
            RANGE_FOREACH (k, list, pool)
                ck_assert(k == i || pool->range[k].start > pool->range[i].start ||
                          (pool->range[k].flags & RANGE_LOST) == 0);
        }
        break;
    default:
        break;
    }
}

/* What concerns all of a list. */
static void range_clear_step(struct range_list *list, struct range_pool *pool, uint8_t *model,
                             struct prng *p)
{
    uint32_t cleared = prng_below(p, 2) != 0 ? RANGE_LOST : RANGE_SACKED;

    if (prng_below(p, 50) != 0)
        return;
    if (cleared == RANGE_LOST)
        range_list_clear_lost(list, pool);
    else
        range_list_clear_sacked(list, pool);
    for (uint32_t i = 0; i < STREAM; i++)
        if (model[i] == cleared)
            model[i] = 0;
}

START_TEST(ranges_agree_with_a_model)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct range_pool pool;
        struct range_list list;
        struct prng p = { seed };
        uint8_t model[STREAM] = { 0 };
        uint64_t una = 0, nxt = 0, now = 1;

        /* Enough for all, or too few. */
        ck_assert(range_pool_init(&pool, seed % 2 == 0 ? 64 : 8, false, &memory_heap));
        range_list_init(&list);
        while (nxt + 40 < STREAM) {
            now += prng_below(&p, 2);
            if (una == nxt || prng_below(&p, 3) == 0) {
                uint32_t len = 1 + (uint32_t)prng_below(&p, 39);
                uint64_t tail_start = list.tail != RANGE_NONE ? pool.range[list.tail].start : nxt;
                if (!range_list_append(&list, &pool, nxt, len, now)) {
                    memset(model + tail_start, 0, (size_t)(nxt - tail_start));
                    /* Whose time is that of the new bytes alone. */
                    ck_assert_uint_eq(pool.range[list.tail].flags, RANGE_RETRANSMITTED);
                    ck_assert_uint_eq(pool.range[list.tail].sent_ns, now);
                }
                nxt += len;
            } else if (prng_below(&p, 4) == 0) {
                una += 1 + prng_below(&p, nxt - una);
                while (list.head != RANGE_NONE && pool.range[list.head].start < una)
                    range_list_pop(&list, &pool, una);
            } else {
                range_step(&list, &pool, model, &p, now);
                range_clear_step(&list, &pool, model, &p);
            }
            ranges_check(&list, &pool, model, una, nxt);
        }
        range_list_clear(&list, &pool);
        ck_assert_uint_eq(pool.free_count, pool.count);
        range_pool_release(&pool, &memory_heap);
    }
}
END_TEST

START_TEST(ranges_sent_at_one_instant_are_one)
{
    struct range_pool pool;
    struct range_list list;

    ck_assert(range_pool_init(&pool, 4, false, &memory_heap));
    range_list_init(&list);
    ck_assert(range_list_append(&list, &pool, 0, 10, 5));
    ck_assert(range_list_append(&list, &pool, 10, 10, 5));
    ck_assert(range_list_append(&list, &pool, 20, 10, 6));
    ck_assert_uint_eq(pool.free_count, 2);
    ck_assert_uint_eq(pool.range[list.head].len, 20);
    range_list_clear(&list, &pool);
    range_pool_release(&pool, &memory_heap);
}
END_TEST

/* Reassembly. */

START_TEST(reassembly_gives_back_what_was_stored)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct rx_pool pool;
        struct prng p = { seed };
        static uint8_t stream[3 * RX_BUFFER_BYTES];
        uint64_t taken = 0;

        for (size_t i = 0; i < sizeof(stream); i++)
            stream[i] = (uint8_t)(i * 7 + i / 251);
        ck_assert(rx_pool_init(&pool, 1, &memory_heap));
        struct rx_buffer *rx = rx_buffer_take(&pool);
        ck_assert_ptr_nonnull(rx);
        ck_assert_ptr_null(rx_buffer_take(&pool));
        while (taken + RX_BUFFER_BYTES < sizeof(stream)) {
            uint64_t from = taken + prng_below(&p, 4000);
            uint32_t len = 1 + (uint32_t)prng_below(&p, 3000);
            rx_buffer_store(rx, from, stream + from, len);
            uint64_t end = rx_buffer_contiguous(rx, taken);
            ck_assert_uint_ge(end, taken);
            while (taken < end) {
                uint32_t piece;
                const uint8_t *data = rx_buffer_peek(rx, taken, end, &piece);
                ck_assert_uint_gt(piece, 0);
                ck_assert_mem_eq(data, stream + taken, piece);
                taken += piece;
            }
            rx_buffer_discard(rx, taken);
            for (uint32_t i = 0; i < rx->interval_count; i++) {
                ck_assert_uint_lt(rx->interval[i].start, rx->interval[i].end);
                if (i != 0)
                    ck_assert_uint_lt(rx->interval[i - 1].end, rx->interval[i].start);
            }
        }
        rx_buffer_give(&pool, rx);
        ck_assert_uint_eq(pool.free_count, 1);
        rx_pool_release(&pool, &memory_heap);
    }
}
END_TEST

START_TEST(reassembly_refuses_too_many_holes)
{
    struct rx_pool pool;
    uint8_t byte = 1;

    ck_assert(rx_pool_init(&pool, 1, &memory_heap));
    struct rx_buffer *rx = rx_buffer_take(&pool);
    for (uint64_t i = 0; i < RX_INTERVALS_MAX; i++)
        ck_assert(rx_buffer_store(rx, 2 * i + 1, &byte, 1));
    ck_assert(!rx_buffer_store(rx, 100, &byte, 1));
    ck_assert(rx_buffer_store(rx, 2, &byte, 1)); /* closes a hole: always possible */
    ck_assert_uint_eq(rx->interval_count, RX_INTERVALS_MAX - 1);
    rx_pool_release(&pool, &memory_heap);
}
END_TEST

START_TEST(reassembly_takes_what_comes_first_at_the_cost_of_the_last)
{
    struct rx_pool pool;
    uint8_t byte = 1;

    ck_assert(rx_pool_init(&pool, 1, &memory_heap));
    struct rx_buffer *rx = rx_buffer_take(&pool);
    for (uint64_t i = 1; i <= RX_INTERVALS_MAX; i++)
        ck_assert(rx_buffer_store(rx, 10 * i, &byte, 1));
    ck_assert(rx_buffer_store(rx, 0, &byte, 1));
    ck_assert_uint_eq(rx->interval_count, RX_INTERVALS_MAX);
    ck_assert_uint_eq(rx_buffer_contiguous(rx, 0), 1);
    ck_assert_uint_eq(rx->interval[RX_INTERVALS_MAX - 1].start, 10 * (RX_INTERVALS_MAX - 1));
    rx_pool_release(&pool, &memory_heap);
}
END_TEST

/* Neighbours. */

static const uint64_t SEED[2] = { 1, 2 };

START_TEST(neighbours_are_asked_three_times_then_given_up)
{
    struct neighbours table;
    struct counters counters = { 0 };
    struct ip_addr ip = ip_addr_from_v4(0x0a470005);
    uint64_t now = NS_PER_S;

    ck_assert(neighbours_init(&table, 4, SEED, &counters, &memory_heap));
    uint32_t i = neighbours_resolve(&table, &ip, now);
    ck_assert_uint_eq(table.entry[i].state, NEIGHBOUR_INCOMPLETE);
    for (int asked = 1; asked <= 3; asked++) {
        ck_assert(table.entry[i].request_due);
        table.entry[i].request_due = false;
        ck_assert(!neighbours_timers(&table, now + NS_PER_S / 2));
        ck_assert(!table.entry[i].request_due);
        now = table.next_retry_ns;
        ck_assert(neighbours_timers(&table, now) == (asked == 3));
    }
    ck_assert_uint_eq(neighbours_find(&table, &ip), NEIGHBOUR_NONE);
    ck_assert_uint_eq(table.next_retry_ns, TIME_NEVER);
    neighbours_release(&table, &memory_heap);
}
END_TEST

START_TEST(neighbours_age_and_are_confirmed)
{
    struct neighbours table;
    struct counters counters = { 0 };
    struct ip_addr ip = ip_addr_from_v4(0x0a470005);
    struct mac_addr a = { { 2, 0, 0, 0, 0, 1 } }, b = { { 2, 0, 0, 0, 0, 2 } };
    uint64_t now = NS_PER_S;

    ck_assert(neighbours_init(&table, 4, SEED, &counters, &memory_heap));
    ck_assert(neighbours_learn(&table, &ip, &a, now));
    ck_assert(!neighbours_learn(&table, &ip, &a, now));
    uint32_t i = neighbours_find(&table, &ip);
    neighbours_refresh(&table, i, 0, now + 59 * NS_PER_S);
    ck_assert_uint_eq(table.entry[i].state, NEIGHBOUR_REACHABLE);
    neighbours_refresh(&table, i, now + 9 * NS_PER_S, now + 65 * NS_PER_S); /* heard since */
    ck_assert_uint_eq(table.entry[i].state, NEIGHBOUR_REACHABLE);
    neighbours_refresh(&table, i, now + 9 * NS_PER_S, now + 69 * NS_PER_S);
    ck_assert_uint_eq(table.entry[i].state, NEIGHBOUR_PROBE);
    ck_assert(neighbour_usable(&table.entry[i]));
    ck_assert(neighbours_learn(&table, &ip, &b, now + 70 * NS_PER_S));
    ck_assert(mac_addr_equal(&table.entry[i].mac, &b));
    ck_assert_uint_eq(table.entry[i].state, NEIGHBOUR_REACHABLE);
    neighbours_release(&table, &memory_heap);
}
END_TEST

START_TEST(neighbours_forget_the_oldest_when_full)
{
    struct neighbours table;
    struct counters counters = { 0 };
    struct mac_addr mac = { { 2, 0, 0, 0, 0, 1 } };

    ck_assert(neighbours_init(&table, 4, SEED, &counters, &memory_heap));
    for (uint32_t i = 0; i < 5; i++) {
        struct ip_addr ip = ip_addr_from_v4(i + 1);
        neighbours_learn(&table, &ip, &mac, i);
    }
    struct ip_addr first = ip_addr_from_v4(1), second = ip_addr_from_v4(2);
    ck_assert_uint_eq(neighbours_find(&table, &first), NEIGHBOUR_NONE);
    ck_assert_uint_ne(neighbours_find(&table, &second), NEIGHBOUR_NONE);
    ck_assert_uint_eq(counters.neighbour_evicted, 1);
    neighbours_release(&table, &memory_heap);
}
END_TEST

Suite *tables_suite(void)
{
    Suite *suite = suite_create("tables");
    TCase *t = tcase_create("tables");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, flow_table_agrees_with_a_model);
    tcase_add_test(t, flow_hash_depends_on_every_part_and_on_the_seed);
    tcase_add_loop_test(t, wheel_fires_each_deadline_once_and_in_time, 0, 2);
    tcase_add_test(t, wheel_brings_a_far_deadline_back_before_it_is_due);
    tcase_add_test(t, ranges_agree_with_a_model);
    tcase_add_test(t, ranges_sent_at_one_instant_are_one);
    tcase_add_test(t, reassembly_gives_back_what_was_stored);
    tcase_add_test(t, reassembly_refuses_too_many_holes);
    tcase_add_test(t, reassembly_takes_what_comes_first_at_the_cost_of_the_last);
    tcase_add_test(t, neighbours_are_asked_three_times_then_given_up);
    tcase_add_test(t, neighbours_age_and_are_confirmed);
    tcase_add_test(t, neighbours_forget_the_oldest_when_full);
    suite_add_tcase(suite, t);
    return suite;
}
