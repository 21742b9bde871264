/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many TCP clients in little memory, that do what a browser or a load generator's connection does:
 * connect, ask for a file, receive it to its last byte, ask for the next. They follow sequence
 * numbers, keep what comes out of order, acknowledge as configured, and check each response's
 * head and length.
 */
#ifndef BENCH_WIRE_CLIENTS_H
#define BENCH_WIRE_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/prng.h"
#include "latency.h"
#include "network.h"
#include "reorder.h"
#include "stats.h"

enum client_state {
    CLIENT_UNUSED,   /* not connected yet */
    CLIENT_SYN_SENT, /* */
    CLIENT_HEAD,     /* a request is sent, its response begins with the next byte */
    CLIENT_BODY,     /* */
    CLIENT_END,      /* everything is received, the server's FIN comes next */
    CLIENT_CLOSING,  /* our FIN is sent */
    CLIENT_IDLE,     /* the next request is not due */
};

struct client {
    uint32_t snd_nxt, rcv_nxt;
    uint32_t seen; /* end of the highest segment received */
    uint32_t ts_recent;
    uint64_t due_ns; /* when its request was to be sent: from then on it waits */
    uint64_t left;   /* bytes of the response that are to come, in BODY */
    uint32_t heard_ms;
    uint32_t file;
    uint32_t reorder; /* index of its struct reorder + 1; 0: none */
    uint16_t port;
    uint16_t unacked; /* segments */
    uint8_t state;
    bool ack_queued;
};

static_assert(sizeof(struct client) <= 64, "one cache line");

/* A TCP packet from the server, as far as a client looks at it. */
struct server_packet {
    uint32_t client;
    uint32_t seq, ack, ts_value;
    uint32_t payload_len;
    uint16_t port; /* the client's */
    uint16_t mss;  /* of a super-segment; else 0 */
    uint8_t flags;
    const uint8_t *text; /* payload bytes that lie beside the headers */
    uint32_t text_len;
};

struct delayed_ack {
    uint64_t due;
    uint32_t client;
};

struct clients_config {
    uint32_t count;
    uint32_t files;
    uint64_t file_bytes;
    uint16_t ack_every;      /* segments */
    uint64_t ack_delay_ns;   /* an ACK for fewer is sent after this */
    uint64_t resend_ns;      /* a SYN, request or FIN that nothing answers is sent again */
    bool one_per_connection; /* the server closes after each response */
    /* Requests of all clients together are due at this interval, whether the server keeps up or
     * not; 0: each client asks as soon as it has its answer. Not with one_per_connection. */
    double request_interval_ns;
    double loss; /* probability that a segment with data is lost */
    uint64_t seed;
    struct network *network;
    struct wire_stats *stats;
};

/* Reorder buffers of all clients at a time. */
#define REORDERS_MAX 4096

struct response_shape {
    uint32_t head_len;  /* 0: not known yet */
    uint32_t length_at; /* of "Content-Length: " */
};

struct clients {
    struct clients_config config;
    struct client *client;
    struct response_shape *shape; /* of each file's response head: all are alike but for the Date */
    struct reorder *reorder;
    uint32_t *reorder_free;
    uint32_t reorder_free_count;
    struct delayed_ack *delayed; /* a ring, in order of time: each client is in it once at most */
    uint32_t delayed_mask, delayed_first, delayed_end;
    uint32_t opened, scan_next;
    uint32_t *idle; /* a ring: who has waited longest asks next */
    uint32_t idle_mask, idle_first, idle_end;
    double next_due_ns;     /* 0: not everybody is connected yet */
    struct latency latency; /* from the moment a request was due to its answer's last byte */
    uint32_t loss_bound;    /* of 2^32 */
    char length_field[48];
    unsigned length_field_len;
    struct prng prng;
};

/* False: out of memory. */
bool clients_init(struct clients *clients, const struct clients_config *config);
void clients_release(struct clients *clients);

/* Frames that clients_input() may send for one packet. */
unsigned clients_frames_max(const struct clients *clients);

/* One packet that was sent to packet->client. */
void clients_input(struct clients *clients, const struct server_packet *packet, uint64_t now);

/* Connects those that are not yet, some per call; sends what is due. False: nothing was. */
bool clients_timers(struct clients *clients, uint64_t now);

/*
 * Where in its file the packet's payload begins: *offset, negative if it begins with a response's
 * head. False: that is not known (a head that was lost, a response that is over). Before
 * clients_input().
 */
bool clients_file_offset(struct clients *clients, const struct server_packet *packet,
                         int64_t *offset);

#endif
