/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads of file ranges into the arena, many at a time. By io_uring with the arena as fixed buffers:
 * its pages are pinned once, for as long as the reader lives (VmPin shows them), and the kernel
 * still fills them when the arena is sealed. Where io_uring is refused, by pread, one at a time.
 */
#ifndef MEMPOOL_READER_H
#define MEMPOOL_READER_H

#include <stddef.h>
#include <stdint.h>

#include "mempool/arena.h"

#define READER_DEPTH 64 /* reads in flight at most */

struct reader;

struct read_op {
    int fd;
    uint8_t *to; /* in the arena */
    uint64_t offset;
    uint32_t len;
    int32_t result; /* bytes read, maybe fewer than len (0: end of file), or a negative errno */
};

struct reader_ops {
    const char *name;
    /* Takes op, which stays the reader's until wait() returns it. At most READER_DEPTH at a time.
     */
    void (*start)(struct reader *reader, struct read_op *op);
    /* The next finished op; at least one must be under way. */
    struct read_op *(*wait)(struct reader *reader);
    /* The same, or NULL if none finishes within timeout_ns (0: does not wait), or none is under
     * way. */
    struct read_op *(*poll)(struct reader *reader, uint64_t timeout_ns);
    void (*destroy)(struct reader *reader);
};

/* The head of each kind of reader. */
struct reader {
    const struct reader_ops *ops;
};

/* Never fails but for want of memory (NULL): if io_uring is refused the log says why. */
struct reader *reader_create(const struct arena *arena, struct pool_log *log);
struct reader *reader_create_uring(const struct arena *arena, char *error, size_t error_bytes);
struct reader *reader_create_pread(void);

#endif
