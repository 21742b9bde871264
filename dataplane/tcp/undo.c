/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reductions that turn out to have had no cause are taken back. Three witnesses: the timestamp
 * echoed with the first ACK is older than the retransmission (Eifel, RFC 3522); everything that was
 * sent again is reported as received twice (D-SACK, RFC 2883 and RFC 3708); after a time-out,
 * bytes that were not sent again arrive (F-RTO, RFC 5682 section 3.1).
 */
#include "tcp/conn.h"

enum {
    FRTO_OFF,
    FRTO_TIMED_OUT, /* the first segment was sent again; nothing heard yet */
    FRTO_NEW_SENT,  /* new bytes were sent in place of the other old ones */
};

void undo_begin(struct tcp_conn *c)
{
    c->undo = (struct undo){ .cwnd = c->cwnd, .ssthresh = c->ssthresh };
}

void undo_extend(struct tcp_conn *c, uint64_t old_end)
{
    uint64_t span = c->undo.span == 0 ? c->recovery_end - c->snd_una
                                      : c->undo.span + (c->recovery_end - old_end);

    c->undo.span = span < UINT32_MAX ? (uint32_t)span : UINT32_MAX;
}

void undo_resent(struct tcp_conn *c, uint32_t len)
{
    struct undo *u = &c->undo;

    if (u->cwnd == 0 || c->recovery == TCP_RECOVERY_OPEN)
        return;
    if (!u->sent) {
        u->sent = true;
        u->first_ms = c->ctx->now_ms;
    }
    u->doubtful += len;
}

/* RFC 4015 in spirit: the old window comes back; pacing keeps it from leaving as a burst. */
static void undo(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;
    struct undo *u = &c->undo;

    COUNT(ctx->counters, tcp_undone);
    COUNT_N(ctx->counters, tcp_rto_undone, c->recovery == TCP_RECOVERY_LOSS);
    if (c->cwnd < u->cwnd)
        c->cwnd = u->cwnd;
    if (c->ssthresh < u->ssthresh)
        c->ssthresh = u->ssthresh;
    conn_cc(c)->undo(c);
    if (c->ssthresh == UINT32_MAX) /* the first slow start goes on */
        hystart_start(c);
    range_list_clear_lost(&c->ranges, &ctx->ranges);
    c->recovery = TCP_RECOVERY_OPEN;
    c->ecn_fresh = false; /* the next mark or loss counts */
    c->dup_acks = 0;
    c->frto = FRTO_OFF;
    /* RACK may have taken an original's ACK for that of the retransmission: it learns anew. */
    c->rack_sent_ns = 0;
    c->rack_end = 0;
    *u = (struct undo){ 0 };
}

/* RFC 3522 section 3.2 step (5): only a receiver that got the original can echo so old a stamp. It
 * is that of the oldest bytes, which may have been sent again before this recovery began: then
 * their retransmission's stamp is older than first_ms, too. */
static bool eifel(const struct tcp_conn *c, const struct ack_info *info)
{
    return info->early && info->acked != 0 && c->undo.sent &&
           seq_lt(info->echo_ms, c->undo.first_ms);
}

/* RFC 3708 section 3: no byte that was sent again was missing. */
static bool all_doubled(struct tcp_conn *c, const struct ack_info *info)
{
    struct undo *u = &c->undo;

    if (!info->dsack || !u->sent || info->dsack_start >= c->recovery_end ||
        info->dsack_start + u->span < c->recovery_end)
        return false;
    u->doubtful -= info->dsack_bytes < u->doubtful ? info->dsack_bytes : u->doubtful;
    return u->doubtful == 0 && c->ranges.lost_bytes == 0;
}

void frto_begin(struct tcp_conn *c, bool first)
{
    c->frto = first && c->sack_ok && c->snd_una != 0 ? FRTO_TIMED_OUT : FRTO_OFF;
}

bool frto_new_first(const struct tcp_conn *c)
{
    return c->frto == FRTO_NEW_SENT;
}

static bool may_send_new(const struct tcp_conn *c)
{
    return c->snd_nxt < conn_send_limit(c) && c->snd_nxt + c->mss <= c->snd_edge;
}

/* True: the time-out was spurious. */
static bool frto_ack(struct tcp_conn *c, const struct ack_info *info)
{
    if (c->frto == FRTO_OFF || c->recovery != TCP_RECOVERY_LOSS)
        return false;
    if (c->frto == FRTO_NEW_SENT) { /* step 3 */
        c->frto = FRTO_OFF;
        return info->original && !info->beyond;
    }
    c->frto = FRTO_OFF;
    if (info->acked != 0 && c->snd_una < c->recovery_end && may_send_new(c)) {
        c->frto = FRTO_NEW_SENT; /* step 2b */
        c->cwnd = conn_pipe(c) + 2u * c->mss;
    }
    return false;
}

bool undo_ack(struct tcp_conn *c, const struct ack_info *info)
{
    uint64_t now_ms = c->ctx->now_ms;

    if (c->undo.cwnd == 0)
        return false;
    bool late = eifel(c, info);
    /* RFC 4015 section 3.2: the time-out came because the path is slower than we knew. Not so of a
     * SYN: its first stamp may come back late because what answered it was lost, and seconds of
     * time-out would stay with the connection. */
    if (late && c->recovery == TCP_RECOVERY_LOSS && c->snd_una > 1)
        rtt_sample(&c->rtt, (uint32_t)(now_ms - info->echo_ms) * NS_PER_MS);
    if (!late && !all_doubled(c, info) && !frto_ack(c, info))
        return false;
    undo(c);
    return true;
}
