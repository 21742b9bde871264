/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies below ROOT and may be served: regular files, by any name of any bytes, hidden ones too.
 * Symlinks are followed to files and directories inside ROOT. Everything else (links that lead
 * outside, nowhere, or back to a directory they are in; what cannot be read; devices, sockets,
 * pipes) is skipped with a warning.
 */
#ifndef MEMPOOL_SCAN_H
#define MEMPOOL_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "mempool/log.h"

/* A name of a file. Two names may lead to one file: then dev, ino and all that follows are equal.
 */
struct scan_file {
    size_t path;      /* in strings: below ROOT, as served */
    size_t real_path; /* in strings: below ROOT, free of symlinks */
    dev_t dev;
    ino_t ino;
    uint64_t size;
    int64_t mtime_s;
    uint32_t mtime_ns;
};

struct scan_directory {
    size_t path;
    size_t real_path;
    size_t parent; /* in directories; ROOT's is itself */
    dev_t dev;
    ino_t ino;
};

struct scan {
    int root_fd; /* ROOT; the loader opens real paths below it */
    struct scan_file *files;
    size_t file_count, file_max;
    struct scan_directory *directories; /* the first is ROOT itself, "" */
    size_t directory_count, directory_max;
    char *strings; /* NUL-terminated paths */
    size_t string_bytes, string_max;
    uint64_t skipped;
    uint32_t direct_align; /* what O_DIRECT asks of memory and offsets, over all files: >= 512 */
};

/* 0; or -1, with nothing to destroy, if ROOT itself cannot be read or memory is short. */
int scan_root(struct scan *scan, const char *root, struct pool_log *log, char *error,
              size_t error_bytes);
void scan_destroy(struct scan *scan);

static inline const char *scan_string(const struct scan *scan, size_t at)
{
    return scan->strings + at;
}

/*
 * Opens a file below root_fd by its real path: fails with EXDEV or ELOOP if it has become a way out
 * of ROOT since it was scanned. flags as for open; a descriptor, or -1 with errno.
 */
int scan_open(int root_fd, const char *real_path, int flags);

#endif
