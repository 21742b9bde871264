/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The streamer: reads chunks of streamed files into the frames of the cache when workers ask, and
 * tells them. Its owner is one thread, which carries the messages (app/stream_thread.h); here is no
 * thread and no clock, so that tests can drive it with a reader of their own.
 *
 * A chunk is told of only after the file was found to be, behind the read, what it was when it was
 * catalogued: same size, same modification time. Writes change that time before they change the
 * bytes. If it is another version, or cannot be read, the file is given up: it is logged, and every
 * chunk of it that is asked for from then on fails. Chunks in the cache of which a worker has a
 * lease stay valid.
 */
#ifndef MEMPOOL_STREAMER_H
#define MEMPOOL_STREAMER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/counters.h"
#include "mempool/arena.h"
#include "mempool/leases.h"
#include "mempool/log.h"
#include "mempool/reader.h"

/* Files open at a time; those not used for longest are closed. More than READER_DEPTH. */
#define STREAMER_OPEN_MAX 512

/* A streamed file as it was catalogued. */
struct stream_file {
    const char *real_path; /* below ROOT, free of symlinks */
    dev_t dev;
    ino_t ino;
    uint64_t size;
    int64_t mtime_s;
    uint32_t mtime_ns;
};

struct streamer_config {
    const struct stream_file *files; /* outlive the streamer */
    uint32_t file_count;
    int root_fd; /* ROOT; outlives it too */
    uint32_t direct_align;
    struct arena region;   /* the frames: of base and bytes only */
    struct reader *reader; /* into the region; becomes the streamer's, also if it fails */
    bool want_sums;        /* a port computes no checksums */
    uint32_t leases;       /* of all workers; less than the frames */
    /* Takes a message to a worker. It must have room: one for each of the worker's leases. */
    void (*tell)(void *ctx, uint32_t worker, const struct chunk_message *message);
    void *tell_ctx;
    struct pool_log log; /* of lines while it runs */
};

struct streamer;

/* NULL: out of memory. */
struct streamer *streamer_create(const struct streamer_config *config);
/* Waits for the reads under way. NULL is allowed. */
void streamer_destroy(struct streamer *streamer);

/* Where the workers find frames and sums (struct http_config). */
struct chunk_frames streamer_frames(const struct streamer *streamer);

/* A worker's message. */
void streamer_input(struct streamer *streamer, uint32_t worker,
                    const struct chunk_message *message);

/* Submits and finishes reads; waits for the first at most timeout_ns. Returns how many finished. */
unsigned streamer_poll(struct streamer *streamer, uint64_t timeout_ns);

/* Reads under way, or to be started. */
bool streamer_busy(const struct streamer *streamer);

/* stream_* of the streamer's side. Any thread may read them. */
const struct counters *streamer_counters(const struct streamer *streamer);

#endif
