/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel tells of changes below ROOT (inotify), as paths that are to be looked at again.
 * Directories are told by scanning (struct scan: on_directory), each before its names are read, so
 * that nothing happens between the two unnoticed. One directory may be served under several paths
 * (symlinks): an event then concerns all of them.
 *
 * Network file systems tell nothing of what others do: for them there is pool.rescan.
 */
#ifndef MEMPOOL_WATCH_H
#define MEMPOOL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "mempool/log.h"

struct watch;

struct watch_event {
    const char *path; /* as served; valid during the call */
    bool complete;    /* its writer has closed it, or it was moved here whole. Else it may still be
                         growing */
};

/* NULL: the kernel has no inotify to give; the log says why. */
struct watch *watch_create(struct pool_log *log);
/* NULL is allowed. */
void watch_destroy(struct watch *watch);

/* Readable when there are events. */
int watch_fd(const struct watch *watch);

/* Watches the directory that is open as fd and served as path. What the kernel refuses (its table
 * of watches is full) is counted. */
void watch_add(struct watch *watch, const char *path, int fd);
/* Directories with path and below it are watched no more ("": all). */
void watch_forget(struct watch *watch, const char *path);

/* Hands over all events so far. False: the kernel's queue has overflowed, anything may have
 * changed. */
bool watch_read(struct watch *watch, void (*event)(void *ctx, const struct watch_event *event),
                void *ctx);

uint32_t watch_directories(const struct watch *watch);
/* Directories that are not watched, since they were last forgotten as a whole. */
uint32_t watch_refused(const struct watch *watch);

#endif
