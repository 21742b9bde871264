/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A few files are open at a time; each is read in chunks, several at once, which may finish in any
 * order; they are summed in order. A file is done when all is read and it still has the size and
 * times that it had when it was opened.
 */
#include "mempool/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "mempool/prefix_sum.h"
#include "mempool/scan.h"

#define WINDOW_CHUNKS                                                                              \
    64 /* of one file: read ahead of the first that is not summed; bits of a mask */
#define REPORT_NS 250000000

static_assert(LOADER_CHUNK_BYTES % PREFIX_SUM_BLOCK == 0, "chunks are summed one after the other");

/* A file being read. */
struct load {
    struct loader_item *item; /* NULL: this place is free */
    int fd;
    bool direct;
    uint64_t size; /* and times: as found when reading began */
    struct timespec mtime, ctime;
    uint64_t next;    /* up to here reads were started */
    uint64_t summed;  /* up to here bytes are in and summed: whole chunks, or all */
    uint64_t arrived; /* bit i: chunk summed / LOADER_CHUNK_BYTES + i is in */
    unsigned in_flight;
    unsigned retries;
    bool changed;            /* under our hands: what was read is of no use */
    int failed;              /* error number */
    struct etag_stream hash; /* of the bytes that are summed */
};

/* A chunk being read. */
struct chunk {
    struct read_op op; /* what is still missing of it; first, so that an op leads to its chunk */
    struct load *load;
    uint64_t start, end;
    bool direct; /* asked for past the page cache */
    struct chunk *next_free;
};

struct loader {
    struct reader *reader;
    int root_fd;
    uint32_t align;
    struct loader_item *items;
    size_t count, next_item;
    struct load loads[READER_DEPTH];
    struct chunk chunks[READER_DEPTH];
    struct chunk *free_chunks;
    unsigned in_flight;
    bool said_buffered;
    const struct loader_progress *progress;
    const bool *stop;
    uint64_t items_done, bytes_done, reported_ns;
    struct pool_log *log;
    struct loader_result *result;
};

/* ---- beginning and end of a file ---- */

static void progress_report(struct loader *l, bool force)
{
    struct timespec t;

    if (l->progress == NULL || l->progress->report == NULL)
        return;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    if (!force && now - l->reported_ns < REPORT_NS)
        return;
    l->reported_ns = now;
    l->progress->report(l->progress->ctx, l->items_done, l->bytes_done);
}

static void item_skip(struct loader *l, const struct loader_item *item, const char *why)
{
    char text[POOL_PATH_TEXT_BYTES];

    l->result->skipped++;
    l->items_done++;
    pool_log_warning(l->log, "not served: %s: %s", pool_path_text(item->real_path, text), why);
}

static void load_close(struct load *load)
{
    close(load->fd);
    load->item = NULL;
}

/* Whether the file is still what it was when reading began. Its change time is looked at too: the
 * modification time can be set back. */
static bool load_unchanged(const struct load *load, const struct stat *st)
{
    return (uint64_t)st->st_size == load->size && st->st_mtim.tv_sec == load->mtime.tv_sec &&
           st->st_mtim.tv_nsec == load->mtime.tv_nsec && st->st_ctim.tv_sec == load->ctime.tv_sec &&
           st->st_ctim.tv_nsec == load->ctime.tv_nsec;
}

/* Gets ready to read the file as st describes it. NULL, or why it cannot be served. */
static const char *load_begin(struct load *load, const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "no longer a file";
    if ((uint64_t)st->st_size > load->item->capacity)
        return "it grew since ROOT was scanned";
    load->size = (uint64_t)st->st_size;
    load->mtime = st->st_mtim;
    load->ctime = st->st_ctim;
    load->next = 0;
    load->summed = 0;
    load->arrived = 0;
    load->changed = false;
    etag_stream_begin(&load->hash);
    return NULL;
}

static void load_done(struct loader *l, struct load *load)
{
    struct loader_item *item = load->item;

    item->loaded = true;
    item->size = load->size;
    item->mtime_s = load->mtime.tv_sec;
    item->mtime_ns = (uint32_t)load->mtime.tv_nsec;
    item->ctime_s = load->ctime.tv_sec;
    item->ctime_ns = (uint32_t)load->ctime.tv_nsec;
    item->hash = etag_stream_end(&load->hash);
    l->result->loaded++;
    l->items_done++;
    if (!load->direct && item->memory_fd == 0)
        l->result->buffered++;
    load_close(load);
}

/* Nothing of the file is in flight, and either all of it is in or something went wrong. */
static void load_settle(struct loader *l, struct load *load)
{
    struct stat st;
    const char *why = NULL;

    if (load->failed == 0 && fstat(load->fd, &st) != 0)
        load->failed = errno;
    if (load->failed != 0) {
        why = strerror(load->failed);
    } else if (!load->changed && load_unchanged(load, &st)) {
        load_done(l, load);
        return;
    } else if (load->retries++ == LOADER_RETRIES) {
        why = "it changes while it is read";
    } else {
        l->bytes_done -= load->summed;
        why = load_begin(load, &st);
    }
    if (why != NULL) {
        item_skip(l, load->item, why);
        load_close(load);
    } else if (load->size == 0) {
        load_done(l, load);
    }
}

static bool direct_refused(int error)
{
    return error == EINVAL || error == EOPNOTSUPP;
}

/* O_NONBLOCK: the file may have become a pipe, whose opening would wait for a writer. */
static int item_open(const struct loader *l, const struct loader_item *item, bool *direct)
{
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

    *direct = false;
    if (item->memory_fd > 0)
        return fcntl(item->memory_fd, F_DUPFD_CLOEXEC, 0);
    int fd = scan_open(l->root_fd, item->real_path, flags | O_DIRECT);

    *direct = fd >= 0;
    if (fd < 0 && direct_refused(errno))
        fd = scan_open(l->root_fd, item->real_path, flags);
    return fd;
}

/* Reads of the file are to wait (io_uring would answer EAGAIN to O_NONBLOCK), and are direct or
 * not. 0, or -1 with errno. */
static int load_set_direct(struct loader *l, struct load *load, bool direct)
{
    if (fcntl(load->fd, F_SETFL, direct ? O_DIRECT : 0) != 0)
        return -1;
    load->direct = direct;
    if (!direct && !l->said_buffered && load->item->memory_fd == 0) {
        pool_log_info(l->log, "some files lie on a file system without direct I/O: they are read "
                              "through the page cache");
        l->said_buffered = true;
    }
    return 0;
}

/* Opens the next item in a free place. */
static void load_open(struct loader *l, struct load *load)
{
    struct loader_item *item = &l->items[l->next_item++];
    struct stat st;
    const char *why;
    bool direct;

    *load = (struct load){ .item = item };
    load->fd = item_open(l, item, &direct);
    if (load->fd < 0) {
        item_skip(l, item, strerror(errno));
        load->item = NULL;
        return;
    }
    if (fstat(load->fd, &st) != 0 || load_set_direct(l, load, direct) != 0)
        why = strerror(errno);
    else
        why = load_begin(load, &st);
    if (why != NULL) {
        item_skip(l, item, why);
        load_close(load);
    } else if (load->size == 0) {
        load_done(l, load);
    }
}

/* ---- chunks ---- */

/* The run of the item's place that holds file byte `at`. */
static const struct file_extent *extent_of(const struct loader_item *item, uint64_t at)
{
    const struct file_extent *extent = item->extents;

    while (at - extent->offset >= extent->len)
        extent++;
    ASSERT(extent < item->extents + item->extent_count);
    return extent;
}

/* Asks for what is missing of the chunk, from byte `from` of the file on, as far as it lies in one
 * run. With O_DIRECT up to the next block's end, which is within the item's place: padding,
 * whatever the disk has there. */
static void chunk_start(struct loader *l, struct chunk *chunk, uint64_t from)
{
    struct load *load = chunk->load;
    const struct file_extent *extent = extent_of(load->item, from);
    uint64_t room = extent->offset + extent->len - from;
    uint64_t len = chunk->end - from < room ? chunk->end - from : room;

    chunk->direct = load->direct;
    if (load->direct)
        len = (len + l->align - 1) / l->align * l->align;
    ASSERT(len <= room);
    chunk->op = (struct read_op){ .fd = load->fd,
                                  .to = extent->data + (from - extent->offset),
                                  .offset = from,
                                  .len = (uint32_t)len };
    l->reader->ops->start(l->reader, &chunk->op);
}

static void chunk_begin(struct loader *l, struct load *load)
{
    struct chunk *chunk = l->free_chunks;
    uint64_t left = load->size - load->next;

    l->free_chunks = chunk->next_free;
    chunk->load = load;
    chunk->start = load->next;
    chunk->end = load->next + (left < LOADER_CHUNK_BYTES ? left : LOADER_CHUNK_BYTES);
    load->next = chunk->end;
    load->in_flight++;
    l->in_flight++;
    chunk_start(l, chunk, chunk->start);
}

/* A read failed with error. True: it is worth another try, if only through the page cache. */
static bool chunk_may_retry(struct loader *l, struct chunk *chunk, int error)
{
    struct load *load = chunk->load;

    if (error == EINTR || error == EAGAIN)
        return true;
    /* The file system takes O_DIRECT and refuses the read, or asks for a larger alignment. */
    return direct_refused(error) && chunk->direct &&
           (!load->direct || load_set_direct(l, load, false) == 0);
}

/* Sums len bytes of the file behind those that are summed. */
static void bytes_sum(struct load *load, uint64_t len)
{
    while (len > 0) {
        const struct file_extent *extent = extent_of(load->item, load->summed);
        uint64_t at = load->summed - extent->offset;
        uint64_t run = extent->len - at < len ? extent->len - at : len;
        /* Nobody reads the sums before the file is published. */
        prefix_sum_extend((uint16_t *)(uintptr_t)extent->sums, at / PREFIX_SUM_BLOCK,
                          extent->data + at, run);
        etag_stream_add(&load->hash, extent->data + at, run); /* while it is in the CPU's cache */
        load->summed += run;
        len -= run;
    }
}

/* Sums the chunks that have arrived, in order. */
static void chunks_sum(struct loader *l, struct load *load)
{
    for (; (load->arrived & 1) != 0; load->arrived >>= 1) {
        uint64_t left = load->size - load->summed;
        uint64_t len = left < LOADER_CHUNK_BYTES ? left : LOADER_CHUNK_BYTES;
        bytes_sum(load, len);
        l->bytes_done += len;
    }
}

/* Takes note of a read's result; true: the chunk goes on. */
static bool chunk_goes_on(struct loader *l, struct chunk *chunk)
{
    struct load *load = chunk->load;
    const struct read_op *op = &chunk->op;
    uint64_t at = op->offset;

    if (load->changed || load->failed != 0)
        return false;
    if (op->result < 0) {
        if (!chunk_may_retry(l, chunk, -op->result)) {
            load->failed = -op->result;
            return false;
        }
        chunk_start(l, chunk, at);
        return true;
    }
    at += (uint64_t)op->result;
    if (at >= chunk->end) {
        load->arrived |= UINT64_C(1) << ((chunk->start - load->summed) / LOADER_CHUNK_BYTES);
        chunks_sum(l, load);
        return false;
    }
    /* A direct read that ends within a block has met the end of the file, before we expected it. */
    if (op->result == 0 || (chunk->direct && at % l->align != 0)) {
        load->changed = true;
        return false;
    }
    chunk_start(l, chunk, at);
    return true;
}

static void chunk_finished(struct loader *l, struct chunk *chunk)
{
    struct load *load = chunk->load;

    if (chunk_goes_on(l, chunk))
        return;
    chunk->next_free = l->free_chunks;
    l->free_chunks = chunk;
    load->in_flight--;
    l->in_flight--;
    if (load->in_flight == 0 && (load->changed || load->failed != 0 || load->summed == load->size))
        load_settle(l, load);
    progress_report(l, false);
}

/* ---- the run ---- */

static bool load_wants_read(const struct load *load)
{
    return load->item != NULL && !load->changed && load->failed == 0 && load->next < load->size &&
           load->next - load->summed < (uint64_t)WINDOW_CHUNKS * LOADER_CHUNK_BYTES;
}

/* A file of which more can be asked for: one that is open, else the next. NULL: none for now. */
static struct load *load_next(struct loader *l)
{
    struct load *free_load = NULL;

    if (l->stop != NULL && __atomic_load_n(l->stop, __ATOMIC_RELAXED))
        return NULL;

    for (unsigned i = 0; i < READER_DEPTH; i++) {
        if (load_wants_read(&l->loads[i]))
            return &l->loads[i];
        if (l->loads[i].item == NULL)
            free_load = &l->loads[i];
    }
    while (free_load != NULL && l->next_item < l->count) {
        load_open(l, free_load);
        if (free_load->item != NULL)
            return free_load;
    }
    return NULL;
}

int loader_run(struct reader *reader, int root_fd, struct loader_item *items, size_t count,
               uint32_t direct_align, const struct loader_progress *progress, const bool *stop,
               struct pool_log *log, struct loader_result *result)
{
    struct loader *l = aligned_alloc(64, (sizeof(*l) + 63) / 64 * 64);
    struct load *load;

    *result = (struct loader_result){ 0 };
    if (l == NULL)
        return -1;
    memset(l, 0, sizeof(*l));
    l->reader = reader;
    l->root_fd = root_fd;
    l->align = direct_align;
    l->items = items;
    l->count = count;
    l->progress = progress;
    l->stop = stop;
    l->log = log;
    l->result = result;
    for (unsigned i = 0; i < READER_DEPTH; i++) {
        l->chunks[i].next_free = l->free_chunks;
        l->free_chunks = &l->chunks[i];
    }
    for (;;) {
        while (l->free_chunks != NULL && (load = load_next(l)) != NULL)
            chunk_begin(l, load);
        if (l->in_flight == 0)
            break;
        chunk_finished(l, (struct chunk *)reader->ops->wait(reader));
    }
    for (unsigned i = 0; i < READER_DEPTH; i++)
        if (l->loads[i].item != NULL) /* stopped half way */
            load_close(&l->loads[i]);
    progress_report(l, true);
    free(l);
    return 0;
}
