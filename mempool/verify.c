/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/assert.h"

/* A step's unit of work: some 50 us of memory, or one read. */
#define SLICE_BYTES (UINT64_C(256) << 10)
#define READ_BYTES  (UINT64_C(1) << 20)
#define READ_ALIGN  65536 /* no disk asks for more (mempool/scan.c) */

/* The content that is being looked at. */
struct current {
    struct content *content; /* held; NULL: none */
    uint32_t index;          /* of the file by whose name we came to it */
    uint32_t extent;
    uint64_t at;                        /* in the extent */
    uint64_t wrong_blocks, first_wrong; /* and the byte of the file where the first one begins */
    int fd;                             /* on disk; -1: it is not compared */
    bool differs;
};

struct verify {
    struct updater *u;
    struct verify_request request;
    struct verify_report report;
    uint64_t started_ns;
    uint32_t next; /* index */
    struct current now;
    XXH3_state_t *hash;
    uint8_t *buffer;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct verify *verify_create(struct updater *u)
{
    struct verify *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return NULL;
    v->u = u;
    v->now.fd = -1;
    v->hash = XXH3_createState();
    v->buffer = aligned_alloc(READ_ALIGN, READ_BYTES);
    if (v->hash != NULL && v->buffer != NULL)
        return v;
    verify_destroy(v);
    return NULL;
}

static void current_drop(struct verify *v)
{
    if (v->now.fd >= 0)
        close(v->now.fd);
    if (v->now.content != NULL)
        content_release(v->u->contents, v->now.content);
    v->now = (struct current){ .fd = -1 };
}

void verify_destroy(struct verify *v)
{
    if (v == NULL)
        return;
    current_drop(v);
    XXH3_freeState(v->hash);
    free(v->buffer);
    free(v);
}

const struct verify_report *verify_report(const struct verify *v)
{
    return &v->report;
}

void verify_begin(struct verify *v, const struct verify_request *request)
{
    ASSERT(!v->report.running && v->now.content == NULL);
    v->request = *request;
    v->report = (struct verify_report){ .running = true, .serial = v->report.serial + 1 };
    v->started_ns = now_ns();
    v->next = 0;
}

/* ---- what is to be looked at ---- */

/* The path of the file with this index in the newest version, or NULL. */
static const char *path_of(const struct verify *v, uint32_t index)
{
    size_t len;
    const char *path = catalogue_file_path(v->u->catalogue, index, &len);

    if (path == NULL)
        return NULL;
    struct catalogue_entry entry = catalogue_find(v->u->catalogue, path, len);
    return entry.kind == CATALOGUE_FILE && entry.file->index == index ? path : NULL;
}

static bool is_wanted(const struct verify *v, const char *path)
{
    const char *pattern = v->request.pattern;

    return pattern[0] == '\0' || path_is_within(path, pattern) || fnmatch(pattern, path, 0) == 0;
}

static struct content_id id_of(const struct stat *st)
{
    return (struct content_id){ .dev = st->st_dev,
                                .ino = st->st_ino,
                                .size = (uint64_t)st->st_size,
                                .mtime_s = st->st_mtim.tv_sec,
                                .mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
                                .ctime_s = st->st_ctim.tv_sec,
                                .ctime_ns = (uint32_t)st->st_ctim.tv_nsec };
}

/* Whether fd still is the file that was read. */
static bool is_same_file(const struct verify *v, int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return false;
    struct content_id id = id_of(&st);
    return content_id_equal(&id, &v->now.content->id);
}

/* Symlinks may lead anywhere: what matters is that they lead to this inode. */
static void disk_open(struct verify *v, const char *path)
{
    int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    int fd = openat(v->u->scan.root_fd, path, flags | O_DIRECT);

    if (fd < 0 && errno == EINVAL)
        fd = openat(v->u->scan.root_fd, path, flags);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR) {
        v->report.unread++;
    } else if (fd < 0 || !is_same_file(v, fd)) {
        v->report.changed++;
        if (fd >= 0)
            close(fd);
    } else {
        v->now.fd = fd;
    }
}

/* Takes up the next content. False: there is none. */
static bool current_next(struct verify *v)
{
    struct updater *u = v->u;

    for (uint32_t max = catalogue_files_max(u->catalogue); v->next < max;) {
        uint32_t index = v->next++;
        const char *path = path_of(v, index);
        if (path == NULL || !is_wanted(v, path))
            continue;
        struct content *content = u->content_of[index];
        v->report.streamed += content->stream != 0;
        v->report.files += content->stream == 0;
        if (content->stream != 0 || content->damaged || content->verified == v->report.serial)
            continue;
        content->verified = v->report.serial;
        content_hold(content);
        v->now = (struct current){ .content = content, .index = index, .fd = -1 };
        XXH3_128bits_reset(v->hash);
        if (v->request.disk && content->id.dev != CONTENT_MADE)
            disk_open(v, path);
        return true;
    }
    return false;
}

/* ---- looking ---- */

/* Compares with the disk. Stops doing so if it cannot be read. */
static void slice_compare(struct verify *v, const struct file_extent *extent, uint64_t len)
{
    uint64_t align = extent_map_unit(contents_map(v->u->contents));
    uint64_t asked = (len + align - 1) / align * align, got = 0;

    while (got < len) {
        ssize_t n = pread(v->now.fd, v->buffer + got, asked - got,
                          (off_t)(extent->offset + v->now.at + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            v->report.unread++;
            close(v->now.fd);
            v->now.fd = -1;
            return;
        }
        if (n == 0)
            break; /* shorter than it was */
        got += (uint64_t)n;
    }
    v->now.differs |= got < len || memcmp(v->buffer, extent->data + v->now.at, len) != 0;
    v->report.disk_bytes += len;
}

/* The next piece of the content. False: that was all. */
static bool slice_check(struct verify *v)
{
    struct current *now = &v->now;
    uint64_t slice = now->fd >= 0 ? READ_BYTES : SLICE_BYTES, first = 0;

    if (now->extent == now->content->extent_count)
        return false;
    const struct file_extent *extent = &now->content->extents[now->extent];
    uint64_t len = extent->len - now->at < slice ? extent->len - now->at : slice;
    uint64_t wrong = prefix_sum_check(extent->sums, now->at / PREFIX_SUM_BLOCK,
                                      extent->data + now->at, len, &first);
    if (wrong > 0 && now->wrong_blocks == 0)
        now->first_wrong = extent->offset + first * PREFIX_SUM_BLOCK;
    now->wrong_blocks += wrong;
    XXH3_128bits_update(v->hash, extent->data + now->at, len);
    if (now->fd >= 0)
        slice_compare(v, extent, len);
    v->report.bytes += len;
    now->at += len;
    if (now->at == extent->len) {
        now->at = 0;
        now->extent++;
    }
    return true;
}

/* ---- what was found ---- */

/* The path's end, in characters that any terminal and parser takes. */
static void path_show(const char *path, char text[VERIFY_FINDING_BYTES])
{
    size_t len = strlen(path), shown = len < VERIFY_FINDING_BYTES ? len : VERIFY_FINDING_BYTES - 4;

    memcpy(text, "...", 4);
    char *to = shown < len ? text + 3 : text;
    for (size_t i = 0; i <= shown; i++) {
        unsigned char byte = (unsigned char)path[len - shown + i];
        to[i] = byte == '\0' || (byte >= ' ' && byte < 0x7f) ? (char)byte : '?';
    }
}

static void say(struct verify *v, enum verify_fault fault, const char *path)
{
    const struct current *now = &v->now;
    struct verify_report *r = &v->report;
    char text[POOL_PATH_TEXT_BYTES];

    if (r->finding_count == VERIFY_FINDINGS_MAX)
        return;
    struct verify_finding *finding = &r->findings[r->finding_count++];
    finding->fault = fault;
    path_show(path, finding->path);
    pool_path_text(path, text);
    if (fault == VERIFY_DIFFERS)
        pool_log_error(v->u->log, "verify: %s is not what the file on disk is: it is read again",
                       text);
    else if (now->wrong_blocks > 0)
        pool_log_error(v->u->log,
                       "verify: %s is damaged in the pool, in %" PRIu64
                       " blocks of %d bytes, the first at byte %" PRIu64 ": it is read again",
                       text, now->wrong_blocks, PREFIX_SUM_BLOCK, now->first_wrong);
    else
        pool_log_error(v->u->log,
                       "verify: %s is damaged in the pool: its hash is another; it is read again",
                       text);
}

static void current_finish(struct verify *v, void (*wrong)(void *ctx, const char *path), void *ctx)
{
    struct current *now = &v->now;
    struct content *content = now->content;
    XXH128_hash_t hash = XXH3_128bits_digest(v->hash);
    bool damaged = now->wrong_blocks > 0 || hash.high64 != content->hash.high ||
                   hash.low64 != content->hash.low;
    bool same = now->fd >= 0 && is_same_file(v, now->fd);

    v->report.disk_files += same;
    v->report.changed += now->fd >= 0 && !same;
    bool differs = same && now->differs && !damaged;
    v->report.damaged += damaged;
    v->report.differing += differs;
    if (damaged || differs) {
        const char *path = path_of(v, now->index);
        if (path != NULL)
            say(v, damaged ? VERIFY_DAMAGED : VERIFY_DIFFERS, path);
        content_damaged(v->u->contents, content);
        for (uint32_t i = 0; i < catalogue_files_max(v->u->catalogue); i++)
            if (v->u->content_of[i] == content && (path = path_of(v, i)) != NULL)
                wrong(ctx, path);
    }
    current_drop(v);
}

void verify_step(struct verify *v, uint64_t budget_ns, void (*wrong)(void *ctx, const char *path),
                 void *ctx)
{
    uint64_t end = now_ns() + budget_ns;

    for (unsigned i = 0; v->report.running; i++) {
        if (v->now.content == NULL && !current_next(v))
            v->report.running = false;
        else if (!slice_check(v))
            current_finish(v, wrong, ctx);
        if (i % 8 == 7 && now_ns() > end)
            break;
    }
    v->report.ns = now_ns() - v->started_ns;
}
