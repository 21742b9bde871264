/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP seen from the wire, one behaviour per test, in the order of a connection's life. */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
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

START_TEST(vanished_peer_is_given_up_after_the_user_timeout)
{
    peer_established(&p);
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
    peer_wait(&p, 45 * NS_PER_MS);
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

/* Receiving. */

START_TEST(reordered_request_is_put_together_and_sacked)
{
    peer_established(&p);
    peer_send(&p, TCP_ACK, 11, 1, 10, NULL);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert_uint_eq(s->ack, 1);
    ck_assert_uint_eq(s->sack_count, 1);
    ck_assert_uint_eq(s->sack[0].start - p.iss, 11);
    ck_assert_uint_eq(s->sack[0].end - p.iss, 21);
    ck_assert_uint_eq(p.received, 0);
    peer_send(&p, TCP_ACK, 1, 1, 10, NULL);
    ck_assert_uint_eq(p.received, 20);
    ck_assert_uint_eq(peer_only(&p)->ack, 21);
    ck_assert_uint_eq(stack_usage(p.stack).rx_buffers, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(application_that_takes_nothing_closes_the_window)
{
    peer_established(&p);
    p.stuck = true;
    uint32_t sent = 0;
    while (sent < 32768) {
        uint32_t len = 32768 - sent < 1000 ? 32768 - sent : 1000;
        peer_send(&p, TCP_ACK, 1 + sent, 1, len, NULL);
        sent += len;
        ck_assert_uint_eq(peer_only(&p)->ack, 1 + sent);
        ck_assert_uint_eq(peer_only(&p)->window, 32768 - sent);
    }
    peer_send(&p, TCP_ACK, 1 + sent, 1, 1, NULL); /* a window probe */
    ck_assert_uint_eq(peer_only(&p)->ack, 1 + sent);
    p.stuck = false;
    tcp_receive_resume(p.conn);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(p.received, 32768);
    ck_assert_uint_eq(peer_only(&p)->window, 32768); /* told at once */
    ck_assert_uint_eq(stack_usage(p.stack).rx_buffers, 0);
    peer_stop(&p);
}
END_TEST

/* Closing (RFC 9293 section 3.6). */

START_TEST(peer_closes_first)
{
    peer_established(&p);
    peer_send(&p, TCP_ACK | TCP_FIN, 1, 1, 0, NULL);
    ck_assert_uint_eq(p.ended, 1);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert_uint_eq(s->flags & TCP_FIN, TCP_FIN);
    ck_assert_uint_eq(s->ack, 2);
    peer_send(&p, TCP_ACK, 2, 2, 0, NULL);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_ORDERLY);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(we_close_first_and_wait)
{
    peer_established(&p);
    p.close_after = true;
    peer_request(&p, 100);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert_uint_eq(s->payload_len, 100);
    ck_assert_uint_eq(s->flags & TCP_FIN, TCP_FIN);
    peer_send(&p, TCP_ACK, 2, 102, 0, NULL);
    peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, NULL);
    ck_assert_uint_eq(peer_only(&p)->ack, 3);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 1);
    ck_assert_uint_eq(stack_connections(p.stack), 0);
    peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, NULL); /* our last ACK was lost */
    ck_assert_uint_eq(peer_only(&p)->ack, 3);
    peer_wait(&p, 61 * NS_PER_S);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(both_close_at_once)
{
    peer_established(&p);
    p.close_after = true;
    peer_request(&p, 100);
    peer_send(&p, TCP_ACK | TCP_FIN, 2, 1, 0, NULL); /* crossed ours */
    ck_assert_uint_eq(p.out[0].ack, 3);
    peer_send(&p, TCP_ACK, 3, 102, 0, NULL);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(half_closed_peer_gets_all_of_its_file)
{
    peer_established(&p);
    p.body = 30000;
    peer_send(&p, TCP_ACK | TCP_FIN, 1, 1, 1, NULL);
    uint64_t got = peer_payload(&p);
    uint32_t acked = 1;
    for (int i = 0; i < 20 && got < 30000; i++) {
        acked = (uint32_t)(1 + got);
        p.now += NS_PER_MS;
        peer_send(&p, TCP_ACK, 3, acked, 0, NULL);
        got += peer_payload(&p);
    }
    ck_assert_uint_eq(got, 30000);
    peer_stop(&p);
}
END_TEST

START_TEST(fin_that_is_lost_is_sent_again)
{
    peer_established(&p);
    p.close_after = true;
    peer_request(&p, 100);
    peer_send(&p, TCP_ACK, 2, 101, 0, NULL); /* the data arrived, the FIN did not */
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_ge(p.out_count, 1);
    ck_assert_uint_eq(p.out[0].seq, 101);
    ck_assert_uint_eq(p.out[0].payload_len, 0);
    ck_assert_uint_eq(p.out[0].flags & TCP_FIN, TCP_FIN);
    peer_stop(&p);
}
END_TEST

START_TEST(newer_syn_reuses_time_wait)
{
    peer_established(&p);
    p.close_after = true;
    peer_request(&p, 100);
    peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, NULL);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 1);
    uint32_t old = p.server_iss;
    p.opened = 0;
    p.acked = p.stream_end = 0;
    p.iss += 100000;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    ck_assert_uint_gt((p.server_iss - old), 102);
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert_uint_eq(p.opened, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(peer_that_never_closes_is_forgotten)
{
    peer_established(&p);
    p.close_after = true;
    peer_request(&p, 100);
    peer_send(&p, TCP_ACK, 2, 102, 0, NULL);
    peer_wait(&p, 61 * NS_PER_S);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(drain_refuses_new_and_closes_idle)
{
    peer_established(&p);
    stack_drain(p.stack, p.now);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(p.out[0].flags & TCP_FIN, TCP_FIN);
    p.port++;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST | TCP_ACK);
    ck_assert_uint_eq(p.counters.tcp_refused_draining, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(abort_all_sends_resets)
{
    peer_established(&p);
    stack_abort_all(p.stack, p.now);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(peer_only(&p)->flags & TCP_RST, TCP_RST);
    ck_assert_int_eq(p.reason, TCP_CLOSE_ABORTED);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

/* Port modes. */

static void with_tso(struct stack_config *config)
{
    config->tx_tso_bytes_max = 65000;
}

START_TEST(tso_packets_are_whole_segments)
{
    peer_start(&p, with_tso);
    peer_handshake(&p, NULL);
    peer_request(&p, 1000000);
    ck_assert_uint_eq(peer_only(&p)->payload_len, 10 * 1460);
    ck_assert_uint_eq(p.counters.tcp_out, 2 + 10 - 1); /* SYN-ACK, and ten on the wire */
    peer_stop(&p);
}
END_TEST

/* IP and below. */

START_TEST(bad_sources_are_dropped)
{
    static const uint32_t rows[] = { 0x7f000001, 0xe0000001, 0xffffffff,
                                     0x00000001, SERVER_IP,  0x0a4700ff };
    peer_start(&p, NULL);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t frame[14 + 20 + 20] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
        struct ip_addr src = ip_addr_from_v4(rows[i]), dst = ip_addr_from_v4(SERVER_IP);
        ipv4_emit(frame + 14, &src, &dst, IP_PROTOCOL_TCP, 0, 40, false);
        peer_frame(&p, frame, sizeof(frame));
        ck_assert_uint_eq(p.counters.ip_drop_source, i + 1);
        ck_assert_uint_eq(p.out_count, 0);
    }
    peer_stop(&p);
}
END_TEST

START_TEST(echo_request_is_answered)
{
    uint8_t frame[14 + 20 + 8 + 56] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
    struct ip_addr src = ip_addr_from_v4(CLIENT_IP), dst = ip_addr_from_v4(SERVER_IP);

    peer_start(&p, NULL);
    ipv4_emit(frame + 14, &src, &dst, IP_PROTOCOL_ICMP, 0, 20 + 64, false);
    frame[34] = 8;
    put_be16(frame + 36, (uint16_t)~checksum_bytes(frame + 34, 64));
    peer_frame(&p, frame, sizeof(frame));
    ck_assert_uint_eq(p.counters.icmp_echo_in, 1);
    frame[40] ^= 1;
    peer_frame(&p, frame, sizeof(frame));
    ck_assert_uint_eq(p.counters.icmp_drop_malformed, 1);
    peer_stop(&p);
}
END_TEST

/* "Fragmentation needed" for a segment at relative sequence number seq. */
static void send_path_mtu(uint32_t seq, uint16_t mtu)
{
    uint8_t frame[14 + 20 + 8 + 28] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
    struct ip_addr client = ip_addr_from_v4(CLIENT_IP), server = ip_addr_from_v4(SERVER_IP);
    uint8_t *icmp = frame + 34, *quote = icmp + 8;

    ipv4_emit(frame + 14, &client, &server, IP_PROTOCOL_ICMP, 0, 20 + 8 + 28, false);
    icmp[0] = 3;
    icmp[1] = 4;
    put_be16(icmp + 6, mtu);
    ipv4_emit(quote, &server, &client, IP_PROTOCOL_TCP, 0, 1500, false);
    put_be16(quote + 20, 80);
    put_be16(quote + 22, p.port);
    put_be32(quote + 24, seq + p.server_iss);
    put_be16(icmp + 2, (uint16_t)~checksum_bytes(icmp, 36));
    peer_frame(&p, frame, sizeof(frame));
}

START_TEST(path_mtu_is_believed_only_for_bytes_in_flight)
{
    peer_established(&p);
    peer_request(&p, 6000);
    send_path_mtu(999999, 1000);
    ck_assert_uint_eq(p.counters.icmp_drop_stale, 1);
    ck_assert_uint_eq(p.out_count, 0);
    send_path_mtu(1, 1000);
    ck_assert_uint_eq(p.counters.icmp_error_in, 1);
    ck_assert_uint_ge(p.out_count, 1);
    for (unsigned i = 0; i < p.out_count; i++)
        ck_assert_uint_le(p.out[i].payload_len, 960);
    ck_assert_uint_eq(p.out[0].seq, 1);
    send_path_mtu(1, 68); /* the floor */
    ck_assert_uint_ge(p.out[0].payload_len, 64);
    peer_stop(&p);
}
END_TEST

START_TEST(unknown_next_hop_is_asked_for_then_served)
{
    uint8_t reply[14 + 28] = { 2, 0, 0, 0, 0, 2, 2, 0,  0,  0, 0, 9, 8, 6, 0, 1, 8, 0,  6,  4, 0,
                               2, 2, 0, 0, 0, 0, 9, 10, 71, 0, 9, 2, 0, 0, 0, 0, 2, 10, 71, 0, 2 };
    uint8_t syn[14 + 20 + 20] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 9, 8, 0 };
    struct ip_addr src = ip_addr_from_v4(0x0a470009), dst = ip_addr_from_v4(SERVER_IP);
    struct tcp_segment seg = { .src_port = 1234, .dst_port = 80, .flags = TCP_SYN };

    peer_start(&p, NULL);
    ipv4_emit(syn + 14, &src, &dst, IP_PROTOCOL_TCP, 0, 40, false);
    tcp_segment_emit(syn + 34, &seg);
    tcp_checksum_put(syn + 34, (uint16_t)~checksum_fold((uint64_t)ip_pseudo_sum(&src, &dst, 6) +
                                                        20 + checksum_bytes(syn + 34, 20)));
    peer_frame(&p, syn, sizeof(syn));
    ck_assert_uint_eq(p.arp_count, 1);
    ck_assert_uint_eq(p.out_count, 0);
    peer_frame(&p, reply, sizeof(reply));
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_stop(&p);
}
END_TEST

START_TEST(short_and_foreign_frames_are_counted)
{
    uint8_t frame[64] = { 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 1, 8, 0 };

    peer_start(&p, NULL);
    peer_frame(&p, frame, 13);
    ck_assert_uint_eq(p.counters.eth_drop_short, 1);
    peer_frame(&p, frame, 64);
    ck_assert_uint_eq(p.counters.eth_drop_not_ours, 1);
    frame[12] = 0x86;
    peer_frame(&p, frame, 64);
    ck_assert_uint_eq(p.counters.eth_drop_type, 1);
    peer_stop(&p);
}
END_TEST

static void add_all(TCase *t, const TTest *const tests[], unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        tcase_add_test(t, tests[i]);
}

Suite *tcp_suite(void)
{
    Suite *suite = suite_create("tcp");
    TCase *t = tcase_create("tcp");
    const TTest *const tests[] = {
        syn_is_answered_with_the_options_of_both,
        syn_without_options_gets_none_and_small_segments,
        mss_is_clamped,
        timestamps_come_off_the_payload,
        syn_ack_is_repeated_with_backoff_then_given_up,
        repeated_syn_gets_the_same_syn_ack,
        forged_ack_of_the_handshake_gets_reset_and_no_data,
        request_on_the_third_packet_is_served,
        segment_for_no_connection_gets_reset,
        application_may_refuse,
        full_table_ignores_new_peers_and_keeps_the_old,
        initial_window_is_ten_segments,
        slow_start_doubles,
        nothing_is_sent_beyond_the_window,
        zero_window_is_probed_without_end_while_the_peer_answers,
        zero_window_probe_that_is_taken_is_not_sent_again,
        silence_means_doubling_time_outs_of_the_first_segment,
        vanished_peer_is_given_up_after_the_user_timeout,
        three_duplicates_without_sack_retransmit_once,
        sack_holes_and_only_holes_are_filled,
        lost_tail_is_probed_before_the_time_out,
        reneged_sack_is_sent_again_after_the_time_out,
        sack_blocks_out_of_bounds_are_ignored,
        ack_beyond_what_was_sent_is_answered_and_changes_nothing,
        reset_must_hit_the_exact_sequence_number,
        syn_in_a_connection_gets_a_challenge_ack,
        old_data_is_acknowledged_again,
        paws_drops_old_timestamps_but_not_resets,
        reordered_request_is_put_together_and_sacked,
        application_that_takes_nothing_closes_the_window,
        peer_closes_first,
        we_close_first_and_wait,
        both_close_at_once,
        half_closed_peer_gets_all_of_its_file,
        fin_that_is_lost_is_sent_again,
        newer_syn_reuses_time_wait,
        peer_that_never_closes_is_forgotten,
        drain_refuses_new_and_closes_idle,
        abort_all_sends_resets,
        tso_packets_are_whole_segments,
        bad_sources_are_dropped,
        echo_request_is_answered,
        path_mtu_is_believed_only_for_bytes_in_flight,
        unknown_next_hop_is_asked_for_then_served,
        short_and_foreign_frames_are_counted,
    };

    tcase_set_timeout(t, 60);
    add_all(t, tests, sizeof(tests) / sizeof(tests[0]));
    suite_add_tcase(suite, t);
    return suite;
}
