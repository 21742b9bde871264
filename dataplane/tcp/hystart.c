/* SPDX-License-Identifier: BSD-3-Clause */
/* Slow start with a modified end: HyStart++ (RFC 9406). */
#include "tcp/conn.h"

enum {
    /* RFC 9406 section 4.3. */
    MIN_RTT_THRESH_US = 4000,
    MAX_RTT_THRESH_US = 16000,
    MIN_RTT_DIVISOR = 8,
    N_RTT_SAMPLE = 8,
    CSS_GROWTH_DIVISOR = 4,
    CSS_ROUNDS = 5,
    UNPACED_SEGMENTS_MAX = 8, /* L */
};

void hystart_start(struct tcp_conn *c)
{
    c->cc.hystart = (struct hystart){ .round_end = (uint32_t)c->snd_nxt,
                                      .last_min_us = UINT32_MAX,
                                      .current_min_us = UINT32_MAX,
                                      .baseline_us = UINT32_MAX };
}

static void round_begin(struct tcp_conn *c)
{
    struct hystart *h = &c->cc.hystart;

    h->last_min_us = h->current_min_us;
    h->current_min_us = UINT32_MAX;
    h->samples = 0;
    h->round_end = (uint32_t)c->snd_nxt;
    if (h->css_rounds != 0 && h->css_rounds++ == CSS_ROUNDS) {
        c->ssthresh = c->cwnd; /* the queue grows and stays: congestion avoidance */
        c->cc.cubic = (struct cubic){ 0 };
    }
}

/* Section 4.2: the delay increase that ends standard slow start. */
static uint32_t threshold_us(uint32_t last_min_us)
{
    uint32_t t = last_min_us / MIN_RTT_DIVISOR;

    if (t < MIN_RTT_THRESH_US)
        return MIN_RTT_THRESH_US;
    return t < MAX_RTT_THRESH_US ? t : MAX_RTT_THRESH_US;
}

void hystart_sample(struct tcp_conn *c, uint64_t sample_ns)
{
    struct hystart *h = &c->cc.hystart;
    uint64_t us = sample_ns / NS_PER_US;

    if (us < h->current_min_us)
        h->current_min_us = (uint32_t)us;
    if (h->samples < UINT8_MAX)
        h->samples++;
    if (h->samples >= N_RTT_SAMPLE && h->current_min_us != UINT32_MAX) {
        if (h->css_rounds == 0 && h->last_min_us != UINT32_MAX &&
            h->current_min_us >= h->last_min_us + threshold_us(h->last_min_us)) {
            h->baseline_us = h->current_min_us;
            h->css_rounds = 1;
        } else if (h->css_rounds != 0 && h->current_min_us < h->baseline_us) {
            h->css_rounds = 0; /* the delay was a jitter: standard slow start again */
            h->baseline_us = UINT32_MAX;
        }
    }
    if ((int32_t)((uint32_t)c->snd_una - h->round_end) >= 0)
        round_begin(c);
}

uint32_t hystart_acked(struct tcp_conn *c, uint32_t acked)
{
    uint32_t room = c->ssthresh - c->cwnd;

    /* By bytes acknowledged (RFC 3465). Where what follows is paced there is no limit to one ACK's
     * worth: receivers that acknowledge many segments at a time must not slow us down. */
    if (!c->ctx->limits.pacing && acked > UNPACED_SEGMENTS_MAX * (uint32_t)c->mss)
        acked = UNPACED_SEGMENTS_MAX * (uint32_t)c->mss;
    bool conservative = c->ssthresh == UINT32_MAX && c->cc.hystart.css_rounds != 0;
    uint32_t grow = conservative ? acked / CSS_GROWTH_DIVISOR : acked;

    if (grow < room) {
        c->cwnd += grow;
        return 0;
    }
    c->cwnd += room;
    return grow - room;
}
