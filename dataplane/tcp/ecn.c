/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Explicit congestion notification (RFC 3168): routers mark packets instead of dropping them, the
 * receiver says so (ECE) until the sender says that it heard (CWR). New data travels as ECT(0);
 * retransmissions, probes, pure ACKs and SYNs do not (sections 6.1.1, 6.1.4 to 6.1.6).
 */
#include "tcp/conn.h"

enum {
    IP_ECT_0 = 2,
    IP_CE = 3,
};

bool ecn_wanted(const struct tcp_ctx *ctx)
{
    return ctx->limits.ecn && ctx->limits.cc->control == NULL;
}

void ecn_negotiate(struct tcp_conn *c, const struct tcp_segment *syn)
{
    uint8_t told = syn->flags & (TCP_ECE | TCP_CWR);

    if ((syn->flags & TCP_ACK) != 0)
        c->ecn_ok = c->ecn_ok && told == TCP_ECE; /* in answer to ours */
    else
        c->ecn_ok = ecn_wanted(c->ctx) && told == (TCP_ECE | TCP_CWR);
}

/* How far snd_una is beyond the data that was in flight when cwnd was last reduced. */
static int32_t beyond_end(const struct tcp_conn *c)
{
    return (int32_t)((uint32_t)c->snd_una - c->ecn_end);
}

/* Section 6.1.3. A segment with both CWR and a mark reports new congestion. */
void ecn_input(struct tcp_conn *c, const struct tcp_segment *seg)
{
    if (!c->ecn_ok)
        return;
    if (beyond_end(c) > 0)
        c->ecn_fresh = false; /* ecn_end wraps: it says nothing for long */
    if ((seg->flags & TCP_CWR) != 0)
        c->ecn_echo = false;
    if (seg->ip_ecn == IP_CE) {
        COUNT(c->ctx->counters, tcp_ecn_ce_in);
        c->ecn_echo = true;
        c->ack_pending = true;
    }
}

/* Section 6.1.2: as for a lost packet, but nothing is to be sent again, and once per window. */
bool ecn_reduce(struct tcp_conn *c, uint32_t window)
{
    if (c->recovery != TCP_RECOVERY_OPEN || (c->ecn_fresh && beyond_end(c) <= 0))
        return false;
    COUNT(c->ctx->counters, tcp_ecn_reduced);
    c->ssthresh = conn_cc(c)->reduce(c, window);
    c->cwnd = c->cwnd < c->ssthresh ? c->cwnd : c->ssthresh;
    c->undo.cwnd = 0; /* this reduction has a cause */
    ecn_reduced(c);
    return true;
}

bool ecn_covers_loss(const struct tcp_conn *c)
{
    return c->ecn_ok && c->ecn_fresh && beyond_end(c) < 0;
}

void ecn_reduced(struct tcp_conn *c)
{
    c->ecn_fresh = true;
    c->ecn_end = (uint32_t)c->snd_nxt;
    c->ecn_tell = c->ecn_ok;
}

uint8_t ecn_flags(const struct tcp_conn *c, uint8_t flags)
{
    if (!c->ecn_ok || (flags & TCP_RST) != 0)
        return 0;
    if ((flags & TCP_SYN) != 0) /* an ECN-setup SYN or SYN-ACK (section 6.1.1) */
        return c->state == TCP_STATE_SYN_SENT ? TCP_ECE | TCP_CWR : TCP_ECE;
    return c->ecn_echo ? TCP_ECE : 0;
}

uint8_t ecn_new_data(struct tcp_conn *c, uint8_t *flags)
{
    if (!c->ecn_ok)
        return 0;
    if (c->ecn_tell)
        *flags |= TCP_CWR;
    c->ecn_tell = false;
    return IP_ECT_0;
}
