/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies in the arena: contents, each the bytes of one state of one file on disk, which all
 * names of that file share (hard links, symlinks, before and after a move). Files of the catalogue
 * refer to contents; when the last of them is gone, the room is free again.
 *
 * The prefix sums are in a table of their own, one entry for each block of the arena, at the same
 * place: so that finding room for the bytes finds room for their sums, and so that the arena can be
 * sealed, while the table is written by the CPU. It is not sealed: a damaged sum costs a packet
 * that the peer throws away, never wrong bytes.
 */
#ifndef MEMPOOL_CONTENT_H
#define MEMPOOL_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "mempool/arena.h"
#include "mempool/etag.h"
#include "mempool/extent_map.h"
#include "mempool/file.h"
#include "mempool/prefix_sum.h"

/* Runs of one content at most; a pool so fragmented that a file needs more is full for that file.
 */
#define CONTENT_EXTENTS_MAX 256

/* A state of a file. Two states that the file system's clock tells apart differ. */
struct content_id {
    uint64_t dev, ino, size;
    int64_t mtime_s, ctime_s;
    uint32_t mtime_ns, ctime_ns;
};

/* The device of contents that are on no disk: made, and never found by another process. */
#define CONTENT_MADE UINT64_MAX

struct content {
    struct content *next; /* of its bucket */
    struct content_id id;
    uint32_t refs;
    uint32_t stream;   /* 0: it lies here; else it is streamed (struct file: stream) */
    bool damaged;      /* its bytes are not what was read: no file may get it any more */
    uint32_t record;   /* of the index, plus 1; 0: it has none */
    uint64_t verified; /* by the run of this number (mempool/verify.h) */
    struct etag_hash hash;
    int64_t read_s; /* wall clock, before its reading began; the reader's to set */
    uint32_t extent_count;
    struct file_extent extents[];
};

struct contents;
struct pool_index;
struct pool_index_entry;

/* Entries of the table of sums for an arena. */
static inline uint64_t contents_sums(uint64_t arena_bytes)
{
    return arena_bytes / PREFIX_SUM_BLOCK + 1;
}

/* What a pool that follows changes has more than its files need at the start: a file that is
 * replaced lies there twice for a while. An eighth; where that is little, enough for the largest
 * file. */
static inline uint64_t contents_spare(uint64_t needed, uint64_t largest)
{
    const uint64_t little = UINT64_C(64) << 20;
    uint64_t one = largest < little ? largest : little;

    return needed / 8 > one ? needed / 8 : one;
}

/* sums has contents_sums(arena->bytes) entries. files: about how many there will be. Both memories
 * must outlive it. NULL: out of memory. */
struct contents *contents_create(const struct arena *arena, uint16_t *sums, uint32_t unit,
                                 uint32_t files);
/* NULL is allowed. */
void contents_destroy(struct contents *contents);

/* From now on contents that are settled are entered in an index, and leave it before their room is
 * free. NULL: in none. */
void contents_keep_index(struct contents *contents, struct pool_index *index);
struct pool_index *contents_index(const struct contents *contents);

/* The arena's map: others may take room from it, too (extent_map_reserve). */
struct extent_map *contents_map(struct contents *contents);

bool content_id_equal(const struct content_id *a, const struct content_id *b);
/* The content with this id that was added last, whether read or about to be, but none that is
 * damaged; NULL: there is none. */
struct content *contents_find(const struct contents *contents, const struct content_id *id);

/*
 * Takes room for id.size bytes, and holds one reference. The extents are whole units long, to be
 * read into; contents_settle() then says what was read, when content->hash is set. NULL: no room.
 */
struct content *contents_add(struct contents *contents, const struct content_id *id);
/* The same for one whose bytes do not lie here. NULL: out of memory. */
struct content *contents_add_streamed(struct contents *contents, const struct content_id *id,
                                      uint32_t stream);
void contents_settle(struct contents *contents, struct content *content,
                     const struct content_id *id);

/*
 * A content of an earlier process: takes its room. Nobody refers to it yet: who finds it holds it,
 * or else it goes with the contents. NULL: no such room is free (or the extents are not the
 * file's), or out of memory.
 */
struct content *contents_adopt(struct contents *contents, const struct pool_index_entry *entry);
/* Forgets one that nobody refers to. */
void contents_forget(struct contents *contents, struct content *content);

/* Found to be damaged: no later process, and nobody who looks for it, gets it. */
void content_damaged(struct contents *contents, struct content *content);

static inline void content_hold(struct content *content)
{
    content->refs++;
}
void content_release(struct contents *contents, struct content *content);

/* Of one part of the arena. */
struct part_usage {
    struct extent_usage room;
    uint64_t retired_bytes; /* the keeper's: of files taken out that are still referred to */
};

/* Room in each part; retired_bytes are 0. */
void contents_usage(const struct contents *contents, struct part_usage usage[ARENA_PARTS_MAX]);
/* Adds the content's bytes to retired_bytes of the parts in which they lie. */
void contents_add_retired(const struct contents *contents, const struct content *content,
                          struct part_usage usage[ARENA_PARTS_MAX]);

/* Bytes lost to rounding up: part of what is taken. */
uint64_t contents_padding(const struct contents *contents);

#endif
