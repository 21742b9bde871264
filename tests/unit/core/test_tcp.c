/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP seen from the wire, one behaviour per test: opening, sending, retransmission, acceptability.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"
#include "wire/ethernet.h"

static struct peer p;

/* A segment without options, with window 0. */
static const struct tcp_segment ZERO_WINDOW = { .payload_len = 1 };

/* Opening (RFC 9293 section 3.5). */

START_TEST(syn_is_answered_with_the_options_of_both)
{
    peer_start(&p, NULL);
    struct tcp_segment syn = PEER_DEFAULT_OPTIONS;
    syn.has_timestamps = true;
    syn.ts_value = 77;
    peer_send(&p, TCP_SYN, 0, 0, 0, &syn);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert_uint_eq(s->flags, TCP_SYN | TCP_ACK);
    ck_assert_uint_eq(s->seq, 0);
    ck_assert_uint_eq(s->ack, 1);
    ck_assert_uint_eq(s->mss, 1460);
    ck_assert(s->sack_permitted && s->has_window_scale && s->has_timestamps);
    ck_assert_uint_eq(s->ts_echo, 77);
    peer_stop(&p);
}
END_TEST

START_TEST(syn_without_options_gets_none_and_small_segments)
{
    struct tcp_segment none = { 0 };

    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &none);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert(!s->sack_permitted && !s->has_window_scale && !s->has_timestamps);
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    peer_request(&p, 100000);
    ck_assert_uint_gt(p.out_count, 0);
    for (unsigned i = 0; i < p.out_count; i++)
        ck_assert_uint_le(p.out[i].payload_len, 536); /* RFC 9293 MUST-15 */
    peer_stop(&p);
}
END_TEST

START_TEST(mss_is_clamped)
{
    static const struct {
        uint16_t offered, used;
    } rows[] = { { 0, 536 }, { 1, 64 }, { 63, 64 }, { 64, 64 }, { 700, 700 }, { 9000, 1460 } };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tcp_segment syn = { .has_mss = true, .mss = rows[i].offered };
        peer_start(&p, NULL);
        peer_handshake(&p, &syn);
        peer_request(&p, 100000);
        ck_assert_uint_eq(p.out[0].payload_len, rows[i].used);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(timestamps_come_off_the_payload)
{
    struct tcp_segment syn = PEER_DEFAULT_OPTIONS;

    syn.has_timestamps = true;
    syn.ts_value = 1;
    peer_start(&p, NULL);
    peer_handshake(&p, &syn);
    struct tcp_segment ts = { .has_timestamps = true, .ts_value = 2 };
    p.body = 5000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &ts);
    ck_assert_uint_eq(p.out[0].payload_len, 1448);
    ck_assert(p.out[0].has_timestamps);
    ck_assert_uint_eq(p.out[0].ts_echo, 2);
    peer_stop(&p);
}
END_TEST

START_TEST(syn_ack_is_repeated_with_backoff_then_given_up)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_wait(&p, 1100 * NS_PER_MS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_wait(&p, 1500 * NS_PER_MS);
    ck_assert_uint_eq(p.out_count, 0);
    peer_wait(&p, 600 * NS_PER_MS);
    peer_only(&p);
    peer_wait(&p, 200 * NS_PER_S);
    ck_assert_uint_eq(p.out_count, 3);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    ck_assert_uint_eq(stack_usage(p.stack).ranges, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(repeated_syn_gets_the_same_syn_ack)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    uint32_t iss = p.server_iss;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    ck_assert_uint_eq(p.server_iss, iss);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(forged_ack_of_the_handshake_gets_reset_and_no_data)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    p.body = 1000;
    peer_send(&p, TCP_ACK, 1, 4711, 1, NULL);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert_uint_eq(s->flags, TCP_RST);
    ck_assert_uint_eq(s->seq, 4711);
    ck_assert_uint_eq(p.opened, 0);
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL); /* the true one still works */
    ck_assert_uint_eq(p.opened, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(request_on_the_third_packet_is_served)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_request(&p, 500);
    ck_assert_uint_eq(p.opened, 1);
    ck_assert_uint_eq(peer_payload(&p), 500);
    peer_stop(&p);
}
END_TEST

START_TEST(segment_for_no_connection_gets_reset)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_ACK, 5, 9, 0, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST);
    ck_assert_uint_eq(p.out[0].seq, 9);
    peer_send(&p, TCP_FIN, 5, 0, 3, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST | TCP_ACK);
    ck_assert_uint_eq(p.out[0].ack, 5 + 4);
    peer_send(&p, TCP_RST, 5, 0, 0, NULL);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.counters.tcp_drop_no_connection, 3);
    peer_stop(&p);
}
END_TEST

START_TEST(application_may_refuse)
{
    peer_start(&p, NULL);
    p.refuse = true;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert((peer_only(&p)->flags & TCP_RST) != 0);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    ck_assert_uint_eq(p.closed, 0);
    peer_stop(&p);
}
END_TEST

static void few_connections(struct stack_config *config)
{
    config->connections_max = 3;
}

START_TEST(full_table_ignores_new_peers_and_keeps_the_old)
{
    peer_start(&p, few_connections);
    for (uint16_t i = 0; i < 5; i++) {
        p.port = (uint16_t)(50000 + i);
        peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
        ck_assert_uint_eq(p.out_count, i < 3 ? 1 : 0);
        if (i < 3)
            peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    }
    ck_assert_uint_eq(p.counters.tcp_refused_full, 2);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 3);
    peer_stop(&p);
}
END_TEST

/* Sending: windows (RFC 5681, RFC 6928, RFC 9293 section 3.8.6). */

START_TEST(initial_window_is_ten_segments)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    ck_assert_uint_eq(peer_payload(&p), 10 * 1460);
    ck_assert_uint_eq(p.out_count, 10);
    peer_stop(&p);
}
END_TEST

START_TEST(slow_start_doubles)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    p.now += 10 * NS_PER_MS;
    peer_send(&p, TCP_ACK, 2, 1 + 5 * 1460, 0, NULL);
    ck_assert_uint_eq(peer_payload(&p), 10 * 1460);
    peer_send(&p, TCP_ACK, 2, 1 + 10 * 1460, 0, NULL);
    ck_assert_uint_eq(peer_payload(&p), 10 * 1460);
    peer_stop(&p);
}
END_TEST

/* ABC (RFC 3465): unpaced, one ACK lets the window grow by 8 segments at the most (RFC 9406). */
START_TEST(one_ack_for_many_segments_makes_no_large_burst)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    p.now += 10 * NS_PER_MS;
    peer_send(&p, TCP_ACK, 2, 1 + 10 * 1460, 0, NULL);
    ck_assert_uint_eq(peer_payload(&p), 18 * 1460);
    peer_stop(&p);
}
END_TEST

START_TEST(ack_division_gains_nothing)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    p.now += 10 * NS_PER_MS;
    uint64_t sent = 0;
    for (uint32_t i = 1; i <= 1460; i++) {
        peer_send(&p, TCP_ACK, 2, 1 + i, 0, NULL);
        sent += peer_payload(&p);
    }
    ck_assert_uint_eq(sent, 2 * 1460);
    peer_stop(&p);
}
END_TEST

START_TEST(window_restarts_after_a_pause)
{
    peer_established(&p);
    peer_request(&p, 60 * 1460);
    for (uint32_t i = 5; i <= 60; i += 5) {
        p.now += NS_PER_MS;
        peer_send(&p, TCP_ACK, 2, 1 + i * 1460, 0, NULL);
    }
    ck_assert_uint_ge(p.conn->cwnd, 50 * 1460);
    uint32_t cwnd = p.conn->cwnd;
    p.now += 100 * NS_PER_MS; /* less than the time-out */
    p.body = 100;
    peer_send(&p, TCP_ACK, 2, 1 + 60 * 1460, 1, NULL);
    peer_send(&p, TCP_ACK, 3, 101 + 60 * 1460, 0, NULL);
    ck_assert_uint_ge(p.conn->cwnd, cwnd);
    p.now += NS_PER_S;
    p.body = 1000000;
    peer_send(&p, TCP_ACK, 3, 101 + 60 * 1460, 1, NULL);
    ck_assert_uint_eq(peer_payload(&p), 10 * 1460);
    peer_stop(&p);
}
END_TEST

/* Pacing. */

static void with_pacing(struct stack_config *config)
{
    config->tcp.pacing = true;
}

START_TEST(window_is_spread_over_the_round_trip)
{
    peer_start(&p, with_pacing);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    p.now += 100 * NS_PER_MS;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    peer_request(&p, 1000000);
    ck_assert_uint_eq(peer_payload(&p), 10 * 1460); /* the initial window is a burst */
    p.now += 100 * NS_PER_MS;
    peer_send(&p, TCP_ACK, 2, 1 + 10 * 1460, 0, NULL);
    ck_assert_uint_le(peer_payload(&p), 8 * 1460); /* six segments of time not used, and two */
    uint64_t sent = peer_payload(&p);
    for (unsigned ms = 1; ms <= 60; ms++) { /* at twice 20 segments per 100 ms */
        peer_wait(&p, NS_PER_MS);
        ck_assert_uint_le(peer_payload(&p), 3 * 1460);
        sent += peer_payload(&p);
        ck_assert_uint_le(sent, (ms * 4 / 10 + 9) * 1460);
    }
    ck_assert_uint_eq(sent, 20 * 1460);
    peer_stop(&p);
}
END_TEST

START_TEST(pacing_holds_nothing_back_on_a_short_path)
{
    peer_start(&p, with_pacing);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    p.now += 100 * NS_PER_US;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    peer_request(&p, 1000000);
    p.now += 100 * NS_PER_US;
    peer_send(&p, TCP_ACK, 2, 1 + 10 * 1460, 0, NULL);
    ck_assert_uint_eq(peer_payload(&p), 20 * 1460);
    peer_stop(&p);
}
END_TEST

START_TEST(nothing_is_sent_beyond_the_window)
{
    struct tcp_segment small = { .window = 30 }; /* scaled by 7: 3840 bytes */

    peer_established(&p);
    p.body = 100000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &small);
    ck_assert_uint_eq(peer_payload(&p), 2 * 1460); /* and not 920 more: silly window avoidance */
    peer_stop(&p);
}
END_TEST

START_TEST(zero_window_is_probed_without_end_while_the_peer_answers)
{
    peer_established(&p);
    p.body = 100000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &ZERO_WINDOW);
    ck_assert_uint_eq(peer_payload(&p), 0);
    for (int i = 0; i < 40; i++) {
        unsigned tries = 0;
        do
            peer_wait(&p, NS_PER_S);
        while (p.out_count == 0 && ++tries < 130);
        ck_assert_uint_gt(p.out_count, 0);
        ck_assert_uint_eq(p.out[0].payload_len, 1);
        ck_assert_uint_eq(p.out[0].seq, 1);
        peer_send(&p, TCP_ACK, 2, 1, 0, &ZERO_WINDOW);
    }
    ck_assert_uint_eq(p.closed, 0);
    ck_assert_uint_eq(p.counters.tcp_rto, 0);
    peer_send(&p, TCP_ACK, 2, 1, 0, NULL); /* opens */
    ck_assert_uint_eq(p.out[0].seq, 1);
    ck_assert_uint_eq(peer_payload(&p), 10 * 1460);
    peer_stop(&p);
}
END_TEST

START_TEST(zero_window_probe_that_is_taken_is_not_sent_again)
{
    peer_established(&p);
    p.body = 5000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &ZERO_WINDOW);
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_gt(p.out_count, 0);
    peer_send(&p, TCP_ACK, 2, 2, 0, NULL);
    ck_assert_uint_eq(p.out[0].seq, 2);
    ck_assert_uint_eq(peer_payload(&p), 4999);
    peer_stop(&p);
}
END_TEST

/* Retransmission (RFC 6298, RFC 8985, RFC 6582). */

START_TEST(silence_means_doubling_time_outs_of_the_first_segment)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    p.now += 50 * NS_PER_MS;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    peer_request(&p, 100000);
    ck_assert_uint_eq(p.out_count, 10);
    /* The probe comes first (2 SRTT), with new data or the last segment. */
    peer_wait(&p, 112 * NS_PER_MS);
    ck_assert_uint_eq(p.counters.tcp_tlp, 1);
    ck_assert_uint_eq(p.out_count, 1);
    uint64_t last = p.now;
    uint64_t gaps[4];
    for (int i = 0; i < 4; i++) {
        do
            peer_wait(&p, NS_PER_MS);
        while (p.out_count == 0);
        ck_assert_uint_eq(p.out_count, 1);
        ck_assert_uint_eq(p.out[0].seq, 1);
        gaps[i] = p.now - last;
        last = p.now;
    }
    ck_assert_uint_ge(gaps[0], 185 * NS_PER_MS); /* 200, less the time since the probe */
    for (int i = 1; i < 4; i++) {
        ck_assert_uint_ge(gaps[i] + 3 * NS_PER_MS, 2 * gaps[i - 1]);
        ck_assert_uint_le(gaps[i], 2 * gaps[i - 1] + 20 * NS_PER_MS);
    }
    ck_assert_uint_eq(p.counters.tcp_rto, 4);
    peer_stop(&p);
}
END_TEST

/* The second time while the clock of milliseconds wraps. */
START_TEST(vanished_peer_is_given_up_after_the_user_timeout)
{
    peer_start(&p, NULL);
    if (_i == 1)
        p.now = (UINT64_C(1) << 32) * NS_PER_MS - 50 * NS_PER_S;
    peer_handshake(&p, NULL);
    peer_request(&p, 100000);
    peer_wait(&p, 99 * NS_PER_S);
    ck_assert_uint_eq(p.closed, 0);
    peer_wait(&p, 100 * NS_PER_S);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_TIMEOUT);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    ck_assert_uint_eq(stack_usage(p.stack).ranges, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(three_duplicates_without_sack_retransmit_once)
{
    struct tcp_segment no_sack = { .has_mss = true, .mss = 1460 };

    peer_start(&p, NULL);
    peer_handshake(&p, &no_sack);
    peer_request(&p, 100000);
    ck_assert_uint_eq(p.out_count, 10);
    unsigned again = 0;
    for (int i = 0; i < 3; i++) {
        p.now += NS_PER_MS;
        peer_send(&p, TCP_ACK, 2, 1, 0, NULL);
        for (unsigned k = 0; k < p.out_count; k++)
            again += p.out[k].seq == 1;
        if (i < 2)
            ck_assert_uint_le(p.out_count, 1); /* limited transmit, RFC 3042 */
    }
    ck_assert_uint_eq(again, 1);
    ck_assert_uint_eq(p.counters.tcp_retransmit, 1);
    ck_assert_uint_eq(p.counters.tcp_recovery, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(sack_holes_and_only_holes_are_filled)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    ck_assert_uint_eq(p.out_count, 10);
    p.now += 10 * NS_PER_MS;
    /* Segments 2 and 5 are lost (1-based). */
    struct tcp_segment ack = {
        .sack_count = 2, .sack = { { 1 + 5 * 1460, 1 + 10 * 1460 }, { 1 + 2 * 1460, 1 + 4 * 1460 } }
    };
    unsigned hole[2] = { 0, 0 };
    for (int round = 0; round < 4; round++) {
        peer_send(&p, TCP_ACK, 2, 1 + 1460, 0, &ack);
        for (unsigned i = 0; i < p.out_count; i++) {
            uint32_t at = p.out[i].seq;
            hole[0] += at == 1 + 1460;
            hole[1] += at == 1 + 4 * 1460;
            ck_assert(at == 1 + 1460 || at == 1 + 4 * 1460 || at >= 1 + 10 * 1460);
        }
        p.now += NS_PER_MS;
    }
    ck_assert_uint_eq(hole[0], 1);
    ck_assert_uint_eq(hole[1], 1);
    ck_assert_uint_eq(p.counters.tcp_rto, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(lost_tail_is_probed_before_the_time_out)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    p.now += 20 * NS_PER_MS;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    peer_request(&p, 4 * 1460);
    ck_assert_uint_eq(p.out_count, 4);
    peer_wait(&p, 60 * NS_PER_MS);
    ck_assert_uint_eq(peer_only(&p)->seq, 1 + 3 * 1460);
    ck_assert_uint_eq(p.counters.tcp_tlp, 1);
    ck_assert_uint_eq(p.counters.tcp_rto, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(reneged_sack_is_sent_again_after_the_time_out)
{
    peer_established(&p);
    peer_request(&p, 10 * 1460);
    p.now += 10 * NS_PER_MS;
    struct tcp_segment ack = { .sack_count = 1, .sack = { { 1, 1 + 10 * 1460 } } };
    peer_send(&p, TCP_ACK, 2, 1, 0, &ack); /* all SACKed, nothing acknowledged: a lie */
    peer_wait(&p, NS_PER_S);
    ck_assert_uint_ge(p.out_count, 1);
    ck_assert_uint_eq(p.out[0].seq, 1);
    ck_assert_uint_eq(p.counters.tcp_reneged, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(sack_blocks_out_of_bounds_are_ignored)
{
    static const struct sack_block rows[] = {
        { 1, 0x7fffffff },
        { 5000, 4000 },
        { 0x90000000, 0x90000010 },
        { 5000, 5000 },
        { 1 + 10 * 1460, 1 + 11 * 1460 },
    };
    peer_established(&p);
    peer_request(&p, 1000000);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tcp_segment ack = { .sack_count = 1, .sack = { rows[i] } };
        p.now += NS_PER_MS;
        peer_send(&p, TCP_ACK, 2, 1, 0, &ack);
        ck_assert_uint_eq(peer_payload(&p), 0);
    }
    ck_assert_uint_eq(p.counters.tcp_retransmit, 0);
    peer_stop(&p);
}
END_TEST

/* Acceptability (RFC 9293 section 3.10.7.4, RFC 5961). */

START_TEST(ack_beyond_what_was_sent_is_answered_and_changes_nothing)
{
    peer_established(&p);
    peer_request(&p, 100000);
    peer_send(&p, TCP_ACK, 2, 1 + 11 * 1460, 0, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK);
    ck_assert_uint_eq(peer_only(&p)->payload_len, 0);
    ck_assert_uint_eq(p.acked, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(reset_must_hit_the_exact_sequence_number)
{
    peer_established(&p);
    peer_send(&p, TCP_RST, 2, 0, 0, NULL); /* in the window, not exact: challenge ACK */
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK);
    peer_send(&p, TCP_RST, 1 + 40000, 0, 0, NULL); /* outside: silence */
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.closed, 0);
    peer_send(&p, TCP_RST, 1, 0, 0, NULL);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_RESET);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(syn_in_a_connection_gets_a_challenge_ack)
{
    peer_established(&p);
    peer_send(&p, TCP_SYN, 1, 0, 0, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK);
    ck_assert_uint_eq(p.counters.tcp_challenge_ack, 1);
    ck_assert_uint_eq(p.closed, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(old_data_is_acknowledged_again)
{
    peer_established(&p);
    peer_send(&p, TCP_ACK, 1, 1, 100, NULL);
    ck_assert_uint_eq(p.received, 100);
    peer_send(&p, TCP_ACK, 1, 1, 100, NULL);
    ck_assert_uint_eq(p.received, 100);
    ck_assert_uint_eq(peer_only(&p)->ack, 101);
    peer_send(&p, TCP_ACK, 51, 1, 100, NULL); /* half old, half new */
    ck_assert_uint_eq(p.received, 150);
    peer_stop(&p);
}
END_TEST

START_TEST(paws_drops_old_timestamps_but_not_resets)
{
    struct tcp_segment syn = PEER_DEFAULT_OPTIONS;

    syn.has_timestamps = true;
    syn.ts_value = 1000;
    peer_start(&p, NULL);
    peer_handshake(&p, &syn);
    struct tcp_segment old = { .has_timestamps = true, .ts_value = 999 };
    peer_send(&p, TCP_ACK, 1, 1, 10, &old);
    ck_assert_uint_eq(p.received, 0);
    ck_assert_uint_eq(p.counters.tcp_drop_paws, 1);
    ck_assert_uint_eq(peer_only(&p)->ack, 1);
    struct tcp_segment young = { .has_timestamps = true, .ts_value = 1001 };
    peer_send(&p, TCP_ACK, 1, 1, 10, &young);
    ck_assert_uint_eq(p.received, 10);
    peer_send(&p, TCP_RST, 11, 0, 0, &old);
    ck_assert_uint_eq(p.closed, 1);
    peer_stop(&p);
}
END_TEST

Suite *tcp_send_suite(void)
{
    Suite *suite = suite_create("tcp, sending");
    TCase *t = tcase_create("tcp, sending");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, syn_is_answered_with_the_options_of_both);
    tcase_add_test(t, syn_without_options_gets_none_and_small_segments);
    tcase_add_test(t, mss_is_clamped);
    tcase_add_test(t, timestamps_come_off_the_payload);
    tcase_add_test(t, syn_ack_is_repeated_with_backoff_then_given_up);
    tcase_add_test(t, repeated_syn_gets_the_same_syn_ack);
    tcase_add_test(t, forged_ack_of_the_handshake_gets_reset_and_no_data);
    tcase_add_test(t, request_on_the_third_packet_is_served);
    tcase_add_test(t, segment_for_no_connection_gets_reset);
    tcase_add_test(t, application_may_refuse);
    tcase_add_test(t, full_table_ignores_new_peers_and_keeps_the_old);
    tcase_add_test(t, initial_window_is_ten_segments);
    tcase_add_test(t, slow_start_doubles);
    tcase_add_test(t, one_ack_for_many_segments_makes_no_large_burst);
    tcase_add_test(t, ack_division_gains_nothing);
    tcase_add_test(t, window_restarts_after_a_pause);
    tcase_add_test(t, window_is_spread_over_the_round_trip);
    tcase_add_test(t, pacing_holds_nothing_back_on_a_short_path);
    tcase_add_test(t, nothing_is_sent_beyond_the_window);
    tcase_add_test(t, zero_window_is_probed_without_end_while_the_peer_answers);
    tcase_add_test(t, zero_window_probe_that_is_taken_is_not_sent_again);
    tcase_add_test(t, silence_means_doubling_time_outs_of_the_first_segment);
    tcase_add_loop_test(t, vanished_peer_is_given_up_after_the_user_timeout, 0, 2);
    tcase_add_test(t, three_duplicates_without_sack_retransmit_once);
    tcase_add_test(t, sack_holes_and_only_holes_are_filled);
    tcase_add_test(t, lost_tail_is_probed_before_the_time_out);
    tcase_add_test(t, reneged_sack_is_sent_again_after_the_time_out);
    tcase_add_test(t, sack_blocks_out_of_bounds_are_ignored);
    tcase_add_test(t, ack_beyond_what_was_sent_is_answered_and_changes_nothing);
    tcase_add_test(t, reset_must_hit_the_exact_sequence_number);
    tcase_add_test(t, syn_in_a_connection_gets_a_challenge_ack);
    tcase_add_test(t, old_data_is_acknowledged_again);
    tcase_add_test(t, paws_drops_old_timestamps_but_not_resets);
    suite_add_tcase(suite, t);
    return suite;
}
