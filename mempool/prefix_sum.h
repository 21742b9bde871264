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
#include <emmintrin.h> /* SSE2: every x86-64 has it */
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/checksum.h"

#ifndef PREFIX_SUM_BLOCK /* but for the bench that compares (docs/POOL.md) */
#define PREFIX_SUM_BLOCK 128
#endif
#define PREFIX_SUM_HALF (PREFIX_SUM_BLOCK / 2)
static_assert(PREFIX_SUM_HALF % sizeof(__m128i) == 0, "whole vectors");

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

/* Half a block each of ones, zeros, ones: what begins n before the second takes the first n bytes
 * of half a block, what begins n before the third takes all but these. */
extern const uint8_t prefix_sum_masks[3 * PREFIX_SUM_HALF];

/*
 * Sum of the bytes of half a block that mask takes, as words in the machine's byte order. It has no
 * branch: where in its block a packet ends is nothing that a predictor could know. Even and odd
 * bytes are added up apart, in lanes of 16 bits, of which none overflows.
 */
static inline int32_t prefix_sum_half(const uint8_t *half, const uint8_t *mask)
{
    const __m128i low = _mm_set1_epi16(0xff);
    __m128i even = _mm_setzero_si128(), odd = _mm_setzero_si128();

    for (unsigned i = 0; i < PREFIX_SUM_HALF; i += sizeof(__m128i)) {
        __m128i bytes = _mm_and_si128(_mm_loadu_si128((const __m128i *)(const void *)(half + i)),
                                      _mm_loadu_si128((const __m128i *)(const void *)(mask + i)));
        even = _mm_add_epi16(even, _mm_and_si128(bytes, low));
        odd = _mm_add_epi16(odd, _mm_srli_epi16(bytes, 8));
    }
    __m128i sum = _mm_add_epi32(_mm_madd_epi16(even, _mm_set1_epi16(1)),
                                _mm_madd_epi16(odd, _mm_set1_epi16(1 << 8)));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(1, 0, 3, 2)));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(sum);
}

/* Where the half block around `at` reaches over the end of the run. */
int32_t prefix_sum_before_near_end(const struct prefix_run *run, uint64_t at);

/*
 * What stands for the sum of all bytes of the run before byte `at` <= len: for prefix_sum_between()
 * and nothing else. Reads an entry, and bytes on the side of `at` where the nearest border is: of
 * one cache line, if the run begins with one. Reads nothing outside the run.
 */
static inline int32_t prefix_sum_before(const struct prefix_run *run, uint64_t at)
{
    uint64_t half = at & ~(uint64_t)(PREFIX_SUM_HALF - 1), into = at % PREFIX_SUM_HALF;
    uint64_t upper = at & PREFIX_SUM_HALF; /* not 0: the nearest border is the end of the block */

    if (UNLIKELY(half + PREFIX_SUM_HALF > run->len))
        return prefix_sum_before_near_end(run, at);
    int32_t between =
        prefix_sum_half(run->data + half, prefix_sum_masks + PREFIX_SUM_HALF + upper - into);
    uint64_t border = (at + PREFIX_SUM_HALF) / PREFIX_SUM_BLOCK;
    return checksum_at_odd(prefix_sum_entry(run->sums, border)) + (upper != 0 ? -between : between);
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
