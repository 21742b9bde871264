/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks at a running server's pool from outside, and tries to move it:
 *
 *   pinned PID     as root
 *
 * Prints what it finds, the same numbers under the same names each time. Exits with 1, and says
 * why, if the CPU could write to the pool, a page is missing, or a page has moved: its physical
 * address (/proc/PID/pagemap) is not what it was before the kernel compacted memory and was asked,
 * for every node, to move the pages there. As a control the same is done to a hugepage of our own
 * that nobody has pinned: where there are two nodes it has to move, or the test proves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SMALL_PAGE    4096
#define PAGES_MAX     (1 << 16)
#define NODES_MAX     64
#define MOVE_ALL      4 /* MPOL_MF_MOVE_ALL: pages that others map as well */
#define FRAME_MASK    ((UINT64_C(1) << 55) - 1)
#define FRAME_PRESENT (UINT64_C(1) << 63)

static struct {
    void *at[PAGES_MAX];
    uint64_t frame[PAGES_MAX]; /* physical address in small pages */
    int status[PAGES_MAX];
    int to[PAGES_MAX];
    size_t count;
} pages;

static void die(const char *what)
{
    fprintf(stderr, "pinned: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void wrong(const char *what)
{
    fprintf(stderr, "pinned: %s\n", what);
    exit(1);
}

/* ---- what there is ---- */

/* A mapping's page size is some lines below it. */
static uint64_t page_bytes_read(FILE *smaps)
{
    char line[512];
    uint64_t kib;

    while (fgets(line, sizeof(line), smaps) != NULL)
        if (sscanf(line, "KernelPageSize: %" SCNu64 " kB", &kib) == 1)
            return kib << 10;
    return SMALL_PAGE;
}

/* Every page of the arena: the mapping of the pool that is read-only. The table of sums, of the
 * same name, the CPU may write. */
static void pages_find(int pid)
{
    char path[64], line[512], mode[8];
    uint64_t from, end, sealed = 0, writable = 0;

    snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
    FILE *smaps = fopen(path, "re");
    if (smaps == NULL)
        die(path);
    while (fgets(line, sizeof(line), smaps) != NULL) {
        if (strstr(line, "hugewire-pool") == NULL ||
            sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &end, mode) != 3)
            continue;
        uint64_t page_bytes = page_bytes_read(smaps);
        *(mode[1] == 'w' ? &writable : &sealed) += end - from;
        printf("mapping %s %" PRIu64 " pages of %" PRIu64 " KiB\n", mode, (end - from) / page_bytes,
               page_bytes >> 10);
        for (; mode[1] != 'w' && from < end && pages.count < PAGES_MAX; from += page_bytes)
            pages.at[pages.count++] = (void *)(uintptr_t)from;
    }
    fclose(smaps);
    printf("sealed_bytes %" PRIu64 "\nwritable_bytes %" PRIu64 "\n", sealed, writable);
    if (pages.count == 0)
        wrong("no mapping of the pool is read-only");
}

static uint64_t frame_of(int pagemap, const void *at)
{
    uint64_t entry;

    if (pread(pagemap, &entry, sizeof(entry),
              (off_t)((uintptr_t)at / SMALL_PAGE * sizeof(entry))) != sizeof(entry))
        die("pagemap");
    if ((entry & FRAME_PRESENT) == 0)
        wrong("a page of the pool is not present");
    if ((entry & FRAME_MASK) == 0)
        wrong("the kernel tells no physical addresses: run as root");
    return entry & FRAME_MASK;
}

static int pagemap_open(int pid)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(path);
    return fd;
}

static void node_print(int pid)
{
    unsigned on[NODES_MAX] = { 0 };

    if (syscall(SYS_move_pages, pid, pages.count, pages.at, NULL, pages.status, 0) != 0)
        die("move_pages");
    for (size_t i = 0; i < pages.count; i++)
        if (pages.status[i] >= 0 && pages.status[i] < NODES_MAX)
            on[pages.status[i]]++;
    for (unsigned node = 0; node < NODES_MAX; node++)
        if (on[node] != 0)
            printf("pages_on_node_%u %u\n", node, on[node]);
}

/* ---- attempts ---- */

/* A debugger's way past a mapping's protection: must not lead into a sealed one. */
static void write_try(int pid)
{
    char path[64], byte = 'x';

    snprintf(path, sizeof(path), "/proc/%d/mem", pid);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        die(path);
    if (pwrite(fd, &byte, 1, (off_t)(uintptr_t)pages.at[0]) == 1)
        wrong("a byte of the pool could be written from outside");
    printf("write_refused %s\n", strerror(errno));
    close(fd);
}

static void compact(void)
{
    int fd = open("/proc/sys/vm/compact_memory", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "1", 1) != 1)
        printf("compact_memory not possible: %s\n", strerror(errno));
    if (fd >= 0)
        close(fd);
}

static bool node_exists(unsigned node)
{
    char path[64];

    snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
    return access(path, F_OK) == 0;
}

static void move_all(int pid, unsigned node)
{
    unsigned long from = 0, to = 1ul << node;
    unsigned there = 0, busy = 0;

    for (unsigned other = 0; other < NODES_MAX; other++)
        if (other != node && node_exists(other))
            from |= 1ul << other;
    for (size_t i = 0; i < pages.count; i++)
        pages.to[i] = (int)node;
    long result =
        syscall(SYS_move_pages, pid, pages.count, pages.at, pages.to, pages.status, MOVE_ALL);
    for (size_t i = 0; i < pages.count && result >= 0; i++) {
        there += pages.status[i] == (int)node;
        busy += pages.status[i] < 0;
    }
    printf("move_pages to node %u: %s, %u there, %u refused\n", node,
           result < 0 ? strerror(errno) : "asked", there, busy);
    if (from != 0) {
        result = syscall(SYS_migrate_pages, pid, NODES_MAX + 1, &from, &to);
        printf("migrate_pages to node %u: %ld not moved%s%s\n", node, result,
               result < 0 ? ": " : "", result < 0 ? strerror(errno) : "");
    }
}

/* A hugepage of our own: moves, if there is another node. */
static void control(void)
{
    void *page = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << MAP_HUGE_SHIFT, -1, 0);
    int pagemap = pagemap_open(getpid()), status = -1;

    if (page == MAP_FAILED) {
        printf("control: no hugepage is left\n");
        close(pagemap);
        return;
    }
    memset(page, 1, SMALL_PAGE);
    uint64_t before = frame_of(pagemap, page);
    syscall(SYS_move_pages, 0, 1ul, &page, NULL, &status, 0);
    for (int node = 0; node < NODES_MAX; node++) {
        if (node == status || !node_exists((unsigned)node))
            continue;
        if (syscall(SYS_move_pages, 0, 1ul, &page, &node, &status, MOVE_ALL) != 0 ||
            frame_of(pagemap, page) == before)
            wrong("a hugepage that nobody pinned cannot be moved either: nothing is proved");
        printf("control: a hugepage of ours moved to node %d\n", node);
        break;
    }
    munmap(page, 2 << 20);
    close(pagemap);
}

int main(int argc, char **argv)
{
    int pid = argc == 2 ? atoi(argv[1]) : 0;
    size_t moved = 0;

    if (pid <= 0)
        wrong("usage: pinned PID");
    pages_find(pid);
    node_print(pid);
    int pagemap = pagemap_open(pid);
    for (size_t i = 0; i < pages.count; i++)
        pages.frame[i] = frame_of(pagemap, pages.at[i]);
    write_try(pid);
    compact();
    for (unsigned node = 0; node < NODES_MAX; node++)
        if (node_exists(node))
            move_all(pid, node);
    compact();
    for (size_t i = 0; i < pages.count; i++)
        moved += frame_of(pagemap, pages.at[i]) != pages.frame[i];
    close(pagemap);
    node_print(pid);
    printf("moved %zu of %zu\n", moved, pages.count);
    control();
    if (moved != 0)
        wrong("pages of the pool have moved");
    return 0;
}
