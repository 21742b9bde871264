/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How large a segment the path takes. Routers may say so (RFC 1191, RFC 8201); many say nothing and
 * drop. So a segment that is lost time-out after time-out is sent again in smaller ones, and later
 * a larger one is tried with new data (RFC 4821, RFC 8899): first the largest at once, for most
 * silences are none of the size's fault, then half-way between what is known to pass and what not.
 * A probe's loss says something of its size, and nothing of congestion.
 */
#include "tcp/conn.h"

enum {
    TIME_OUTS = 2,             /* in a row, for one step down */
    PROBES_MAX = 3,            /* of one size (RFC 8899 section 5.1.2) */
    STEP_BYTES = 8,            /* what is gained by less is not worth a probe */
    RAISE_S = 600,             /* until larger sizes are tried anew (RFC 8899 section 5.1.1) */
    SEGMENTS_BEHIND_PROBE = 4, /* three show its loss, and one may be lost itself */
};

/* Sizes of IP packets to fall back on: what common links take, RFC 4821 section 7.2's start, and
 * the least that any host accepts (RFC 791, RFC 8200 section 5). Nothing smaller is tried. */
static const uint16_t steps_v4[] = { 1500, 1024, 576 };
static const uint16_t steps_v6[] = { 1500, 1280 };

static uint32_t header_bytes(const struct tcp_conn *c)
{
    return conn_ip_header_bytes(c) + TCP_HEADER_BYTES + (c->ts_ok ? TIMESTAMPS_BYTES : 0);
}

static void set_mss(struct tcp_conn *c, uint32_t mss)
{
    c->mss = (uint16_t)mss;
    if (c->cwnd < mss)
        c->cwnd = mss;
}

/* Wraps in 18 hours: that may put a search off, and does no other harm. */
static uint16_t now_s(const struct tcp_conn *c)
{
    return (uint16_t)(c->ctx->now_ms / 1000);
}

/* A new search: the first probe is of the full size. */
static void search_begin(struct tcp_conn *c, uint32_t wait_s)
{
    struct mtu_search *m = &c->mtu;

    m->high = m->ceiling;
    m->probe = 0;
    c->mtu_fails = 0;
    m->due_s = (uint16_t)(now_s(c) + wait_s);
}

/* Rests when there is nothing left to find between what passes and what does not. */
static void search_settle(struct tcp_conn *c)
{
    if (c->mtu.high < c->mss + STEP_BYTES)
        search_begin(c, RAISE_S);
}

void mtu_start(struct tcp_conn *c)
{
    c->mtu.ceiling = c->mss;
    search_begin(c, 0);
}

/* The largest step below len; 0: none. */
static uint32_t step_below(const struct tcp_conn *c, uint32_t len)
{
    const uint16_t *steps = conn_is_v4(c) ? steps_v4 : steps_v6;
    unsigned count =
        conn_is_v4(c) ? sizeof(steps_v4) / sizeof(*steps_v4) : sizeof(steps_v6) / sizeof(*steps_v6);

    for (unsigned i = 0; i < count; i++)
        if (steps[i] - header_bytes(c) < len)
            return steps[i] - header_bytes(c);
    return 0;
}

void mtu_timeout(struct tcp_conn *c)
{
    const struct range_pool *pool = &c->ctx->ranges;

    c->mtu.probe = 0; /* what became of it is not known */
    if (!c->ctx->limits.mtu_probing || c->backoff % TIME_OUTS != 0 || c->ranges.head == RANGE_NONE)
        return;
    const struct tcp_range *head = &pool->range[c->ranges.head];
    uint32_t mss = head->start != 0 ? step_below(c, head->len < c->mss ? head->len : c->mss) : 0;
    if (mss == 0)
        return;
    COUNT(c->ctx->counters, tcp_mtu_reduced);
    c->mss = (uint16_t)mss;
    search_begin(c, c->sack_ok ? 0 : RAISE_S);
}

uint32_t mtu_probe_size(struct tcp_conn *c)
{
    struct mtu_search *m = &c->mtu;

    if (!c->ctx->limits.mtu_probing || (int16_t)(now_s(c) - m->due_s) < 0)
        return 0;
    /* Without SACK a lost probe is not to be told from congestion: the full size is taken up for
     * good, until a black hole is found again (RFC 1191 section 6.3). */
    if (!c->sack_ok) {
        set_mss(c, m->ceiling);
        return 0;
    }
    if (m->probe != 0 || c->snd_nxt != c->snd_max || c->recovery != TCP_RECOVERY_OPEN ||
        c->ranges.lost_bytes != 0 || c->ranges.sacked_bytes != 0 ||
        !range_pool_spare(&c->ctx->ranges))
        return 0;
    uint32_t size = m->high == m->ceiling ? m->high : ((uint32_t)c->mss + m->high + 1) / 2;
    uint32_t all = size + SEGMENTS_BEHIND_PROBE * (uint32_t)c->mss;
    uint64_t end = c->snd_nxt + all;
    return c->cwnd >= all && end <= c->snd_end && end <= c->snd_edge ? size : 0;
}

void mtu_probe_sent(struct tcp_conn *c, uint32_t len)
{
    struct range_pool *pool = &c->ctx->ranges;
    uint64_t start = c->snd_nxt - len;

    if (len <= c->mss) /* the application had no more at hand */
        return;
    if (pool->range[c->ranges.tail].start < start) /* sent at the same instant as others */
        range_list_split(&c->ranges, pool, c->ranges.tail, start);
    if (pool->range[c->ranges.tail].start != start)
        return;
    COUNT(c->ctx->counters, tcp_mtu_probe);
    pool->range[c->ranges.tail].flags |= RANGE_PROBE;
    c->mtu.probe = (uint16_t)len;
}

void mtu_probe_delivered(struct tcp_conn *c)
{
    if (c->mtu.probe <= c->mss)
        return;
    COUNT(c->ctx->counters, tcp_mtu_raised);
    set_mss(c, c->mtu.probe);
    c->mtu.probe = 0;
    c->mtu_fails = 0;
    search_settle(c);
}

void mtu_probe_lost(struct tcp_conn *c)
{
    struct mtu_search *m = &c->mtu;

    if (m->probe == 0)
        return;
    c->mtu_fails++;
    if (c->mtu_fails >= PROBES_MAX && m->probe <= m->high) {
        m->high = m->probe - 1;
        c->mtu_fails = 0;
    }
    m->probe = 0;
    search_settle(c);
}

bool mtu_only_probes_lost(const struct tcp_conn *c)
{
    const struct range_pool *pool = &c->ctx->ranges;

    for (uint32_t i = c->ranges.lost_hint; i != RANGE_NONE; i = pool->range[i].next)
        if ((pool->range[i].flags & (RANGE_LOST | RANGE_PROBE)) == RANGE_LOST)
            return false;
    return true;
}

/* RFC 8899 section 4.6.2: a router says that a probe was too big, and what is not. */
static bool probe_too_big(struct tcp_conn *c, uint32_t mss)
{
    if (mss >= c->mtu.probe || mss >= c->mtu.high)
        return false;
    c->mtu.high = (uint16_t)mss;
    search_settle(c);
    return true;
}

bool tcp_path_mtu(struct tcp_conn *c, uint32_t seq, uint32_t mtu)
{
    int64_t offset = seq_to_offset(c->iss, c->snd_una, seq);
    uint32_t overhead = header_bytes(c);

    if (!conn_is_v4(c) && mtu < IPV6_MTU_MIN) /* RFC 8201 section 4 */
        return false;
    if (offset < (int64_t)c->snd_una || offset >= (int64_t)c->snd_nxt)
        return false;
    uint32_t floor = c->ctx->limits.mss_min;
    uint32_t mss = mtu > overhead + floor ? mtu - overhead : floor;
    if (mss >= c->mss)
        return probe_too_big(c, mss);
    c->mss = (uint16_t)mss;
    search_begin(c, RAISE_S);
    /* The path dropped what was too big: send it again in the new size (RFC 1191 section 6.4). */
    range_list_mark_all_lost(&c->ranges, &c->ctx->ranges);
    conn_touch(c);
    return true;
}
