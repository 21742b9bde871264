/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Brings files into the arena, past the page cache (O_DIRECT), many reads in flight, sums and
 * hashes them while they come. Memory is planned before: each item brings its place, in one run or
 * in several.
 */
#ifndef MEMPOOL_LOADER_H
#define MEMPOOL_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mempool/etag.h"
#include "mempool/file.h"
#include "mempool/log.h"
#include "mempool/reader.h"

/* Bytes of one read. Measured on a virtio disk, a 900 MiB file: 256 KiB 2.6 to 3.0 GB/s, 1 MiB and
 * 4 MiB 3.35 GB/s. */
#define LOADER_CHUNK_BYTES (1u << 20)

/* Times a file that changes while it is read is read again. */
#define LOADER_RETRIES 3

struct loader_item {
    const char *real_path; /* below ROOT, free of symlinks; of memory: what messages call it */
    int memory_fd;         /* > 0: what is read instead, a memfd, which stays the caller's */
    /* Its place: extent_count runs that follow each other, aligned for O_DIRECT and whole blocks
     * long, nobody else's, together capacity bytes; all of it may be overwritten. The loader writes
     * the entries of each run's sums. */
    const struct file_extent *extents;
    uint32_t extent_count;
    uint64_t capacity;
    bool loaded;   /* set by the loader; then these describe what was read: */
    uint64_t size; /* <= capacity */
    int64_t mtime_s;
    uint32_t mtime_ns;
    int64_t ctime_s;
    uint32_t ctime_ns;
    struct etag_hash hash;
};

struct loader_progress {
    void (*report)(void *ctx, uint64_t items_done, uint64_t bytes_done); /* now and then; NULL */
    void *ctx;
};

struct loader_result {
    uint64_t loaded;
    uint64_t skipped;  /* logged, each with its reason */
    uint64_t buffered; /* loaded through the page cache: their file system has no O_DIRECT */
};

/* stop: when it is set, by another thread, no more reads are begun, and what is not read by then is
 * not loaded; NULL: nobody sets it. 0, or -1: out of memory. */
int loader_run(struct reader *reader, int root_fd, struct loader_item *items, size_t count,
               uint32_t direct_align, const struct loader_progress *progress, const bool *stop,
               struct pool_log *log, struct loader_result *result);

#endif
