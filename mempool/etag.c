/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/etag.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

static XXH128_hash_t content_hash(const struct file *file)
{
    XXH3_state_t state;

    if (file->extent_count <= 1)
        return XXH3_128bits(file->extent_count == 1 ? file->extents[0].data : NULL, file->size);
    XXH3_128bits_reset(&state);
    for (uint32_t i = 0; i < file->extent_count; i++)
        XXH3_128bits_update(&state, file->extents[i].data, file->extents[i].len);
    return XXH3_128bits_digest(&state);
}

void etag_from_content(struct file *file)
{
    char tag[ETAG_DIGITS + 1];

    if (file->extent_count == 0 && file->size != 0)
        return;
    XXH128_hash_t hash = content_hash(file);
    snprintf(tag, sizeof(tag), "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64,
             (uint64_t)hash.low64);
    /* Both tags are of one length, so that the strings can stay where they are; they belong to the
     * catalogue that is being built, and are not shared yet. */
    char *etag = (char *)file->etag, *in_head = strstr((char *)file->head, file->etag);
    ASSERT(in_head != NULL && strlen(etag) == 1 + ETAG_DIGITS + 1);
    memcpy(in_head + 1, tag, ETAG_DIGITS);
    memcpy(etag + 1, tag, ETAG_DIGITS);
}
