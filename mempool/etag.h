/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entity tags made from contents (RFC 9110 section 8.8.3): the same bytes have the same tag on all
 * servers and after each restart, whenever they were written.
 *
 * The hash is XXH3 with 128 bits (libxxhash): about 17 GB/s per core where BLAKE2b makes 1.2, so
 * that it costs less than reading the file. It keeps apart what chance or editing makes; who may
 * write files can make two with one tag, and harms caches of his own files only.
 */
#ifndef MEMPOOL_ETAG_H
#define MEMPOOL_ETAG_H

#include <stddef.h>
#include <stdint.h>

#include "mempool/file.h"

/* Characters between the quotes: hex digits; in a tag of the time one of them is a dash. */
#define ETAG_DIGITS 32

/* XXH3_128bits of a content. */
struct etag_hash {
    uint64_t high, low;
};

struct etag_hash etag_hash(const struct file_extent *extents, uint32_t extent_count, uint64_t size);

/* The same of a content that comes piece by piece, in order. */
#define ETAG_STREAM_BYTES 576
struct etag_stream {
    uint8_t state[ETAG_STREAM_BYTES] __attribute__((aligned(64)));
};
void etag_stream_begin(struct etag_stream *stream);
void etag_stream_add(struct etag_stream *stream, const uint8_t *data, size_t len);
struct etag_hash etag_stream_end(const struct etag_stream *stream);

/* Gives file the tag of this hash in place of the one of its time that catalogue_add_file() made.
 * Call it before the file is published. */
void etag_set(struct file *file, struct etag_hash hash);

/*
 * Gives file, whose bytes are all in its extents, the tag of its content: both of the above. A file
 * whose bytes are not resident keeps the tag of its time and size.
 */
void etag_from_content(struct file *file);

#endif
