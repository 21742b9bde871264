/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/conn.h"

#include <string.h>

#include "base/assert.h"

void tcp_limits_defaults(struct tcp_limits *limits)
{
    *limits = (struct tcp_limits){
        .cc = &cc_cubic,
        .pacing = true,
        .mtu_probing = true,
        .ecn = true,
        .mss_min = 64,
        .initial_window = 10,          /* RFC 6928 */
        .rto_min_ns = 200 * NS_PER_MS, /* below RFC 6298's 1 s, as all current stacks */
        .rto_max_ns = 60 * NS_PER_S,   /* RFC 6298 (2.5) */
        .time_wait_ns = 60 * NS_PER_S, /* MSL of 30 s */
        .fin_wait_2_ns = 60 * NS_PER_S,
        .user_timeout_ns = 100 * NS_PER_S, /* RFC 9293 section 3.8.3: R2 at least 100 s */
        .keepalive_idle_ns = 0,            /* off by default: RFC 9293 section 3.8.4 */
        .keepalive_interval_ns = 75 * NS_PER_S,
        .keepalive_probes = 9,
        .syn_ack_retries = 5,
        .syn_retries = 7, /* 183 s: RFC 9293 section 3.8.3 asks for three minutes */
        .syn_backlog = 1024,
        .challenge_acks_per_s = 1000,
    };
}

struct tcp_conn *conn_take(struct tcp_ctx *ctx)
{
    if (ctx->free_head == CONN_NONE)
        return NULL;
    uint32_t index = ctx->free_head;
    struct tcp_conn *c = &ctx->conn[index];
    ctx->free_head = c->ready_next;
    ctx->conns_open++;
    memset(c, 0, sizeof(*c));
    c->ctx = ctx;
    c->index = index;
    range_list_init(&c->ranges);
    c->ready_next = CONN_NONE;
    c->reo_deadline_ns = TIME_NEVER;
    c->tlp_deadline_ns = TIME_NEVER;
    c->app_deadline_ns = TIME_NEVER;
    c->reo_wnd_mult = 1;
    return c;
}

struct tcp_conn *conn_open(struct tcp_ctx *ctx, const struct tcp_key *key, uint32_t iss)
{
    struct tcp_conn *c = range_pool_available(&ctx->ranges) ? conn_take(ctx) : NULL;

    if (c == NULL)
        return NULL;
    c->key = *key;
    c->iss = iss;
    c->snd_end = 1;
    c->pseudo_sum = ip_pseudo_sum(&key->remote, &key->local, IP_PROTOCOL_TCP);
    c->heard_ns = ctx->now;
    c->rtx_base_ns = ctx->now;
    return c;
}

void conn_give(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;

    ASSERT(!c->on_ready && !c->in_wheel && !c->app_open);
    range_list_clear(&c->ranges, &ctx->ranges);
    if (c->rx != NULL)
        rx_buffer_give(&ctx->rx, c->rx);
    c->state = TCP_STATE_CLOSED;
    c->ready_next = ctx->free_head;
    ctx->free_head = conn_index(c);
    ctx->conns_open--;
}

void conn_touch(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;

    if (c->on_ready)
        return;
    c->on_ready = true;
    c->ready_next = CONN_NONE;
    if (ctx->ready_tail != CONN_NONE)
        ctx->conn[ctx->ready_tail].ready_next = conn_index(c);
    else
        ctx->ready_head = conn_index(c);
    ctx->ready_tail = conn_index(c);
}

struct tcp_conn *conn_next_ready(struct tcp_ctx *ctx)
{
    if (ctx->ready_head == CONN_NONE)
        return NULL;
    struct tcp_conn *c = &ctx->conn[ctx->ready_head];
    ctx->ready_head = c->ready_next;
    if (ctx->ready_head == CONN_NONE)
        ctx->ready_tail = CONN_NONE;
    c->on_ready = false;
    return c;
}

uint32_t conn_initial_window(const struct tcp_conn *c)
{
    /* min(10 MSS, max(2 MSS, 14600)) */
    uint32_t segments = c->ctx->limits.initial_window * c->mss;
    uint32_t bytes = 14600 > 2u * c->mss ? 14600 : 2u * c->mss;
    return c->ctx->limits.initial_window == 10 && segments > bytes ? bytes : segments;
}

uint32_t conn_pipe(const struct tcp_conn *c)
{
    uint64_t flight = c->snd_nxt - c->snd_una;
    uint64_t out = (uint64_t)c->ranges.sacked_bytes + c->ranges.lost_bytes;

    /* Without SACK each duplicate ACK says that one segment has left the network. */
    if (!c->sack_ok)
        out += (uint64_t)c->dup_acks * c->mss;
    return flight > out ? (uint32_t)(flight - out) : 0;
}

void conn_app_closed(struct tcp_conn *c, enum tcp_close_reason reason)
{
    if (!c->app_open && !c->connecting)
        return;
    c->app_open = c->connecting = false;
    c->app_deadline_ns = TIME_NEVER;
    c->ctx->app->closed(c->ctx->app_ctx, c, reason);
}

void conn_finish(struct tcp_conn *c, enum tcp_close_reason reason)
{
    struct counters *counters = c->ctx->counters;

    ASSERT(c->state != TCP_STATE_CLOSED);
    if (c->connecting)
        reason = tcp_connect_reason(c, reason);
    switch (reason) {
    case TCP_CLOSE_ORDERLY:
        /* TIME-WAIT was counted when it began. */
        COUNT_N(counters, tcp_close_orderly, c->state != TCP_STATE_TIME_WAIT);
        break;
    case TCP_CLOSE_RESET:
        COUNT(counters, tcp_close_reset);
        break;
    case TCP_CLOSE_ABORTED:
        COUNT(counters, tcp_close_aborted);
        break;
    case TCP_CLOSE_TIMEOUT:
        COUNT(counters, tcp_close_timeout);
        break;
    case TCP_CLOSE_REFUSED:
        COUNT(counters, tcp_connect_refused);
        break;
    case TCP_CLOSE_UNREACHABLE:
        COUNT(counters, tcp_connect_unreachable);
        break;
    case TCP_CLOSE_NO_ANSWER:
        COUNT(counters, tcp_connect_no_answer);
        break;
    }
    if (c->state == TCP_STATE_TIME_WAIT)
        c->ctx->conns_time_wait--;
    if (c->state == TCP_STATE_SYN_RECEIVED)
        c->ctx->conns_half_open--;
    c->state = TCP_STATE_CLOSED;
    c->reset_pending = false;
    conn_app_closed(c, reason);
    conn_touch(c);
}

void conn_enter_time_wait(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;

    if (c->state != TCP_STATE_TIME_WAIT) {
        COUNT(ctx->counters, tcp_close_orderly);
        ctx->conns_time_wait++;
        c->state = TCP_STATE_TIME_WAIT;
        if (c->rx != NULL)
            rx_buffer_give(&ctx->rx, c->rx);
        c->rx = NULL;
        conn_app_closed(c, TCP_CLOSE_ORDERLY);
    }
    c->life_deadline_ns = ctx->now + ctx->limits.time_wait_ns;
    conn_touch(c);
}

void conn_abort(struct tcp_conn *c)
{
    if (c->state == TCP_STATE_CLOSED)
        return;
    c->reset_pending = true;
    conn_touch(c);
}

/* The application's side (tcp.h). */

/* There is going to be something to send; if all was acknowledged, after a pause. */
static void from_idle(struct tcp_conn *c)
{
    uint64_t now = c->ctx->now;

    if (conn_waits(c))
        return;
    cc_restart(c, now - c->rtx_base_ns > tcp_rto(c));
    pace_from_idle(c);
    c->rtx_base_ns = now; /* the persist timer counts from here */
}

void tcp_stream_extend(struct tcp_conn *c, uint64_t end)
{
    ASSERT(!c->connecting && !c->fin_queued && end + 1 >= c->snd_end);
    from_idle(c);
    c->snd_end = end + 1;
    conn_touch(c);
}

void tcp_close(struct tcp_conn *c)
{
    ASSERT(!c->connecting);
    if (c->fin_queued)
        return;
    from_idle(c);
    c->fin_queued = true;
    if (c->state == TCP_STATE_ESTABLISHED)
        c->state = TCP_STATE_FIN_WAIT_1;
    else if (c->state == TCP_STATE_CLOSE_WAIT)
        c->state = TCP_STATE_LAST_ACK;
    conn_touch(c);
}

void tcp_abort(struct tcp_conn *c)
{
    conn_abort(c);
}

void tcp_receive_resume(struct tcp_conn *c)
{
    c->resume_pending = true;
    conn_touch(c);
}

void tcp_app_deadline(struct tcp_conn *c, uint64_t when)
{
    c->app_deadline_ns = when;
    conn_touch(c);
}

uint64_t tcp_app_deadline_set(const struct tcp_conn *c)
{
    return c->app_deadline_ns;
}

uint32_t tcp_conn_index(const struct tcp_conn *c)
{
    return conn_index(c);
}

struct tcp_peer tcp_conn_peer(const struct tcp_conn *c)
{
    return (struct tcp_peer){ .ip = c->key.remote, .port = c->key.remote_port };
}

uint64_t tcp_conn_now(const struct tcp_conn *c)
{
    return c->ctx->now;
}

struct tcp_peer tcp_conn_local(const struct tcp_conn *c)
{
    return (struct tcp_peer){ .ip = c->key.local, .port = c->key.local_port };
}

uint64_t tcp_acknowledged(const struct tcp_conn *c)
{
    uint64_t una = c->snd_una < c->snd_end ? c->snd_una : c->snd_end;
    return una != 0 ? una - 1 : 0;
}

uint64_t tcp_sent(const struct tcp_conn *c)
{
    uint64_t nxt = c->snd_max < c->snd_end ? c->snd_max : c->snd_end;
    return nxt != 0 ? nxt - 1 : 0;
}
