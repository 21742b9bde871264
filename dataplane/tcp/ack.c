/* SPDX-License-Identifier: BSD-3-Clause */
/* What an acceptable ACK says: bytes acknowledged, SACK blocks, the peer's window. */
#include <string.h>

#include "base/assert.h"
#include "tcp/conn.h"

/* Notes what the first bytes of a range teach, which were delivered; it is still in the list, with
 * the flags it had. */
static void delivered(struct tcp_conn *c, const struct tcp_range *r, uint32_t bytes,
                      struct ack_info *info)
{
    if ((r->flags & RANGE_SACKED) != 0)
        return; /* counted when it was SACKed */
    info->delivered += bytes;
    if (r->start >= c->recovery_end)
        info->beyond = true;
    if ((r->flags & RANGE_RETRANSMITTED) != 0) {
        info->retransmitted = true;
        /* The echo is of what filled the first hole (RFC 7323 section 4.3). */
        if (r->start == c->snd_una && info->has_echo &&
            seq_lt(info->echo_ms, (uint32_t)(r->sent_ns / NS_PER_MS)))
            info->early = true;
    } else {
        info->original = info->original || r->start < c->recovery_end;
        if (r->sent_ns > info->newest_sent_ns)
            info->newest_sent_ns = r->sent_ns;
        if ((r->flags & RANGE_PROBE) != 0)
            mtu_probe_delivered(c);
    }
    if (c->sack_ok)
        recovery_delivered(c, r, r->start + bytes, info);
    if (conn_cc(c)->control != NULL)
        rate_delivered(c, r, bytes, info);
}

/* Marks [start, end), inside (snd_una, snd_nxt], as SACKed. False: not all, for want of ranges. */
static bool sack_range(struct tcp_conn *c, uint64_t start, uint64_t end, struct ack_info *info)
{
    struct range_list *list = &c->ranges;
    struct range_pool *pool = &c->ctx->ranges;
    uint32_t prev = range_list_before(list, pool, start);
    uint32_t at = prev != RANGE_NONE ? pool->range[prev].next : list->head;

    while (at != RANGE_NONE && pool->range[at].start < end) {
        const struct tcp_range *r = &pool->range[at];
        uint64_t r_end = r->start + r->len;
        bool known = (r->flags & RANGE_SACKED) != 0;
        if (r_end > start && r->start < start && !known && !range_list_split(list, pool, at, start))
            return false;
        if (known || r->start < start) { /* the right part comes next */
            prev = at;
            at = r->next;
            continue;
        }
        uint32_t len = (uint32_t)((r_end < end ? r_end : end) - r->start);
        if (!range_list_can_sack(pool, prev, at, len))
            return false;
        delivered(c, r, len, info);
        prev = range_list_sack(list, pool, prev, at, len);
        at = pool->range[prev].next;
    }
    return true;
}

/* Receivers repeat blocks (RFC 2018 section 4): what an ACK's last ones were is remembered for a
 * while, so that the list is not searched for them again. */
static struct sack_seen *seen_of(const struct tcp_conn *c)
{
    return &c->ctx->sack_seen[conn_index(c) % SACK_SEEN_CONNS];
}

static bool sack_is_known(const struct tcp_conn *c, const struct sack_block *block)
{
    const struct sack_seen *seen = seen_of(c);

    if (seen->conn != conn_index(c) || seen->iss != c->iss)
        return false;
    for (unsigned i = 0; i < seen->count; i++)
        if (seen->block[i].start == block->start && seen->block[i].end == block->end)
            return true;
    return false;
}

static void sack_remember(const struct tcp_conn *c, const struct tcp_segment *seg)
{
    struct sack_seen *seen = seen_of(c);

    seen->conn = conn_index(c);
    seen->iss = c->iss;
    seen->count = seg->sack_count;
    memcpy(seen->block, seg->sack, sizeof(seen->block));
}

void tcp_sack_forget(const struct tcp_conn *c)
{
    seen_of(c)->count = 0;
}

/* RFC 2883 section 4: a first block below the ACK, or inside the second, reports a duplicate. */
static bool is_dsack(const struct tcp_segment *seg)
{
    const struct sack_block *b = seg->sack;

    if (seg->sack_count == 0)
        return false;
    if (seq_lt(b[0].start, seg->ack) && seq_leq(b[0].end, seg->ack))
        return true;
    return seg->sack_count > 1 && seq_leq(b[1].start, b[0].start) && seq_leq(b[0].end, b[1].end);
}

static void sack_input(struct tcp_conn *c, const struct tcp_segment *seg, uint64_t ack_offset,
                       struct ack_info *info)
{
    bool all = true;

    info->dsack = is_dsack(seg);
    if (info->dsack) {
        info->dsack_start = (uint64_t)seq_to_offset(c->iss, c->snd_una, seg->sack[0].start);
        info->dsack_bytes = seg->sack[0].end - seg->sack[0].start;
    }
    for (unsigned i = info->dsack ? 1 : 0; i < seg->sack_count; i++) {
        int64_t start = seq_to_offset(c->iss, c->snd_una, seg->sack[i].start);
        int64_t end = seq_to_offset(c->iss, c->snd_una, seg->sack[i].end);
        if (start >= end || end > (int64_t)c->snd_nxt) {
            COUNT(c->ctx->counters, tcp_sack_ignored);
            all = false;
            continue;
        }
        if (end <= (int64_t)ack_offset || sack_is_known(c, &seg->sack[i]))
            continue;
        if (!sack_range(c, start > (int64_t)ack_offset ? (uint64_t)start : ack_offset,
                        (uint64_t)end, info)) {
            COUNT(c->ctx->counters, tcp_sack_ignored);
            all = false;
        }
    }
    if (all)
        sack_remember(c, seg);
    else
        tcp_sack_forget(c);
}

/* Takes [snd_una, upto) off the list. */
static void acknowledge(struct tcp_conn *c, uint64_t upto, struct ack_info *info)
{
    struct range_pool *pool = &c->ctx->ranges;

    while (c->ranges.head != RANGE_NONE && pool->range[c->ranges.head].start < upto) {
        struct tcp_range *r = &pool->range[c->ranges.head];
        uint64_t end = r->start + r->len < upto ? r->start + r->len : upto;
        delivered(c, r, (uint32_t)(end - r->start), info);
        range_list_pop(&c->ranges, pool, upto);
    }
    info->acked = (uint32_t)(upto - c->snd_una);
    c->snd_una = upto;
    if (c->snd_nxt < upto) { /* bytes given up as not taken (forget_beyond) had been after all */
        c->snd_nxt = upto;
        c->rack_fack = (uint32_t)upto;
    }
    c->backoff = 0;
    c->rtx_base_ns = c->ctx->now; /* RFC 6298 (5.3) */
}

/* RFC 9293 section 3.10.7.4: the newest of the segments that the peer sent updates the window. */
static bool window_update(struct tcp_conn *c, const struct tcp_segment *seg, uint64_t ack_offset)
{
    /* The window in a SYN is never scaled (RFC 7323 section 2.2). */
    uint64_t window = (uint64_t)seg->window << ((seg->flags & TCP_SYN) != 0 ? 0 : c->snd_scale);
    uint64_t edge = ack_offset + window;

    if (seq_lt(seg->seq, c->snd_wl1) || ack_offset < c->snd_una)
        return false;
    c->snd_wl1 = seg->seq;
    if (window > c->snd_window_max)
        c->snd_window_max = (uint32_t)window;
    if (edge == c->snd_edge)
        return false;
    /* A window that opens: the persist timer begins anew (RFC 9293 section 3.8.6.1). */
    if (edge > c->snd_edge && c->snd_nxt >= c->snd_edge) {
        c->backoff = 0;
        c->rtx_base_ns = c->ctx->now;
    }
    c->snd_edge = edge;
    return true;
}

/*
 * Bytes beyond the old edge (a window probe, or a window that shrank) were not taken; now that
 * there is room they are as good as never sent. That is no sign of congestion, so it is not a loss
 * either.
 */
static void forget_beyond(struct tcp_conn *c, uint64_t old_edge)
{
    if (c->snd_una < old_edge || c->ranges.head == RANGE_NONE || c->snd_edge <= c->snd_una)
        return;
    range_list_clear(&c->ranges, &c->ctx->ranges);
    tcp_sack_forget(c);
    c->snd_nxt = c->snd_una;
    c->tlp_out = false;
    c->mtu.probe = 0;
}

static void fin_acknowledged(struct tcp_conn *c)
{
    switch (c->state) {
    case TCP_STATE_FIN_WAIT_1:
        c->state = TCP_STATE_FIN_WAIT_2;
        c->life_deadline_ns = c->ctx->now + c->ctx->limits.fin_wait_2_ns;
        break;
    case TCP_STATE_CLOSING:
        conn_enter_time_wait(c);
        break;
    case TCP_STATE_LAST_ACK:
        conn_finish(c, TCP_CLOSE_ORDERLY);
        break;
    default:
        break;
    }
}

static void round_trip(struct tcp_conn *c, uint64_t sample_ns, struct ack_info *info)
{
    info->rtt_us = (uint32_t)(sample_ns / NS_PER_US) + 1; /* rounded up: 0 says nothing */
    rtt_sample(&c->rtt, sample_ns);
    cc_round_trip(c, sample_ns);
}

void tcp_ack_input(struct tcp_conn *c, const struct tcp_segment *seg, uint64_t ack_offset)
{
    struct tcp_ctx *ctx = c->ctx;
    struct ack_info info = { .flight = (uint32_t)(c->snd_nxt - c->snd_una),
                             .prior_fack = c->rack_fack,
                             .ece = c->ecn_ok && (seg->flags & (TCP_ECE | TCP_SYN)) == TCP_ECE,
                             .has_echo = c->ts_ok && seg->has_timestamps,
                             .echo_ms = seg->ts_echo - c->ts_offset };
    uint64_t old_una = c->snd_una, old_edge = c->snd_edge;

    bool window_changed = window_update(c, seg, ack_offset);
    if (ack_offset < c->snd_una)
        return; /* an old ACK; its SACK blocks are old too */
    if (c->sack_ok && seg->sack_count != 0)
        sack_input(c, seg, ack_offset, &info);
    if (ack_offset > c->snd_una)
        acknowledge(c, ack_offset, &info);
    /* RFC 5681 section 2: the definition of a duplicate. */
    info.duplicate =
        info.acked == 0 && info.flight != 0 && !window_changed && tcp_segment_len(seg) == 0;
    /* RFC 6298 section 3 (Karn). What lay behind a hole arrived long before the retransmission that
     * filled it: the ACK of both measures the hole, not the path. */
    if (info.newest_sent_ns != 0 && !info.retransmitted)
        round_trip(c, ctx->now - info.newest_sent_ns, &info);
    if (window_changed)
        forget_beyond(c, old_edge);
    if (info.flight != 0)
        recovery_ack(c, &info);

    if (c->snd_una != old_una && c->app_open && !c->reset_pending)
        ctx->app->acknowledged(ctx->app_ctx, c, tcp_acknowledged(c), ctx->now);
    if (conn_fin_acked(c))
        fin_acknowledged(c);
}

bool tcp_calm(const struct tcp_conn *c)
{
    return c->recovery == TCP_RECOVERY_OPEN && c->ranges.sacked_bytes == 0 &&
           c->ranges.lost_bytes == 0;
}

bool tcp_hears_trains(const struct tcp_conn *c)
{
    return c->state >= TCP_STATE_ESTABLISHED && c->backoff == 0 && !c->tlp_out &&
           (c->sack_ok ? c->recovery != TCP_RECOVERY_LOSS : tcp_calm(c) && c->dup_acks == 0);
}
