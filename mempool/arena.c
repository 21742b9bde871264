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

#define HUGEPAGES      "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s"
#define NODE_HUGEPAGES "/sys/devices/system/node/node%d/hugepages/hugepages-%" PRIu64 "kB/%s"

/* Largest first. */
static const uint64_t hugepage_bytes[] = { UINT64_C(1) << 30, UINT64_C(2) << 20 };

/* What a size of hugepages offers, of one node or of all. */
struct hugepages {
    uint64_t page_bytes;
    uint64_t reserved; /* pages the kernel has set aside, in use or not */
    uint64_t usable;   /* pages of them that nobody uses or has a claim to */
};

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* ---- how many hugepages there are ---- */

static uint64_t number_in(const char *path)
{
    FILE *file = fopen(path, "re");
    uint64_t number = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNu64, &number) != 1)
        number = 0;
    fclose(file);
    return number;
}

static uint64_t hugepage_number(uint64_t page_bytes, int node, const char *name)
{
    char path[128];

    if (node < 0)
        snprintf(path, sizeof(path), HUGEPAGES, page_bytes >> 10, name);
    else
        snprintf(path, sizeof(path), NODE_HUGEPAGES, node, page_bytes >> 10, name);
    return number_in(path);
}

/* Claims (mapped, not yet touched) are known for the machine only: on a node we assume they may all
 * fall on it. */
static struct hugepages hugepages_read(uint64_t page_bytes, int node)
{
    uint64_t free_pages = hugepage_number(page_bytes, node, "free_hugepages");
    uint64_t claimed = hugepage_number(page_bytes, -1, "resv_hugepages");

    return (struct hugepages){
        .page_bytes = page_bytes,
        .reserved = hugepage_number(page_bytes, node, "nr_hugepages"),
        .usable = free_pages > claimed ? free_pages - claimed : 0,
    };
}

static const char *page_name(uint64_t page_bytes)
{
    return page_bytes == UINT64_C(1) << 30 ? "1 GiB" : "2 MiB";
}

static int error_short(const struct hugepages *have, uint64_t bytes, int node, char *error,
                       size_t error_bytes)
{
    uint64_t need = round_up(bytes, have->page_bytes) / have->page_bytes;
    uint64_t missing = need - have->usable;
    char where[32] = "", file[128], size[POOL_SIZE_TEXT_BYTES];

    if (node >= 0) {
        snprintf(where, sizeof(where), " on NUMA node %d", node);
        snprintf(file, sizeof(file), NODE_HUGEPAGES, node, have->page_bytes >> 10, "nr_hugepages");
    } else {
        snprintf(file, sizeof(file), HUGEPAGES, have->page_bytes >> 10, "nr_hugepages");
    }
    return pool_error(error, error_bytes,
                      "pool: %s need %" PRIu64 " hugepages of %s%s, %" PRIu64 " are free: %" PRIu64
                      " short; reserve them: echo %" PRIu64
                      " | sudo tee %s (or --allow-small-pages)",
                      pool_size_text(bytes, size), need, page_name(have->page_bytes), where,
                      have->usable, missing, have->reserved + missing, file);
}

/* ---- mapping ---- */

static int arena_bind(const struct arena *arena, char *error, size_t error_bytes)
{
    if (arena->node < 0 || numa_available() < 0)
        return 0;
    struct bitmask *nodes = numa_allocate_nodemask();
    if (nodes == NULL)
        return pool_error(error, error_bytes, "pool: out of memory");
    numa_bitmask_setbit(nodes, (unsigned)arena->node);
    long bound = mbind(arena->base, arena->bytes, MPOL_BIND, nodes->maskp, nodes->size + 1, 0);
    int failed = errno;
    numa_bitmask_free(nodes);
    if (bound == 0 || failed == ENOSYS)
        return 0;
    return pool_error(error, error_bytes,
                      "pool: cannot bind memory to NUMA node %d: %s (nodes: see `numactl -H`)",
                      arena->node, strerror(failed));
}

/* MADV_POPULATE_WRITE, not MAP_POPULATE: it reports the page that cannot be had (node empty, cgroup
 * limit), where the other leaves a SIGBUS for later. */
static int arena_populate(const struct arena *arena, char *error, size_t error_bytes)
{
    while (madvise(arena->base, arena->bytes, MADV_POPULATE_WRITE) != 0) {
        if (errno == EINTR || errno == EAGAIN)
            continue;
        return pool_error(error, error_bytes,
                          "pool: the kernel did not provide all pages: %s (a cgroup's limit, or "
                          "another process took them: compare free_hugepages of the NUMA node)",
                          strerror(errno));
    }
    return 0;
}

/* fd -1: anonymous. */
static int arena_map(struct arena *arena, int fd, uint64_t offset, char *error, size_t error_bytes)
{
    void *base = mmap(NULL, arena->bytes, PROT_READ | PROT_WRITE,
                      fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, (off_t)offset);

    if (base == MAP_FAILED)
        return pool_error(error, error_bytes, "pool: mmap of %" PRIu64 " bytes failed: %s",
                          arena->bytes, strerror(errno));
    arena->base = base;
    arena->page_shift = (unsigned)__builtin_ctzll(arena->page_bytes);
    if (arena_bind(arena, error, error_bytes) != 0) {
        arena_destroy(arena);
        return -1;
    }
    return 0;
}

/* In a core dump file contents are of no use, and may be secret. */
static void arena_no_dump(const struct arena *arena)
{
    madvise(arena->base, arena->bytes, MADV_DONTDUMP);
}

static int arena_create_huge(struct arena *arena, uint64_t bytes, uint64_t page_bytes, int node,
                             char *error, size_t error_bytes)
{
    unsigned size_flag = (unsigned)__builtin_ctzll(page_bytes) << MFD_HUGE_SHIFT;
    int fd = memfd_create("hugewire-pool", MFD_CLOEXEC | MFD_HUGETLB | size_flag);

    if (fd < 0)
        return pool_error(error, error_bytes, "pool: memfd_create for %s hugepages failed: %s",
                          page_name(page_bytes), strerror(errno));
    *arena = (struct arena){ .bytes = round_up(bytes, page_bytes),
                             .page_bytes = page_bytes,
                             .node = node };
    int mapped = -1;
    if (ftruncate(fd, (off_t)arena->bytes) != 0)
        pool_error(error, error_bytes, "pool: cannot size the memory file to %" PRIu64 ": %s",
                   arena->bytes, strerror(errno));
    else
        mapped = arena_map(arena, fd, 0, error, error_bytes);
    close(fd); /* the mapping keeps the pages; without the descriptor nobody maps them anew */
    if (mapped != 0)
        return -1;
    if (arena_populate(arena, error, error_bytes) != 0) {
        arena_destroy(arena);
        return -1;
    }
    arena_no_dump(arena);
    return 0;
}

int arena_map_file(struct arena *arena, int file, uint64_t offset, uint64_t bytes, int node,
                   char *error, size_t error_bytes)
{
    struct statfs system;

    ASSERT(file > 0 && bytes > 0);
    *arena = (struct arena){ 0 };
    if (fstatfs(file, &system) != 0)
        return pool_error(error, error_bytes, "pool: fstatfs failed: %s", strerror(errno));
    *arena = (struct arena){
        .bytes = bytes, .page_bytes = (uint64_t)system.f_bsize, .node = node, .file = file
    };
    ASSERT(offset % arena->page_bytes == 0 && bytes % arena->page_bytes == 0);
    if (arena_map(arena, file, offset, error, error_bytes) != 0) {
        size_t len = strlen(error);
        snprintf(error + len, error_bytes - len,
                 "; %" PRIu64 " pages are free, %" PRIu64 " are needed (%s)",
                 hugepages_read(arena->page_bytes, -1).usable, bytes / arena->page_bytes,
                 "sudo drivers_cfg/hugepages.sh reserves them");
        return -1;
    }
    if (arena_populate(arena, error, error_bytes) != 0) {
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

    *arena = (struct arena){ .bytes = round_up(bytes, page_bytes),
                             .page_bytes = page_bytes,
                             .node = node };
    if (arena_map(arena, -1, 0, error, error_bytes) != 0)
        return -1;
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

int arena_create(struct arena *arena, const struct arena_config *config, struct pool_log *log,
                 char *error, size_t error_bytes)
{
    const size_t sizes = sizeof(hugepage_bytes) / sizeof(hugepage_bytes[0]);

    ASSERT(config->bytes > 0);
    *arena = (struct arena){ 0 };
    if (config->node >= 0 && numa_available() >= 0 && config->node > numa_max_node())
        return pool_error(error, error_bytes, "pool: there is no NUMA node %d, the highest is %d",
                          config->node, numa_max_node());
    for (size_t i = 0; i < sizes; i++) {
        /* A page many times as large as the arena would be a waste, if there are smaller ones. */
        if (i + 1 < sizes && config->bytes <= hugepage_bytes[i] / 2)
            continue;
        struct hugepages have = hugepages_read(hugepage_bytes[i], config->node);
        if (have.usable >= round_up(config->bytes, have.page_bytes) / have.page_bytes) {
            if (arena_create_huge(arena, config->bytes, have.page_bytes, config->node, error,
                                  error_bytes) == 0)
                return 0;
        } else if (i + 1 == sizes) {
            error_short(&have, config->bytes, config->node, error, error_bytes);
        }
    }
    if (!config->allow_small_pages)
        return -1;
    pool_log_warning(log, "%s: going on with small pages, locked, because they are allowed", error);
    return arena_create_small(arena, config->bytes, config->node, error, error_bytes);
}

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
