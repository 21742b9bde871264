/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void *heap_alloc(void *ctx, size_t bytes, size_t align)
{
    (void)ctx;
    size_t rounded = (bytes + align - 1) & ~(align - 1);
    void *block = rounded >= bytes ? aligned_alloc(align, rounded) : NULL;
    if (block != NULL)
        memset(block, 0, rounded);
    return block;
}

static void heap_release(void *ctx, void *block)
{
    (void)ctx;
    free(block);
}

const struct memory memory_heap = { .alloc = heap_alloc, .release = heap_release, .ctx = NULL };
