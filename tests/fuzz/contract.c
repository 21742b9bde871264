/* SPDX-License-Identifier: BSD-3-Clause */
#include "contract.h"

#include "fuzz.h"

/* The connection, which must be open. */
static struct contract_conn *known(struct contract *k, const struct tcp_conn *tcp)
{
    uint32_t index = tcp_conn_index(tcp);

    FUZZ_CHECK(index < CONTRACT_CONNS_MAX && k->conn[index].open,
               "callback for connection %u, which is not open", index);
    return &k->conn[index];
}

static bool contract_open(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct contract *k = ctx;
    uint32_t index = tcp_conn_index(tcp);

    FUZZ_CHECK(index < CONTRACT_CONNS_MAX && !k->conn[index].open, "connection %u opened twice",
               index);
    bool opened = http_app.open(k->http, tcp, now);
    k->conn[index] = (struct contract_conn){ .open = opened };
    k->open_count += opened;
    return opened;
}

static size_t contract_receive(void *ctx, struct tcp_conn *tcp, const uint8_t *data, size_t len,
                               uint64_t now)
{
    struct contract *k = ctx;

    FUZZ_CHECK(len > 0, "receive of nothing");
    FUZZ_CHECK(!known(k, tcp)->ended, "receive() of %zu bytes after receive_end()", len);
    FUZZ_CHECK(now == k->now, "receive() at another time");
    return http_app.receive(k->http, tcp, data, len, now);
}

static void contract_receive_end(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct contract *k = ctx;
    struct contract_conn *c = known(k, tcp);

    FUZZ_CHECK(!c->ended, "receive_end() twice");
    c->ended = true;
    http_app.receive_end(k->http, tcp, now);
}

static uint32_t contract_resolve(void *ctx, struct tcp_conn *tcp, uint64_t from, uint32_t len,
                                 struct tx_fill *fill)
{
    struct contract *k = ctx;

    FUZZ_CHECK(len > 0 && from >= known(k, tcp)->acknowledged,
               "resolve of %u bytes at %lu, acknowledged up to %lu", len, (unsigned long)from,
               (unsigned long)known(k, tcp)->acknowledged);
    FUZZ_CHECK(fill->inline_len == 0 && fill->extent_count == 0 && fill->extents_max > 0,
               "resolve into a packet that is not empty");
    return http_app.resolve(k->http, tcp, from, len, fill);
}

static void contract_acknowledged(void *ctx, struct tcp_conn *tcp, uint64_t upto, uint64_t now)
{
    struct contract *k = ctx;
    struct contract_conn *c = known(k, tcp);

    FUZZ_CHECK(upto >= c->acknowledged, "acknowledged went back from %lu to %lu",
               (unsigned long)c->acknowledged, (unsigned long)upto);
    c->acknowledged = upto;
    http_app.acknowledged(k->http, tcp, upto, now);
}

static void contract_deadline(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct contract *k = ctx;

    known(k, tcp);
    http_app.deadline(k->http, tcp, now);
}

static void contract_drain(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct contract *k = ctx;

    known(k, tcp);
    http_app.drain(k->http, tcp, now);
}

static void contract_closed(void *ctx, struct tcp_conn *tcp, enum tcp_close_reason reason)
{
    struct contract *k = ctx;

    known(k, tcp)->open = false;
    k->open_count--;
    http_app.closed(k->http, tcp, reason);
}

const struct tcp_app contract_app = {
    .open = contract_open,
    .receive = contract_receive,
    .receive_end = contract_receive_end,
    .resolve = contract_resolve,
    .acknowledged = contract_acknowledged,
    .deadline = contract_deadline,
    .drain = contract_drain,
    .closed = contract_closed,
};
