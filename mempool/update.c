/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/update.h"

#include "mempool/residency.h"
#include "mempool/update_version.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

#define NO_ITEM SIZE_MAX

/* A name whose file is new or changed. */
struct candidate {
    const struct scan_file *file;
    struct content_id id;
    struct content *content; /* NULL: it is not to be had */
    size_t item;             /* that reads it; NO_ITEM: it is there */
    bool known;              /* an older state of it is served */
    bool again;              /* to be read even if it looks the same */
    bool damaged;            /* what is served is not what was read: better nothing than that */
};

/* One update. */
struct run {
    struct updater *u;
    const struct scopes *scopes;
    bool trusted;
    uint64_t now_ns;
    int64_t wall_s, wall_ns;
    struct candidate *candidates;
    size_t candidate_count;
    struct loader_item *items;
    struct content **item_content;
    size_t item_count;
    uint8_t *file_present;      /* under index: the old version's file is still there */
    uint8_t *directory_present; /* under number */
    struct update_changes *changes;
};

/* ---- ROOT ---- */

static void on_directory(void *ctx, const char *path, int fd)
{
    struct updater *u = ctx;

    if (u->watch != NULL)
        watch_add(u->watch, path, fd);
}

int update_open(struct updater *u, char *error, size_t error_bytes)
{
    if (scan_open_root(&u->scan, u->root, u->log, error, error_bytes) != 0)
        return -1;
    u->scan.policy = u->policy;
    u->scan.on_directory = on_directory;
    u->scan.ctx = u;
    u->later_ns = UINT64_MAX;
    return 0;
}

void update_close(struct updater *u)
{
    scan_destroy(&u->scan);
    scopes_destroy(&u->links);
    scopes_destroy(&u->later);
    scopes_destroy(&u->starved);
    listings_close(&u->listings);
}

/* ROOT's path may lead to another directory by now. */
static int root_reopen(struct updater *u, char *error, size_t error_bytes)
{
    struct scan scan;

    if (scan_open_root(&scan, u->root, u->log, error, error_bytes) != 0)
        return -1;
    scan.policy = u->policy;
    scan.on_directory = on_directory;
    scan.ctx = u;
    scan_destroy(&u->scan);
    u->scan = scan;
    return 0;
}

/* ---- what is there ---- */

static bool is_directory(const struct updater *u, const char *path)
{
    return u->catalogue != NULL &&
           catalogue_find(u->catalogue, path, strlen(path)).kind == CATALOGUE_DIRECTORY;
}

/* Symlinks to files change when their targets do, which may be in any directory. */
static void links_refresh(struct updater *u, const struct scopes *scopes)
{
    struct scopes links = { 0 };

    for (size_t i = 0; i < u->links.count && !scopes->all; i++) {
        bool within = false;
        for (size_t j = 0; j < scopes->count && !within; j++)
            within = path_is_within(u->links.list[i].path, scopes->list[j].path);
        if (!within)
            scopes_add(&links, u->links.list[i].path, false, 0);
    }
    for (size_t i = 0; i < u->scan.link_count && links.count < UPDATE_LINKS_MAX; i++)
        scopes_add(&links, scan_string(&u->scan, u->scan.links[i]), false, 0);
    links.all = false;
    scopes_destroy(&u->links);
    u->links = links;
}

static int scan_all(struct updater *u, char *error, size_t error_bytes)
{
    if (u->catalogue != NULL && root_reopen(u, error, error_bytes) != 0)
        return -1;
    if (u->watch != NULL)
        watch_forget(u->watch, "");
    return scan_path(&u->scan, "");
}

int update_scan(struct updater *u, struct scopes *scopes, char *error, size_t error_bytes)
{
    int result = 0;

    scan_clear(&u->scan);
    if (scopes->all) {
        error[0] = '\0';
        result = scan_all(u, error, error_bytes);
        if (result != 0 && error[0] != '\0')
            return -1;
    } else {
        for (size_t i = 0; i < u->links.count; i++)
            scopes_add(scopes, u->links.list[i].path, false, 0);
        if (scopes->all)
            return update_scan(u, scopes, error, error_bytes);
        scopes_sort(scopes);
        for (size_t i = 0; i < scopes->count && result == 0; i = scopes_next(scopes, i)) {
            if (u->watch != NULL && is_directory(u, scopes->list[i].path))
                watch_forget(u->watch, scopes->list[i].path);
            result = scan_path(&u->scan, scopes->list[i].path);
        }
    }
    if (result != 0)
        return pool_error(error, error_bytes, "out of memory while scanning ROOT");
    links_refresh(u, scopes);
    return 0;
}

/* ---- looking again later ---- */

static void later_add(struct run *run, const char *path, unsigned tries, uint64_t wait_ns)
{
    struct updater *u = run->u;
    uint64_t due = run->now_ns + wait_ns;

    scopes_add(&u->later, path, false, tries);
    if (u->later_ns > due)
        u->later_ns = due;
}

static const char *path_of(const struct run *run, const struct candidate *c)
{
    return scan_string(&run->u->scan, c->file->path);
}

static const struct scope *scope_of(const struct run *run, const char *path)
{
    return run->scopes->all ? NULL : scopes_find(run->scopes, path);
}

static void retry(struct run *run, const char *path)
{
    const struct scope *scope = scope_of(run, path);
    unsigned tries = scope != NULL ? scope->tries + 1 : 1;

    run->u->counts.failed++;
    if (tries <= UPDATE_RETRIES)
        later_add(run, path, tries, UPDATE_RETRY_NS);
}

/* ---- what has changed ---- */

static struct content_id id_of(const struct scan_file *file)
{
    return (struct content_id){ .dev = file->dev,
                                .ino = file->ino,
                                .size = file->size,
                                .mtime_s = file->mtime_s,
                                .mtime_ns = file->mtime_ns,
                                .ctime_s = file->ctime_s,
                                .ctime_ns = file->ctime_ns };
}

/* Whether the file was changed just now, so that somebody may be at it. */
static bool is_fresh(const struct run *run, const struct scan_file *file)
{
    int64_t age_ns = (run->wall_s - file->ctime_s) * 1000000000 + run->wall_ns - file->ctime_ns;

    return age_ns >= 0 && (uint64_t)age_ns < UPDATE_SETTLE_NS;
}

static void file_compare(struct run *run, const struct scan_file *file)
{
    struct updater *u = run->u;
    const char *path = scan_string(&u->scan, file->path);
    const struct scope *scope = scope_of(run, path);
    struct catalogue_entry old = catalogue_find(u->catalogue, path, strlen(path));
    struct candidate c = { .file = file,
                           .id = id_of(file),
                           .item = NO_ITEM,
                           .known = old.kind == CATALOGUE_FILE,
                           .again = scope != NULL && scope->complete };

    if (c.known) {
        run->file_present[old.file->index] = 1;
        c.damaged = u->content_of[old.file->index]->damaged;
        c.again |= c.damaged;
        if (!c.again && content_id_equal(&u->content_of[old.file->index]->id, &c.id))
            return;
    }
    if (!c.again && !run->trusted && is_fresh(run, file) &&
        contents_find(u->contents, &c.id) == NULL)
        later_add(run, path, 0, UPDATE_SETTLE_NS);
    else
        run->candidates[run->candidate_count++] = c;
}

static int compare(struct run *run)
{
    const struct scan *scan = &run->u->scan;
    const struct catalogue *c = run->u->catalogue;

    run->candidates = calloc(scan->file_count + 1, sizeof(*run->candidates));
    run->items = calloc(scan->file_count + 1, sizeof(*run->items));
    run->item_content = calloc(scan->file_count + 1, sizeof(struct content *));
    run->file_present = calloc((size_t)catalogue_files_max(c) + 1, 1);
    run->directory_present = calloc((size_t)catalogue_directories_max(c) + 1, 1);
    if (run->candidates == NULL || run->items == NULL || run->item_content == NULL ||
        run->file_present == NULL || run->directory_present == NULL)
        return -1;
    for (size_t i = 0; i < scan->file_count; i++)
        file_compare(run, &scan->files[i]);
    return 0;
}

/* ---- reading it ---- */

static int by_inode(const void *a, const void *b)
{
    const struct candidate *x = *(struct candidate *const *)a, *y = *(struct candidate *const *)b;

    if (x->id.dev != y->id.dev)
        return x->id.dev < y->id.dev ? -1 : 1;
    if (x->id.ino != y->id.ino)
        return x->id.ino < y->id.ino ? -1 : 1;
    return (x > y) - (x < y); /* names of one file in the order in which they were found */
}

static void say_full(const struct run *run, const struct candidate *c)
{
    struct updater *u = run->u;
    struct extent_usage usage = extent_map_usage(contents_map(u->contents));
    char path[POOL_PATH_TEXT_BYTES], size[POOL_SIZE_TEXT_BYTES], left[POOL_SIZE_TEXT_BYTES];

    u->counts.full++;
    pool_log_warning(u->log,
                     "%s: %s: the pool has no room for its %s, %s are free (make it larger: "
                     "--pool)",
                     c->known ? "its old state is served" : "not served",
                     pool_path_text(path_of(run, c), path), pool_size_text(c->id.size, size),
                     pool_size_text(usage.free_bytes, left));
}

static bool is_streamed(const struct run *run, const struct candidate *c)
{
    const struct update_streams *s = &run->u->streams;

    return s->max != 0 && c->id.size >= s->size_min &&
           !residency_is_pinned(s->pinned, path_of(run, c));
}

/* NULL: no number is left, or no memory. */
static struct content *stream_add(struct run *run, const struct candidate *c)
{
    struct update_streams *s = &run->u->streams;
    char *path = strdup(scan_string(&run->u->scan, c->file->real_path));
    struct content *content = NULL;

    if (path != NULL && s->count < s->max)
        content = contents_add_streamed(run->u->contents, &c->id, s->count + 1);
    if (content == NULL) {
        free(path);
        return NULL;
    }
    s->files[s->count++] = (struct stream_file){ .real_path = path,
                                                 .dev = c->id.dev,
                                                 .ino = c->id.ino,
                                                 .size = c->id.size,
                                                 .mtime_s = c->id.mtime_s,
                                                 .mtime_ns = c->id.mtime_ns };
    return content;
}

/* Finds the candidate's content, or makes an item that will read it. */
static void content_get(struct run *run, struct candidate *c)
{
    struct updater *u = run->u;
    size_t last = run->item_count - 1;

    /* Another name of the file before. */
    if (run->item_count > 0 && content_id_equal(&run->item_content[last]->id, &c->id)) {
        c->content = run->item_content[last];
        c->item = last;
    } else if (!c->again) {
        c->content = contents_find(u->contents, &c->id);
    }
    if (c->content != NULL) {
        content_hold(c->content);
        return;
    }
    bool streamed = is_streamed(run, c);
    c->content = streamed ? stream_add(run, c) : contents_add(u->contents, &c->id);
    if (streamed && c->content != NULL)
        return;
    if (c->content == NULL) {
        say_full(run, c);
        scopes_add(&u->starved, path_of(run, c), false, 0);
        return;
    }
    c->item = run->item_count++;
    run->item_content[c->item] = c->content;
    const struct content *content = c->content;
    run->items[c->item] = (struct loader_item){
        .real_path = scan_string(&u->scan, c->file->real_path),
        .extents = content->extents,
        .extent_count = content->extent_count,
    };
    for (uint32_t i = 0; i < content->extent_count; i++)
        run->items[c->item].capacity += content->extents[i].len;
}

/* In order of inodes: roughly that of the disk. */
static int contents_get(struct run *run)
{
    struct candidate **order = calloc(run->candidate_count + 1, sizeof(struct candidate *));

    if (order == NULL)
        return -1;
    for (size_t i = 0; i < run->candidate_count; i++)
        order[i] = &run->candidates[i];
    qsort(order, run->candidate_count, sizeof(struct candidate *), by_inode);
    for (size_t i = 0; i < run->candidate_count; i++)
        content_get(run, order[i]);
    free(order);
    return 0;
}

static void settle(struct run *run)
{
    struct updater *u = run->u;

    for (size_t i = 0; i < run->item_count; i++) {
        const struct loader_item *item = &run->items[i];
        struct content_id id = run->item_content[i]->id;
        if (!item->loaded)
            continue;
        id.size = item->size;
        id.mtime_s = item->mtime_s;
        id.mtime_ns = item->mtime_ns;
        id.ctime_s = item->ctime_s;
        id.ctime_ns = item->ctime_ns;
        run->item_content[i]->read_s = run->wall_s;
        run->item_content[i]->hash = item->hash;
        contents_settle(u->contents, run->item_content[i], &id);
    }
    for (size_t i = 0; i < run->candidate_count; i++) {
        struct candidate *c = &run->candidates[i];
        if (c->item == NO_ITEM || run->items[c->item].loaded)
            continue;
        content_release(u->contents, c->content);
        c->content = NULL;
        retry(run, path_of(run, c));
    }
}

static int load(struct run *run)
{
    struct updater *u = run->u;

    if (contents_get(run) != 0)
        return -1;
    if (loader_run(u->reader, u->scan.root_fd, run->items, run->item_count,
                   extent_map_unit(contents_map(u->contents)), &u->progress, u->stop, u->log,
                   &u->loaded) != 0)
        memset(&u->loaded, 0, sizeof(u->loaded)); /* nothing was loaded */
    settle(run);
    return 0;
}

/* ---- the next version ---- */

static int files_remove_below(struct run *run, const char *top)
{
    const struct catalogue *c = run->u->catalogue;
    size_t len;

    for (uint32_t i = 0; i < catalogue_files_max(c); i++) {
        const char *path = catalogue_file_path(c, i, &len);
        if (path == NULL || run->file_present[i] != 0 || !path_is_within(path, top) ||
            listings_is(path))
            continue;
        struct catalogue_entry entry = catalogue_find(c, path, len);
        if (entry.kind != CATALOGUE_FILE || entry.file->index != i)
            continue; /* of an older version */
        run->u->counts.removed++;
        if (update_remove(run->u, run->changes, path, len) != 0)
            return -1;
    }
    return 0;
}

static int directories_remove_below(struct run *run, const char *top)
{
    const struct catalogue *c = run->u->catalogue;
    size_t len;

    for (uint32_t i = 0; i < catalogue_directories_max(c); i++) {
        const char *path = catalogue_directory_path(c, i, &len);
        if (path == NULL || run->directory_present[i] != 0 || !path_is_within(path, top))
            continue;
        struct catalogue_entry entry = catalogue_find(c, path, len);
        if (entry.kind == CATALOGUE_DIRECTORY && entry.directory == i &&
            update_remove(run->u, run->changes, path, len) != 0)
            return -1;
    }
    return 0;
}

/* What the old version has at path and below it, and the disk has not. */
static int scope_remove(struct run *run, const char *path)
{
    struct catalogue_entry old = catalogue_find(run->u->catalogue, path, strlen(path));

    if (path[0] == '\0' || old.kind == CATALOGUE_DIRECTORY)
        return files_remove_below(run, path) == 0 ? directories_remove_below(run, path) : -1;
    if (old.kind != CATALOGUE_FILE || run->file_present[old.file->index] != 0)
        return 0;
    run->u->counts.removed++;
    return update_remove(run->u, run->changes, path, strlen(path));
}

static int removals(struct run *run)
{
    const struct scan *scan = &run->u->scan;
    const struct scopes *scopes = run->scopes;

    for (size_t i = 0; i < scan->directory_count; i++) {
        const char *path = scan_string(scan, scan->directories[i].path);
        struct catalogue_entry old = catalogue_find(run->u->catalogue, path, strlen(path));
        if (old.kind == CATALOGUE_DIRECTORY)
            run->directory_present[old.directory] = 1;
    }
    if (scopes->all)
        return scope_remove(run, "");
    for (size_t i = 0; i < scopes->count; i = scopes_next(scopes, i))
        if (scope_remove(run, scopes->list[i].path) != 0)
            return -1;
    return 0;
}

/* The newest version, or the one that is being made. */
static const struct catalogue *version_of(const struct run *run)
{
    return run->changes->next != NULL ? run->changes->next : run->u->catalogue;
}

static int directories_add(struct run *run)
{
    const struct scan *scan = &run->u->scan;

    for (size_t i = 0; i < scan->directory_count; i++) {
        const struct scan_directory *found = &scan->directories[i];
        const char *path = scan_string(scan, found->path);
        size_t len = strlen(path);
        struct catalogue_entry entry = catalogue_find(version_of(run), path, len);
        bool is_new = entry.kind != CATALOGUE_DIRECTORY;
        if (is_new) {
            if (found->above)
                continue;
            if (update_next(run->u, run->changes) != 0)
                return -1;
            if (catalogue_add_directory(run->changes->next, path, len) != 0) {
                update_refuse(run->u, path, "directories");
                continue;
            }
            entry = catalogue_find(run->changes->next, path, len);
        }
        listings_directory(&run->u->listings, version_of(run), path, entry.directory, is_new,
                           found->mtime_s);
    }
    return 0;
}

/* Enters a candidate whose content is there; what was at its path before goes. */
static int candidate_enter(struct run *run, struct candidate *c)
{
    struct updater *u = run->u;
    const char *path = path_of(run, c);
    size_t len = strlen(path);

    if (update_next(u, run->changes) != 0 ||
        (c->known && update_remove(u, run->changes, path, len) != 0))
        return -1;
    /* No Last-Modified may lie in the future (RFC 9110 section 8.8.2.1). */
    const struct content_id *id = &c->content->id;
    int64_t mtime_s = id->mtime_s < run->wall_s ? id->mtime_s : run->wall_s;
    if (update_add(u, run->changes, path, mtime_s, types_find(u->types, path), c->content) == NULL)
        return 0;
    listings_touch(&u->listings, run->changes->next, path, len);
    *(c->known ? &u->counts.changed : &u->counts.added) += 1;
    return 0;
}

static int enter(struct run *run)
{
    if (removals(run) != 0 || directories_add(run) != 0)
        return -1;
    for (size_t i = 0; i < run->candidate_count; i++) {
        struct candidate *c = &run->candidates[i];
        const char *path = path_of(run, c);
        if (c->content != NULL && candidate_enter(run, c) != 0)
            return -1;
        if (c->content == NULL && c->damaged &&
            update_remove(run->u, run->changes, path, strlen(path)) != 0)
            return -1;
    }
    return listings_run(run->u, run->changes, run->trusted, run->now_ns, run->wall_s);
}

/* ---- the whole ---- */

int update_apply(struct updater *u, const struct scopes *scopes, bool trusted, uint64_t now_ns,
                 struct update_changes *changes)
{
    struct timespec wall;
    struct run run = {
        .u = u, .scopes = scopes, .trusted = trusted, .now_ns = now_ns, .changes = changes
    };

    clock_gettime(CLOCK_REALTIME, &wall);
    run.wall_s = wall.tv_sec;
    run.wall_ns = wall.tv_nsec;
    *changes = (struct update_changes){ 0 };
    int result = compare(&run) == 0 && load(&run) == 0 && enter(&run) == 0 ? 0 : -1;
    free(run.candidates);
    free(run.items);
    free(run.item_content);
    free(run.file_present);
    free(run.directory_present);
    return result;
}

void update_changes_free(struct update_changes *changes)
{
    free(changes->files);
    free(changes->directories);
    *changes = (struct update_changes){ 0 };
}

void update_file_drop(struct updater *u, uint32_t index)
{
    content_release(u->contents, u->content_of[index]);
    u->content_of[index] = NULL;
    catalogue_file_drop(u->catalogue, index);
}
