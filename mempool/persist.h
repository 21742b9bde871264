/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool that outlives its process: index, table of sums and arena lie in one file of a hugetlbfs,
 * in this order, each on pages of its own. The next server adopts what of it is still true and
 * reads only the rest.
 *
 * The index is in the file itself, not in another one beside it: so they live and end together, and
 * one lock guards both. Nothing of it is ever written with a system call or flushed
 * (mempool/pool_index.h says how it stays true nevertheless).
 *
 * What is adopted: a record that is whole, of a file that ROOT still has with the same inode, size,
 * modification and change time, whose room is free, and of which some blocks were summed and found
 * as the table says. Not adopted is what was read within PERSIST_RACY_S of its file's last change:
 * a clock that ticks so slowly may hide another one.
 *
 * If the file's shape is another, or its header is not whole, the pool is made anew: a cold start,
 * told in one line with the reason. Chunks of streamed files do not persist.
 */
#ifndef MEMPOOL_PERSIST_H
#define MEMPOOL_PERSIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mempool/arena.h"
#include "mempool/content.h"
#include "mempool/residency.h"
#include "mempool/scan.h"

/* The slowest clock of a file system: FAT's, for the time of the last change. */
#define PERSIST_RACY_S 2
/* A killed server's last reads may take a moment to end. */
#define PERSIST_LOCK_NS UINT64_C(5000000000)

struct persist;

struct persist_config {
    const char *path;   /* of the file; made if it is not there */
    const char *root;   /* what the pool is for, absolute */
    int node;           /* -1: any */
    uint32_t unit;      /* of extents */
    uint32_t files;     /* below ROOT */
    uint64_t bytes;     /* of the arena, at least, if it is made anew */
    uint64_t bytes_min; /* an older arena with so many is large enough; 0: it must be just as one
                           that is made anew */
};

/* What became of a predecessor's files. */
struct persist_adopted {
    uint64_t files, bytes;
    uint64_t changed; /* on disk since, or gone */
    uint64_t fresh;   /* not to be trusted: read just after they were changed */
    uint64_t damaged; /* a sample was not as the sums say */
    uint64_t moved;   /* where they lie is something else now, or they are streamed now */
    uint64_t ns;      /* time it took */
};

/*
 * Opens and locks the file and maps arena and sums from it, with the pages of a predecessor if they
 * will do. NULL: error says what, where and the remedy; nothing is mapped.
 */
struct persist *persist_open(const struct persist_config *config, struct arena *arena,
                             struct arena *sums, struct pool_log *log, char *error,
                             size_t error_bytes);

/*
 * Fills contents, which must be empty, with those of the predecessor's that are on disk unchanged,
 * and keeps the index from then on. disk: the count files of ROOT, each inode once, by device and
 * inode; choice (NULL: all are resident) of each of them.
 */
void persist_adopt(struct persist *persist, struct contents *contents, const struct arena *arena,
                   const struct arena *sums, const struct scan_file *const *disk,
                   const struct residency *choice, size_t count, struct persist_adopted *adopted);

struct pool_index *persist_index(const struct persist *persist);
const char *persist_path(const struct persist *persist);

/* When arena and sums are unmapped and no contents keep the index. The file stays. NULL is allowed.
 */
void persist_close(struct persist *persist);

#endif
