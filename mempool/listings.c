/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A text is written into a memfd, and the loader reads it into the arena as it reads any file:
 * nothing but the kernel can write there, once it is sealed.
 */
#include "mempool/listings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "mempool/catalogue.h"
#include "mempool/content.h"
#include "mempool/loader.h"
#include "mempool/scan.h"
#include "mempool/update_version.h"

/* Written before they are read: so many, or so many bytes. */
#define BATCH_LISTINGS 32
#define BATCH_BYTES    (UINT64_C(8) << 20)

struct listing_directory {
    int64_t mtime_s;
    bool dirty;
};

/* One pass. */
struct pass {
    struct updater *u;
    struct update_changes *changes;
    int64_t wall_s;
    struct listing_entry *entries; /* of all directories that are dirty, sorted */
    size_t entry_count, entry_max;
    struct loader_item items[BATCH_LISTINGS];
    struct content *contents[BATCH_LISTINGS];
    const struct listing_rule *item_rules[BATCH_LISTINGS];
    uint32_t item_directories[BATCH_LISTINGS];
    size_t item_count;
    uint64_t item_bytes;
    bool failed; /* some could not be made */
};

int listings_open(struct listings *l, uint32_t directories_max)
{
    l->due_ns = UINT64_MAX;
    if (l->rule_count == 0)
        return 0;
    l->directories = calloc((size_t)directories_max + 1, sizeof(*l->directories));
    return l->directories != NULL ? 0 : -1;
}

void listings_close(struct listings *l)
{
    free(l->directories);
    l->directories = NULL;
}

bool listings_is(const char *path)
{
    return strstr(path, "//") != NULL;
}

void listings_spoilt(struct listings *l, const struct catalogue *newest, const char *path)
{
    size_t len = (size_t)(strstr(path, "//") - path);
    struct catalogue_entry entry = catalogue_find(newest, path, len);

    if (entry.kind != CATALOGUE_DIRECTORY)
        return;
    l->directories[entry.directory].dirty = true;
    l->dirty = true;
    l->rest_until_ns = l->due_ns = 0;
}

static bool rule_holds(const struct listing_rule *rule, const char *path)
{
    size_t len = rule->root.len;

    return len == 0
               ? path[0] != '/'
               : strncmp(path, rule->root.at, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* The last part of a path. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* ---- what has changed ---- */

/* The number of the directory that a path is in; UINT32_MAX: there is none. */
static uint32_t parent_of(const struct catalogue *version, const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/')
        len--;
    if (len == 1) /* "/srv": a root of its own, in nothing that is served */
        return UINT32_MAX;
    struct catalogue_entry entry = catalogue_find(version, path, len > 0 ? len - 1 : 0);
    return entry.kind == CATALOGUE_DIRECTORY ? entry.directory : UINT32_MAX;
}

static void mark(struct listings *l, uint32_t number)
{
    if (number == UINT32_MAX)
        return;
    l->directories[number].dirty = true;
    l->dirty = true;
}

void listings_touch(struct listings *l, const struct catalogue *version, const char *path,
                    size_t len)
{
    if (l->rule_count != 0 && len != 0)
        mark(l, parent_of(version, path, len));
}

void listings_directory(struct listings *l, const struct catalogue *version, const char *path,
                        uint32_t number, bool is_new, int64_t mtime_s)
{
    if (l->rule_count == 0)
        return;
    if (is_new)
        mark(l, number);
    if (is_new || l->directories[number].mtime_s != mtime_s)
        listings_touch(l, version, path, strlen(path));
    l->directories[number].mtime_s = mtime_s;
}

uint64_t listings_room(const struct listings *l, const struct scan *scan, uint32_t unit,
                       uint64_t *count)
{
    uint64_t bytes = 0;

    *count = 0;
    for (uint32_t r = 0; r < l->rule_count; r++) {
        for (size_t i = 0; i < scan->directory_count; i++) {
            const char *path = scan_string(scan, scan->directories[i].path);
            if (!rule_holds(&l->rules[r], path))
                continue;
            bytes += listing_page_bytes(path) + listing_entry_bytes(name_of(path)) + unit;
            *count += 1;
        }
        for (size_t i = 0; i < scan->file_count; i++) {
            const char *path = scan_string(scan, scan->files[i].path);
            if (rule_holds(&l->rules[r], path))
                bytes += listing_entry_bytes(name_of(path));
        }
    }
    return bytes;
}

/* ---- what is in the directories ---- */

static bool is_dirty(const struct listings *l, uint32_t directory)
{
    return directory != UINT32_MAX && l->directories[directory].dirty;
}

/* 0, or -1: out of memory. */
static int entry_add(struct pass *pass, const struct listing_entry *entry)
{
    if (pass->entry_count == pass->entry_max) {
        size_t max = 2 * pass->entry_max + 256;
        struct listing_entry *bigger = realloc(pass->entries, max * sizeof(*bigger));
        if (bigger == NULL)
            return -1;
        pass->entries = bigger;
        pass->entry_max = max;
    }
    pass->entries[pass->entry_count++] = *entry;
    return 0;
}

/* Files that follow each other are mostly in one directory, which need not be looked up again. */
struct last_parent {
    const char *path;
    size_t len;
    uint32_t number;
};

static uint32_t parent_cached(const struct catalogue *version, struct last_parent *last,
                              const char *path)
{
    size_t len = (size_t)(name_of(path) - path);

    if (last->path == NULL || last->len != len || memcmp(last->path, path, len) != 0)
        *last = (struct last_parent){ path, len, parent_of(version, path, strlen(path)) };
    return last->number;
}

static int files_gather(struct pass *pass, const struct catalogue *version)
{
    struct last_parent last = { 0 };
    size_t len;

    for (uint32_t i = 0; i < catalogue_files_max(version); i++) {
        const char *path = catalogue_file_path(version, i, &len);
        if (path == NULL || listings_is(path) || name_of(path)[0] == '.')
            continue;
        uint32_t parent = parent_cached(version, &last, path);
        if (!is_dirty(&pass->u->listings, parent))
            continue;
        struct catalogue_entry found = catalogue_find(version, path, len);
        if (found.kind != CATALOGUE_FILE || found.file->index != i)
            continue; /* of an older version */
        struct listing_entry entry = { .name = name_of(path),
                                       .size = found.file->size,
                                       .mtime_s = found.file->mtime_s,
                                       .directory = parent };
        if (entry_add(pass, &entry) != 0)
            return -1;
    }
    return 0;
}

static bool is_there(const struct catalogue *version, const char *path, size_t len, uint32_t number)
{
    struct catalogue_entry found = catalogue_find(version, path, len);

    return found.kind == CATALOGUE_DIRECTORY && found.directory == number;
}

static int directories_gather(struct pass *pass, const struct catalogue *version)
{
    struct listings *l = &pass->u->listings;
    size_t len;

    for (uint32_t i = 0; i < catalogue_directories_max(version); i++) {
        const char *path = catalogue_directory_path(version, i, &len);
        if (path == NULL || len == 0 || name_of(path)[0] == '.')
            continue;
        uint32_t parent = parent_of(version, path, len);
        if (!is_dirty(l, parent) || !is_there(version, path, len, i))
            continue;
        struct listing_entry entry = { .name = name_of(path),
                                       .mtime_s = l->directories[i].mtime_s,
                                       .directory = parent,
                                       .is_directory = true };
        if (entry_add(pass, &entry) != 0)
            return -1;
    }
    return 0;
}

/* ---- one listing ---- */

static void say(const struct pass *pass, const char *path, const char *why)
{
    char text[POOL_PATH_TEXT_BYTES];

    pool_log_warning(pass->u->log, "no listing of directory \"%s\": %s", pool_path_text(path, text),
                     why);
}

/* A memfd with the text, of *size bytes. -1: it could not be written. */
static int text_make(const struct listing_rule *rule, const char *path,
                     const struct listing_entry *entries, size_t count, uint64_t *size)
{
    struct text seen = text_skip(text_from(path), rule->root.len);
    int fd = memfd_create("hugewire-listing", MFD_CLOEXEC);
    int copy = fd >= 0 ? dup(fd) : -1;
    FILE *out = copy >= 0 ? fdopen(copy, "w") : NULL;
    off_t end = -1;

    if (seen.len != 0 && seen.at[0] == '/')
        seen = text_skip(seen, 1);
    if (out != NULL) {
        listing_write(out, rule->format, seen, entries, count);
        end = fflush(out) == 0 && !ferror(out) ? ftello(out) : -1;
        fclose(out);
    } else if (copy >= 0) {
        close(copy);
    }
    if (end > 0) {
        *size = (uint64_t)end;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool has_index(const struct catalogue *version, const struct listing_rule *rule,
                      const char *path)
{
    char name[PATH_MAX + 1];

    for (uint32_t i = 0; i < rule->index_count; i++) {
        const struct text *index = &rule->index[i];
        int len = snprintf(name, sizeof(name), "%s%s%.*s", path, path[0] != '\0' ? "/" : "",
                           (int)index->len, index->at);
        if (len > 0 && (size_t)len < sizeof(name) &&
            catalogue_find(version, name, (size_t)len).kind == CATALOGUE_FILE)
            return true;
    }
    return false;
}

/* What was served before is served on, and the next pass tries again. */
static void try_again(struct pass *pass, uint32_t directory)
{
    pass->failed = true;
    mark(&pass->u->listings, directory);
}

/* Enters number i of the batch, which was read. 0, or -1: out of memory. */
static int item_enter(struct pass *pass, size_t i)
{
    struct updater *u = pass->u;
    const char *name = pass->items[i].real_path;
    struct content *content = pass->contents[i];
    struct content_id id = content->id;

    contents_settle(u->contents, content, &id);
    if (update_remove(u, pass->changes, name, strlen(name)) != 0) {
        content_release(u->contents, content);
        return -1;
    }
    const struct file *file = update_add(u, pass->changes, name, pass->wall_s,
                                         listing_type(pass->item_rules[i]->format), content);
    if (file == NULL)
        return 0;
    u->listings.made++;
    u->listings.count++;
    u->listings.bytes += file->size;
    return 0;
}

/* Reads the batch into the arena and enters it. 0, or -1: out of memory. */
static int batch_flush(struct pass *pass)
{
    struct updater *u = pass->u;
    struct loader_result loaded;
    int result = 0;

    if (pass->item_count > 0)
        result =
            loader_run(u->reader, u->scan.root_fd, pass->items, pass->item_count,
                       extent_map_unit(contents_map(u->contents)), NULL, u->stop, u->log, &loaded);
    for (size_t i = 0; i < pass->item_count; i++) {
        struct loader_item *item = &pass->items[i];
        if (item->loaded && result == 0) {
            result = item_enter(pass, i);
        } else {
            try_again(pass, pass->item_directories[i]);
            content_release(u->contents, pass->contents[i]);
        }
        close(item->memory_fd);
        free((char *)(uintptr_t)item->real_path);
    }
    pass->item_count = 0;
    pass->item_bytes = 0;
    return result;
}

/* Makes an item of the batch. 0, or -1: out of memory. */
static int listing_make(struct pass *pass, const struct listing_rule *rule, const char *path,
                        const char *name, const struct listing_entry *entries, size_t count,
                        uint32_t directory)
{
    struct updater *u = pass->u;
    struct content_id id = { .dev = CONTENT_MADE, .ino = ++u->listings.serial };
    int fd = text_make(rule, path, entries, count, &id.size);
    struct content *content = fd >= 0 ? contents_add(u->contents, &id) : NULL;
    char *copy = content != NULL ? strdup(name) : NULL;

    if (copy == NULL) {
        say(pass, path,
            fd < 0 ? "out of memory or file descriptors"
                   : "the pool has no room for it (make it larger: --pool)");
        if (fd >= 0)
            close(fd);
        if (content != NULL)
            content_release(u->contents, content);
        try_again(pass, directory);
        return 0;
    }
    size_t i = pass->item_count++;
    pass->contents[i] = content;
    pass->item_rules[i] = rule;
    pass->item_directories[i] = directory;
    pass->items[i] = (struct loader_item){ .real_path = copy,
                                           .memory_fd = fd,
                                           .extents = content->extents,
                                           .extent_count = content->extent_count };
    for (uint32_t e = 0; e < content->extent_count; e++)
        pass->items[i].capacity += content->extents[e].len;
    pass->item_bytes += id.size;
    if (pass->item_count < BATCH_LISTINGS && pass->item_bytes < BATCH_BYTES)
        return 0;
    return batch_flush(pass);
}

/* All listings of one directory, whose entries these are. 0, or -1: out of memory. */
static int directory_list(struct pass *pass, uint32_t number, const struct listing_entry *entries,
                          size_t count)
{
    const struct listings *l = &pass->u->listings;
    char name[PATH_MAX + LISTING_NAME_MAX];
    size_t len;
    const char *path = catalogue_directory_path(pass->changes->next, number, &len);

    if (len >= PATH_MAX)
        return 0;
    for (uint32_t r = 0; r < l->rule_count; r++) {
        const struct listing_rule *rule = &l->rules[r];
        int name_len = snprintf(name, sizeof(name), "%s//%" PRIu32, path, r);
        bool listed = rule_holds(rule, path) && !has_index(pass->changes->next, rule, path);
        int result = listed ? listing_make(pass, rule, path, name, entries, count, number)
                            : update_remove(pass->u, pass->changes, name, (size_t)name_len);
        if (result != 0)
            return -1;
    }
    return 0;
}

/* 0, or -1: out of memory. */
static int pass_run(struct pass *pass)
{
    struct listings *l = &pass->u->listings;

    if (update_next(pass->u, pass->changes) != 0)
        return -1;
    const struct catalogue *version = pass->changes->next;
    if (files_gather(pass, version) != 0 || directories_gather(pass, version) != 0)
        return -1;
    if (pass->entry_count > 1)
        qsort(pass->entries, pass->entry_count, sizeof(*pass->entries), listing_entry_compare);
    size_t at = 0, len;
    for (uint32_t i = 0; i < catalogue_directories_max(version); i++) {
        size_t first = at;
        while (at < pass->entry_count && pass->entries[at].directory == i)
            at++;
        const char *path = catalogue_directory_path(version, i, &len);
        if (!l->directories[i].dirty)
            continue;
        l->directories[i].dirty = false;
        if (path != NULL && is_there(version, path, len, i) &&
            directory_list(pass, i, pass->entries + first, at - first) != 0) {
            (void)batch_flush(pass);
            return -1;
        }
    }
    return batch_flush(pass);
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int listings_run(struct updater *u, struct update_changes *changes, bool force, uint64_t now_ns,
                 int64_t wall_s)
{
    struct listings *l = &u->listings;

    if (!l->dirty)
        return 0;
    if (!force && now_ns < l->rest_until_ns) {
        l->due_ns = l->rest_until_ns;
        return 0;
    }
    struct pass *pass = calloc(1, sizeof(*pass));
    if (pass == NULL)
        return -1;
    *pass = (struct pass){ .u = u, .changes = changes, .wall_s = wall_s };
    uint64_t start = cpu_ns();
    l->due_ns = UINT64_MAX;
    l->dirty = false;
    int result = pass_run(pass);
    l->rest_until_ns = now_ns + LISTINGS_REST * (cpu_ns() - start);
    if (pass->failed)
        l->rest_until_ns = now_ns + LISTINGS_RETRY_NS;
    if (l->dirty)
        l->due_ns = l->rest_until_ns;
    free(pass->entries);
    free(pass);
    return result;
}
