/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/prefix_sum.h"

#include <endian.h>
#include <string.h>

/* Ones'-complement addition is associative and keeps its value when both bytes of all words are
 * swapped (RFC 1071 section 2), so the loops below add wide words in the machine's byte order, let
 * the carries pile up above bit 32, and fold and swap once at the end. */

static uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

static uint16_t swap(uint16_t sum)
{
    return (uint16_t)(sum << 8 | sum >> 8);
}

static uint16_t subtract(uint16_t a, uint16_t b)
{
    return fold((uint64_t)a + (uint16_t)~b);
}

static uint64_t load32(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

/* Sum of len bytes in the machine's byte order, carries not folded: exact below 2^34 bytes. */
static inline uint64_t sum_native(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;
    size_t words = len / 4;

    for (size_t i = 0; i < words; i++) /* 32-bit words into a 64-bit sum: gcc makes this SIMD */
        sum += load32(data + 4 * i);
    if (len % 4 != 0) {
        uint32_t last = 0;
        memcpy(&last, data + 4 * words, len % 4);
        sum += last;
    }
    return sum;
}

uint16_t checksum_add_bytes(const uint8_t *data, size_t len)
{
    return be16toh(fold(sum_native(data, len)));
}

void prefix_sum_extend(uint16_t *sums, uint64_t first_block, const uint8_t *data, uint64_t len)
{
    uint16_t *entry = sums + first_block;
    uint64_t running = be16toh(*entry);

    for (; len >= PREFIX_SUM_BLOCK; data += PREFIX_SUM_BLOCK, len -= PREFIX_SUM_BLOCK) {
        running = fold(running + sum_native(data, PREFIX_SUM_BLOCK));
        *++entry = be16toh((uint16_t)running);
    }
    if (len != 0)
        *++entry = be16toh(fold(running + sum_native(data, len)));
}

uint16_t prefix_sum_range(const uint16_t *sums, const uint8_t *data, uint64_t from, uint32_t len)
{
    uint64_t end = from + len;
    uint64_t first = (from + PREFIX_SUM_BLOCK - 1) / PREFIX_SUM_BLOCK; /* whole blocks: */
    uint64_t last = end / PREFIX_SUM_BLOCK;                            /* [first, last) */

    if (first >= last)
        return checksum_add_bytes(data, len);

    size_t head_len = (size_t)(first * PREFIX_SUM_BLOCK - from);
    size_t tail_len = (size_t)(end - last * PREFIX_SUM_BLOCK);
    uint16_t head = checksum_add_bytes(data, head_len);
    uint16_t tail = checksum_add_bytes(data + (len - tail_len), tail_len);
    uint16_t rest = fold((uint64_t)subtract(sums[last], sums[first]) + tail);

    /* Blocks start at even file positions. Seen from an odd `from` their bytes change places. */
    return fold((uint64_t)head + ((from & 1) != 0 ? swap(rest) : rest));
}
