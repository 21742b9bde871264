/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets into slots: choose what to send, ask the application for the bytes, write the headers.
 * First transmission, retransmission and probe differ only in the choice.
 *
 * What may go at once goes at once: with TSO as one slot that the port cuts into packets, without
 * it as many slots as there are packets, of which runs are described by one each. In any case it is
 * chosen, looked up and noted once.
 */
#include <string.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "tcp/conn.h"

enum send_kind {
    SEND_NOTHING,
    SEND_NEW,
    SEND_AGAIN, /* from the start of range `range` on */
};

struct choice {
    enum send_kind kind;
    uint64_t from;
    uint32_t len;
    uint32_t range;
    bool ect;   /* new data that is no probe: routers may mark it (RFC 3168) */
    bool whole; /* one segment, though larger than mss: a probe of the path's MTU */
};

/* What the port cuts of this connection's bytes; 0: it does not. */
static uint32_t tso_bytes_max(const struct tcp_conn *c)
{
    return c->mss >= c->ctx->tso_mss_min ? c->ctx->tso_bytes_max : 0;
}

/* What can go at once: full segments, as many as there are slots, or with TSO as the port takes in
 * one. */
static uint32_t run_bytes_max(const struct tcp_conn *c)
{
    uint32_t tso = tso_bytes_max(c);

    return tso > c->mss ? tso - tso % c->mss : c->mss * c->ctx->slots_left;
}

/* Cuts len to what cwnd and pacing allow, in whole segments; 0: nothing. */
static uint32_t limit_by_cwnd(struct tcp_conn *c, uint32_t len)
{
    uint32_t pipe = conn_pipe(c);
    uint32_t room = c->cwnd > pipe ? c->cwnd - pipe : 0;

    if (room >= c->mss || room >= len) {
        uint32_t paced = pace_room(c);
        c->pace_held = paced == 0;
        if (room > paced)
            room = paced;
    }
    if (len <= room)
        return len;
    return room - room % c->mss;
}

static struct choice choose_again(struct tcp_conn *c)
{
    const struct range_pool *pool = &c->ctx->ranges;
    struct choice choice = { .kind = SEND_NOTHING };

    if (c->ranges.lost_bytes == 0)
        return choice;
    uint32_t i = range_list_first_lost(&c->ranges, pool);
    const struct tcp_range *r = &pool->range[i];

    uint32_t max = c->probe_pending ? c->mss : run_bytes_max(c); /* a probe does not ask cwnd */
    uint32_t len = r->len < max ? r->len : max;
    if (r->start != 0 && r->start + len > c->snd_edge) { /* the peer shrank its window */
        if (r->start < c->snd_edge)
            len = (uint32_t)(c->snd_edge - r->start);
        else if (c->probe_pending)
            len = 1;
        else
            return choice;
    }
    if (!c->probe_pending)
        len = limit_by_cwnd(c, len);
    if (len != 0)
        choice = (struct choice){ SEND_AGAIN, r->start, len, i, false, false };
    return choice;
}

/* Ranges may have run out since the SYN was accepted: the SYN then waits for its time-out. */
static struct choice choose_syn(const struct tcp_conn *c)
{
    if (!range_pool_available(&c->ctx->ranges))
        return (struct choice){ .kind = SEND_NOTHING };
    return (struct choice){ SEND_NEW, 0, 1, RANGE_NONE, false, false };
}

/* RFC 9293 section 3.8.6.2.1: do not send small pieces because the window is small. */
static bool silly(const struct tcp_conn *c, uint32_t len, uint64_t available)
{
    return len < c->mss && len < available && len < c->snd_window_max / 2;
}

/* Whether it is the turn of a probe of the path's MTU, though it may have to wait for its room:
 * that comes in pieces of one segment. */
static bool choose_mtu_probe(struct tcp_conn *c, struct choice *choice)
{
    uint32_t size = c->tlp_pending || c->probe_pending ? 0 : mtu_probe_size(c);

    if (size == 0)
        return false;
    if (conn_pipe(c) + size > c->cwnd)
        return true;
    c->pace_held = pace_room(c) == 0;
    if (!c->pace_held)
        *choice = (struct choice){ SEND_NEW, c->snd_nxt, size, RANGE_NONE, true, true };
    return true;
}

static struct choice choose_new(struct tcp_conn *c)
{
    struct choice choice = { .kind = SEND_NOTHING };
    uint64_t limit = conn_send_limit(c);

    if (c->snd_nxt >= limit) {
        rate_limited(c);
        return choice;
    }
    if (UNLIKELY(c->mss < c->mtu.ceiling) && choose_mtu_probe(c, &choice))
        return choice;
    uint64_t available = limit - c->snd_nxt;
    uint64_t window = c->snd_edge > c->snd_nxt ? c->snd_edge - c->snd_nxt : 0;
    /* A probe is one segment, for it does not ask cwnd. So is what has CWR: the packets of a run
     * have the same flags. */
    bool one = c->tlp_pending || c->probe_pending || c->ecn_tell;
    uint32_t max = one ? c->mss : run_bytes_max(c);
    uint32_t len = available < max ? (uint32_t)available : max;

    if (len > window) {
        len = (uint32_t)window;
        if (len > c->mss)
            len -= len % c->mss;
        if (c->probe_pending)
            len = len != 0 ? len : 1;
        else if (silly(c, len, available) || len == 0) {
            rate_limited(c);
            return choice;
        }
    }
    if (!c->tlp_pending && !c->probe_pending)
        len = limit_by_cwnd(c, len);
    /* No range to note it in: wait until one is free. Others' ACKs free them. */
    if (c->ranges.head == RANGE_NONE && !range_pool_available(&c->ctx->ranges))
        return choice;
    /* Below snd_max lies what was sent before and given up: a retransmission (RFC 3168 6.1.5). */
    bool ect = !c->probe_pending && !c->tlp_pending && c->snd_nxt == c->snd_max;
    if (len != 0)
        choice = (struct choice){ SEND_NEW, c->snd_nxt, len, RANGE_NONE, ect, false };
    return choice;
}

/* Tail loss probe: new data if there is some, else the last segment again (RFC 8985 section 7.3).
 */
static struct choice choose_tlp(struct tcp_conn *c)
{
    struct range_pool *pool = &c->ctx->ranges;
    struct choice choice = choose_new(c);

    if (choice.kind != SEND_NOTHING || c->ranges.tail == RANGE_NONE)
        return choice;
    uint32_t i = c->ranges.tail;
    if (pool->range[i].len > c->mss &&
        range_list_split(&c->ranges, pool, i, pool->range[i].start + pool->range[i].len - c->mss))
        i = pool->range[i].next;
    const struct tcp_range *r = &pool->range[i];
    return (
        struct choice){ SEND_AGAIN, r->start, r->len < c->mss ? r->len : c->mss, i, false, false };
}

static void header_fill(struct tcp_conn *c, struct tcp_segment *seg, uint64_t from, uint8_t flags)
{
    struct tcp_ctx *ctx = c->ctx;
    uint32_t window = tcp_receive_window(c);
    bool synchronized = c->state != TCP_STATE_SYN_SENT; /* the peer's SYN was heard */

    *seg = (struct tcp_segment){
        .src_port = c->key.local_port,
        .dst_port = c->key.remote_port,
        .seq = offset_to_seq(c->iss, from),
        .ack = synchronized ? offset_to_seq(c->irs, c->rcv_nxt) : 0,
        .flags = flags | (synchronized ? TCP_ACK : 0) | ecn_flags(c, flags),
        .window = (uint16_t)window,
        .has_timestamps = c->ts_ok,
        .ts_value = ctx->now_ms + c->ts_offset,
        .ts_echo = c->ts_recent,
    };
    c->rcv_edge = (uint32_t)c->rcv_nxt + window;
    c->last_ack_sent = (uint32_t)c->rcv_nxt;
    c->ack_pending = false;
}

/* The newest interval first, then the others (RFC 2018 section 4). */
static void sack_fill(const struct tcp_conn *c, struct tcp_segment *seg)
{
    const struct rx_buffer *rx = c->rx;

    for (uint32_t n = 0; n < rx->interval_count && seg->sack_count < TCP_SACK_BLOCKS_MAX; n++) {
        const struct rx_interval *v =
            &rx->interval[(rx->newest + rx->interval_count - n) % rx->interval_count];
        if (v->end <= c->rcv_nxt)
            continue; /* in order: only the application has not taken it */
        seg->sack[seg->sack_count++] =
            (struct sack_block){ offset_to_seq(c->irs, v->start), offset_to_seq(c->irs, v->end) };
    }
}

static bool has_gap(const struct tcp_conn *c)
{
    return c->rx != NULL && c->rx->interval_count != 0 &&
           c->rx->interval[c->rx->interval_count - 1].end > c->rcv_nxt;
}

/* Completes slot, which has its extents: header at `at` of header_len bytes, inline bytes behind
 * it; the port cuts the payload into segments of mss bytes. */
static void slot_finish(struct tcp_conn *c, struct tx_slot *slot, uint32_t at, uint32_t header_len,
                        uint32_t inline_len, uint32_t payload_len, uint16_t mss)
{
    struct tcp_ctx *ctx = c->ctx;
    uint8_t *header = slot->head + at;

    slot->l4_len = (uint8_t)header_len;
    slot->head_len = (uint16_t)(at + header_len + inline_len);
    slot->payload_len = payload_len;
    slot->ecn = 0;
    slot->tcp = true;
    slot->packets = 1;
    slot->tso_mss = payload_len > mss ? mss : 0;

    uint32_t segments = slot->tso_mss != 0 ? (payload_len + mss - 1) / mss : 1;
    COUNT_N(ctx->counters, tcp_out, segments);
    if (ctx->tx_tcp_checksum) {
        /* The port wants the pseudo-header's sum, without the length when it cuts the payload. */
        uint32_t length = slot->tso_mss != 0 ? 0 : header_len + payload_len;
        tcp_checksum_put(header, checksum_fold((uint64_t)c->pseudo_sum + length));
    }
}

/* The same of a slot that is like another: both have as much payload, and the header with its
 * checksum was copied. */
static void slot_finish_alike(struct tx_slot *slot, const struct tx_slot *like, uint32_t at)
{
    slot->l4_len = like->l4_len;
    slot->head_len = (uint16_t)(at + like->l4_len);
    slot->payload_len = like->payload_len;
    slot->ecn = 0;
    slot->tcp = true;
    slot->packets = 1;
    slot->tso_mss = 0;
}

/* Where the port does not: the checksum of a finished slot, given the sums of its payload and of
 * its TCP header with the pseudo-header but for the length. */
static inline void slot_checksum(const struct tx_slot *slot, uint8_t *header, uint64_t header_sum,
                                 uint64_t of_payload)
{
    uint64_t sum = header_sum + slot->l4_len + slot->payload_len + of_payload;

    tcp_checksum_put(header, (uint16_t)~checksum_fold(sum));
}

/* The same of a slot that stands alone. */
static void slot_checksum_alone(const struct tcp_conn *c, const struct tx_slot *slot,
                                uint8_t *header, uint32_t inline_len)
{
    if (!c->ctx->tx_tcp_checksum)
        slot_checksum(slot, header, c->pseudo_sum + (checksum_native(header, slot->l4_len) << 8),
                      tx_payload_sum(slot, header + slot->l4_len, inline_len));
}

/*
 * Where a segment without text stands. What was sent beyond the peer's window, a probe of it or
 * what was in flight when it shrank, the peer may not have taken, and it drops what stands behind
 * its window: two ends with closed windows would take no more ACKs of each other.
 */
static uint64_t ack_position(const struct tcp_conn *c)
{
    uint64_t edge = c->snd_edge > c->snd_una ? c->snd_edge : c->snd_una;

    return c->snd_nxt < edge ? c->snd_nxt : edge;
}

/* A segment without text. */
static void send_empty(struct tcp_conn *c, struct tx_slot *slot, uint32_t at,
                       const struct tcp_segment *seg)
{
    slot->extent_count = 0;
    slot_finish(c, slot, at, tcp_segment_emit(slot->head + at, seg), 0, 0, c->mss);
    slot_checksum_alone(c, slot, slot->head + at, 0);
}

static void send_ack(struct tcp_conn *c, struct tx_slot *slot, uint32_t at)
{
    struct tcp_segment seg;

    header_fill(c, &seg, ack_position(c), 0);
    if (c->sack_ok && has_gap(c))
        sack_fill(c, &seg);
    send_empty(c, slot, at, &seg);
}

/* A segment that the peer has seen and must answer (RFC 9293 section 3.8.4). */
static void send_keepalive(struct tcp_conn *c, struct tx_slot *slot, uint32_t at)
{
    struct tcp_segment seg;

    c->keepalive_pending = false;
    COUNT(c->ctx->counters, tcp_keepalive);
    header_fill(c, &seg, c->snd_nxt - 1, 0);
    send_empty(c, slot, at, &seg);
}

static void send_reset(struct tcp_conn *c, struct tx_slot *slot, uint32_t at)
{
    struct tcp_segment seg;

    header_fill(c, &seg, c->snd_nxt, TCP_RST);
    send_empty(c, slot, at, &seg);
    COUNT(c->ctx->counters, tcp_rst_out);
    conn_finish(c, TCP_CLOSE_ABORTED);
}

/* Our SYN, which is a SYN-ACK when the peer's was heard. */
static void send_syn(struct tcp_conn *c, struct tx_slot *slot, uint32_t at)
{
    struct tcp_segment seg;

    header_fill(c, &seg, 0, TCP_SYN);
    seg.has_mss = true;
    seg.mss = conn_mss_max(c);
    seg.sack_permitted = c->sack_ok;
    seg.has_window_scale = c->scale_ok; /* shift 0: our window fits 16 bits, theirs may not */
    send_empty(c, slot, at, &seg);
}

/* What was resolved and is not dealt out: `extent` and those behind it, `left` bytes in all. */
struct deal {
    struct tx_extent *extent;
    uint32_t left;
};

/* Takes the first len bytes off, which are in one extent; out refers to them. */
static void deal_take(struct deal *deal, struct tx_extent *out, uint32_t len)
{
    *out = *deal->extent;
    deal->left -= len;
    if (len == out->len) {
        deal->extent++;
        return;
    }
    out->len = len;
    deal->extent->data += len;
    deal->extent->len -= len;
}

/* The next len bytes are a packet's. */
static void slot_take_extents(const struct tcp_ctx *ctx, struct tx_slot *slot, uint32_t len,
                              struct deal *deal)
{
    uint32_t n = 0;

    for (; len != 0; len -= slot->extent[n++].len) {
        DEBUG_ASSERT(n < ctx->extents_max);
        deal_take(deal, &slot->extent[n], len < deal->extent->len ? len : deal->extent->len);
    }
    slot->extent_count = (uint8_t)n;
}

/* How many packets of mss bytes come next that lie in one extent; without the very last packet, if
 * that has flags of its own. */
static uint32_t deal_run(const struct deal *deal, uint32_t mss, bool but_last)
{
    uint32_t bytes = deal->left - but_last;

    if (bytes > deal->extent->len)
        bytes = deal->extent->len;
    return bytes < 2 * mss ? 1 : bytes / mss;
}

/*
 * The same where each packet has an extent of its own with its sum: those that lie one behind the
 * other, which become one extent. Their checksums go to slots, given the first one's sum of TCP
 * header and pseudo-header but for the sequence number.
 */
static uint32_t deal_run_with_sums(struct deal *deal, struct tx_slot *slots, uint32_t mss,
                                   bool but_last, uint64_t header_sum, uint32_t seq)
{
    const struct tx_extent first = *deal->extent, *extent = deal->extent;
    const uint8_t *next = first.data;
    uint32_t left = deal->left - but_last;
    struct tx_slot *slot = slots;

    for (; left >= mss && extent->len == mss && extent->data == next && extent->pin == first.pin;
         extent++, slot++) {
        slot->checksum = (uint16_t)~checksum_fold(header_sum + seq + extent->sum);
        left -= mss;
        next += mss;
        seq += mss;
    }
    uint32_t packets = (uint32_t)(slot - slots);
    if (packets <= 1)
        return 1;
    deal->extent += packets - 1;
    *deal->extent =
        (struct tx_extent){ .data = first.data, .len = packets * mss, .pin = first.pin };
    return packets;
}

static_assert(STACK_L2_BYTES + IPV6_HEADER_BYTES + TCP_HEADER_BYTES + TIMESTAMPS_BYTES <=
                  TX_RUN_HEAD_BYTES,
              "headers of a run");

/*
 * Deals out what was resolved, got bytes from stream offset `from` on, one slot for each mss bytes.
 * All headers are the first's, but for what tells the packets apart; `last_flags` are the last's.
 * That is the sequence number, and the checksum if the port does not compute it: then slots become
 * runs. Returns how many slots were used.
 */
static unsigned run_finish(struct tcp_conn *c, struct tx_slot *slots, uint32_t at,
                           struct tcp_segment *seg, const struct tx_fill *fill, uint32_t got,
                           uint8_t last_flags)
{
    const bool software = !c->ctx->tx_tcp_checksum;
    struct deal deal = { c->ctx->cut_extent, got - fill->inline_len };
    uint32_t inline_len = fill->inline_len, header_len = 0;
    uint64_t common_sum = 0; /* of what all headers have */
    unsigned n = 0, counted = 0;

    do {
        struct tx_slot *slot = &slots[n];
        uint8_t *header = slot->head + at;
        uint32_t left = deal.left + inline_len, len = left < c->mss ? left : c->mss, packets = 1;

        if (left == len)
            seg->flags |= last_flags;
        if (n == 0) {
            header_len = tcp_segment_emit(header, seg);
            if (software)
                common_sum = c->pseudo_sum + tcp_segment_common_sum(header, header_len);
        } else {
            /* Of a constant length: all that a header can have, and room there is. */
            memcpy(header, slots[0].head + at, TCP_HEADER_BYTES_MAX);
            tcp_segment_renumber(header, seg->seq, seg->flags);
        }
        if (inline_len == 0 && left > len)
            packets = !software ? deal_run(&deal, c->mss, last_flags != 0)
                                : deal_run_with_sums(&deal, slot, c->mss, last_flags != 0,
                                                     common_sum + seg->flags + header_len + len,
                                                     seg->seq);
        if (packets > 1) {
            deal_take(&deal, &slot->extent[0], packets * len);
            slot->extent_count = 1;
        } else {
            slot_take_extents(c->ctx, slot, len - inline_len, &deal);
        }
        if (n != 0 && len == slots[0].payload_len) {
            slot_finish_alike(slot, &slots[0], at);
        } else {
            slot_finish(c, slot, at, header_len, inline_len, len, c->mss);
            counted++;
        }
        if (software && packets == 1)
            slot_checksum(slot, header, common_sum + tcp_segment_number_sum(seg->seq, seg->flags),
                          tx_payload_sum(slot, header + header_len, inline_len));
        else if (software)
            tcp_checksum_put(header, slot->checksum);
        slot->checksums = software;
        slot->packets = (uint8_t)packets;
        seg->seq += packets * len;
        inline_len = 0;
        n += packets;
    } while (deal.left != 0);
    ASSERT(deal.extent == c->ctx->cut_extent + fill->extent_count);
    COUNT_N(c->ctx->counters, tcp_out, n - counted);
    return n;
}

/* Where resolve() is to write: the slot itself, or for a run the table it is dealt out from. */
static struct tx_fill fill_for(struct tcp_conn *c, struct tx_slot *slot, uint32_t at,
                               uint32_t header_len, bool run)
{
    struct tcp_ctx *ctx = c->ctx;
    struct tx_fill fill = {
        .inline_data = slot->head + at + header_len,
        .inline_capacity = slot->head_capacity - at - header_len,
        .extents_max = ctx->extents_max,
        .extent = slot->extent,
        .want_sums = !ctx->tx_tcp_checksum,
    };

    if (run) {
        fill.extent = ctx->cut_extent;
        fill.extents_max = CUT_EXTENTS;
        fill.packet_bytes = c->mss;
        fill.extent_bytes = fill.want_sums ? c->mss : c->mss * ctx->slots_left;
        fill.packet_extents_max = ctx->extents_max;
        if (fill.inline_capacity > c->mss)
            fill.inline_capacity = c->mss;
    }
    return fill;
}

/* Sends the stream bytes of choice, FIN included, in *count slots; returns how much of it was sent.
 * The slots are written only once it is sure that there is something to send: resolve() may abort.
 */
static uint32_t send_stream(struct tcp_conn *c, struct tx_slot *slots, uint32_t at,
                            const struct choice *choice, unsigned *count)
{
    struct tcp_ctx *ctx = c->ctx;
    uint64_t from = choice->from;
    uint32_t len = choice->len;
    uint64_t data_end = from + len < c->snd_end ? from + len : c->snd_end;
    uint32_t data_len = (uint32_t)(data_end - from);
    uint32_t header_len = TCP_HEADER_BYTES + (c->ts_ok ? TIMESTAMPS_BYTES : 0);
    bool run = data_len > c->mss && !choice->whole && tso_bytes_max(c) <= c->mss;
    struct tx_fill fill = fill_for(c, &slots[0], at, header_len, run);
    uint32_t got = 0;

    if (data_len != 0) {
        got = ctx->app->resolve(ctx->app_ctx, c, from - 1, data_len, &fill);
        if (c->reset_pending)
            return 0;
        ASSERT(got > 0 && got <= data_len);
    }
    uint8_t flags = 0, last_flags = from + got == c->snd_end ? TCP_PSH : 0;
    uint32_t sent = got;
    if (got == data_len && from + len > c->snd_end) {
        last_flags |= TCP_FIN;
        sent++;
    }
    uint8_t ecn = choice->ect && got != 0 ? ecn_new_data(c, &flags) : 0;
    struct tcp_segment seg;
    if (run) {
        header_fill(c, &seg, from, flags);
        *count = run_finish(c, slots, at, &seg, &fill, got, last_flags);
    } else {
        header_fill(c, &seg, from, flags | last_flags);
        tcp_segment_emit(slots[0].head + at, &seg);
        slots[0].extent_count = (uint8_t)fill.extent_count;
        slot_finish(c, &slots[0], at, header_len, fill.inline_len, got,
                    choice->whole ? (uint16_t)len : c->mss);
        slot_checksum_alone(c, &slots[0], slots[0].head + at, fill.inline_len);
        *count = 1;
    }
    for (unsigned i = 0; i < *count; i += slots[i].packets)
        slots[i].ecn = ecn;
    return sent;
}

static void sent_new(struct tcp_conn *c, uint32_t len, bool mtu_probe)
{
    struct tcp_ctx *ctx = c->ctx;

    bool idle = c->snd_una == c->snd_nxt;

    if (idle)
        c->rtx_base_ns = ctx->now; /* RFC 6298 (5.1) */
    if (!range_list_append(&c->ranges, &ctx->ranges, c->snd_nxt, len, ctx->now)) {
        COUNT(ctx->counters, tcp_range_exhausted);
        tcp_sack_forget(c);
        c->mtu.probe = 0; /* which the last range may have been */
    }
    if (c->snd_nxt < c->snd_max) /* sent before, and given up as not taken: no RTT sample */
        ctx->ranges.range[c->ranges.tail].flags |= RANGE_RETRANSMITTED;
    if (ctx->ranges.mark != NULL)
        rate_sent(c, c->ranges.tail, idle);
    c->snd_nxt += len;
    if (c->snd_max < c->snd_nxt)
        c->snd_max = c->snd_nxt;
    if (mtu_probe)
        mtu_probe_sent(c, len);
}

static void sent_again(struct tcp_conn *c, uint32_t range, uint32_t len)
{
    struct tcp_ctx *ctx = c->ctx;
    struct tcp_range *r = &ctx->ranges.range[range];

    if (r->len > len && !range_list_split(&c->ranges, &ctx->ranges, range, r->start + len))
        COUNT(ctx->counters, tcp_range_exhausted); /* the rest waits for the time-out */
    if (r->start == c->snd_una)
        c->rtx_base_ns = ctx->now; /* a new try of what everything waits for */
    if ((r->flags & RANGE_PROBE) != 0)
        mtu_probe_lost(c);
    range_list_mark_resent(&c->ranges, &ctx->ranges, range, ctx->now);
    if (ctx->ranges.mark != NULL)
        rate_sent(c, range, false);
    COUNT_N(ctx->counters, tcp_retransmit, (len + c->mss - 1) / c->mss);
    COUNT_N(ctx->counters, tcp_retransmit_bytes, len);
    undo_resent(c, len);
}

/* Returns how many slots were filled. */
static unsigned send_choice(struct tcp_conn *c, struct tx_slot *slots, uint32_t at,
                            struct choice choice)
{
    unsigned count = 1;
    uint32_t sent;

    if (choice.from == 0) {
        send_syn(c, &slots[0], at);
        sent = 1;
        /* Not when it turned into a SYN-ACK: both opened at once. */
        c->syn_resent = choice.kind == SEND_AGAIN && (c->backoff != 0 || !c->connecting);
    } else {
        sent = send_stream(c, slots, at, &choice, &count);
        if (c->reset_pending) {
            send_reset(c, &slots[0], at);
            return 1;
        }
    }
    if (choice.kind == SEND_NEW)
        sent_new(c, sent, choice.whole);
    else
        sent_again(c, choice.range, sent);
    recovery_sent(c, sent);
    return count;
}

static bool send_tlp(struct tcp_conn *c, struct tx_slot *slot, uint32_t at)
{
    struct choice choice = choose_tlp(c);

    c->tlp_pending = false;
    if (choice.kind == SEND_NOTHING)
        return false;
    COUNT(c->ctx->counters, tcp_tlp);
    c->tlp_retransmit = choice.kind == SEND_AGAIN;
    send_choice(c, slot, at, choice);
    c->tlp_out = true;
    c->tlp_end = (uint32_t)c->snd_nxt;
    c->rtx_base_ns = c->ctx->now; /* RFC 8985 section 7.3: the RTO counts from the probe */
    return true;
}

unsigned tcp_output(struct tcp_conn *c, struct tx_slot *slots, unsigned n, uint32_t at)
{
    struct tx_slot *slot = &slots[0];

    ASSERT(n > 0);
    c->ctx->slots_left = n;
    if (c->state == TCP_STATE_CLOSED)
        return 0;
    if (c->reset_pending && c->state == TCP_STATE_SYN_SENT) {
        conn_finish(c, TCP_CLOSE_ABORTED); /* RFC 9293 section 3.10.5: nobody to tell */
        return 0;
    }
    if (c->reset_pending) {
        send_reset(c, slot, at);
        return 1;
    }
    if (c->state != TCP_STATE_TIME_WAIT) {
        if (c->ack_pending && has_gap(c)) {
            send_ack(c, slot, at); /* SACK blocks travel alone: data segments keep their size */
            return 1;
        }
        if (c->tlp_pending && send_tlp(c, slot, at))
            return 1;
        struct choice choice = { .kind = SEND_NOTHING };
        c->pace_held = false;
        if (c->snd_nxt == 0)
            choice = choose_syn(c);
        else if (!frto_new_first(c))
            choice = choose_again(c);
        if (choice.kind == SEND_NOTHING && !conn_opening(c))
            choice = choose_new(c);
        if (choice.kind != SEND_NOTHING) {
            COUNT_N(c->ctx->counters, tcp_window_probe, c->probe_pending);
            c->probe_pending = false;
            bool fresh = choice.kind == SEND_NEW;
            unsigned filled = send_choice(c, slots, at, choice);
            if (fresh)
                recovery_arm_tlp(c);
            return filled;
        }
        c->probe_pending = false;
        if (c->snd_nxt == 0)
            return 0; /* the SYN waits, and nothing goes before it */
    }
    if (c->keepalive_pending) {
        send_keepalive(c, slot, at);
        return 1;
    }
    if (c->ack_pending) {
        send_ack(c, slot, at);
        return 1;
    }
    return 0;
}
