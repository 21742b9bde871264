/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/node_report.h"

#include "mempool/dma.h"

static struct node_report *node_of(struct node_report *nodes, unsigned *count,
                                   const struct arena_part *part)
{
    for (unsigned i = 0; i < *count; i++)
        if (nodes[i].node == part->node)
            return &nodes[i];
    nodes[*count] = (struct node_report){ .node = part->node, .distance = part->distance };
    return &nodes[(*count)++];
}

static uint64_t *pages_of(struct node_report *node, uint64_t page_bytes)
{
    if (page_bytes == hugepage_bytes[0])
        return &node->pages_1g;
    return page_bytes == hugepage_bytes[1] ? &node->pages_2m : &node->pages_4k;
}

static void part_add(struct node_report *node, const struct dma *dma, const struct arena_part *part,
                     const struct part_usage *usage)
{
    uint64_t first, end;

    *pages_of(node, part->page_bytes) += part->bytes / part->page_bytes;
    node->usage.bytes += part->bytes;
    node->usage.free_bytes += usage->room.free_bytes;
    if (usage->room.largest_free > node->usage.largest_free)
        node->usage.largest_free = usage->room.largest_free;
    node->retired_bytes += usage->retired_bytes;
    dma_range(dma, part->offset, part->bytes, &first, &end);
    if (end == 0)
        return;
    if (node->iova_end == 0 || first < node->iova_first)
        node->iova_first = first;
    if (end > node->iova_end)
        node->iova_end = end;
}

unsigned node_report(const struct arena *arena, const struct dma *dma,
                     const struct part_usage usage[ARENA_PARTS_MAX],
                     struct node_report nodes[ARENA_NODES_MAX])
{
    unsigned order[ARENA_PARTS_MAX], count = 0;

    arena_parts_by_distance(arena, order);
    for (unsigned i = 0; i < arena->part_count; i++) {
        const struct arena_part *part = &arena->parts[order[i]];
        part_add(node_of(nodes, &count, part), dma, part, &usage[order[i]]);
    }
    return count;
}
