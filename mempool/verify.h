/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Verification: whether the bytes in the pool are still those that were read. Each block is summed
 * again and compared with the table of prefix sums, which names the place, and each content is
 * hashed again (etag.h), which also finds what ones' complement sums miss, such as words that
 * changed places. If asked for, it is compared with the file on disk, past the page cache.
 *
 * The pool's thread does it, in steps, and goes on following changes between them. A content that
 * is damaged is given to no new file and leaves the index at once; the owner looks at its names
 * again, which reads it anew (mempool/update.h).
 */
#ifndef MEMPOOL_VERIFY_H
#define MEMPOOL_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "mempool/update.h"

#define VERIFY_PATTERN_BYTES 960
#define VERIFY_FINDINGS_MAX  16
#define VERIFY_FINDING_BYTES 112 /* of a path as it may be shown: its end, if it is longer */

struct verify_request {
    /* A path, all below a directory, or a pattern (fnmatch(3); a star also stands for slashes);
     * "": all. */
    char pattern[VERIFY_PATTERN_BYTES];
    bool disk; /* compare with the files, too */
};

enum verify_fault {
    VERIFY_DAMAGED, /* not what was read */
    VERIFY_DIFFERS, /* what was read, but the file has other bytes at the same times */
};

struct verify_finding {
    enum verify_fault fault;
    char path[VERIFY_FINDING_BYTES];
};

struct verify_report {
    bool running;
    uint64_t serial; /* of the run, from 1 */
    uint64_t files;  /* names, checked so far */
    uint64_t bytes;  /* each content once */
    uint64_t ns;
    uint64_t disk_files; /* contents that were compared with the disk, and their bytes */
    uint64_t disk_bytes;
    uint64_t streamed; /* names not checked: their bytes do not lie here */
    uint64_t changed;  /* contents not compared with the disk: changed there just now, or gone */
    uint64_t unread;   /* contents not compared: the disk cannot be read */
    uint64_t damaged;  /* contents; the first of them are in findings */
    uint64_t differing;
    unsigned finding_count;
    struct verify_finding findings[VERIFY_FINDINGS_MAX];
};

struct verify;

/* updater must outlive it. NULL: out of memory. */
struct verify *verify_create(struct updater *updater);
/* NULL is allowed. */
void verify_destroy(struct verify *verify);

/* Not while one runs. */
void verify_begin(struct verify *verify, const struct verify_request *request);
/* Goes on for about budget_ns; tells of each name of a content that was found wrong. */
void verify_step(struct verify *verify, uint64_t budget_ns,
                 void (*wrong)(void *ctx, const char *path), void *ctx);

const struct verify_report *verify_report(const struct verify *verify);

#endif
