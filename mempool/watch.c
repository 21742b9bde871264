/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define BUCKETS 4096 /* of a table of directories; chains are short up to some 10000 */

/* No IN_MODIFY: a file that is being written is of interest when its writer has closed it. */
#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR)

struct directory {
    struct directory *next; /* of its bucket */
    int wd;                 /* several paths may lead to one directory */
    char path[];
};

struct watch {
    int fd;
    struct directory *buckets[BUCKETS]; /* by wd */
    uint32_t count, refused;
    struct pool_log *log;
};

struct watch *watch_create(struct pool_log *log)
{
    struct watch *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->log = log;
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd >= 0)
        return w;
    pool_log_warning(log,
                     "changes of files are not noticed at once: inotify: %s (raise "
                     "fs.inotify.max_user_instances, or set pool.rescan)",
                     strerror(errno));
    free(w);
    return NULL;
}

void watch_destroy(struct watch *w)
{
    if (w == NULL)
        return;
    watch_forget(w, "");
    close(w->fd);
    free(w);
}

int watch_fd(const struct watch *w)
{
    return w->fd;
}

uint32_t watch_directories(const struct watch *w)
{
    return w->count;
}

uint32_t watch_refused(const struct watch *w)
{
    return w->refused;
}

static struct directory **bucket_of(struct watch *w, int wd)
{
    return &w->buckets[(unsigned)wd % BUCKETS];
}

/* ---- which directories ---- */

static void refuse(struct watch *w, const char *path)
{
    char text[POOL_PATH_TEXT_BYTES];

    if (w->refused++ == 0)
        pool_log_warning(w->log,
                         "changes in %s and perhaps more directories are not noticed at once: "
                         "inotify: %s%s",
                         pool_path_text(path, text), strerror(errno),
                         errno == ENOSPC ? " (raise fs.inotify.max_user_watches)" : "");
}

void watch_add(struct watch *w, const char *path, int fd)
{
    size_t bytes = strlen(path) + 1;
    struct directory *directory = malloc(sizeof(*directory) + bytes);
    char name[64];

    /* By descriptor: a name might lead elsewhere by now. */
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    int wd = directory != NULL ? inotify_add_watch(w->fd, name, EVENTS) : -1;
    if (wd < 0) {
        refuse(w, path);
        free(directory);
        return;
    }
    struct directory **bucket = bucket_of(w, wd);
    *directory = (struct directory){ .next = *bucket, .wd = wd };
    memcpy(directory->path, path, bytes);
    *bucket = directory;
    w->count++;
}

static bool is_at_or_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    return len == 0 || (strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

static bool is_known(struct watch *w, int wd)
{
    for (struct directory *d = *bucket_of(w, wd); d != NULL; d = d->next)
        if (d->wd == wd)
            return true;
    return false;
}

void watch_forget(struct watch *w, const char *path)
{
    if (path[0] == '\0')
        w->refused = 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct directory **link = &w->buckets[i], *d; (d = *link) != NULL;) {
            if (!is_at_or_below(d->path, path)) {
                link = &d->next;
                continue;
            }
            *link = d->next;
            w->count--;
            if (!is_known(w, d->wd))
                inotify_rm_watch(w->fd, d->wd);
            free(d);
        }
}

/* The kernel watches it no more: it is deleted, or its file system unmounted. */
static void wd_forget(struct watch *w, int wd)
{
    for (struct directory **link = bucket_of(w, wd), *d; (d = *link) != NULL;) {
        if (d->wd != wd) {
            link = &d->next;
            continue;
        }
        *link = d->next;
        w->count--;
        free(d);
    }
}

/* ---- what happens in them ---- */

static void tell(struct watch *w, const struct inotify_event *e,
                 void (*event)(void *ctx, const struct watch_event *event), void *ctx)
{
    char path[PATH_MAX];

    for (const struct directory *d = *bucket_of(w, e->wd); d != NULL; d = d->next) {
        if (d->wd != e->wd)
            continue;
        int len = snprintf(path, sizeof(path), "%s%s%s", d->path,
                           e->len > 0 && d->path[0] != '\0' ? "/" : "", e->len > 0 ? e->name : "");
        if (len < (int)sizeof(path))
            event(ctx, &(struct watch_event){
                           .path = path,
                           .complete = (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0,
                       });
    }
}

bool watch_read(struct watch *w, void (*event)(void *ctx, const struct watch_event *event),
                void *ctx)
{
    char buffer[65536] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool whole = true;
    ssize_t len;

    while ((len = read(w->fd, buffer, sizeof(buffer))) > 0)
        for (const char *at = buffer; at < buffer + len;) {
            const struct inotify_event *e = (const struct inotify_event *)(const void *)at;
            if ((e->mask & IN_Q_OVERFLOW) != 0)
                whole = false;
            else if ((e->mask & IN_IGNORED) != 0)
                wd_forget(w, e->wd);
            else if (e->len > 0) /* of the directory itself its parent tells */
                tell(w, e, event, ctx);
            at += sizeof(*e) + e->len;
        }
    return whole;
}
