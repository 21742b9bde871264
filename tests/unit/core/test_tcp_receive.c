/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP and below seen from the wire, one behaviour per test: receiving, closing, port modes, IP. */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"
#include "wire/ethernet.h"

static struct peer p;

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

/* The window's edge, and the order of window updates, across 4 GiB of either stream. */
START_TEST(windows_go_on_beyond_4_gib)
{
    struct tcp_segment small = { .window = 10 }, large = { .window = 20 }; /* scaled by 7 */
    uint32_t sent = 0;

    peer_established(&p);
    peer_advance(&p, (UINT64_C(1) << 32) - 20000);
    for (; sent < 40000; sent += 1000) {
        peer_send(&p, TCP_ACK, 1 + sent, 1, 1000, NULL);
        ck_assert_uint_eq(peer_only(&p)->ack, 1 + sent + 1000);
    }
    ck_assert_uint_eq(p.received, 40000);
    ck_assert_uint_gt(p.conn->rcv_nxt, UINT64_C(1) << 32);
    peer_send(&p, TCP_ACK, 1 + sent, 1, 1, &large);
    peer_send(&p, TCP_ACK, 1 + sent, 1, 1,
              &small); /* older than the last: its window does not count */
    ck_assert_uint_eq(p.conn->snd_edge - p.conn->snd_una, 20 << 7);
    p.stuck = true;
    for (sent++; p.conn->rcv_nxt < p.conn->rcv_taken + 32768;) {
        peer_send(&p, TCP_ACK, 1 + sent, 1, 1024, NULL);
        sent += 1024;
    }
    uint64_t dropped = p.counters.tcp_drop_unacceptable;
    peer_send(&p, TCP_ACK, 1 + sent, 1, 0, NULL); /* at the edge */
    ck_assert_uint_eq(p.counters.tcp_drop_unacceptable, dropped);
    peer_send(&p, TCP_ACK, 2 + sent, 1, 0, NULL); /* beyond */
    ck_assert_uint_eq(p.counters.tcp_drop_unacceptable, dropped + 1);
    peer_stop(&p);
}
END_TEST

START_TEST(ack_stands_inside_the_window_of_a_peer_that_was_probed)
{
    struct tcp_segment closed = { .payload_len = 1 }; /* window 0 */

    peer_established(&p);
    p.body = 10000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &closed);
    ck_assert_uint_eq(peer_payload(&p), 0);
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_ge(p.counters.tcp_window_probe, 1);
    peer_send(&p, TCP_ACK, 2, 1, 1, &closed); /* it did not take the byte, and sends itself */
    ck_assert_uint_eq(peer_only(&p)->ack, 3);
    ck_assert_uint_eq(peer_only(&p)->seq, 1);
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

static void with_tso_from_256(struct stack_config *config)
{
    config->tx_tso_bytes_max = 65000;
    config->tx_tso_mss_min = 256;
}

/* i40e takes a smaller segment size for an attack. */
START_TEST(tso_is_not_asked_to_cut_small_segments)
{
    struct tcp_segment options = PEER_DEFAULT_OPTIONS;

    options.mss = _i == 0 ? 255 : 256;
    peer_start(&p, with_tso_from_256);
    peer_handshake(&p, &options);
    peer_request(&p, 10000);
    if (_i == 0) {
        ck_assert_uint_ge(p.out_count, 10);
        for (unsigned i = 0; i < p.out_count; i++)
            ck_assert_uint_le(p.out[i].payload_len, 255);
    } else {
        ck_assert_uint_eq(peer_only(&p)->payload_len, 10 * 256);
    }
    peer_stop(&p);
}
END_TEST

static void with_one_extent(struct stack_config *config)
{
    config->tx_extents_max = 1;
}

/* Sent as one run: what ends the stream is said by the last packet alone. */
START_TEST(end_is_on_the_last_packet_of_a_run)
{
    peer_start(&p, _i == 0 ? NULL : with_one_extent);
    peer_handshake(&p, NULL);
    p.close_after = true;
    peer_request(&p, 3 * 1460 + 100);
    ck_assert_uint_eq(p.out_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(p.out[i].seq, 1 + i * 1460);
        ck_assert_uint_eq(p.out[i].payload_len, i < 3 ? 1460 : 100);
        ck_assert_uint_eq(p.out[i].flags, i < 3 ? TCP_ACK : TCP_ACK | TCP_PSH | TCP_FIN);
    }
    ck_assert_uint_eq(p.counters.tcp_out, 1 + 4);
    peer_stop(&p);
}
END_TEST

static void with_checksums(struct stack_config *config)
{
    config->tx_tcp_checksum = true;
}

static void with_checksums_and_one_extent(struct stack_config *config)
{
    with_checksums(config);
    config->tx_extents_max = 1;
}

/* What is alike is one slot, whoever computes checksums; the last packet is by itself if it is
 * shorter, or ends the stream. */
START_TEST(packets_that_are_alike_are_a_run)
{
    static const struct {
        uint32_t body;
        unsigned packets, runs;
    } rows[] = {
        { 3 * 1460 + 100, 4, 1 },
        { 3 * 1460, 3, 1 },
        { 2 * 1460, 2, 0 },
        { 100, 1, 0 },
    };

    peer_start(&p, _i < 4 ? with_checksums : _i < 8 ? with_checksums_and_one_extent : NULL);
    p.tx_checksum = _i < 8;
    peer_handshake(&p, NULL);
    p.close_after = true;
    peer_request(&p, rows[_i % 4].body);
    ck_assert_uint_eq(p.out_count, rows[_i % 4].packets);
    for (unsigned i = 0; i < p.out_count; i++) {
        bool last = i == p.out_count - 1;
        ck_assert_uint_eq(p.out[i].seq, 1 + i * 1460);
        ck_assert_uint_eq(p.out[i].payload_len, last ? rows[_i % 4].body - i * 1460 : 1460);
        ck_assert_uint_eq(p.out[i].flags, last ? TCP_ACK | TCP_PSH | TCP_FIN : TCP_ACK);
    }
    ck_assert_uint_eq(p.runs, rows[_i % 4].runs);
    ck_assert_uint_eq(p.counters.tcp_out, 1 + p.out_count);
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

Suite *tcp_receive_suite(void)
{
    Suite *suite = suite_create("tcp, receiving");
    TCase *t = tcase_create("tcp, receiving");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, reordered_request_is_put_together_and_sacked);
    tcase_add_test(t, application_that_takes_nothing_closes_the_window);
    tcase_add_test(t, windows_go_on_beyond_4_gib);
    tcase_add_test(t, ack_stands_inside_the_window_of_a_peer_that_was_probed);
    tcase_add_test(t, peer_closes_first);
    tcase_add_test(t, we_close_first_and_wait);
    tcase_add_test(t, both_close_at_once);
    tcase_add_test(t, half_closed_peer_gets_all_of_its_file);
    tcase_add_test(t, fin_that_is_lost_is_sent_again);
    tcase_add_test(t, newer_syn_reuses_time_wait);
    tcase_add_test(t, peer_that_never_closes_is_forgotten);
    tcase_add_test(t, drain_refuses_new_and_closes_idle);
    tcase_add_test(t, abort_all_sends_resets);
    tcase_add_loop_test(t, end_is_on_the_last_packet_of_a_run, 0, 2);
    tcase_add_loop_test(t, packets_that_are_alike_are_a_run, 0, 12);
    tcase_add_test(t, tso_packets_are_whole_segments);
    tcase_add_loop_test(t, tso_is_not_asked_to_cut_small_segments, 0, 2);
    tcase_add_test(t, bad_sources_are_dropped);
    tcase_add_test(t, echo_request_is_answered);
    tcase_add_test(t, unknown_next_hop_is_asked_for_then_served);
    tcase_add_test(t, short_and_foreign_frames_are_counted);
    suite_add_tcase(suite, t);
    return suite;
}
