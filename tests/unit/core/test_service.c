/* SPDX-License-Identifier: BSD-3-Clause */
/* What the application decides about a connection: the ports it is heard on, the rate it may have.
 */
#include "peer.h"
#include "suites.h"

static struct peer p;

static void two_ports(struct stack_config *config)
{
    config->port[1] = 8080;
    config->port_count = 2;
}

static const struct {
    uint16_t port;
    bool listens;
} ports[] = { { 80, true }, { 8080, true }, { 81, false }, { 0x901f, false } };

START_TEST(each_port_listens_and_no_other)
{
    peer_start(&p, two_ports);
    p.server_port = ports[_i].port;
    if (ports[_i].listens) {
        peer_handshake(&p, NULL);
        ck_assert_uint_eq(p.opened, 1);
        ck_assert_uint_eq(tcp_conn_local(p.conn).port, ports[_i].port);
    } else {
        peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
        ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST | TCP_ACK);
    }
    peer_stop(&p);
}
END_TEST

static void with_pacing(struct stack_config *config)
{
    config->tcp.pacing = true;
}

/* Acknowledges all that came, every millisecond, for so long; returns how much came. */
static uint64_t take(uint64_t from, uint64_t ns)
{
    uint64_t bytes = from;

    for (uint64_t end = p.now + ns; p.now < end;) {
        peer_wait(&p, NS_PER_MS);
        bytes += peer_payload(&p);
        peer_send(&p, TCP_ACK, 2, (uint32_t)(1 + bytes), 0, NULL);
        bytes += peer_payload(&p);
    }
    return bytes;
}

static void (*const pacing[])(struct stack_config *config) = { NULL, with_pacing };

/* 200 kB/s for 10 s on a path that would take much more; 5% are for the start. */
START_TEST(rate_is_held_whatever_the_path_takes)
{
    peer_start(&p, pacing[_i]);
    peer_handshake(&p, NULL);
    tcp_rate_limit(p.conn, 200000);
    peer_request(&p, 100000000);
    uint64_t bytes = take(peer_payload(&p), 10 * NS_PER_S);
    ck_assert_msg(bytes > 1900000 && bytes < 2100000, "%llu bytes", (unsigned long long)bytes);
    tcp_rate_limit(p.conn, 1000000);
    uint64_t faster = take(bytes, 2 * NS_PER_S) - bytes;
    ck_assert_msg(faster > 1900000 && faster < 2100000, "%llu bytes", (unsigned long long)faster);
    peer_stop(&p);
}
END_TEST

Suite *service_suite(void)
{
    Suite *suite = suite_create("service");
    TCase *c = tcase_create("ports");

    tcase_add_loop_test(c, each_port_listens_and_no_other, 0, 4);
    suite_add_tcase(suite, c);
    c = tcase_create("rate");
    tcase_add_loop_test(c, rate_is_held_whatever_the_path_takes, 0, 2);
    suite_add_tcase(suite, c);
    return suite;
}
