/* SPDX-License-Identifier: BSD-3-Clause */
/* Congestion control by itself: a connection that is only a window, driven round trip by round
 * trip. */
#include <string.h>

#include "suites.h"
#include "tcp/conn.h"

#define MSS 1000u

static struct tcp_ctx ctx;
static struct tcp_conn conn;

static struct tcp_conn *start(const struct cc_ops *ops, uint32_t cwnd_segments, uint64_t rtt_ms)
{
    memset(&ctx, 0, sizeof(ctx));
    memset(&conn, 0, sizeof(conn));
    conn.ctx = &ctx;
    conn.mss = MSS;
    conn.cwnd = cwnd_segments * MSS;
    conn.ssthresh = UINT32_MAX;
    conn.rtt.srtt_us = (uint32_t)rtt_ms * 1000;
    ctx.limits.cc = ops;
    cc_start(&conn);
    return &conn;
}

/* One round trip in which a whole window is acknowledged, two segments at a time. */
static void round_trip(struct tcp_conn *c, uint64_t rtt_ms)
{
    uint32_t window = c->cwnd;

    ctx.now_ms += (uint32_t)rtt_ms;
    for (uint32_t acked = 0; acked < window; acked += 2 * MSS) {
        c->snd_una += 2 * MSS;
        c->snd_nxt = c->snd_una + c->cwnd;
        cc_round_trip(c, rtt_ms * NS_PER_MS);
        cc_acked(c, 2 * MSS);
    }
}

static void lose(struct tcp_conn *c)
{
    c->ssthresh = conn_cc(c)->reduce(c, c->cwnd);
    c->cwnd = c->ssthresh;
}

START_TEST(algorithms_are_found_by_name)
{
    ck_assert_ptr_eq(cc_find("cubic"), &cc_cubic);
    ck_assert_ptr_eq(cc_find("newreno"), &cc_newreno);
    ck_assert_ptr_eq(cc_find("bbr"), &cc_bbr);
    ck_assert_ptr_null(cc_find("vegas"));
}
END_TEST

START_TEST(slow_start_doubles_each_round_trip)
{
    struct tcp_conn *c = start(&cc_cubic, 10, 50);

    for (uint32_t expected = 20; expected <= 640; expected *= 2) {
        round_trip(c, 50);
        ck_assert_uint_eq(c->cwnd, expected * MSS);
    }
}
END_TEST

START_TEST(newreno_grows_by_a_segment_per_round_trip_and_halves)
{
    struct tcp_conn *c = start(&cc_newreno, 100, 50);

    c->ssthresh = c->cwnd;
    for (uint32_t i = 1; i <= 20; i++) {
        round_trip(c, 50);
        ck_assert_uint_ge(c->cwnd, (100 + i - 1) * MSS);
        ck_assert_uint_le(c->cwnd, (100 + i) * MSS);
    }
    uint32_t before = c->cwnd;
    lose(c);
    ck_assert_uint_eq(c->cwnd, before / 2);
    c->cwnd = 3 * MSS;
    lose(c);
    ck_assert_uint_eq(c->ssthresh, 2 * MSS);
}
END_TEST

START_TEST(cubic_falls_to_seven_tenths_and_is_back_after_k)
{
    struct tcp_conn *c = start(&cc_cubic, 1000, 100);

    lose(c);
    ck_assert_uint_eq(c->cwnd, 700 * MSS);
    /* K = cbrt(1000 * 0.3 / 0.4) s = 9.09 s (RFC 9438 section 4.2) */
    for (int i = 0; i < 80; i++)
        round_trip(c, 100);
    ck_assert_uint_gt(c->cwnd, 985 * MSS);
    ck_assert_uint_lt(c->cwnd, 1001 * MSS);
    for (int i = 0; i < 20; i++)
        round_trip(c, 100);
    ck_assert_uint_gt(c->cwnd, 998 * MSS);
    ck_assert_uint_lt(c->cwnd, 1010 * MSS);
    uint32_t plateau = c->cwnd;
    for (int i = 0; i < 60; i++) /* then it explores, faster and faster */
        round_trip(c, 100);
    ck_assert_uint_gt(c->cwnd, plateau + 80 * MSS);
}
END_TEST

START_TEST(cubic_is_no_slower_than_reno_on_short_paths)
{
    struct tcp_conn *c = start(&cc_cubic, 20, 1);

    lose(c);
    uint32_t after = c->cwnd;
    for (int i = 0; i < 40; i++)
        round_trip(c, 1);
    /* In 40 ms the cubic alone would not have moved; Reno's share is 9/17 segments per round trip.
     */
    ck_assert_uint_gt(c->cwnd, after + 15 * MSS);
}
END_TEST

START_TEST(cubic_remembers_a_lower_maximum_when_bandwidth_shrinks)
{
    struct tcp_conn *c = start(&cc_cubic, 1000, 100);

    lose(c);
    ck_assert_uint_eq(c->cc.cubic.w_max, 1000 * MSS);
    lose(c); /* below the last maximum: fast convergence (section 4.7) */
    ck_assert_uint_eq(c->cc.cubic.w_max, 595 * MSS);
}
END_TEST

START_TEST(hystart_leaves_slow_start_when_the_delay_grows)
{
    struct tcp_conn *c = start(&cc_cubic, 10, 50);

    for (int i = 0; i < 4; i++)
        round_trip(c, 50);
    ck_assert_uint_eq(c->ssthresh, UINT32_MAX);
    for (int i = 0; i < 10 && c->ssthresh == UINT32_MAX; i++)
        round_trip(c, 60); /* 10 ms more: above 1/8 */
    ck_assert_uint_ne(c->ssthresh, UINT32_MAX);
    /* Without it, ten more doublings; with it, five rounds of a quarter of that. */
    ck_assert_uint_lt(c->cwnd, 160 * MSS * 8);
}
END_TEST

START_TEST(hystart_goes_on_after_a_passing_delay)
{
    struct tcp_conn *c = start(&cc_cubic, 10, 50);

    for (int i = 0; i < 3; i++)
        round_trip(c, 50);
    round_trip(c, 60);
    ck_assert_uint_ne(c->cc.hystart.css_rounds, 0);
    round_trip(c, 50);
    ck_assert_uint_eq(c->cc.hystart.css_rounds, 0);
    ck_assert_uint_eq(c->ssthresh, UINT32_MAX);
}
END_TEST

/* RFC 9406 section 4.3: only the first slow start is in the dark, and only that is slowed down. */
START_TEST(slow_start_after_a_loss_is_not_conservative)
{
    struct tcp_conn *c = start(&cc_cubic, 10, 50);

    for (int i = 0; i < 3; i++)
        round_trip(c, 50);
    round_trip(c, 60);
    ck_assert_uint_ne(c->cc.hystart.css_rounds, 0);
    lose(c);
    c->cwnd = 10 * MSS;
    round_trip(c, 60);
    ck_assert_uint_eq(c->cwnd, 20 * MSS);
}
END_TEST

/* CUBIC's memory lies where HyStart++'s was. */
START_TEST(cubic_begins_anew_where_the_first_slow_start_ends)
{
    struct tcp_conn *c = start(&cc_cubic, 1000, 50);

    for (int i = 0; i < 3; i++)
        round_trip(c, 1); /* samples that are no window */
    uint32_t window = c->cwnd;
    lose(c);
    ck_assert_uint_eq(c->cc.cubic.w_max, window);
    ck_assert_uint_eq(c->cc.cubic.undo_w_max, 0);
    ck_assert_uint_eq(c->cc.cubic.w_est, 0);

    c = start(&cc_cubic, 100, 50);
    for (int i = 0; i < 20 && c->ssthresh == UINT32_MAX; i++)
        round_trip(c, i < 3 ? 50 : 60); /* HyStart++ ends it */
    ck_assert_uint_eq(c->cc.cubic.w_max, c->ssthresh);
    ck_assert_uint_eq(c->cc.cubic.w_prior, 0);
}
END_TEST

/* RFC 5681 section 4.1, RFC 7661 section 4.4. */
START_TEST(restart_after_a_long_pause_remembers_three_quarters_of_the_window)
{
    struct tcp_conn *c = start(&cc_cubic, 100, 50);

    ctx.limits.initial_window = 10;
    c->ssthresh = 20 * MSS;
    cc_restart(c, false);
    ck_assert_uint_eq(c->cwnd, 100 * MSS);
    cc_restart(c, true);
    ck_assert_uint_eq(c->cwnd, conn_initial_window(c));
    ck_assert_uint_eq(c->ssthresh, 75 * MSS);
    c->cwnd = 2 * MSS; /* less than a new connection has: nothing to take away */
    cc_restart(c, true);
    ck_assert_uint_eq(c->cwnd, 2 * MSS);
    ck_assert_uint_eq(c->ssthresh, 75 * MSS);
}
END_TEST

/* RFC 6298 section 2: a path without jitter needs its margin, too. */
START_TEST(retransmission_waits_longer_than_a_steady_round_trip)
{
    struct rtt rtt = { 0 };

    for (int i = 0; i < 100; i++)
        rtt_sample(&rtt, 300 * NS_PER_MS);
    ck_assert_uint_eq(rtt_rto(&rtt, 200 * NS_PER_MS, 60 * NS_PER_S), 500 * NS_PER_MS);
    for (int i = 0; i < 100; i++)
        rtt_sample(&rtt, (i % 2 != 0 ? 500 : 300) * NS_PER_MS);
    ck_assert_uint_gt(rtt_rto(&rtt, 200 * NS_PER_MS, 60 * NS_PER_S), 700 * NS_PER_MS);
    ck_assert_uint_eq(rtt_rto(&rtt, 200 * NS_PER_MS, 600 * NS_PER_MS), 600 * NS_PER_MS);
}
END_TEST

Suite *cc_suite(void)
{
    Suite *suite = suite_create("cc");
    TCase *t = tcase_create("cc");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, algorithms_are_found_by_name);
    tcase_add_test(t, slow_start_doubles_each_round_trip);
    tcase_add_test(t, newreno_grows_by_a_segment_per_round_trip_and_halves);
    tcase_add_test(t, cubic_falls_to_seven_tenths_and_is_back_after_k);
    tcase_add_test(t, cubic_is_no_slower_than_reno_on_short_paths);
    tcase_add_test(t, cubic_remembers_a_lower_maximum_when_bandwidth_shrinks);
    tcase_add_test(t, hystart_leaves_slow_start_when_the_delay_grows);
    tcase_add_test(t, hystart_goes_on_after_a_passing_delay);
    tcase_add_test(t, slow_start_after_a_loss_is_not_conservative);
    tcase_add_test(t, cubic_begins_anew_where_the_first_slow_start_ends);
    tcase_add_test(t, restart_after_a_long_pause_remembers_three_quarters_of_the_window);
    tcase_add_test(t, retransmission_waits_longer_than_a_steady_round_trip);
    suite_add_tcase(suite, t);
    return suite;
}
