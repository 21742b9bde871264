/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * S3-FIFO: which of the frames to reuse (Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you
 * need for cache eviction, SOSP 2023). What is new goes through a small queue, a tenth of all; only
 * what is asked for again while there, or soon after it left, enters the main queue. So a scan of
 * files that nobody wants twice passes through the tenth and leaves the rest alone.
 *
 * Frames are numbers, 0..frames - 1. A key is a hash of what a frame holds; keys that left the
 * small queue are remembered as 32-bit fingerprints: a false match costs a place in the main queue.
 */
#ifndef MEMPOOL_S3FIFO_H
#define MEMPOOL_S3FIFO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

#define S3FIFO_NONE     UINT32_MAX
#define S3FIFO_HITS_MAX 3 /* more hits than that count no more */

struct s3fifo;

/* NULL: out of memory. frames > 0. */
struct s3fifo *s3fifo_create(uint32_t frames, const struct memory *memory);
void s3fifo_destroy(struct s3fifo *policy);

/* The frame, in no queue until now, holds what key stands for. */
void s3fifo_insert(struct s3fifo *policy, uint32_t frame, uint64_t key);
/* What it holds was asked for again. */
void s3fifo_hit(struct s3fifo *policy, uint32_t frame);
/* Takes it out of its queue, without remembering it: what it was to hold did not come. */
void s3fifo_remove(struct s3fifo *policy, uint32_t frame);

/*
 * Takes out of its queue the frame to reuse; never one that is busy. S3FIFO_NONE: all are. A busy
 * one that is met is set aside, so that it is met once, until s3fifo_idle() says that it is free:
 * then it begins its queue anew.
 */
uint32_t s3fifo_evict(struct s3fifo *policy, bool (*busy)(const void *ctx, uint32_t frame),
                      const void *ctx);
/* The frame is not busy any more. */
void s3fifo_idle(struct s3fifo *policy, uint32_t frame);

#endif
