/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena: one run of virtual memory on hugepages, all of it present from the start, which will
 * hold every file byte. It has a part for each NUMA node and size of pages (mempool/arena_plan.h),
 * side by side without gaps, larger pages first; each part is bound to its node, and the kernel is
 * asked where each page lies. Linux only, no DPDK (see dma.h).
 *
 * Life: arena_create, filled by the loader, mapped for DMA, arena_seal (from then on the CPU cannot
 * write to it: a stray store faults), arena_destroy.
 */
#ifndef MEMPOOL_ARENA_H
#define MEMPOOL_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mempool/arena_plan.h"
#include "mempool/log.h"

/* Pages of one size on one node. */
struct arena_part {
    uint64_t offset; /* in the arena */
    uint64_t bytes;
    uint64_t page_bytes; /* 1 GiB, 2 MiB, or the small page's size */
    int node;            /* the NUMA node it is bound to; -1: none */
    unsigned distance;   /* of the node from the nearest, on the kernel's scale */
};

struct arena {
    uint8_t *base;
    uint64_t bytes;      /* a multiple of page_bytes */
    uint64_t page_bytes; /* of its smallest pages */
    unsigned page_shift;
    int node;              /* of the part that is nearest; -1: not bound */
    const uint64_t *iovas; /* device address of each page_bytes; NULL: it is the virtual address */
    int file; /* the file of its pages, if that outlives us (arena_map_file): a descriptor > 0,
                 the owner's; 0: none */
    unsigned part_count; /* 0, for memory that somebody else provides: one without details */
    struct arena_part parts[ARENA_PARTS_MAX]; /* by address */
};

struct arena_config {
    uint64_t bytes;         /* at least; > 0 */
    int node;               /* the nearest; the next ones help out. -1: that of lowest number */
    const int *nodes;       /* instead: these, in this order, and no other */
    unsigned node_count;    /* of nodes; at most ARENA_NODES_MAX. 0: as node says */
    uint64_t keep_bytes;    /* that others need on the nearest node: left there if a further node
                               has room instead */
    bool allow_small_pages; /* locked small pages where hugepages do not suffice; a warning says so
                             */
};

/* 0, or -1 with a line in error that says what is missing and the command that provides it. */
int arena_create(struct arena *arena, const struct arena_config *config, struct pool_log *log,
                 char *error, size_t error_bytes);

/*
 * The same on a part of a hugetlbfs file, whose pages stay when the process ends: bytes from offset
 * on, both multiples of its page. file is a descriptor greater than 0 and outlives the arena; the
 * file is long enough. Pages that are not there yet are made, of node if that is not -1, and are
 * zeros. 0, or -1 with error.
 */
int arena_map_file(struct arena *arena, int file, uint64_t offset, uint64_t bytes, int node,
                   char *error, size_t error_bytes);

/* Makes the arena read-only to the CPU. After DMA mapping and io_uring registration: both ask the
 * kernel for writable pages. */
int arena_seal(struct arena *arena, char *error, size_t error_bytes);

/* Gives the pages back. Nobody may have them registered any more. An arena of zeros is allowed. */
void arena_destroy(struct arena *arena);

/* The address that a device uses for p, which must lie in the arena. With iovas, neighbouring pages
 * need not be neighbours for the device: at most arena_page_room(p) bytes are. */
static inline uint64_t arena_iova(const struct arena *arena, const void *p)
{
    uint64_t offset = (uint64_t)((const uint8_t *)p - arena->base);

    if (arena->iovas == NULL)
        return (uintptr_t)p;
    return arena->iovas[offset >> arena->page_shift] + (offset & (arena->page_bytes - 1));
}

/* Bytes from p to the end of its page. */
static inline uint64_t arena_page_room(const struct arena *arena, const void *p)
{
    return arena->page_bytes - ((uintptr_t)p & (arena->page_bytes - 1));
}

/* The part in which byte `offset` lies, for an arena of parts. */
const struct arena_part *arena_part_at(const struct arena *arena, uint64_t offset);

/* Bytes [offset, offset + bytes), both multiples of page_bytes, as an arena of its own, without
 * device addresses. It is not to be destroyed. */
struct arena arena_slice(const struct arena *arena, uint64_t offset, uint64_t bytes);

/* The parts in the order in which they should be filled: nearest first. */
void arena_parts_by_distance(const struct arena *arena, unsigned order[ARENA_PARTS_MAX]);

static inline bool arena_contains(const struct arena *arena, const void *p)
{
    return (uint64_t)((const uint8_t *)p - arena->base) < arena->bytes;
}

/* Memory of this process that cannot move or leave, in bytes as the kernel counts it
 * (/proc/self/status): by mlock or VFIO (VmLck), by io_uring (VmPin), and all its hugetlb pages. */
struct arena_locked {
    uint64_t locked;  /* VmLck */
    uint64_t pinned;  /* VmPin */
    uint64_t hugetlb; /* HugetlbPages */
};

struct arena_locked arena_locked_read(void);

#endif
