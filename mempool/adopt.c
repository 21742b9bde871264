/* SPDX-License-Identifier: BSD-3-Clause */
/* What of a predecessor's pool is still true. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "mempool/persist.h"
#include "mempool/pool_index.h"
#include "mempool/prefix_sum.h"

/* Besides the first block and the last one of an extent, one in each so many bytes is looked at. */
#define SAMPLE_BYTES (UINT64_C(1) << 20)

struct adoption {
    struct contents *contents;
    const struct arena *arena;
    const uint16_t *sums;
    const struct scan_file *const *disk;
    const struct residency *choice;
    size_t count;
    struct prng prng; /* other blocks each time */
    struct persist_adopted *adopted;
};

/* ---- on disk ---- */

static int by_inode(const void *key, const void *element)
{
    const struct content_id *id = key;
    const struct scan_file *file = *(const struct scan_file *const *)element;

    if (id->dev != file->dev)
        return id->dev < file->dev ? -1 : 1;
    return (id->ino > file->ino) - (id->ino < file->ino);
}

static bool is_unchanged(const struct content_id *id, const struct scan_file *file)
{
    return id->size == file->size && id->mtime_s == file->mtime_s &&
           id->mtime_ns == file->mtime_ns && id->ctime_s == file->ctime_s &&
           id->ctime_ns == file->ctime_ns;
}

/* ---- in memory ---- */

static bool block_is_right(const struct adoption *a, const struct extent_range *extent,
                           uint64_t block)
{
    uint64_t at = block * PREFIX_SUM_BLOCK, left = extent->bytes - at, first;

    return prefix_sum_check(a->sums + extent->offset / PREFIX_SUM_BLOCK, block,
                            a->arena->base + extent->offset + at,
                            left < PREFIX_SUM_BLOCK ? left : PREFIX_SUM_BLOCK, &first) == 0;
}

/* extent lies within the arena, for its room was taken. */
static bool extent_is_right(struct adoption *a, const struct extent_range *extent)
{
    uint64_t blocks = (extent->bytes + PREFIX_SUM_BLOCK - 1) / PREFIX_SUM_BLOCK;
    const uint64_t step = SAMPLE_BYTES / PREFIX_SUM_BLOCK;

    for (uint64_t from = 0; from < blocks; from += step) {
        uint64_t among = blocks - from < step ? blocks - from : step;
        if (!block_is_right(a, extent, from + prng_below(&a->prng, among)))
            return false;
    }
    return block_is_right(a, extent, 0) && block_is_right(a, extent, blocks - 1);
}

static bool sample_is_right(struct adoption *a, const struct pool_index_entry *entry)
{
    for (uint32_t i = 0; i < entry->extent_count; i++)
        if (!extent_is_right(a, &entry->extents[i]))
            return false;
    return true;
}

/* ---- one content ---- */

/* Of two states with the same id the one read last counts: the file was changed faster than its
 * clock ticks. False: another one, newer, was adopted. */
static bool older_forget(struct adoption *a, const struct pool_index_entry *entry)
{
    struct content *other = contents_find(a->contents, &entry->id);

    if (other == NULL)
        return true;
    if (pool_index_serial(contents_index(a->contents), other->record - 1) > entry->serial)
        return false;
    a->adopted->files--;
    a->adopted->bytes -= other->id.size;
    contents_forget(a->contents, other);
    return true;
}

static bool keep(void *ctx, const struct pool_index_entry *entry)
{
    struct adoption *a = ctx;
    struct persist_adopted *adopted = a->adopted;
    const struct scan_file *const *file =
        bsearch(&entry->id, a->disk, a->count, sizeof(a->disk[0]), by_inode);

    if (file == NULL || !is_unchanged(&entry->id, *file)) {
        adopted->changed++;
        return false;
    }
    if (entry->read_s - entry->id.ctime_s < PERSIST_RACY_S) {
        adopted->fresh++;
        return false;
    }
    if ((a->choice != NULL && !a->choice[file - a->disk].resident) || !older_forget(a, entry)) {
        adopted->moved++;
        return false;
    }
    struct content *content = contents_adopt(a->contents, entry);
    if (content == NULL) {
        adopted->moved++;
        return false;
    }
    if (!sample_is_right(a, entry)) {
        content->record = 0; /* dropped by who asks */
        contents_forget(a->contents, content);
        adopted->damaged++;
        return false;
    }
    adopted->files++;
    adopted->bytes += entry->id.size;
    return true;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void persist_adopt(struct persist *p, struct contents *contents, const struct arena *arena,
                   const struct arena *sums, const struct scan_file *const *disk,
                   const struct residency *choice, size_t count, struct persist_adopted *adopted)
{
    uint64_t start = now_ns();
    struct adoption a = {
        .contents = contents,
        .arena = arena,
        .sums = (const uint16_t *)(const void *)sums->base,
        .disk = disk,
        .choice = choice,
        .count = count,
        .prng = { .state = start },
        .adopted = adopted,
    };

    *adopted = (struct persist_adopted){ 0 };
    contents_keep_index(contents, persist_index(p));
    pool_index_recover(persist_index(p), keep, &a);
    adopted->ns = now_ns() - start;
}
