/* SPDX-License-Identifier: BSD-3-Clause */
/* Single clauses: clocks and secrets, what is ignored, limited transmit. docs/RFC.md names them. */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"
#include "wire/ipv4.h"
#include "wire/ndp.h"

#define SEG   1460u
#define DAY_S (24 * 3600 * NS_PER_S)

static struct peer p;

static const struct tcp_segment with_ts = { .has_mss = true,
                                            .mss = PEER_MSS,
                                            .sack_permitted = true,
                                            .has_timestamps = true,
                                            .ts_value = 5000 };

/* RFC 6528 section 3. */

static struct tcp_key key_of(uint16_t remote_port, uint16_t local_port)
{
    return (struct tcp_key){ .remote = ip_addr_from_v4(CLIENT_IP),
                             .local = ip_addr_from_v4(SERVER_IP),
                             .remote_port = remote_port,
                             .local_port = local_port };
}

START_TEST(initial_sequence_number_grows_every_four_microseconds)
{
    struct tcp_ctx ctx = { .now = 1000 * NS_PER_S, .isn_key = { 1 } };
    struct tcp_key key = key_of(40000, 80);
    uint32_t first = tcp_initial_seq(&ctx, &key);

    ctx.now += 3999;
    ck_assert_uint_eq(tcp_initial_seq(&ctx, &key) - first, 0);
    ctx.now += NS_PER_S - 3999;
    ck_assert_uint_eq(tcp_initial_seq(&ctx, &key) - first, 250000);
    ctx.now += 6 * 3600 * NS_PER_S; /* and wraps in less than five hours */
    ck_assert_uint_eq(tcp_initial_seq(&ctx, &key) - first, (uint32_t)(250000ull * (6 * 3600 + 1)));
}
END_TEST

START_TEST(initial_sequence_number_differs_by_key_and_secret)
{
    struct tcp_ctx ctx = { .now = 1000 * NS_PER_S, .isn_key = { 1 } }, other = ctx;
    struct tcp_key keys[4] = { key_of(40000, 80), key_of(40001, 80), key_of(40000, 81),
                               key_of(40000, 80) };
    uint32_t isn[5];

    keys[3].remote = ip_addr_from_v4(CLIENT_IP + 1);
    other.isn_key[15] = 1;
    for (unsigned i = 0; i < 4; i++)
        isn[i] = tcp_initial_seq(&ctx, &keys[i]);
    isn[4] = tcp_initial_seq(&other, &keys[0]);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned k = 0; k < i; k++)
            ck_assert_uint_ne(isn[i], isn[k]);
}
END_TEST

/* RFC 7323. */

START_TEST(timestamps_begin_anywhere)
{
    uint32_t value[3];

    peer_start(&p, NULL);
    for (unsigned i = 0; i < 3; i++) {
        p.port++;
        peer_send(&p, TCP_SYN, 0, 0, 0, &with_ts);
        value[i] = peer_only(&p)->ts_value;
    }
    for (unsigned i = 1; i < 3; i++) /* 7.1: nothing of one tells another's, or how long we run */
        ck_assert_uint_gt(value[i] - value[i - 1] + 100000u, 200000u);
    peer_stop(&p);
}
END_TEST

/* 5.5: days of silence, and whether an older timestamp is taken then. */
START_TEST(last_timestamp_is_void_after_24_days)
{
    static const struct {
        unsigned days;
        bool taken;
    } rows[] = { { 1, false }, { 23, false }, { 25, true } };
    struct tcp_segment old = { .has_timestamps = true, .ts_value = 4000 };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        peer_start(&p, NULL);
        peer_handshake(&p, &with_ts);
        p.now += rows[i].days * DAY_S;
        peer_send(&p, TCP_ACK, 1, 1, 10, &old);
        ck_assert_uint_eq(p.received, rows[i].taken ? 10 : 0);
        ck_assert_uint_eq(p.counters.tcp_drop_paws, !rows[i].taken);
        peer_stop(&p);
    }
}
END_TEST

/* RFC 7323 section 4.3 (2): what is echoed is the timestamp of what was acknowledged, not of what
 * lies behind a hole. */
START_TEST(echo_is_not_of_what_lies_behind_a_hole)
{
    struct tcp_segment later = with_ts;

    later.ts_value += 10;
    peer_start(&p, NULL);
    peer_handshake(&p, &with_ts);
    peer_send(&p, TCP_ACK, 11, 1, 10, &later);
    ck_assert_uint_eq(peer_only(&p)->ts_echo, with_ts.ts_value);
    later.ts_value -= 5;
    peer_send(&p, TCP_ACK, 1, 1, 10, &later);
    ck_assert_uint_eq(p.received, 20);
    ck_assert_uint_eq(peer_only(&p)->ts_echo, later.ts_value);
    peer_stop(&p);
}
END_TEST

/* RFC 3042: each of the first two duplicates lets one new segment go, and cwnd is as it was. */
START_TEST(limited_transmit)
{
    static const struct tcp_segment no_sack = { .has_mss = true, .mss = PEER_MSS };

    for (unsigned sack = 0; sack < 2; sack++) {
        peer_start(&p, NULL);
        peer_handshake(&p, sack ? NULL : &no_sack);
        peer_request(&p, 1000000);
        ck_assert_uint_eq(p.out_count, 10);
        uint32_t cwnd = p.conn->cwnd;
        for (uint32_t i = 1; i <= 2; i++) {
            struct tcp_segment ack = { .sack_count = (uint8_t)sack,
                                       .sack = { { 1 + SEG, 1 + (1 + i) * SEG } } };
            p.now += NS_PER_MS;
            peer_send(&p, TCP_ACK, 2, 1, 0, &ack);
            ck_assert_uint_eq(peer_only(&p)->seq, 1 + (9 + i) * SEG);
            ck_assert_uint_eq(peer_only(&p)->payload_len, SEG);
        }
        ck_assert_uint_eq(p.conn->cwnd, cwnd);
        ck_assert_uint_eq(p.counters.tcp_retransmit, 0);
        peer_stop(&p);
    }
}
END_TEST

/* RFC 5682 section 3.1 step 1. */
START_TEST(frto_only_for_the_first_time_out)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    while (p.counters.tcp_rto == 0)
        peer_wait(&p, NS_PER_MS);
    ck_assert_uint_ne(p.conn->frto, 0);
    while (p.counters.tcp_rto == 1)
        peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(p.conn->frto, 0);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 2, 1 + SEG, 0, NULL);
    ck_assert_uint_gt(p.out_count, 0);
    for (unsigned i = 0; i < p.out_count; i++) /* old bytes, at once */
        ck_assert_uint_lt(p.out[i].seq, 1 + 10 * SEG);
    peer_stop(&p);
}
END_TEST

/* RFC 5681 section 3.1, last but one paragraph: a lost SYN-ACK costs the initial window, no more.
 */
START_TEST(lost_syn_ack_costs_the_initial_window_alone)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_wait(&p, 1100 * NS_PER_MS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert_uint_eq(p.conn->ssthresh, UINT32_MAX);
    peer_request(&p, 100000);
    ck_assert_uint_eq(p.out_count, 1);
    peer_stop(&p);
}
END_TEST

/* RFC 6298 (5.7). The client got the first SYN-ACK and echoes its stamp; what was lost is its
 * answer. */
START_TEST(repeated_syn_ack_gives_no_round_trip)
{
    struct tcp_segment ts = PEER_DEFAULT_OPTIONS;
    struct tcp_segment ack = { .has_timestamps = true, .ts_value = 1 };

    ts.has_timestamps = true;
    ts.ts_value = 1;
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &ts);
    ack.ts_echo = peer_only(&p)->ts_value;
    peer_wait(&p, 7500 * NS_PER_MS); /* repeated after 1 s and 3 s and 7 s */
    p.body = 100000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &ack);
    ck_assert_uint_gt(p.out_count, 0);
    ck_assert_uint_eq(p.conn->rtt.srtt_us, 0);
    peer_wait(&p, 2900 * NS_PER_MS);
    ck_assert_uint_eq(p.counters.tcp_rto, 3);
    peer_wait(&p, 200 * NS_PER_MS);
    ck_assert_uint_eq(p.counters.tcp_rto, 4);
    peer_stop(&p);
}
END_TEST

/* RFC 9293. */

START_TEST(small_pieces_do_not_wait_for_acks) /* 3.7.4 */
{
    peer_established(&p);
    for (uint32_t i = 0; i < 5; i++) {
        p.body = 10;
        peer_send(&p, TCP_ACK, 1 + i, 1, 1, NULL);
        ck_assert_uint_eq(peer_payload(&p), 10);
    }
    peer_stop(&p);
}
END_TEST

START_TEST(urgent_bytes_are_delivered_in_line) /* 3.8.5 */
{
    peer_established(&p);
    peer_send(&p, TCP_ACK | TCP_URG, 1, 1, 10, NULL);
    ck_assert_uint_eq(p.received, 10);
    ck_assert_uint_eq(peer_only(&p)->ack, 11);
    peer_stop(&p);
}
END_TEST

START_TEST(source_quench_changes_nothing) /* 3.9.2.2 */
{
    uint8_t icmp[8 + 28] = { 4 };
    struct ip_addr client = ip_addr_from_v4(CLIENT_IP), server = ip_addr_from_v4(SERVER_IP);

    peer_established(&p);
    peer_request(&p, 100000);
    uint32_t cwnd = p.conn->cwnd;
    ipv4_emit(icmp + 8, &server, &client, IP_PROTOCOL_TCP, 0, 1500, false);
    put_be16(icmp + 28, 80);
    put_be16(icmp + 30, p.port);
    put_be32(icmp + 32, 1 + p.server_iss);
    put_be16(icmp + 2, (uint16_t)~checksum_bytes(icmp, sizeof(icmp)));
    peer_packet(&p, NULL, NULL, IP_PROTOCOL_ICMP, 64, icmp, sizeof(icmp));
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.conn->cwnd, cwnd);
    ck_assert_uint_eq(p.counters.icmp_drop_stale, 1);
    peer_stop(&p);
}
END_TEST

/* RFC 4987 section 3.6: nothing is kept of a SYN that got a cookie, so nothing is sent again. */
static void no_backlog(struct stack_config *config)
{
    config->tcp.syn_backlog = 0;
}

START_TEST(cookie_is_not_sent_again)
{
    peer_start(&p, no_backlog);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(p.counters.tcp_cookie_sent, 1);
    peer_wait(&p, 100 * NS_PER_S);
    ck_assert_uint_eq(p.out_count, 0);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS); /* the client asks anew */
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_stop(&p);
}
END_TEST

/* RFC 4861 section 8: a host on the link cannot turn our packets to itself. */
START_TEST(redirect_is_ignored)
{
    struct ip_addr from = peer_address("fe80::1"), target = peer_address("fe80::bad");
    struct ip_addr destination = peer_address(CLIENT_IP6);
    uint8_t m[40] = { NDP_REDIRECT };

    memcpy(m + 8, target.b, 16);
    memcpy(m + 24, destination.b, 16);
    peer_start_v6(&p, NULL);
    peer_icmpv6(&p, &from, NULL, NDP_HOP_LIMIT, m, sizeof(m));
    ck_assert_uint_eq(p.counters.ndp_ignored, 1);
    ck_assert_uint_eq(p.other_count, 0);
    peer_handshake(&p, NULL); /* goes where it went */
    peer_stop(&p);
}
END_TEST

Suite *clauses_suite(void)
{
    Suite *suite = suite_create("clauses");
    TCase *t = tcase_create("clauses");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, initial_sequence_number_grows_every_four_microseconds);
    tcase_add_test(t, initial_sequence_number_differs_by_key_and_secret);
    tcase_add_test(t, timestamps_begin_anywhere);
    tcase_add_test(t, last_timestamp_is_void_after_24_days);
    tcase_add_test(t, echo_is_not_of_what_lies_behind_a_hole);
    tcase_add_test(t, limited_transmit);
    tcase_add_test(t, frto_only_for_the_first_time_out);
    tcase_add_test(t, lost_syn_ack_costs_the_initial_window_alone);
    tcase_add_test(t, repeated_syn_ack_gives_no_round_trip);
    tcase_add_test(t, small_pieces_do_not_wait_for_acks);
    tcase_add_test(t, urgent_bytes_are_delivered_in_line);
    tcase_add_test(t, source_quench_changes_nothing);
    tcase_add_test(t, cookie_is_not_sent_again);
    tcase_add_test(t, redirect_is_ignored);
    suite_add_tcase(suite, t);
    return suite;
}
