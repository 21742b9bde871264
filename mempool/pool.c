/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena's plan: the files one after the other, by device and inode, each at a multiple of the
 * alignment that direct I/O asks for and without gaps within a file; then their prefix sums. So the
 * sums, which the dataplane reads for every packet, lie on hugepages of the right node too.
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

struct pool {
    struct arena arena;
    struct dma *dma;
    struct reader *reader;
    struct catalogue *catalogue;
    struct pool_report report;
};

/* What is needed only while the pool is built. */
struct build {
    const struct pool_config *config;
    struct pool_log log;
    struct scan scan;
    struct types *types;
    struct loader_item *items; /* one per file on disk */
    size_t item_count;
    size_t *item_of; /* of each name in scan.files */
    uint64_t file_bytes, sum_entries;
    char *error;
    size_t error_bytes;
};

static int out_of_memory(const struct build *build)
{
    return pool_error(build->error, build->error_bytes, "pool: out of memory for %zu files",
                      build->scan.file_count);
}

/* ---- plan ---- */

struct name_order {
    const struct scan_file *file;
    size_t name;
};

static int by_inode(const void *a, const void *b)
{
    const struct scan_file *x = ((const struct name_order *)a)->file;
    const struct scan_file *y = ((const struct name_order *)b)->file;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    return (x->ino > y->ino) - (x->ino < y->ino);
}

/* One item for all names of a file, in order of inodes: roughly that of the disk. */
static void items_fill(struct build *build, const struct name_order *order)
{
    uint32_t align = build->scan.direct_align;

    for (size_t i = 0; i < build->scan.file_count; i++) {
        const struct scan_file *file = order[i].file;
        if (i == 0 || by_inode(&order[i - 1], &order[i]) != 0)
            build->items[build->item_count++] =
                (struct loader_item){ .real_path = scan_string(&build->scan, file->real_path) };
        struct loader_item *item = &build->items[build->item_count - 1];
        uint64_t capacity = (file->size + align - 1) / align * align;
        if (item->capacity < capacity) /* it may have grown between two visits */
            item->capacity = capacity;
        build->item_of[order[i].name] = build->item_count - 1;
    }
    for (size_t i = 0; i < build->item_count; i++) {
        build->file_bytes += build->items[i].capacity;
        build->sum_entries += prefix_sum_entries(build->items[i].capacity);
    }
}

static int plan(struct build *build)
{
    size_t names = build->scan.file_count;
    struct name_order *order = calloc(names + 1, sizeof(*order));

    build->items = calloc(names + 1, sizeof(*build->items));
    build->item_of = calloc(names + 1, sizeof(*build->item_of));
    if (order == NULL || build->items == NULL || build->item_of == NULL) {
        free(order);
        return out_of_memory(build);
    }
    for (size_t i = 0; i < names; i++)
        order[i] = (struct name_order){ .file = &build->scan.files[i], .name = i };
    qsort(order, names, sizeof(*order), by_inode);
    items_fill(build, order);
    free(order);
    return 0;
}

static uint64_t bytes_needed(const struct build *build)
{
    return build->file_bytes + build->sum_entries * sizeof(uint16_t);
}

static int reserve(struct pool *pool, struct build *build)
{
    const struct pool_config *config = build->config;
    uint64_t needed = bytes_needed(build);
    char need_text[POOL_SIZE_TEXT_BYTES], have_text[POOL_SIZE_TEXT_BYTES];

    if (config->bytes != 0 && config->bytes < needed)
        return pool_error(build->error, build->error_bytes,
                          "pool: the %zu files below ROOT need %s, the pool has %s: %" PRIu64
                          " bytes short; make it at least %" PRIu64
                          " bytes (--pool), or serve fewer files",
                          build->scan.file_count, pool_size_text(needed, need_text),
                          pool_size_text(config->bytes, have_text), needed - config->bytes, needed);
    const struct arena_config arena = {
        .bytes = config->bytes != 0 ? config->bytes : needed + (needed == 0),
        .node = config->node,
        .allow_small_pages = config->allow_small_pages,
    };
    return arena_create(&pool->arena, &arena, &build->log, build->error, build->error_bytes);
}

/* Gives each item its place. */
static void place(const struct pool *pool, struct build *build)
{
    uint8_t *data = pool->arena.base;
    uint16_t *sums = (uint16_t *)(void *)(pool->arena.base + build->file_bytes);

    for (size_t i = 0; i < build->item_count; i++) {
        build->items[i].data = data;
        build->items[i].sums = sums;
        data += build->items[i].capacity;
        sums += prefix_sum_entries(build->items[i].capacity);
    }
}

/* ---- load ---- */

static void progress_report(void *ctx, uint64_t items_done, uint64_t bytes_done)
{
    const struct build *build = ctx;
    struct pool_progress progress = {
        .files_done = items_done,
        .files = build->item_count,
        .bytes_done = bytes_done,
        .bytes = build->file_bytes,
    };

    if (items_done == build->item_count) /* planned bytes are whole blocks */
        progress.bytes = bytes_done;
    build->config->progress(build->config->ctx, &progress);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int load(struct pool *pool, struct build *build)
{
    struct loader_progress progress = { .report = build->config->progress != NULL ? progress_report
                                                                                  : NULL,
                                        .ctx = build };
    struct loader_result result;
    uint64_t start = now_ns();

    if (loader_run(pool->reader, build->scan.root_fd, build->items, build->item_count,
                   build->scan.direct_align, &progress, &build->log, &result) != 0)
        return out_of_memory(build);
    pool->report.load_ns = now_ns() - start;
    pool->report.skipped += result.skipped;
    pool->report.buffered = result.buffered;
    return 0;
}

/* ---- catalogue ---- */

static int file_add(struct pool *pool, const struct build *build, const char *path,
                    const struct loader_item *item, int64_t now_s)
{
    /* No Last-Modified may lie in the future (RFC 9110 section 8.8.2.1). */
    int64_t mtime_s = item->mtime_s < now_s ? item->mtime_s : now_s;
    const struct file_extent extent = { .data = item->data, .offset = 0, .len = item->size };
    struct file *file = catalogue_add_file(pool->catalogue, path, strlen(path), item->size, mtime_s,
                                           item->mtime_ns, types_find(build->types, path));

    if (file == NULL)
        return -1;
    file->sums = item->sums;
    return catalogue_set_extents(pool->catalogue, file, &extent, item->size != 0);
}

static int catalogue_fill(struct pool *pool, const struct build *build)
{
    const struct scan *scan = &build->scan;
    int64_t now_s = (int64_t)time(NULL);

    if (scan->file_count + scan->directory_count >= UINT32_MAX)
        return pool_error(build->error, build->error_bytes, "pool: more than 2^32 files");
    pool->catalogue = catalogue_create((uint32_t)scan->file_count, (uint32_t)scan->directory_count);
    if (pool->catalogue == NULL)
        return out_of_memory(build);
    for (size_t i = 0; i < scan->directory_count; i++) {
        const char *path = scan_string(scan, scan->directories[i].path);
        if (catalogue_add_directory(pool->catalogue, path, strlen(path)) != 0)
            return out_of_memory(build);
    }
    for (size_t i = 0; i < scan->file_count; i++) {
        const struct loader_item *item = &build->items[build->item_of[i]];
        if (item->loaded &&
            file_add(pool, build, scan_string(scan, scan->files[i].path), item, now_s) != 0)
            return out_of_memory(build);
    }
    return 0;
}

/* ---- the whole ---- */

static int build_run(struct pool *pool, struct build *build)
{
    const char *types = build->config->media_types;

    if (scan_root(&build->scan, build->config->root, &build->log, build->error,
                  build->error_bytes) != 0)
        return -1;
    pool->report.skipped = build->scan.skipped;
    build->types = types_load(types != NULL ? types : TYPES_SYSTEM_FILE, &build->log);
    if (build->types == NULL)
        return out_of_memory(build);
    if (plan(build) != 0 || reserve(pool, build) != 0)
        return -1;
    place(pool, build);
    pool->dma = dma_create(&pool->arena, build->error, build->error_bytes);
    if (pool->dma == NULL)
        return -1;
    pool->reader = reader_create(&pool->arena, &build->log);
    if (pool->reader == NULL)
        return out_of_memory(build);
    if (load(pool, build) != 0 || catalogue_fill(pool, build) != 0)
        return -1;
    pool->report.used_bytes = bytes_needed(build);
    pool->report.sum_bytes = build->sum_entries * sizeof(uint16_t);
    return 0;
}

struct pool *pool_create(const struct pool_config *config, char *error, size_t error_bytes)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    struct build build = {
        .config = config,
        .log = { .line = config->log, .ctx = config->ctx },
        .scan = { .root_fd = -1 },
        .error = error,
        .error_bytes = error_bytes,
    };

    if (pool == NULL) {
        pool_error(error, error_bytes, "pool: out of memory");
        return NULL;
    }
    if (build_run(pool, &build) != 0) {
        pool_destroy(pool);
        pool = NULL;
    }
    pool_log_summary(&build.log);
    free(build.items);
    free(build.item_of);
    types_destroy(build.types);
    scan_destroy(&build.scan);
    return pool;
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

const struct catalogue *pool_catalogue(const struct pool *pool)
{
    return pool->catalogue;
}

const struct arena *pool_arena(const struct pool *pool)
{
    return &pool->arena;
}

void pool_report(const struct pool *pool, struct pool_report *report)
{
    struct arena_locked locked = arena_locked_read();

    *report = pool->report;
    report->files = catalogue_files(pool->catalogue);
    report->file_bytes = catalogue_bytes(pool->catalogue);
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
    catalogue_destroy(pool->catalogue);
    if (pool->reader != NULL)
        pool->reader->ops->destroy(pool->reader);
    dma_destroy(pool->dma);
    arena_destroy(&pool->arena);
    free(pool);
}
