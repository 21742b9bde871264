/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums without reading the payload. A run of bytes carries, for each block of PREFIX_SUM_BLOCK
 * bytes, the ones'-complement sum (RFC 1071) of all its bytes before that block, folded to 16 bits.
 * The sum of any range is what is before its end, less what is before its start. What is before any
 * byte is the entry of the nearest border of blocks, and the bytes between the two, which are read:
 * half a block at most. Entry 0 is always 0: it is neither written nor read, so that tables of
 * neighbouring runs may lie side by side, one entry for each block (mempool/content.h).
 */
#ifndef MEMPOOL_PREFIX_SUM_H
#define MEMPOOL_PREFIX_SUM_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/checksum.h"

#ifndef PREFIX_SUM_BLOCK /* but for the bench that compares (docs/POOL.md) */
#define PREFIX_SUM_BLOCK 128
#endif
#define PREFIX_SUM_HALF (PREFIX_SUM_BLOCK / 2)

/* Entries for size bytes: one per started block, and one for the end. */
static inline uint64_t prefix_sum_entries(uint64_t size)
{
    return (size + PREFIX_SUM_BLOCK - 1) / PREFIX_SUM_BLOCK + 1;
}

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

/* A run of bytes and its table. */
struct prefix_run {
    const uint8_t *data;
    uint64_t len;
    const uint16_t *sums;
};

static inline uint16_t prefix_sum_entry(const uint16_t *sums, uint64_t block)
{
    return block != 0 ? sums[block] : 0;
}

/* Weights of words: those that begin n before the zeros take the first n of the words of half a
 * block, those that begin n before the last kind take all but the first n, and less than nothing.
 */
#define PREFIX_SUM_HALF_WORDS (PREFIX_SUM_HALF / 2)
extern const int16_t prefix_sum_weights[3 * PREFIX_SUM_HALF_WORDS - 1];

/*
 * Sum of the words of half a block times weights, as words in the machine's byte order, but for
 * 0x8000 times the sum of the weights. Vectors multiply signed words only, so that is taken off
 * each word: four (SSE2) or two (AVX2) multiplications, as gcc makes it.
 */
static inline int32_t prefix_sum_weighted(const uint8_t *half, const uint8_t *weights)
{
    int32_t sum = 0;

    for (unsigned i = 0; i < PREFIX_SUM_HALF_WORDS; i++) {
        int16_t word, weight;
        memcpy(&word, half + i * sizeof(word), sizeof(word));
        memcpy(&weight, weights + i * sizeof(weight), sizeof(weight));
        sum += (int16_t)(word ^ INT16_MIN) * weight;
    }
    return sum;
}

/* Where the half block around `at` reaches over the end of the run. */
int32_t prefix_sum_before_near_end(const struct prefix_run *run, uint64_t at);

/*
 * What stands for the sum of all bytes of the run before byte `at` <= len: for prefix_sum_between()
 * and nothing else. Reads an entry, and bytes on the side of `at` where the nearest border is: of
 * one cache line, if the run begins with one. Reads nothing outside the run. Where in its block a
 * packet ends is nothing that a predictor could know: there is no branch on it but for odd places,
 * which all packets of a transfer have, or none.
 */
static inline int32_t prefix_sum_before(const struct prefix_run *run, uint64_t at)
{
    uint64_t half = at & ~(uint64_t)(PREFIX_SUM_HALF - 1);
    uint64_t past = at + PREFIX_SUM_HALF;              /* in the block that the border begins */
    uint64_t weights = ~past & (PREFIX_SUM_BLOCK - 2); /* bytes of them that come first */

    if (UNLIKELY(half + PREFIX_SUM_HALF > run->len))
        return prefix_sum_before_near_end(run, at);
    /* Each word adds one weight, from none at the border on. */
    int32_t weight2 = PREFIX_SUM_HALF - 2 - (int32_t)weights;
    int32_t between =
        prefix_sum_weighted(run->data + half, (const uint8_t *)prefix_sum_weights + weights) +
        weight2 * (0x8000 / 2);
    if ((at & 1) != 0)
        between += run->data[at - 1]; /* the half of a word that is before `at` */
    return checksum_at_odd(prefix_sum_entry(run->sums, past / PREFIX_SUM_BLOCK)) + between;
}

/* Has the caches fetch what prefix_sum_before(at) will read. at <= len. */
static inline void prefix_sum_prefetch(const struct prefix_run *run, uint64_t at)
{
    __builtin_prefetch(run->sums + (at + PREFIX_SUM_HALF) / PREFIX_SUM_BLOCK);
    __builtin_prefetch(run->data + at);
}

/* A multiple of 0xffff, which is 0 in ones' complement: no two of them are farther apart. */
#define PREFIX_SUM_BIAS (0xffff * (PREFIX_SUM_HALF + 1))
static_assert(2 * PREFIX_SUM_BIAS < 1 << 24, "prefix_sum_between() shifts it by 8");

/*
 * Sum of bytes [from, to) of the run, given prefix_sum_before(from) and prefix_sum_before(to): of
 * big-endian 16-bit words in host order, as if the first byte were at an even position, not
 * inverted and not folded; 0 and 0xffff are the same value.
 */
static inline uint32_t prefix_sum_between(int32_t before_from, int32_t before_to, uint64_t from)
{
    /* Of words in the machine's byte order, which stand at even positions of the run. A shift by 8
     * is a swap of each word's bytes. Behind an odd `from` they are swapped already. */
    uint32_t sum = (uint32_t)(before_to - before_from + PREFIX_SUM_BIAS);
    return sum << ((from & 1) != 0 ? 0 : 8);
}

#endif
