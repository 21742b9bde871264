/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/arena.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/memfd.h>
#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/assert.h"

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

static const char *page_name(uint64_t page_bytes)
{
    return page_bytes == hugepage_bytes[0] ? "1 GiB" : "2 MiB";
}

/* ---- too few pages ---- */

/* " on NUMA node 0", " on NUMA nodes 0, 1"; nothing where there is but one to choose. */
static void nodes_text(const struct node_pages *nodes, unsigned count, bool named, char *text,
                       size_t text_bytes)
{
    size_t len = 0;

    text[0] = '\0';
    if (count == 1 && !named)
        return;
    len = (size_t)snprintf(text, text_bytes, " on NUMA node%s", count > 1 ? "s" : "");
    for (unsigned i = 0; i < count && len < text_bytes; i++)
        len += (size_t)snprintf(text + len, text_bytes - len, "%s%d", i > 0 ? ", " : " ",
                                nodes[i].node);
}

/* What the pages of 1 GiB do not hold needs pages of 2 MiB. */
static int error_short(const struct arena_config *config, const struct node_pages *nodes,
                       unsigned node_count, uint64_t missing_bytes, char *error, size_t error_bytes)
{
    const uint64_t large = hugepage_bytes[0], small = hugepage_bytes[1];
    bool named = nodes[0].node >= 0 && (node_count > 1 || config->node >= 0);
    char where[64], file[128], size[POOL_SIZE_TEXT_BYTES];
    uint64_t missing = missing_bytes / small, held = 0;

    for (unsigned i = 0; i < node_count; i++)
        held += nodes[i].size[0].usable * large;
    uint64_t need = (round_up(config->bytes, small) - held) / small;
    nodes_text(nodes, node_count, named, where, sizeof(where));
    if (named)
        snprintf(file, sizeof(file),
                 "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/nr_hugepages",
                 nodes[0].node);
    else
        snprintf(file, sizeof(file), "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    return pool_error(error, error_bytes,
                      "pool: %s need %" PRIu64 " hugepages of 2 MiB%s, %" PRIu64
                      " are free: %" PRIu64 " short; reserve them: echo %" PRIu64
                      " | sudo tee %s (or --allow-small-pages)",
                      pool_size_text(config->bytes, size), need, where, need - missing, missing,
                      nodes[0].size[1].reserved + missing, file);
}

/* ---- mapping ---- */

static uint8_t *part_base(const struct arena *arena, const struct arena_part *part)
{
    return arena->base + part->offset;
}

static int part_bind(const struct arena *arena, const struct arena_part *part, char *error,
                     size_t error_bytes)
{
    if (part->node < 0 || numa_available() < 0)
        return 0;
    struct bitmask *nodes = numa_allocate_nodemask();
    if (nodes == NULL)
        return pool_error(error, error_bytes, "pool: out of memory");
    numa_bitmask_setbit(nodes, (unsigned)part->node);
    long bound =
        mbind(part_base(arena, part), part->bytes, MPOL_BIND, nodes->maskp, nodes->size + 1, 0);
    int failed = errno;
    numa_bitmask_free(nodes);
    if (bound == 0 || failed == ENOSYS)
        return 0;
    return pool_error(error, error_bytes,
                      "pool: cannot bind memory to NUMA node %d: %s (nodes: see `numactl -H`)",
                      part->node, strerror(failed));
}

/* MADV_POPULATE_WRITE, not MAP_POPULATE: it reports the page that cannot be had (node empty, cgroup
 * limit), where the other leaves a SIGBUS for later. */
static int part_populate(const struct arena *arena, const struct arena_part *part, char *error,
                         size_t error_bytes)
{
    while (madvise(part_base(arena, part), part->bytes, MADV_POPULATE_WRITE) != 0) {
        if (errno == EINTR || errno == EAGAIN)
            continue;
        return pool_error(error, error_bytes,
                          "pool: the kernel did not provide all pages: %s (a cgroup's limit, or "
                          "another process took them: compare free_hugepages of the NUMA node)",
                          strerror(errno));
    }
    return 0;
}

/* A policy is a wish; this is the fact: where each page lies. */
static int part_verify(const struct arena *arena, const struct arena_part *part,
                       struct pool_log *log, char *error, size_t error_bytes)
{
    enum { BATCH = 512 };
    void *pages[BATCH];
    int status[BATCH];
    uint64_t count = part->bytes / part->page_bytes;

    if (part->node < 0)
        return 0;
    for (uint64_t first = 0; first < count; first += BATCH) {
        unsigned n = count - first < BATCH ? (unsigned)(count - first) : BATCH;
        for (unsigned i = 0; i < n; i++)
            pages[i] = part_base(arena, part) + (first + i) * part->page_bytes;
        if (move_pages(0, n, pages, NULL, status, 0) !=
            0) { /* without nodes: asks, moves nothing */
            pool_log_warning(log, "the kernel does not say on which NUMA node pages lie: %s",
                             strerror(errno));
            return 0;
        }
        for (unsigned i = 0; i < n; i++)
            if (status[i] >= 0 && status[i] != part->node)
                return pool_error(error, error_bytes,
                                  "pool: a page lies on NUMA node %d, though it was bound to node "
                                  "%d (nodes: see `numactl -H`)",
                                  status[i], part->node);
    }
    return 0;
}

/* Takes virtual addresses for arena->bytes, aligned for the largest pages. */
static int arena_reserve(struct arena *arena, uint64_t align, char *error, size_t error_bytes)
{
    uint64_t bytes = arena->bytes + align;
    uint8_t *space =
        mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (space == MAP_FAILED)
        return pool_error(error, error_bytes, "pool: mmap of %" PRIu64 " bytes failed: %s",
                          arena->bytes, strerror(errno));
    arena->base = (uint8_t *)(uintptr_t)round_up((uintptr_t)space, align);
    uint64_t before = (uint64_t)(arena->base - space), after = bytes - before - arena->bytes;
    if (before > 0)
        munmap(space, before);
    if (after > 0)
        munmap(arena->base + arena->bytes, after);
    return 0;
}

/* In place of the reserved addresses. fd -1: anonymous. */
static int part_map(const struct arena *arena, const struct arena_part *part, int fd,
                    uint64_t offset, char *error, size_t error_bytes)
{
    int flags = MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);

    if (mmap(part_base(arena, part), part->bytes, PROT_READ | PROT_WRITE, flags, fd,
             (off_t)offset) == MAP_FAILED)
        return pool_error(error, error_bytes, "pool: mmap of %" PRIu64 " bytes failed: %s",
                          part->bytes, strerror(errno));
    return part_bind(arena, part, error, error_bytes);
}

/* In a core dump file contents are of no use, and may be secret. */
static void arena_no_dump(const struct arena *arena)
{
    madvise(arena->base, arena->bytes, MADV_DONTDUMP);
}

static int part_create_huge(const struct arena *arena, const struct arena_part *part,
                            struct pool_log *log, char *error, size_t error_bytes)
{
    unsigned size_flag = (unsigned)__builtin_ctzll(part->page_bytes) << MFD_HUGE_SHIFT;
    int fd = memfd_create("hugewire-pool", MFD_CLOEXEC | MFD_HUGETLB | size_flag);
    int mapped = -1;

    if (fd < 0)
        return pool_error(error, error_bytes, "pool: memfd_create for %s hugepages failed: %s",
                          page_name(part->page_bytes), strerror(errno));
    if (ftruncate(fd, (off_t)part->bytes) != 0)
        pool_error(error, error_bytes, "pool: cannot size the memory file to %" PRIu64 ": %s",
                   part->bytes, strerror(errno));
    else
        mapped = part_map(arena, part, fd, 0, error, error_bytes);
    close(fd); /* the mapping keeps the pages; without the descriptor nobody maps them anew */
    if (mapped != 0 || part_populate(arena, part, error, error_bytes) != 0)
        return -1;
    return part_verify(arena, part, log, error, error_bytes);
}

/* ---- the whole ---- */

/* Lays the pieces side by side, larger pages first: so all are aligned. */
static void arena_lay_out(struct arena *arena, const struct node_pages *nodes,
                          const struct arena_piece *pieces, unsigned count)
{
    *arena = (struct arena){ .node = nodes[pieces[0].node].node };
    for (unsigned size = 0; size < HUGEPAGE_SIZES; size++)
        for (unsigned i = 0; i < count; i++) {
            const struct arena_piece *piece = &pieces[i];
            if (piece->page_bytes != hugepage_bytes[size])
                continue;
            arena->parts[arena->part_count++] = (struct arena_part){
                .offset = arena->bytes,
                .bytes = piece->pages * piece->page_bytes,
                .page_bytes = piece->page_bytes,
                .node = nodes[piece->node].node,
                .distance = nodes[piece->node].distance,
            };
            arena->bytes += piece->pages * piece->page_bytes;
            arena->page_bytes = piece->page_bytes;
        }
    arena->page_shift = (unsigned)__builtin_ctzll(arena->page_bytes);
}

static int arena_create_huge(struct arena *arena, struct pool_log *log, char *error,
                             size_t error_bytes)
{
    if (arena_reserve(arena, arena->parts[0].page_bytes, error, error_bytes) != 0)
        return -1;
    for (unsigned i = 0; i < arena->part_count; i++)
        if (part_create_huge(arena, &arena->parts[i], log, error, error_bytes) != 0) {
            arena_destroy(arena);
            return -1;
        }
    arena_no_dump(arena);
    return 0;
}

/* One part. */
static void arena_lay_out_one(struct arena *arena, uint64_t bytes, uint64_t page_bytes, int node)
{
    *arena = (struct arena){ .bytes = bytes,
                             .page_bytes = page_bytes,
                             .page_shift = (unsigned)__builtin_ctzll(page_bytes),
                             .node = node,
                             .part_count = 1 };
    arena->parts[0] = (struct arena_part){
        .bytes = bytes, .page_bytes = page_bytes, .node = node, .distance = NODE_DISTANCE_OWN
    };
}

int arena_map_file(struct arena *arena, int file, uint64_t offset, uint64_t bytes, int node,
                   char *error, size_t error_bytes)
{
    struct statfs system;

    ASSERT(file > 0 && bytes > 0);
    *arena = (struct arena){ 0 };
    if (fstatfs(file, &system) != 0)
        return pool_error(error, error_bytes, "pool: fstatfs failed: %s", strerror(errno));
    arena_lay_out_one(arena, bytes, (uint64_t)system.f_bsize, node);
    arena->file = file;
    ASSERT(offset % arena->page_bytes == 0 && bytes % arena->page_bytes == 0);
    if (arena_reserve(arena, arena->page_bytes, error, error_bytes) != 0)
        return -1;
    if (part_map(arena, &arena->parts[0], file, offset, error, error_bytes) != 0) {
        size_t len = strlen(error);
        snprintf(error + len, error_bytes - len,
                 "; %" PRIu64 " pages are free, %" PRIu64 " are needed (%s)",
                 hugepages_usable(arena->page_bytes), bytes / arena->page_bytes,
                 "sudo drivers_cfg/hugepages.sh reserves them");
        arena_destroy(arena);
        return -1;
    }
    if (part_populate(arena, &arena->parts[0], error, error_bytes) != 0) {
        arena_destroy(arena);
        return -1;
    }
    arena_no_dump(arena);
    return 0;
}

static int arena_create_small(struct arena *arena, uint64_t bytes, int node, char *error,
                              size_t error_bytes)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    char size[POOL_SIZE_TEXT_BYTES];

    arena_lay_out_one(arena, round_up(bytes, page_bytes), page_bytes, node);
    if (arena_reserve(arena, page_bytes, error, error_bytes) != 0)
        return -1;
    if (part_map(arena, &arena->parts[0], -1, 0, error, error_bytes) != 0) {
        arena_destroy(arena);
        return -1;
    }
    if (mlock(arena->base, arena->bytes) != 0) { /* also makes all pages present */
        pool_error(error, error_bytes,
                   "pool: cannot lock %s of small pages: %s (raise `ulimit -l` to %" PRIu64
                   ", or free memory)",
                   pool_size_text(arena->bytes, size), strerror(errno), arena->bytes >> 10);
        arena_destroy(arena);
        return -1;
    }
    arena_no_dump(arena);
    return 0;
}

static void log_far_parts(const struct arena *arena, struct pool_log *log)
{
    char size[POOL_SIZE_TEXT_BYTES], all[POOL_SIZE_TEXT_BYTES];

    for (unsigned i = 0; i < arena->part_count; i++) {
        const struct arena_part *part = &arena->parts[i];
        if (part->node != arena->node)
            pool_log_warning(log,
                             "NUMA node %d has too few hugepages: %s of %s lie on node %d, at "
                             "distance %u (%u is near), in pages of %s",
                             arena->node, pool_size_text(part->bytes, size),
                             pool_size_text(arena->bytes, all), part->node, part->distance,
                             NODE_DISTANCE_OWN, page_name(part->page_bytes));
    }
}

int arena_create(struct arena *arena, const struct arena_config *config, struct pool_log *log,
                 char *error, size_t error_bytes)
{
    struct node_pages nodes[ARENA_NODES_MAX];
    struct arena_piece pieces[ARENA_PARTS_MAX];
    uint64_t missing;
    int absent, node = config->node_count != 0 ? config->nodes[0] : config->node;

    ASSERT(config->bytes > 0 && config->node_count <= ARENA_NODES_MAX);
    *arena = (struct arena){ 0 };
    unsigned node_count =
        nodes_read(config->node, config->nodes, config->node_count, nodes, &absent);
    if (node_count == 0)
        return pool_error(error, error_bytes,
                          "pool: there is no NUMA node %d with memory for this process, the "
                          "highest node is %d (see `numactl -H`)",
                          absent, numa_max_node());
    struct node_pages nearest = nodes[0];
    if (node_count > 1)
        node_keep(&nodes[0], config->keep_bytes);
    unsigned count = arena_plan(nodes, node_count, config->bytes, pieces, &missing);
    if (missing > 0) {
        nodes[0] = nearest;
        count = arena_plan(nodes, node_count, config->bytes, pieces, &missing);
    }
    if (missing == 0) {
        arena_lay_out(arena, nodes, pieces, count);
        if (arena_create_huge(arena, log, error, error_bytes) == 0) {
            log_far_parts(arena, log);
            return 0;
        }
    } else {
        error_short(config, nodes, node_count, missing, error, error_bytes);
    }
    if (!config->allow_small_pages)
        return -1;
    pool_log_warning(log, "%s: going on with small pages, locked, because they are allowed", error);
    return arena_create_small(arena, config->bytes, node, error, error_bytes);
}

/* ---- parts ---- */

const struct arena_part *arena_part_at(const struct arena *arena, uint64_t offset)
{
    const struct arena_part *part = arena->parts;

    ASSERT(offset < arena->bytes && arena->part_count > 0);
    while (offset - part->offset >= part->bytes)
        part++;
    return part;
}

struct arena arena_slice(const struct arena *arena, uint64_t offset, uint64_t bytes)
{
    struct arena slice = *arena;

    ASSERT(offset <= arena->bytes && bytes <= arena->bytes - offset);
    slice.base += offset;
    slice.bytes = bytes;
    slice.iovas = NULL;
    slice.part_count = 0;
    for (unsigned i = 0; i < arena->part_count; i++) {
        struct arena_part part = arena->parts[i];
        uint64_t from = part.offset > offset ? part.offset : offset;
        uint64_t end = part.offset + part.bytes;
        end = end < offset + bytes ? end : offset + bytes;
        if (from >= end)
            continue;
        part.offset = from - offset;
        part.bytes = end - from;
        slice.parts[slice.part_count++] = part;
    }
    return slice;
}

void arena_parts_by_distance(const struct arena *arena, unsigned order[ARENA_PARTS_MAX])
{
    for (unsigned i = 0; i < arena->part_count; i++) {
        unsigned at = i;
        for (; at > 0 && arena->parts[order[at - 1]].distance > arena->parts[i].distance; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* ---- life ---- */

int arena_seal(struct arena *arena, char *error, size_t error_bytes)
{
    if (mprotect(arena->base, arena->bytes, PROT_READ) == 0)
        return 0;
    return pool_error(error, error_bytes, "pool: mprotect(PROT_READ) failed: %s", strerror(errno));
}

void arena_destroy(struct arena *arena)
{
    if (arena->base != NULL)
        munmap(arena->base, arena->bytes);
    *arena = (struct arena){ 0 };
}

struct arena_locked arena_locked_read(void)
{
    struct arena_locked now = { 0 };
    const struct {
        const char *format;
        uint64_t *kib;
    } fields[] = {
        { "VmLck: %" SCNu64, &now.locked },
        { "VmPin: %" SCNu64, &now.pinned },
        { "HugetlbPages: %" SCNu64, &now.hugetlb },
    };
    char line[256];
    FILE *status = fopen("/proc/self/status", "re");

    if (status == NULL)
        return now;
    while (fgets(line, sizeof(line), status) != NULL)
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
            if (sscanf(line, fields[i].format, fields[i].kib) == 1)
                *fields[i].kib <<= 10;
    fclose(status);
    return now;
}
