/* SPDX-License-Identifier: BSD-3-Clause */
/* SEGMENT ARRIVES (RFC 9293 section 3.10.7), step by step. */
#include "tcp/conn.h"

#include <sodium/crypto_shorthash.h>
#include <string.h>

#include "base/assert.h"

enum {
    WINDOW_SCALE_MAX = 14,              /* RFC 7323 section 2.3 */
    MSS_DEFAULT = 536,                  /* RFC 9293 section 3.7.1, MUST-15 */
    MSS_DEFAULT_V6 = 1220,              /* the same for IPv6 */
    WINDOW_MAX = 1 << 30,               /* no ACK is older than the largest window */
    TS_RECENT_VALID_S = 24 * 24 * 3600, /* RFC 7323 section 5.5 */
};

_Static_assert(crypto_shorthash_KEYBYTES == 16, "the key of struct tcp_ctx");

uint32_t tcp_initial_seq(const struct tcp_ctx *ctx, const struct tcp_key *key)
{
    uint8_t text[36], hash[crypto_shorthash_BYTES];
    uint32_t low;

    memcpy(text, key->remote.b, 16);
    memcpy(text + 16, key->local.b, 16);
    memcpy(text + 32, &key->remote_port, 2);
    memcpy(text + 34, &key->local_port, 2);
    crypto_shorthash(hash, text, sizeof(text), ctx->isn_key);
    memcpy(&low, hash, sizeof(low));
    return low + (uint32_t)(ctx->now / 4000); /* RFC 6528 section 3: M, a 4-microsecond clock */
}

uint32_t tcp_timestamp_offset(struct tcp_ctx *ctx)
{
    return (uint32_t)prng_next(&ctx->prng) | 1; /* 0 is none, in TIME-WAIT */
}

static void negotiate(struct tcp_conn *c, const struct tcp_segment *syn)
{
    struct tcp_ctx *ctx = c->ctx;
    uint32_t fallback = conn_is_v4(c) ? MSS_DEFAULT : MSS_DEFAULT_V6;
    uint32_t mss = syn->has_mss && syn->mss != 0 ? syn->mss : fallback;

    if (mss < ctx->limits.mss_min)
        mss = ctx->limits.mss_min;
    if (mss > conn_mss_max(c))
        mss = conn_mss_max(c);
    ecn_negotiate(c, syn);
    COUNT_N(ctx->counters, tcp_ecn, c->ecn_ok);
    c->ts_ok = syn->has_timestamps;
    c->sack_ok = syn->sack_permitted;
    c->scale_ok = syn->has_window_scale;
    if (c->ts_ok) {
        mss -= TIMESTAMPS_BYTES; /* RFC 6691: the option comes off the payload */
        c->ts_recent = syn->ts_value;
        c->ts_recent_s = (uint32_t)(ctx->now / NS_PER_S);
        if (c->ts_offset == 0) /* our SYN, if any, had one */
            c->ts_offset = tcp_timestamp_offset(ctx);
    }
    c->mss = (uint16_t)mss;
    mtu_start(c);
    if (c->scale_ok)
        c->snd_scale = syn->window_scale < WINDOW_SCALE_MAX ? syn->window_scale : WINDOW_SCALE_MAX;
}

void tcp_syn_taken(struct tcp_conn *c, const struct tcp_segment *syn)
{
    c->irs = syn->seq;
    c->rcv_nxt = c->rcv_taken = 1;
    c->snd_wl1 = syn->seq + 1;
    c->rcv_edge = 1 + RX_BUFFER_BYTES;
    c->snd_edge = syn->window;
    c->snd_window_max = syn->window;
    negotiate(c, syn);
    c->cwnd = conn_initial_window(c);
    c->ssthresh = UINT32_MAX;
    cc_start(c);
}

struct tcp_conn *tcp_accept(struct tcp_ctx *ctx, const struct tcp_segment *syn, uint32_t iss)
{
    struct tcp_key key = { .remote = syn->src,
                           .local = syn->dst,
                           .remote_port = syn->src_port,
                           .local_port = syn->dst_port };

    if (ctx->draining) {
        COUNT(ctx->counters, tcp_refused_draining);
        return NULL;
    }
    struct tcp_conn *c = conn_open(ctx, &key, iss);
    if (c == NULL) {
        COUNT(ctx->counters, tcp_refused_full);
        return NULL;
    }
    c->state = TCP_STATE_SYN_RECEIVED;
    tcp_syn_taken(c, syn);
    COUNT(ctx->counters, tcp_open_passive);
    ctx->conns_half_open++;
    conn_touch(c);
    return c;
}

bool tcp_backlog_full(const struct tcp_ctx *ctx)
{
    return !ctx->draining && ctx->free_head != CONN_NONE &&
           ctx->conns_half_open >= ctx->limits.syn_backlog;
}

struct tcp_conn *tcp_accept_cookie(struct tcp_ctx *ctx, const struct tcp_segment *syn, uint32_t iss,
                                   uint32_t ts_offset)
{
    struct tcp_conn *c = tcp_accept(ctx, syn, iss);

    if (c == NULL)
        return NULL;
    c->snd_una = c->snd_nxt = c->snd_max = 1;
    c->last_ack_sent = 1;
    c->ts_offset = ts_offset;
    return c;
}

/* RFC 7323 section 5.3 R1: false when the segment is older than its timestamp allows. */
static bool paws_ok(const struct tcp_conn *c, const struct tcp_segment *seg)
{
    if (!c->ts_ok || (seg->flags & TCP_RST) != 0 || !seg->has_timestamps)
        return true;
    if (seq_diff(seg->ts_value, c->ts_recent) >= 0)
        return true;
    /* A connection idle for so long that the clock may have wrapped: TS.Recent is no longer valid.
     */
    return (uint32_t)(c->ctx->now / NS_PER_S) - c->ts_recent_s > TS_RECENT_VALID_S;
}

/* First step: RFC 9293 section 3.10.7.4, table of acceptability. */
static bool sequence_ok(const struct tcp_conn *c, const struct tcp_segment *seg)
{
    /* From the next byte expected on. */
    int32_t first = seq_diff(seg->seq, offset_to_seq(c->irs, c->rcv_nxt));
    int32_t edge = seq_diff(c->rcv_edge, (uint32_t)c->rcv_nxt);

    /* At the right edge too: a segment without room for its text still carries an ACK and a window,
     * which must be heard ("special allowance" there); its text is cut off. */
    return first <= edge && (first >= 0 || first + (int32_t)tcp_segment_len(seg) > 0);
}

/* Second step. RFC 5961 section 3.2: only the exact sequence number resets. */
static void reset_input(struct tcp_conn *c, const struct tcp_segment *seg)
{
    if (seg->seq != offset_to_seq(c->irs, c->rcv_nxt)) {
        challenge_ack(c);
        return;
    }
    COUNT(c->ctx->counters, tcp_rst_in);
    conn_finish(c, TCP_CLOSE_RESET);
}

/* Fourth step. RFC 5961 section 4.2: a SYN in a synchronised state is answered with an ACK. */
static void syn_input(struct tcp_conn *c, const struct tcp_segment *seg)
{
    if (c->state != TCP_STATE_SYN_RECEIVED) {
        challenge_ack(c);
        return;
    }
    /* The peer did not get our SYN-ACK, or it is late: send it again at once. */
    if (seg->seq == c->irs && c->ranges.head != RANGE_NONE)
        range_list_mark_lost(&c->ranges, &c->ctx->ranges, c->ranges.head);
}

void tcp_established(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;

    COUNT(ctx->counters, tcp_established);
    if (c->syn_resent) { /* RFC 5681 section 3.1: only the initial window shrinks for that */
        c->cwnd = c->mss;
        c->ssthresh = UINT32_MAX;
        cc_start(c);
    }
    c->state = TCP_STATE_ESTABLISHED;
    c->connecting = false;
    c->app_open = ctx->app->open(ctx->app_ctx, c, ctx->now);
    if (!c->app_open)
        conn_abort(c);
    else if (ctx->draining)
        ctx->app->drain(ctx->app_ctx, c, ctx->now);
}

/* Fifth step, in SYN-RECEIVED: the third packet of the handshake. */
static bool establish(struct tcp_conn *c, const struct tcp_segment *seg, int64_t ack)
{
    struct tcp_ctx *ctx = c->ctx;

    if (ack != 1 || c->snd_nxt != 1) {
        COUNT(ctx->counters, tcp_drop_ack);
        return false;
    }
    ctx->conns_half_open--;
    c->snd_edge = 1 + ((uint64_t)seg->window << c->snd_scale);
    c->snd_wl1 = seg->seq;
    tcp_established(c);
    return true;
}

/* Fifth step: the ACK of a synchronised connection. False: the segment goes no further. */
static bool ack_field(struct tcp_conn *c, const struct tcp_segment *seg, int64_t ack)
{
    if (ack > (int64_t)c->snd_max || ack + WINDOW_MAX < (int64_t)c->snd_una) {
        /* RFC 5961 section 5.2: something never sent, or too old to be true. */
        COUNT(c->ctx->counters, tcp_drop_ack);
        challenge_ack(c);
        return false;
    }
    tcp_ack_input(c, seg, ack > 0 ? (uint64_t)ack : 0);
    return c->state != TCP_STATE_CLOSED;
}

static void timestamp_update(struct tcp_conn *c, const struct tcp_segment *seg)
{
    /* RFC 7323 section 4.3 (2). */
    if (!c->ts_ok || !seg->has_timestamps)
        return;
    int64_t first = seq_to_offset(c->irs, c->rcv_nxt, seg->seq);
    if (seq_leq((uint32_t)first, c->last_ack_sent) && seq_diff(seg->ts_value, c->ts_recent) >= 0) {
        c->ts_recent = seg->ts_value;
        c->ts_recent_s = (uint32_t)(c->ctx->now / NS_PER_S);
    }
}

/* In SYN-RECEIVED, the SYN that led there once more. */
static bool syn_again(struct tcp_conn *c, const struct tcp_segment *seg)
{
    if (!c->connecting || (seg->flags & TCP_ACK) == 0) {
        syn_input(c, seg);
        return true;
    }
    /* Both opened at once (RFC 9293 figure 7): the peer's SYN-ACK is the ACK of ours. Its window is
     * never scaled; the next segment's will be. */
    struct tcp_segment ack = *seg;
    ack.seq++;
    ack.flags &= (uint8_t)~TCP_SYN;
    ack.window >>= c->snd_scale;
    c->ack_pending = true;
    return tcp_input(c, &ack);
}

bool tcp_input(struct tcp_conn *c, const struct tcp_segment *seg)
{
    struct counters *counters = c->ctx->counters;

    if (c->state == TCP_STATE_CLOSED || c->reset_pending)
        return true; /* about to be gone */
    if (c->state == TCP_STATE_SYN_SENT)
        return tcp_syn_sent_input(c, seg);
    conn_touch(c);

    /* RFC 7323 section 3.2: without the timestamps that were agreed on it is somebody else's. A SYN
     * may come from the peer's next life: it is challenged below. */
    if (c->ts_ok && !seg->has_timestamps && (seg->flags & (TCP_RST | TCP_SYN)) == 0) {
        COUNT(counters, tcp_drop_no_timestamp);
        return true;
    }
    if (!paws_ok(c, seg)) {
        COUNT(counters, tcp_drop_paws);
        unacceptable_ack(c, seg);
        return true;
    }
    if (c->state == TCP_STATE_SYN_RECEIVED && (seg->flags & TCP_SYN) != 0 && seg->seq == c->irs)
        return syn_again(c, seg);
    if (!sequence_ok(c, seg)) {
        COUNT(counters, tcp_drop_unacceptable);
        unacceptable_ack(c, seg);
        if (c->state == TCP_STATE_TIME_WAIT && (seg->flags & TCP_FIN) != 0)
            conn_enter_time_wait(c); /* the peer lost our last ACK: wait 2 MSL again */
        return true;
    }
    if ((seg->flags & TCP_RST) != 0) {
        reset_input(c, seg);
        return true;
    }
    if ((seg->flags & TCP_SYN) != 0) {
        syn_input(c, seg);
        return true;
    }
    if ((seg->flags & TCP_ACK) == 0) {
        COUNT(counters, tcp_drop_ack);
        return true;
    }
    c->heard_ns = c->ctx->now;
    c->keepalives = 0;
    timestamp_update(c, seg);
    ecn_input(c, seg);
    int64_t ack = seq_to_offset(c->iss, c->snd_una, seg->ack);
    if (c->state == TCP_STATE_SYN_RECEIVED && !establish(c, seg, ack))
        return false;
    if (!ack_field(c, seg, ack))
        return true;
    /* Seventh and eighth step: text and FIN, where more of either can come. */
    if (c->state != TCP_STATE_TIME_WAIT && (tcp_segment_len(seg) != 0))
        tcp_data_input(c, seg);
    return true;
}
