/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file as it is served: immutable bytes in the pool, described once. Changing a file on disk
 * makes a new object. Read by all workers, written by nobody after it is published. No DPDK here.
 */
#ifndef MEMPOOL_FILE_H
#define MEMPOOL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "base/tx_fill.h"
#include "mempool/prefix_sum.h"

/* A run of the file's bytes in the pool. */
struct file_extent {
    uint8_t *data;
    uint64_t offset; /* of data[0] in the file */
    uint64_t len;
    const uint16_t *sums; /* prefix sums of the run (mempool/prefix_sum.h), or NULL */
};

struct file {
    uint64_t size;
    uint32_t stream; /* 0: its bytes are in extents. Else they come through the cache of chunks
                        (mempool/leases.h), and this is its number there plus 1 */
    uint32_t index;  /* 0..catalogue files - 1: the workers' pins are arrays under it */
    uint32_t extent_count;             /* 0 for an empty file, and for a streamed one */
    const struct file_extent *extents; /* in order, without gaps, covering [0, size) */
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint16_t head_len, length_len; /* of file_fields(), of the line before them */
    const char *head;              /* all of file_head() is around it */
    const char *type;              /* NUL-terminated media type */
    const char *etag;              /* in head */
};

/* Bytes of an entity tag: quotes, 32 characters. */
#define FILE_ETAG_BYTES 34

/* The entity tag with its quotes. */
static inline struct text file_etag(const struct file *file)
{
    return (struct text){ file->etag, FILE_ETAG_BYTES };
}

/* The header fields that depend on the file alone, each ended by CRLF: Content-Type first,
 * Last-Modified, ETag, Accept-Ranges. */
static inline struct text file_fields(const struct file *file)
{
    return (struct text){ file->head, file->head_len };
}

/* The end of the head of a response with the whole file: Content-Length before these fields, the
 * empty line behind them. */
static inline struct text file_head(const struct file *file)
{
    return (struct text){ file->head - file->length_len, file->length_len + file->head_len + 2u };
}

/* Bytes in one reference at most, unless it will be cut into packets: the largest whole number of
 * 512-byte blocks that an external mbuf's 16-bit length can name. */
#define FILE_EXTENT_MAX 65024

/*
 * Adds references to bytes [from, from + len) of a run of file bytes to fill, each as long
 * as fill takes it. Returns the bytes covered: less than len when fill takes no more. With
 * want_sums each extent's sum is filled in, from the run's table of prefix sums, or if that is NULL
 * by reading the bytes. Requires from + len <= run->len.
 */
uint32_t file_run_resolve(const struct prefix_run *run, uint64_t from, uint32_t len,
                          struct file_pin *pin, struct tx_fill *fill);

/*
 * Adds references to file bytes [from, from + len) to fill, each as long as fill takes it.
 * Returns the bytes covered: less than len when fill takes no more. With want_sums each extent's
 * sum is filled in, from the prefix sums where the run has them, else by reading the bytes.
 * Requires from + len <= size.
 */
uint32_t file_resolve(const struct file *file, uint64_t from, uint32_t len, struct file_pin *pin,
                      struct tx_fill *fill);

/* Copies file bytes [from, from + len); the caller counts them in payload_bytes_copied. */
void file_copy(const struct file *file, uint64_t from, uint32_t len, uint8_t *to);

#endif
