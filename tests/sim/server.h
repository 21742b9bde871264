/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server as a node: the stack under test, an application, and the NIC between the stack and the
 * link. It calls the stack the way a worker does: frames in batches, output into a ring that may be
 * full, at once when something arrives or a while later.
 */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "inside.h"
#include "nic.h"
#include "sim.h"
#include "stack/stack.h"
#include "testapp.h"

struct server_config {
    bool http;
    struct nic_config nic;
    uint16_t mtu;     /* from 1280 on it speaks IPv6, too */
    uint16_t vlan;    /* tag of all frames on the wire; 0: none */
    uint64_t poll_ns; /* the worker looks at the NIC at most so much later than it could */
    uint32_t connections_max, syn_backlog; /* syn_backlog 0: as the stack has it */
    uint32_t ranges_max, rx_buffers_max, neighbours_max;
    uint32_t responses_max;          /* HTTP; 0: its default */
    uint32_t extent_max, inline_max; /* of the test application */
    uint64_t seed[2];
    const struct cc_ops *cc; /* congestion control; NULL: the default */
    unsigned file_count;     /* HTTP */
    uint64_t file_size[32];
    uint64_t connect_at;         /* it opens a connection to client 0's own_port itself; 0: never */
    uint64_t drain_at, abort_at; /* since the start; 0: never */
};

#define RX_RING   1024
#define BURST_MAX 64

struct server {
    struct sim_node node;
    struct network *network;
    const struct server_config *config;
    struct prng prng;
    struct stack *stack;
    struct counters counters;
    struct testapp *app;
    struct http_server *http;
    struct catalogue *catalogue;
    struct inside *inside;
    struct nic nic;
    uint8_t *head[BURST_MAX]; /* what slots' heads point to, each in a block of its own */

    struct packet *rx[RX_RING]; /* waiting to be polled */
    unsigned rx_count;
    uint64_t poll_at;
    bool drained, aborted, connected;

    uint64_t window_start; /* of the count of runs that did nothing */
    unsigned idle_runs;
    uint64_t calls;
    uint64_t memory_in_use; /* by the core */
};

/* Whether so many clients as scenarios have can fill the backlog. */
static inline bool server_sends_cookies(const struct server_config *config)
{
    return config->syn_backlog != 0 || config->connections_max <= 8;
}

void server_init(struct server *server, struct network *network,
                 const struct server_config *config);
/* Checks that nothing is left: connections, pins, packets. */
void server_check_empty(struct server *server);
void server_destroy(struct server *server);

#endif
