/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums without reading the payload. A run of bytes carries, for each block of PREFIX_SUM_BLOCK
 * bytes, the ones'-complement sum (RFC 1071) of all its bytes before that block, folded to 16 bits.
 * The sum of any byte range is the difference of two entries plus at most two partial blocks, which
 * are read. Entry 0 is always 0: it is neither written nor read, so that tables of neighbouring
 * runs may lie side by side, one entry for each block (mempool/content.h).
 *
 * Sums are of big-endian 16-bit words in host order, as if byte 0 of the range were at an even
 * position, not inverted; 0 and 0xffff are the same value.
 */
#ifndef MEMPOOL_PREFIX_SUM_H
#define MEMPOOL_PREFIX_SUM_H

#include <stddef.h>
#include <stdint.h>

#ifndef PREFIX_SUM_BLOCK /* but for the bench that compares (docs/POOL.md) */
#define PREFIX_SUM_BLOCK 128
#endif

/* Entries for size bytes: one per started block, and one for the end. */
static inline uint64_t prefix_sum_entries(uint64_t size)
{
    return (size + PREFIX_SUM_BLOCK - 1) / PREFIX_SUM_BLOCK + 1;
}

/* Plain sum of len bytes; an odd last byte counts as if a zero byte followed. */
uint16_t checksum_add_bytes(const uint8_t *data, size_t len);

/*
 * Fills the entries behind first_block from len bytes of data that start at block first_block,
 * whose entry must be there already. len is a multiple of PREFIX_SUM_BLOCK except at the end of the
 * run.
 */
void prefix_sum_extend(uint16_t *sums, uint64_t first_block, const uint8_t *data, uint64_t len);

/*
 * Compares the entries with the bytes they were made from, as given to prefix_sum_extend(). Returns
 * how many blocks do not fit their entries; *first is the number of the first one.
 */
uint64_t prefix_sum_check(const uint16_t *sums, uint64_t first_block, const uint8_t *data,
                          uint64_t len, uint64_t *first);

/*
 * Sum of bytes [from, from + len) of the run. data points at byte `from`. Of the bytes, only those
 * of the partial blocks at both ends are read, and none outside the range.
 */
uint16_t prefix_sum_range(const uint16_t *sums, const uint8_t *data, uint64_t from, uint32_t len);

#endif
