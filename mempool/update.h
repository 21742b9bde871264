/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From what lies on disk to the next version of the catalogue: look at the paths that may have
 * changed, read what is new into the arena, enter it. The first version is made the same way.
 *
 * A file whose size, times and inode are those that were read keeps its content: it is not read
 * again, whatever path it has now. A file that changes while it is read is read again, and not
 * published if it goes on changing (mempool/loader.h). Nor is one published that was changed within
 * the last UPDATE_SETTLE_NS, unless its writer is known to be done: it is looked at again later.
 * What cannot be read, or finds no room, leaves what was served before, and is tried again. Only
 * what was found to be damaged (content_damaged) is read again in any case, or taken out.
 */
#ifndef MEMPOOL_UPDATE_H
#define MEMPOOL_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "mempool/catalogue.h"
#include "mempool/content.h"
#include "mempool/listings.h"
#include "mempool/loader.h"
#include "mempool/scan.h"
#include "mempool/scopes.h"
#include "mempool/streamer.h"
#include "mempool/types.h"
#include "mempool/watch.h"

#define UPDATE_SETTLE_NS UINT64_C(500000000)
#define UPDATE_RETRY_NS  UINT64_C(2000000000)
#define UPDATE_RETRIES   5
#define UPDATE_LINKS_MAX 4096 /* symlinks to files: looked at with every change */

/* Since the start. */
struct update_counts {
    uint64_t added, changed, removed; /* files */
    uint64_t full;                    /* files not read for want of room */
    uint64_t refused;                 /* files and directories beyond their maximum */
    uint64_t failed;                  /* files not read, or not to their end */
};

/* What made the next version differ; lists of the old one's that are not in it. */
struct update_changes {
    struct catalogue *next; /* NULL: nothing changed */
    uint32_t *files, *directories;
    uint32_t file_count, directory_count;
};

/* Files that do not fit (mempool/residency.h). Workers may refer to any number below max. */
struct update_streams {
    struct stream_file *files; /* a number is never given twice */
    uint32_t count, max;       /* max 0: no file is streamed */
    uint64_t size_min;         /* files of so many bytes are streamed, ... */
    const char *pinned;        /* ... but for those that these patterns name */
};

struct updater {
    /* Set by the owner. */
    const char *root;
    struct scan_policy policy;
    struct contents *contents;
    struct reader *reader;
    const struct types *types;
    struct watch *watch; /* NULL: none */
    struct update_streams streams;
    struct listings listings;
    struct pool_log *log;
    struct loader_progress progress;
    const bool *stop; /* set: read no more files */

    /* Its own. */
    struct scan scan;            /* ROOT is open */
    struct catalogue *catalogue; /* the newest version */
    struct content **content_of; /* under file->index */
    struct scopes links;         /* names that are symlinks to files, or to nothing */
    struct scopes later;         /* to be looked at again at later_ns */
    uint64_t later_ns;           /* UINT64_MAX: never */
    struct scopes starved;       /* to be looked at again when there is room */
    struct update_counts counts;
    struct loader_result loaded; /* by the latest run */
};

/* Opens ROOT. 0, or -1 with error. */
int update_open(struct updater *u, char *error, size_t error_bytes);
void update_close(struct updater *u);

/* Finds what is there now; scopes are sorted by it. 0, or -1 with error: ROOT cannot be read, or
 * memory is short. */
int update_scan(struct updater *u, struct scopes *scopes, char *error, size_t error_bytes);

/*
 * Reads and enters what was found. trusted: nobody is writing at the moment, says the user.
 * now_ns: monotonic time. 0; or -1: out of memory, and the old version stays.
 */
int update_apply(struct updater *u, const struct scopes *scopes, bool trusted, uint64_t now_ns,
                 struct update_changes *changes);
void update_changes_free(struct update_changes *changes);

/* No worker refers to a file that was taken out: forgets it. */
void update_file_drop(struct updater *u, uint32_t index);

#endif
