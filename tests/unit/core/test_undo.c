/* SPDX-License-Identifier: BSD-3-Clause */
/* Recoveries that had no cause, and those that had (RFC 3522, 3708, 5682, RFC 8985 section 6.2). */
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"

#define SEG     1460u
#define TS_SEG  1448u
#define FLIGHT  10u
#define PEER_TS 1000u

static struct peer p;

static bool sent_at(uint32_t seq)
{
    for (unsigned i = 0; i < p.out_count; i++)
        if (p.out[i].seq == seq && p.out[i].payload_len != 0)
            return true;
    return false;
}

/* Ten segments are out; all but the first were SACKed; the first was sent again. */
static void head_is_sent_again(void)
{
    struct tcp_segment sack = { .sack_count = 1, .sack = { { 1 + SEG, 1 + FLIGHT * SEG } } };

    peer_established(&p);
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 2, 1, 0, &sack);
    ck_assert(sent_at(1));
    ck_assert_uint_eq(p.counters.tcp_recovery, 1);
    ck_assert_uint_lt(p.conn->ssthresh, FLIGHT * SEG);
    p.now += NS_PER_MS;
}

START_TEST(dsack_of_all_that_was_sent_again_undoes_the_reduction)
{
    struct tcp_segment dsack = { .sack_count = 1, .sack = { { 1, 1 + SEG } } };

    head_is_sent_again();
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * SEG, 0, NULL); /* the original arrived late */
    ck_assert_uint_eq(p.counters.tcp_undone, 0);
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * SEG, 0, &dsack);
    ck_assert_uint_eq(p.counters.tcp_undone, 1);
    ck_assert_uint_ge(p.conn->cwnd, FLIGHT * SEG);
    ck_assert_uint_eq(p.conn->ssthresh, UINT32_MAX);
    peer_stop(&p);
}
END_TEST

START_TEST(dsack_of_something_else_undoes_nothing)
{
    head_is_sent_again();
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * SEG, 0, NULL);
    struct tcp_segment half = { .sack_count = 1, .sack = { { 1, 1 + SEG / 2 } } };
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * SEG, 0, &half); /* only a part came twice */
    struct tcp_segment later = { .sack_count = 1,
                                 .sack = { { 1 + FLIGHT * SEG, 1 + (FLIGHT + 1) * SEG } } };
    peer_send(&p, TCP_ACK, 2, 1 + (FLIGHT + 1) * SEG, 0, &later);
    ck_assert_uint_eq(p.counters.tcp_undone, 0);
    ck_assert_uint_ne(p.conn->ssthresh, UINT32_MAX);
    peer_stop(&p);
}
END_TEST

/* The same with timestamps; returns the stamp of the first transmission. */
static uint32_t stamped_head_is_sent_again(void)
{
    struct tcp_segment ts = PEER_DEFAULT_OPTIONS;

    peer_start(&p, NULL);
    ts.has_timestamps = true;
    ts.ts_value = PEER_TS;
    peer_handshake(&p, &ts);
    struct tcp_segment ack = { .has_timestamps = true, .ts_value = PEER_TS };
    p.body = 1000000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &ack);
    uint32_t first = p.out[0].ts_value;
    p.now += PEER_RTT_NS;
    ack.ts_echo = first;
    ack.sack_count = 1;
    ack.sack[0] = (struct sack_block){ 1 + TS_SEG, 1 + FLIGHT * TS_SEG };
    peer_send(&p, TCP_ACK, 2, 1, 0, &ack);
    ck_assert(sent_at(1));
    p.now += NS_PER_MS;
    return first;
}

START_TEST(echo_older_than_the_retransmission_undoes_the_reduction)
{
    struct tcp_segment ack = { .has_timestamps = true, .ts_value = PEER_TS };

    ack.ts_echo = stamped_head_is_sent_again();
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * TS_SEG, 0, &ack);
    ck_assert_uint_eq(p.counters.tcp_undone, 1);
    ck_assert_uint_ge(p.conn->cwnd, FLIGHT * TS_SEG);
    ck_assert_uint_eq(p.conn->ssthresh, UINT32_MAX);
    peer_stop(&p);
}
END_TEST

START_TEST(echo_of_the_retransmission_undoes_nothing)
{
    struct tcp_segment ack = { .has_timestamps = true, .ts_value = PEER_TS };

    ack.ts_echo = stamped_head_is_sent_again() + (uint32_t)(PEER_RTT_NS / NS_PER_MS);
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * TS_SEG, 0, &ack);
    ck_assert_uint_eq(p.counters.tcp_undone, 0);
    ck_assert_uint_ne(p.conn->ssthresh, UINT32_MAX);
    peer_stop(&p);
}
END_TEST

/* What was sent first in one recovery, was lost and sent again is still out when the next recovery
 * begins. Its echo is older than that one's first retransmission, and proves nothing. */
START_TEST(echo_of_what_an_earlier_recovery_sent_again_undoes_nothing)
{
    struct tcp_segment ack = { .has_timestamps = true, .ts_value = PEER_TS };
    const uint32_t first = stamped_head_is_sent_again();
    const uint32_t second = first + PEER_RTT_NS / NS_PER_MS; /* stamp of the first retransmission */

    ck_assert_uint_ge(p.conn->snd_max, 1 + 16 * TS_SEG); /* six new segments behind it */
    ack.ts_echo = first;
    ack.sack_count = 2;
    ack.sack[0] = (struct sack_block){ 1 + 11 * TS_SEG, 1 + 14 * TS_SEG };
    ack.sack[1] = (struct sack_block){ 1 + TS_SEG, 1 + FLIGHT * TS_SEG };
    peer_send(&p, TCP_ACK, 2, 1, 0, &ack);
    ck_assert(sent_at(1 + 10 * TS_SEG));
    const uint32_t third = second + 1;

    p.now += NS_PER_MS;
    ack.sack_count = 1;
    ack.ts_echo = second;
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * TS_SEG, 0, &ack); /* the first recovery is over */
    ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_OPEN);

    p.now += NS_PER_MS;
    ack.sack_count = 2;
    ack.sack[1] = ack.sack[0];
    ack.sack[0] = (struct sack_block){ 1 + 15 * TS_SEG, 1 + 16 * TS_SEG };
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * TS_SEG, 0, &ack);
    ck_assert_uint_eq(p.counters.tcp_recovery, 2);
    ck_assert(sent_at(1 + 14 * TS_SEG));

    p.now += PEER_RTT_NS;
    ack.sack_count = 0;
    ack.ts_echo = third;
    peer_send(&p, TCP_ACK, 2, 1 + 14 * TS_SEG, 0, &ack);
    ck_assert_uint_eq(p.counters.tcp_undone, 0);
    peer_stop(&p);
}
END_TEST

/* RFC 8985 section 6.2 step 2: what the original's ACK says is not the retransmission's time. */
START_TEST(rack_takes_no_time_from_a_retransmission_whose_original_arrived)
{
    struct tcp_segment ack = { .has_timestamps = true, .ts_value = PEER_TS };

    ack.ts_echo = stamped_head_is_sent_again();
    uint64_t newest = p.conn->rack_sent_ns;
    p.conn->undo.cwnd = 0;    /* nothing but RACK looks at it */
    p.now += 2 * PEER_RTT_NS; /* longer than any round trip: only the echo tells */
    peer_send(&p, TCP_ACK, 2, 1 + TS_SEG, 0, &ack);
    ck_assert_uint_eq(p.conn->rack_sent_ns, newest);
    peer_stop(&p);
}
END_TEST

/* F-RTO (RFC 5682 section 3.1), without timestamps. */
static void first_ack_after_the_time_out(void)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    while (p.counters.tcp_rto == 0)
        peer_wait(&p, NS_PER_MS);
    ck_assert(sent_at(1));
    peer_send(&p, TCP_ACK, 2, 1 + SEG, 0, NULL);
    ck_assert_uint_eq(p.out_count, 2); /* new bytes, nothing old */
    for (unsigned i = 0; i < p.out_count; i++)
        ck_assert_uint_gt(p.out[i].seq, FLIGHT * SEG);
}

START_TEST(frto_undoes_a_time_out_when_old_bytes_arrive_by_themselves)
{
    first_ack_after_the_time_out();
    peer_send(&p, TCP_ACK, 2, 1 + 2 * SEG, 0, NULL);
    ck_assert_uint_eq(p.counters.tcp_rto_undone, 1);
    ck_assert_uint_ge(p.conn->cwnd, FLIGHT * SEG);
    ck_assert_uint_eq(p.conn->ssthresh, UINT32_MAX); /* the first slow start goes on */
    ck_assert_uint_eq(p.conn->cc.hystart.last_min_us, UINT32_MAX);
    for (unsigned i = 0; i < p.out_count; i++)
        ck_assert_uint_gt(p.out[i].seq, FLIGHT * SEG);
    peer_stop(&p);
}
END_TEST

START_TEST(frto_sends_again_when_only_new_bytes_arrive)
{
    first_ack_after_the_time_out();
    struct tcp_segment sack = { .sack_count = 1,
                                .sack = { { p.out[0].seq, p.out[0].seq + p.out[0].payload_len } } };
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 2, 1 + SEG, 0, &sack);
    ck_assert_uint_eq(p.counters.tcp_undone, 0);
    ck_assert(sent_at(1 + SEG));
    peer_stop(&p);
}
END_TEST

START_TEST(reordering_window_is_forgotten_after_some_recoveries)
{
    head_is_sent_again();
    p.conn->reo_wnd_mult = 5;
    p.conn->reo_wnd_persist = 1;
    peer_send(&p, TCP_ACK, 2, p.conn->recovery_end, 0, NULL);
    ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_OPEN);
    ck_assert_uint_eq(p.conn->reo_wnd_mult, 1);
    peer_stop(&p);
}
END_TEST

/* What goes out at once is one range: an ACK of its first half does not deliver the second. */
START_TEST(acks_of_parts_of_a_range_are_no_reordering)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    for (uint32_t n = 2; n <= FLIGHT; n += 2)
        peer_send(&p, TCP_ACK, 2, 1 + n * SEG, 0, NULL);
    ck_assert(!p.conn->reordering_seen);
    ck_assert_uint_eq(p.conn->rack_fack, 1 + FLIGHT * SEG);
    peer_stop(&p);
}
END_TEST

Suite *tcp_undo_suite(void)
{
    Suite *suite = suite_create("tcp, undoing");
    TCase *t = tcase_create("tcp, undoing");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, dsack_of_all_that_was_sent_again_undoes_the_reduction);
    tcase_add_test(t, dsack_of_something_else_undoes_nothing);
    tcase_add_test(t, echo_older_than_the_retransmission_undoes_the_reduction);
    tcase_add_test(t, echo_of_the_retransmission_undoes_nothing);
    tcase_add_test(t, echo_of_what_an_earlier_recovery_sent_again_undoes_nothing);
    tcase_add_test(t, rack_takes_no_time_from_a_retransmission_whose_original_arrived);
    tcase_add_test(t, frto_undoes_a_time_out_when_old_bytes_arrive_by_themselves);
    tcase_add_test(t, frto_sends_again_when_only_new_bytes_arrive);
    tcase_add_test(t, reordering_window_is_forgotten_after_some_recoveries);
    tcase_add_test(t, acks_of_parts_of_a_range_are_no_reordering);
    suite_add_tcase(suite, t);
    return suite;
}
