/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Received bytes that cannot be handed to the application at once: out of order, or the application
 * takes no more for now. A connection has a buffer only while it holds such bytes.
 *
 * The buffer is a ring under the stream offset; it covers [taken, taken + RX_BUFFER_BYTES), which
 * is also the advertised window, so a byte inside the window always has its place. Which bytes are
 * there is a short sorted list of intervals.
 */
#ifndef TCP_REASSEMBLY_H
#define TCP_REASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"

/* The receive window. Requests are small; a file server does not take in much. */
#define RX_BUFFER_BYTES  32768u
#define RX_INTERVALS_MAX 8

struct rx_interval {
    uint64_t start, end; /* stream offsets, [start, end) */
};

struct rx_buffer {
    uint32_t next_free;
    uint32_t interval_count;
    struct rx_interval interval[RX_INTERVALS_MAX]; /* sorted, disjoint, not touching */
    uint32_t newest; /* the interval that changed last: reported first (RFC 2018 section 4) */
    uint8_t bytes[RX_BUFFER_BYTES];
};

struct rx_pool {
    struct rx_buffer *buffer;
    uint32_t count;
    uint32_t free_head; /* UINT32_MAX: none */
    uint32_t free_count;
};

bool rx_pool_init(struct rx_pool *pool, uint32_t count, const struct memory *memory);
void rx_pool_release(struct rx_pool *pool, const struct memory *memory);

/* NULL: none left. */
struct rx_buffer *rx_buffer_take(struct rx_pool *pool);
void rx_buffer_give(struct rx_pool *pool, struct rx_buffer *buffer);

/*
 * Stores [from, from + len), which lies inside the window. False: too many intervals, not stored.
 * What lies before all others is always stored, if need be at the cost of the last interval, though
 * that was reported (RFC 2018 section 8 allows it): the stream must go on.
 */
bool rx_buffer_store(struct rx_buffer *buffer, uint64_t from, const uint8_t *data, uint32_t len);

/* End of the bytes that are there without a gap from `from` on; `from` itself if there is none. */
uint64_t rx_buffer_contiguous(const struct rx_buffer *buffer, uint64_t from);

/* The longest piece of [from, to) that is contiguous in memory; sets *len. */
const uint8_t *rx_buffer_peek(const struct rx_buffer *buffer, uint64_t from, uint64_t to,
                              uint32_t *len);

/* Bytes below upto are taken. */
void rx_buffer_discard(struct rx_buffer *buffer, uint64_t upto);

#endif
