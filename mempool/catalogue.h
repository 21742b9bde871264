/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The catalogue: path -> file. Built off the dataplane, immutable once built, looked up by every
 * worker without locks in O(1).
 *
 * Paths are bytes, relative to ROOT without a leading slash ("a/b.txt"; "" is ROOT itself),
 * compared exactly. Directories are in it too (without a trailing slash), so that HTTP can
 * redirect.
 */
#ifndef MEMPOOL_CATALOGUE_H
#define MEMPOOL_CATALOGUE_H

#include <stddef.h>
#include <stdint.h>

#include "mempool/file.h"

struct catalogue;

enum catalogue_kind {
    CATALOGUE_ABSENT,
    CATALOGUE_FILE,
    CATALOGUE_DIRECTORY,
};

struct catalogue_entry {
    enum catalogue_kind kind;
    const struct file *file; /* kind FILE */
};

struct catalogue_entry catalogue_find(const struct catalogue *catalogue, const char *path,
                                      size_t path_len);

/* Codings in which files may lie precompressed beside their plain form, by suffix. */
enum catalogue_coding {
    CODING_BR,   /* .br */
    CODING_ZSTD, /* .zst */
    CODING_GZIP, /* .gz */
    CODING_COUNT,
};
/* Bit n: there is, or was, a file with the suffix of coding n. */
unsigned catalogue_codings(const struct catalogue *catalogue);

/* Number of files (not directories) and their bytes. */
uint32_t catalogue_files(const struct catalogue *catalogue);
uint64_t catalogue_bytes(const struct catalogue *catalogue);
/* File number index, 0..catalogue_files() - 1. */
const struct file *catalogue_file(const struct catalogue *catalogue, uint32_t index);

/*
 * Building. catalogue_create() reserves room for `files` files and `directories` directories; NULL:
 * out of memory. The strings are copied. Media types are looked up by the caller (mempool/types.h).
 */
struct catalogue *catalogue_create(uint32_t files, uint32_t directories);
/* The new file's object, to be completed (extents, sums) before the catalogue is published. Its
 * head, type, etag are set from the arguments. NULL: out of memory, more than reserved, or path
 * known. */
struct file *catalogue_add_file(struct catalogue *catalogue, const char *path, size_t path_len,
                                uint64_t size, int64_t mtime_s, uint32_t mtime_ns,
                                const char *type);
int catalogue_add_directory(struct catalogue *catalogue, const char *path, size_t path_len);
/* Gives file its extents (copied). 0, or -1: out of memory. */
int catalogue_set_extents(struct catalogue *catalogue, struct file *file,
                          const struct file_extent *extents, uint32_t count);
void catalogue_destroy(struct catalogue *catalogue);

#endif
