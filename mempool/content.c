/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/content.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "mempool/pool_index.h"

static_assert(ARENA_PARTS_MAX <= EXTENT_REGIONS_MAX, "a region for each part");

struct contents {
    const struct arena *arena;
    uint16_t *sums;
    struct extent_map *map;
    struct content **buckets; /* by device and inode */
    uint64_t bucket_mask;
    uint64_t padding;
    struct pool_index *index; /* NULL: none */
};

static struct content **bucket_of(const struct contents *c, const struct content_id *id)
{
    /* Inode numbers are mostly consecutive; Fibonacci hashing spreads them. */
    uint64_t hash = (id->ino ^ id->dev << 32) * UINT64_C(0x9e3779b97f4a7c15);

    return &c->buckets[(hash >> 20) & c->bucket_mask];
}

/* Files go where the port is nearest, as long as there is room. */
static void near_first(struct contents *c)
{
    struct extent_range ranges[ARENA_PARTS_MAX];
    unsigned order[ARENA_PARTS_MAX];

    if (c->arena->part_count < 2)
        return;
    arena_parts_by_distance(c->arena, order);
    for (unsigned i = 0; i < c->arena->part_count; i++) {
        const struct arena_part *part = &c->arena->parts[order[i]];
        ranges[i] = (struct extent_range){ .offset = part->offset, .bytes = part->bytes };
    }
    extent_map_prefer(c->map, ranges, c->arena->part_count);
}

struct contents *contents_create(const struct arena *arena, uint16_t *sums, uint32_t unit,
                                 uint32_t files)
{
    struct contents *c = calloc(1, sizeof(*c));
    uint64_t buckets = 16;

    if (c == NULL)
        return NULL;
    while (buckets < files)
        buckets *= 2;
    *c = (struct contents){
        .arena = arena,
        .sums = sums,
        .map = extent_map_create(arena->bytes, unit, &memory_heap),
        .buckets = calloc(buckets, sizeof(struct content *)),
        .bucket_mask = buckets - 1,
    };
    if (c->map != NULL && c->buckets != NULL) {
        near_first(c);
        return c;
    }
    contents_destroy(c);
    return NULL;
}

void contents_destroy(struct contents *c)
{
    if (c == NULL)
        return;
    for (uint64_t i = 0; c->buckets != NULL && i <= c->bucket_mask; i++)
        for (struct content *content = c->buckets[i], *next; content != NULL; content = next) {
            next = content->next;
            free(content);
        }
    free(c->buckets);
    extent_map_destroy(c->map);
    free(c);
}

void contents_keep_index(struct contents *c, struct pool_index *index)
{
    c->index = index;
}

struct pool_index *contents_index(const struct contents *c)
{
    return c->index;
}

struct extent_map *contents_map(struct contents *c)
{
    return c->map;
}

uint64_t contents_padding(const struct contents *c)
{
    return c->padding;
}

bool content_id_equal(const struct content_id *a, const struct content_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_s == b->mtime_s &&
           a->mtime_ns == b->mtime_ns && a->ctime_s == b->ctime_s && a->ctime_ns == b->ctime_ns;
}

struct content *contents_find(const struct contents *c, const struct content_id *id)
{
    struct content *content = *bucket_of(c, id);

    while (content != NULL && (content->damaged || !content_id_equal(&content->id, id)))
        content = content->next;
    return content;
}

static uint64_t round_up(const struct contents *c, uint64_t bytes)
{
    uint64_t unit = extent_map_unit(c->map);

    return (bytes + unit - 1) / unit * unit;
}

/* Bytes [from, end) of a run, whole units, go back to the map. */
static void run_free(struct contents *c, const struct file_extent *run, uint64_t from, uint64_t end)
{
    uint64_t offset = (uint64_t)(run->data - c->arena->base);

    if (from < end)
        extent_map_free(c->map,
                        (struct extent_range){ .offset = offset + from, .bytes = end - from });
}

/* A run of the arena as a run of a file, from its byte `offset` on. */
static void extent_set(const struct contents *c, struct file_extent *extent,
                       const struct extent_range *range, uint64_t offset)
{
    *extent = (struct file_extent){
        .data = c->arena->base + range->offset,
        .offset = offset,
        .len = range->bytes,
        .sums = c->sums + range->offset / PREFIX_SUM_BLOCK,
    };
}

struct content *contents_add(struct contents *c, const struct content_id *id)
{
    struct extent_range ranges[CONTENT_EXTENTS_MAX];
    unsigned count = 0;
    uint64_t offset = 0;

    if (id->size > 0 && !extent_map_alloc(c->map, id->size, ranges, CONTENT_EXTENTS_MAX, &count))
        return NULL;
    struct content *content = malloc(sizeof(*content) + count * sizeof(content->extents[0]));
    if (content == NULL) {
        while (count > 0)
            extent_map_free(c->map, ranges[--count]);
        return NULL;
    }
    struct content **bucket = bucket_of(c, id);
    *content = (struct content){ .next = *bucket, .id = *id, .refs = 1, .extent_count = count };
    *bucket = content;
    for (unsigned i = 0; i < count; i++) {
        extent_set(c, &content->extents[i], &ranges[i], offset);
        offset += ranges[i].bytes;
    }
    c->padding += offset - id->size;
    return content;
}

struct content *contents_add_streamed(struct contents *c, const struct content_id *id,
                                      uint32_t stream)
{
    struct content *content = malloc(sizeof(*content));
    struct content **bucket = bucket_of(c, id);

    if (content == NULL)
        return NULL;
    *content = (struct content){ .next = *bucket, .id = *id, .refs = 1, .stream = stream };
    *bucket = content;
    return content;
}

/* ---- the index ---- */

static void record_enter(struct contents *c, struct content *content)
{
    struct pool_index_entry entry;

    if (c->index == NULL || content->id.dev == CONTENT_MADE)
        return;
    entry = (struct pool_index_entry){ .id = content->id,
                                       .hash = content->hash,
                                       .read_s = content->read_s,
                                       .extent_count = content->extent_count };
    for (uint32_t i = 0; i < content->extent_count; i++)
        entry.extents[i] = (struct extent_range){
            .offset = (uint64_t)(content->extents[i].data - c->arena->base),
            .bytes = content->extents[i].len,
        };
    if (pool_index_enter(c->index, &entry))
        content->record = entry.record + 1;
}

static void record_drop(struct contents *c, struct content *content)
{
    if (content->record != 0)
        pool_index_drop(c->index, content->record - 1);
    content->record = 0;
}

void content_damaged(struct contents *c, struct content *content)
{
    content->damaged = true;
    record_drop(c, content);
}

/* Takes the room of the first count extents, or gives it back. */
static bool ranges_take(struct contents *c, const struct pool_index_entry *entry)
{
    uint64_t offset = 0;
    uint32_t i;

    for (i = 0; i < entry->extent_count; i++) {
        struct extent_range range = entry->extents[i];
        bool last = i + 1 == entry->extent_count;
        if (range.bytes > entry->id.size - offset ||
            (!last && range.bytes % extent_map_unit(c->map) != 0))
            break;
        offset += range.bytes;
        range.bytes = round_up(c, range.bytes);
        if (!extent_map_take(c->map, range))
            break;
    }
    if (i == entry->extent_count && offset == entry->id.size)
        return true;
    while (i-- > 0)
        extent_map_free(c->map,
                        (struct extent_range){ .offset = entry->extents[i].offset,
                                               .bytes = round_up(c, entry->extents[i].bytes) });
    return false;
}

struct content *contents_adopt(struct contents *c, const struct pool_index_entry *entry)
{
    struct content **bucket = bucket_of(c, &entry->id), *content;
    uint64_t offset = 0;

    content = malloc(sizeof(*content) + entry->extent_count * sizeof(content->extents[0]));
    if (content == NULL || !ranges_take(c, entry)) {
        free(content);
        return NULL;
    }
    *content = (struct content){ .next = *bucket,
                                 .id = entry->id,
                                 .record = entry->record + 1,
                                 .hash = entry->hash,
                                 .read_s = entry->read_s,
                                 .extent_count = entry->extent_count };
    *bucket = content;
    for (uint32_t i = 0; i < entry->extent_count; i++) {
        extent_set(c, &content->extents[i], &entry->extents[i], offset);
        offset += entry->extents[i].bytes;
    }
    c->padding += round_up(c, offset) - offset;
    return content;
}

/* ---- what was read ---- */

/* Cuts the runs to the bytes that were read; what is left over goes back to the map. */
void contents_settle(struct contents *c, struct content *content, const struct content_id *id)
{
    uint64_t taken = 0;
    uint32_t count = 0;

    ASSERT(content->id.dev == id->dev && content->id.ino == id->ino);
    for (uint32_t i = 0; i < content->extent_count; i++) {
        struct file_extent *run = &content->extents[i];
        uint64_t len = id->size > run->offset ? id->size - run->offset : 0;
        taken += run->len;
        if (len >= run->len) {
            count++;
            continue;
        }
        run_free(c, run, round_up(c, len), run->len);
        run->len = len;
        count += len > 0;
    }
    c->padding -= taken - content->id.size;
    c->padding += round_up(c, id->size) - id->size;
    content->extent_count = count;
    content->id = *id;
    record_enter(c, content);
}

void contents_forget(struct contents *c, struct content *content)
{
    struct content **link = bucket_of(c, &content->id);
    uint64_t taken = 0;

    ASSERT(content->refs == 0);
    record_drop(c, content); /* before anybody can write where it lay */
    while (*link != content)
        link = &(*link)->next;
    *link = content->next;
    for (uint32_t i = 0; i < content->extent_count; i++) {
        uint64_t len = round_up(c, content->extents[i].len);
        run_free(c, &content->extents[i], 0, len);
        taken += len;
    }
    if (content->stream == 0)
        c->padding -= taken - content->id.size;
    free(content);
}

void content_release(struct contents *c, struct content *content)
{
    ASSERT(content->refs > 0);
    if (--content->refs == 0)
        contents_forget(c, content);
}

/* ---- by part of the arena ---- */

void contents_usage(const struct contents *c, struct part_usage usage[ARENA_PARTS_MAX])
{
    for (unsigned i = 0; i < c->arena->part_count; i++) {
        const struct arena_part *part = &c->arena->parts[i];
        const struct extent_range range = { .offset = part->offset, .bytes = part->bytes };
        usage[i] = (struct part_usage){ .room = extent_map_usage_within(c->map, range) };
    }
}

void contents_add_retired(const struct contents *c, const struct content *content,
                          struct part_usage usage[ARENA_PARTS_MAX])
{
    const struct arena *arena = c->arena;

    for (uint32_t i = 0; i < content->extent_count; i++) {
        uint64_t at = (uint64_t)(content->extents[i].data - arena->base);
        uint64_t end = at + content->extents[i].len;
        for (unsigned p = 0; p < arena->part_count; p++) {
            uint64_t begin = arena->parts[p].offset, stop = begin + arena->parts[p].bytes;
            uint64_t from = at > begin ? at : begin, to = end < stop ? end : stop;
            usage[p].retired_bytes += from < to ? to - from : 0;
        }
    }
}
