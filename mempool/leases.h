/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's side of the streaming tier: the chunks it holds, shared by all of its connections.
 * Sans-I/O: what it has to say to the streamer is asked for (leases_output), what the streamer says
 * is handed in (leases_input); the caller carries the messages.
 *
 * A lease is one chunk asked for or held by this worker. Users (responses) hold leases; packets in
 * flight raise its pin. When neither is left, the chunk goes back to the streamer. Asking for a
 * chunk that the worker holds already costs no message.
 *
 * The number of leases is the worker's share of the cache, so that all workers together can never
 * hold so many frames that none is left to read into. Whoever gets none has to wait for one.
 */
#ifndef MEMPOOL_LEASES_H
#define MEMPOOL_LEASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/extent.h"
#include "base/memory.h"

#define LEASE_NONE UINT32_MAX

/* Bytes of a chunk, and of the frame it lies in; the last chunk of a file is shorter. What a disk
 * is asked for at a time: large enough for its full rate, small enough that a response which is
 * acknowledged slowly holds little. */
#define CHUNK_SHIFT 18
#define CHUNK_BYTES (UINT32_C(1) << CHUNK_SHIFT)

enum chunk_message_kind {
    /* Worker to streamer. */
    CHUNK_ASK,     /* lease, file, chunk */
    CHUNK_RELEASE, /* frame, hits */
    /* Streamer to worker, in answer to each CHUNK_ASK. */
    CHUNK_READY,  /* lease, frame */
    CHUNK_FAILED, /* lease: it cannot be read, or the file changed; and no chunk of it will come */
};

struct chunk_message {
    uint32_t kind;
    uint32_t lease;
    uint32_t file, chunk;
    uint32_t frame;
    uint32_t hits; /* how often the chunk was asked for while it was held, the first time aside */
};

enum lease_state {
    LEASE_FREE,
    LEASE_TO_ASK, /* the streamer has not been asked yet */
    LEASE_ASKED,
    LEASE_READY,
    LEASE_FAILED,
};

struct lease {
    struct file_pin pin;  /* responses: its users; in_flight: packets, which keep it too */
    const uint8_t *data;  /* READY: the chunk's bytes */
    const uint16_t *sums; /* and their prefix sums from the chunk's start on, or NULL */
    uint32_t file, chunk;
    uint32_t frame;
    uint32_t hits;
    uint32_t next; /* of its hash bucket */
    uint32_t list_prev, list_next;
    uint32_t waiters; /* for its users: what waits for the answer; LEASE_NONE when taken */
    uint8_t state;    /* enum lease_state */
    uint8_t list;
};

/* Where the frames are. */
struct chunk_frames {
    const uint8_t *base;  /* frame 0 */
    const uint16_t *sums; /* of frame 0: CHUNK_SUMS for each frame; NULL: none are computed */
};
#define CHUNK_SUMS (CHUNK_BYTES / 128 + 1)

struct leases_config {
    uint32_t leases; /* > 0 */
    uint32_t files;  /* streamed files: their numbers are below */
    struct chunk_frames frames;
    struct memory memory;
};

struct leases;

/* NULL: out of memory. */
struct leases *leases_create(const struct leases_config *config);
void leases_destroy(struct leases *leases);
size_t leases_memory_bytes(const struct leases_config *config);

/* One more user of the chunk: its lease. LEASE_NONE: all leases are in use. */
uint32_t leases_hold(struct leases *leases, uint32_t file, uint32_t chunk);
/* One user less. */
void leases_drop(struct leases *leases, uint32_t lease);
struct lease *leases_get(const struct leases *leases, uint32_t lease);
/* Whether a lease can be had for a chunk that the worker does not hold. */
bool leases_available(const struct leases *leases);
/* The streamer said that the file cannot be read any more. */
bool leases_file_failed(const struct leases *leases, uint32_t file);

/* The next message for the streamer. It must be delivered, in this order. False: there is none. */
bool leases_output(struct leases *leases, struct chunk_message *message);
/* The streamer's answer. Returns the lease, which is READY or FAILED now; if nobody uses it any
 * more it is on its way back, and LEASE_NONE is returned. */
uint32_t leases_input(struct leases *leases, const struct chunk_message *message);

struct leases_usage {
    uint32_t leases;
    uint32_t used;
    uint32_t ending;    /* of these: without users, packets may still be in flight */
    uint32_t in_flight; /* packets */
    uint32_t users;
};
/* Walks over all leases. */
struct leases_usage leases_usage(const struct leases *leases);
/* Some have no user, and go back when their packets are sent. */
bool leases_ending(const struct leases *leases);

#endif
