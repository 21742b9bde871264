/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_tcp.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define OUTPUT_MAX (1u << 20)

const struct fake_cut fake_cut_plain = { 1448, 1448, 8, false };

/* ---- what the application calls ---- */

void tcp_stream_extend(struct tcp_conn *conn, uint64_t end)
{
    ck_assert(conn->open && !conn->fin && end >= conn->end);
    conn->end = end;
}

void tcp_close(struct tcp_conn *conn)
{
    ck_assert(conn->open && !conn->fin);
    conn->fin = true;
}

void tcp_abort(struct tcp_conn *conn)
{
    ck_assert(conn->open);
    conn->aborted = true;
}

static void deliver(struct tcp_conn *conn);

void tcp_receive_resume(struct tcp_conn *conn)
{
    ck_assert(conn->open);
    conn->resume = true;
    if (conn->tcp->resume_at_once && !conn->in_resume)
        deliver(conn);
}

void tcp_app_deadline(struct tcp_conn *conn, uint64_t when)
{
    ck_assert(conn->open);
    conn->deadline = when;
    conn->deadlines_set++;
}

uint64_t tcp_app_deadline_set(const struct tcp_conn *conn)
{
    return conn->deadline;
}

void tcp_rate_limit(struct tcp_conn *conn, uint64_t bytes_per_s)
{
    ck_assert(conn->open);
    conn->rate_max = bytes_per_s;
}

uint32_t tcp_conn_index(const struct tcp_conn *conn)
{
    return conn->index;
}

struct tcp_peer tcp_conn_peer(const struct tcp_conn *conn)
{
    return (struct tcp_peer){ .ip = conn->tcp->peer, .port = 40000 };
}

struct tcp_peer tcp_conn_local(const struct tcp_conn *conn)
{
    return (struct tcp_peer){ .ip = ip_addr_from_v4(0x0a470002), .port = conn->tcp->local_port };
}

uint64_t tcp_conn_now(const struct tcp_conn *conn)
{
    return conn->tcp->now;
}

uint64_t tcp_acknowledged(const struct tcp_conn *conn)
{
    return conn->acknowledged;
}

uint64_t tcp_sent(const struct tcp_conn *conn)
{
    return conn->sent;
}

/* ---- the connections' lives ---- */

void fake_tcp_init(struct fake_tcp *tcp, const struct tcp_app *app, void *ctx, uint64_t now)
{
    *tcp = (struct fake_tcp){
        .app = app, .ctx = ctx, .now = now, .local_port = 80, .peer = ip_addr_from_v4(0x0a470001)
    };
}

static void finish(struct tcp_conn *conn, enum tcp_close_reason reason)
{
    conn->tcp->app->closed(conn->tcp->ctx, conn, reason);
    conn->open = false;
    free(conn->input);
    conn->input = NULL;
    conn->input_len = 0;
}

void fake_tcp_destroy(struct fake_tcp *tcp)
{
    for (unsigned i = 0; i < FAKE_CONNS_MAX; i++) {
        struct tcp_conn *conn = &tcp->conns[i];
        if (conn->open)
            finish(conn, TCP_CLOSE_RESET);
        free(conn->output);
    }
}

/* After each callback: what is due then. */
static void settle(struct fake_tcp *tcp)
{
    for (unsigned i = 0; i < FAKE_CONNS_MAX; i++) {
        struct tcp_conn *conn = &tcp->conns[i];
        if (conn->open && conn->aborted) {
            finish(conn, TCP_CLOSE_ABORTED);
            i = UINT32_MAX; /* it may have resumed others */
        } else if (conn->open && conn->resume) {
            deliver(conn);
            i = UINT32_MAX;
        } else if (conn->open && conn->peer_fin && conn->peer_fin_delivered && conn->fin &&
                   !conn->fin_lost && conn->acknowledged == conn->end) {
            finish(conn, TCP_CLOSE_ORDERLY);
            i = UINT32_MAX;
        }
    }
}

void fake_settle(struct fake_tcp *tcp)
{
    settle(tcp);
}

struct tcp_conn *fake_open(struct fake_tcp *tcp)
{
    struct tcp_conn *conn = tcp->conns;

    while (conn->open)
        conn++;
    ck_assert(conn < tcp->conns + FAKE_CONNS_MAX);
    free(conn->output);
    *conn = (struct tcp_conn){ .index = (uint32_t)(conn - tcp->conns),
                               .tcp = tcp,
                               .open = true,
                               .deadline = TIME_NEVER,
                               .output = malloc(OUTPUT_MAX) };
    ck_assert(tcp->app->open(tcp->ctx, conn, tcp->now));
    return conn;
}

static void deliver(struct tcp_conn *conn)
{
    struct fake_tcp *tcp = conn->tcp;

    conn->in_resume = true;
    conn->resume = true;
    while (conn->resume && conn->input_len != 0 && !conn->aborted) {
        conn->resume = false;
        /* An exact copy, so that the sanitizer sees any access behind it. */
        uint8_t *copy = malloc(conn->input_len);
        memcpy(copy, conn->input, conn->input_len);
        size_t len = conn->input_len;
        size_t taken = tcp->app->receive(tcp->ctx, conn, copy, len, tcp->now);
        free(copy);
        ck_assert_uint_le(taken, len);
        memmove(conn->input, conn->input + taken, len - taken);
        conn->input_len -= taken;
    }
    conn->resume = false;
    conn->in_resume = false;
    if (conn->peer_fin && !conn->peer_fin_delivered && conn->input_len == 0 && !conn->aborted) {
        conn->peer_fin_delivered = true;
        tcp->app->receive_end(tcp->ctx, conn, tcp->now);
    }
}

void fake_input(struct tcp_conn *conn, const void *data, size_t len)
{
    bool stalled = conn->input_len != 0;

    if (!conn->open || len == 0)
        return;
    conn->input = realloc(conn->input, conn->input_len + len);
    memcpy(conn->input + conn->input_len, data, len);
    conn->input_len += len;
    if (!stalled)
        deliver(conn);
    settle(conn->tcp);
}

void fake_input_text(struct tcp_conn *conn, const char *text)
{
    fake_input(conn, text, strlen(text));
}

void fake_peer_fin(struct tcp_conn *conn)
{
    if (!conn->open)
        return;
    conn->peer_fin = true;
    if (conn->input_len == 0)
        deliver(conn);
    settle(conn->tcp);
}

void fake_reset(struct tcp_conn *conn)
{
    finish(conn, TCP_CLOSE_RESET);
    settle(conn->tcp);
}

void fake_drain(struct fake_tcp *tcp)
{
    for (unsigned i = 0; i < FAKE_CONNS_MAX; i++)
        if (tcp->conns[i].open)
            tcp->app->drain(tcp->ctx, &tcp->conns[i], tcp->now);
    settle(tcp);
}

/* ---- sending ---- */

/* RFC 1071 as it is written: one word after the other. */
static uint32_t plain_sum(const uint8_t *data, uint32_t len)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < len; i++)
        sum = (sum + (i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i])) % 0xffff;
    return sum;
}

/* One packet from stream byte `from` on, at most len bytes, into out. */
static uint32_t packet(struct tcp_conn *conn, uint64_t from, uint32_t len,
                       const struct fake_cut *cut, uint8_t *out)
{
    uint8_t *head = malloc(cut->inline_capacity);
    struct tx_extent extents[8];
    struct tx_fill fill = { .inline_data = head,
                            .inline_capacity = cut->inline_capacity,
                            .extents_max = cut->extents_max,
                            .extent = extents,
                            .want_sums = cut->want_sums };

    uint32_t n = conn->tcp->app->resolve(conn->tcp->ctx, conn, from, len, &fill);
    ck_assert(n > 0 && n <= len);
    ck_assert(fill.inline_len <= fill.inline_capacity && fill.extent_count <= fill.extents_max);
    memcpy(out, head, fill.inline_len);
    uint32_t at = fill.inline_len;
    for (uint32_t i = 0; i < fill.extent_count; i++) {
        const struct tx_extent *e = &extents[i];
        ck_assert(e->len > 0 && e->pin != NULL && e->pin->responses > 0);
        if (cut->want_sums)
            ck_assert_uint_eq(e->sum % 0xffff, plain_sum(e->data, e->len));
        memcpy(out + at, e->data, e->len);
        at += e->len;
    }
    ck_assert_uint_eq(at, n);
    free(head);
    return n;
}

void fake_send(struct tcp_conn *conn, const struct fake_cut *cut)
{
    while (conn->open && conn->sent < conn->end) {
        uint64_t left = conn->end - conn->sent;
        uint32_t len = left < cut->segment_max ? (uint32_t)left : cut->segment_max;
        ck_assert_uint_le(conn->sent + len, OUTPUT_MAX);
        conn->sent += packet(conn, conn->sent, len, cut, conn->output + conn->sent);
    }
}

void fake_send_again(struct tcp_conn *conn, uint64_t from, uint64_t to, const struct fake_cut *cut)
{
    ck_assert(from >= conn->acknowledged && to <= conn->sent);
    while (from < to) {
        uint32_t len = to - from < cut->segment_max ? (uint32_t)(to - from) : cut->segment_max;
        uint8_t *bytes = malloc(len);
        len = packet(conn, from, len, cut, bytes);
        ck_assert_int_eq(memcmp(bytes, conn->output + from, len), 0);
        free(bytes);
        from += len;
    }
}

void fake_acknowledge(struct tcp_conn *conn, uint64_t upto)
{
    ck_assert(upto >= conn->acknowledged && upto <= conn->sent);
    if (upto == conn->acknowledged)
        return;
    conn->acknowledged = upto;
    conn->tcp->app->acknowledged(conn->tcp->ctx, conn, upto, conn->tcp->now);
    settle(conn->tcp);
}

void fake_run(struct tcp_conn *conn)
{
    while (conn->open && conn->acknowledged < conn->end) {
        fake_send(conn, &fake_cut_plain);
        fake_acknowledge(conn, conn->sent);
    }
}

/* ---- time ---- */

void fake_advance(struct fake_tcp *tcp, uint64_t ns)
{
    uint64_t end = tcp->now + ns;

    for (;;) {
        struct tcp_conn *next = NULL;
        for (unsigned i = 0; i < FAKE_CONNS_MAX; i++) {
            struct tcp_conn *conn = &tcp->conns[i];
            if (conn->open && conn->deadline <= end &&
                (next == NULL || conn->deadline < next->deadline))
                next = conn;
        }
        if (next == NULL)
            break;
        if (next->deadline > tcp->now)
            tcp->now = next->deadline;
        next->deadline = TIME_NEVER;
        tcp->app->deadline(tcp->ctx, next, tcp->now);
        settle(tcp);
    }
    tcp->now = end;
}
