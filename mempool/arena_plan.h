/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * On which pages of which NUMA nodes an arena shall lie. The plan is arithmetic on what nodes have
 * (tests make up machines); nodes_read() asks this machine.
 */
#ifndef MEMPOOL_ARENA_PLAN_H
#define MEMPOOL_ARENA_PLAN_H

#include <stdint.h>

#define ARENA_NODES_MAX   8
#define HUGEPAGE_SIZES    2
#define ARENA_PARTS_MAX   (ARENA_NODES_MAX * HUGEPAGE_SIZES)
#define NODE_DISTANCE_OWN 10 /* the kernel's scale: 20 takes twice as long */

/* Largest first: 1 GiB, 2 MiB. */
extern const uint64_t hugepage_bytes[HUGEPAGE_SIZES];

struct node_pages {
    int node;          /* -1: the machine, where the kernel knows no nodes */
    unsigned distance; /* from the first of the nodes */
    struct {
        uint64_t reserved; /* pages the kernel has set aside, in use or not */
        uint64_t usable;   /* of them: that nobody uses or has a claim to */
    } size[HUGEPAGE_SIZES];
};

/* Pages of one size on one node. */
struct arena_piece {
    uint64_t page_bytes;
    uint64_t pages;
    unsigned node; /* index into nodes */
};

/* Pages of that size, on all nodes, that nobody uses or has a claim to. */
uint64_t hugepages_usable(uint64_t page_bytes);

/*
 * The nodes that may be used, nearest first: `first` (-1: that of the lowest number) and the others
 * by their distance from it; or exactly those of wanted[0 .. wanted_count), in that order, if
 * wanted_count is not 0. Returns how many, at most ARENA_NODES_MAX; 0: *missing is a node that this
 * process has not, or -1.
 */
unsigned nodes_read(int first, const int *wanted, unsigned wanted_count,
                    struct node_pages nodes[ARENA_NODES_MAX], int *missing);

/* Leaves bytes on the node to others: from its small pages, then from the large ones. */
void node_keep(struct node_pages *node, uint64_t bytes);

/*
 * Pages for bytes: those of nodes[0] as far as they go, then nodes[1], and so on; on each node
 * whole 1 GiB first and 2 MiB pages for the rest. Where these are too few, one more of 1 GiB, of
 * which a part stays unused. Returns how many pieces; *missing is how many bytes found no page.
 */
unsigned arena_plan(const struct node_pages *nodes, unsigned node_count, uint64_t bytes,
                    struct arena_piece pieces[ARENA_PARTS_MAX], uint64_t *missing);

#endif
