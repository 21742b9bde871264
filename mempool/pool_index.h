/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index of a pool that outlives its process (mempool/persist.h): which file's bytes lie where.
 * Bookkeeping on memory that the caller brings and that the next process finds again; no system
 * calls.
 *
 * It must be true at each instant, for the process may be killed between any two stores. So there
 * is no moment at which the index as a whole is written: it is a header, written once, and a table
 * of records, one for each content (mempool/content.h), each with a checksum of its own.
 *  - A record is entered when its content is whole, bytes and sums, and its checksum is stored
 * last: one that is half written does not count.
 *  - Its checksum is cleared before the room is given back: room that another file may already be
 *    writing to has no record.
 * A process sees its own stores in order, and so does the one that comes after it. What a loss of
 * power would do is of no concern: the pages do not survive it either.
 *
 * Checksums are XXH3 (64 bits), seeded with a number drawn for each pool and the record's place, so
 * that what is left of an older pool, or lies in the wrong place, does not count either. Names are
 * not in the index: ROOT is scanned at each start in any case, and a content is known by its inode
 * and times, by whatever names it goes.
 */
#ifndef MEMPOOL_POOL_INDEX_H
#define MEMPOOL_POOL_INDEX_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "mempool/content.h"
#include "mempool/etag.h"

/* To be raised with each change of what lies in the file. */
#define POOL_INDEX_VERSION 1
/* A record; one more for each six extents beyond the first. */
#define POOL_INDEX_RECORD_BYTES 120
#define POOL_INDEX_HEADER_BYTES 8192

/* What must be the same for the pages to be of use. */
struct pool_shape {
    uint64_t page_bytes;
    uint64_t sum_bytes, arena_bytes; /* behind the index, in this order */
    uint32_t records;
    uint32_t unit; /* of the extents */
    int32_t node;  /* -1: not bound */
    char root[PATH_MAX];
};

/* A content as it is recorded. */
struct pool_index_entry {
    struct content_id id;
    struct etag_hash hash;
    int64_t read_s;  /* wall clock, before its reading began */
    uint64_t serial; /* later ones have higher ones */
    uint32_t record; /* its number */
    uint32_t extent_count;
    struct extent_range extents[CONTENT_EXTENTS_MAX]; /* bytes: of the file, not rounded up */
};

/* Bytes of an index with so many records. */
uint64_t pool_index_bytes(uint32_t records);

/* Writes the header; the records are zeros. id: drawn at random. */
void pool_index_format(void *memory, const struct pool_shape *shape, uint64_t id);

/* Reads the header, of which bytes (POOL_INDEX_HEADER_BYTES suffice) are there. NULL; or, if there
 * is none that is whole and of our version, why not, in words that follow "its index". */
const char *pool_index_read(const void *memory, uint64_t bytes, struct pool_shape *shape);

struct pool_index;

/* memory: with a header that is whole, and all its records; outlives the result. No record can be
 * entered before pool_index_recover(). NULL: out of memory. */
struct pool_index *pool_index_open(void *memory);
/* The records stay. NULL is allowed. */
void pool_index_close(struct pool_index *index);

/* Shows each record that is whole; those that are not kept (false), or not whole, are cleared.
 * keep may drop records that it kept before. */
void pool_index_recover(struct pool_index *index,
                        bool (*keep)(void *ctx, const struct pool_index_entry *entry), void *ctx);

/* Enters content, whose bytes and sums are in the arena; record and serial are set. False: there is
 * no room in the table. */
bool pool_index_enter(struct pool_index *index, struct pool_index_entry *entry);
/* Before anything of the content is given to another. */
void pool_index_drop(struct pool_index *index, uint32_t record);

uint64_t pool_index_serial(const struct pool_index *index, uint32_t record);
uint32_t pool_index_records(const struct pool_index *index);
uint32_t pool_index_records_used(const struct pool_index *index);

#endif
