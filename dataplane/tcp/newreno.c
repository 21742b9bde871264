/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/conn.h"

static void newreno_init(struct tcp_conn *c)
{
    c->cc.acked_bytes = 0;
}

static void newreno_acked(struct tcp_conn *c, uint32_t acked)
{
    if (c->cwnd < c->ssthresh) {
        /* Slow start by bytes acknowledged (RFC 3465): receivers that acknowledge many segments at
         * a time must not slow us down, so there is no limit L per ACK. */
        uint32_t room = c->ssthresh - c->cwnd;
        uint32_t grow = acked < room ? acked : room;
        c->cwnd += grow;
        acked -= grow;
    }
    /* Congestion avoidance: one segment per window acknowledged (RFC 5681 section 3.1). */
    c->cc.acked_bytes += acked;
    if (c->cc.acked_bytes >= c->cwnd) {
        c->cc.acked_bytes -= c->cwnd;
        c->cwnd += c->mss;
    }
}

static uint32_t newreno_ssthresh(struct tcp_conn *c, uint32_t flight)
{
    c->cc.acked_bytes = 0;
    uint32_t floor = 2u * c->mss; /* RFC 5681 equation (4) */
    return flight / 2 > floor ? flight / 2 : floor;
}

const struct cc_ops cc_newreno = {
    .name = "newreno",
    .init = newreno_init,
    .acked = newreno_acked,
    .ssthresh = newreno_ssthresh,
};
