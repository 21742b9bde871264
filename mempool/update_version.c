/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/update_version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mempool/etag.h"

int update_next(struct updater *u, struct update_changes *changes)
{
    const struct catalogue *c = u->catalogue;

    if (changes->next != NULL)
        return 0;
    changes->files = calloc((size_t)catalogue_files(c) + 1, sizeof(*changes->files));
    changes->directories =
        calloc((size_t)catalogue_directories_max(c) + 1, sizeof(*changes->directories));
    changes->next = catalogue_next(c);
    return changes->files != NULL && changes->directories != NULL && changes->next != NULL ? 0 : -1;
}

/* The listings of a directory that goes. 0, or -1: out of memory. */
static int listings_remove(struct updater *u, struct update_changes *changes, const char *path,
                           size_t len)
{
    char name[PATH_MAX + LISTING_NAME_MAX];

    for (uint32_t r = 0; r < u->listings.rule_count && len < PATH_MAX; r++) {
        int name_len = snprintf(name, sizeof(name), "%.*s//%" PRIu32, (int)len, path, r);
        if (update_remove(u, changes, name, (size_t)name_len) != 0)
            return -1;
    }
    return 0;
}

int update_remove(struct updater *u, struct update_changes *changes, const char *path, size_t len)
{
    if (update_next(u, changes) != 0)
        return -1;
    struct catalogue_entry entry = catalogue_remove(changes->next, path, len);
    if (entry.kind == CATALOGUE_FILE) {
        changes->files[changes->file_count++] = entry.file->index;
        if (listings_is(path)) {
            u->listings.count--;
            u->listings.bytes -= entry.file->size;
            return 0;
        }
    } else if (entry.kind == CATALOGUE_DIRECTORY) {
        changes->directories[changes->directory_count++] = entry.directory;
        if (listings_remove(u, changes, path, len) != 0)
            return -1;
    }
    if (entry.kind != CATALOGUE_ABSENT)
        listings_touch(&u->listings, changes->next, path, len);
    return 0;
}

void update_refuse(struct updater *u, const char *path, const char *what)
{
    char text[POOL_PATH_TEXT_BYTES];

    u->counts.refused++;
    pool_log_warning(u->log, "not served: %s: more %s than the pool has room for (pool.files)",
                     pool_path_text(path, text), what);
}

struct file *update_add(struct updater *u, struct update_changes *changes, const char *path,
                        int64_t mtime_s, const char *type, struct content *content)
{
    const struct content_id *id = &content->id;
    struct file *file = catalogue_add_file(changes->next, path, strlen(path), id->size, mtime_s,
                                           id->mtime_ns, type);

    if (file == NULL) {
        content_release(u->contents, content);
        update_refuse(u, path, "files");
        return NULL;
    }
    file->extents = content->extents;
    file->stream = content->stream;
    file->extent_count = content->extent_count;
    if (file->stream == 0) /* else its size and time stay its tag */
        etag_set(file, content->hash);
    u->content_of[file->index] = content;
    return file;
}
