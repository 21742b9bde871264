/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the core's tables live. The core allocates only while it is set up, through this; under
 * DPDK it is hugepage memory of the worker's NUMA node, in tests plain heap.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

struct memory {
    /* Zeroed, aligned to align (a power of two, at least 64). NULL when there is no more. */
    void *(*alloc)(void *ctx, size_t bytes, size_t align);
    void (*release)(void *ctx, void *block);
    void *ctx;
};

/* Plain heap. */
extern const struct memory memory_heap;

static inline void *memory_alloc(const struct memory *m, size_t count, size_t size)
{
    if (size != 0 && count > (size_t)-1 / size)
        return NULL;
    return m->alloc(m->ctx, count * size, 64);
}

/* NULL is allowed. */
static inline void memory_release(const struct memory *m, void *block)
{
    if (block != NULL)
        m->release(m->ctx, block);
}

#endif
