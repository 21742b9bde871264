/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies below ROOT and may be served: regular files, by any name of any bytes, hidden ones too.
 * Symlinks are followed to files and directories as the policy says. Everything else (links that
 * lead elsewhere, nowhere, or back to a directory they are in; what cannot be read; devices,
 * sockets, pipes) is skipped with a warning.
 *
 * There may be further roots. What is below one has the root's absolute path before its own, so
 * that paths begin with a slash, which no path below ROOT does. Real paths outside of ROOT are
 * absolute, too.
 */
#ifndef MEMPOOL_SCAN_H
#define MEMPOOL_SCAN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mempool/log.h"

enum scan_symlinks {
    SCAN_SYMLINKS_WITHIN_ROOT, /* followed within the root that they are in */
    SCAN_SYMLINKS_SAME_OWNER,  /* of these, those that belong to whom their target belongs to */
    SCAN_SYMLINKS_NEVER,
    SCAN_SYMLINKS_FOLLOW, /* wherever they lead */
};

struct scan_policy {
    enum scan_symlinks symlinks;
    const char *const *roots; /* further ones: absolute, without a slash at their ends */
    uint32_t root_count;
};

/* A name of a file. Two names may lead to one file: then dev, ino and all that follows are equal.
 */
struct scan_file {
    size_t path;      /* in strings: below ROOT, as served */
    size_t real_path; /* in strings: below ROOT or absolute, free of symlinks */
    dev_t dev;
    ino_t ino;
    uint64_t size;
    int64_t mtime_s, ctime_s;
    uint32_t mtime_ns, ctime_ns;
};

struct scan_directory {
    size_t path;
    size_t real_path;
    size_t parent; /* in directories; a root's is ROOT, ROOT's is itself */
    size_t root;   /* in directories: the root that it is below, or is */
    dev_t dev;
    ino_t ino;
    int64_t mtime_s;
    bool above; /* the way to what was to be scanned, not a part of it */
};

struct scan {
    int root_fd;               /* ROOT; the loader opens real paths below it */
    char root_real[PATH_MAX];  /* its path, without a slash at its end: "" for "/" */
    struct scan_policy policy; /* zero at first; may be set when ROOT is open */
    struct pool_log *log;
    /* Called for each directory, open as fd, before its names are read. NULL: nobody is. */
    void (*on_directory)(void *ctx, const char *path, int fd);
    void *ctx;
    struct scan_file *files;
    size_t file_count, file_max;
    struct scan_directory *directories; /* the first is ROOT itself, ""; parents come first */
    size_t directory_count, directory_max;
    size_t *links; /* in strings: names that are symlinks, but for those to directories */
    size_t link_count, link_max;
    char *strings; /* NUL-terminated paths */
    size_t string_bytes, string_max;
    uint64_t skipped;
    uint32_t direct_align; /* what O_DIRECT asks of memory and offsets, over all files: >= 512 */
};

/* Opens ROOT. 0; or -1, with nothing to destroy, if it cannot be read or memory is short. */
int scan_open_root(struct scan *scan, const char *root, struct pool_log *log, char *error,
                   size_t error_bytes);
/*
 * Adds what is at path (as served; "": ROOT) and below it now: a file, a directory with all that is
 * in it, or nothing. 0, or -1: out of memory.
 */
int scan_path(struct scan *scan, const char *path);
/* Forgets what was found; ROOT stays open. */
void scan_clear(struct scan *scan);
/* Both: opens ROOT and scans all of it. */
int scan_root(struct scan *scan, const char *root, struct pool_log *log, char *error,
              size_t error_bytes);
void scan_destroy(struct scan *scan);

static inline const char *scan_string(const struct scan *scan, size_t at)
{
    return scan->strings + at;
}

/*
 * Opens a file by its real path, below root_fd if it is not absolute: fails with EXDEV or ELOOP if
 * there is a symlink on the way by now. flags as for open; a descriptor, or -1 with errno.
 */
int scan_open(int root_fd, const char *real_path, int flags);
/* The same without openat2, below root_fd only: what scan_open() does where there is none. Refuses
 * any "..", too. */
int scan_open_by_steps(int root_fd, const char *real_path, int flags);

#endif
