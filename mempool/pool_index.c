/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/pool_index.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

#define MAGIC        "hugewire"
#define HEAD_EXTENTS 1
#define MORE_EXTENTS 6

/* Checked: all behind `check`. */
struct header {
    uint64_t check;
    char magic[8];
    uint32_t version;
    uint32_t record_bytes, sum_block; /* of the program that wrote it */
    uint32_t records_at;              /* offset */
    uint64_t id;
    struct pool_shape shape;
};

enum kind {
    KIND_HEAD = 1,
    KIND_MORE, /* further extents of a head */
};

struct record {
    uint64_t check; /* 0: free */
    uint64_t serial;
    uint32_t kind;
    uint32_t next; /* record with further extents; meaningful if there are */
    union {
        struct {
            struct content_id id;
            struct etag_hash hash;
            uint32_t extent_count; /* of the whole content */
            uint32_t reserved;
            struct extent_range extents[HEAD_EXTENTS];
            int64_t read_s;
        } head;
        struct extent_range more[MORE_EXTENTS];
    };
};

static_assert(sizeof(struct header) <= POOL_INDEX_HEADER_BYTES, "room for the header");
static_assert(sizeof(struct record) == POOL_INDEX_RECORD_BYTES, "no padding");

struct pool_index {
    struct header *header;
    struct record *records;
    uint32_t count;
    uint32_t *free; /* numbers of free records; the last is given out first */
    uint32_t free_count;
    uint64_t serial; /* of the record entered last */
};

uint64_t pool_index_bytes(uint32_t records)
{
    return POOL_INDEX_HEADER_BYTES + (uint64_t)records * POOL_INDEX_RECORD_BYTES;
}

/* ---- checksums; never 0 ---- */

static uint64_t check_of(const void *data, size_t bytes, uint64_t seed)
{
    uint64_t check = XXH3_64bits_withSeed((const uint8_t *)data + sizeof(uint64_t),
                                          bytes - sizeof(uint64_t), seed);

    return check != 0 ? check : 1;
}

static uint64_t record_check(const struct pool_index *index, uint32_t number)
{
    return check_of(&index->records[number], sizeof(struct record), index->header->id + number);
}

static bool is_whole(const struct pool_index *index, uint32_t number, enum kind kind)
{
    const struct record *record = &index->records[number];

    return record->kind == kind && record->check == record_check(index, number);
}

/* Stores that come before are seen before, by who finds the memory later. */
static void check_store(uint64_t *check, uint64_t value)
{
    __atomic_store_n(check, value, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* nor do later ones go before */
}

/* ---- header ---- */

void pool_index_format(void *memory, const struct pool_shape *shape, uint64_t id)
{
    struct header *header = memory;

    check_store(&header->check, 0);
    header->version = POOL_INDEX_VERSION;
    header->record_bytes = sizeof(struct record);
    header->sum_block = PREFIX_SUM_BLOCK;
    header->records_at = POOL_INDEX_HEADER_BYTES;
    header->id = id;
    memcpy(header->magic, MAGIC, sizeof(header->magic));
    memcpy(&header->shape, shape, sizeof(*shape));
    check_store(&header->check, check_of(header, sizeof(*header), 0));
}

const char *pool_index_read(const void *memory, uint64_t bytes, struct pool_shape *shape)
{
    const struct header *header = memory;

    if (bytes < sizeof(*header))
        return "is cut off";
    if (header->check == 0)
        return "is half-written";
    if (memcmp(header->magic, MAGIC, sizeof(header->magic)) != 0)
        return "is none of hugewire";
    if (header->version != POOL_INDEX_VERSION || header->record_bytes != sizeof(struct record) ||
        header->sum_block != PREFIX_SUM_BLOCK || header->records_at != POOL_INDEX_HEADER_BYTES)
        return "is of another version";
    if (header->check != check_of(header, sizeof(*header), 0))
        return "is damaged or half-written: its checksum is wrong";
    memcpy(shape, &header->shape, sizeof(*shape));
    return NULL;
}

/* ---- life ---- */

struct pool_index *pool_index_open(void *memory)
{
    struct pool_index *index = calloc(1, sizeof(*index));
    struct header *header = memory;

    if (index == NULL)
        return NULL;
    *index = (struct pool_index){
        .header = header,
        .records = (struct record *)(void *)((uint8_t *)memory + POOL_INDEX_HEADER_BYTES),
        .count = header->shape.records,
        .free = calloc((size_t)header->shape.records + 1, sizeof(uint32_t)),
    };
    if (index->free != NULL)
        return index;
    free(index);
    return NULL;
}

void pool_index_close(struct pool_index *index)
{
    if (index == NULL)
        return;
    free(index->free);
    free(index);
}

uint64_t pool_index_serial(const struct pool_index *index, uint32_t record)
{
    return index->records[record].serial;
}

uint32_t pool_index_records(const struct pool_index *index)
{
    return index->count;
}

uint32_t pool_index_records_used(const struct pool_index *index)
{
    return index->count - index->free_count;
}

/* ---- records ---- */

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* A head and those that go on from it. */
static uint32_t records_needed(uint32_t extents)
{
    uint32_t more = extents > HEAD_EXTENTS ? extents - HEAD_EXTENTS : 0;

    return 1 + (more + MORE_EXTENTS - 1) / MORE_EXTENTS;
}

bool pool_index_enter(struct pool_index *index, struct pool_index_entry *entry)
{
    uint32_t needed = records_needed(entry->extent_count), next = 0;
    uint32_t left = entry->extent_count; /* to be written, the last at first */

    if (needed > index->free_count)
        return false;
    entry->serial = ++index->serial;
    for (uint32_t i = needed; i-- > 0;) {
        uint32_t number = index->free[--index->free_count];
        struct record *record = &index->records[number];
        uint32_t first = i == 0 ? 0 : HEAD_EXTENTS + (i - 1) * MORE_EXTENTS;
        memset(record, 0, sizeof(*record));
        record->serial = entry->serial;
        record->kind = i == 0 ? KIND_HEAD : KIND_MORE;
        record->next = next;
        memcpy(i == 0 ? record->head.extents : record->more, &entry->extents[first],
               (left - first) * sizeof(struct extent_range));
        if (i == 0) {
            record->head.id = entry->id;
            record->head.hash = entry->hash;
            record->head.extent_count = entry->extent_count;
            record->head.read_s = entry->read_s;
        }
        check_store(&record->check, record_check(index, number));
        left = first;
        next = number;
    }
    entry->record = next;
    return true;
}

void pool_index_drop(struct pool_index *index, uint32_t number)
{
    struct record *record = &index->records[number];
    uint32_t left = records_needed(record->head.extent_count);

    ASSERT(record->check != 0 && record->kind == KIND_HEAD);
    for (;; record = &index->records[number]) {
        uint32_t next = record->next;
        check_store(&record->check, 0);
        index->free[index->free_count++] = number;
        if (--left == 0)
            return;
        number = next;
    }
}

/* ---- what a predecessor left ---- */

/* Reads what head `number` leads to. False: something of it is not whole. */
static bool entry_read(const struct pool_index *index, uint32_t number,
                       struct pool_index_entry *entry)
{
    const struct record *record = &index->records[number];
    uint32_t count = record->head.extent_count, have = min_u32(count, HEAD_EXTENTS);

    if (count > CONTENT_EXTENTS_MAX)
        return false;
    *entry = (struct pool_index_entry){ .id = record->head.id,
                                        .hash = record->head.hash,
                                        .read_s = record->head.read_s,
                                        .serial = record->serial,
                                        .record = number,
                                        .extent_count = count };
    memcpy(entry->extents, record->head.extents, have * sizeof(entry->extents[0]));
    while (have < count) {
        uint32_t next = record->next, n = min_u32(count - have, MORE_EXTENTS);
        if (next >= index->count || !is_whole(index, next, KIND_MORE) ||
            index->records[next].serial != entry->serial)
            return false;
        record = &index->records[next];
        memcpy(&entry->extents[have], record->more, n * sizeof(entry->extents[0]));
        have += n;
    }
    return true;
}

/* Marks the records of a head that is kept. */
static void chain_mark(const struct pool_index *index, uint32_t number, uint32_t extents,
                       uint8_t *kept)
{
    for (uint32_t left = records_needed(extents); left > 0; left--) {
        kept[number] = 1;
        number = index->records[number].next;
    }
}

void pool_index_recover(struct pool_index *index,
                        bool (*keep)(void *ctx, const struct pool_index_entry *entry), void *ctx)
{
    uint8_t *kept = calloc((size_t)index->count + 1, 1);
    struct pool_index_entry *entry = malloc(sizeof(*entry));

    index->free_count = 0;
    for (uint32_t i = 0; kept != NULL && entry != NULL && i < index->count; i++) {
        if (!is_whole(index, i, KIND_HEAD) || !entry_read(index, i, entry))
            continue;
        if (index->serial < entry->serial)
            index->serial = entry->serial;
        /* Marked first: keep() may drop it, as an older one, for one that comes later. */
        chain_mark(index, i, entry->extent_count, kept);
        if (!keep(ctx, entry))
            pool_index_drop(index, i);
    }
    for (uint32_t i = index->count; i-- > 0;) {
        if (kept != NULL && kept[i] != 0)
            continue;
        if (index->records[i].check != 0)
            check_store(&index->records[i].check, 0);
        index->free[index->free_count++] = i;
    }
    free(kept);
    free(entry);
}
