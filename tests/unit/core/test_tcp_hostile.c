/* SPDX-License-Identifier: BSD-3-Clause */
/* What strangers and confused peers send: RFC 5961, RFC 7323 section 3.2, land, bad sources. */
#include <string.h>

#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "wire/ethernet.h"

static struct peer p;

#define WINDOW 32768u /* ours, at its largest */

static const struct tcp_segment ZERO_WINDOW = { .payload_len = 1 };

static const struct tcp_segment WITH_TIMESTAMPS = { .has_mss = true,
                                                    .mss = PEER_MSS,
                                                    .sack_permitted = true,
                                                    .has_window_scale = true,
                                                    .window_scale = 7,
                                                    .has_timestamps = true,
                                                    .ts_value = 1000 };

/* Challenge ACKs and their limits (RFC 5961 sections 3.2, 4.2, 5.2 and 7). */

START_TEST(guesses_are_challenged_once_per_half_second)
{
    static const struct {
        const char *what;
        uint8_t flags;
        uint32_t seq, ack;
    } rows[] = {
        { "RST in the window", TCP_RST, 100, 0 },
        { "RST with ACK in the window", TCP_RST | TCP_ACK, 100, 1 },
        { "SYN", TCP_SYN, 1, 0 },
        { "SYN elsewhere", TCP_SYN, 0x40000000, 0 },
        { "SYN-ACK", TCP_SYN | TCP_ACK, 1, 1 },
        { "ACK of the future", TCP_ACK, 1, 5000 },
        { "ACK of long ago", TCP_ACK, 1, 0x80000010 },
        { "ACK left of the window", TCP_ACK, 0, 1 },
        { "ACK right of the window", TCP_ACK, 0x10000000, 1 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_established(&p);
        unsigned answers = 0;
        for (int k = 0; k < 200; k++) { /* within 1 s */
            peer_send(&p, rows[i].flags, rows[i].seq, rows[i].ack, 0, NULL);
            for (unsigned m = 0; m < p.out_count; m++) {
                ck_assert_uint_eq(p.out[m].flags, TCP_ACK);
                ck_assert_uint_eq(p.out[m].seq, 1);
                ck_assert_uint_eq(p.out[m].ack, 1);
                answers++;
            }
            p.now += 5 * NS_PER_MS;
        }
        ck_assert_msg(answers == 2, "%s: %u answers", rows[i].what, answers);
        ck_assert_uint_eq(p.counters.tcp_challenge_limited, 198);
        ck_assert_uint_eq(p.closed, 0);
        peer_stop(&p);
    }
}
END_TEST

static void few_challenges(struct stack_config *config)
{
    config->tcp.challenge_acks_per_s = 10;
    config->connections_max = 200;
}

START_TEST(all_connections_together_send_few_challenges)
{
    unsigned total[2] = { 0, 0 };

    peer_start(&p, few_challenges);
    uint32_t server_iss[40];
    for (unsigned i = 0; i < 40; i++) {
        p.port = (uint16_t)(50000 + i);
        p.opened = 0;
        peer_handshake(&p, NULL);
        server_iss[i] = p.server_iss;
    }
    for (unsigned second = 0; second < 2; second++) {
        p.now += NS_PER_S;
        for (unsigned i = 0; i < 40; i++) {
            p.port = (uint16_t)(50000 + i);
            p.server_iss = server_iss[i];
            peer_send(&p, TCP_RST, 100, 0, 0, NULL);
            total[second] += p.out_count;
        }
        ck_assert_uint_ge(total[second], 5);
        ck_assert_uint_le(total[second], 10);
    }
    peer_stop(&p);
}
END_TEST

START_TEST(ack_war_dies_out)
{
    /* The peer believes in other sequence numbers and answers each of our ACKs with its own. */
    peer_established(&p);
    unsigned rounds = 0;
    peer_send(&p, TCP_ACK, 0x20000000, 1, 0, NULL);
    while (p.out_count != 0 && rounds < 100) {
        rounds++;
        p.now += NS_PER_MS;
        peer_send(&p, TCP_ACK, 0x20000000, 1, 0, NULL);
    }
    ck_assert_uint_eq(rounds, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(text_sent_twice_is_acknowledged_every_time)
{
    peer_established(&p);
    peer_send(&p, TCP_ACK, 1, 1, 100, NULL);
    for (int i = 0; i < 20; i++) { /* our ACKs are lost */
        p.now += NS_PER_MS;
        peer_send(&p, TCP_ACK, 1, 1, 100, NULL);
        ck_assert_uint_eq(peer_only(&p)->ack, 101);
    }
    ck_assert_uint_eq(p.counters.tcp_challenge_limited, 0);
    peer_stop(&p);
}
END_TEST

/* RST (RFC 9293 section 3.10.7.4). */

START_TEST(reset_by_state)
{
    static const struct {
        const char *what;
        bool stuck; /* the application takes nothing: our window is closed */
        uint32_t seq;
        bool closes;
    } rows[] = {
        { "exact", false, 1, true },
        { "one beside", false, 2, false },
        { "one before", false, 0, false },
        { "window closed, exact", true, 1 + WINDOW, true },
        { "window closed, one beside", true, 2 + WINDOW, false },
        { "window closed, first byte not taken", true, 1, false },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_established(&p);
        p.stuck = rows[i].stuck;
        for (uint32_t at = 1; p.stuck && at < 1 + WINDOW; at += 1024)
            peer_send(&p, TCP_ACK, at, 1, 1024, NULL);
        if (p.stuck)
            ck_assert_uint_eq(p.out[p.out_count - 1].window, 0);
        peer_send(&p, TCP_RST, rows[i].seq, 0, 0, NULL);
        ck_assert_msg((p.closed == 1) == rows[i].closes, "%s", rows[i].what);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(reset_ends_a_connection_whose_peer_closed_its_window)
{
    peer_established(&p);
    p.body = 1000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &ZERO_WINDOW);
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_gt(p.counters.tcp_window_probe, 0);
    peer_send(&p, TCP_RST, 2, 0, 0, NULL);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    ck_assert_uint_eq(stack_usage(p.stack).ranges, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(reset_ends_a_handshake)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_send(&p, TCP_RST, 1, 0, 0, NULL);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    ck_assert_uint_eq(stack_usage(p.stack).ranges, 0);
    ck_assert_uint_eq(p.opened, 0);
    peer_stop(&p);
}
END_TEST

/* Timestamps (RFC 7323 section 3.2). */

START_TEST(segment_without_agreed_timestamps)
{
    static const struct {
        const char *what;
        uint8_t flags;
        uint32_t payload;
        unsigned answers;
        unsigned dropped, closed;
    } rows[] = {
        { "ACK", TCP_ACK, 0, 0, 1, 0 },           { "text", TCP_ACK | TCP_PSH, 10, 0, 1, 0 },
        { "FIN", TCP_ACK | TCP_FIN, 0, 0, 1, 0 }, { "RST", TCP_RST, 0, 0, 0, 1 },
        { "SYN", TCP_SYN, 0, 1, 0, 0 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_start(&p, NULL);
        peer_handshake(&p, &WITH_TIMESTAMPS);
        peer_send(&p, rows[i].flags, 1, 1, rows[i].payload, NULL);
        ck_assert_msg(p.out_count == rows[i].answers, "%s", rows[i].what);
        ck_assert_msg(p.counters.tcp_drop_no_timestamp == rows[i].dropped, "%s", rows[i].what);
        ck_assert_msg(p.closed == rows[i].closed, "%s", rows[i].what);
        ck_assert_uint_eq(p.received, 0);
        peer_stop(&p);
    }
}
END_TEST

/* Sources that no peer may have (RFC 1122 section 3.2.1.3, RFC 9293 MUST-57 and MUST-63). */

static void syn_between(uint32_t from, uint32_t to, uint16_t from_port)
{
    static const struct mac_addr server = { { 2, 0, 0, 0, 0, 2 } },
                                 client = { { 2, 0, 0, 0, 0, 1 } };
    struct ip_addr src = ip_addr_from_v4(from), dst = ip_addr_from_v4(to);
    struct tcp_segment seg = {
        .src_port = from_port, .dst_port = 80, .flags = TCP_SYN, .window = 1
    };
    uint8_t frame[14 + 20 + 60] = { 0 };

    uint32_t len = tcp_segment_emit(frame + 34, &seg);
    uint64_t sum = (uint64_t)ip_pseudo_sum(&src, &dst, IP_PROTOCOL_TCP) + len +
                   checksum_bytes(frame + 34, len);
    tcp_checksum_put(frame + 34, (uint16_t)~checksum_fold(sum));
    eth_emit(frame, &server, &client, ETH_TYPE_IPV4);
    ipv4_emit(frame + 14, &src, &dst, IP_PROTOCOL_TCP, 0, 20 + len, false);
    peer_frame(&p, frame, 34 + len);
}

START_TEST(syn_with_an_impossible_address_is_dropped)
{
    static const struct {
        const char *what;
        uint32_t from, to;
    } rows[] = {
        { "land: from ourselves", SERVER_IP, SERVER_IP },
        { "loopback", 0x7f000001, SERVER_IP },
        { "this network", 0x00000001, SERVER_IP },
        { "multicast", 0xe0000001, SERVER_IP },
        { "multicast, highest", 0xefffffff, SERVER_IP },
        { "class E", 0xf0000001, SERVER_IP },
        { "limited broadcast", 0xffffffff, SERVER_IP },
        { "broadcast of our net", 0x0a4700ff, SERVER_IP },
        { "to broadcast", CLIENT_IP, 0xffffffff },
        { "to our net's broadcast", CLIENT_IP, 0x0a4700ff },
        { "to multicast", CLIENT_IP, 0xe0000001 },
        { "to another host", CLIENT_IP, 0x0a470003 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_start(&p, NULL);
        syn_between(rows[i].from, rows[i].to, 80);
        ck_assert_msg(p.out_count == 0 && p.arp_count == 0, "%s", rows[i].what);
        ck_assert_uint_eq(p.counters.ip_drop_source + p.counters.ip_drop_not_ours, 1);
        ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
        peer_stop(&p);
    }
}
END_TEST

Suite *tcp_hostile_suite(void)
{
    Suite *suite = suite_create("tcp, hostile");
    TCase *t = tcase_create("tcp, hostile");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, guesses_are_challenged_once_per_half_second);
    tcase_add_test(t, all_connections_together_send_few_challenges);
    tcase_add_test(t, ack_war_dies_out);
    tcase_add_test(t, text_sent_twice_is_acknowledged_every_time);
    tcase_add_test(t, reset_by_state);
    tcase_add_test(t, reset_ends_a_connection_whose_peer_closed_its_window);
    tcase_add_test(t, reset_ends_a_handshake);
    tcase_add_test(t, segment_without_agreed_timestamps);
    tcase_add_test(t, syn_with_an_impossible_address_is_dropped);
    suite_add_tcase(suite, t);
    return suite;
}
