/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss detection by time (RFC 8985), as a peer sees it. */
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"

#define SEG 1460u

static struct peer p;

/* An ACK of everything below segment `upto` of the stream, with the segments [from, to) SACKed. */
static void ack_segments(uint32_t upto, uint32_t from, uint32_t to)
{
    struct tcp_segment ack = { .sack_count = from < to,
                               .sack = { { 1 + from * SEG, 1 + to * SEG } } };

    peer_send(&p, TCP_ACK, 2, 1 + upto * SEG, 0, &ack);
}

/* Section 6.2 step 4: no reordering was seen, and the third segment beyond a hole shows a loss.
 * That a burst is acknowledged bit by bit is no reordering. */
START_TEST(third_segment_beyond_a_hole_shows_a_loss)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    ck_assert_uint_eq(p.out_count, 10);
    p.now += PEER_RTT_NS;
    ack_segments(2, 0, 0);
    ack_segments(4, 0, 0);
    for (uint32_t to = 6; to <= 7; to++) {
        ack_segments(4, 5, to);
        for (unsigned i = 0; i < p.out_count; i++)
            ck_assert_uint_ne(p.out[i].seq, 1 + 4 * SEG);
    }
    ack_segments(4, 5, 8);
    ck_assert_uint_ge(p.out_count, 1);
    ck_assert_uint_eq(p.out[0].seq, 1 + 4 * SEG);
    ck_assert_uint_eq(p.counters.tcp_retransmit, 1);
    peer_stop(&p);
}
END_TEST

/* The same: once a segment arrived behind later ones, a hole is given time. */
START_TEST(reordering_gives_holes_time)
{
    peer_established(&p);
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    ack_segments(0, 1, 2); /* the second segment overtook the first */
    ack_segments(2, 0, 0);
    ack_segments(2, 3, 9);
    ck_assert_uint_eq(p.counters.tcp_retransmit, 0);
    peer_wait(&p, PEER_RTT_NS / 2);
    ck_assert_uint_eq(p.counters.tcp_retransmit, 1);
    peer_stop(&p);
}
END_TEST

Suite *recovery_suite(void)
{
    Suite *s = suite_create("recovery");
    TCase *t = tcase_create("rack");

    tcase_add_test(t, third_segment_beyond_a_hole_shows_a_loss);
    tcase_add_test(t, reordering_gives_holes_time);
    suite_add_tcase(s, t);
    return s;
}
