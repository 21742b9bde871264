/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN backlog and cookies (RFC 4987), and what a SYN may bring along. */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "wire/ethernet.h"

enum { BACKLOG = 4, FIRST_PORT = 20000 };

static struct peer p;

static void small_backlog(struct stack_config *config)
{
    config->tcp.syn_backlog = BACKLOG;
    config->tcp.initial_window = 40;
}

/* Half-open connections of others fill the backlog; p's own port stays free. */
static void fill_backlog(void)
{
    uint16_t own = p.port;

    for (uint16_t i = 0; i < BACKLOG; i++) {
        p.port = (uint16_t)(FIRST_PORT + i);
        peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
        ck_assert_uint_eq(p.out_count, 1);
    }
    ck_assert_uint_eq(p.counters.tcp_cookie_sent, 0);
    p.port = own;
}

/* A SYN that is answered with a cookie. */
static void cookie_syn(const struct tcp_segment *options)
{

    peer_start(&p, small_backlog);
    fill_backlog();
    peer_send(&p, TCP_SYN, 0, 0, 0, options);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    ck_assert_uint_eq(p.out[0].ack, 1);
    ck_assert_uint_eq(p.counters.tcp_cookie_sent, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, BACKLOG);
}

START_TEST(flood_keeps_nothing_and_true_clients_are_served)
{
    peer_start(&p, small_backlog);
    fill_backlog();
    for (unsigned i = 0; i < 50000; i++) {
        p.port = (uint16_t)(1024 + i);
        p.iss += 7919;
        peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
        if (i % 5000 != 4999)
            continue;
        p.opened = 0; /* a true client among them */
        peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
        ck_assert_uint_eq(p.opened, 1);
        p.stream_end = p.acked = 0;
        peer_request(&p, 1000);
        ck_assert_uint_eq(peer_payload(&p), 1000);
        peer_send(&p, TCP_RST, 2, 0, 0, NULL);
        ck_assert_uint_eq(stack_usage(p.stack).connections, BACKLOG);
        ck_assert_uint_eq(stack_usage(p.stack).ranges, BACKLOG);
    }
    ck_assert_uint_ge(p.counters.tcp_cookie_sent, 49000);
    ck_assert_uint_eq(p.counters.tcp_cookie_accepted, 10);
    peer_wait(&p, 200 * NS_PER_S); /* the half-open ones are given up: no more cookies */
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    uint64_t sent = p.counters.tcp_cookie_sent;
    p.port = 60001;
    p.opened = 0;
    peer_handshake(&p, NULL);
    ck_assert_uint_eq(p.counters.tcp_cookie_sent, sent);
    peer_stop(&p);
}
END_TEST

START_TEST(drain_forgets_half_open_connections)
{
    peer_start(&p, small_backlog);
    fill_backlog();
    stack_drain(p.stack, p.now);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    ck_assert_uint_eq(stack_usage(p.stack).ranges, 0);
    p.port = FIRST_PORT + BACKLOG - 1;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST);
    peer_stop(&p);
}
END_TEST

START_TEST(cookie_keeps_the_options)
{
    static const struct {
        const char *what;
        uint16_t mss; /* 0: no option */
        int scale;    /* -1: no option */
        bool sack, timestamps;
        uint32_t payload; /* of our segments */
        bool scaled, sacks;
    } rows[] = {
        { "none", 0, -1, false, false, 536, false, false },
        { "MSS below the least", 10, -1, false, false, 64, false, false },
        { "MSS", 1460, -1, false, false, 1460, false, false },
        { "MSS between two of the table", 1459, -1, false, false, 1440, false, false },
        { "MSS larger than ours", 9000, -1, false, false, 1460, false, false },
        { "all but timestamps: scale and SACK have no place", 1460, 7, true, false, 1460, false,
          false },
        { "all", 1460, 7, true, true, 1448, true, true },
        { "scale 0", 1460, 0, true, true, 1448, false, true },
        { "scale 14", 1460, 14, true, true, 1448, true, true },
        { "scale beyond 14", 1460, 200, true, true, 1448, true, true },
        { "no scale", 1460, -1, true, true, 1448, false, true },
        { "no SACK", 1460, 7, false, true, 1448, true, false },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tcp_segment syn = { .has_mss = rows[i].mss != 0,
                                   .mss = rows[i].mss,
                                   .has_window_scale = rows[i].scale >= 0,
                                   .window_scale = (uint8_t)rows[i].scale,
                                   .sack_permitted = rows[i].sack,
                                   .has_timestamps = rows[i].timestamps,
                                   .ts_value = 500 };
        cookie_syn(&syn);
        struct tcp_segment s = p.out[0];
        bool kept = rows[i].timestamps;
        ck_assert_msg(s.has_mss && s.mss == 1460, "%s", rows[i].what);
        ck_assert_msg(s.has_timestamps == rows[i].timestamps, "%s", rows[i].what);
        ck_assert_msg(s.sack_permitted == (rows[i].sack && kept), "%s", rows[i].what);
        ck_assert_msg(s.has_window_scale == (rows[i].scale >= 0 && kept), "%s", rows[i].what);

        /* The window of 1000 units is what limits us: it shows the scale that was kept. */
        p.now += PEER_RTT_NS;
        struct tcp_segment ack = { .window = 1000,
                                   .has_timestamps = rows[i].timestamps,
                                   .ts_value = 510,
                                   .ts_echo = s.ts_value };
        p.body = 100000;
        peer_send(&p, TCP_ACK | TCP_PSH, 1, 1, 1, &ack);
        ck_assert_msg(p.opened == 1, "%s", rows[i].what);
        ck_assert_msg(p.out[0].payload_len == (rows[i].scaled           ? rows[i].payload
                                               : rows[i].payload < 1000 ? rows[i].payload
                                                                        : 1000),
                      "%s: %u", rows[i].what, p.out[0].payload_len);
        ck_assert_msg((peer_payload(&p) > 1000) == rows[i].scaled, "%s", rows[i].what);
        if (rows[i].timestamps) {
            ck_assert_uint_eq(p.out[0].ts_echo, 510);
            ck_assert_int_ge((int32_t)(p.out[0].ts_value - s.ts_value), 0);
        }
        /* A hole in what we receive is reported only to whom SACK was agreed with. */
        ack.window = 0;
        ack.payload_len = 0;
        peer_send(&p, TCP_ACK, 100, 1, 10, &ack);
        ck_assert_msg(p.out_count >= 1 && (p.out[0].sack_count == 1) == rows[i].sacks, "%s",
                      rows[i].what);
        ck_assert_uint_eq(p.counters.tcp_cookie_accepted, 1);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(cookie_ages)
{
    static const struct {
        unsigned seconds;
        bool good;
    } rows[] = { { 0, true }, { 1, true }, { 63, true }, { 128, false }, { 190, false } };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cookie_syn(&PEER_DEFAULT_OPTIONS);
        p.now += rows[i].seconds * NS_PER_S;
        peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
        ck_assert_msg((p.opened == 1) == rows[i].good, "after %u s", rows[i].seconds);
        unsigned resets = 0;
        for (unsigned k = 0; k < p.out_count; k++)
            resets += p.out[k].flags == TCP_RST;
        ck_assert_uint_eq(resets, rows[i].good ? 0 : 1);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(forged_cookies_get_a_reset_and_no_data)
{
    static const struct {
        const char *what;
        uint8_t flags;
        uint32_t seq, ack;
        int port;
    } rows[] = {
        { "another port", TCP_ACK, 1, 1, 1 },
        { "another sequence number", TCP_ACK, 2, 1, 0 },
        { "another acknowledgment", TCP_ACK, 1, 2, 0 },
        { "another MSS", TCP_ACK, 1, 1 + (1u << 28), 0 },
        { "another period", TCP_ACK, 1, 1 + (1u << 31), 0 },
        { "no cookie at all", TCP_ACK, 1, 4711, 0 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cookie_syn(&PEER_DEFAULT_OPTIONS);
        p.port = (uint16_t)(p.port + rows[i].port);
        p.body = 1000;
        peer_send(&p, rows[i].flags, rows[i].seq, rows[i].ack, 1, NULL);
        ck_assert_msg(peer_only(&p)->flags == TCP_RST, "%s", rows[i].what);
        ck_assert_uint_eq(p.opened, 0);
        ck_assert_uint_eq(p.counters.tcp_cookie_rejected, 1);
        ck_assert_uint_eq(stack_usage(p.stack).connections, BACKLOG);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(cookies_are_looked_for_only_while_some_are_out)
{
    cookie_syn(&PEER_DEFAULT_OPTIONS);
    p.now += 129 * NS_PER_S;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert_uint_eq(p.counters.tcp_cookie_rejected, 0);
    ck_assert_uint_eq(p.opened, 0);
    peer_stop(&p);
}
END_TEST

/* The first SYN got a cookie; its copy came when the backlog had room, and has a connection with
 * another initial sequence number. The client goes by what it heard first. */
START_TEST(cookie_wins_over_a_later_syn_ack)
{
    cookie_syn(&PEER_DEFAULT_OPTIONS);
    uint32_t cookie = p.server_iss;
    uint16_t own = p.port;
    p.port = FIRST_PORT;
    peer_send(&p, TCP_RST, 1, 0, 0, NULL); /* room */
    p.port = own;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_ne(p.server_iss, cookie);
    ck_assert_uint_eq(stack_usage(p.stack).connections, BACKLOG);
    p.server_iss = cookie;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.opened, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, BACKLOG);
    peer_request(&p, 1000);
    ck_assert_uint_eq(peer_payload(&p), 1000);
    peer_stop(&p);
}
END_TEST

static void two_connections(struct stack_config *config)
{
    config->connections_max = 2;
    config->tcp.syn_backlog = 1;
}

START_TEST(cookie_that_finds_the_table_full_comes_through_later)
{
    peer_start(&p, two_connections);
    p.port = 1001;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    uint32_t first = p.server_iss;
    p.port = 1002;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS); /* a cookie */
    uint32_t cookie = p.server_iss;
    p.port = 1001;
    p.server_iss = first;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    p.port = 1003;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS); /* the table is full */
    p.port = 1002;
    p.server_iss = cookie;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.opened, 1);
    p.port = 1003;
    peer_send(&p, TCP_RST, 1, 0, 0, NULL);
    p.port = 1002;
    peer_request(&p, 1000); /* sent again */
    ck_assert_uint_eq(p.opened, 2);
    ck_assert_uint_eq(peer_payload(&p), 1000);
    peer_stop(&p);
}
END_TEST

/* Window scale (RFC 7323 section 2.3): 14 at the most. */

static void large_initial_window(struct stack_config *config)
{
    config->tcp.initial_window = 100;
}

START_TEST(window_scale_is_at_most_14)
{
    static const struct {
        uint8_t offered;
        uint32_t window; /* that a window of 1 stands for */
    } rows[] = {
        { 0, 1 }, { 10, 1024 }, { 13, 8192 }, { 14, 16384 }, { 15, 16384 }, { 255, 16384 }
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tcp_segment syn = {
            .has_mss = true, .mss = 64, .has_window_scale = true, .window_scale = rows[i].offered
        };
        struct tcp_segment one = { .window = 1 };
        peer_start(&p, large_initial_window);
        peer_send(&p, TCP_SYN, 0, 0, 0, &syn);
        p.body = 100000;
        peer_send(&p, TCP_ACK | TCP_PSH, 1, 1, 1, &one);
        uint64_t got = peer_payload(&p);
        uint64_t most = rows[i].window < 6400 ? rows[i].window : 6400;
        ck_assert_msg(got <= most && got + 64 > most, "%u: %u", rows[i].offered, (unsigned)got);
        peer_stop(&p);
    }
}
END_TEST

/* TCP Fast Open (RFC 7413) is not offered: option and data are ignored, the client falls back. */

static void fast_open_syn(const uint8_t *option, uint32_t option_len, uint32_t data)
{
    static const struct mac_addr server = { { 2, 0, 0, 0, 0, 2 } },
                                 client = { { 2, 0, 0, 0, 0, 1 } };
    struct ip_addr src = ip_addr_from_v4(CLIENT_IP), dst = ip_addr_from_v4(SERVER_IP);
    struct tcp_segment seg = { .src_port = p.port,
                               .dst_port = 80,
                               .seq = p.iss,
                               .flags = TCP_SYN,
                               .window = 65535,
                               .has_mss = true,
                               .mss = PEER_MSS };
    uint8_t frame[14 + 20 + 60 + 1000] = { 0 };
    uint8_t *tcp = frame + 34;

    uint32_t len = tcp_segment_emit(tcp, &seg);
    memcpy(tcp + len, option, option_len);
    len += option_len;
    tcp[12] = (uint8_t)(len / 4 << 4);
    memset(tcp + len, 'G', data);
    len += data;
    uint64_t sum =
        (uint64_t)ip_pseudo_sum(&src, &dst, IP_PROTOCOL_TCP) + len + checksum_bytes(tcp, len);
    tcp_checksum_put(tcp, (uint16_t)~checksum_fold(sum));
    eth_emit(frame, &server, &client, ETH_TYPE_IPV4);
    ipv4_emit(frame + 14, &src, &dst, IP_PROTOCOL_TCP, 0, 20 + len, false);
    peer_frame(&p, frame, 34 + len);
}

START_TEST(fast_open_is_ignored)
{
    static const struct {
        const char *what;
        uint8_t option_len;
        uint8_t option[12];
        uint32_t data;
    } rows[] = {
        { "asks for a cookie", 4, { 34, 2, 1, 1 }, 0 },
        { "cookie and data", 12, { 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1 }, 100 },
        { "cookie of no length and data", 4, { 34, 2, 1, 1 }, 100 },
        { "experimental option and data",
          12,
          { 254, 12, 0xf9, 0x89, 1, 2, 3, 4, 5, 6, 7, 8 },
          100 },
        { "data, no option", 0, { 0 }, 100 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        peer_start(&p, NULL);
        fast_open_syn(rows[i].option, rows[i].option_len, rows[i].data);
        ck_assert_msg(peer_only(&p)->flags == (TCP_SYN | TCP_ACK), "%s", rows[i].what);
        ck_assert_uint_eq(p.out[0].ack, 1); /* the SYN, none of the data */
        ck_assert_uint_eq(p.received, 0);
        p.body = 500;
        peer_send(&p, TCP_ACK | TCP_PSH, 1, 1, 100, NULL);
        ck_assert_uint_eq(p.received, 100);
        ck_assert_uint_eq(peer_payload(&p), 500);
        peer_stop(&p);
    }
}
END_TEST

Suite *tcp_opening_suite(void)
{
    Suite *suite = suite_create("tcp, opening");
    TCase *t = tcase_create("tcp, opening");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, flood_keeps_nothing_and_true_clients_are_served);
    tcase_add_test(t, drain_forgets_half_open_connections);
    tcase_add_test(t, cookie_keeps_the_options);
    tcase_add_test(t, cookie_ages);
    tcase_add_test(t, forged_cookies_get_a_reset_and_no_data);
    tcase_add_test(t, cookies_are_looked_for_only_while_some_are_out);
    tcase_add_test(t, cookie_wins_over_a_later_syn_ack);
    tcase_add_test(t, cookie_that_finds_the_table_full_comes_through_later);
    tcase_add_test(t, window_scale_is_at_most_14);
    tcase_add_test(t, fast_open_is_ignored);
    suite_add_tcase(suite, t);
    return suite;
}
