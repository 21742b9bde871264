/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/conn.h"

/* One segment per window acknowledged (RFC 5681 section 3.1, counted in bytes as RFC 3465 says). */
static void newreno_avoid(struct tcp_conn *c, uint32_t acked)
{
    c->cc.acked_bytes += acked;
    if (c->cc.acked_bytes >= c->cwnd) {
        c->cc.acked_bytes -= c->cwnd;
        c->cwnd += c->mss;
    }
}

static uint32_t newreno_reduce(struct tcp_conn *c, uint32_t window)
{
    uint32_t floor = 2u * c->mss; /* RFC 5681 equation (4) */

    c->cc.acked_bytes = 0;
    return window / 2 > floor ? window / 2 : floor;
}

static void newreno_undo(struct tcp_conn *c)
{
    c->cc.acked_bytes = 0;
}

const struct cc_ops cc_newreno = {
    .name = "newreno",
    .avoid = newreno_avoid,
    .reduce = newreno_reduce,
    .undo = newreno_undo,
};
