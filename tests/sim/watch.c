/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <inttypes.h>

/* RFC 9293 section 3.7.1 */
#define DEFAULT_MSS    536
#define DEFAULT_MSS_V6 1220

static int64_t offset(uint32_t isn, int64_t near, uint32_t seq)
{
    return near + (int32_t)(seq - (isn + (uint32_t)near));
}

static bool later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static void note_syn(struct watch *w, const struct segment *s)
{
    /* A SYN sent again carries a newer timestamp; the echo may be of either. */
    if (!w->syn_seen || w->syn_isn != s->seq)
        w->syn_ts_low = w->syn_ts_high = s->tsval;
    if (later(s->tsval, w->syn_ts_high))
        w->syn_ts_high = s->tsval;
    if (w->open && w->client_isn == s->seq && later(s->tsval, w->ts_high))
        w->ts_high = s->tsval;
    w->syn_seen = true;
    w->syn_isn = s->seq;
    w->syn_mss = s->mss != 0 ? s->mss : s->v6 ? DEFAULT_MSS_V6 : DEFAULT_MSS;
    w->syn_wscale = s->wscale;
    w->syn_timestamps = s->timestamps;
    w->syn_sack = s->sack_permitted;
    w->syn_ecn = (s->flags & (FLAG_ECE | FLAG_CWR)) == (FLAG_ECE | FLAG_CWR);
    w->syn_window = s->window;
}

/* The connection as this offer begins it. */
static void begin(struct watch *w, const struct offer *offer)
{
    bool scaled = offer->wscale >= 0;

    w->open = true;
    w->isn = offer->isn;
    w->client_isn = w->syn_isn;
    w->mss = w->syn_mss;
    w->wscale_in = scaled ? (unsigned)(w->syn_wscale > 14 ? 14 : w->syn_wscale) : 0;
    w->wscale_out = scaled ? (unsigned)offer->wscale : 0;
    w->timestamps = offer->timestamps;
    w->sack = offer->sack;
    w->ecn = offer->ecn;
    w->sent = w->client_sent = w->ack = 1;
    w->right = 1 + (int64_t)w->syn_window;
    w->ack_right = 1 + (int64_t)offer->window;
    w->tsval = offer->tsval;
    w->ts_low = w->syn_ts_low;
    w->ts_high = w->syn_ts_high;
}

/* The client's ACK tells which offer it heard. */
static void choose(struct watch *w, uint32_t ack)
{
    for (unsigned i = 0; i < w->offers; i++) {
        if (ack - w->offer[i].isn - 1 >= 65536)
            continue;
        begin(w, &w->offer[i]);
        w->chosen = true;
        return;
    }
}

void watch_arrived(struct watch *w, const struct segment *s)
{
    if ((s->flags & FLAG_SYN) != 0)
        note_syn(w, s);
    if ((s->flags & FLAG_RST) != 0)
        w->reset = true;
    if (!w->open || (s->flags & (FLAG_SYN | FLAG_RST)) != 0 || (s->flags & FLAG_ACK) == 0)
        return;

    if (!w->chosen)
        choose(w, s->ack);
    int64_t start = offset(w->client_isn, w->client_sent, s->seq);
    int64_t end = start + s->payload_len + ((s->flags & FLAG_FIN) != 0);
    int64_t ack = offset(w->isn, w->sent, s->ack);
    int64_t right = ack + ((int64_t)s->window << w->wscale_in);

    if (end > w->client_sent)
        w->client_sent = end;
    w->marked |= s->ecn == ECN_CE;
    /* What only repeats old bytes, or is older than its timestamp allows, is dropped with its ACK.
     */
    bool fresh = start <= w->ack_right && (start >= w->ack || end > w->ack);
    if (ack > w->acked && fresh && !(s->timestamps && later(w->ts_high, s->tsval)))
        w->acked = ack;
    if (right > w->right)
        w->right = right;
    if (s->timestamps && later(s->tsval, w->ts_high))
        w->ts_high = s->tsval;
}

static void check_syn_ack(struct sim *sim, const struct watch *w, const struct segment *s)
{
    if (s->payload_len != 0 || (s->flags & FLAG_FIN) != 0)
        sim_fail(sim, "SYN-ACK with data or FIN");
    if (s->mss == 0)
        sim_fail(sim, "SYN-ACK without an MSS option (RFC 9293 MUST-14)");
    if ((s->wscale >= 0 && w->syn_wscale < 0) || s->timestamps != w->syn_timestamps ||
        (s->sack_permitted && !w->syn_sack))
        sim_fail(sim, "SYN-ACK with options that the SYN did not offer, or without timestamps");
    /* A cookie has room for these two where timestamps carry them (RFC 4987 section 3.6). */
    if (s->timestamps &&
        (s->sack_permitted != w->syn_sack || (s->wscale < 0) != (w->syn_wscale < 0)))
        sim_fail(sim, "SYN-ACK without the SACK or window scale that the SYN offered");
    if ((s->flags & FLAG_CWR) != 0 || ((s->flags & FLAG_ECE) != 0 && !w->syn_ecn) || s->ecn != 0)
        sim_fail(sim, "SYN-ACK with ECN that the SYN did not offer, or marked as ECT");
}

static void sent_syn(struct sim *sim, struct watch *w, const struct segment *s)
{
    const struct offer offer = { s->seq,
                                 s->tsval,
                                 s->window,
                                 s->wscale,
                                 s->timestamps,
                                 s->sack_permitted,
                                 (s->flags & FLAG_ECE) != 0 };

    if ((s->flags & FLAG_ACK) == 0 || !w->syn_seen || s->ack != w->syn_isn + 1) {
        sim_fail(sim, "SYN that answers no SYN");
        return;
    }
    /* A late copy of the SYN opens a new connection when the old one is gone. */
    bool over = w->reset || (w->fin != 0 && w->acked > w->fin);
    if (w->open && w->client_isn == w->syn_isn && !over) {
        if (s->seq != w->isn && !w->cookies)
            sim_fail(sim, "SYN-ACK sent again with another initial sequence number");
        if (s->seq != w->isn && w->offers < OFFERS_MAX)
            w->offer[w->offers++] = offer;
        return;
    }
    check_syn_ack(sim, w, s);
    *w = (struct watch){
        .port = w->port,
        .cookies = w->cookies,
        .wrapped = w->wrapped,
        .ghost = w->open && w->client_isn == w->syn_isn,
        .syn_seen = true,
        .syn_isn = w->syn_isn,
        .syn_mss = w->syn_mss,
        .syn_wscale = w->syn_wscale,
        .syn_timestamps = w->syn_timestamps,
        .syn_sack = w->syn_sack,
        .syn_ecn = w->syn_ecn,
        .syn_window = w->syn_window,
        .syn_ts_low = w->syn_ts_low,
        .syn_ts_high = w->syn_ts_high,
        .offer = { offer },
        .offers = 1,
    };
    begin(w, &offer);
}

static void check_position(struct sim *sim, struct watch *w, const struct segment *s, int64_t acked)
{
    int64_t from = offset(w->isn, w->sent, s->seq);
    int64_t data_end = from + s->payload_len;
    int64_t end = data_end + ((s->flags & FLAG_FIN) != 0);

    if (from > w->sent)
        sim_fail(sim, "segment at %" PRId64 " leaves a gap behind %" PRId64, from, w->sent);
    /* One before the acknowledged bytes is where keep-alive probes lie. */
    if (from < acked - 1 || (end > from && end < acked))
        sim_fail(sim, "segment [%" PRId64 ", %" PRId64 ") although %" PRId64 " is acknowledged",
                 from, end, acked);
    if (data_end > w->right && s->payload_len > 1)
        sim_fail(sim,
                 "segment [%" PRId64 ", %" PRId64 ") beyond the window, which ends at %" PRId64,
                 from, data_end, w->right);
    bool fin = (s->flags & FLAG_FIN) != 0;
    if (w->fin != 0 && ((s->payload_len > 0 && data_end > w->fin) || (fin && data_end != w->fin)))
        sim_fail(sim, "data or FIN at %" PRId64 ", behind the FIN at %" PRId64, data_end, w->fin);
    if (fin)
        w->fin = data_end;

    w->segments++;
    w->payload += s->payload_len;
    if (s->payload_len > 0 && from < w->sent)
        w->retransmitted += s->payload_len;
    if (end > w->sent)
        w->sent = end;
    w->wrapped |= w->isn + (uint32_t)w->sent < w->isn;
}

static void check_acknowledgment(struct sim *sim, struct watch *w, const struct segment *s)
{
    int64_t ack = offset(w->client_isn, w->client_sent, s->ack);
    int64_t right = ack + ((int64_t)s->window << w->wscale_out);

    if (ack > w->client_sent)
        sim_fail(sim, "ACK %" PRId64 " of what never arrived: %" PRId64 " did", ack,
                 w->client_sent);
    if (ack < w->ack)
        sim_fail(sim, "ACK went back from %" PRId64 " to %" PRId64, w->ack, ack);
    /* RFC 9293 section 3.8.6: a receiver should not shrink the window. Rounding is allowed. */
    if (right + (INT64_C(1) << w->wscale_out) < w->ack_right)
        sim_fail(sim, "window shrank: right edge from %" PRId64 " to %" PRId64, w->ack_right,
                 right);
    w->ack = ack;
    if (right > w->ack_right)
        w->ack_right = right;

    if (s->sack_count > 0 && !w->sack)
        sim_fail(sim, "SACK blocks that were not negotiated");
    for (unsigned i = 0; i < s->sack_count; i++) {
        int64_t start = offset(w->client_isn, w->client_sent, s->sack[i].start);
        int64_t end = offset(w->client_isn, w->client_sent, s->sack[i].end);
        /* The first block may report a duplicate (RFC 2883), which may lie below the ACK. */
        if (start >= end || end > w->client_sent || (i > 0 && start < ack))
            sim_fail(sim, "SACK block [%" PRId64 ", %" PRId64 ") out of bounds", start, end);
    }
}

static void check_timestamps(struct sim *sim, struct watch *w, const struct segment *s)
{
    if (s->timestamps != w->timestamps) {
        sim_fail(sim, "timestamps %s (RFC 7323 section 3.2)",
                 w->timestamps ? "negotiated but missing" : "that were not negotiated");
        return;
    }
    if (!s->timestamps)
        return;
    if (later(w->tsval, s->tsval))
        sim_fail(sim, "timestamp went back from %" PRIu32 " to %" PRIu32, w->tsval, s->tsval);
    w->tsval = s->tsval;
    if (later(w->ts_low, s->tsecr) || later(s->tsecr, w->ts_high))
        sim_fail(sim, "timestamp echo %" PRIu32 " was never sent", s->tsecr);
}

/* RFC 3168 section 6.1. Called before check_position notes what was sent. */
static void check_ecn(struct sim *sim, struct watch *w, const struct segment *s, int64_t acked)
{
    int64_t from = offset(w->isn, w->sent, s->seq);
    bool new_data = s->payload_len > 0 && from >= w->sent;

    if (!w->ecn && (s->ecn != ECN_NOT_ECT || (s->flags & (FLAG_ECE | FLAG_CWR)) != 0)) {
        sim_fail(sim, "ECN that was not negotiated");
        return;
    }
    if (s->ecn != ECN_NOT_ECT && (s->ecn != ECN_ECT_0 || !new_data))
        sim_fail(sim, "ECN bits %u on what is no new data", s->ecn);
    if ((s->flags & FLAG_ECE) != 0 && !w->marked)
        sim_fail(sim, "ECE although nothing arrived with a mark");
    if ((s->flags & FLAG_CWR) == 0)
        return;
    if (!new_data)
        sim_fail(sim, "CWR on what is no new data");
    /* Section 6.1.2: a window is reduced once, whatever number of its packets was marked. Losses
     * may reduce it further. */
    if (w->cwr != 0 && acked < w->cwr && w->retransmitted == 0)
        sim_fail(sim, "cwnd reduced at %" PRId64 " and again at %" PRId64 ", acknowledged %" PRId64,
                 w->cwr, from, acked);
    w->cwr = from;
    w->reduced++;
}

void watch_sent(struct sim *sim, struct watch *w, const struct segment *s, unsigned mtu,
                int64_t acked)
{
    if (w->off)
        return;
    if (s->ip_bytes > mtu)
        sim_fail(sim, "IP packet of %" PRIu32 " bytes on an MTU of %u", s->ip_bytes, mtu);
    if (s->hops == 0)
        sim_fail(sim, "TTL or hop limit 0");
    if ((s->flags & FLAG_RST) != 0) {
        w->reset = true;
        return;
    }
    if ((s->flags & FLAG_SYN) != 0) {
        sent_syn(sim, w, s);
        return;
    }
    if (w->ghost)
        return;
    if (!w->open || (s->flags & FLAG_ACK) == 0) {
        sim_fail(sim, "segment with flags %#x outside any connection", s->flags);
        return;
    }
    /* RFC 6691: the MSS option counts neither IP nor TCP options, so options eat into it. */
    if (s->payload_len + s->option_bytes > w->mss && s->payload_len > 0)
        sim_fail(sim, "payload %" PRIu32 " + options %" PRIu32 " exceed the client's MSS %u",
                 s->payload_len, s->option_bytes, w->mss);
    if ((s->flags & FLAG_URG) != 0 || s->mss != 0 || s->wscale >= 0 || s->sack_permitted)
        sim_fail(sim, "URG, or an option that belongs on a SYN");
    check_ecn(sim, w, s, acked);
    check_position(sim, w, s, acked);
    check_acknowledgment(sim, w, s);
    check_timestamps(sim, w, s);
}
