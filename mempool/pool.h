/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pool: the files below ROOT in pinned memory, ready to be served. The one door for programs.
 *
 * Order: rte_eal_init, pool_create (scan, reserve, read, sum), pool_dma_map for each port's device,
 * pool_seal; then the catalogue goes to the workers. pool_follow, when they run: from then on a
 * thread of the pool's own follows what changes below ROOT (mempool/keeper.h), until pool_unfollow,
 * while they still run. pool_destroy when no worker and no device refers to it any more (ports
 * stopped and closed), before rte_eal_cleanup.
 */
#ifndef MEMPOOL_POOL_H
#define MEMPOOL_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mempool/arena.h"
#include "mempool/catalogue.h"
#include "mempool/dma.h"
#include "mempool/keeper.h"
#include "mempool/log.h"
#include "mempool/node_report.h"
#include "mempool/persist.h"
#include "mempool/scan.h"
#include "mempool/streamer.h"

struct pool;

struct pool_progress {
    uint64_t files_done, files;
    uint64_t bytes_done, bytes;
};

struct pool_config {
    const char *root;
    struct scan_policy policy; /* symlinks, further roots; texts stay the caller's */
    uint64_t bytes;      /* room for files; 0: what ROOT needs, and if it follows changes, some more
                            (contents_spare). The table of prefix sums, 1/64 of it, comes on top */
    uint32_t files;      /* most files at a time, old ones still in use included; 0: what ROOT has,
                            and if it follows changes, twice as many and 16384 */
    bool follow;         /* pool_follow() will be called */
    uint64_t rescan_ns;  /* with follow: all of ROOT is looked at this often; 0: only where there
                            is no inotify */
    int node;            /* NUMA node of the port, which comes first; -1: none is nearer */
    const int *nodes;    /* instead: these and no other, in this order (struct arena_config) */
    uint64_t keep_bytes; /* of hugepages that will be needed besides on that node */
    unsigned node_count; /* of nodes; 0: as node says */
    uint64_t stream_bytes; /* of it, for chunks of files that do not fit; 0: half of it */
    const struct listing_rule *listings; /* which directories are listed; they stay the caller's,
                                            as long as the pool */
    uint32_t listing_count;
    const char *pinned;      /* patterns of files that must fit (mempool/residency.h), or NULL */
    bool allow_small_pages;  /* locked small pages where hugepages do not suffice */
    const char *persist;     /* a file of a hugetlbfs in which the pool outlives the process
                                (mempool/persist.h); NULL: none */
    const char *media_types; /* a mime.types file; NULL: the system's */
    void (*log)(void *ctx, enum pool_log_level level, const char *line); /* NULL: silence */
    void (*progress)(void *ctx, const struct pool_progress *progress);   /* a few times a second and
                                                                            at the end; NULL: none */
    void *ctx;                                                           /* of log and progress */
};

struct pool_report {
    uint32_t files;    /* in the catalogue */
    uint32_t streamed; /* of these: not in the pool */
    uint64_t streamed_bytes;
    uint64_t stream_bytes; /* of the pool: the cache of chunks; 0: every file lies in the pool */
    uint64_t file_bytes;   /* their bytes, as served */
    uint64_t used_bytes;   /* of the arena; a file with several names lies there once */
    uint64_t arena_bytes;  /* all pages of the arena */
    uint64_t page_bytes;
    int node;           /* -1: not bound */
    uint64_t sum_bytes; /* the table of prefix sums, in pages of its own */
    uint64_t skipped;   /* files and directories not served; each was logged */
    uint64_t vm_locked; /* VmLck, VmPin, HugetlbPages of the whole process now, in bytes */
    uint64_t vm_pinned;
    uint64_t vm_hugetlb;
    uint64_t load_ns;    /* time the reading took */
    uint64_t iova_first; /* device addresses: the lowest, and the one behind the highest */
    uint64_t iova_end;
    bool iova_physical; /* device addresses are physical ones, else virtual */
    unsigned node_count;
    struct node_report nodes[ARENA_NODES_MAX]; /* nearest first */
    char devices[128];                         /* names of those it is mapped for */
    const char *reader;                        /* how files were read: "io_uring" or "pread" */
    uint64_t buffered;   /* files that went through the page cache for want of O_DIRECT */
    const char *persist; /* the file in which it outlives the process, or NULL; then: */
    struct persist_adopted adopted;
};

/* NULL: error (POOL_ERROR_BYTES suffice) has one line that says what, where, and the remedy.
 * Nothing is left behind. Files that cannot be read are logged and left out; that is no error. */
struct pool *pool_create(const struct pool_config *config, char *error, size_t error_bytes);

/* DMA_NOT_NEEDED is worth a line in the log. */
enum dma_result pool_dma_map(struct pool *pool, struct rte_device *device, char *error,
                             size_t error_bytes);
/* A device was taken away: nothing is mapped for it any more. Not beside pool_report(). */
void pool_dma_forget(struct pool *pool, const struct rte_device *device);

/* Makes all file bytes read-only to the CPU. 0 or -1 with error. */
int pool_seal(struct pool *pool, char *error, size_t error_bytes);

/* The newest version; not while it follows changes. */
const struct catalogue *pool_catalogue(const struct pool *pool);

/* Starts to follow changes, for these readers. 0 or -1 with error. */
int pool_follow(struct pool *pool, const struct pool_readers *readers, char *error,
                size_t error_bytes);
/* Once, if it followed. */
void pool_unfollow(struct pool *pool);
/* Any thread, from pool_follow() on. */
void pool_keeper_report(const struct pool *pool, struct keeper_report *report);
/* Any thread, while it follows: looks at all of ROOT. wait: until that is done. */
bool pool_reload(struct pool *pool, bool wait);
/* Any thread, while it follows: as keeper_verify() and keeper_verify_report(); 0, false: it does
 * not follow changes. */
uint64_t pool_verify(struct pool *pool, const struct verify_request *request);
bool pool_verify_report(struct pool *pool, struct verify_report *report);
/*
 * Fills in what the pool knows of a streamer's configuration; the pool must outlive the streamer.
 * Before pool_seal(). 1: there is something to stream, 0: there is not, -1: error.
 */
int pool_streaming(struct pool *pool, struct streamer_config *config, char *error,
                   size_t error_bytes);

/* For device addresses (arena_iova). */
const struct arena *pool_arena(const struct pool *pool);

/* Any thread, but while pool_follow() or pool_destroy() runs. */
void pool_report(const struct pool *pool, struct pool_report *report);

/* NULL is allowed. */
void pool_destroy(struct pool *pool);

#endif
