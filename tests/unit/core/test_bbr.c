/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BBR by itself: a connection over a modelled path, one bottleneck with a queue that never
 * overflows. Segments leave at the pacing rate as far as cwnd allows; each is acknowledged by
 * itself.
 */
#include <string.h>

#include "suites.h"
#include "tcp/conn.h"

#define MSS     1000u
#define FLIGHTS 16384

static struct tcp_ctx ctx;
static struct tcp_conn conn;
static struct bbr bbr;
static struct counters counters;

static struct path {
    uint64_t bytes_per_s, rtt_ns;
    uint64_t busy_ns; /* the bottleneck's */
    uint64_t send_ns; /* pacing allows the next segment then */
    uint64_t ack_ns[FLIGHTS];
    uint32_t first, count;
    uint64_t data; /* bytes that the application still has */
} path;

static struct bbr *start(uint64_t bytes_per_s, uint64_t rtt_ms)
{
    range_pool_release(&ctx.ranges, &memory_heap);
    memset(&ctx, 0, sizeof(ctx));
    memset(&conn, 0, sizeof(conn));
    path = (struct path){ .bytes_per_s = bytes_per_s,
                          .rtt_ns = rtt_ms * NS_PER_MS,
                          .data = UINT64_MAX };
    ctx.now = NS_PER_S;
    ctx.conn = &conn;
    ctx.bbr = &bbr;
    ctx.counters = &counters;
    ctx.limits.cc = &cc_bbr;
    ctx.limits.initial_window = 10;
    ck_assert(range_pool_init(&ctx.ranges, FLIGHTS, true, &memory_heap));
    conn.ctx = &ctx;
    conn.mss = MSS;
    conn.sack_ok = true;
    conn.cwnd = 10 * MSS;
    conn.ssthresh = UINT32_MAX;
    conn.snd_una = conn.snd_nxt = 1;
    range_list_init(&conn.ranges);
    rtt_sample(&conn.rtt, path.rtt_ns);
    cc_start(&conn);
    return &bbr;
}

static void send_segment(void)
{
    bool idle = conn.snd_una == conn.snd_nxt;

    range_list_append(&conn.ranges, &ctx.ranges, conn.snd_nxt, MSS, ctx.now);
    rate_sent(&conn, conn.ranges.tail, idle);
    conn.snd_nxt += MSS;
    path.data -= MSS;
    if (path.busy_ns < ctx.now)
        path.busy_ns = ctx.now;
    path.busy_ns += MSS * NS_PER_S / path.bytes_per_s;
    path.ack_ns[(path.first + path.count++) % FLIGHTS] = path.busy_ns + path.rtt_ns;
    uint64_t rate = cc_bbr.rate(&conn);
    path.send_ns = ctx.now + (rate != 0 ? MSS * NS_PER_S / rate : 0);
    if (path.data == 0)
        rate_limited(&conn);
}

static void acknowledge(void)
{
    struct tcp_range *r = &ctx.ranges.range[conn.ranges.head];
    struct ack_info info = { .flight = (uint32_t)(conn.snd_nxt - conn.snd_una),
                             .acked = MSS,
                             .delivered = MSS,
                             .rtt_us = (uint32_t)((ctx.now - r->sent_ns) / NS_PER_US) };

    rtt_sample(&conn.rtt, ctx.now - r->sent_ns);
    rate_delivered(&conn, r, MSS, &info);
    conn.snd_una += MSS;
    range_list_pop(&conn.ranges, &ctx.ranges, conn.snd_una);
    path.first = (path.first + 1) % FLIGHTS;
    path.count--;
    cc_control(&conn, &info);
}

/* The next ACK or transmission; false: neither before `until`. */
static bool step(uint64_t until)
{
    bool may = path.data >= MSS && conn_pipe(&conn) + MSS <= conn.cwnd && path.count < FLIGHTS - 1;
    uint64_t send = may ? (path.send_ns > ctx.now ? path.send_ns : ctx.now) : TIME_NEVER;
    uint64_t ack = path.count != 0 ? path.ack_ns[path.first] : TIME_NEVER;
    uint64_t next = time_min(send, ack);

    if (next > until) {
        ctx.now = until;
        return false;
    }
    ctx.now = next;
    ctx.now_ms = (uint32_t)(next / NS_PER_MS);
    if (ack <= send)
        acknowledge();
    else
        send_segment();
    return true;
}

static void run_ms(uint64_t ms)
{
    uint64_t until = ctx.now + ms * NS_PER_MS;

    while (step(until))
        ;
}

static bool run_to_state(enum bbr_state state, uint64_t ms)
{
    uint64_t until = ctx.now + ms * NS_PER_MS;

    while (bbr.state != state && step(until))
        ;
    return bbr.state == state;
}

static uint64_t bdp(void)
{
    return path.bytes_per_s * path.rtt_ns / NS_PER_S;
}

static bool near(uint64_t value, uint64_t wanted, unsigned percent)
{
    uint64_t error = value > wanted ? value - wanted : wanted - value;

    return error * 100 <= wanted * percent;
}

START_TEST(startup_finds_the_bandwidth_and_ends_after_three_flat_rounds)
{
    struct bbr *b = start(12500000, 20);
    uint32_t flat_since = 0;

    while (b->state == BBR_STARTUP) {
        ck_assert(step(ctx.now + NS_PER_S));
        if (flat_since == 0 && near(b->bw_bps, 12500000, 2))
            flat_since = b->round;
    }
    ck_assert(near(b->bw_bps, 12500000, 2));
    ck_assert_uint_eq(b->full_rounds, 3);
    ck_assert_uint_ge(b->round, flat_since + 3);
    ck_assert_uint_le(b->round, flat_since + 5);
    ck_assert_uint_le(b->round, 15); /* 25 segments after 10 double in few */
}
END_TEST

START_TEST(startup_ends_when_the_queue_overflows_but_not_at_random_losses)
{
    struct bbr *b = start(12500000, 20);

    run_ms(150);
    ck_assert_uint_gt(b->bw_bps, 2500000);
    uint32_t pipe = (uint32_t)(b->bw_bps / 50);
    struct ack_info info = { .delivered = MSS, .lost = pipe / 10 };
    cc_control(&conn, &info);
    ck_assert(!b->full);
    info.lost = pipe / 5;
    cc_control(&conn, &info);
    ck_assert(b->full);
    ck_assert_uint_eq(b->state, BBR_DRAIN);
}
END_TEST

START_TEST(drain_empties_the_queue_that_startup_built)
{
    struct bbr *b = start(12500000, 20);

    ck_assert(run_to_state(BBR_DRAIN, 2000));
    ck_assert_uint_gt(conn_pipe(&conn), bdp() * 3 / 2);
    ck_assert_uint_lt(b->pacing_bps, 12500000 / 2);
    uint64_t since = ctx.now;
    ck_assert(run_to_state(BBR_PROBE_BW, 1000));
    ck_assert_uint_le(conn_pipe(&conn), bdp() * 105 / 100);
    ck_assert_uint_lt(ctx.now - since, 10 * path.rtt_ns);
}
END_TEST

START_TEST(probe_bw_cycles_through_its_gains)
{
    struct bbr *b = start(12500000, 20);
    unsigned up = 0, down = 0, cruise = 0;

    ck_assert(run_to_state(BBR_PROBE_BW, 3000));
    for (unsigned phase = 0; phase < 80; phase++) {
        uint8_t cycle = b->cycle;
        uint64_t since = ctx.now, gain = b->pacing_bps * 100 / b->bw_bps;
        while (b->cycle == cycle)
            ck_assert(step(ctx.now + NS_PER_S));
        ck_assert_uint_eq(b->cycle, (cycle + 1) % 8);
        ck_assert(phase == 0 || cycle == 1 || ctx.now - since >= path.rtt_ns);
        up += cycle == 0 && near(gain, 124, 2);
        down += cycle == 1 && near(gain, 74, 2);
        cruise += cycle > 1 && near(gain, 99, 1);
    }
    ck_assert_uint_eq(up, 10);
    ck_assert_uint_eq(down, 10);
    ck_assert_uint_eq(cruise, 60);
    ck_assert(near(b->bw_bps, 12500000, 2));
    ck_assert_uint_lt(conn_pipe(&conn), 2 * bdp());
}
END_TEST

START_TEST(more_bandwidth_is_found_and_less_is_believed_after_ten_rounds)
{
    struct bbr *b = start(12500000, 20);

    run_ms(2000);
    path.bytes_per_s *= 2;
    run_ms(2000); /* a quarter more each eight round trips */
    ck_assert(near(b->bw_bps, 25000000, 3));
    path.bytes_per_s /= 4;
    run_ms(100);
    ck_assert(near(b->bw_bps, 25000000, 3));
    run_ms(3000);
    ck_assert(near(b->bw_bps, 6250000, 3));
    ck_assert_uint_lt(conn_pipe(&conn), 3 * bdp());
}
END_TEST

START_TEST(probe_rtt_halves_the_flight_when_the_minimum_is_ten_seconds_old)
{
    struct bbr *b = start(12500000, 20);

    run_ms(5000);
    uint32_t cwnd = conn.cwnd;
    path.rtt_ns = 30 * NS_PER_MS; /* a longer way now: the old minimum stands until it is old */
    run_ms(1000);
    ck_assert_uint_lt(b->min_rtt_us, 21000);
    ck_assert(run_to_state(BBR_PROBE_RTT, 11000));
    uint64_t since = ctx.now;
    run_ms(100);
    ck_assert_uint_le(conn_pipe(&conn), bdp() * 6 / 10);
    ck_assert(run_to_state(BBR_PROBE_BW, 1000));
    ck_assert_uint_ge(ctx.now - since, 200 * NS_PER_MS);
    ck_assert_uint_lt(ctx.now - since, 400 * NS_PER_MS);
    ck_assert_uint_ge(conn.cwnd, cwnd);
    ck_assert_uint_ge(b->min_rtt_us, 30000);
    ck_assert_uint_lt(b->min_rtt_us, 31000);
    ck_assert(!run_to_state(BBR_PROBE_RTT, 15000)); /* needless while the path shows its minimum */
}
END_TEST

START_TEST(samples_that_the_application_kept_low_are_ignored)
{
    struct bbr *b = start(12500000, 20);

    run_ms(2000);
    path.data = 0;
    rate_limited(&conn);
    run_ms(100);
    ck_assert_uint_eq(path.count, 0);
    for (unsigned i = 0; i < 60; i++) { /* 10 kB per 50 ms: 200 kB/s */
        cc_restart(&conn, false);
        path.data = 10 * MSS;
        run_ms(50);
    }
    ck_assert(near(b->bw_bps, 12500000, 3));
    path.data = UINT64_MAX;
    run_ms(500);
    ck_assert(near(b->bw_bps, 12500000, 3));
}
END_TEST

START_TEST(sending_begins_anew_after_a_pause_at_the_bandwidth_known)
{
    struct bbr *b = start(12500000, 20);

    run_ms(2000);
    path.data = 0;
    rate_limited(&conn);
    run_ms(30000); /* longer than the minimum round trip is good for */
    uint32_t cwnd = conn.cwnd;
    cc_restart(&conn, true);
    ck_assert_uint_eq(conn.cwnd, cwnd); /* RFC 5681's restart window is not for a paced model */
    ck_assert(near(b->pacing_bps, 12500000, 3));
    path.data = UINT64_MAX;
    run_ms(50);
    ck_assert_uint_eq(b->state, BBR_PROBE_BW); /* the pause itself has drained the path */
    ck_assert_uint_gt(conn_pipe(&conn), bdp() / 2);
}
END_TEST

START_TEST(recovery_conserves_packets_and_gives_the_window_back)
{
    struct bbr *b = start(12500000, 20);

    run_ms(2000);
    uint32_t cwnd = conn.cwnd, pipe = conn_pipe(&conn);
    uint64_t bw = b->bw_bps;
    ck_assert_uint_eq(cc_bbr.reduce(&conn, pipe), UINT32_MAX);
    conn.recovery = TCP_RECOVERY_FAST;
    struct ack_info info = { .delivered = MSS, .lost = 3 * MSS };
    cc_control(&conn, &info);
    ck_assert_uint_eq(conn.cwnd, pipe + MSS);
    run_ms(60); /* beyond the first round trip it grows as it did before */
    ck_assert_uint_gt(conn.cwnd, pipe + MSS);
    conn.recovery = TCP_RECOVERY_OPEN;
    run_ms(1);
    ck_assert(near(conn.cwnd, cwnd, 5));
    ck_assert(near(b->bw_bps, bw, 2)); /* losses say nothing of the bandwidth */
}
END_TEST

START_TEST(a_time_out_costs_no_more_than_its_round_trips)
{
    struct bbr *b = start(12500000, 20);

    run_ms(2000);
    uint32_t cwnd = conn.cwnd;
    cc_bbr.reduce(&conn, cwnd);
    conn.recovery = TCP_RECOVERY_LOSS;
    conn.cwnd = MSS;
    run_ms(21);
    ck_assert_uint_lt(conn.cwnd, cwnd * 3 / 4);
    conn.recovery = TCP_RECOVERY_OPEN;
    run_ms(20);
    ck_assert(near(conn.cwnd, cwnd, 5));
    ck_assert_uint_eq(b->state, BBR_PROBE_BW);
}
END_TEST

Suite *bbr_suite(void)
{
    Suite *suite = suite_create("bbr");
    TCase *t = tcase_create("bbr");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, startup_finds_the_bandwidth_and_ends_after_three_flat_rounds);
    tcase_add_test(t, startup_ends_when_the_queue_overflows_but_not_at_random_losses);
    tcase_add_test(t, drain_empties_the_queue_that_startup_built);
    tcase_add_test(t, probe_bw_cycles_through_its_gains);
    tcase_add_test(t, more_bandwidth_is_found_and_less_is_believed_after_ten_rounds);
    tcase_add_test(t, probe_rtt_halves_the_flight_when_the_minimum_is_ten_seconds_old);
    tcase_add_test(t, samples_that_the_application_kept_low_are_ignored);
    tcase_add_test(t, sending_begins_anew_after_a_pause_at_the_bandwidth_known);
    tcase_add_test(t, recovery_conserves_packets_and_gives_the_window_back);
    tcase_add_test(t, a_time_out_costs_no_more_than_its_round_trips);
    suite_add_tcase(suite, t);
    return suite;
}
