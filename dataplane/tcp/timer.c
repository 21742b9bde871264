/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timers of a connection: retransmission and persist (RFC 6298, RFC 9293 section 3.8.6.1),
 * RACK's reordering timer and the tail loss probe (RFC 8985), the application's, and the end of
 * FIN-WAIT-2 and TIME-WAIT. The stack's wheel holds one entry per connection: the earliest.
 */
#include "tcp/conn.h"

#define SYN_RESENT_RTO_NS (3 * NS_PER_S)

enum { BACKOFF_MAX = 12 };

uint64_t tcp_rto(const struct tcp_conn *c)
{
    const struct tcp_limits *limits = &c->ctx->limits;
    uint64_t t = rtt_rto(&c->rtt, limits->rto_min_ns, limits->rto_max_ns);

    /* RFC 6298 (5.7): a handshake that took repetitions says that the first guess was too short. */
    if (c->rtt.srtt_us == 0 && c->syn_resent && !conn_opening(c))
        t = SYN_RESENT_RTO_NS;
    t <<= c->backoff < BACKOFF_MAX ? c->backoff : BACKOFF_MAX;

    return time_min(t, limits->rto_max_ns);
}

static uint64_t rtx_deadline(const struct tcp_conn *c)
{
    return conn_waits(c) ? c->rtx_base_ns + tcp_rto(c) : TIME_NEVER;
}

/* RFC 9293 section 3.8.4. While something is under way, retransmission asks after the peer. */
static uint64_t keepalive_deadline(const struct tcp_conn *c)
{
    const struct tcp_limits *limits = &c->ctx->limits;

    if (limits->keepalive_idle_ns == 0 || conn_opening(c) || conn_waits(c))
        return TIME_NEVER;
    return c->heard_ns + limits->keepalive_idle_ns + c->keepalives * limits->keepalive_interval_ns;
}

uint64_t tcp_deadline(const struct tcp_conn *c)
{
    if (c->state == TCP_STATE_CLOSED)
        return TIME_NEVER;
    uint64_t t = time_min(c->app_deadline_ns, c->tlp_deadline_ns); /* or life_deadline_ns */
    if (c->state == TCP_STATE_TIME_WAIT)
        return t;
    t = time_min(t, rtx_deadline(c));
    t = time_min(t, keepalive_deadline(c));
    t = time_min(t, c->reo_deadline_ns);
    if (c->pace_held)
        t = time_min(t, c->pace_ns);
    return t;
}

static bool peer_gone(const struct tcp_conn *c)
{
    if (c->state == TCP_STATE_SYN_SENT)
        return c->backoff >= c->ctx->limits.syn_retries;
    if (c->state == TCP_STATE_SYN_RECEIVED)
        return c->backoff >= c->ctx->limits.syn_ack_retries;
    /* A peer that answers, if only with a closed window, is there (RFC 9293 section 3.8.6.1). */
    if (c->backoff == 0)
        return false;
    /* Silence counts from the first time-out: before it we may have had nothing to say for long.
     * That wraps in 49 days of a closed window, and gives the peer another chance then. */
    uint64_t silent_ns = (c->ctx->now_ms - c->silent_ms) * NS_PER_MS;
    return time_min(c->ctx->now - c->heard_ns, silent_ns) >= c->ctx->limits.user_timeout_ns;
}

static void rtx_timeout(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;

    if (peer_gone(c)) {
        conn_finish(c, TCP_CLOSE_TIMEOUT);
        return;
    }
    if (c->backoff == 0)
        c->silent_ms = ctx->now_ms;
    if (c->backoff < UINT8_MAX)
        c->backoff++;
    c->rtx_base_ns = ctx->now;
    if (c->state == TCP_STATE_SYN_SENT) {
        if (c->snd_nxt == 0)
            return; /* its next hop is still asked for */
        /* RFC 3168 section 6.1.1.1: what is in the way may be the offer of ECN. */
        c->ecn_ok = false;
    }
    if (!conn_opening(c) && c->snd_una >= c->snd_edge) {
        /* Zero window: one byte asks whether it is still closed; no sign of congestion. */
        range_list_mark_all_lost(&c->ranges, &ctx->ranges);
        c->probe_pending = true;
        return;
    }
    if (c->snd_una == c->snd_nxt) {
        c->probe_pending = true; /* silly window avoidance has waited long enough */
        return;
    }
    COUNT(ctx->counters, tcp_rto);
    mtu_timeout(c);
    recovery_timeout(c);
}

static void keepalive_timeout(struct tcp_conn *c)
{
    if (c->keepalives >= c->ctx->limits.keepalive_probes) {
        conn_finish(c, TCP_CLOSE_TIMEOUT);
        return;
    }
    c->keepalives++;
    c->keepalive_pending = true;
}

/* What was due was the end of FIN-WAIT-2 or TIME-WAIT, not a probe. */
static bool life_timeout(struct tcp_conn *c)
{
    if (c->state == TCP_STATE_TIME_WAIT)
        conn_finish(c, TCP_CLOSE_ORDERLY);
    else if (c->state == TCP_STATE_FIN_WAIT_2)
        conn_finish(c, TCP_CLOSE_TIMEOUT);
    return c->state == TCP_STATE_CLOSED;
}

void tcp_timers(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;
    uint64_t now = ctx->now;

    if (c->state == TCP_STATE_CLOSED || c->reset_pending)
        return;
    if (now >= c->app_deadline_ns) {
        c->app_deadline_ns = TIME_NEVER;
        ctx->app->deadline(ctx->app_ctx, c, now);
        if (c->reset_pending)
            return;
    }
    if (now >= c->reo_deadline_ns)
        recovery_reorder_timeout(c);
    if (now >= c->tlp_deadline_ns) {
        c->tlp_deadline_ns = TIME_NEVER;
        if (life_timeout(c))
            return;
        c->tlp_pending = true;
    }
    if (c->state == TCP_STATE_TIME_WAIT)
        return;
    if (now >= rtx_deadline(c))
        rtx_timeout(c);
    else if (now >= keepalive_deadline(c))
        keepalive_timeout(c);
}
