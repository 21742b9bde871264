/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/file.h"

#include <string.h>

#include "base/assert.h"
#include "base/checksum.h"
#include "mempool/prefix_sum.h"

static_assert(FILE_EXTENT_MAX <= UINT16_MAX, "an external mbuf's length has 16 bits");

/* The extent that holds file byte `at` (< size). */
static const struct file_extent *extent_find(const struct file *file, uint64_t at)
{
    uint32_t low = 0, high = file->extent_count;

    while (high - low > 1) { /* extents[low].offset <= at < extents[high].offset */
        uint32_t middle = low + (high - low) / 2;
        if (file->extents[middle].offset <= at)
            low = middle;
        else
            high = middle;
    }
    return &file->extents[low];
}

/* Bytes that lie together in extent from file byte `at` on, at most len. */
static uint64_t extent_run(const struct file_extent *extent, uint64_t at, uint64_t len)
{
    uint64_t run = extent->offset + extent->len - at;
    return run < len ? run : len;
}

/* from: in the extent. */
static uint16_t run_sum(const struct file_extent *extent, uint64_t from, uint32_t len)
{
    if (extent->sums == NULL)
        return checksum_bytes(extent->data + from, len);
    return prefix_sum_range(extent->sums, extent->data + from, from, len);
}

enum { SEGMENTS_AHEAD = 3 };

/*
 * A transfer goes on, and each cut between two segments needs an entry of the sums and the block
 * around it, all of them far from anything used before. Asked for now, they are there when their
 * turn comes.
 */
static void prefetch_cut_ahead(const struct file_extent *extent, uint64_t from, uint32_t len)
{
    uint64_t cut = from + (uint64_t)SEGMENTS_AHEAD * len;
    uint64_t block = cut / PREFIX_SUM_BLOCK;

    if (cut >= extent->len)
        return;
    const uint8_t *data = extent->data + block * PREFIX_SUM_BLOCK;
    __builtin_prefetch(&extent->sums[block]);
    __builtin_prefetch(data);
    __builtin_prefetch(data + PREFIX_SUM_BLOCK / 2);
}

uint32_t file_resolve(const struct file *file, uint64_t from, uint32_t len, struct file_pin *pin,
                      struct tx_fill *fill)
{
    uint32_t covered = 0, room;

    ASSERT(from <= file->size && len <= file->size - from);
    const struct file_extent *extent = len != 0 ? extent_find(file, from) : NULL;
    while (covered < len && (room = tx_fill_room(fill)) != 0) {
        uint64_t at = from + covered;
        if (at == extent->offset + extent->len)
            extent++;
        if (room > FILE_EXTENT_MAX)
            room = FILE_EXTENT_MAX;
        uint32_t run =
            (uint32_t)extent_run(extent, at, len - covered < room ? len - covered : room);
        uint64_t in_extent = at - extent->offset;
        struct tx_extent out = { .data = extent->data + in_extent, .len = run, .pin = pin };
        if (fill->want_sums) {
            out.sum = run_sum(extent, in_extent, run);
            if (extent->sums != NULL)
                prefetch_cut_ahead(extent, in_extent, run);
        }
        tx_fill_extent(fill, &out);
        covered += run;
    }
    return covered;
}

void file_copy(const struct file *file, uint64_t from, uint32_t len, uint8_t *to)
{
    ASSERT(from <= file->size && len <= file->size - from);
    if (len == 0)
        return;
    for (const struct file_extent *extent = extent_find(file, from);; extent++) {
        uint64_t run = extent_run(extent, from, len);
        memcpy(to, extent->data + (from - extent->offset), run);
        from += run;
        to += run;
        len -= (uint32_t)run;
        if (len == 0)
            return;
    }
}
