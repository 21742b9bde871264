/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena as DPDK sees it: external memory, mapped for the devices that want a mapping. EAL must
 * be initialised.
 */
#ifndef MEMPOOL_DMA_H
#define MEMPOOL_DMA_H

#include <stddef.h>

#include "mempool/arena.h"

struct rte_device;
struct dma;

enum dma_result {
    DMA_MAPPED,
    DMA_NOT_NEEDED, /* the driver has no mappings: it copies in the kernel, or uses physical
                       addresses without an IOMMU */
    DMA_FAILED,     /* error says why */
};

/*
 * Registers the arena with EAL and, where EAL uses physical addresses, sets arena->iovas. The arena
 * must outlive the result. NULL: error says why.
 */
struct dma *dma_create(struct arena *arena, char *error, size_t error_bytes);

/* Before arena_seal(). */
enum dma_result dma_map(struct dma *dma, struct rte_device *device, char *error,
                        size_t error_bytes);

/* Unmaps from every device and unregisters, in reverse. NULL is allowed. */
void dma_destroy(struct dma *dma);

#endif
