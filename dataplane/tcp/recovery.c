/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loss detection by time (RACK-TLP, RFC 8985), reduction in proportion to what is delivered (PRR,
 * RFC 6937), and the retransmission time-out (RFC 6298, RFC 5681). Peers without SACK get NewReno's
 * duplicate ACK counting (RFC 6582).
 */
#include "base/assert.h"
#include "tcp/conn.h"

enum {
    DUP_ACK_THRESHOLD = 3,
    REO_WND_MULT_MAX = 20, /* the window is bounded by SRTT in any case */
    REO_WND_PERSIST = 16,
    /* RFC 8985 section 7.2: added to the probe time-out when one segment is in flight, for the
     * receiver's delayed ACK. */
    TLP_DELAYED_ACK_MS = 200,
    /* Receivers that gather segments for a moment are not silent: what Linux adds at 250 ticks a
     * second. */
    TLP_MIN_MS = 8,
};

static uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t max32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Whether something sent at (ns, end) was sent before what RACK saw delivered last. */
static bool sent_before_newest(const struct tcp_conn *c, const struct tcp_range *r)
{
    return r->sent_ns < c->rack_sent_ns ||
           (r->sent_ns == c->rack_sent_ns && seq_lt((uint32_t)(r->start + r->len), c->rack_end));
}

/*
 * Step 2: whether the ACK may be one of an earlier transmission of a range sent more than once. One
 * that comes sooner than any round trip is; so is one that echoes an older timestamp. Only an ACK
 * that advances says by its echo when what it acknowledges was sent (RFC 7323 section 4.3): that of
 * a SACK is the one of the last segment in order, and would hide every retransmission behind the
 * first hole.
 */
static bool ambiguous(const struct tcp_conn *c, const struct tcp_range *range,
                      const struct ack_info *info)
{
    if ((range->flags & RANGE_RETRANSMITTED) == 0)
        return false;
    if (info->early && range->start == c->snd_una)
        return true;
    return c->ctx->now - range->sent_ns < rtt_min_ns(&c->rtt);
}

void recovery_delivered(struct tcp_conn *c, const struct tcp_range *range, uint64_t end,
                        const struct ack_info *info)
{
    uint64_t now = c->ctx->now;
    uint32_t low = (uint32_t)end;

    /* Step 3: later bytes were delivered by an earlier ACK. */
    if (seq_leq(low, info->prior_fack) && (range->flags & RANGE_RETRANSMITTED) == 0)
        c->reordering_seen = true;
    if (seq_lt(c->rack_fack, low))
        c->rack_fack = low;
    if (ambiguous(c, range, info))
        return;
    if (range->sent_ns > c->rack_sent_ns ||
        (range->sent_ns == c->rack_sent_ns && seq_lt(c->rack_end, low))) {
        c->rack_sent_ns = range->sent_ns;
        c->rack_end = low;
        c->rack_rtt_ns = now - range->sent_ns;
    }
}

/* How long a hole is given to be filled by reordered segments (section 6.2 step 4). */
static uint64_t reorder_window(const struct tcp_conn *c)
{
    if (!c->reordering_seen) {
        if (c->recovery != TCP_RECOVERY_OPEN)
            return 0;
        if (c->ranges.sacked_bytes > (DUP_ACK_THRESHOLD - 1) * (uint32_t)c->mss)
            return 0;
    }
    return time_min(c->reo_wnd_mult * rtt_min_ns(&c->rtt) / 4, rtt_srtt_ns(&c->rtt));
}

/* Marks what RACK holds for lost; sets the reordering timer for what may become so (step 5). */
static void rack_detect(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;
    uint64_t wait = c->rack_rtt_ns + reorder_window(c);

    c->reo_deadline_ns = TIME_NEVER;
    for (uint32_t i = c->ranges.oldest, newer; i != RANGE_TIME_END; i = newer) {
        const struct tcp_range *r = &ctx->ranges.range[i];
        newer = r->newer;
        if (r->sent_ns > c->rack_sent_ns)
            return;
        if (!sent_before_newest(c, r))
            continue; /* others were sent at the same instant */
        if (r->sent_ns + wait > ctx->now) {
            c->reo_deadline_ns = r->sent_ns + wait;
            return;
        }
        range_list_mark_lost(&c->ranges, &ctx->ranges, i);
    }
}

/* Without SACK: the first segment outstanding is the lost one (RFC 6582 section 3.2). */
static void mark_head_lost(struct tcp_conn *c)
{
    struct range_pool *pool = &c->ctx->ranges;
    uint32_t head = c->ranges.head;

    if (head == RANGE_NONE || (pool->range[head].flags & RANGE_LOST) != 0)
        return;
    if (pool->range[head].len > c->mss)
        range_list_split(&c->ranges, pool, head, pool->range[head].start + c->mss);
    range_list_mark_lost(&c->ranges, pool, head);
}

/*
 * The window that congestion was found with: RFC 5681's FlightSize, but not more than cwnd. What is
 * outstanding exceeds it after a recovery that had to send much twice; a controller that took a
 * share of that would never come down.
 */
static uint32_t window_used(const struct tcp_conn *c, uint32_t flight)
{
    return min32(flight, c->cwnd);
}

static void enter_fast_recovery(struct tcp_conn *c, uint32_t flight)
{
    COUNT(c->ctx->counters, tcp_recovery);
    undo_begin(c);
    if (!ecn_covers_loss(c)) {
        c->ssthresh = conn_cc(c)->reduce(c, window_used(c, flight));
        ecn_reduced(c);
    }
    c->recovery = TCP_RECOVERY_FAST;
    c->recovery_end = c->snd_nxt;
    undo_extend(c, c->recovery_end);
    c->prr_delivered = 0;
    c->prr_out = 0;
    c->prr_flight = max32(flight, 1);
    pace_at_once(c);
    c->tlp_deadline_ns = TIME_NEVER;
    c->tlp_out = false;
}

/*
 * PRR (RFC 6937 section 3). Below ssthresh it grows as slow start does, but only on an ACK that
 * advances and shows no new loss (RFC 9937's safeACK); else it sends what was delivered, no more.
 */
static void prr_update(struct tcp_conn *c, const struct ack_info *info, bool entered, bool new_loss)
{
    uint32_t pipe = conn_pipe(c);
    bool safe = info->acked != 0 && !new_loss;
    uint64_t may;

    c->prr_delivered += info->delivered;
    if (pipe > c->ssthresh) {
        uint64_t target =
            ((uint64_t)c->prr_delivered * c->ssthresh + c->prr_flight - 1) / c->prr_flight;
        may = target > c->prr_out ? target - c->prr_out : 0;
    } else {
        uint32_t banked = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;
        uint64_t limit = (uint64_t)max32(banked, info->delivered) + (safe ? c->mss : 0);
        may = limit < c->ssthresh - pipe ? limit : c->ssthresh - pipe;
    }
    if (entered && may < c->mss)
        may = c->mss; /* the fast retransmission itself */
    c->cwnd = max32((uint32_t)(pipe + may), c->mss);
}

static void leave_recovery(struct tcp_conn *c)
{
    if (c->recovery == TCP_RECOVERY_FAST && conn_cc(c)->control == NULL)
        c->cwnd = max32(c->ssthresh, 2u * c->mss);
    if (c->reo_wnd_persist != 0 && --c->reo_wnd_persist == 0)
        c->reo_wnd_mult = 1; /* RFC 8985 section 6.2 step 4 */
    c->recovery = TCP_RECOVERY_OPEN;
    c->dup_acks = 0;
}

/* RFC 8985 section 7.4: what the ACK says of the probe outstanding. */
static void tlp_ack(struct tcp_conn *c, const struct ack_info *info)
{
    if (!c->tlp_out)
        return;
    if (info->dsack) {
        c->tlp_out = false; /* original and probe both arrived: nothing was lost */
        return;
    }
    if (seq_lt((uint32_t)c->snd_una, c->tlp_end))
        return;
    if (c->tlp_retransmit && c->recovery == TCP_RECOVERY_OPEN) {
        /* The probe repaired a loss that nothing else will show: reduce as for any other. */
        c->ssthresh = conn_cc(c)->reduce(c, window_used(c, info->flight));
        c->cwnd = min32(c->cwnd, c->ssthresh);
        COUNT(c->ctx->counters, tcp_recovery);
    }
    c->tlp_out = false;
}

static void grow(struct tcp_conn *c, const struct ack_info *info)
{
    /* A window that was not used says nothing of the path (RFC 9293 via RFC 7661 section 4.1). */
    bool limited = c->cwnd < c->ssthresh ? 2ull * info->flight >= c->cwnd
                                         : info->flight + 3ull * c->mss >= c->cwnd;
    uint32_t acked = info->acked;

    /* RFC 3465 section 2.3: after a time-out an ACK may cover what had arrived long before. */
    if (c->recovery == TCP_RECOVERY_LOSS)
        acked = min32(acked, c->sack_ok ? info->delivered : c->mss);
    if ((limited || c->pace_held) && acked != 0) /* what waits for its time will use it */
        cc_acked(c, acked);
}

static void count_duplicate(struct tcp_conn *c, const struct ack_info *info)
{
    if (info->acked != 0) {
        /* In recovery the ACK of a retransmission covers what duplicates had announced. */
        uint32_t segments = info->acked / c->mss;
        c->dup_acks = c->recovery == TCP_RECOVERY_OPEN || segments >= c->dup_acks
                          ? 0
                          : (uint8_t)(c->dup_acks - segments);
    } else if (info->duplicate) {
        COUNT(c->ctx->counters, tcp_dup_ack_in);
        if (c->dup_acks < UINT8_MAX)
            c->dup_acks++;
    }
}

static void detect(struct tcp_conn *c, const struct ack_info *info)
{
    if (c->sack_ok) {
        if (c->ranges.sacked_bytes != 0 || c->recovery != TCP_RECOVERY_OPEN || c->reordering_seen)
            rack_detect(c);
        return;
    }
    if (c->recovery == TCP_RECOVERY_OPEN) {
        if (c->dup_acks >= DUP_ACK_THRESHOLD)
            mark_head_lost(c);
    } else if (info->acked != 0 && c->recovery == TCP_RECOVERY_FAST) {
        mark_head_lost(c); /* a partial ACK: the next hole (RFC 6582 section 3.2 step 3) */
    }
}

/* RFC 8985 section 6.2 step 4: something was sent again too early. Wait longer, by a quarter of a
 * round trip per round at the most, for the next 16 recoveries. */
static void reorder_adapt(struct tcp_conn *c, const struct ack_info *info)
{
    if (!info->dsack || c->snd_una < c->reo_round_end)
        return;
    c->reo_wnd_persist = REO_WND_PERSIST;
    if (c->reo_wnd_mult < REO_WND_MULT_MAX)
        c->reo_wnd_mult++;
    c->reo_round_end = c->snd_nxt;
}

/* Whether something was lost that tells of congestion: more than a probe of the path's MTU (RFC
 * 4821 section 7.6.1). */
static bool congested(const struct tcp_conn *c)
{
    return c->ranges.lost_bytes != 0 && !mtu_only_probes_lost(c);
}

void recovery_ack(struct tcp_conn *c, struct ack_info *info)
{
    bool entered = false;
    uint32_t lost_before = c->ranges.lost_bytes;

    count_duplicate(c, info);
    reorder_adapt(c, info);
    if (undo_ack(c, info))
        return recovery_arm_tlp(c);
    if (c->recovery != TCP_RECOVERY_OPEN && c->snd_una >= c->recovery_end)
        leave_recovery(c);
    tlp_ack(c, info);
    detect(c, info);
    if (c->recovery == TCP_RECOVERY_OPEN && congested(c)) {
        enter_fast_recovery(c, info->flight);
        entered = true;
    }
    if (conn_cc(c)->control != NULL) {
        info->lost = c->ranges.lost_bytes > lost_before ? c->ranges.lost_bytes - lost_before : 0;
        if (!frto_new_first(c))
            cc_control(c, info);
    } else if (c->recovery == TCP_RECOVERY_FAST)
        prr_update(c, info, entered, c->ranges.lost_bytes > lost_before);
    else if (!(info->ece && ecn_reduce(c, window_used(c, info->flight))) && !frto_new_first(c))
        grow(c, info);
    if (c->recovery == TCP_RECOVERY_OPEN && info->delivered != 0)
        recovery_arm_tlp(c);
}

void recovery_reorder_timeout(struct tcp_conn *c)
{
    struct ack_info none = { .flight = (uint32_t)(c->snd_nxt - c->snd_una) };

    uint32_t lost_before = c->ranges.lost_bytes;

    c->reo_deadline_ns = TIME_NEVER;
    rack_detect(c);
    none.lost = c->ranges.lost_bytes - lost_before;
    if (!congested(c))
        return;
    bool entered = c->recovery == TCP_RECOVERY_OPEN;
    if (entered)
        enter_fast_recovery(c, none.flight);
    if (conn_cc(c)->control != NULL)
        cc_control(c, &none);
    else if (c->recovery == TCP_RECOVERY_FAST)
        prr_update(c, &none, entered, true);
}

void recovery_timeout(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;
    struct range_pool *pool = &ctx->ranges;
    uint32_t flight = (uint32_t)(c->snd_nxt - c->snd_una);

    /* A head that is SACKed but never acknowledged: the receiver threw it away. */
    if (c->ranges.head != RANGE_NONE && (pool->range[c->ranges.head].flags & RANGE_SACKED) != 0) {
        COUNT(ctx->counters, tcp_reneged);
        range_list_clear_sacked(&c->ranges, pool);
        tcp_sack_forget(c);
    }
    /* RFC 5681 equation (4), but not again for the same data (section 3.1, last paragraph). */
    frto_begin(c, c->recovery != TCP_RECOVERY_LOSS);
    if (c->recovery == TCP_RECOVERY_OPEN)
        undo_begin(c);
    if (c->recovery != TCP_RECOVERY_LOSS)
        c->ssthresh = conn_cc(c)->reduce(c, window_used(c, flight));
    range_list_mark_all_lost(&c->ranges, pool);
    c->recovery = TCP_RECOVERY_LOSS;
    uint64_t old_end = c->recovery_end;
    c->recovery_end = c->snd_nxt;
    undo_extend(c, old_end);
    ecn_reduced(c);
    c->cwnd = c->mss;
    pace_at_once(c);
    c->dup_acks = 0;
    c->reo_deadline_ns = TIME_NEVER;
    c->tlp_deadline_ns = TIME_NEVER;
    c->tlp_out = false;
}

void recovery_arm_tlp(struct tcp_conn *c)
{
    c->tlp_deadline_ns = TIME_NEVER;
    if (!c->sack_ok || c->recovery != TCP_RECOVERY_OPEN || c->tlp_out || c->snd_una == c->snd_nxt ||
        c->snd_nxt > c->snd_edge || c->ranges.sacked_bytes != 0 || c->rtt.srtt_us == 0)
        return;
    uint64_t wait = 2 * rtt_srtt_ns(&c->rtt) + TLP_MIN_MS * NS_PER_MS;
    if (c->snd_nxt - c->snd_una <= c->mss)
        wait += TLP_DELAYED_ACK_MS * NS_PER_MS;
    c->tlp_deadline_ns = c->ctx->now + wait;
}

void recovery_sent(struct tcp_conn *c, uint32_t len)
{
    pace_sent(c, len);
    if (c->recovery == TCP_RECOVERY_FAST)
        c->prr_out += len;
}
