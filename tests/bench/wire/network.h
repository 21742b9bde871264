/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way from the clients to the server: what they send waits here for one round-trip time (the
 * other direction takes none), then becomes a frame in one of the server's rx buffers.
 */
#ifndef BENCH_WIRE_NETWORK_H
#define BENCH_WIRE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "queue.h"
#include "wire/addr.h"
#include "wire/tcp_segment.h"

#define SACK_BLOCKS 3 /* that fit beside timestamps */

/* Frames written per turn: leaves time for the other direction. */
#define NETWORK_BURST 64

enum departure_kind {
    DEPART_SYN,
    DEPART_ACK,
    DEPART_REQUEST,
    DEPART_FIN,
    DEPART_ARP_REPLY,
};

/* One frame under way. */
struct departure {
    uint64_t due;
    uint32_t client;
    uint32_t seq, ack, ts_echo;
    uint32_t file; /* that a REQUEST asks for */
    uint16_t port;
    uint8_t kind;
    uint8_t sack_count;
    struct sack_block sack[SACK_BLOCKS];
};

static_assert(sizeof(struct departure) <= 64, "one cache line");

/* Room for one request's text. */
#define REQUEST_BYTES 96

struct request_text {
    uint16_t len;
    char text[REQUEST_BYTES - 2];
};

struct network {
    struct departure *ring;
    uint32_t mask;
    uint32_t first, end; /* free-running */
    uint64_t delay_ns;

    struct queue *queue;
    struct mac_addr server_mac, gateway_mac;
    uint32_t server_ip, gateway_ip, client_ip; /* client i has client_ip + i */
    uint16_t server_port;
    uint16_t mtu;
    uint16_t window; /* as it stands in the header */
    uint8_t window_scale;
    bool checksums; /* the server verifies them: write good ones */
    const struct request_text *requests;
    uint64_t frames; /* delivered */
};

/* False: out of memory. ring must hold `departures` frames, a power of two. */
bool network_init(struct network *network, uint32_t departures);
void network_release(struct network *network);

static inline uint32_t network_size(const struct network *n)
{
    return n->mask + 1;
}

static inline uint32_t network_room(const struct network *n)
{
    return n->mask + 1 - (n->end - n->first);
}

/* A place for a frame that leaves now; there must be room. The caller fills in all but due. */
static inline struct departure *network_send(struct network *n, uint64_t now)
{
    ASSERT(network_room(n) > 0);
    struct departure *d = &n->ring[n->end++ & n->mask];
    d->due = now + n->delay_ns;
    return d;
}

/* Hands frames that are due to the server as far as it has buffers; returns how many. */
unsigned network_deliver(struct network *network, uint64_t now);

#endif
