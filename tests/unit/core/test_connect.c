/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections opened from here (RFC 9293 sections 3.5, 3.10.7.3; RFC 6056). */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"
#include "wire/ipv4.h"

#define NEVER_THERE 0x0a4700f0u /* in our net, and nobody's */

static struct peer p;

static struct tcp_peer remote_peer(void)
{
    struct ip_addr ip = p.v6 ? peer_address(CLIENT_IP6) : ip_addr_from_v4(CLIENT_IP);

    return (struct tcp_peer){ ip, p.port };
}

static enum stack_connect_result connect_to(struct tcp_peer to, uint16_t local_port)
{
    struct tcp_peer local = { .port = local_port };

    return stack_connect(p.stack, &local, &to, &p.conn, p.now);
}

/* The SYN is out; returns it. */
static const struct tcp_segment *syn_sent(void)
{
    ck_assert_int_eq(connect_to(remote_peer(), 0), STACK_CONNECT_OK);
    peer_wait(&p, 0);
    return peer_only(&p);
}

static void started(void)
{
    peer_start(&p, NULL);
    syn_sent();
}

static void syn_ack(const struct tcp_segment *options)
{
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_SYN | TCP_ACK, 0, 1, 0, options != NULL ? options : &PEER_DEFAULT_OPTIONS);
}

/* The handshake. */

START_TEST(syn_offers_all_options)
{
    peer_start(&p, NULL);
    const struct tcp_segment *syn = syn_sent();
    ck_assert_uint_eq(syn->flags, TCP_SYN | TCP_ECE | TCP_CWR);
    ck_assert_uint_eq(syn->mss, 1460);
    ck_assert(syn->has_mss && syn->has_window_scale && syn->sack_permitted && syn->has_timestamps);
    ck_assert_uint_eq(syn->ts_echo, 0);
    ck_assert_uint_eq(syn->dst_port, p.port);
    ck_assert_uint_ge(syn->src_port, 1024);
    ck_assert_uint_eq(syn->payload_len, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(syn_ack_opens)
{
    started();
    syn_ack(NULL);
    const struct tcp_segment *ack = peer_only(&p);
    ck_assert_uint_eq(ack->flags, TCP_ACK);
    ck_assert_uint_eq(ack->seq, 1);
    ck_assert_uint_eq(ack->ack, 1);
    ck_assert_uint_eq(p.opened, 1);
    ck_assert_uint_eq(p.counters.tcp_open_active, 1);
    ck_assert_uint_eq(p.counters.tcp_established, 1);
    p.stream_end = 5000;
    tcp_stream_extend(p.conn, p.stream_end);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(peer_payload(&p), 5000);
    ck_assert_uint_eq(p.out[0].payload_len, 1460); /* no timestamps: the peer had none */
    peer_send(&p, TCP_ACK, 1, 5001, 100, NULL);
    ck_assert_uint_eq(p.acked, 5000);
    ck_assert_uint_eq(p.received, 100);
    peer_stop(&p);
}
END_TEST

START_TEST(open_and_close_over_ipv6)
{
    peer_start_v6(&p, NULL);
    ck_assert_uint_eq(syn_sent()->mss, 1440);
    syn_ack(NULL);
    ck_assert_uint_eq(p.opened, 1);
    tcp_close(p.conn);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(peer_only(&p)->flags & TCP_FIN, TCP_FIN);
    peer_send(&p, TCP_ACK | TCP_FIN, 1, 2, 0, NULL);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_ORDERLY);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(syn_ack_without_options_agrees_on_none)
{
    static const struct tcp_segment none = { 0 };

    started();
    syn_ack(&none);
    p.stream_end = 2000;
    tcp_stream_extend(p.conn, p.stream_end);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(p.out[0].payload_len, 536);
    ck_assert(!p.out[0].has_timestamps);
    peer_stop(&p);
}
END_TEST

START_TEST(text_and_fin_of_the_syn_ack_are_taken)
{
    started();
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_SYN | TCP_ACK | TCP_FIN, 0, 1, 10, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(p.received, 10);
    ck_assert_uint_eq(p.ended, 1);
    ck_assert_uint_eq(p.out[0].ack, 12);
    peer_stop(&p);
}
END_TEST

START_TEST(refused_by_the_application)
{
    started();
    p.refuse = true;
    syn_ack(NULL);
    ck_assert_uint_eq(peer_only(&p)->flags & TCP_RST, TCP_RST);
    ck_assert_uint_eq(p.closed, 0);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(ecn_is_offered_once)
{
    struct tcp_segment ece = PEER_DEFAULT_OPTIONS;

    started();
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0, &ece);
    ck_assert(p.conn->ecn_ok);
    peer_stop(&p);

    started();
    syn_ack(NULL);
    ck_assert(!p.conn->ecn_ok);
    peer_stop(&p);

    started();
    peer_wait(&p, 1100 * NS_PER_MS); /* RFC 3168 section 6.1.1.1: perhaps it was the offer */
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN);
    peer_stop(&p);
}
END_TEST

/* Both at once. */

START_TEST(both_open_at_once)
{
    started();
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert_uint_eq(s->flags & ~TCP_ECE, TCP_SYN | TCP_ACK);
    ck_assert_uint_eq(s->seq, 0);
    ck_assert_uint_eq(s->ack, 1);
    ck_assert_uint_eq(p.opened, 0);
    syn_ack(NULL); /* the peer's */
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK);
    ck_assert_uint_eq(p.opened, 1);
    ck_assert_uint_le(p.conn->snd_edge, 1 + 65535); /* a SYN's window is not scaled */
    ck_assert_uint_gt(p.conn->snd_edge, 1 + 65535 - (1 << 7));
    p.stream_end = 20000;
    tcp_stream_extend(p.conn, p.stream_end);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(peer_payload(&p), 14600); /* the initial window of one that lost nothing */
    peer_stop(&p);
}
END_TEST

START_TEST(both_open_at_once_and_a_plain_ack_comes)
{
    started();
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    ck_assert_uint_eq(p.opened, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(peer_that_opens_at_once_may_still_refuse)
{
    started();
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_send(&p, TCP_RST, 1, 0, 0, NULL);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_REFUSED); /* RFC 9293 section 3.10.7.4, second step */
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

/* Attempts that fail. */

START_TEST(syn_is_repeated_for_three_minutes)
{
    const struct stack_news host = { .kind = STACK_NEWS_NEIGHBOUR,
                                     .ip = ip_addr_from_v4(CLIENT_IP),
                                     .mac = PEER_CLIENT_MAC };
    unsigned syns = 1;

    started();
    uint64_t start = p.now;
    while (p.closed == 0) {
        stack_hear(p.stack, &host, p.now); /* the host is there, and does not speak TCP */
        peer_wait(&p, NS_PER_S);
        syns += p.out_count;
    }
    ck_assert_uint_eq(syns, 8);
    ck_assert_uint_ge(p.now - start, 180 * NS_PER_S);
    ck_assert_uint_le(p.now - start, 185 * NS_PER_S);
    ck_assert_int_eq(p.reason, TCP_CLOSE_NO_ANSWER);
    ck_assert_uint_eq(p.opened, 0);
    ck_assert_uint_eq(p.counters.tcp_connect_no_answer, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(lost_syn_costs_the_initial_window_alone)
{
    started();
    peer_wait(&p, 1100 * NS_PER_MS);
    syn_ack(NULL);
    ck_assert_uint_eq(p.opened, 1);
    ck_assert_uint_eq(p.conn->ssthresh, UINT32_MAX);
    p.stream_end = 20000;
    tcp_stream_extend(p.conn, p.stream_end);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(p.out_count, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(reset_that_acknowledges_the_syn_refuses)
{
    started();
    peer_send(&p, TCP_RST, 0, 0, 0, NULL);
    peer_send(&p, TCP_RST | TCP_ACK, 0, 2, 0, NULL);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.closed, 0);
    peer_send(&p, TCP_RST | TCP_ACK, 0, 1, 0, NULL);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_REFUSED);
    ck_assert_uint_eq(p.counters.tcp_connect_refused, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(ack_of_what_was_never_sent_gets_a_reset)
{
    started();
    peer_send(&p, TCP_ACK, 0, 7, 0, NULL);
    const struct tcp_segment *s = peer_only(&p);
    ck_assert_uint_eq(s->flags, TCP_RST);
    ck_assert_uint_eq(s->seq, 7);
    peer_send(&p, TCP_SYN | TCP_ACK, 0, 7, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST);
    peer_send(&p, TCP_ACK, 0, 1, 0, NULL); /* of the SYN, but without one: ignored */
    ck_assert_uint_eq(p.out_count, 0);
    syn_ack(NULL);
    ck_assert_uint_eq(p.opened, 1);
    peer_stop(&p);
}
END_TEST

/* "Destination unreachable" for our SYN. */
static void unreachable(uint8_t code, uint32_t seq)
{
    uint8_t frame[14 + 20 + 8 + 28] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
    struct ip_addr client = ip_addr_from_v4(CLIENT_IP), server = ip_addr_from_v4(SERVER_IP);
    uint8_t *icmp = frame + 34, *quote = icmp + 8;

    ipv4_emit(frame + 14, &client, &server, IP_PROTOCOL_ICMP, 0, 20 + 8 + 28, false);
    icmp[0] = 3;
    icmp[1] = code;
    ipv4_emit(quote, &server, &client, IP_PROTOCOL_TCP, 0, 60, false);
    put_be16(quote + 20, p.server_port);
    put_be16(quote + 22, p.port);
    put_be32(quote + 24, seq + p.server_iss);
    put_be16(icmp + 2, (uint16_t)~checksum_bytes(icmp, 36));
    peer_frame(&p, frame, sizeof(frame));
}

START_TEST(icmp_errors_are_soft_or_hard)
{
    static const struct {
        uint8_t code;
        bool hard;
    } rows[] = {
        { 0, false }, { 1, false }, { 2, true }, { 3, true }, { 5, false }, { 13, false }
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        started();
        unreachable(rows[i].code, 999); /* no SYN of ours */
        ck_assert_uint_eq(p.closed, 0);
        unreachable(rows[i].code, 0);
        ck_assert_uint_eq(p.closed, rows[i].hard);
        peer_wait(&p, 200 * NS_PER_S);
        ck_assert_uint_eq(p.closed, 1);
        ck_assert_int_eq(p.reason, TCP_CLOSE_UNREACHABLE);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(icmp_error_does_not_keep_the_peer_from_answering)
{
    started();
    unreachable(1, 0);
    syn_ack(NULL);
    ck_assert_uint_eq(p.opened, 1);
    unreachable(3, 0); /* and an open connection is not touched (RFC 5461) */
    ck_assert_uint_eq(p.closed, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(attempt_that_is_aborted_leaves_without_a_word)
{
    started();
    tcp_abort(p.conn);
    peer_wait(&p, NS_PER_S);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_ABORTED);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(application_may_be_less_patient)
{
    started();
    tcp_app_deadline(p.conn, p.now + NS_PER_S / 2);
    peer_wait(&p, NS_PER_S); /* its deadline() aborts */
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_uint_eq(p.out_count, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(drain_ends_attempts)
{
    started();
    stack_drain(p.stack, p.now);
    peer_wait(&p, NS_PER_S);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(connect_to(remote_peer(), 0), STACK_CONNECT_DRAINING);
    peer_stop(&p);
}
END_TEST

/* The way there. */

START_TEST(next_hop_is_asked_for_first)
{
    struct tcp_peer nobody = { ip_addr_from_v4(NEVER_THERE), 80 };

    peer_start(&p, NULL);
    ck_assert_int_eq(connect_to(nobody, 0), STACK_CONNECT_OK);
    peer_wait(&p, NS_PER_S / 2);
    ck_assert_uint_eq(p.arp_count, 1);
    ck_assert_uint_eq(p.out_count, 0);
    peer_wait(&p, 10 * NS_PER_S); /* nobody answers: sooner known than by SYNs */
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_UNREACHABLE);
    ck_assert_uint_eq(p.counters.tcp_connect_unreachable, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

static void with_gateway(struct stack_config *config)
{
    config->gateway = ip_addr_from_v4(CLIENT_IP);
}

START_TEST(other_nets_are_reached_by_the_gateway)
{
    struct tcp_peer far = { ip_addr_from_v4(0xc0000201), 80 };

    peer_start(&p, with_gateway);
    ck_assert_int_eq(connect_to(far, 0), STACK_CONNECT_OK);
    peer_wait(&p, 0);
    ck_assert_uint_eq(p.arp_count, 0); /* the gateway is known */
    ck_assert_uint_eq(ip_addr_v4(&peer_only(&p)->dst), 0xc0000201);
    ck_assert_uint_eq(ip_addr_v4(&peer_only(&p)->src), SERVER_IP);
    peer_stop(&p);
}
END_TEST

START_TEST(addresses_that_are_no_peers)
{
    static const struct {
        const char *ip;
        enum stack_connect_result result;
    } rows[] = {
        { "0.0.0.0", STACK_CONNECT_BAD_REMOTE },
        { "127.0.0.1", STACK_CONNECT_BAD_REMOTE },
        { "224.0.0.1", STACK_CONNECT_BAD_REMOTE },
        { "255.255.255.255", STACK_CONNECT_BAD_REMOTE },
        { "10.71.0.255", STACK_CONNECT_BAD_REMOTE },
        { "10.71.0.2", STACK_CONNECT_BAD_REMOTE },
        { "ff02::1", STACK_CONNECT_BAD_REMOTE },
        { "::1", STACK_CONNECT_BAD_REMOTE },
        { "2001:db8::2", STACK_CONNECT_BAD_REMOTE },
    };
    struct tcp_peer local = { .ip = peer_address(SERVER_IP6) }, to = { .port = 80 };

    peer_start(&p, NULL);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        to.ip = peer_address(rows[i].ip);
        ck_assert_msg(connect_to(to, 0) == rows[i].result, "%s", rows[i].ip);
    }
    to.ip = ip_addr_from_v4(CLIENT_IP); /* the other family */
    ck_assert_int_eq(stack_connect(p.stack, &local, &to, &p.conn, p.now), STACK_CONNECT_NO_SOURCE);
    to.port = 0;
    ck_assert_int_eq(connect_to(to, 0), STACK_CONNECT_BAD_REMOTE);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

/* Ports. */

static uint16_t port_towards(uint32_t ip, uint16_t port)
{
    struct tcp_peer to = { ip_addr_from_v4(ip), port };

    ck_assert_int_eq(connect_to(to, 0), STACK_CONNECT_OK);
    return p.conn->key.local_port;
}

START_TEST(ports_follow_each_other_towards_one_destination_only)
{
    peer_start(&p, NULL);
    uint16_t first = port_towards(CLIENT_IP, 80);
    ck_assert_uint_eq(port_towards(CLIENT_IP, 80), first == UINT16_MAX ? 1024 : first + 1);
    unsigned near = 0;
    for (unsigned i = 0; i < 16; i++) {
        uint16_t port = port_towards(CLIENT_IP, (uint16_t)(1000 + i));
        near += port - first < 200 && port > first;
    }
    ck_assert_uint_le(near, 2);
    peer_stop(&p);
}
END_TEST

START_TEST(other_secret_means_other_ports)
{
    uint16_t port[2];

    for (unsigned i = 0; i < 2; i++) {
        struct tcp_key key = { .remote = ip_addr_from_v4(CLIENT_IP), .remote_port = 80 };
        struct tcp_ctx ctx = { .isn_key = { (uint8_t)i } };
        uint32_t offset;
        tcp_ephemeral_init(&ctx);
        uint32_t *next = tcp_ephemeral_start(&ctx, &key, &offset);
        port[i] = (uint16_t)(offset + *next);
    }
    ck_assert_uint_ne(port[0], port[1]);
}
END_TEST

START_TEST(four_tuple_in_use_or_in_time_wait_is_not_taken)
{
    started();
    uint16_t port = p.server_port;
    ck_assert_int_eq(connect_to(remote_peer(), port), STACK_CONNECT_NO_PORT);
    syn_ack(NULL);
    tcp_close(p.conn);
    peer_wait(&p, NS_PER_MS);
    peer_send(&p, TCP_ACK | TCP_FIN, 1, 2, 0, NULL);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 1);
    ck_assert_int_eq(connect_to(remote_peer(), port), STACK_CONNECT_NO_PORT);
    p.port++; /* another peer's port: another four-tuple */
    ck_assert_int_eq(connect_to(remote_peer(), port), STACK_CONNECT_OK);
    p.port--;
    peer_wait(&p, 61 * NS_PER_S);
    ck_assert_int_eq(connect_to(remote_peer(), port), STACK_CONNECT_OK);
    peer_stop(&p);
}
END_TEST

static bool every_eighth(void *ctx, const struct tcp_peer *local, const struct tcp_peer *remote)
{
    return local->port % 8 == 3 && remote->port == 80;
}

static bool none(void *ctx, const struct tcp_peer *local, const struct tcp_peer *remote)
{
    return false;
}

static void shared_port(struct stack_config *config)
{
    config->flow_is_ours = every_eighth;
}

static void nothing_is_ours(struct stack_config *config)
{
    config->flow_is_ours = none;
}

START_TEST(port_is_one_whose_replies_come_to_this_worker)
{
    peer_start(&p, shared_port);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_uint_eq(port_towards(CLIENT_IP, 80) % 8, 3);
    peer_stop(&p);
    peer_start(&p, nothing_is_ours);
    ck_assert_int_eq(connect_to(remote_peer(), 0), STACK_CONNECT_NO_PORT);
    peer_stop(&p);
}
END_TEST

START_TEST(full_table_opens_nothing)
{
    peer_start(&p, NULL);
    for (unsigned i = 0; i < 64; i++)
        port_towards(CLIENT_IP, 80);
    ck_assert_int_eq(connect_to(remote_peer(), 0), STACK_CONNECT_FULL);
    stack_abort_all(p.stack, p.now);
    peer_wait(&p, NS_PER_MS);
    ck_assert_uint_eq(p.closed, 64);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

Suite *tcp_connect_suite(void)
{
    Suite *suite = suite_create("tcp, connecting");
    TCase *t = tcase_create("tcp, connecting");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, syn_offers_all_options);
    tcase_add_test(t, syn_ack_opens);
    tcase_add_test(t, open_and_close_over_ipv6);
    tcase_add_test(t, syn_ack_without_options_agrees_on_none);
    tcase_add_test(t, text_and_fin_of_the_syn_ack_are_taken);
    tcase_add_test(t, refused_by_the_application);
    tcase_add_test(t, ecn_is_offered_once);
    tcase_add_test(t, both_open_at_once);
    tcase_add_test(t, both_open_at_once_and_a_plain_ack_comes);
    tcase_add_test(t, peer_that_opens_at_once_may_still_refuse);
    tcase_add_test(t, syn_is_repeated_for_three_minutes);
    tcase_add_test(t, lost_syn_costs_the_initial_window_alone);
    tcase_add_test(t, reset_that_acknowledges_the_syn_refuses);
    tcase_add_test(t, ack_of_what_was_never_sent_gets_a_reset);
    tcase_add_test(t, icmp_errors_are_soft_or_hard);
    tcase_add_test(t, icmp_error_does_not_keep_the_peer_from_answering);
    tcase_add_test(t, attempt_that_is_aborted_leaves_without_a_word);
    tcase_add_test(t, application_may_be_less_patient);
    tcase_add_test(t, drain_ends_attempts);
    tcase_add_test(t, next_hop_is_asked_for_first);
    tcase_add_test(t, other_nets_are_reached_by_the_gateway);
    tcase_add_test(t, addresses_that_are_no_peers);
    tcase_add_test(t, ports_follow_each_other_towards_one_destination_only);
    tcase_add_test(t, other_secret_means_other_ports);
    tcase_add_test(t, four_tuple_in_use_or_in_time_wait_is_not_taken);
    tcase_add_test(t, port_is_one_whose_replies_come_to_this_worker);
    tcase_add_test(t, full_table_opens_nothing);
    suite_add_tcase(suite, t);
    return suite;
}
