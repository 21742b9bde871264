/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The catalogue: path -> file, in versions. A version is immutable once it is published and looked
 * up by every worker without locks in O(1). A change makes the next version, which shares with its
 * predecessor whatever stayed the same.
 *
 * Paths are bytes, relative to ROOT without a leading slash ("a/b.txt"; "" is ROOT itself),
 * compared exactly. Directories are in it too (without a trailing slash), so that HTTP can
 * redirect.
 *
 * For readers: a version that is handed out later replaces this one at some turn, between two
 * requests. A file found stays valid as long as its pin is held (base/extent.h), and no longer:
 * keep no pointer to a file without a response that pins it, and none from one file to another.
 */
#ifndef MEMPOOL_CATALOGUE_H
#define MEMPOOL_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mempool/file.h"

struct catalogue; /* one version */

enum catalogue_kind {
    CATALOGUE_ABSENT,
    CATALOGUE_FILE,
    CATALOGUE_DIRECTORY,
};

struct catalogue_entry {
    enum catalogue_kind kind;
    const struct file *file; /* kind FILE */
    uint32_t directory;      /* kind DIRECTORY: its number, below catalogue_directories_max() */
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

/* Number of files (not directories) in this version, and their bytes. */
uint32_t catalogue_files(const struct catalogue *catalogue);
uint64_t catalogue_bytes(const struct catalogue *catalogue);

/*
 * Files have an index, under which each worker's pins are: below catalogue_files_max(), which never
 * changes. The index of a file is given to another one only after catalogue_file_drop(). A
 * catalogue that is filled once counts from 0.
 */
uint32_t catalogue_files_max(const struct catalogue *catalogue);
uint32_t catalogue_directories_max(const struct catalogue *catalogue);
/* NULL: no file has this index. The file may belong to an older version only. */
const struct file *catalogue_file(const struct catalogue *catalogue, uint32_t index);
/* Paths, of any version; NULL: there is no such file or directory. */
const char *catalogue_file_path(const struct catalogue *catalogue, uint32_t index, size_t *len);
const char *catalogue_directory_path(const struct catalogue *catalogue, uint32_t number,
                                     size_t *len);

/*
 * Building: by one thread, which may do so while others look up published versions.
 *
 * catalogue_create() makes an empty first version; all versions together have room for `files`
 * files and `directories` directories, old ones that are not dropped yet included. NULL: out of
 * memory.
 */
struct catalogue *catalogue_create(uint32_t files, uint32_t directories);
/* A copy of version, to be changed and published in its place. NULL: out of memory. */
struct catalogue *catalogue_next(const struct catalogue *version);
/* The new file's object, to be completed (extents) before the version is published. Its head, type,
 * etag are set from the arguments; strings are copied. Media types are looked up by the caller
 * (mempool/types.h). NULL: out of memory, more than reserved, or path known. */
struct file *catalogue_add_file(struct catalogue *catalogue, const char *path, size_t path_len,
                                uint64_t size, int64_t mtime_s, uint32_t mtime_ns,
                                const char *type);
int catalogue_add_directory(struct catalogue *catalogue, const char *path, size_t path_len);
/* Gives file its extents (copied). 0, or -1: out of memory. */
int catalogue_set_extents(struct catalogue *catalogue, struct file *file,
                          const struct file_extent *extents, uint32_t count);
/* Takes path out of this version; returns what it was. Older versions still have it. */
struct catalogue_entry catalogue_remove(struct catalogue *catalogue, const char *path,
                                        size_t path_len);

/* No version in use has it any more, and nobody pins it: its memory goes, its index is free. */
void catalogue_file_drop(struct catalogue *catalogue, uint32_t index);
void catalogue_directory_drop(struct catalogue *catalogue, uint32_t number);
/* This version goes, and with the last one all files. NULL is allowed. */
void catalogue_destroy(struct catalogue *catalogue);

#endif
