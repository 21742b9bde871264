/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cache of chunks, as a table: which chunk of which file lies in which frame, who holds it, and
 * who waits for it. Frames are the equal parts of the arena's stream region. Sans-I/O: the streamer
 * (mempool/streamer.h), its one owner, reads the disk.
 *
 * A holder is a lease of a worker (mempool/leases.h). A frame that is held or being read is never
 * reused. All who ask for a chunk while it is read share the one read.
 */
#ifndef MEMPOOL_CHUNK_CACHE_H
#define MEMPOOL_CHUNK_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

#define CHUNK_FRAME_NONE UINT32_MAX

/* Chunk number `chunk` of file `file`. */
struct chunk_key {
    uint32_t file;
    uint32_t chunk;
};

/* Who asked: a lease of a worker. */
struct chunk_waiter {
    uint32_t worker;
    uint32_t lease;
};

enum chunk_result {
    CHUNK_HIT,    /* it is there; the waiter holds it */
    CHUNK_SHARED, /* it is being read; the waiter is kept */
    CHUNK_MISS,   /* it is to be read into frame by the caller; the waiter is kept */
    CHUNK_FULL,   /* every frame is held or being read, or no room for a waiter: it was not kept */
};

struct chunk_cache;

/* NULL: out of memory. waiters_max: of all chunks at a time. */
struct chunk_cache *chunk_cache_create(uint32_t frames, uint32_t waiters_max,
                                       const struct memory *memory);
void chunk_cache_destroy(struct chunk_cache *cache);

/* A waiter wants a chunk; sets *frame (but for CHUNK_FULL). */
enum chunk_result chunk_cache_request(struct chunk_cache *cache, struct chunk_key key,
                                      struct chunk_waiter waiter, uint32_t *frame);

/*
 * The read into frame ended. ok: the chunk is there from now on. Else it is forgotten, when the
 * last waiter has been taken. The caller must take all waiters before it calls anything else.
 */
void chunk_cache_loaded(struct chunk_cache *cache, uint32_t frame, bool ok);
/* Takes one of those who waited for it, first come, first served; if the read was ok, it holds the
 * chunk now. False: there is none left. */
bool chunk_cache_next_waiter(struct chunk_cache *cache, uint32_t frame,
                             struct chunk_waiter *waiter);

/* A holder is done with it; hits: how often it was asked for while held, the first time aside. */
void chunk_cache_release(struct chunk_cache *cache, uint32_t frame, uint32_t hits);

/* What is in the frame, if it is held or being read or may be asked for. False: nothing. */
bool chunk_cache_key(const struct chunk_cache *cache, uint32_t frame, struct chunk_key *key);

struct chunk_cache_usage {
    uint32_t frames;
    uint32_t used; /* frames with a chunk in it, or on its way */
    uint32_t busy; /* of these: held, or being read */
    uint32_t waiters;
    uint64_t evictions; /* so far */
};
struct chunk_cache_usage chunk_cache_usage(const struct chunk_cache *cache);

#endif
