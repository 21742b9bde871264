/* SPDX-License-Identifier: BSD-3-Clause */
/* What segment size the path takes: what its routers say (RFC 1191), and what is found out without
 * them (RFC 4821, RFC 8899). */
#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"
#include "wire/ipv4.h"

#define FULL  1460u
#define STEP1 (1024u - 40)
#define STEP2 (576u - 40)

static struct peer p;

/* The window stays below 64 KiB, so that answers can be counted. */
static void established(void)
{
    static const struct tcp_segment options = { .has_mss = true,
                                                .mss = PEER_MSS,
                                                .sack_permitted = true };

    peer_start(&p, NULL);
    peer_handshake(&p, &options);
}

static uint32_t largest(void)
{
    uint32_t most = 0;

    for (unsigned i = 0; i < p.out_count; i++)
        if (p.out[i].payload_len > most)
            most = p.out[i].payload_len;
    return most;
}

/* Lets the retransmission timer run out so many times. */
static void time_outs(unsigned n)
{
    for (uint64_t until = p.counters.tcp_rto + n; p.counters.tcp_rto < until;) {
        peer_wait(&p, 0);
        p.now = stack_deadline(p.stack) > p.now ? stack_deadline(p.stack) : p.now;
        p.out_count = 0;
        peer_wait(&p, 0);
    }
}

/* Acknowledges all that was sent, until a segment of more than `size` bytes leaves; returns where
 * it starts, 0: none does. */
static uint32_t larger_than(uint32_t size)
{
    for (unsigned turn = 0; turn < 60; turn++) {
        p.now += PEER_RTT_NS;
        peer_send(&p, TCP_ACK, 2, (uint32_t)p.conn->snd_nxt, 0, NULL);
        for (unsigned i = 0; i < p.out_count; i++)
            if (p.out[i].payload_len > size)
                return p.out[i].seq;
    }
    return 0;
}

/* A long answer is on its way, and nothing of full size gets through. */
static void fallen_back(void)
{
    peer_request(&p, 10000000);
    ck_assert_uint_eq(largest(), FULL);
    time_outs(2);
    ck_assert_uint_eq(p.conn->mss, STEP1);
}

/* Tells by SACK that all arrived but the segment at seq, of which `missing` bytes were sent. */
static void lose(uint32_t seq, uint32_t missing)
{
    struct tcp_segment sack = { .sack_count = 1,
                                .sack = { { seq + missing, (uint32_t)p.conn->snd_nxt } } };

    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 2, seq, 0, &sack);
}

/* Routers that speak. */

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

START_TEST(router_that_speaks_of_a_probe_bounds_the_search)
{
    established();
    fallen_back();
    uint32_t probe = larger_than(STEP1);
    send_path_mtu(probe, 1400);
    ck_assert_uint_eq(p.counters.icmp_error_in, 1);
    ck_assert_uint_eq(p.conn->mss, STEP1);
    lose(probe, FULL);
    probe = larger_than(STEP1);
    ck_assert_uint_ne(probe, 0);
    ck_assert_uint_le(largest(), 1400 - 40);
    peer_stop(&p);
}
END_TEST

/* Routers that do not. */

START_TEST(two_time_outs_make_segments_smaller)
{
    established();
    peer_request(&p, 10000000);
    time_outs(1);
    ck_assert_uint_eq(largest(), FULL);
    time_outs(1);
    ck_assert_uint_eq(largest(), STEP1);
    ck_assert_uint_eq(p.counters.tcp_mtu_reduced, 1);
    time_outs(2);
    ck_assert_uint_eq(largest(), STEP2);
    time_outs(2); /* and never below */
    ck_assert_uint_eq(largest(), STEP2);
    ck_assert_uint_eq(p.counters.tcp_mtu_reduced, 2);
    peer_stop(&p);
}
END_TEST

START_TEST(small_segments_are_not_lost_for_their_size)
{
    established();
    peer_request(&p, STEP2);
    time_outs(5);
    ck_assert_uint_eq(p.counters.tcp_mtu_reduced, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(step_down_is_below_what_was_lost)
{
    established();
    peer_request(&p, STEP1); /* not larger than the first step */
    time_outs(2);
    ck_assert_uint_eq(largest(), STEP2);
    peer_stop(&p);
}
END_TEST

START_TEST(no_ipv6_packet_gets_smaller_than_1280_bytes)
{
    peer_start_v6(&p, NULL);
    peer_handshake(&p, NULL);
    peer_request(&p, 10000000);
    ck_assert_uint_eq(largest(), 1440);
    time_outs(6);
    ck_assert_uint_eq(largest(), 1280 - 60);
    peer_stop(&p);
}
END_TEST

START_TEST(full_size_is_tried_first)
{
    established();
    fallen_back();
    uint32_t probe = larger_than(STEP1);
    ck_assert_uint_ne(probe, 0);
    ck_assert_uint_eq(largest(), FULL);
    ck_assert_uint_eq(p.counters.tcp_mtu_probe, 1);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 2, (uint32_t)p.conn->snd_nxt, 0, NULL); /* it got through */
    ck_assert_uint_eq(p.conn->mss, FULL);
    ck_assert_uint_eq(p.out[0].payload_len, FULL);
    ck_assert_uint_eq(p.counters.tcp_mtu_raised, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(lost_probe_is_no_congestion)
{
    established();
    fallen_back();
    uint32_t probe = larger_than(STEP1), cwnd = p.conn->cwnd, ssthresh = p.conn->ssthresh;
    uint64_t recoveries = p.counters.tcp_recovery;
    lose(probe, FULL);
    ck_assert_uint_eq(p.counters.tcp_recovery, recoveries);
    ck_assert_uint_ge(p.conn->cwnd, cwnd);
    ck_assert_uint_eq(p.conn->ssthresh, ssthresh);
    ck_assert_uint_eq(p.out[0].seq, probe); /* its bytes go again, in segments that pass */
    ck_assert_uint_eq(p.out[0].payload_len, STEP1);
    ck_assert_uint_eq(p.out[1].seq, probe + STEP1);
    ck_assert_uint_eq(p.out[1].payload_len, FULL - STEP1);
    peer_stop(&p);
}
END_TEST

START_TEST(retransmission_of_a_probe_that_is_lost_is_congestion)
{
    established();
    fallen_back();
    uint32_t probe = larger_than(STEP1);
    uint64_t recoveries = p.counters.tcp_recovery;
    lose(probe, FULL);
    p.now += 4 * PEER_RTT_NS;
    lose(probe, FULL); /* what was sent behind arrived */
    ck_assert_uint_eq(p.counters.tcp_recovery, recoveries + 1);
    peer_stop(&p);
}
END_TEST

START_TEST(size_is_given_up_after_three_probes)
{
    static const uint32_t sizes[] = { FULL, FULL, FULL, (STEP1 + FULL) / 2 };

    established();
    fallen_back();
    for (unsigned i = 0; i < 4; i++) {
        uint32_t probe = larger_than(STEP1);
        ck_assert_uint_ne(probe, 0);
        ck_assert_uint_eq(largest(), sizes[i]);
        lose(probe, sizes[i]);
    }
    peer_stop(&p);
}
END_TEST

START_TEST(search_ends_and_begins_anew_after_ten_minutes)
{
    established();
    fallen_back();
    uint32_t seq;
    while ((seq = larger_than(STEP1)) != 0)
        lose(seq, largest());
    ck_assert_uint_eq(p.conn->mss, STEP1);
    ck_assert_uint_le(p.counters.tcp_mtu_probe, 8 * 3);
    p.now += 601 * NS_PER_S;
    ck_assert_uint_ne(larger_than(STEP1), 0);
    ck_assert_uint_eq(largest(), FULL);
    peer_stop(&p);
}
END_TEST

START_TEST(peer_without_sack_is_not_probed_but_gets_full_segments_again)
{
    static const struct tcp_segment no_sack = { .has_mss = true, .mss = PEER_MSS };

    peer_start(&p, NULL);
    peer_handshake(&p, &no_sack);
    fallen_back();
    ck_assert_uint_eq(larger_than(STEP1), 0);
    p.now += 601 * NS_PER_S;
    ck_assert_uint_ne(larger_than(STEP1), 0);
    ck_assert_uint_eq(p.counters.tcp_mtu_probe, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(nothing_is_probed_where_so_little_is_left_that_a_loss_would_not_show)
{
    established();
    peer_request(&p, 20000);
    time_outs(2);
    peer_send(&p, TCP_ACK, 2, 1 + 20000 - 4 * STEP1, 0, NULL);
    for (int i = 0; i < 10; i++)
        peer_send(&p, TCP_ACK, 2, (uint32_t)p.conn->snd_nxt, 0, NULL);
    ck_assert_uint_eq(p.acked, 20000);
    ck_assert_uint_eq(p.counters.tcp_mtu_probe, 0);
    peer_stop(&p);
}
END_TEST

static void no_probing(struct stack_config *config)
{
    config->tcp.mtu_probing = false;
}

START_TEST(segments_keep_their_size_when_probing_is_off)
{
    peer_start(&p, no_probing);
    peer_handshake(&p, NULL);
    peer_request(&p, 10000000);
    time_outs(6);
    ck_assert_uint_eq(largest(), FULL);
    peer_stop(&p);
}
END_TEST

Suite *tcp_mtu_suite(void)
{
    Suite *suite = suite_create("tcp, path MTU");
    TCase *t = tcase_create("tcp, path MTU");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, path_mtu_is_believed_only_for_bytes_in_flight);
    tcase_add_test(t, router_that_speaks_of_a_probe_bounds_the_search);
    tcase_add_test(t, two_time_outs_make_segments_smaller);
    tcase_add_test(t, small_segments_are_not_lost_for_their_size);
    tcase_add_test(t, step_down_is_below_what_was_lost);
    tcase_add_test(t, no_ipv6_packet_gets_smaller_than_1280_bytes);
    tcase_add_test(t, full_size_is_tried_first);
    tcase_add_test(t, lost_probe_is_no_congestion);
    tcase_add_test(t, retransmission_of_a_probe_that_is_lost_is_congestion);
    tcase_add_test(t, size_is_given_up_after_three_probes);
    tcase_add_test(t, search_ends_and_begins_anew_after_ten_minutes);
    tcase_add_test(t, peer_without_sack_is_not_probed_but_gets_full_segments_again);
    tcase_add_test(t, nothing_is_probed_where_so_little_is_left_that_a_loss_would_not_show);
    tcase_add_test(t, segments_keep_their_size_when_probing_is_off);
    suite_add_tcase(suite, t);
    return suite;
}
