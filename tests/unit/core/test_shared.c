/* SPDX-License-Identifier: BSD-3-Clause */
/* Stacks that share a port: frames and ICMP errors that come to the wrong one. */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"
#include "wire/icmp.h"
#include "wire/ipv4.h"

/* p's stack got the frame; q's is the other one. */
static struct peer p, q;

static struct {
    bool others; /* unknown flows are the other stack's */
    unsigned asked;
    uint8_t frame[2048]; /* the last one passed on */
    uint32_t len;
    uint16_t remote_port, local_port;
} port;

static bool pass_on(void *ctx, const struct frame *frame, const struct tcp_peer *local,
                    const struct tcp_peer *remote)
{
    ck_assert_ptr_eq(ctx, &port);
    port.asked++;
    port.remote_port = remote->port;
    port.local_port = local->port;
    if (!port.others)
        return false;
    ck_assert_uint_le(frame->len, sizeof(port.frame));
    memcpy(port.frame, frame->data, frame->len);
    port.len = frame->len;
    return true;
}

static void one_of_several(struct stack_config *config)
{
    config->pass_on = pass_on;
    config->flow_ctx = &port;
}

static void setup(void)
{
    memset(&port, 0, sizeof(port));
    peer_start(&p, one_of_several);
    peer_start(&q, one_of_several);
}

static void teardown(void)
{
    peer_stop(&p);
    peer_stop(&q);
}

/* Gives q's stack what p's has passed on. */
static void deliver(void)
{
    struct frame frame = { .data = port.frame, .len = port.len, .flags = FRAME_PASSED_ON };

    stack_input(q.stack, &frame, 1, q.now);
    q.port = port.remote_port;
    peer_wait(&q, 0);
}

START_TEST(new_flow_of_another_stack_is_passed_on_unanswered)
{
    port.others = true;
    p.now = q.now;
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.counters.flow_stray, 1);
    ck_assert_uint_eq(p.counters.tcp_in, 0);
    ck_assert_uint_eq(port.remote_port, p.port);
    ck_assert_uint_eq(port.local_port, 80);
    /* That stack takes it as its own, and does not ask whose it is. */
    deliver();
    ck_assert_uint_eq(port.asked, 1);
    ck_assert_uint_eq(q.counters.tcp_open_passive, 1);
    ck_assert_uint_eq(peer_only(&q)->flags, TCP_SYN | TCP_ACK);
}
END_TEST

START_TEST(segment_of_another_stacks_flow_is_not_answered_with_a_reset)
{
    port.others = true;
    peer_send(&p, TCP_ACK, 100, 200, 10, NULL);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.counters.tcp_drop_no_connection, 0);
    /* Nobody's: whose it would be says so. */
    deliver();
    ck_assert_uint_eq(q.counters.tcp_drop_no_connection, 1);
    ck_assert_uint_eq(peer_only(&q)->flags, TCP_RST);
}
END_TEST

START_TEST(known_flow_costs_no_question)
{
    peer_handshake(&p, NULL);
    unsigned asked = port.asked;
    ck_assert_uint_eq(asked, 1); /* the SYN */
    /* Even if it should be another's now: the port's table of queues has changed. */
    port.others = true;
    peer_request(&p, 5000);
    ck_assert_uint_eq(peer_payload(&p), 5000);
    ck_assert_uint_eq(port.asked, asked);
    ck_assert_uint_eq(p.counters.flow_stray, 0);
}
END_TEST

START_TEST(own_new_flow_is_answered_here)
{
    peer_send(&p, TCP_SYN, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(port.asked, 1);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    ck_assert_uint_eq(p.counters.flow_stray, 0);
}
END_TEST

START_TEST(malformed_segment_is_nobodys)
{
    uint8_t frame[14 + 20 + 20] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0 };
    struct ip_addr client = ip_addr_from_v4(CLIENT_IP), server = ip_addr_from_v4(SERVER_IP);

    port.others = true;
    ipv4_emit(frame + 14, &client, &server, IP_PROTOCOL_TCP, 0, 40, false);
    put_be16(frame + 34 + 2, 80);
    frame[34 + 12] = 0x50; /* its checksum is 0 and wrong */
    peer_frame(&p, frame, sizeof(frame));
    ck_assert_uint_eq(p.counters.tcp_drop_checksum, 1);
    ck_assert_uint_eq(port.asked, 0);
}
END_TEST

/* ---- ICMP errors, which come by the address of who sent them ---- */

static struct stack_news told;
static unsigned told_count;

static void tell(void *ctx, const struct stack_news *news)
{
    if (news->kind != STACK_NEWS_ERROR)
        return;
    told = *news;
    told_count++;
}

static void sharing(struct stack_config *config)
{
    config->shared = true;
    config->tell = tell;
}

static void setup_sharing(void)
{
    memset(&told, 0, sizeof(told));
    told_count = 0;
    peer_start(&p, sharing);
    peer_start(&q, sharing);
}

/* An error for q's connection, quoting the segment at relative sequence number seq, comes to p's
 * stack. */
static void error_arrives(uint8_t code, uint16_t mtu, uint32_t seq)
{
    uint8_t icmp[8 + 28] = { ICMP_UNREACHABLE, code };
    struct ip_addr client = ip_addr_from_v4(CLIENT_IP), server = ip_addr_from_v4(SERVER_IP);

    put_be16(icmp + 6, mtu);
    ipv4_emit(icmp + 8, &server, &client, IP_PROTOCOL_TCP, 0, 1500, false);
    put_be16(icmp + 28, 80);
    put_be16(icmp + 30, q.port);
    put_be32(icmp + 32, seq + q.server_iss);
    put_be16(icmp + 2, (uint16_t)~checksum_bytes(icmp, sizeof(icmp)));
    peer_packet(&p, NULL, NULL, IP_PROTOCOL_ICMP, 64, icmp, sizeof(icmp));
}

static void q_hears(void)
{
    stack_hear(q.stack, &told, q.now);
    peer_wait(&q, 0);
}

START_TEST(path_mtu_reaches_the_stack_with_the_connection)
{
    peer_handshake(&q, NULL);
    peer_request(&q, 6000);
    ck_assert_uint_eq(q.out[0].payload_len, PEER_MSS);
    error_arrives(ICMP_FRAGMENTATION_NEEDED, 1000, 1);
    ck_assert_uint_eq(told_count, 1);
    ck_assert_uint_eq(p.counters.icmp_error_told, 1);
    ck_assert_uint_eq(p.counters.icmp_drop_stale, 0);
    q_hears();
    ck_assert_uint_eq(q.counters.icmp_error_in, 1);
    ck_assert_uint_ge(q.out_count, 1);
    for (unsigned i = 0; i < q.out_count; i++)
        ck_assert_uint_le(q.out[i].payload_len, 960);
}
END_TEST

START_TEST(error_that_is_told_is_believed_no_more_than_one_from_the_wire)
{
    peer_handshake(&q, NULL);
    peer_request(&q, 6000);
    error_arrives(ICMP_FRAGMENTATION_NEEDED, 1000, 999999);
    q_hears();
    ck_assert_uint_eq(q.counters.icmp_error_in, 0);
    ck_assert_uint_eq(q.conn->mss, PEER_MSS);
    /* Who has no such connection keeps silent, and tells nobody. */
    unsigned before = told_count;
    stack_hear(p.stack, &told, p.now);
    ck_assert_uint_eq(p.counters.icmp_error_in, 0);
    ck_assert_uint_eq(told_count, before);
}
END_TEST

START_TEST(hard_error_ends_another_stacks_opening)
{
    struct tcp_peer remote = { ip_addr_from_v4(CLIENT_IP), 8080 };
    struct tcp_conn *conn;

    ck_assert_int_eq(stack_connect(q.stack, NULL, &remote, &conn, q.now), STACK_CONNECT_OK);
    peer_wait(&q, 0);
    struct stack_icmp_error error = {
        .local = { conn->key.local, conn->key.local_port },
        .remote = { conn->key.remote, conn->key.remote_port },
        .seq = conn->iss,
        .hard = true,
    };
    told = (struct stack_news){ .kind = STACK_NEWS_ERROR, .error = error };
    q_hears();
    ck_assert_uint_eq(q.counters.icmp_error_in, 1);
    ck_assert_uint_eq(q.closed, 1);
}
END_TEST

START_TEST(flood_of_errors_is_not_told_without_end)
{
    q.port = 7;
    for (unsigned i = 0; i < 5000; i++)
        error_arrives(ICMP_FRAGMENTATION_NEEDED, 1000, i);
    ck_assert_uint_ge(told_count, 100);
    ck_assert_uint_le(told_count, 1000);
    ck_assert_uint_eq(p.counters.icmp_error_told, told_count);
    ck_assert_uint_eq(p.counters.icmp_drop_stale, 5000 - told_count);
}
END_TEST

Suite *shared_suite(void)
{
    Suite *suite = suite_create("shared port");
    TCase *frames = tcase_create("frames"), *errors = tcase_create("ICMP errors");

    tcase_add_checked_fixture(frames, setup, teardown);
    tcase_add_test(frames, new_flow_of_another_stack_is_passed_on_unanswered);
    tcase_add_test(frames, segment_of_another_stacks_flow_is_not_answered_with_a_reset);
    tcase_add_test(frames, known_flow_costs_no_question);
    tcase_add_test(frames, own_new_flow_is_answered_here);
    tcase_add_test(frames, malformed_segment_is_nobodys);
    suite_add_tcase(suite, frames);
    tcase_add_checked_fixture(errors, setup_sharing, teardown);
    tcase_add_test(errors, path_mtu_reaches_the_stack_with_the_connection);
    tcase_add_test(errors, error_that_is_told_is_believed_no_more_than_one_from_the_wire);
    tcase_add_test(errors, hard_error_ends_another_stacks_opening);
    tcase_add_test(errors, flood_of_errors_is_not_told_without_end);
    suite_add_tcase(suite, errors);
    return suite;
}
