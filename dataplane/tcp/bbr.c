/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/bbr.h"

#include <string.h>

#include "tcp/conn.h"

/* Gains in 256ths. */
enum {
    GAIN_1 = 256,
    GAIN_HIGH = 739, /* 2 / ln 2: doubles what is delivered each round trip (section 4.2.1) */
    GAIN_DRAIN = 88, /* its inverse */
    GAIN_CWND = 512, /* of PROBE_BW: room for delayed ACKs (section 4.2.3.2) */
    PACING_PERCENT = 99,
};

enum {
    CWND_SEGMENTS_MIN = 4,
    STARTUP_SEGMENTS_MIN = 32, /* more than any receiver gathers for one ACK */
    FULL_ROUNDS = 3,           /* without a quarter more bandwidth: section 4.3.2.2 */
    FULL_LOST_SEGMENTS_MIN = 8,
    CYCLE_PHASES = 8,
    BURST_MAX = 64 << 10,
    BURSTS = 3,
    PROBE_RTT_MS = 200,
    MIN_RTT_WINDOW_S = 10,
};

static struct bbr *bbr_of(const struct tcp_conn *c)
{
    return &c->ctx->bbr[conn_index(c)];
}

/* Section 4.3.4.2: a round trip more, one less to drain it, six to cruise. */
static uint32_t cycle_gain(const struct bbr *b)
{
    return b->cycle == 0 ? GAIN_1 * 5 / 4 : b->cycle == 1 ? GAIN_1 * 3 / 4 : GAIN_1;
}

static uint32_t pacing_gain(const struct bbr *b)
{
    switch (b->state) {
    case BBR_STARTUP:
        return GAIN_HIGH;
    case BBR_DRAIN:
        return GAIN_DRAIN;
    case BBR_PROBE_BW:
        return cycle_gain(b);
    default:
        return GAIN_1;
    }
}

/* Bytes in flight that fill gain / 256 pipes. */
static uint64_t inflight(const struct bbr *b, uint32_t gain)
{
    return b->bw_bps * b->min_rtt_us / 1000000 * gain / GAIN_1;
}

/* ------------------------------------------------------------------------------------ the model */

static void count_round(struct bbr *b, const struct ack_info *info)
{
    b->round_start = info->rate.seen && (int32_t)(info->rate.prior_delivered - b->round_end) >= 0;
    if (!b->round_start)
        return;
    b->round_end = b->rate.delivered;
    b->round++;
    b->conserve = false;
}

/* Section 4.1.1: a sample that the application kept low counts only if it is higher all the same.
 */
static void update_bandwidth(struct bbr *b, uint64_t bps, bool limited)
{
    if (bps == 0 || (limited && bps < b->bw_bps))
        return;
    if (b->filter_round != b->round) {
        b->filter_round = b->round;
        b->slot = (b->slot + 1) % BBR_FILTER_ROUNDS;
        b->recent[b->slot] = 0;
    }
    if (b->recent[b->slot] < bps)
        b->recent[b->slot] = bps;
    b->bw_bps = 0;
    for (unsigned i = 0; i < BBR_FILTER_ROUNDS; i++)
        if (b->bw_bps < b->recent[i])
            b->bw_bps = b->recent[i];
}

/* Losses on this scale are a queue that overflows, not a path that loses at random. */
static bool overflows(const struct tcp_conn *c, struct bbr *b, const struct ack_info *info)
{
    uint64_t much = inflight(b, GAIN_1 / 4);
    uint32_t least = FULL_LOST_SEGMENTS_MIN * (uint32_t)c->mss;

    if (b->round_start)
        b->round_lost = 0;
    b->round_lost += info->lost;
    return b->round_lost > (much > least ? much : least);
}

static void check_full(const struct tcp_conn *c, struct bbr *b, const struct ack_info *info)
{
    if (b->full)
        return;
    if (overflows(c, b, info)) {
        b->full = true;
        return;
    }
    if (!b->round_start || info->rate.limited)
        return;
    if (b->bw_bps >= b->full_bw_bps + b->full_bw_bps / 4) {
        b->full_bw_bps = b->bw_bps;
        b->full_rounds = 0;
    } else if (++b->full_rounds >= FULL_ROUNDS) {
        b->full = true;
    }
}

/* ------------------------------------------------------------------------------------ the states
 */

static void enter_probe_bw(struct tcp_conn *c, struct bbr *b)
{
    b->state = BBR_PROBE_BW;
    /* Not all flows at the same phase, and none begins by draining (section 4.3.4.3). */
    b->cycle = (uint8_t)(prng_below(&c->ctx->prng, CYCLE_PHASES - 1));
    b->cycle = b->cycle == 0 ? 0 : b->cycle + 1;
    b->cycle_since_ns = c->ctx->now;
}

static bool next_phase(const struct tcp_conn *c, const struct bbr *b, const struct ack_info *info)
{
    bool lasted = c->ctx->now - b->cycle_since_ns > b->min_rtt_us * NS_PER_US;
    uint32_t before = conn_pipe(c) + info->delivered;

    if (b->cycle == 0)
        return lasted && (info->lost != 0 || before >= inflight(b, cycle_gain(b)));
    if (b->cycle == 1)
        return lasted || before <= inflight(b, GAIN_1);
    return lasted;
}

static void advance(struct tcp_conn *c, struct bbr *b, const struct ack_info *info)
{
    if (b->state == BBR_STARTUP && b->full)
        b->state = BBR_DRAIN;
    if (b->state == BBR_DRAIN && conn_pipe(c) <= inflight(b, GAIN_1))
        enter_probe_bw(c, b);
    else if (b->state == BBR_PROBE_BW && next_phase(c, b, info)) {
        b->cycle = (b->cycle + 1) % CYCLE_PHASES;
        b->cycle_since_ns = c->ctx->now;
    }
}

static void save_cwnd(const struct tcp_conn *c, struct bbr *b)
{
    bool whole = c->recovery == TCP_RECOVERY_OPEN && b->state != BBR_PROBE_RTT;

    if (whole || b->prior_cwnd < c->cwnd)
        b->prior_cwnd = c->cwnd;
}

static uint32_t probe_rtt_cwnd(const struct tcp_conn *c, const struct bbr *b)
{
    uint64_t half = inflight(b, GAIN_1 / 2);
    uint32_t least = CWND_SEGMENTS_MIN * (uint32_t)c->mss;

    return half > least ? (uint32_t)half : least;
}

/* Section 4.3.5: what is in flight has been little for long enough? */
static void run_probe_rtt(struct tcp_conn *c, struct bbr *b)
{
    uint64_t now = c->ctx->now;

    rate_limited(c); /* samples of these round trips say nothing of the bandwidth */
    if (b->probe_rtt_end_ns == 0) {
        if (conn_pipe(c) > probe_rtt_cwnd(c, b))
            return;
        b->probe_rtt_end_ns = now + PROBE_RTT_MS * NS_PER_MS;
        b->probe_rtt_round = false;
        b->round_end = b->rate.delivered;
        return;
    }
    b->probe_rtt_round = b->probe_rtt_round || b->round_start;
    if (!b->probe_rtt_round || now < b->probe_rtt_end_ns)
        return;
    b->min_rtt_since_ns = now;
    if (c->recovery == TCP_RECOVERY_OPEN && c->cwnd < b->prior_cwnd)
        c->cwnd = b->prior_cwnd;
    if (b->full)
        enter_probe_bw(c, b);
    else
        b->state = BBR_STARTUP;
}

static void update_min_rtt(struct tcp_conn *c, struct bbr *b, const struct ack_info *info)
{
    uint64_t now = c->ctx->now;
    bool expired = now - b->min_rtt_since_ns > MIN_RTT_WINDOW_S * NS_PER_S;

    if (info->rtt_us != 0 && (b->min_rtt_us == 0 || info->rtt_us <= b->min_rtt_us || expired)) {
        b->min_rtt_us = info->rtt_us;
        b->min_rtt_since_ns = now;
    }
    if (expired && b->state != BBR_PROBE_RTT && !b->idle_restart) {
        save_cwnd(c, b);
        b->state = BBR_PROBE_RTT;
        b->probe_rtt_end_ns = 0;
    }
    if (b->state == BBR_PROBE_RTT)
        run_probe_rtt(c, b);
    if (info->delivered != 0)
        b->idle_restart = false;
}

/* -------------------------------------------------------------------------------- what it controls
 */

static void set_rate(struct tcp_conn *c, struct bbr *b)
{
    if (b->bw_bps == 0) { /* the first round trip: the initial window's worth */
        if (c->rtt.srtt_us != 0)
            b->pacing_bps = (uint64_t)c->cwnd * 1000000 / c->rtt.srtt_us * GAIN_HIGH / GAIN_1;
        return;
    }
    uint64_t bps = b->bw_bps * pacing_gain(b) / GAIN_1 * PACING_PERCENT / 100;
    if (b->full || bps > b->pacing_bps)
        b->pacing_bps = bps;
}

static uint32_t burst(const struct tcp_conn *c, const struct bbr *b)
{
    uint64_t ms = b->pacing_bps / 1000;
    uint32_t least = 2u * c->mss;

    if (ms < least)
        return least;
    return ms < BURST_MAX ? (uint32_t)ms : BURST_MAX;
}

/* Section 4.2.3.4: losses take from cwnd what was lost; for the first round trip of a recovery what
 * leaves is what is delivered; afterwards the window is as it was. */
static bool modulate(struct tcp_conn *c, struct bbr *b, const struct ack_info *info)
{
    uint32_t pipe = conn_pipe(c);
    uint32_t least = pipe + (info->delivered > c->mss ? info->delivered : c->mss);
    uint8_t before = b->recovery;

    b->recovery = c->recovery;
    if (info->lost != 0 && c->recovery == TCP_RECOVERY_FAST)
        c->cwnd = c->cwnd > info->lost + c->mss ? c->cwnd - info->lost : c->mss;
    if (c->recovery == TCP_RECOVERY_FAST && before != TCP_RECOVERY_FAST) {
        b->conserve = true;
        b->round_end = b->rate.delivered;
        c->cwnd = least;
    } else if (c->recovery == TCP_RECOVERY_LOSS && before != TCP_RECOVERY_LOSS) {
        b->conserve = false;
        b->full_bw_bps = 0; /* the time-out may have emptied the pipe: startup looks again */
    } else if (c->recovery == TCP_RECOVERY_OPEN && before != TCP_RECOVERY_OPEN) {
        b->conserve = false;
        if (c->cwnd < b->prior_cwnd)
            c->cwnd = b->prior_cwnd;
    }
    if (b->conserve && c->cwnd < least)
        c->cwnd = least;
    return b->conserve;
}

static void set_cwnd(struct tcp_conn *c, struct bbr *b, const struct ack_info *info)
{
    uint32_t least = CWND_SEGMENTS_MIN * (uint32_t)c->mss;

    if (!modulate(c, b, info) && info->delivered != 0) {
        uint32_t gain = b->state == BBR_PROBE_BW ? GAIN_CWND : GAIN_HIGH;
        uint64_t target = inflight(b, gain) + (uint64_t)BURSTS * burst(c, b);
        uint64_t next = (uint64_t)c->cwnd + info->delivered;
        if (!b->full && target < STARTUP_SEGMENTS_MIN * (uint64_t)c->mss)
            target = STARTUP_SEGMENTS_MIN * (uint64_t)c->mss;
        if (b->full)
            c->cwnd = (uint32_t)(next < target ? next : target);
        else if (c->cwnd < target || b->rate.delivered < conn_initial_window(c))
            c->cwnd = (uint32_t)next;
        if (c->cwnd < least)
            c->cwnd = least;
    }
    if (b->state == BBR_PROBE_RTT && c->cwnd > probe_rtt_cwnd(c, b))
        c->cwnd = probe_rtt_cwnd(c, b);
}

/* ---------------------------------------------------------------------------------- the interface
 */

static void bbr_start(struct tcp_conn *c)
{
    struct bbr *b = bbr_of(c);

    memset(b, 0, sizeof(*b));
    b->min_rtt_since_ns = c->ctx->now;
}

static void bbr_control(struct tcp_conn *c, const struct ack_info *info)
{
    struct bbr *b = bbr_of(c);
    uint64_t bps = rate_bytes_per_s(c, info);

    count_round(b, info);
    update_bandwidth(b, bps, info->rate.limited);
    check_full(c, b, info);
    advance(c, b, info);
    update_min_rtt(c, b, info);
    set_rate(c, b);
    set_cwnd(c, b, info);
}

static uint64_t bbr_rate(const struct tcp_conn *c)
{
    return bbr_of(c)->pacing_bps;
}

/* Losses are no sign of congestion to it; cwnd comes back after recovery. */
static uint32_t bbr_reduce(struct tcp_conn *c, uint32_t window)
{
    (void)window;
    save_cwnd(c, bbr_of(c));
    return UINT32_MAX;
}

static void bbr_undo(struct tcp_conn *c)
{
    struct bbr *b = bbr_of(c);

    b->recovery = TCP_RECOVERY_OPEN;
    b->conserve = false;
    b->full_rounds = 0;
}

/* Section 4.3.4.4: what is known of the path still stands; send as fast as it carries. */
static void bbr_restart(struct tcp_conn *c)
{
    struct bbr *b = bbr_of(c);

    b->idle_restart = true;
    if (b->state == BBR_PROBE_BW)
        b->pacing_bps = b->bw_bps * PACING_PERCENT / 100;
}

const struct cc_ops cc_bbr = {
    .name = "bbr",
    .start = bbr_start,
    .control = bbr_control,
    .rate = bbr_rate,
    .reduce = bbr_reduce,
    .undo = bbr_undo,
    .restart = bbr_restart,
};
