/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/arena_plan.h"

#include <inttypes.h>
#include <numa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define HUGEPAGES      "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/%s"
#define NODE_HUGEPAGES "/sys/devices/system/node/node%d/hugepages/hugepages-%" PRIu64 "kB/%s"

const uint64_t hugepage_bytes[HUGEPAGE_SIZES] = { UINT64_C(1) << 30, UINT64_C(2) << 20 };

/* ---- this machine ---- */

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
static uint64_t usable_on(int node, uint64_t page_bytes)
{
    uint64_t free_pages = hugepage_number(page_bytes, node, "free_hugepages");
    uint64_t claimed = hugepage_number(page_bytes, -1, "resv_hugepages");

    return free_pages > claimed ? free_pages - claimed : 0;
}

uint64_t hugepages_usable(uint64_t page_bytes)
{
    return usable_on(-1, page_bytes);
}

static struct node_pages node_read(int node, unsigned distance)
{
    struct node_pages pages = { .node = node, .distance = distance };

    for (unsigned i = 0; i < HUGEPAGE_SIZES; i++) {
        pages.size[i].reserved = hugepage_number(hugepage_bytes[i], node, "nr_hugepages");
        pages.size[i].usable = usable_on(node, hugepage_bytes[i]);
    }
    return pages;
}

static unsigned distance_between(int from, int to)
{
    int distance = numa_distance(from, to);

    return distance > 0 ? (unsigned)distance : NODE_DISTANCE_OWN; /* the machine does not say */
}

static int by_distance(const void *a, const void *b)
{
    const struct node_pages *x = a, *y = b;

    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

static unsigned nodes_near(int first, const struct bitmask *allowed, struct node_pages *nodes)
{
    unsigned count = 0;

    for (int node = 0; node <= numa_max_node(); node++) {
        if (!numa_bitmask_isbitset(allowed, (unsigned)node))
            continue;
        if (first < 0)
            first = node;
        struct node_pages found = node_read(node, distance_between(first, node));
        if (count < ARENA_NODES_MAX)
            nodes[count++] = found;
        else if (by_distance(&found, &nodes[count - 1]) < 0)
            nodes[count - 1] = found;
        else
            continue;
        qsort(nodes, count, sizeof(*nodes), by_distance);
    }
    return count;
}

unsigned nodes_read(int first, const int *wanted, unsigned wanted_count,
                    struct node_pages nodes[ARENA_NODES_MAX], int *missing)
{
    unsigned count = 0;

    *missing = -1;
    if (numa_available() < 0) {
        nodes[0] = node_read(-1, NODE_DISTANCE_OWN);
        return 1;
    }
    struct bitmask *allowed = numa_get_mems_allowed();
    if (wanted_count == 0 && (first < 0 || (first <= numa_max_node() &&
                                            numa_bitmask_isbitset(allowed, (unsigned)first))))
        count = nodes_near(first, allowed, nodes);
    else if (wanted_count == 0)
        *missing = first;
    for (; count < wanted_count; count++) {
        int node = wanted[count];
        if (node < 0 || node > numa_max_node() || !numa_bitmask_isbitset(allowed, (unsigned)node)) {
            *missing = node;
            count = 0;
            break;
        }
        nodes[count] = node_read(node, distance_between(first >= 0 ? first : wanted[0], node));
    }
    numa_bitmask_free(allowed);
    return count;
}

/* ---- any machine ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void node_keep(struct node_pages *node, uint64_t bytes)
{
    for (unsigned i = HUGEPAGE_SIZES; i-- > 0;) {
        uint64_t pages = (bytes + hugepage_bytes[i] - 1) / hugepage_bytes[i];
        uint64_t kept = least(pages, node->size[i].usable);
        node->size[i].usable -= kept;
        bytes -= least(bytes, kept * hugepage_bytes[i]);
    }
}

unsigned arena_plan(const struct node_pages *nodes, unsigned node_count, uint64_t bytes,
                    struct arena_piece pieces[ARENA_PARTS_MAX], uint64_t *missing)
{
    const uint64_t large = hugepage_bytes[0], small = hugepage_bytes[1];
    uint64_t left = (bytes + small - 1) / small * small;
    unsigned count = 0;

    for (unsigned i = 0; i < node_count && left > 0; i++) {
        uint64_t large_usable = nodes[i].size[0].usable, small_usable = nodes[i].size[1].usable;
        uint64_t large_pages = least(left / large, large_usable);
        uint64_t rest = left - large_pages * large;
        uint64_t small_pages = least(rest / small, small_usable);
        if (small_pages < rest / small && large_pages < large_usable) {
            large_pages++; /* then rest is less than one of them */
            small_pages = 0;
        }
        if (large_pages > 0)
            pieces[count++] =
                (struct arena_piece){ .page_bytes = large, .pages = large_pages, .node = i };
        if (small_pages > 0)
            pieces[count++] =
                (struct arena_piece){ .page_bytes = small, .pages = small_pages, .node = i };
        left -= least(left, large_pages * large + small_pages * small);
    }
    *missing = left;
    return count;
}
