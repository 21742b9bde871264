/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pacing: new bytes and retransmissions leave at gain * cwnd / SRTT, not in bursts of what an ACK
 * allows. pace_ns is when the bytes sent so far would have left at that rate; time not used counts
 * for a millisecond, so that neither the wheel's ticks (65 us) nor a worker that was busy cost
 * throughput. On paths whose round trip is below that, it never holds anything back.
 */
#include "tcp/conn.h"

enum {
    PACE_BURST_SEGMENTS = 2,
    PACE_CREDIT_MS = 1,
};

/* Slow start must be able to double, avoidance to find more (as Linux: 200% and 120%). */
static uint64_t rate_times_4(const struct tcp_conn *c)
{
    return (uint64_t)c->cwnd * (c->cwnd < c->ssthresh ? 8 : 5);
}

static bool paced(const struct tcp_conn *c)
{
    return c->ctx->limits.pacing && c->rtt.srtt_us != 0;
}

/* Where the clock stands once unused time is cut off. */
static uint64_t pace_base(const struct tcp_conn *c)
{
    uint64_t oldest = c->ctx->now - PACE_CREDIT_MS * NS_PER_MS;

    return c->pace_ns > oldest ? c->pace_ns : oldest;
}

uint32_t pace_room(const struct tcp_conn *c)
{
    uint32_t least = PACE_BURST_SEGMENTS * (uint32_t)c->mss;
    uint64_t now = c->ctx->now, base = pace_base(c);

    if (!paced(c))
        return UINT32_MAX;
    if (base > now && c->pace_free == 0)
        return 0;
    uint64_t unused = base < now ? now - base : 0;
    uint64_t room = c->pace_free + unused * rate_times_4(c) / 4 / rtt_srtt_ns(&c->rtt);
    if (room < least)
        return least;
    return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

void pace_sent(struct tcp_conn *c, uint32_t len)
{
    if (!paced(c))
        return;
    uint32_t free = c->pace_free < len ? c->pace_free : len;
    c->pace_free -= free;
    c->pace_ns = pace_base(c) + (len - free) * rtt_srtt_ns(&c->rtt) * 4 / rate_times_4(c);
}

void pace_from_idle(struct tcp_conn *c)
{
    c->pace_free = conn_initial_window(c);
    pace_at_once(c);
}

void pace_at_once(struct tcp_conn *c)
{
    c->pace_ns = time_min(c->pace_ns, c->ctx->now);
}
