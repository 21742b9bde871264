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
#include "mempool/residency.h"
#include "mempool/scan.h"
#include "mempool/types.h"

/* Without a limit of the user's: room for changes. */
#define SPARE_FILES     16384
#define FILES_MAX       (UINT32_C(1) << 30)
#define DIRECTORIES_MIN 1024

/* A cache of chunks smaller than this is none; and room for its alignment. */
#define STREAM_BYTES_MIN (UINT64_C(8) << 20)
#define STREAM_SLACK     (UINT64_C(4) << 20)
/* Numbers of streamed files are not given twice: some for changes. */
#define STREAMS_SPARE 4096

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
    uint64_t needed;               /* bytes, by ROOT when it was scanned first */
    uint64_t largest;              /* of its files */
    uint64_t items;                /* files on disk then, names aside */
    uint64_t listing_bytes;        /* of needed: directories' listings, */
    uint64_t listings;             /* so many */
    struct residency *choice;      /* of each item, while it is built */
    const struct scan_file **disk; /* each item, by device and inode, while it is built */
    struct persist *persist;       /* NULL: the pool ends with the process */
    struct arena stream_region;    /* of the arena: base and bytes */
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

    pool->choice = calloc(scan->file_count + 1, sizeof(*pool->choice));
    pool->disk = order; /* the items, as they are found, at its beginning */
    if (order == NULL || pool->choice == NULL)
        return out_of_memory(pool, error);
    for (size_t i = 0; i < scan->file_count; i++)
        order[i] = &scan->files[i];
    qsort(order, scan->file_count, sizeof(*order), by_inode);
    for (size_t i = 0; i < scan->file_count; i++) {
        const struct scan_file *file = order[i];
        bool pinned = residency_is_pinned(pool->config.pinned, scan_string(scan, file->path));
        if (i > 0 && by_inode(&order[pool->items - 1], &file) == 0) {
            pool->choice[pool->items - 1].pinned |= pinned;
            continue;
        }
        uint64_t bytes = (file->size + unit - 1) / unit * unit;
        pool->disk[pool->items] = file;
        pool->choice[pool->items++] = (struct residency){ .bytes = bytes, .pinned = pinned };
        pool->needed += bytes;
        if (pool->largest < bytes)
            pool->largest = bytes;
    }
    pool->listing_bytes = listings_room(&pool->updater.listings, scan, unit, &pool->listings);
    pool->needed += pool->listing_bytes;
    if (pool->largest < pool->listing_bytes)
        pool->largest = pool->listing_bytes;
    return 0;
}

/* Not all files fit: a part of the pool becomes the cache of chunks, and the files that do not fit
 * into the rest are streamed through it. */
static int divide(struct pool *pool, const struct error *error)
{
    const struct pool_config *config = &pool->config;
    struct update_streams *streams = &pool->updater.streams;
    uint64_t cache = config->stream_bytes != 0 ? config->stream_bytes : config->bytes / 2;
    char need[POOL_SIZE_TEXT_BYTES], have[POOL_SIZE_TEXT_BYTES], cache_text[POOL_SIZE_TEXT_BYTES];
    uint32_t count = 0;

    cache -= cache % CHUNK_BYTES;
    if (cache < STREAM_BYTES_MIN || cache + STREAM_SLACK > config->bytes)
        return pool_error(error->text, error->bytes,
                          "pool: the %zu files below ROOT need %s, the pool has %s: %" PRIu64
                          " bytes short; make it at least %" PRIu64
                          " bytes (--pool), or for streaming 16 MiB or more, with "
                          "pool.stream_cache (%s here) from 8 MiB up to 4 MiB less than the pool",
                          pool->updater.scan.file_count, pool_size_text(pool->needed, need),
                          pool_size_text(config->bytes, have), pool->needed - config->bytes,
                          pool->needed, pool_size_text(cache, cache_text));
    uint64_t room = config->bytes - cache - STREAM_SLACK;
    room -= pool->listing_bytes < room ? pool->listing_bytes : room;
    uint64_t used = residency_choose(pool->choice, pool->items, room);
    if (used == UINT64_MAX)
        return out_of_memory(pool, error);
    if (used > room)
        return pool_error(
            error->text, error->bytes,
            "pool: the files of pool.pinned need %s, the pool has %s beside its "
            "cache for streaming: raise --pool, lower pool.stream_cache, or pin fewer",
            pool_size_text(used, need), pool_size_text(room, have));
    streams->size_min = UINT64_MAX;
    for (uint64_t i = 0; i < pool->items; i++) {
        const struct residency *file = &pool->choice[i];
        count += !file->resident;
        /* Sizes rounded to blocks: a block less is still too much. */
        uint64_t size = file->bytes - pool->updater.scan.direct_align + 1;
        if (!file->resident && size < streams->size_min)
            streams->size_min = size;
    }
    streams->max = 2 * count + STREAMS_SPARE;
    streams->pinned = config->pinned;
    streams->files = calloc(streams->max, sizeof(*streams->files));
    pool->report.stream_bytes = cache;
    return streams->files != NULL ? 0 : out_of_memory(pool, error);
}

/* In a file that the next process will find. Without a size of the user's one that is a bit smaller
 * than it would be made today serves as well, so that a file more does not mean a cold start. */
static int reserve_in_file(struct pool *pool, uint64_t bytes, const struct error *error)
{
    const struct pool_config *config = &pool->config;
    const struct scan *scan = &pool->updater.scan;
    uint64_t spare = bytes - pool->needed;

    if (config->node_count > 1)
        return pool_error(
            error->text, error->bytes,
            "pool.persist: such a pool lies on one NUMA node: name one in pool.nodes");
    const struct persist_config persist = {
        .path = config->persist,
        .root = config->root[0] == '/' ? config->root : scan->root_real,
        .node = config->node_count != 0 ? config->nodes[0] : config->node,
        .unit = scan->direct_align,
        .files = (uint32_t)pool->items,
        .bytes = bytes,
        .bytes_min = config->bytes == 0 ? bytes - spare / 2 : 0,
    };

    pool->persist =
        persist_open(&persist, &pool->arena, &pool->sums, &pool->log, error->text, error->bytes);
    return pool->persist != NULL ? 0 : -1;
}

static int reserve(struct pool *pool, const struct error *error)
{
    const struct pool_config *config = &pool->config;
    uint64_t needed = pool->needed;

    if (config->bytes != 0 && config->bytes < needed && divide(pool, error) != 0)
        return -1;
    struct arena_config arena = {
        .bytes = config->bytes,
        .node = config->node,
        .nodes = config->nodes,
        .node_count = config->node_count,
        .allow_small_pages = config->allow_small_pages,
    };
    if (arena.bytes == 0)
        arena.bytes =
            needed + (config->follow ? contents_spare(needed, pool->largest) : 0) + (needed == 0);
    if (config->persist != NULL)
        return reserve_in_file(pool, arena.bytes, error);
    arena.keep_bytes = config->keep_bytes + contents_sums(arena.bytes) * sizeof(uint16_t);
    if (arena_create(&pool->arena, &arena, &pool->log, error->text, error->bytes) != 0)
        return -1;
    arena.bytes = contents_sums(pool->arena.bytes) * sizeof(uint16_t);
    arena.keep_bytes = config->keep_bytes;
    return arena_create(&pool->sums, &arena, &pool->log, error->text, error->bytes);
}

/* ---- load ---- */

static void progress_report(void *ctx, uint64_t items_done, uint64_t bytes_done)
{
    const struct pool *pool = ctx;
    struct pool_progress progress = {
        .files_done = items_done + pool->report.adopted.files,
        .files = pool->items,
        .bytes_done = bytes_done + pool->report.adopted.bytes,
        .bytes = pool->needed,
    };

    if (progress.files_done == pool->items) /* needed bytes are whole blocks */
        progress.bytes = progress.bytes_done;
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
    uint64_t files = pool->updater.scan.file_count + pool->listings;

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

/* What a predecessor has left of what is to be read. */
static void adopt(struct pool *pool)
{
    struct persist_adopted *adopted = &pool->report.adopted;
    const struct residency *choice = pool->updater.streams.max != 0 ? pool->choice : NULL;
    char size[POOL_SIZE_TEXT_BYTES];

    if (pool->persist == NULL)
        return;
    persist_adopt(pool->persist, pool->contents, &pool->arena, &pool->sums, pool->disk, choice,
                  pool->items, adopted);
    if (adopted->damaged > 0)
        pool_log_warning(&pool->log,
                         "pool.persist: %" PRIu64 " files in %s were damaged: they are read again",
                         adopted->damaged, persist_path(pool->persist));
    pool_log_info(&pool->log,
                  "pool.persist: %" PRIu64 " of %" PRIu64
                  " files (%s) were in %s, found in %" PRIu64 " ms; others there: %" PRIu64
                  " changed or gone, %" PRIu64 " too fresh, %" PRIu64 " damaged, %" PRIu64
                  " out of place",
                  adopted->files, pool->items, pool_size_text(adopted->bytes, size),
                  persist_path(pool->persist), adopted->ns / 1000000, adopted->changed,
                  adopted->fresh, adopted->damaged, adopted->moved);
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
        u->content_of == NULL ||
        listings_open(&u->listings, catalogue_directories_max(u->catalogue)) != 0)
        return out_of_memory(pool, error);
    if (u->streams.max != 0) {
        struct extent_range range;
        bool fits =
            extent_map_reserve(contents_map(pool->contents), pool->report.stream_bytes, &range);
        ASSERT(fits && range.offset % CHUNK_BYTES == 0);
        pool->stream_region = arena_slice(&pool->arena, range.offset, pool->report.stream_bytes);
    }
    adopt(pool);
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
    for (uint32_t i = 0; i < catalogue_files_max(u->catalogue); i++) {
        const struct file *file = catalogue_file(u->catalogue, i);
        pool->report.streamed += file != NULL && file->stream != 0;
        pool->report.streamed_bytes += file != NULL && file->stream != 0 ? file->size : 0;
    }
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
    u->policy = config->policy;
    u->log = &pool->log;
    u->watch = pool->watch;
    u->listings.rules = config->listings;
    u->listings.rule_count = config->listing_count;
    u->listings.due_ns = UINT64_MAX;
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

int pool_streaming(struct pool *pool, struct streamer_config *config, char *error,
                   size_t error_bytes)
{
    const struct updater *u = &pool->updater;
    char why[POOL_ERROR_BYTES / 2];

    if (u->streams.max == 0)
        return 0;
    config->files = u->streams.files;
    config->file_count = u->streams.max;
    config->root_fd = u->scan.root_fd;
    config->direct_align = u->scan.direct_align;
    config->region = pool->stream_region;
    /* Nothing but io_uring's fixed buffers can fill the arena once it is sealed. */
    config->reader = reader_create_uring(&pool->stream_region, why, sizeof(why));
    if (config->reader != NULL)
        return 1;
    return pool_error(error, error_bytes,
                      "pool: not all files fit, and to stream the rest io_uring is needed: %s",
                      why);
}

enum dma_result pool_dma_map(struct pool *pool, struct rte_device *device, char *error,
                             size_t error_bytes)
{
    return dma_map(pool->dma, device, error, error_bytes);
}

void pool_dma_forget(struct pool *pool, const struct rte_device *device)
{
    dma_forget(pool->dma, device);
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

uint64_t pool_verify(struct pool *pool, const struct verify_request *request)
{
    return pool->keeper != NULL ? keeper_verify(pool->keeper, request) : 0;
}

bool pool_verify_report(struct pool *pool, struct verify_report *report)
{
    return pool->keeper != NULL && keeper_verify_report(pool->keeper, report);
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
        const struct updater *u = &pool->updater;
        now.files = catalogue_files(u->catalogue) - u->listings.count;
        now.file_bytes = catalogue_bytes(u->catalogue) - u->listings.bytes;
        contents_usage(pool->contents, now.parts);
    }
    report->node_count = node_report(&pool->arena, pool->dma, now.parts, report->nodes);
    report->files = now.files;
    report->file_bytes = now.file_bytes;
    report->used_bytes = now.usage.bytes - now.usage.free_bytes;
    dma_range(pool->dma, 0, pool->arena.bytes, &report->iova_first, &report->iova_end);
    report->iova_physical = pool->arena.iovas != NULL;
    dma_device_names(pool->dma, report->devices, sizeof(report->devices));
    report->sum_bytes = pool->sums.bytes;
    report->arena_bytes = pool->arena.bytes;
    report->page_bytes = pool->arena.page_bytes;
    report->node = pool->arena.node;
    report->vm_locked = locked.locked;
    report->vm_pinned = locked.pinned;
    report->vm_hugetlb = locked.hugetlb;
    report->reader = pool->reader->ops->name;
    report->persist = pool->persist != NULL ? persist_path(pool->persist) : NULL;
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
    persist_close(pool->persist);
    for (uint32_t i = 0; i < pool->updater.streams.count; i++)
        free((char *)(uintptr_t)pool->updater.streams.files[i].real_path);
    free(pool->updater.streams.files);
    free(pool->choice);
    free(pool->disk);
    free(pool);
}
