/* SPDX-License-Identifier: BSD-3-Clause */
/* Explicit congestion notification (RFC 3168), seen from the wire. */
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"

#define SEG 1460u

enum { NOT_ECT = 0, ECT_0 = 2, CE = 3 };

static struct peer p;

static const struct tcp_segment MARKED = { .ip_ecn = CE };

static void ecn_established(void)
{
    peer_start(&p, NULL);
    peer_send(&p, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK | TCP_ECE);
    ck_assert_uint_eq(p.out[0].ip_ecn, NOT_ECT);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
}

static void no_ecn(struct stack_config *config)
{
    config->tcp.ecn = false;
}

static void with_bbr(struct stack_config *config)
{
    config->tcp.cc = &cc_bbr;
}

START_TEST(ecn_is_agreed_to_when_asked_for)
{
    ecn_established();
    ck_assert_uint_eq(p.counters.tcp_ecn, 1);
    peer_stop(&p);

    static const uint8_t not_asking[] = { TCP_SYN, TCP_SYN | TCP_ECE, TCP_SYN | TCP_CWR };
    for (unsigned i = 0; i < sizeof(not_asking); i++) {
        peer_start(&p, NULL);
        peer_send(&p, not_asking[i], 0, 0, 0, &PEER_DEFAULT_OPTIONS);
        ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
        peer_stop(&p);
    }
    peer_start(&p, no_ecn);
    peer_send(&p, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_stop(&p);

    peer_start(&p, with_bbr); /* which would not heed the marks */
    peer_send(&p, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, 0, &PEER_DEFAULT_OPTIONS);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_stop(&p);
}
END_TEST

START_TEST(only_new_data_may_be_marked)
{
    ecn_established();
    peer_request(&p, 1000000);
    for (unsigned i = 0; i < p.out_count; i++)
        ck_assert_uint_eq(p.out[i].ip_ecn, ECT_0);
    struct tcp_segment sack = { .sack_count = 1, .sack = { { 1 + SEG, 1 + 10 * SEG } } };
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 2, 1, 0, &sack);
    unsigned again = 0;
    for (unsigned i = 0; i < p.out_count; i++) {
        again += p.out[i].seq == 1;
        ck_assert_uint_eq(p.out[i].ip_ecn, p.out[i].seq == 1 ? NOT_ECT : ECT_0);
    }
    ck_assert_uint_eq(again, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(nothing_is_marked_that_was_not_agreed_to)
{
    peer_established(&p);
    peer_request(&p, 100000);
    for (unsigned i = 0; i < p.out_count; i++)
        ck_assert_uint_eq(p.out[i].ip_ecn, NOT_ECT);
    peer_send(&p, TCP_ACK | TCP_ECE, 2, 1 + SEG, 0, &MARKED);
    ck_assert_uint_eq(p.counters.tcp_ecn_reduced, 0);
    ck_assert_uint_eq(p.counters.tcp_ecn_ce_in, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(ece_reduces_once_and_is_answered_with_cwr)
{
    ecn_established();
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK | TCP_ECE, 2, 1 + 2 * SEG, 0, NULL);
    ck_assert_uint_eq(p.counters.tcp_ecn_reduced, 1);
    ck_assert_uint_lt(p.conn->cwnd, 10 * SEG);
    uint32_t cwnd = p.conn->cwnd;
    unsigned told = 0;
    for (uint32_t i = 4; i <= 10; i += 2) {
        peer_send(&p, TCP_ACK | TCP_ECE, 2, 1 + i * SEG, 0, NULL);
        for (unsigned k = 0; k < p.out_count; k++)
            told += (p.out[k].flags & TCP_CWR) != 0;
    }
    ck_assert_uint_eq(p.counters.tcp_ecn_reduced, 1); /* all of one window */
    ck_assert_uint_le(p.conn->cwnd, cwnd + SEG);
    ck_assert_uint_eq(told, 1);
    ck_assert_uint_eq(p.counters.tcp_retransmit, 0);
    p.now += PEER_RTT_NS;
    uint32_t next = (uint32_t)p.conn->snd_nxt - SEG;
    peer_send(&p, TCP_ACK | TCP_ECE, 2, next, 0, NULL); /* another window */
    ck_assert_uint_eq(p.counters.tcp_ecn_reduced, 2);
    peer_stop(&p);
}
END_TEST

/* RFC 3168 section 6.1.2: a window with marks and losses is congested once. */
START_TEST(loss_in_a_marked_window_reduces_no_further)
{
    ecn_established();
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK | TCP_ECE, 2, 1 + SEG, 0, NULL);
    ck_assert_uint_eq(p.counters.tcp_ecn_reduced, 1);
    uint32_t ssthresh = p.conn->ssthresh;
    p.now += PEER_RTT_NS;
    for (uint32_t i = 3; i < 8; i++)
        peer_send(
            &p, TCP_ACK, 2, 1 + SEG, 0,
            &(struct tcp_segment){ .sack_count = 1, .sack = { { 1 + 2 * SEG, 1 + i * SEG } } });
    ck_assert_uint_eq(p.counters.tcp_recovery, 1);
    ck_assert_uint_eq(p.conn->ssthresh, ssthresh);
    peer_stop(&p);
}
END_TEST

/* More than 2 GiB after the last reduction its place, kept in 32 bits, seems to lie ahead. */
START_TEST(old_reduction_does_not_cover_new_marks)
{
    ecn_established();
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    p.conn->ecn_end = (uint32_t)p.conn->snd_una + 0x40000000;
    peer_send(&p, TCP_ACK | TCP_ECE, 2, 1 + SEG, 0, NULL);
    ck_assert_uint_eq(p.counters.tcp_ecn_reduced, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(mark_is_echoed_until_cwr)
{
    ecn_established();
    peer_send(&p, TCP_ACK, 1, 1, 10, &MARKED);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK | TCP_ECE);
    peer_send(&p, TCP_ACK, 11, 1, 10, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK | TCP_ECE);
    peer_send(&p, TCP_ACK | TCP_CWR, 21, 1, 10, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK);
    peer_send(&p, TCP_ACK | TCP_CWR, 31, 1, 10, &MARKED); /* marked itself: congested again */
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_ACK | TCP_ECE);
    ck_assert_uint_eq(p.counters.tcp_ecn_ce_in, 2);
    peer_stop(&p);
}
END_TEST

Suite *tcp_ecn_suite(void)
{
    Suite *suite = suite_create("tcp, ECN");
    TCase *t = tcase_create("tcp, ECN");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, ecn_is_agreed_to_when_asked_for);
    tcase_add_test(t, only_new_data_may_be_marked);
    tcase_add_test(t, nothing_is_marked_that_was_not_agreed_to);
    tcase_add_test(t, ece_reduces_once_and_is_answered_with_cwr);
    tcase_add_test(t, loss_in_a_marked_window_reduces_no_further);
    tcase_add_test(t, old_reduction_does_not_cover_new_marks);
    tcase_add_test(t, mark_is_echoed_until_cwr);
    suite_add_tcase(suite, t);
    return suite;
}
