/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening from here (RFC 9293 section 3.10.7.3): SYN-SENT until the peer's SYN-ACK, or its own SYN
 * that crossed ours; what ends the attempt; which local port it is made from (RFC 6056).
 */
#include <sodium/crypto_shorthash.h>
#include <string.h>

#include "tcp/conn.h"

struct tcp_conn *tcp_connect(struct tcp_ctx *ctx, const struct tcp_key *key)
{
    struct tcp_conn *c = conn_open(ctx, key, tcp_initial_seq(ctx, key));

    if (c == NULL)
        return NULL;
    c->state = TCP_STATE_SYN_SENT;
    c->connecting = true;
    c->mss = ctx->limits.mss_min; /* until it is agreed on; only the SYN is to be sent */
    c->cwnd = c->mss;
    c->ssthresh = UINT32_MAX;
    c->ts_ok = c->sack_ok = c->scale_ok = true; /* offered */
    c->ecn_ok = ecn_wanted(ctx);
    c->ts_offset = tcp_timestamp_offset(ctx);
    cc_start(c);
    COUNT(ctx->counters, tcp_open_active);
    conn_touch(c);
    return c;
}

void tcp_ephemeral_init(struct tcp_ctx *ctx)
{
    /* A key of its own: sequence numbers and ports must not tell of each other. */
    for (uint8_t i = 0; i < 2; i++) {
        const uint8_t text[] = { 'p', 'o', 'r', 't', i };
        crypto_shorthash(ctx->port_key + 8 * i, text, sizeof(text), ctx->isn_key);
    }
    for (unsigned i = 0; i < EPHEMERAL_COUNTERS; i++)
        ctx->port_next[i] = (uint32_t)prng_next(&ctx->prng);
}

uint32_t *tcp_ephemeral_start(struct tcp_ctx *ctx, const struct tcp_key *key, uint32_t *offset)
{
    uint8_t text[34], hash[crypto_shorthash_BYTES];
    uint32_t counter;

    memcpy(text, key->remote.b, 16);
    memcpy(text + 16, key->local.b, 16);
    memcpy(text + 32, &key->remote_port, 2);
    crypto_shorthash(hash, text, sizeof(text), ctx->port_key);
    memcpy(offset, hash, sizeof(*offset));
    memcpy(&counter, hash + 4, sizeof(counter));
    return &ctx->port_next[counter % EPHEMERAL_COUNTERS];
}

bool tcp_syn_sent_input(struct tcp_conn *c, const struct tcp_segment *seg)
{
    struct tcp_ctx *ctx = c->ctx;
    bool acked = c->snd_nxt == 1 && seg->ack == c->iss + 1;

    /* First: an ACK of anything but our SYN is answered with RST. */
    if ((seg->flags & TCP_ACK) != 0 && !acked) {
        COUNT(ctx->counters, tcp_drop_ack);
        return (seg->flags & TCP_RST) != 0;
    }
    /* Second: a RST counts only if it acknowledges the SYN (RFC 5961 section 3 has no more to ask).
     */
    if ((seg->flags & TCP_RST) != 0) {
        if ((seg->flags & TCP_ACK) == 0) {
            COUNT(ctx->counters, tcp_drop_ack);
            return true;
        }
        COUNT(ctx->counters, tcp_rst_in);
        conn_finish(c, TCP_CLOSE_RESET);
        return true;
    }
    /* Fifth: neither SYN nor RST. */
    if ((seg->flags & TCP_SYN) == 0) {
        COUNT(ctx->counters, tcp_drop_ack);
        return true;
    }
    /* Fourth. */
    conn_touch(c);
    tcp_syn_taken(c, seg);
    c->heard_ns = ctx->now;
    if ((seg->flags & TCP_ACK) == 0) { /* both open at once: our SYN goes again, as a SYN-ACK */
        c->state = TCP_STATE_SYN_RECEIVED;
        ctx->conns_half_open++;
        if (c->ranges.head != RANGE_NONE)
            range_list_mark_lost(&c->ranges, &ctx->ranges, c->ranges.head);
        return true;
    }
    c->snd_edge = 1 + (uint64_t)seg->window;
    c->ack_pending = true;
    tcp_established(c);
    tcp_ack_input(c, seg, 1);
    if (c->state != TCP_STATE_CLOSED && tcp_segment_len(seg) > 1)
        tcp_data_input(c, seg);
    return true;
}

bool tcp_unreachable(struct tcp_conn *c, uint32_t seq, bool hard)
{
    /* RFC 5927 section 4.1; for a synchronised connection all errors are soft (RFC 5461). */
    if (c->state != TCP_STATE_SYN_SENT || c->snd_nxt != 1 || seq != c->iss)
        return false;
    c->unreachable = true;
    if (hard) /* RFC 9293 section 3.9.2.2, MUST-56 and SHLD-26 */
        conn_finish(c, TCP_CLOSE_TIMEOUT);
    return true;
}

enum tcp_close_reason tcp_connect_reason(const struct tcp_conn *c, enum tcp_close_reason reason)
{
    if (reason == TCP_CLOSE_RESET)
        return TCP_CLOSE_REFUSED;
    if (reason != TCP_CLOSE_TIMEOUT)
        return reason;
    /* A SYN that never left: the next hop has no MAC address. */
    return c->unreachable || c->snd_max == 0 ? TCP_CLOSE_UNREACHABLE : TCP_CLOSE_NO_ANSWER;
}
