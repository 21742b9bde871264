/* SPDX-License-Identifier: BSD-3-Clause */
/* What the pool has on each NUMA node: for people and monitors. */
#ifndef MEMPOOL_NODE_REPORT_H
#define MEMPOOL_NODE_REPORT_H

#include <stdint.h>

#include "mempool/arena.h"
#include "mempool/content.h"

struct dma;

struct node_report {
    int node;          /* -1: its pages are not bound */
    unsigned distance; /* from the nearest */
    uint64_t pages_1g, pages_2m, pages_4k;
    uint64_t iova_first, iova_end; /* device addresses: the lowest, the one behind the highest; both
                                      0: none is known */
    struct extent_usage usage;     /* bytes: of all its pages */
    uint64_t retired_bytes;        /* of files taken out that are still referred to */
};

/* Nearest first; returns how many. usage and retired are of the arena's parts. */
unsigned node_report(const struct arena *arena, const struct dma *dma,
                     const struct part_usage usage[ARENA_PARTS_MAX],
                     struct node_report nodes[ARENA_NODES_MAX]);

#endif
