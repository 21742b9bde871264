/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP sequence arithmetic (RFC 9293 section 3.4).
 *
 * Inside the stack a position in a stream is a 64-bit offset that never wraps: offset 0 is the SYN,
 * offset 1 the first byte of data, the FIN stands behind the last byte. Only the edge (parsing and
 * emitting a segment) knows 32-bit sequence numbers; seq_to_offset() and offset_to_seq() convert.
 */
#ifndef BASE_SEQ_H
#define BASE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

/* Signed distance from b to a, modulo 2^32: positive when a is after b. */
static inline int32_t seq_diff(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static inline bool seq_lt(uint32_t a, uint32_t b)
{
    return seq_diff(a, b) < 0;
}

static inline bool seq_leq(uint32_t a, uint32_t b)
{
    return seq_diff(a, b) <= 0;
}

/* The sequence number of a stream offset, given the initial sequence number (offset 0). */
static inline uint32_t offset_to_seq(uint32_t initial, uint64_t offset)
{
    return initial + (uint32_t)offset;
}

/*
 * The stream offset, nearest to `near`, whose sequence number is seq. The result is within 2^31 of
 * near and may be negative (a sequence number from before the stream's start).
 */
static inline int64_t seq_to_offset(uint32_t initial, uint64_t near, uint32_t seq)
{
    return (int64_t)near + seq_diff(seq, offset_to_seq(initial, near));
}

#endif
