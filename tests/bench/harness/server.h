/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server under test: the worker's loop (app/worker.c) on a wire, without what a worker does
 * besides: messages of others, and sleep.
 */
#ifndef BENCH_HARNESS_SERVER_H
#define BENCH_HARNESS_SERVER_H

#include "app/stream_link.h"
#include "harness/bench_clock.h"
#include "harness/turns.h"
#include "http/http.h"
#include "io/pools.h"
#include "io/rx.h"
#include "io/tx.h"
#include "mempool/pool.h"
#include "stack/stack.h"

struct server_config {
    struct bench_clock clock;
    struct io_wire wire;
    const struct io_pools *pools;
    const struct pool *pool;
    const struct stream_link *stream;    /* NULL: nothing is streamed */
    const struct http_config *streaming; /* leases, stream_files, frames */
    struct memory memory;
    struct mac_addr mac;
    uint32_t ip, gateway; /* host order */
    uint16_t mtu;
    uint32_t connections;
    bool closes; /* after each response */
    bool checksum_offload;
    uint32_t tso_bytes;
};

struct server {
    struct bench_clock clock;
    struct stack *stack;
    struct http_server *http;
    struct io_tx *tx;
    const struct stream_link *stream;
    struct turn_clock turn;
    struct io_rx rx;
    struct counters counters __attribute__((aligned(64)));
};

/* Bytes that TCP and HTTP take for a connection that is merely open: what the tables of a worker
 * for twice 2^20 connections take more than those for 2^20, by connection. */
double server_connection_bytes(void);
/* False: out of memory. */
bool server_start(struct server *server, const struct server_config *config);
/* Gives back the mbufs it holds; server_end() follows when the wire holds none either. */
void server_release(struct server *server);
void server_end(struct server *server);

/* One turn of the loop. */
void server_turn(struct server *server);
/* The last turn ends now. */
void server_account(struct server *server);
/* What was between the last turn and this moment was not the server's time. */
void server_resume(struct server *server);

#endif
