/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ACKs that a segment asks for which is none of the connection's stream: challenge ACKs (RFC 5961)
 * and answers to what is outside the window (RFC 9293 section 3.10.7.4). Whoever can send such
 * segments could make us send as many, and two stacks that each find the other's ACK unacceptable
 * would go on for ever; so there are limits per connection and per stack.
 */
#include "tcp/conn.h"

enum {
    CONN_INTERVAL_MS = 500, /* one such ACK per connection */
    STACK_INTERVAL_MS = 1000,
};

bool challenge_budget_take(struct tcp_ctx *ctx)
{
    struct challenge_budget *budget = &ctx->challenge;

    if (!budget->begun || ctx->now_ms - budget->since_ms >= STACK_INTERVAL_MS) {
        /* Never the same number twice: an exact limit, shared by all, would tell a stranger by its
         * exhaustion whether his guess hit somebody's window (CVE-2016-5696). */
        uint32_t half = ctx->limits.challenge_acks_per_s / 2;
        budget->left = half + (uint32_t)prng_below(&ctx->prng, half + 1u) +
                       ctx->limits.challenge_acks_per_s % 2;
        budget->since_ms = ctx->now_ms;
        budget->begun = true;
    }
    if (budget->left == 0) {
        COUNT(ctx->counters, tcp_challenge_limited);
        return false;
    }
    budget->left--;
    return true;
}

static bool may_answer(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;

    if (c->challenged && ctx->now_ms - c->challenge_ms < CONN_INTERVAL_MS) {
        COUNT(ctx->counters, tcp_challenge_limited);
        return false;
    }
    if (!challenge_budget_take(ctx))
        return false;
    c->challenged = true;
    c->challenge_ms = ctx->now_ms;
    return true;
}

void challenge_ack(struct tcp_conn *c)
{
    if (!may_answer(c))
        return;
    COUNT(c->ctx->counters, tcp_challenge_ack);
    c->ack_pending = true;
}

void unacceptable_ack(struct tcp_conn *c, const struct tcp_segment *seg)
{
    if ((seg->flags & TCP_RST) != 0)
        return;
    /* Text or a FIN that came twice: its sender lost our ACK and must get another. Such segments
     * are not answered in kind, so no loop comes of them. */
    bool text = (seg->flags & TCP_SYN) == 0 && tcp_segment_len(seg) != 0;
    if (text || may_answer(c))
        c->ack_pending = true;
}
