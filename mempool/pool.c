/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two arenas: the files' bytes, which devices read and nobody writes, and the table of their prefix
 * sums, which the dataplane reads for every packet and so lies on hugepages of the right node, too.
 */
#include "mempool/pool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "mempool/loader.h"
#include "mempool/prefix_sum.h"
#include "mempool/reader.h"
#include "mempool/scan.h"
#include "mempool/types.h"

/* Without a limit of the user's: room for changes. */
#define SPARE_FILES     16384
#define FILES_MAX       (UINT32_C(1) << 30)
#define DIRECTORIES_MIN 1024

struct pool {
    struct pool_config config;
    struct pool_log log;
    struct arena arena, sums;
    struct dma *dma;
    struct reader *reader;
    struct types *types;
    struct contents *contents;
    struct watch *watch;
    struct updater updater;
    struct keeper *keeper;
    uint64_t needed;  /* bytes, by ROOT when it was scanned first */
    uint64_t largest; /* of its files */
    uint64_t items;   /* files on disk then, names aside */
    struct pool_report report;
};

struct error {
    char *text;
    size_t bytes;
};

static int out_of_memory(const struct pool *pool, const struct error *error)
{
    return pool_error(error->text, error->bytes, "pool: out of memory for %zu files",
                      pool->updater.scan.file_count);
}

/* ---- what ROOT needs ---- */

static int by_inode(const void *a, const void *b)
{
    const struct scan_file *x = *(const struct scan_file *const *)a;
    const struct scan_file *y = *(const struct scan_file *const *)b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return (x->ino > y->ino) - (x->ino < y->ino);
}

/* Each file once, however many names it has. */
static int count_needed(struct pool *pool, const struct error *error)
{
    const struct scan *scan = &pool->updater.scan;
    uint32_t unit = scan->direct_align;
    const struct scan_file **order = calloc(scan->file_count + 1, sizeof(*order));

    if (order == NULL)
        return out_of_memory(pool, error);
    for (size_t i = 0; i < scan->file_count; i++)
        order[i] = &scan->files[i];
    qsort(order, scan->file_count, sizeof(*order), by_inode);
    for (size_t i = 0; i < scan->file_count; i++) {
        if (i > 0 && by_inode(&order[i - 1], &order[i]) == 0)
            continue;
        pool->items++;
        uint64_t bytes = (order[i]->size + unit - 1) / unit * unit;
        pool->needed += bytes;
        if (pool->largest < bytes)
            pool->largest = bytes;
    }
    free(order);
    return 0;
}

static int reserve(struct pool *pool, const struct error *error)
{
    const struct pool_config *config = &pool->config;
    uint64_t needed = pool->needed;
    char need_text[POOL_SIZE_TEXT_BYTES], have_text[POOL_SIZE_TEXT_BYTES];

    if (config->bytes != 0 && config->bytes < needed)
        return pool_error(error->text, error->bytes,
                          "pool: the %zu files below ROOT need %s, the pool has %s: %" PRIu64
                          " bytes short; make it at least %" PRIu64
                          " bytes (--pool), or serve fewer files",
                          pool->updater.scan.file_count, pool_size_text(needed, need_text),
                          pool_size_text(config->bytes, have_text), needed - config->bytes, needed);
    struct arena_config arena = {
        .bytes = config->bytes,
        .node = config->node,
        .allow_small_pages = config->allow_small_pages,
    };
    if (arena.bytes == 0)
        arena.bytes =
            needed + (config->follow ? contents_spare(needed, pool->largest) : 0) + (needed == 0);
    if (arena_create(&pool->arena, &arena, &pool->log, error->text, error->bytes) != 0)
        return -1;
    arena.bytes = contents_sums(pool->arena.bytes) * sizeof(uint16_t);
    return arena_create(&pool->sums, &arena, &pool->log, error->text, error->bytes);
}

/* ---- load ---- */

static void progress_report(void *ctx, uint64_t items_done, uint64_t bytes_done)
{
    const struct pool *pool = ctx;
    struct pool_progress progress = {
        .files_done = items_done,
        .files = pool->items,
        .bytes_done = bytes_done,
        .bytes = pool->needed,
    };

    if (items_done == pool->items) /* needed bytes are whole blocks */
        progress.bytes = bytes_done;
    pool->config.progress(pool->config.ctx, &progress);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t files_max(const struct pool *pool)
{
    uint64_t files = pool->updater.scan.file_count;

    if (pool->config.files != 0)
        return pool->config.files;
    if (pool->config.follow)
        files = 2 * files + SPARE_FILES;
    return files < FILES_MAX ? (uint32_t)files : FILES_MAX;
}

static uint32_t directories_max(const struct pool *pool)
{
    uint64_t directories = pool->updater.scan.directory_count;

    if (pool->config.follow)
        directories = 2 * directories + DIRECTORIES_MIN;
    return directories < FILES_MAX ? (uint32_t)directories : FILES_MAX;
}

/* Makes what the updater works with. */
static int equip(struct pool *pool, const struct error *error)
{
    struct updater *u = &pool->updater;
    uint32_t files = files_max(pool);

    pool->reader = reader_create(&pool->arena, &pool->log);
    pool->contents = contents_create(&pool->arena, (uint16_t *)(void *)pool->sums.base,
                                     u->scan.direct_align, files);
    u->catalogue = catalogue_create(files, directories_max(pool));
    u->content_of = calloc((size_t)files + 1, sizeof(struct content *));
    if (pool->reader == NULL || pool->contents == NULL || u->catalogue == NULL ||
        u->content_of == NULL)
        return out_of_memory(pool, error);
    u->reader = pool->reader;
    u->contents = pool->contents;
    u->types = pool->types;
    u->progress =
        (struct loader_progress){ .report = pool->config.progress != NULL ? progress_report : NULL,
                                  .ctx = pool };
    return 0;
}

static int load(struct pool *pool, const struct error *error)
{
    struct updater *u = &pool->updater;
    const struct scopes scopes = { .all = true };
    struct update_changes changes;
    uint64_t start = now_ns();
    int result = update_apply(u, &scopes, true, start, &changes);

    if (result == 0 && changes.next != NULL) {
        catalogue_destroy(u->catalogue);
        u->catalogue = changes.next;
        changes.next = NULL;
    }
    catalogue_destroy(changes.next);
    update_changes_free(&changes);
    u->progress.report = NULL; /* no bar for what changes later */
    pool->report.load_ns = now_ns() - start;
    pool->report.skipped += u->loaded.skipped + u->counts.full + u->counts.refused;
    pool->report.buffered = u->loaded.buffered;
    u->counts = (struct update_counts){ 0 }; /* from here on: changes */
    return result == 0 ? 0 : out_of_memory(pool, error);
}

/* ---- the whole ---- */

static int build(struct pool *pool, const struct error *error)
{
    const struct pool_config *config = &pool->config;
    struct updater *u = &pool->updater;
    struct scopes scopes = { .all = true };

    if (config->follow)
        pool->watch = watch_create(&pool->log);
    u->root = config->root;
    u->log = &pool->log;
    u->watch = pool->watch;
    if (update_open(u, error->text, error->bytes) != 0 ||
        update_scan(u, &scopes, error->text, error->bytes) != 0)
        return -1;
    pool->report.skipped = u->scan.skipped;
    pool->types = types_load(config->media_types != NULL ? config->media_types : TYPES_SYSTEM_FILE,
                             &pool->log);
    if (pool->types == NULL)
        return out_of_memory(pool, error);
    if (count_needed(pool, error) != 0 || reserve(pool, error) != 0)
        return -1;
    pool->dma = dma_create(&pool->arena, error->text, error->bytes);
    if (pool->dma == NULL || equip(pool, error) != 0)
        return -1;
    return load(pool, error);
}

struct pool *pool_create(const struct pool_config *config, char *error, size_t error_bytes)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    const struct error where = { error, error_bytes };

    if (pool == NULL) {
        pool_error(error, error_bytes, "pool: out of memory");
        return NULL;
    }
    pool->config = *config;
    pool->log = (struct pool_log){ .line = config->log, .ctx = config->ctx };
    pool->updater.scan.root_fd = -1;
    int result = build(pool, &where);
    pool_log_summary(&pool->log);
    if (result == 0)
        return pool;
    pool_destroy(pool);
    return NULL;
}

enum dma_result pool_dma_map(struct pool *pool, struct rte_device *device, char *error,
                             size_t error_bytes)
{
    return dma_map(pool->dma, device, error, error_bytes);
}

int pool_seal(struct pool *pool, char *error, size_t error_bytes)
{
    return arena_seal(&pool->arena, error, error_bytes);
}

int pool_follow(struct pool *pool, const struct pool_readers *readers, char *error,
                size_t error_bytes)
{
    const struct keeper_config config = {
        .updater = &pool->updater,
        .readers = *readers,
        .rescan_ns = pool->config.rescan_ns,
    };

    ASSERT(pool->config.follow && pool->keeper == NULL);
    pool->keeper = keeper_start(&config, error, error_bytes);
    return pool->keeper != NULL ? 0 : -1;
}

void pool_unfollow(struct pool *pool)
{
    keeper_stop(pool->keeper);
}

bool pool_reload(struct pool *pool, bool wait)
{
    return pool->keeper != NULL && keeper_reload(pool->keeper, wait);
}

void pool_keeper_report(const struct pool *pool, struct keeper_report *report)
{
    *report = (struct keeper_report){ 0 };
    if (pool->keeper != NULL)
        keeper_report(pool->keeper, report);
}

const struct catalogue *pool_catalogue(const struct pool *pool)
{
    return pool->updater.catalogue;
}

const struct arena *pool_arena(const struct pool *pool)
{
    return &pool->arena;
}

void pool_report(const struct pool *pool, struct pool_report *report)
{
    struct arena_locked locked = arena_locked_read();
    struct keeper_report now;

    *report = pool->report;
    if (pool->keeper != NULL) { /* its thread may be changing all this */
        keeper_report(pool->keeper, &now);
    } else {
        now.usage = extent_map_usage(contents_map(pool->contents));
        now.files = catalogue_files(pool->updater.catalogue);
        now.file_bytes = catalogue_bytes(pool->updater.catalogue);
    }
    report->files = now.files;
    report->file_bytes = now.file_bytes;
    report->used_bytes = now.usage.bytes - now.usage.free_bytes;
    dma_range(pool->dma, &report->iova_first, &report->iova_end);
    dma_device_names(pool->dma, report->devices, sizeof(report->devices));
    report->sum_bytes = pool->sums.bytes;
    report->arena_bytes = pool->arena.bytes;
    report->page_bytes = pool->arena.page_bytes;
    report->node = pool->arena.node;
    report->vm_locked = locked.locked;
    report->vm_pinned = locked.pinned;
    report->vm_hugetlb = locked.hugetlb;
    report->reader = pool->reader->ops->name;
}

void pool_destroy(struct pool *pool)
{
    if (pool == NULL)
        return;
    keeper_stop(pool->keeper);
    keeper_destroy(pool->keeper);
    update_close(&pool->updater);
    catalogue_destroy(pool->updater.catalogue);
    free(pool->updater.content_of);
    contents_destroy(pool->contents);
    watch_destroy(pool->watch);
    types_destroy(pool->types);
    if (pool->reader != NULL)
        pool->reader->ops->destroy(pool->reader);
    dma_destroy(pool->dma);
    arena_destroy(&pool->sums);
    arena_destroy(&pool->arena);
    free(pool);
}
