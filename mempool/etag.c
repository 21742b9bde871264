/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

struct etag_hash etag_hash(const struct file_extent *extents, uint32_t extent_count, uint64_t size)
{
    XXH3_state_t state;
    XXH128_hash_t hash;

    if (extent_count <= 1) {
        hash = XXH3_128bits(extent_count == 1 ? extents[0].data : NULL, size);
    } else {
        XXH3_128bits_reset(&state);
        for (uint32_t i = 0; i < extent_count; i++)
            XXH3_128bits_update(&state, extents[i].data, extents[i].len);
        hash = XXH3_128bits_digest(&state);
    }
    return (struct etag_hash){ .high = hash.high64, .low = hash.low64 };
}

static_assert(sizeof(XXH3_state_t) <= sizeof(struct etag_stream), "it is kept in there");

void etag_stream_begin(struct etag_stream *stream)
{
    XXH3_128bits_reset((XXH3_state_t *)stream->state);
}

void etag_stream_add(struct etag_stream *stream, const uint8_t *data, size_t len)
{
    XXH3_128bits_update((XXH3_state_t *)stream->state, data, len);
}

struct etag_hash etag_stream_end(const struct etag_stream *stream)
{
    XXH128_hash_t hash = XXH3_128bits_digest((const XXH3_state_t *)stream->state);

    return (struct etag_hash){ .high = hash.high64, .low = hash.low64 };
}

void etag_set(struct file *file, struct etag_hash hash)
{
    char tag[ETAG_DIGITS + 1];

    snprintf(tag, sizeof(tag), "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
    /* Both tags are of one length, so that the text can stay where it is; it belongs to the
     * catalogue that is being built, and is not shared yet. */
    static_assert(1 + ETAG_DIGITS + 1 == FILE_ETAG_BYTES, "all tags");
    memcpy((char *)file->etag + 1, tag, ETAG_DIGITS);
}

void etag_from_content(struct file *file)
{
    if (file->extent_count != 0 || file->size == 0)
        etag_set(file, etag_hash(file->extents, file->extent_count, file->size));
}
