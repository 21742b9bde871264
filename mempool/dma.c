/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/dma.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_memory.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dma {
    struct arena *arena;
    uint64_t *iovas;             /* of each page; of larger pages: of each page_bytes of them */
    unsigned registered_parts;   /* with EAL */
    struct rte_device **devices; /* that have the arena mapped */
    size_t device_count;
};

/* A stretch of the arena that devices see in one piece. */
struct run {
    uint8_t *start;
    uint64_t iova;
    uint64_t bytes;
};

static uint64_t page_count(const struct arena *arena)
{
    return arena->bytes >> arena->page_shift;
}

static bool small_pages(const struct arena *arena)
{
    return arena->page_bytes == (uint64_t)sysconf(_SC_PAGESIZE);
}

/* ---- registration ---- */

/*
 * Small pages have no device address that lasts when EAL uses physical ones: locked memory stays in
 * RAM, but the kernel may move it. They are left without; dma_map() refuses them then.
 */
static int iovas_fill(struct dma *dma, char *error, size_t error_bytes)
{
    bool physical = rte_eal_iova_mode() == RTE_IOVA_PA;
    uint64_t pages = page_count(dma->arena);

    dma->iovas = calloc(pages, sizeof(*dma->iovas));
    if (dma->iovas == NULL)
        return pool_error(error, error_bytes, "pool: out of memory");
    for (uint64_t i = 0; i < pages; i++) {
        uint8_t *page = dma->arena->base + (i << dma->arena->page_shift);
        if (!physical)
            dma->iovas[i] = (uintptr_t)page;
        else
            dma->iovas[i] = small_pages(dma->arena) ? RTE_BAD_IOVA : rte_mem_virt2iova(page);
        if (dma->iovas[i] == RTE_BAD_IOVA && !small_pages(dma->arena))
            return pool_error(error, error_bytes,
                              "pool: the kernel does not tell physical addresses (run as root, or "
                              "with an IOMMU and EAL's --iova-mode=va)");
    }
    if (physical && !small_pages(dma->arena))
        dma->arena->iovas = dma->iovas;
    return 0;
}

/* EAL takes pages of one size at a time. */
static int part_register(struct dma *dma, const struct arena_part *part, char *error,
                         size_t error_bytes)
{
    const struct arena *arena = dma->arena;
    uint64_t pages = part->bytes / part->page_bytes, stride = part->page_bytes >> arena->page_shift;
    uint64_t *iovas = calloc(pages, sizeof(*iovas));

    if (iovas == NULL)
        return pool_error(error, error_bytes, "pool: out of memory");
    for (uint64_t i = 0; i < pages; i++)
        iovas[i] = dma->iovas[(part->offset >> arena->page_shift) + i * stride];
    int result = rte_extmem_register(arena->base + part->offset, part->bytes, iovas,
                                     (unsigned)pages, part->page_bytes);
    free(iovas);
    if (result == 0)
        return 0;
    return pool_error(error, error_bytes,
                      "pool: rte_extmem_register of %" PRIu64 " bytes failed: %s", part->bytes,
                      rte_strerror(rte_errno));
}

struct dma *dma_create(struct arena *arena, char *error, size_t error_bytes)
{
    struct dma *dma = calloc(1, sizeof(*dma));

    if (dma == NULL) {
        pool_error(error, error_bytes, "pool: out of memory");
        return NULL;
    }
    dma->arena = arena;
    if (iovas_fill(dma, error, error_bytes) != 0)
        goto failed;
    while (dma->registered_parts < arena->part_count) {
        if (part_register(dma, &arena->parts[dma->registered_parts], error, error_bytes) != 0)
            goto failed;
        dma->registered_parts++;
    }
    return dma;

failed:
    dma_destroy(dma);
    return NULL;
}

/* ---- mapping ---- */

/* The longest run in one part that starts at page number *page, and steps over it. */
static struct run run_next(const struct dma *dma, uint64_t *page)
{
    const struct arena *arena = dma->arena;
    uint64_t first = *page, end = first + 1;
    const struct arena_part *part = arena_part_at(arena, first << arena->page_shift);
    uint64_t part_end = (part->offset + part->bytes) >> arena->page_shift;

    while (end < part_end && dma->iovas[end] == dma->iovas[end - 1] + arena->page_bytes)
        end++;
    *page = end;
    return (struct run){
        .start = arena->base + (first << arena->page_shift),
        .iova = dma->iovas[first],
        .bytes = (end - first) << arena->page_shift,
    };
}

static void runs_unmap(const struct dma *dma, struct rte_device *device, uint64_t pages)
{
    for (uint64_t page = 0; page < pages;) {
        struct run run = run_next(dma, &page);
        rte_dev_dma_unmap(device, run.start, run.iova, run.bytes);
    }
}

/* 0, or the error number. */
static int runs_map(const struct dma *dma, struct rte_device *device)
{
    for (uint64_t page = 0, start; page < page_count(dma->arena);) {
        start = page;
        struct run run = run_next(dma, &page);
        rte_errno = 0;
        if (rte_dev_dma_map(device, run.start, run.iova, run.bytes) != 0) {
            int failed = rte_errno != 0 ? rte_errno : EIO;
            runs_unmap(dma, device, start);
            return failed;
        }
    }
    return 0;
}

/* The vdev bus accepts any mapping and does nothing, but for a driver that has mappings of its own:
 * of these only virtio_user's, for vDPA. */
static bool maps_in_earnest(const struct rte_device *device)
{
    return device != NULL &&
           (strcmp(rte_bus_name(rte_dev_bus(device)), "vdev") != 0 ||
            strcmp(rte_driver_name(rte_dev_driver(device)), "net_virtio_user") == 0);
}

enum dma_result dma_map(struct dma *dma, struct rte_device *device, char *error, size_t error_bytes)
{
    struct rte_device **devices =
        realloc(dma->devices, (dma->device_count + 1) * sizeof(struct rte_device *));

    if (devices == NULL) {
        pool_error(error, error_bytes, "pool: out of memory");
        return DMA_FAILED;
    }
    dma->devices = devices;
    if (!maps_in_earnest(device))
        return DMA_NOT_NEEDED;
    int failed = dma->iovas[0] == RTE_BAD_IOVA ? EFAULT : runs_map(dma, device);
    if (failed == ENOTSUP)
        return DMA_NOT_NEEDED;
    if (failed == 0) {
        dma->devices[dma->device_count++] = device;
        return DMA_MAPPED;
    }
    pool_error(error, error_bytes, "pool: cannot map %" PRIu64 " bytes for DMA by %s: %s (%s)",
               dma->arena->bytes, rte_dev_name(device), rte_strerror(failed),
               failed == EFAULT
                   ? "small pages without an IOMMU: reserve hugepages"
                   : "VFIO: raise `ulimit -l`; many scattered pages: use an IOMMU or 1 GiB pages");
    return DMA_FAILED;
}

/* Devices of one VFIO container share its mappings, which end with the last of them. */
void dma_forget(struct dma *dma, const struct rte_device *device)
{
    for (size_t i = 0; i < dma->device_count; i++) {
        if (dma->devices[i] != device)
            continue;
        dma->device_count--;
        memmove(&dma->devices[i], &dma->devices[i + 1],
                (dma->device_count - i) * sizeof(struct rte_device *));
        return;
    }
}

void dma_range(const struct dma *dma, uint64_t offset, uint64_t bytes, uint64_t *first,
               uint64_t *end)
{
    unsigned shift = dma->arena->page_shift;

    *first = UINT64_MAX;
    *end = 0;
    for (uint64_t i = offset >> shift; i < (offset + bytes) >> shift; i++) {
        if (dma->iovas[i] == RTE_BAD_IOVA)
            continue;
        *first = RTE_MIN(*first, dma->iovas[i]);
        *end = RTE_MAX(*end, dma->iovas[i] + dma->arena->page_bytes);
    }
    if (*end == 0)
        *first = 0;
}

const char *dma_device_names(const struct dma *dma, char *text, size_t text_bytes)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < dma->device_count && len < text_bytes; i++)
        len += (size_t)snprintf(text + len, text_bytes - len, "%s%s", i > 0 ? " " : "",
                                rte_dev_name(dma->devices[i]));
    return text;
}

void dma_destroy(struct dma *dma)
{
    if (dma == NULL)
        return;
    while (dma->device_count > 0)
        runs_unmap(dma, dma->devices[--dma->device_count], page_count(dma->arena));
    while (dma->registered_parts > 0) {
        const struct arena_part *part = &dma->arena->parts[--dma->registered_parts];
        rte_extmem_unregister(dma->arena->base + part->offset, part->bytes);
    }
    dma->arena->iovas = NULL;
    free(dma->devices);
    free(dma->iovas);
    free(dma);
}
