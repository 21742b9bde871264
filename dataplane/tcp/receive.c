/* SPDX-License-Identifier: BSD-3-Clause */
/* What the peer sends: in order straight to the application, else into the reassembly buffer. */
#include "base/assert.h"
#include "tcp/conn.h"

uint32_t tcp_receive_window(const struct tcp_conn *c)
{
    /* The buffer covers the window from the first byte the application has not taken. */
    return (uint32_t)(c->rcv_taken + RX_BUFFER_BYTES - c->rcv_nxt);
}

static bool may_deliver(const struct tcp_conn *c)
{
    return c->app_open && !c->reset_pending && !c->app_blocked;
}

/* Offers bytes at rcv_taken to the application; returns how many it took. */
static uint32_t offer(struct tcp_conn *c, const uint8_t *data, uint32_t len)
{
    struct tcp_ctx *ctx = c->ctx;

    size_t taken = ctx->app->receive(ctx->app_ctx, c, data, len, ctx->now);
    ASSERT(taken <= len);
    c->rcv_taken += taken;
    c->app_blocked = taken < len;
    return (uint32_t)taken;
}

/* Keeps [from, from + len), inside the window. False: no memory for it; the peer sends it again. */
static bool keep(struct tcp_conn *c, uint64_t from, const uint8_t *data, uint32_t len)
{
    struct tcp_ctx *ctx = c->ctx;

    if (c->rx == NULL)
        c->rx = rx_buffer_take(&ctx->rx);
    if (c->rx == NULL || !rx_buffer_store(c->rx, from, data, len)) {
        COUNT(ctx->counters, tcp_drop_memory);
        return false;
    }
    return true;
}

static void deliver_buffered(struct tcp_conn *c)
{
    c->rcv_nxt = rx_buffer_contiguous(c->rx, c->rcv_nxt);
    if (c->rcv_fin != 0 && c->rcv_nxt > c->rcv_fin) /* bytes behind the FIN are none */
        c->rcv_nxt = c->rcv_fin;
    while (c->rcv_taken < c->rcv_nxt && may_deliver(c)) {
        uint32_t len;
        const uint8_t *data = rx_buffer_peek(c->rx, c->rcv_taken, c->rcv_nxt, &len);
        offer(c, data, len);
    }
    rx_buffer_discard(c->rx, c->rcv_taken);
    /* Tell the peer of a window that has opened by half (RFC 9293 section 3.8.6.2.2). */
    if (seq_leq(c->rcv_edge + RX_BUFFER_BYTES / 2, (uint32_t)c->rcv_taken + RX_BUFFER_BYTES))
        c->ack_pending = true;
    if (c->rx->interval_count == 0) {
        rx_buffer_give(&c->ctx->rx, c->rx);
        c->rx = NULL;
    }
}

/* RFC 9293 section 3.10.7.4, eighth step: the FIN bit. The application hears of it in a state in
 * which it may close in turn. */
static void fin_received(struct tcp_conn *c)
{
    struct tcp_ctx *ctx = c->ctx;
    uint8_t state = c->state;

    c->rcv_nxt = c->rcv_fin + 1;
    c->rcv_taken++;
    c->ack_pending = true;
    if (c->rx != NULL) { /* a peer that contradicts itself: bytes behind its FIN */
        rx_buffer_give(&ctx->rx, c->rx);
        c->rx = NULL;
    }
    if (state == TCP_STATE_ESTABLISHED)
        c->state = TCP_STATE_CLOSE_WAIT;
    if (c->app_open && !c->receive_ended) {
        c->receive_ended = true;
        ctx->app->receive_end(ctx->app_ctx, c, ctx->now);
    }
    if (state == TCP_STATE_FIN_WAIT_1) /* our FIN is not acknowledged: simultaneous close */
        c->state = TCP_STATE_CLOSING;
    else if (state == TCP_STATE_FIN_WAIT_2)
        conn_enter_time_wait(c);
}

void tcp_deliver(struct tcp_conn *c)
{
    if (c->rx != NULL)
        deliver_buffered(c);
    if (c->rcv_fin != 0 && c->rcv_nxt == c->rcv_fin && c->rcv_taken == c->rcv_fin)
        fin_received(c);
}

void tcp_data_input(struct tcp_conn *c, const struct tcp_segment *seg)
{
    /* The payload begins behind a SYN, if any (only in SYN-RECEIVED's retransmissions). */
    int64_t start = seq_to_offset(c->irs, c->rcv_nxt, seg->seq) + ((seg->flags & TCP_SYN) != 0);
    const uint8_t *data = seg->payload;
    int64_t end = start + seg->payload_len;
    int64_t edge = (int64_t)(c->rcv_taken + RX_BUFFER_BYTES);

    if ((seg->flags & TCP_FIN) != 0 && end >= (int64_t)c->rcv_nxt && end < edge && c->rcv_fin == 0)
        c->rcv_fin = (uint64_t)end;
    if (tcp_segment_len(seg) != 0)
        c->ack_pending = true;
    if (c->rcv_fin != 0 && c->rcv_nxt > c->rcv_fin)
        return; /* the FIN was taken: text behind it is ignored */

    if (start < (int64_t)c->rcv_nxt) {
        data += (int64_t)c->rcv_nxt - start;
        start = (int64_t)c->rcv_nxt;
    }
    if (end > edge)
        end = edge;
    if (c->rcv_fin != 0 && end > (int64_t)c->rcv_fin)
        end = (int64_t)c->rcv_fin;
    if (start < end) {
        uint32_t len = (uint32_t)(end - start);
        uint32_t taken = 0;
        if ((uint64_t)start == c->rcv_taken && c->rx == NULL && may_deliver(c)) {
            taken = offer(c, data, len);
            c->rcv_nxt = c->rcv_taken;
        }
        if (taken < len)
            keep(c, (uint64_t)start + taken, data + taken, len - taken);
    }
    tcp_deliver(c);
}
