/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/rate.h"

#include "tcp/conn.h"

static struct rate *rate_of(const struct tcp_conn *c)
{
    return &c->ctx->bbr[conn_index(c)].rate;
}

void rate_sent(struct tcp_conn *c, uint32_t index, bool idle)
{
    struct rate *rate = rate_of(c);

    if (idle)
        rate->first_sent = rate->delivered_at = rate_clock(c->ctx->now);
    c->ctx->ranges.mark[index] = (struct rate_mark){ .delivered = rate->delivered,
                                                     .delivered_at = rate->delivered_at,
                                                     .first_sent = rate->first_sent,
                                                     .limited = rate->limited };
}

void rate_delivered(struct tcp_conn *c, const struct tcp_range *range, uint32_t bytes,
                    struct ack_info *info)
{
    const struct range_pool *pool = &c->ctx->ranges;
    const struct rate_mark *mark = &pool->mark[range - pool->range];
    struct rate_sample *s = &info->rate;
    struct rate *rate = rate_of(c);

    if (range->start == 0)
        return; /* the SYN: no bandwidth shows in it */
    rate->delivered += bytes;
    rate->delivered_at = rate_clock(c->ctx->now);
    if (s->seen && range->sent_ns < s->sent_ns)
        return;
    rate->first_sent = rate_clock(range->sent_ns);
    *s = (struct rate_sample){ .seen = true,
                               .sent_ns = range->sent_ns,
                               .prior_delivered = mark->delivered,
                               .prior_at = mark->delivered_at,
                               .send_ticks = rate->first_sent - mark->first_sent,
                               .limited = mark->limited };
}

void rate_limited(struct tcp_conn *c)
{
    if (conn_cc(c)->control == NULL)
        return;
    struct rate *rate = rate_of(c);
    uint32_t pipe = conn_pipe(c);
    if (c->ranges.lost_bytes != 0 || pipe >= c->cwnd)
        return;
    rate->limited = true;
    rate->limited_end = rate->delivered + pipe;
}

uint64_t rate_bytes_per_s(struct tcp_conn *c, const struct ack_info *info)
{
    const struct rate_sample *s = &info->rate;
    struct rate *rate = rate_of(c);

    if (rate->limited && (int32_t)(rate->delivered - rate->limited_end) > 0)
        rate->limited = false;
    if (!s->seen)
        return 0;
    /* The longer of the two: neither a burst that we sent nor ACKs that came in one may pass for
     * bandwidth. Shorter than any round trip is the ACK of an earlier transmission. */
    uint32_t ticks = rate->delivered_at - s->prior_at;
    if (ticks < s->send_ticks)
        ticks = s->send_ticks;
    if (ticks == 0 || (ticks + 2) * (uint64_t)RATE_TICK_NS < rtt_min_ns(&c->rtt))
        return 0;
    return (uint64_t)(rate->delivered - s->prior_delivered) * RATE_TICKS_PER_S / ticks;
}
