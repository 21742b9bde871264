/* SPDX-License-Identifier: BSD-3-Clause */
/* TIME-WAIT and what follows it (RFC 9293 sections 3.6 and 3.10.7.4, RFC 6191). */
#include <string.h>

#include "peer.h"
#include "suites.h"

static struct peer p;

static const struct tcp_segment WITH_TIMESTAMPS = { .has_mss = true,
                                                    .mss = PEER_MSS,
                                                    .sack_permitted = true,
                                                    .has_timestamps = true,
                                                    .ts_value = 1000 };

/* After a handshake: one byte of request, 100 bytes of answer, both FINs, ours first. Behind them
 * the peer's sequence number is 3 and ours 102. */
static void close_orderly(const struct tcp_segment *ts)
{
    p.body = 100;
    p.close_after = true;
    peer_send(&p, TCP_ACK | TCP_PSH, 1, 1, 1, ts);
    peer_send(&p, TCP_ACK, 2, 102, 0, ts);
    peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, ts);
    ck_assert_uint_eq(peer_only(&p)->ack, 3);
}

static void in_time_wait(bool timestamps)
{
    struct tcp_segment ts = { .has_timestamps = timestamps, .ts_value = 1000 };

    peer_start(&p, NULL);
    peer_handshake(&p, timestamps ? &WITH_TIMESTAMPS : NULL);
    close_orderly(&ts);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 1);
}

static void small_tables(struct stack_config *config)
{
    config->connections_max = 1;
    config->time_waits_max = 3;
}

START_TEST(time_wait_costs_no_connection_and_a_full_table_forgets_the_oldest)
{
    peer_start(&p, small_tables);
    for (uint16_t i = 0; i < 5; i++) { /* one connection's slot serves all of them */
        p.port = (uint16_t)(50000 + i);
        p.opened = 0;
        p.acked = p.stream_end = 0;
        peer_handshake(&p, NULL);
        close_orderly(NULL);
        p.now += NS_PER_S;
    }
    ck_assert_uint_eq(p.closed, 5);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 3);
    ck_assert_uint_eq(stack_connections(p.stack), 0);
    ck_assert_uint_eq(p.counters.tcp_time_wait_recycled, 2);
    p.port = 50000; /* forgotten */
    peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST);
    peer_wait(&p, 56 * NS_PER_S); /* the third closed 58 s ago, the fifth 57 s */
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 3);
    for (unsigned left = 3; left-- > 0;) { /* each ends in its own time */
        peer_wait(&p, 1100 * NS_PER_MS);
        ck_assert_uint_le(stack_usage(p.stack).time_wait, left + 1);
    }
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    ck_assert_uint_eq(stack_deadline(p.stack), TIME_NEVER);
    peer_stop(&p);
}
END_TEST

START_TEST(fin_that_comes_again_is_acknowledged_and_waits_anew)
{
    in_time_wait(false);
    for (int i = 0; i < 4; i++) {
        peer_wait(&p, 40 * NS_PER_S);
        ck_assert_uint_eq(p.out_count, 0);
        peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, NULL);
        ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK);
        ck_assert_uint_eq(p.out[0].seq, 102);
        ck_assert_uint_eq(p.out[0].ack, 3);
    }
    peer_wait(&p, 61 * NS_PER_S);
    ck_assert_uint_eq(stack_usage(p.stack).time_wait, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(segments_in_time_wait)
{
    enum { SILENCE, ACK, GONE, REOPENED };
    static const struct {
        const char *what;
        bool timestamps; /* of the old connection */
        uint8_t flags;
        uint32_t seq, payload;
        uint32_t ts_value; /* 0: none in this segment */
        int result;
    } rows[] = {
        { "late ACK", false, TCP_ACK, 3, 0, 0, SILENCE },
        { "ACK of elsewhere", false, TCP_ACK, 100000, 0, 0, SILENCE },
        { "text of old", false, TCP_ACK, 1, 1, 0, ACK },
        { "text behind the FIN", false, TCP_ACK, 3, 10, 0, ACK },
        { "RST, exact", false, TCP_RST, 3, 0, 0, GONE },
        { "RST beside", false, TCP_RST, 4, 0, 0, SILENCE },
        { "older SYN", false, TCP_SYN, 2, 0, 0, ACK },
        { "newer SYN", false, TCP_SYN, 3, 0, 0, REOPENED },
        { "SYN-ACK", false, TCP_SYN | TCP_ACK, 3, 0, 0, ACK },
        { "newer SYN, no timestamp", true, TCP_SYN, 100, 0, 0, REOPENED },
        { "older SYN, newer timestamp", true, TCP_SYN, 0x90000000, 0, 1001, REOPENED },
        { "newer SYN, older timestamp", true, TCP_SYN, 100, 0, 999, ACK },
        { "newer SYN, same timestamp", true, TCP_SYN, 100, 0, 1000, REOPENED },
        { "FIN, no timestamp", true, TCP_ACK | TCP_FIN, 2, 0, 0, SILENCE },
        { "FIN, newer timestamp", true, TCP_ACK | TCP_FIN, 2, 0, 1001, ACK },
        { "FIN, older timestamp", true, TCP_ACK | TCP_FIN, 2, 0, 999, ACK },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        in_time_wait(rows[i].timestamps);
        struct tcp_segment options = { .has_timestamps = rows[i].ts_value != 0,
                                       .ts_value = rows[i].ts_value };
        uint32_t iss = p.server_iss;
        peer_send(&p, rows[i].flags, rows[i].seq, 102, rows[i].payload, &options);
        int result = SILENCE;
        if (stack_usage(p.stack).time_wait == 0)
            result = GONE;
        if (p.out_count == 1 && p.out[0].flags == TCP_ACK)
            result = ACK;
        if (p.out_count == 1 && p.out[0].flags == (TCP_SYN | TCP_ACK)) {
            result = REOPENED;
            ck_assert_int_gt((int32_t)(p.server_iss - iss), 102);
        }
        ck_assert_msg(result == rows[i].result, "%s: %d", rows[i].what, result);
        ck_assert_uint_eq(stack_usage(p.stack).connections, rows[i].result != GONE);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(syn_behind_the_last_fin_in_one_burst_opens_anew)
{
    peer_start(&p, NULL);
    peer_handshake(&p, NULL);
    p.close_after = true;
    peer_request(&p, 100);
    peer_hold(&p); /* what follows comes in one burst */
    peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, NULL);
    peer_send(&p, TCP_SYN, 1000, 0, 0, &PEER_DEFAULT_OPTIONS);
    peer_release(&p);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(drain_refuses_a_newer_syn_too)
{
    in_time_wait(false);
    stack_drain(p.stack, p.now);
    peer_send(&p, TCP_SYN, 1000, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST | TCP_ACK);
    peer_stop(&p);
}
END_TEST

/* Keep-alive (RFC 9293 section 3.8.4). */

static void with_keepalive(struct stack_config *config)
{
    config->tcp.keepalive_idle_ns = 10 * NS_PER_S;
    config->tcp.keepalive_interval_ns = 2 * NS_PER_S;
    config->tcp.keepalive_probes = 3;
}

START_TEST(no_keepalive_unless_asked_for)
{
    peer_established(&p);
    peer_wait(&p, 24 * 3600 * NS_PER_S);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.closed, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(silent_peer_is_probed_then_forgotten)
{
    peer_start(&p, with_keepalive);
    peer_handshake(&p, NULL);
    peer_wait(&p, 9900 * NS_PER_MS);
    ck_assert_uint_eq(p.out_count, 0);
    for (int i = 0; i < 3; i++) {
        peer_wait(&p, i == 0 ? 200 * NS_PER_MS : 2 * NS_PER_S);
        ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK);
        ck_assert_uint_eq(p.out[0].seq, 0); /* SND.NXT - 1 */
        ck_assert_uint_eq(p.out[0].payload_len, 0);
    }
    ck_assert_uint_eq(p.closed, 0); /* one lost probe proves nothing */
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_eq(p.closed, 1);
    ck_assert_int_eq(p.reason, TCP_CLOSE_TIMEOUT);
    ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(peer_that_answers_probes_stays)
{
    peer_start(&p, with_keepalive);
    peer_handshake(&p, NULL);
    for (int i = 0; i < 100; i++) {
        peer_wait(&p, 10100 * NS_PER_MS);
        peer_only(&p);
        peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
        ck_assert_uint_eq(p.out_count, 0);
    }
    ck_assert_uint_eq(p.closed, 0);
    ck_assert_uint_eq(p.counters.tcp_keepalive, 100);
    peer_stop(&p);
}
END_TEST

START_TEST(no_keepalive_while_something_is_under_way)
{
    peer_start(&p, with_keepalive);
    peer_handshake(&p, NULL);
    peer_request(&p, 100);
    peer_wait(&p, 50 * NS_PER_S); /* retransmission asks after the peer */
    ck_assert_uint_eq(p.counters.tcp_keepalive, 0);
    ck_assert_uint_eq(p.closed, 0);
    peer_stop(&p);
}
END_TEST

/* Time-outs that are configured. */

static void short_timeouts(struct stack_config *config)
{
    config->tcp.user_timeout_ns = 5 * NS_PER_S;
    config->tcp.fin_wait_2_ns = 5 * NS_PER_S;
    config->tcp.time_wait_ns = 5 * NS_PER_S;
}

START_TEST(timeouts_are_as_configured)
{
    enum { VANISHED, FIN_WAIT_2, TIME_WAIT, COUNT };

    for (int i = 0; i < COUNT; i++) {
        peer_start(&p, short_timeouts);
        peer_handshake(&p, NULL);
        p.close_after = i != VANISHED;
        peer_request(&p, 100);
        if (i != VANISHED)
            peer_send(&p, TCP_ACK, 2, 102, 0, NULL);
        if (i == TIME_WAIT)
            peer_send(&p, TCP_ACK | TCP_FIN, 2, 102, 0, NULL);
        peer_wait(&p, 4900 * NS_PER_MS);
        ck_assert_uint_eq(stack_usage(p.stack).connections, 1);
        peer_wait(&p, 10 * NS_PER_S);
        ck_assert_uint_eq(stack_usage(p.stack).connections, 0);
        ck_assert_uint_eq(p.closed, 1);
        peer_stop(&p);
    }
}
END_TEST

Suite *tcp_closing_suite(void)
{
    Suite *suite = suite_create("tcp, closing");
    TCase *t = tcase_create("tcp, closing");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, time_wait_costs_no_connection_and_a_full_table_forgets_the_oldest);
    tcase_add_test(t, fin_that_comes_again_is_acknowledged_and_waits_anew);
    tcase_add_test(t, segments_in_time_wait);
    tcase_add_test(t, syn_behind_the_last_fin_in_one_burst_opens_anew);
    tcase_add_test(t, drain_refuses_a_newer_syn_too);
    tcase_add_test(t, no_keepalive_unless_asked_for);
    tcase_add_test(t, silent_peer_is_probed_then_forgotten);
    tcase_add_test(t, peer_that_answers_probes_stays);
    tcase_add_test(t, no_keepalive_while_something_is_under_way);
    tcase_add_test(t, timeouts_are_as_configured);
    suite_add_tcase(suite, t);
    return suite;
}
