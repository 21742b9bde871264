/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena as DPDK sees it: external memory, mapped for the devices that want a mapping. EAL must
 * be initialised.
 */
#ifndef MEMPOOL_DMA_H
#define MEMPOOL_DMA_H

#include <stddef.h>
#include <stdint.h>

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

/* The device was taken away. Mappings that it shares with others stay theirs. */
void dma_forget(struct dma *dma, const struct rte_device *device);

/* The lowest device address of bytes [offset, offset + bytes) of the arena, whole pages, and the
 * one behind the highest; both 0: none is known. */
void dma_range(const struct dma *dma, uint64_t offset, uint64_t bytes, uint64_t *first,
               uint64_t *end);
/* Names of the devices that it is mapped for, with blanks between; returns text. */
const char *dma_device_names(const struct dma *dma, char *text, size_t text_bytes);

/* Unmaps from every device and unregisters, in reverse. NULL is allowed. */
void dma_destroy(struct dma *dma);

#endif
