/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/streamer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "mempool/chunk_cache.h"
#include "mempool/prefix_sum.h"
#include "mempool/scan.h"

#define NONE UINT32_MAX

static_assert(STREAMER_OPEN_MAX > READER_DEPTH, "one of the open files has no read under way");

/* An open file. */
struct open_file {
    int fd;
    bool direct;
    uint32_t file;
    unsigned reads;   /* under way */
    uint64_t looked;  /* the batch in which it was last looked at, ... */
    const char *news; /* ... and why it is not what was catalogued, or NULL */
    uint32_t newer, older;
};

struct file_state {
    uint32_t open; /* NONE: it is not */
    bool failed;
};

/* A chunk being read. */
struct chunk_read {
    struct read_op op; /* what is still missing of it; first, so that an op leads to its read */
    uint32_t frame;
    uint32_t file;
    uint64_t end; /* of the chunk's bytes, in the file */
    bool direct;  /* asked for past the page cache */
    struct chunk_read *next_free;
};

struct streamer {
    struct streamer_config config;
    uint32_t frames;
    struct chunk_cache *cache;
    uint16_t *sums;
    size_t sums_bytes;

    struct file_state *file;
    struct open_file open[STREAMER_OPEN_MAX];
    uint32_t open_count, newest, oldest;

    struct chunk_read reads[READER_DEPTH];
    struct chunk_read *free_reads;
    unsigned reads_under_way;
    uint64_t batch;    /* of reads that finished before any of them is looked at */
    uint32_t *waiting; /* a ring of frames whose read has to wait for a place, oldest first */
    uint32_t waiting_first, waiting_count;

    struct counters counters __attribute__((aligned(64)));
};

/* ---- open files, by last use ---- */

static void open_link(struct streamer *s, uint32_t i)
{
    s->open[i].newer = NONE;
    s->open[i].older = s->newest;
    if (s->newest != NONE)
        s->open[s->newest].newer = i;
    else
        s->oldest = i;
    s->newest = i;
}

static void open_unlink(struct streamer *s, uint32_t i)
{
    const struct open_file *o = &s->open[i];

    if (o->newer != NONE)
        s->open[o->newer].older = o->older;
    else
        s->newest = o->older;
    if (o->older != NONE)
        s->open[o->older].newer = o->newer;
    else
        s->oldest = o->newer;
}

/* A place for one more open file: the one unused for longest has to go. */
static uint32_t open_place(struct streamer *s)
{
    if (s->open_count < STREAMER_OPEN_MAX)
        return s->open_count++;
    uint32_t i = s->oldest;
    while (s->open[i].reads != 0)
        i = s->open[i].newer;
    open_unlink(s, i);
    close(s->open[i].fd);
    s->file[s->open[i].file].open = NONE;
    return i;
}

/* ---- files ---- */

static void file_fail(struct streamer *s, uint32_t file, const char *why)
{
    char text[POOL_PATH_TEXT_BYTES];

    if (s->file[file].failed)
        return;
    s->file[file].failed = true;
    pool_log_warning(&s->config.log, "no longer served: %s: %s",
                     pool_path_text(s->config.files[file].real_path, text), why);
}

/* NULL: it is the file that was catalogued. The change time is not looked at: renaming another file
 * over this one changes it, and whoever fetches the old one may have it to its end. */
static const char *file_differs(const struct stream_file *file, const struct stat *st)
{
    if (st->st_dev != file->dev || st->st_ino != file->ino)
        return "another file has taken its place";
    if ((uint64_t)st->st_size != file->size || st->st_mtim.tv_sec != file->mtime_s ||
        st->st_mtim.tv_nsec != file->mtime_ns)
        return "it has changed since it was catalogued";
    return NULL;
}

static bool direct_refused(int error)
{
    return error == EINVAL || error == EOPNOTSUPP;
}

/* Reads are to wait, which they do not with O_NONBLOCK, which keeps the open from waiting for a
 * pipe's writer. */
static const char *file_try_open(struct streamer *s, uint32_t file, int *fd, bool *direct)
{
    const struct stream_file *f = &s->config.files[file];
    int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat st;

    *direct = true;
    *fd = scan_open(s->config.root_fd, f->real_path, flags | O_DIRECT);
    if (*fd < 0 && direct_refused(errno)) {
        *direct = false;
        *fd = scan_open(s->config.root_fd, f->real_path, flags);
    }
    if (*fd < 0)
        return strerror(errno);
    if (fstat(*fd, &st) != 0 || fcntl(*fd, F_SETFL, *direct ? O_DIRECT : 0) != 0)
        return strerror(errno);
    return file_differs(f, &st);
}

/* The open file, or NONE: it is given up. */
static uint32_t file_open(struct streamer *s, uint32_t file)
{
    struct file_state *state = &s->file[file];
    const char *why;
    bool direct;
    int fd;

    if (state->open != NONE) {
        open_unlink(s, state->open);
        open_link(s, state->open);
        return state->open;
    }
    COUNT(&s->counters, stream_opened);
    why = file_try_open(s, file, &fd, &direct);
    if (why != NULL) {
        if (fd >= 0)
            close(fd);
        file_fail(s, file, why);
        return NONE;
    }
    uint32_t i = open_place(s);
    s->open[i] = (struct open_file){ .fd = fd, .direct = direct, .file = file };
    state->open = i;
    open_link(s, i);
    return i;
}

/* ---- reads ---- */

static uint8_t *frame_data(const struct streamer *s, uint32_t frame)
{
    return s->config.region.base + ((uint64_t)frame << CHUNK_SHIFT);
}

static void tell(struct streamer *s, struct chunk_waiter who, enum chunk_message_kind kind,
                 uint32_t frame)
{
    struct chunk_message message = { .kind = kind, .lease = who.lease, .frame = frame };
    s->config.tell(s->config.tell_ctx, who.worker, &message);
}

/* All who waited for the frame's chunk are told. */
static void frame_done(struct streamer *s, uint32_t frame, bool ok)
{
    struct chunk_waiter who;

    COUNT_N(&s->counters, stream_read_failed, !ok);
    chunk_cache_loaded(s->cache, frame, ok);
    while (chunk_cache_next_waiter(s->cache, frame, &who))
        tell(s, who, ok ? CHUNK_READY : CHUNK_FAILED, frame);
}

/* Asks for what is missing of the chunk, from byte `from` of the file on; with O_DIRECT up to the
 * next block's end, which is within the frame. */
static void read_start(struct streamer *s, struct chunk_read *r, uint64_t from)
{
    const struct open_file *o = &s->open[s->file[r->file].open];
    uint64_t len = r->end - from;

    r->direct = o->direct;
    if (o->direct)
        len = (len + s->config.direct_align - 1) / s->config.direct_align * s->config.direct_align;
    r->op = (struct read_op){ .fd = o->fd,
                              .to = frame_data(s, r->frame) + (from & (CHUNK_BYTES - 1)),
                              .offset = from,
                              .len = (uint32_t)len };
    s->config.reader->ops->start(s->config.reader, &r->op);
}

/* Begins to read the frame's chunk; there must be a place for one more read. */
static void read_begin(struct streamer *s, uint32_t frame)
{
    struct chunk_key key;
    bool known = chunk_cache_key(s->cache, frame, &key);

    ASSERT(known && s->free_reads != NULL);
    uint32_t open = s->file[key.file].failed ? NONE : file_open(s, key.file);
    uint64_t start = (uint64_t)key.chunk << CHUNK_SHIFT, size = s->config.files[key.file].size;
    if (open == NONE) {
        frame_done(s, frame, false);
        return;
    }
    ASSERT(start < size);
    struct chunk_read *r = s->free_reads;
    s->free_reads = r->next_free;
    r->frame = frame;
    r->file = key.file;
    r->end = size - start < CHUNK_BYTES ? size : start + CHUNK_BYTES;
    s->open[open].reads++;
    s->reads_under_way++;
    read_start(s, r, start);
}

/* What a look at the file behind its reads says: one look is behind all reads of a batch. */
static const char *file_news(struct streamer *s, struct open_file *o)
{
    struct stat st;

    if (o->looked != s->batch) {
        o->looked = s->batch;
        o->news =
            fstat(o->fd, &st) != 0 ? strerror(errno) : file_differs(&s->config.files[o->file], &st);
    }
    return o->news;
}

/* NULL: go on, or it is done; *more says which. Else why the file is given up. */
static const char *read_result(struct streamer *s, struct chunk_read *r, bool *more)
{
    struct open_file *o = &s->open[s->file[r->file].open];
    uint64_t at = r->op.offset;

    *more = true;
    if (r->op.result == -EINTR || r->op.result == -EAGAIN) {
        read_start(s, r, at);
        return NULL;
    }
    if (r->op.result < 0) {
        if (!direct_refused(-r->op.result) || !r->direct || fcntl(o->fd, F_SETFL, 0) != 0)
            return strerror(-r->op.result);
        o->direct = false;
        read_start(s, r, at);
        return NULL;
    }
    COUNT_N(&s->counters, stream_read_bytes, (uint64_t)r->op.result);
    at += (uint64_t)r->op.result;
    if (at < r->end) {
        /* A direct read that ends within a block has met the end of the file. */
        if (r->op.result == 0 || (r->direct && at % s->config.direct_align != 0))
            return "it has become shorter";
        read_start(s, r, at);
        return NULL;
    }
    *more = false;
    return file_news(s, o);
}

static void sum(struct streamer *s, const struct chunk_read *r)
{
    uint64_t start = (r->end - 1) & ~(uint64_t)(CHUNK_BYTES - 1);
    uint16_t *sums = s->sums + (uint64_t)r->frame * CHUNK_SUMS;

    sums[0] = 0;
    prefix_sum_extend(sums, 0, frame_data(s, r->frame), r->end - start);
}

static void start_waiting(struct streamer *s)
{
    while (s->waiting_count != 0 && s->free_reads != NULL) {
        uint32_t frame = s->waiting[s->waiting_first];
        s->waiting_first = (s->waiting_first + 1) % s->frames;
        s->waiting_count--;
        read_begin(s, frame);
    }
}

static void read_finished(struct streamer *s, struct chunk_read *r)
{
    bool more;
    const char *why = read_result(s, r, &more);

    if (why == NULL && more)
        return;
    s->open[s->file[r->file].open].reads--;
    s->reads_under_way--;
    if (why != NULL)
        file_fail(s, r->file, why);
    else if (s->sums != NULL)
        sum(s, r);
    frame_done(s, r->frame, why == NULL);
    r->next_free = s->free_reads;
    s->free_reads = r;
    start_waiting(s);
}

/* ---- the door ---- */

static void ask(struct streamer *s, uint32_t worker, const struct chunk_message *message)
{
    struct chunk_key key = { message->file, message->chunk };
    struct chunk_waiter who = { worker, message->lease };
    uint32_t frame;

    if (s->file[key.file].failed) {
        tell(s, who, CHUNK_FAILED, 0);
        return;
    }
    switch (chunk_cache_request(s->cache, key, who, &frame)) {
    case CHUNK_HIT:
        COUNT(&s->counters, stream_hit);
        tell(s, who, CHUNK_READY, frame);
        break;
    case CHUNK_SHARED:
        COUNT(&s->counters, stream_shared);
        break;
    case CHUNK_MISS:
        COUNT(&s->counters, stream_miss);
        COUNT_N(&s->counters, stream_evicted,
                chunk_cache_usage(s->cache).evictions - counter_read(&s->counters.stream_evicted));
        s->waiting[(s->waiting_first + s->waiting_count++) % s->frames] = frame;
        start_waiting(s);
        break;
    case CHUNK_FULL:
        ASSERT(!"all leases together are fewer than the frames");
        break;
    }
}

void streamer_input(struct streamer *s, uint32_t worker, const struct chunk_message *message)
{
    if (message->kind == CHUNK_RELEASE) {
        chunk_cache_release(s->cache, message->frame, message->hits);
        return;
    }
    ASSERT(message->kind == CHUNK_ASK && message->file < s->config.file_count);
    ask(s, worker, message);
}

unsigned streamer_poll(struct streamer *s, uint64_t timeout_ns)
{
    struct reader *reader = s->config.reader;
    struct read_op *done[READER_DEPTH];
    unsigned n = 0;

    while (n < s->reads_under_way) {
        struct read_op *op = reader->ops->poll(reader, n == 0 ? timeout_ns : 0);
        if (op == NULL)
            break;
        done[n++] = op;
    }
    s->batch++;
    for (unsigned i = 0; i < n; i++) /* this begins new reads, which are of a later batch */
        read_finished(s, (struct chunk_read *)done[i]);
    return n;
}

bool streamer_busy(const struct streamer *s)
{
    return s->reads_under_way != 0;
}

struct chunk_frames streamer_frames(const struct streamer *s)
{
    return (struct chunk_frames){ .base = s->config.region.base, .sums = s->sums };
}

const struct counters *streamer_counters(const struct streamer *s)
{
    return &s->counters;
}

/* ---- the whole ---- */

/* The sums are written while the arena is sealed: they have memory of their own. */
static bool sums_create(struct streamer *s)
{
    s->sums_bytes = (size_t)s->frames * CHUNK_SUMS * sizeof(uint16_t);
    void *sums = mmap(NULL, s->sums_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (sums == MAP_FAILED)
        return false;
    madvise(sums, s->sums_bytes, MADV_HUGEPAGE);
    s->sums = sums;
    return true;
}

struct streamer *streamer_create(const struct streamer_config *config)
{
    struct streamer *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);

    if (s == NULL) {
        config->reader->ops->destroy(config->reader);
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    s->config = *config;
    s->frames = (uint32_t)(config->region.bytes >> CHUNK_SHIFT);
    s->newest = s->oldest = NONE;
    ASSERT(config->leases > 0 && config->leases < s->frames);
    s->cache = chunk_cache_create(s->frames, config->leases, &memory_heap);
    s->file = calloc(config->file_count, sizeof(*s->file));
    s->waiting = calloc(s->frames, sizeof(*s->waiting));
    if (s->cache == NULL || s->file == NULL || s->waiting == NULL ||
        (config->want_sums && !sums_create(s))) {
        streamer_destroy(s);
        return NULL;
    }
    for (uint32_t i = 0; i < config->file_count; i++)
        s->file[i].open = NONE;
    for (unsigned i = 0; i < READER_DEPTH; i++) {
        s->reads[i].next_free = s->free_reads;
        s->free_reads = &s->reads[i];
    }
    return s;
}

void streamer_destroy(struct streamer *s)
{
    if (s == NULL)
        return;
    /* The disk must not write into memory that is somebody else's by then. */
    for (; s->reads_under_way != 0; s->reads_under_way--)
        s->config.reader->ops->wait(s->config.reader);
    s->config.reader->ops->destroy(s->config.reader);
    for (uint32_t i = s->oldest; i != NONE; i = s->open[i].newer)
        close(s->open[i].fd);
    if (s->sums != NULL)
        munmap(s->sums, s->sums_bytes);
    free(s->waiting);
    free(s->file);
    chunk_cache_destroy(s->cache);
    free(s);
}
