/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss detection by time (RFC 8985), as a peer sees it. */
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"

#define SEG 1460u

static struct peer p;

/* Bytes that the stream has had before. The next ones cross 4 GiB, or what is remembered of earlier
 * ones is 3 GiB behind. */
static const uint64_t before[] = { 0, (UINT64_C(1) << 32) - 6 * SEG, UINT64_C(3) << 30 };
enum { BEFORE = sizeof(before) / sizeof(before[0]) };

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
    peer_advance(&p, before[_i]);
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
    peer_advance(&p, before[_i]);
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

/* Of what was sent at one instant, the hole is what ends below the range that was delivered. */
START_TEST(holes_in_a_burst_are_found_by_their_place)
{
    peer_established(&p);
    peer_advance(&p, before[_i]);
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    ack_segments(4, 5, 8); /* one hole; the last two may be under way yet */
    ck_assert_uint_eq(p.conn->ranges.lost_bytes, 0);
    ck_assert_uint_eq(p.counters.tcp_retransmit_bytes, SEG);
    peer_stop(&p);
}
END_TEST

/* A probe of a closed window that was taken after all is no reordering later. */
START_TEST(what_was_given_up_and_taken_counts_as_delivered)
{
    struct tcp_segment closed = { .payload_len = 1 }; /* window 0 */

    peer_established(&p);
    p.body = 5000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &closed);
    peer_wait(&p, 2 * NS_PER_S); /* a probe of one byte */
    peer_send(&p, TCP_ACK, 2, 1, 0, NULL);
    ck_assert_uint_eq(p.conn->snd_una, 1);
    uint32_t reported = p.conn->rack_fack;
    p.conn->rack_fack = reported - 1; /* as of a stream in which nothing else was delivered */
    p.conn->snd_nxt = 1;
    range_list_clear(&p.conn->ranges, &p.conn->ctx->ranges);
    peer_send(&p, TCP_ACK, 2, 2, 0, NULL);
    ck_assert_uint_eq(p.conn->rack_fack, 2);
    peer_stop(&p);
}
END_TEST

/* ---- SACK blocks that an ACK repeats ---- */

/* Ten segments, of so many, are out as one range. */
static void ten_are_out(uint64_t segments, void (*change)(struct stack_config *config))
{
    peer_start(&p, change);
    peer_handshake(&p, NULL);
    peer_request(&p, segments * SEG);
    ck_assert_uint_eq(p.out_count, 10);
    p.now += PEER_RTT_NS;
}

static void two_ranges(struct stack_config *config)
{
    config->ranges_max = 4; /* half of them are for those who have none */
}

/* A block for which ranges were missing is looked at again when some are free. */
START_TEST(block_that_was_ignored_is_heeded_later)
{
    ten_are_out(10, two_ranges);
    ack_segments(0, 2, 3); /* three ranges */
    ck_assert_uint_eq(p.counters.tcp_sack_ignored, 1);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, 0);
    ack_segments(2, 0, 0); /* the first is free */
    ack_segments(2, 2, 3);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, SEG);
    peer_stop(&p);
}
END_TEST

/* New bytes had to join a range that was SACKed: what the block says is to be noted again. */
START_TEST(block_is_heeded_again_when_its_range_grew)
{
    ten_are_out(11, two_ranges);
    ack_segments(0, 9, 10);
    ck_assert_uint_eq(p.counters.tcp_range_exhausted, 1);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, 0);
    ack_segments(9, 0, 0);
    ack_segments(9, 9, 10);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, SEG);
    peer_stop(&p);
}
END_TEST

/* RFC 2018 section 8: what was SACKed may be thrown away; it may also come again. */
START_TEST(block_is_heeded_again_after_the_receiver_reneged)
{
    ten_are_out(100, NULL);
    ack_segments(0, 0, 1);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, SEG);
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_eq(p.counters.tcp_reneged, 1);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, 0);
    ack_segments(0, 0, 1);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, SEG);
    peer_stop(&p);
}
END_TEST

/* Behind a window that closed nothing was taken: when it opens, all is sent again. */
START_TEST(block_is_heeded_again_when_all_was_sent_again)
{
    struct tcp_segment closed = { .payload_len = 1, /* window 0 */
                                  .sack_count = 1,
                                  .sack = { { 1 + 2 * SEG, 1 + 3 * SEG } } };

    ten_are_out(100, NULL);
    peer_send(&p, TCP_ACK, 2, 1, 0, &closed);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, SEG);
    ack_segments(0, 0, 0);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, 0);
    ck_assert_uint_eq(p.out[0].seq, 1);
    ack_segments(0, 2, 3);
    ck_assert_uint_eq(p.conn->ranges.sacked_bytes, SEG);
    peer_stop(&p);
}
END_TEST

/* ---- the tail loss probe ---- */

/* Ten segments are out, and the last one twice. */
static void tail_is_probed(void)
{
    ten_are_out(10, NULL);
    peer_wait(&p, 5 * PEER_RTT_NS);
    ck_assert_uint_eq(p.counters.tcp_tlp, 1);
    ck_assert_uint_eq(p.counters.tcp_retransmit, 1);
}

/* RFC 8985 section 7.4.2: a D-SACK says that nothing was lost. */
START_TEST(probe_that_came_twice_reduces_nothing)
{
    struct tcp_segment dsack = { .sack_count = 1, .sack = { { 1 + 9 * SEG, 1 + 10 * SEG } } };

    tail_is_probed();
    peer_send(&p, TCP_ACK, 2, 1 + 10 * SEG, 0, &dsack);
    p.body = 10 * SEG;
    peer_send(&p, TCP_ACK, 2, 1 + 10 * SEG, 1, NULL); /* another request */
    ck_assert_uint_eq(p.out_count, 10);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 3, 1 + 12 * SEG, 0, NULL);
    ck_assert_uint_eq(p.conn->ssthresh, UINT32_MAX);
    ck_assert_uint_eq(p.counters.tcp_recovery, 0);
    peer_stop(&p);
}
END_TEST

/* A loss that the probe brought to light is one loss. */
START_TEST(probe_and_recovery_reduce_once)
{
    tail_is_probed();
    ack_segments(0, 5, 10);
    ck_assert_uint_eq(p.counters.tcp_recovery, 1);
    uint32_t ssthresh = p.conn->ssthresh;
    p.now += PEER_RTT_NS;
    ack_segments(10, 0, 0);
    ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_OPEN);
    ck_assert_uint_eq(p.counters.tcp_recovery, 1);
    ck_assert_uint_eq(p.conn->ssthresh, ssthresh);
    peer_stop(&p);
}
END_TEST

Suite *recovery_suite(void)
{
    Suite *s = suite_create("recovery");
    TCase *t = tcase_create("rack");

    tcase_add_loop_test(t, third_segment_beyond_a_hole_shows_a_loss, 0, BEFORE);
    tcase_add_loop_test(t, reordering_gives_holes_time, 0, BEFORE);
    tcase_add_loop_test(t, holes_in_a_burst_are_found_by_their_place, 0, BEFORE);
    tcase_add_test(t, what_was_given_up_and_taken_counts_as_delivered);
    suite_add_tcase(s, t);
    t = tcase_create("tail loss probe");
    tcase_add_test(t, probe_that_came_twice_reduces_nothing);
    tcase_add_test(t, probe_and_recovery_reduce_once);
    suite_add_tcase(s, t);
    t = tcase_create("blocks that are repeated");
    tcase_add_test(t, block_that_was_ignored_is_heeded_later);
    tcase_add_test(t, block_is_heeded_again_when_its_range_grew);
    tcase_add_test(t, block_is_heeded_again_after_the_receiver_reneged);
    tcase_add_test(t, block_is_heeded_again_when_all_was_sent_again);
    suite_add_tcase(s, t);
    return s;
}
