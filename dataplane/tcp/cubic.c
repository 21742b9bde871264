/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CUBIC (RFC 9438), in integers: windows in bytes, time in milliseconds. Constants as in section 4
 * and 5 there: C = 0.4, beta = 0.7.
 */
#include "tcp/conn.h"

enum {
    T_MAX_MS = 1 << 20, /* longer epochs (17 minutes) say nothing more: keeps t^3 in 64 bits */
};

/* Integer cube root, rounded down. */
static uint32_t cube_root(uint64_t v)
{
    uint64_t root = 0;

    for (int bit = 20; bit >= 0; bit--) {
        uint64_t next = root | UINT64_C(1) << bit;
        if (next * next * next <= v)
            root = next;
    }
    return (uint32_t)root;
}

/* Section 4.2: K = cbrt((W_max - cwnd_epoch) / C), W in segments, K in seconds. */
static uint32_t k_ms(uint32_t w_max, uint32_t cwnd, uint32_t mss)
{
    if (w_max <= cwnd)
        return 0;
    /* (bytes / mss) / 0.4 s^3 = bytes * 2.5e9 / mss ms^3 */
    uint64_t ms3 = (uint64_t)(w_max - cwnd) * 2500000 / mss * 1000;
    uint32_t k = cube_root(ms3);
    return k < T_MAX_MS ? k : T_MAX_MS;
}

static void epoch_begin(struct tcp_conn *c)
{
    struct cubic *q = &c->cc.cubic;

    q->epoch_ms = c->ctx->now_ms;
    q->w_est = c->cwnd;
    if (q->w_max < c->cwnd)
        q->w_max = c->cwnd; /* slow start went beyond it, or there was no loss yet */
    q->k_ms = k_ms(q->w_max, c->cwnd, c->mss);
    c->cc.acked_bytes = 0;
}

/* Section 4.2, figure 1: W_cubic at t from the epoch's start, in bytes. */
static uint64_t w_cubic(const struct tcp_conn *c, uint64_t t_ms)
{
    const struct cubic *q = &c->cc.cubic;
    bool before = t_ms < q->k_ms;
    uint64_t d = before ? q->k_ms - t_ms : t_ms - q->k_ms;

    if (d > T_MAX_MS)
        d = T_MAX_MS;
    /* 0.4 mss d^3 / 10^9, divided in two steps so that nothing overflows. */
    uint64_t bytes = d * d * d / 1000000 * c->mss / 2500;
    if (before)
        return bytes < q->w_max ? q->w_max - bytes : 0;
    return q->w_max + bytes;
}

/* Section 4.3: the window that Reno would have; CUBIC is never slower. */
static void reno_estimate(struct tcp_conn *c, uint32_t acked)
{
    struct cubic *q = &c->cc.cubic;
    /* alpha = 3 (1 - beta) / (1 + beta) = 9/17 until the window before the loss is reached, then 1
     */
    uint64_t gain = (uint64_t)acked * c->mss / c->cwnd;

    if (q->w_est < q->w_prior)
        gain = gain * 9 / 17;
    q->w_est += (uint32_t)gain;
}

static void cubic_avoid(struct tcp_conn *c, uint32_t acked)
{
    struct cubic *q = &c->cc.cubic;

    if (q->w_est == 0)
        epoch_begin(c);
    reno_estimate(c, acked);
    uint64_t t = c->ctx->now_ms - q->epoch_ms;
    if (w_cubic(c, t) < q->w_est) {
        if (c->cwnd < q->w_est)
            c->cwnd = q->w_est;
        return;
    }
    /* Section 4.4 and 4.5: towards where the cubic will be a round trip from now, by at most half.
     */
    uint64_t target = w_cubic(c, t + c->rtt.srtt_us / 1000);
    uint64_t most = c->cwnd + c->cwnd / 2;
    if (target > most)
        target = most;
    if (target <= c->cwnd)
        return;
    /* (target - cwnd) / cwnd per byte acknowledged; what is left of a byte is kept for the next. */
    uint64_t sum = (target - c->cwnd) * acked + c->cc.acked_bytes;
    c->cc.acked_bytes = (uint32_t)(sum % c->cwnd);
    c->cwnd += (uint32_t)(sum / c->cwnd);
}

static uint32_t cubic_reduce(struct tcp_conn *c, uint32_t window)
{
    struct cubic *q = &c->cc.cubic;
    uint32_t floor = 2u * c->mss;
    uint32_t next = (uint32_t)((uint64_t)window * 7 / 10); /* section 4.6 */

    if (c->ssthresh == UINT32_MAX) /* the first slow start ends here */
        *q = (struct cubic){ 0 };
    /* Section 4.7: fast convergence: a flow that falls shorter than last time releases bandwidth.
     */
    q->undo_w_max = q->w_max;
    q->undo_w_prior = q->w_prior;
    q->w_prior = c->cwnd;
    q->w_max = c->cwnd < q->w_max ? (uint32_t)((uint64_t)c->cwnd * 17 / 20) : c->cwnd;
    q->w_est = 0;
    return next > floor ? next : floor;
}

/* Section 4.9.1: the epoch begins anew, from the window that is back. */
static void cubic_undo(struct tcp_conn *c)
{
    struct cubic *q = &c->cc.cubic;

    q->w_max = q->undo_w_max;
    q->w_prior = q->undo_w_prior;
    q->w_est = 0;
}

const struct cc_ops cc_cubic = {
    .name = "cubic",
    .avoid = cubic_avoid,
    .reduce = cubic_reduce,
    .undo = cubic_undo,
};
