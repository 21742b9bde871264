/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which cache lines each worker reads and writes. The sources of the server are compiled as for
 * ThreadSanitizer, which calls a function before each access to memory that another thread could
 * make; touched.c stands where its library would. It sees what was compiled so, and memcpy(),
 * memmove() and memset() as far as they are calls; not what DPDK's shared libraries do.
 */
#ifndef BENCH_SHARING_TOUCHED_H
#define BENCH_SHARING_TOUCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOUCHED_WORKERS 2
#define TOUCHED_LINE    64

/* Who this thread's accesses are of from now on: 1 to TOUCHED_WORKERS; 0: nobody's, and they are
 * not noted. */
void touched_by(unsigned worker);

void touched_reset(void);

struct touched_shared {
    uintptr_t line;       /* address */
    void *writer, *other; /* code of a worker that wrote to it, and of another that touched it */
    bool written;         /* by the other, too */
};

/* Lines that one worker wrote and another touched; returns how many, of which shared gets the first
 * max. When no worker runs. */
unsigned touched_shared(struct touched_shared *shared, unsigned max);

/* Lines that a worker wrote. */
unsigned touched_written(unsigned worker);

#endif
