/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of a directory's listing: a page for people, or JSON as nginx's autoindex_format json
 * has it. Directories first, each part by name as bytes. The page sorts itself anew when a column's
 * head is clicked: a script within it moves its rows, so that one text serves every order, and who
 * runs no script has the first one.
 */
#ifndef MEMPOOL_LISTING_PAGE_H
#define MEMPOOL_LISTING_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

enum listing_format {
    LISTING_HTML,
    LISTING_JSON,
};

struct listing_entry {
    const char *name; /* any bytes, NUL-terminated */
    uint64_t size;
    int64_t mtime_s;
    uint32_t directory; /* whose entry it is: a number of the caller's */
    bool is_directory;
};

/* For qsort(): by the directory they are in, then as they are listed. */
int listing_entry_compare(const void *a, const void *b);

/*
 * Writes the listing of the directory that clients see as path (without slashes at its ends; empty:
 * a site's root, which has no parent).
 */
void listing_write(FILE *out, enum listing_format format, struct text path,
                   const struct listing_entry *entries, size_t count);

/* At most so many bytes: of a listing without entries, and of an entry with this name. */
uint64_t listing_page_bytes(const char *path);
uint64_t listing_entry_bytes(const char *name);

const char *listing_type(enum listing_format format);

#endif
