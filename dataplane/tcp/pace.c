/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pacing: new bytes and retransmissions leave at gain * window / SRTT, not in bursts of what an ACK
 * allows. pace_ns is when the bytes sent so far would have left at that rate. Time not used counts
 * for a millisecond, so that neither the wheel's ticks (65 us) nor a worker that was busy cost
 * throughput: on paths whose round trip is below that, nothing is ever held back. It also counts
 * for a few segments: in a small window that losses have torn up, ACKs come unevenly, and what
 * waits for its time then is window that is not used (3% loss, 50 ms: 9% of the goodput).
 */
#include "tcp/conn.h"

enum {
    PACE_BURST_SEGMENTS = 2,
    PACE_CREDIT_MS = 1,
    PACE_CREDIT_SEGMENTS = 6, /* but no more than half the window */
};

/* So many bytes in so much time. */
struct pace {
    uint64_t bytes, ns;
};

/* Without what delayed ACKs, or one sample that measured a lost ACK, have put on top. */
static uint64_t round_trip_ns(const struct rtt *rtt)
{
    uint32_t us = rtt->srtt_us > rtt->rttvar_us ? rtt->srtt_us - rtt->rttvar_us : 0;

    return (us > rtt->min_us ? us : rtt->min_us) * NS_PER_US;
}

/* A round trip below the credit: nothing would be held back, so that nothing need be divided. */
static bool path_paced(const struct tcp_conn *c)
{
    if (conn_cc(c)->rate != NULL)
        return conn_cc(c)->rate(c) != 0;
    return c->ctx->limits.pacing && round_trip_ns(&c->rtt) >= PACE_CREDIT_MS * NS_PER_MS;
}

/*
 * An algorithm with a model of the path says its rate itself. Else: slow start must be able to
 * double, avoidance to find more (as Linux: 200% and 120%). In recovery cwnd is what PRR lets out
 * next, no window; what it works towards is ssthresh.
 */
static struct pace path_pace(const struct tcp_conn *c)
{
    if (conn_cc(c)->rate != NULL)
        return (struct pace){ conn_cc(c)->rate(c), NS_PER_S };
    bool slow_start = c->cwnd < c->ssthresh;
    uint64_t window =
        slow_start && c->recovery == TCP_RECOVERY_FAST ? (uint64_t)c->ssthresh : c->cwnd;

    return (struct pace){ window * (slow_start ? 8 : 5), round_trip_ns(&c->rtt) * 4 };
}

/* The slower of what the path takes and what the application allows. */
static struct pace pace(const struct tcp_conn *c)
{
    const struct pace most = { c->rate_max, NS_PER_S };

    if (!path_paced(c))
        return most;
    struct pace path = path_pace(c);
    if (most.bytes != 0 &&
        (unsigned __int128)path.bytes * most.ns > (unsigned __int128)most.bytes * path.ns)
        return most;
    return path;
}

static bool paced(const struct tcp_conn *c)
{
    return path_paced(c) || c->rate_max != 0;
}

/* Where the clock stands once unused time is cut off. */
static uint64_t pace_base(const struct tcp_conn *c, struct pace rate)
{
    uint64_t now = c->ctx->now, credit_ns = PACE_CREDIT_MS * NS_PER_MS;

    if (c->pace_ns >= now - credit_ns)
        return c->pace_ns;
    if (conn_cc(c)->rate != NULL) /* its rate is meant: no more than what ticks may cost */
        return now - credit_ns;
    uint32_t burst = PACE_CREDIT_SEGMENTS * (uint32_t)c->mss;
    uint64_t burst_ns = (burst < c->cwnd / 2 ? burst : c->cwnd / 2) * rate.ns / rate.bytes;
    if (burst_ns > credit_ns)
        credit_ns = burst_ns;
    return c->pace_ns > now - credit_ns ? c->pace_ns : now - credit_ns;
}

uint32_t pace_room(const struct tcp_conn *c)
{
    uint32_t least = PACE_BURST_SEGMENTS * (uint32_t)c->mss;
    uint64_t now = c->ctx->now;

    if (!paced(c))
        return UINT32_MAX;
    struct pace rate = pace(c);
    uint64_t base = pace_base(c, rate);
    if (base > now && c->pace_free == 0)
        return 0;
    uint64_t unused = base < now ? now - base : 0;
    uint64_t room = c->pace_free + unused * rate.bytes / rate.ns;
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
    struct pace rate = pace(c);
    c->pace_ns = pace_base(c, rate) + (len - free) * rate.ns / rate.bytes;
}

void tcp_rate_limit(struct tcp_conn *c, uint64_t bytes_per_s)
{
    c->rate_max = bytes_per_s;
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
