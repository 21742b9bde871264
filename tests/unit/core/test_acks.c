/* SPDX-License-Identifier: BSD-3-Clause */
/* Trains of ACKs in one burst (stack/acks.c): which are left out, and that nothing is lost by it.
 */
#include "peer.h"
#include "suites.h"
#include "tcp/conn.h"

#define SEG    1460u
#define FLIGHT 10u
#define TS     1000u

static struct peer p;
static struct tcp_segment stamped = { .has_timestamps = true, .ts_value = TS };

/* Ten segments are out, a round trip ago. */
static void ten_are_out(bool v6)
{
    (v6 ? peer_start_v6 : peer_start)(&p, NULL);
    peer_handshake(&p, NULL);
    peer_request(&p, 1000000);
    ck_assert_uint_eq(p.out_count, FLIGHT);
    p.now += PEER_RTT_NS;
}

/* Acknowledges n segments at a time, FLIGHT in all. */
static void acks(uint32_t n, uint32_t mss)
{
    for (uint32_t i = n; i <= FLIGHT; i += n)
        peer_send(&p, TCP_ACK, 2, 1 + i * mss, 0, NULL);
}

START_TEST(train_has_the_effect_of_its_last)
{
    bool v6 = _i % 2 != 0, verified = _i / 2 != 0;
    uint32_t mss = v6 ? SEG - 20 : SEG;

    ten_are_out(v6);
    p.frame_flags = verified ? FRAME_IP_CHECKSUM_GOOD | FRAME_L4_CHECKSUM_GOOD : 0;
    peer_hold(&p);
    acks(2, mss);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, FLIGHT / 2 - 1);
    uint64_t in = p.counters.tcp_in, frames = p.counters.rx_frames, sent = peer_payload(&p);
    uint64_t una = p.conn->snd_una, bytes = p.counters.rx_bytes;
    uint32_t cwnd = p.conn->cwnd, srtt = p.conn->rtt.srtt_us;
    peer_stop(&p);

    ten_are_out(v6);
    for (uint32_t i = 2; i <= FLIGHT; i += 2) { /* each in a burst of its own, at the same time */
        peer_hold(&p);
        peer_send(&p, TCP_ACK, 2, 1 + i * mss, 0, NULL);
        p.held = false;
        stack_input(p.stack, p.held_frame, 1, p.now);
    }
    peer_hold(&p);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, 0);
    ck_assert_uint_eq(una, 1 + FLIGHT * mss);
    ck_assert_uint_eq(p.conn->snd_una, una);
    /* One by one, the last of them find less in flight than the window, and let it be. */
    ck_assert_uint_eq(cwnd, (FLIGHT + 8) * mss); /* 8 an ACK where nothing is paced: RFC 9406, L */
    ck_assert_uint_lt(p.conn->cwnd, cwnd);
    ck_assert_uint_le(srtt, p.conn->rtt.srtt_us); /* one sample, not five: of the newest */
    ck_assert_uint_lt(peer_payload(&p), sent);
    ck_assert_uint_eq(p.counters.tcp_in, in);
    ck_assert_uint_eq(p.counters.rx_frames, frames);
    ck_assert_uint_eq(p.counters.rx_bytes, bytes);
    peer_stop(&p);
}
END_TEST

/* The last of a train is damaged: the others are heard, all of them. */
START_TEST(damaged_end_spoils_the_train)
{
    unsigned at = _i == 0 ? 14 + 8 : 14 + 20 + 14; /* time to live, window */

    ten_are_out(false);
    peer_hold(&p);
    acks(2, SEG);
    for (unsigned i = 0; i < p.held_count && _i == 0; i++)
        p.held_bytes[i][at] ^= 0x20; /* alike again */
    p.held_bytes[p.held_count - 1][at] ^= _i == 0 ? 0 : 0x20;
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, 0);
    ck_assert_uint_eq(p.conn->snd_una, _i == 0 ? 1 : 1 + (FLIGHT - 2) * SEG);
    ck_assert_uint_eq(p.counters.ip_drop_checksum, _i == 0 ? FLIGHT / 2 : 0);
    ck_assert_uint_eq(p.counters.tcp_drop_checksum, _i == 0 ? 0 : 1);
    peer_stop(&p);
}
END_TEST

START_TEST(duplicates_are_all_heard)
{
    struct tcp_segment syn = { .has_mss = true, .mss = SEG }; /* no SACK: they are counted */

    peer_start(&p, NULL);
    peer_handshake(&p, &syn);
    peer_request(&p, 1000000);
    p.now += PEER_RTT_NS;
    peer_hold(&p);
    for (unsigned i = 0; i < 3; i++)
        peer_send(&p, TCP_ACK, 2, 1, 0, NULL);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_dup_ack_in, 3);
    ck_assert_uint_eq(p.counters.tcp_recovery, 1);
    peer_stop(&p);
}
END_TEST

/* Segments [from, to) of the flight. */
#define BLOCK(from, to)                                                                            \
    {                                                                                              \
        1 + (from)*SEG, 1 + (to)*SEG                                                               \
    }

/* The first segment is missing; what came after it is reported in ACKs of their own. */
START_TEST(sack_train_has_the_effect_of_its_last)
{
    struct tcp_conn alone[2];

    for (unsigned one = 0; one < 2; one++) {
        ten_are_out(_i != 0);
        uint32_t mss = p.conn->mss;
        for (uint32_t n = 2; n <= FLIGHT; n++) {
            struct tcp_segment sack = { .sack_count = 1, .sack = { { 1 + mss, 1 + n * mss } } };
            if (one != 0 || n == 2)
                peer_hold(&p);
            peer_send(&p, TCP_ACK, 2, 1, 0, &sack);
            if (one != 0) {
                p.held = false;
                stack_input(p.stack, p.held_frame, 1, p.now);
            }
        }
        ck_assert_uint_eq(p.conn->recovery, one != 0 ? TCP_RECOVERY_FAST : TCP_RECOVERY_OPEN);
        if (one == 0)
            stack_input(p.stack, p.held_frame, p.held_count, p.now);
        ck_assert_uint_eq(p.counters.tcp_ack_needless, one != 0 ? 0 : FLIGHT - 2);
        ck_assert_uint_eq(p.counters.tcp_in, 3 + FLIGHT - 1);
        alone[one] = *p.conn;
        p.held_count = 0;
        peer_release(&p);
        ck_assert_uint_eq(p.counters.tcp_retransmit, 1);
        peer_stop(&p);
    }
    ck_assert_uint_eq(alone[0].recovery, TCP_RECOVERY_FAST);
    ck_assert_uint_eq(alone[0].ranges.sacked_bytes, alone[1].ranges.sacked_bytes);
    ck_assert_uint_eq(alone[0].ranges.lost_bytes, alone[1].ranges.lost_bytes);
    ck_assert_uint_eq(alone[0].ssthresh, alone[1].ssthresh);
    ck_assert_uint_eq(alone[0].rack_sent_ns, alone[1].rack_sent_ns);
    ck_assert_uint_eq(alone[0].rack_end, alone[1].rack_end);
    ck_assert_uint_eq(alone[0].rack_rtt_ns, alone[1].rack_rtt_ns);
    ck_assert_uint_eq(alone[0].rack_fack, alone[1].rack_fack);
    ck_assert(!alone[0].reordering_seen && !alone[1].reordering_seen);
}
END_TEST

static const struct {
    uint32_t ack[2]; /* segments */
    struct tcp_segment first, second;
    unsigned needless;
} sacks[] = {
    /* No block, then one. */
    { { 1, 1 }, { .flags = 0 }, { .sack_count = 1, .sack = { BLOCK(3, 4) } }, 1 },
    { { 1, 2 }, { .flags = 0 }, { .sack_count = 1, .sack = { BLOCK(3, 4) } }, 0 },
    /* The first one grows, or is the same. */
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(2, 3) } },
      { .sack_count = 1, .sack = { BLOCK(2, 5) } },
      1 },
    { { 1, 1 },
      { .sack_count = 2, .sack = { BLOCK(4, 5), BLOCK(2, 3) } },
      { .sack_count = 2, .sack = { BLOCK(4, 7), BLOCK(2, 3) } },
      1 },
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(2, 3) } },
      { .sack_count = 1, .sack = { BLOCK(2, 3) } },
      1 },
    /* Another one above it. */
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(2, 3) } },
      { .sack_count = 2, .sack = { BLOCK(4, 5), BLOCK(2, 3) } },
      1 },
    /* A hole is filled: reordering, maybe. */
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(3, 5) } },
      { .sack_count = 1, .sack = { BLOCK(2, 5) } },
      0 },
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(5, 6) } },
      { .sack_count = 2, .sack = { BLOCK(3, 4), BLOCK(5, 6) } },
      0 },
    { { 1, 1 },
      { .sack_count = 2, .sack = { BLOCK(2, 3), BLOCK(5, 6) } },
      { .sack_count = 2, .sack = { BLOCK(2, 4), BLOCK(5, 6) } },
      0 },
    { { 1, 2 },
      { .sack_count = 2, .sack = { BLOCK(4, 5), BLOCK(6, 7) } },
      { .sack_count = 2, .sack = { BLOCK(4, 5), BLOCK(6, 7) } },
      0 },
    { { 1, 3 }, { .sack_count = 1, .sack = { BLOCK(2, 3) } }, { .flags = 0 }, 0 },
    /* Something is not repeated, or taken back. */
    { { 1, 1 }, { .sack_count = 1, .sack = { BLOCK(2, 3) } }, { .flags = 0 }, 0 },
    { { 1, 1 },
      { .sack_count = 2, .sack = { BLOCK(4, 5), BLOCK(2, 3) } },
      { .sack_count = 1, .sack = { BLOCK(4, 6) } },
      0 },
    { { 1, 1 },
      { .sack_count = 2, .sack = { BLOCK(6, 7), BLOCK(2, 3) } },
      { .sack_count = 2, .sack = { BLOCK(6, 8), BLOCK(4, 5) } },
      0 },
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(2, 4) } },
      { .sack_count = 1, .sack = { BLOCK(2, 3) } },
      0 },
    /* D-SACK (RFC 2883), below the ACK or inside the next block. */
    { { 2, 2 },
      { .sack_count = 1, .sack = { BLOCK(0, 1) } },
      { .sack_count = 1, .sack = { BLOCK(0, 2) } },
      0 },
    { { 2, 2 }, { .flags = 0 }, { .sack_count = 1, .sack = { BLOCK(0, 1) } }, 0 },
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(2, 5) } },
      { .sack_count = 2, .sack = { BLOCK(3, 4), BLOCK(2, 5) } },
      0 },
    { { 1, 1 },
      { .sack_count = 2, .sack = { BLOCK(3, 4), BLOCK(2, 6) } },
      { .sack_count = 2, .sack = { BLOCK(3, 5), BLOCK(2, 6) } },
      0 },
    /* Never sent. */
    { { 1, 1 },
      { .sack_count = 1, .sack = { BLOCK(2, 3) } },
      { .sack_count = 1, .sack = { BLOCK(2, FLIGHT + 1) } },
      0 },
};

START_TEST(sack_says_all_that_the_last_one_said)
{
    ten_are_out(false);
    peer_hold(&p);
    peer_send(&p, TCP_ACK, 2, 1 + sacks[_i].ack[0] * SEG, 0, &sacks[_i].first);
    peer_send(&p, TCP_ACK, 2, 1 + sacks[_i].ack[1] * SEG, 0, &sacks[_i].second);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, sacks[_i].needless);
    peer_stop(&p);
}
END_TEST

/* In recovery, until it is over, and after it, though it may still be undone. */
START_TEST(trains_end_a_recovery)
{
    struct tcp_segment sack = { .sack_count = 1, .sack = { BLOCK(1, FLIGHT) } };

    ten_are_out(false);
    peer_send(&p, TCP_ACK, 2, 1, 0, &sack);
    ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_FAST);
    for (unsigned round = 1; round <= 2; round++) {
        uint32_t una = (uint32_t)p.conn->snd_una, nxt = (uint32_t)p.conn->snd_nxt;
        p.now += PEER_RTT_NS;
        peer_hold(&p);
        peer_send(&p, TCP_ACK, 2, una + SEG, 0, NULL);
        peer_send(&p, TCP_ACK, 2, nxt, 0, NULL);
        peer_release(&p);
        ck_assert_uint_eq(p.counters.tcp_ack_needless, round);
        ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_OPEN);
        ck_assert_uint_ne(p.conn->undo.cwnd, 0);
    }
    peer_stop(&p);
}
END_TEST

/* F-RTO (RFC 5682) asks for the first and the second after a time-out. */
START_TEST(every_ack_is_heard_after_a_time_out)
{
    ten_are_out(false);
    peer_wait(&p, 2 * NS_PER_S);
    ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_LOSS);
    peer_send(&p, TCP_ACK, 2, 1 + SEG, 0, NULL);
    ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_LOSS);
    peer_hold(&p);
    acks(2, SEG);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, 0);
    peer_stop(&p);
}
END_TEST

/* By the echo of the first ACK Eifel sees that nothing was lost (RFC 3522). */
START_TEST(older_echo_is_heard_in_recovery)
{
    struct tcp_segment syn = {
        .has_mss = true, .mss = SEG, .has_timestamps = true, .ts_value = TS, .sack_permitted = true
    };
    uint32_t mss = SEG - TIMESTAMPS_BYTES;

    peer_start(&p, NULL);
    peer_handshake(&p, &syn);
    p.body = 1000000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &stamped);
    struct tcp_segment early = stamped, sack = stamped, late = stamped;
    early.ts_echo = p.out[0].ts_value;
    p.now += PEER_RTT_NS;
    sack.sack_count = 1;
    sack.sack[0] = (struct sack_block){ 1 + mss, 1 + FLIGHT * mss };
    peer_send(&p, TCP_ACK, 2, 1, 0, &sack);
    ck_assert_uint_eq(p.conn->recovery, TCP_RECOVERY_FAST);
    late.ts_echo = p.out[0].ts_value;
    p.now += PEER_RTT_NS;
    peer_hold(&p);
    peer_send(&p, TCP_ACK, 2, 1 + FLIGHT * mss, 0, &early);
    peer_send(&p, TCP_ACK, 2, (uint32_t)p.conn->snd_nxt, 0, _i == 0 ? &late : &early);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, _i == 0 ? 0 : 1);
    ck_assert_uint_eq(p.counters.tcp_undone, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(probe_of_the_tail_is_forgotten_when_it_is_answered)
{
    ten_are_out(false);
    peer_wait(&p, 5 * PEER_RTT_NS);
    ck_assert_uint_eq(p.counters.tcp_tlp, 1);
    for (unsigned round = 0; round < 2; round++) {
        uint32_t nxt = (uint32_t)p.conn->snd_nxt;
        peer_hold(&p);
        peer_send(&p, TCP_ACK, 2, nxt - SEG, 0, NULL);
        peer_send(&p, TCP_ACK, 2, nxt, 0, NULL);
        peer_release(&p);
        ck_assert_uint_eq(p.counters.tcp_ack_needless, round);
    }
    peer_stop(&p);
}
END_TEST

/* Two segments, the first of which could go if the second were like it. */
static void pair(uint8_t flags, uint32_t seq, uint32_t ack, uint32_t payload,
                 const struct tcp_segment *options)
{
    peer_hold(&p);
    peer_send(&p, TCP_ACK, 2, 1 + 2 * SEG, 0, NULL);
    peer_send(&p, flags, seq, ack, payload, options);
    peer_release(&p);
}

static const struct {
    uint8_t flags;
    uint32_t seq, ack, payload;
    struct tcp_segment options;
    unsigned needless;
} second[] = {
    { TCP_ACK, 2, 1 + 4 * SEG, 0, { .window = 1000 }, 1 },
    { TCP_ACK, 2, 1 + 2 * SEG, 0, { .flags = 0 }, 0 },         /* no more than the first */
    { TCP_ACK, 2, 1 + 1 * SEG, 0, { .flags = 0 }, 0 },         /* less */
    { TCP_ACK, 2, 1 + FLIGHT *SEG + 1, 0, { .flags = 0 }, 0 }, /* never sent */
    { TCP_ACK, 3, 1 + 4 * SEG, 0, { .flags = 0 }, 0 },
    { TCP_ACK, 2, 1 + 4 * SEG, 1, { .flags = 0 }, 0 }, /* with text */
    { TCP_ACK | TCP_PSH, 2, 1 + 4 * SEG, 1, { .flags = 0 }, 0 },
    { TCP_ACK | TCP_FIN, 2, 1 + 4 * SEG, 0, { .flags = 0 }, 0 },
    { TCP_ACK | TCP_RST, 2, 1 + 4 * SEG, 0, { .flags = 0 }, 0 },
    { TCP_ACK | TCP_ECE, 2, 1 + 4 * SEG, 0, { .flags = 0 }, 0 },
    { TCP_ACK, 2, 1 + 4 * SEG, 0, { .ip_ecn = 3 }, 0 },
    { TCP_ACK, 2, 1 + 4 * SEG, 0, { .has_timestamps = true }, 0 },
    { TCP_ACK,
      2,
      1 + 2 * SEG,
      0,
      { .sack_count = 1, .sack = { { 1 + 3 * SEG, 1 + 4 * SEG } } },
      1 },
};

START_TEST(only_what_is_alike_is_left_out)
{
    ten_are_out(false);
    pair(second[_i].flags, second[_i].seq, second[_i].ack, second[_i].payload, &second[_i].options);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, second[_i].needless);
    if (p.conn != NULL)
        ck_assert_uint_ge(p.conn->snd_una, 1 + 2 * SEG);
    peer_stop(&p);
}
END_TEST

/* What two frames with one header but for the acknowledgement do not have in common: bits of one
 * byte, of the second or of both. The port vouches for the checksums. */
static const struct {
    bool v6, both;
    uint8_t at, bits;
} unlike[] = {
    { false, false, 5, 1 },       /* destination's MAC address */
    { false, false, 11, 1 },      /* source's */
    { false, false, 12, 0x80 },   /* type */
    { false, true, 12, 0x80 },    /* not IPv4 */
    { false, false, 15, 3 },      /* congestion was experienced (RFC 3168) */
    { false, true, 14, 3 },       /* options */
    { false, true, 20, 0x20 },    /* a fragment, of which more come */
    { false, true, 21, 8 },       /* a fragment that is not the first */
    { false, false, 22, 1 },      /* time to live */
    { false, true, 23, 17 },      /* not TCP */
    { false, false, 29, 1 },      /* source */
    { false, false, 33, 1 },      /* destination */
    { false, true, 17, 4 },       /* longer than the frame */
    { false, true, 14 + 32, 16 }, /* a longer TCP header than there is */
    { true, false, 15, 0x30 },    /* congestion was experienced */
    { true, true, 14, 0x20 },     /* not version 6 */
    { true, true, 20, 17 },       /* not TCP */
    { true, false, 21, 1 },       /* hop limit */
    { true, false, 37, 1 },       /* source */
    { true, false, 53, 1 },       /* destination */
    { true, true, 19, 4 },        /* longer than the frame */
};

START_TEST(headers_unlike_end_the_train)
{
    uint32_t mss = unlike[_i].v6 ? SEG - 20 : SEG;

    ten_are_out(unlike[_i].v6);
    p.frame_flags = FRAME_IP_CHECKSUM_GOOD | FRAME_L4_CHECKSUM_GOOD;
    peer_hold(&p);
    acks(FLIGHT / 2, mss);
    ck_assert_uint_eq(p.held_count, 2);
    for (unsigned i = unlike[_i].both ? 0 : 1; i < 2; i++)
        p.held_bytes[i][unlike[_i].at] ^= unlike[_i].bits;
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, 0);
    peer_stop(&p);
}
END_TEST

/* What the port has verified of one it may not have of the other. */
START_TEST(frames_of_other_flags_end_the_train)
{
    ten_are_out(false);
    peer_hold(&p);
    acks(FLIGHT / 2, SEG);
    p.held_frame[1].flags = FRAME_L4_CHECKSUM_GOOD;
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, 0);
    ck_assert_uint_eq(p.conn->snd_una, 1 + FLIGHT * SEG);
    peer_stop(&p);
}
END_TEST

START_TEST(another_connection_ends_the_train)
{
    ten_are_out(false);
    peer_hold(&p);
    peer_send(&p, TCP_ACK, 2, 1 + 2 * SEG, 0, NULL);
    p.port++;
    peer_send(&p, TCP_ACK, 2, 1 + 4 * SEG, 0, NULL);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, 0);
    ck_assert_uint_eq(p.counters.tcp_drop_no_connection, 1);
    ck_assert_uint_eq(p.conn->snd_una, 1 + 2 * SEG);
    peer_stop(&p);
}
END_TEST

START_TEST(older_timestamp_ends_the_train)
{
    struct tcp_segment syn = {
        .has_mss = true, .mss = SEG, .has_timestamps = true, .ts_value = TS
    };
    uint32_t mss = SEG - TIMESTAMPS_BYTES;

    peer_start(&p, NULL);
    peer_handshake(&p, &syn);
    p.body = 1000000;
    peer_send(&p, TCP_ACK, 1, 1, 1, &stamped);
    p.now += PEER_RTT_NS;
    struct tcp_segment later = stamped, older = stamped;
    later.ts_value++;
    older.ts_value--;
    peer_hold(&p);
    peer_send(&p, TCP_ACK, 2, 1 + 2 * mss, 0, &stamped);
    peer_send(&p, TCP_ACK, 2, 1 + 4 * mss, 0, &later);
    peer_send(&p, TCP_ACK, 2, 1 + 6 * mss, 0, &older);
    peer_release(&p);
    ck_assert_uint_eq(p.counters.tcp_ack_needless, 1);
    ck_assert_uint_eq(p.counters.tcp_drop_paws, 1);
    ck_assert_uint_eq(p.conn->snd_una, 1 + 4 * mss);
    peer_stop(&p);
}
END_TEST

Suite *acks_suite(void)
{
    Suite *suite = suite_create("trains of ACKs");
    TCase *t = tcase_create("trains of ACKs");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, train_has_the_effect_of_its_last, 0, 4);
    tcase_add_loop_test(t, damaged_end_spoils_the_train, 0, 2);
    tcase_add_test(t, duplicates_are_all_heard);
    tcase_add_loop_test(t, sack_train_has_the_effect_of_its_last, 0, 2);
    tcase_add_loop_test(t, sack_says_all_that_the_last_one_said, 0,
                        sizeof(sacks) / sizeof(sacks[0]));
    tcase_add_test(t, trains_end_a_recovery);
    tcase_add_test(t, every_ack_is_heard_after_a_time_out);
    tcase_add_loop_test(t, older_echo_is_heard_in_recovery, 0, 2);
    tcase_add_loop_test(t, only_what_is_alike_is_left_out, 0, sizeof(second) / sizeof(second[0]));
    tcase_add_loop_test(t, headers_unlike_end_the_train, 0, sizeof(unlike) / sizeof(unlike[0]));
    tcase_add_test(t, frames_of_other_flags_end_the_train);
    tcase_add_test(t, probe_of_the_tail_is_forgotten_when_it_is_answered);
    tcase_add_test(t, another_connection_ends_the_train);
    tcase_add_test(t, older_timestamp_ends_the_train);
    suite_add_tcase(suite, t);
    return suite;
}
