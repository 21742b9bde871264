/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/persist.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "mempool/pool_index.h"

#define NS_PER_S      UINT64_C(1000000000)
#define LOCK_POLL_NS  10000000
#define RECORDS_SPARE 16384
#define WHY_BYTES     256

static const char it_is_new[] = "it is new";

struct persist {
    int fd;
    const char *path;
    uint64_t page_bytes;
    struct pool_shape shape;
    struct arena pages; /* of the index */
    struct pool_index *index;
    struct pool_log *log;
};

struct error {
    char *text;
    size_t bytes;
};

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- the file ---- */

static int file_failed(const struct persist *p, const struct error *error, const char *what)
{
    return pool_error(error->text, error->bytes, "pool.persist: cannot %s %s: %s", what, p->path,
                      strerror(errno));
}

/* Whoever may write to it chooses what we serve. */
static int file_check(struct persist *p, const struct error *error)
{
    struct statfs system;
    struct stat st;

    if (fstat(p->fd, &st) != 0 || fstatfs(p->fd, &system) != 0)
        return file_failed(p, error, "look at");
    if (system.f_type != HUGETLBFS_MAGIC)
        return pool_error(error->text, error->bytes,
                          "pool.persist: %s is not on a hugetlbfs: mount -t hugetlbfs -o "
                          "pagesize=2M none DIRECTORY, and name a file in it",
                          p->path);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        return pool_error(error->text, error->bytes,
                          "pool.persist: %s must be a file of this user's that nobody else may "
                          "write to",
                          p->path);
    p->page_bytes = (uint64_t)system.f_bsize;
    return 0;
}

/* Also waits for reads that a killed server has left under way (mempool/reader.c: file_hold). */
static int file_lock(struct persist *p, const struct error *error)
{
    uint64_t end = now_ns() + PERSIST_LOCK_NS;

    while (flock(p->fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return file_failed(p, error, "lock");
        if (now_ns() > end)
            return pool_error(error->text, error->bytes,
                              "pool.persist: another server uses %s: give each a file of its own",
                              p->path);
        nanosleep(&(struct timespec){ .tv_nsec = LOCK_POLL_NS }, NULL);
    }
    return 0;
}

static int file_open(struct persist *p, const struct error *error)
{
    int fd = open(p->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

    p->fd = fd;
    if (fd == 0) { /* which stands for none elsewhere */
        p->fd = fcntl(fd, F_DUPFD_CLOEXEC, 1);
        close(fd);
    }
    if (p->fd < 0)
        return file_failed(p, error, "open");
    return file_check(p, error) == 0 && file_lock(p, error) == 0 ? 0 : -1;
}

/* ---- the predecessor's shape ---- */

static uint64_t index_bytes(const struct persist *p, const struct pool_shape *shape)
{
    return round_up(pool_index_bytes(shape->records), p->page_bytes);
}

static uint64_t file_bytes(const struct persist *p, const struct pool_shape *shape)
{
    return index_bytes(p, shape) + shape->sum_bytes + shape->arena_bytes;
}

/* The header, from the file's first page. False: why says what is wrong. */
static bool header_read(struct persist *p, struct pool_shape *shape, char why[WHY_BYTES])
{
    struct stat st;
    struct arena first;
    char error[WHY_BYTES];
    const char *wrong;

    if (fstat(p->fd, &st) != 0 || (uint64_t)st.st_size < p->page_bytes) {
        snprintf(why, WHY_BYTES, "%s", st.st_size == 0 ? it_is_new : "it is cut off");
        return false;
    }
    if (arena_map_file(&first, p->fd, 0, p->page_bytes, -1, error, sizeof(error)) != 0) {
        snprintf(why, WHY_BYTES, "%s", error);
        return false;
    }
    wrong = pool_index_read(first.base, first.bytes, shape);
    arena_destroy(&first);
    if (wrong != NULL)
        snprintf(why, WHY_BYTES, "its index %s", wrong);
    else if ((uint64_t)st.st_size != file_bytes(p, shape))
        snprintf(why, WHY_BYTES, "it has %" PRIu64 " bytes, its index speaks of %" PRIu64,
                 (uint64_t)st.st_size, file_bytes(p, shape));
    else
        return true;
    return false;
}

/* Whether a pool of this shape will do where one like p->shape would be made. */
static bool shape_will_do(const struct persist *p, const struct persist_config *config,
                          const struct pool_shape *old, char why[WHY_BYTES])
{
    const struct pool_shape *wanted = &p->shape;
    char has[POOL_SIZE_TEXT_BYTES], needs[POOL_SIZE_TEXT_BYTES], root[POOL_PATH_TEXT_BYTES];

    pool_size_text(old->arena_bytes, has);
    if (old->page_bytes != wanted->page_bytes)
        snprintf(why, WHY_BYTES,
                 "its pages have %" PRIu64 " bytes, those of the hugetlbfs %" PRIu64,
                 old->page_bytes, wanted->page_bytes);
    else if (strncmp(old->root, wanted->root, sizeof(old->root)) != 0)
        snprintf(why, WHY_BYTES, "it is for ROOT %.160s", pool_path_text(old->root, root));
    else if (old->node != wanted->node)
        snprintf(why, WHY_BYTES, "it lies on NUMA node %d, the port is on %d", old->node,
                 wanted->node);
    else if (old->unit != wanted->unit)
        snprintf(why, WHY_BYTES, "its blocks have %" PRIu32 " bytes, those of the disk %" PRIu32,
                 old->unit, wanted->unit);
    else if (config->bytes_min == 0 && old->arena_bytes != wanted->arena_bytes)
        snprintf(why, WHY_BYTES, "it has room for %s, pool.size is %s", has,
                 pool_size_text(wanted->arena_bytes, needs));
    else if (old->arena_bytes < config->bytes_min)
        snprintf(why, WHY_BYTES, "it has room for %s, ROOT needs %s", has,
                 pool_size_text(config->bytes_min, needs));
    else if (old->sum_bytes != round_up(contents_sums(old->arena_bytes) * 2, p->page_bytes))
        snprintf(why, WHY_BYTES, "its table of sums has another size");
    else
        return true;
    return false;
}

/* As it would be made anew. */
static void shape_make(struct persist *p, const struct persist_config *config)
{
    struct pool_shape *shape = &p->shape;
    size_t len = strlen(config->root);

    *shape = (struct pool_shape){
        .page_bytes = p->page_bytes,
        .arena_bytes = round_up(config->bytes, p->page_bytes),
        .unit = config->unit,
        .node = config->node,
    };
    shape->sum_bytes =
        round_up(contents_sums(shape->arena_bytes) * sizeof(uint16_t), p->page_bytes);
    uint64_t records = (uint64_t)config->files + config->files / 4 + RECORDS_SPARE;
    uint64_t bytes = round_up(pool_index_bytes((uint32_t)records), p->page_bytes);
    shape->records = (uint32_t)((bytes - POOL_INDEX_HEADER_BYTES) / POOL_INDEX_RECORD_BYTES);
    while (len > 1 && config->root[len - 1] == '/')
        len--;
    memcpy(shape->root, config->root, len < sizeof(shape->root) ? len : sizeof(shape->root) - 1);
}

/* ---- mapping ---- */

static int map_all(struct persist *p, struct arena *arena, struct arena *sums,
                   const struct error *error)
{
    const struct pool_shape *shape = &p->shape;
    struct {
        struct arena *arena;
        uint64_t bytes;
    } parts[] = {
        { &p->pages, index_bytes(p, shape) },
        { sums, shape->sum_bytes },
        { arena, shape->arena_bytes },
    };
    uint64_t offset = 0;

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (arena_map_file(parts[i].arena, p->fd, offset, parts[i].bytes, shape->node, error->text,
                           error->bytes) == 0) {
            offset += parts[i].bytes;
            continue;
        }
        while (i-- > 0)
            arena_destroy(parts[i].arena);
        return -1;
    }
    return 0;
}

/* Gives all old pages back: even if a device were still writing to one, it would not be ours. */
static int make_anew(struct persist *p, const char *why, struct arena *arena, struct arena *sums,
                     const struct error *error)
{
    uint64_t id;

    (strcmp(why, it_is_new) == 0 ? pool_log_info : pool_log_warning)(
        p->log, "pool.persist: cold start: %s: %s", p->path, why);
    if (ftruncate(p->fd, 0) != 0 || ftruncate(p->fd, (off_t)file_bytes(p, &p->shape)) != 0)
        return file_failed(p, error, "size");
    if (getrandom(&id, sizeof(id), 0) != sizeof(id))
        return file_failed(p, error, "draw a number for");
    if (map_all(p, arena, sums, error) != 0) {
        (void)!ftruncate(p->fd, 0);
        return -1;
    }
    /* Last: a header that is whole says that all pages are there. */
    pool_index_format(p->pages.base, &p->shape, id);
    return 0;
}

static int open_all(struct persist *p, const struct persist_config *config, struct arena *arena,
                    struct arena *sums, const struct error *error)
{
    struct pool_shape old;
    char why[WHY_BYTES];

    if (file_open(p, error) != 0)
        return -1;
    shape_make(p, config);
    if (header_read(p, &old, why) && shape_will_do(p, config, &old, why)) {
        p->shape = old;
        if (map_all(p, arena, sums, error) != 0)
            return -1;
    } else if (make_anew(p, why, arena, sums, error) != 0) {
        return -1;
    }
    p->index = pool_index_open(p->pages.base);
    if (p->index != NULL)
        return 0;
    arena_destroy(arena);
    arena_destroy(sums);
    return pool_error(error->text, error->bytes, "pool: out of memory");
}

struct persist *persist_open(const struct persist_config *config, struct arena *arena,
                             struct arena *sums, struct pool_log *log, char *error,
                             size_t error_bytes)
{
    struct persist *p = calloc(1, sizeof(*p));
    const struct error where = { error, error_bytes };

    if (p == NULL) {
        pool_error(error, error_bytes, "pool: out of memory");
        return NULL;
    }
    p->fd = -1;
    p->path = config->path;
    p->log = log;
    if (open_all(p, config, arena, sums, &where) == 0)
        return p;
    persist_close(p);
    return NULL;
}

struct pool_index *persist_index(const struct persist *p)
{
    return p->index;
}

const char *persist_path(const struct persist *p)
{
    return p->path;
}

void persist_close(struct persist *p)
{
    if (p == NULL)
        return;
    pool_index_close(p->index);
    arena_destroy(&p->pages);
    if (p->fd >= 0) {
        flock(p->fd, LOCK_UN); /* no read is under way; the ring's own reference lasts a moment */
        close(p->fd);
    }
    free(p);
}
