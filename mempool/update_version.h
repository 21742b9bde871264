/* SPDX-License-Identifier: BSD-3-Clause */
/* The next version of the catalogue, while an update makes it. */
#ifndef MEMPOOL_UPDATE_VERSION_H
#define MEMPOOL_UPDATE_VERSION_H

#include "mempool/update.h"

/* Begins it, if that was not done. 0, or -1: out of memory. */
int update_next(struct updater *u, struct update_changes *changes);
/* Takes a path of the old version out, and a directory's listings. 0, or -1: out of memory. */
int update_remove(struct updater *u, struct update_changes *changes, const char *path, size_t len);
/* Enters a file whose content is there, and takes over the reference to it. NULL: no room. */
struct file *update_add(struct updater *u, struct update_changes *changes, const char *path,
                        int64_t mtime_s, const char *type, struct content *content);

/* Says and counts that the catalogue has no room for a path. what: "files", "directories". */
void update_refuse(struct updater *u, const char *path, const char *what);

#endif
