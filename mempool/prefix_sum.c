/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/prefix_sum.h"

#include "base/checksum.h"

static uint16_t entry(const uint16_t *sums, uint64_t block)
{
    return block != 0 ? sums[block] : 0;
}

static uint16_t subtract(uint16_t a, uint16_t b)
{
    return checksum_fold((uint64_t)a + (uint16_t)~b);
}

void prefix_sum_extend(uint16_t *sums, uint64_t first_block, const uint8_t *data, uint64_t len)
{
    uint16_t *next = sums + first_block;
    uint64_t running = checksum_at_odd(entry(sums, first_block));

    for (; len >= PREFIX_SUM_BLOCK; data += PREFIX_SUM_BLOCK, len -= PREFIX_SUM_BLOCK) {
        running = checksum_fold(running + checksum_native(data, PREFIX_SUM_BLOCK));
        *++next = checksum_at_odd((uint16_t)running);
    }
    if (len != 0)
        *++next = checksum_at_odd(checksum_fold(running + checksum_native(data, len)));
}

uint64_t prefix_sum_check(const uint16_t *sums, uint64_t first_block, const uint8_t *data,
                          uint64_t len, uint64_t *first)
{
    uint64_t block = first_block, wrong = 0;

    for (; len > 0; block++) {
        uint64_t part = len < PREFIX_SUM_BLOCK ? len : PREFIX_SUM_BLOCK;
        uint16_t running = checksum_at_odd(entry(sums, block)); /* each block on its own */
        running = checksum_fold((uint64_t)running + checksum_native(data, part));
        if (checksum_at_odd(running) % UINT16_MAX != sums[block + 1] % UINT16_MAX && wrong++ == 0)
            *first = block;
        data += part;
        len -= part;
    }
    return wrong;
}

uint16_t prefix_sum_range(const uint16_t *sums, const uint8_t *data, uint64_t from, uint32_t len)
{
    uint64_t end = from + len;
    uint64_t first = (from + PREFIX_SUM_BLOCK - 1) / PREFIX_SUM_BLOCK; /* whole blocks: */
    uint64_t last = end / PREFIX_SUM_BLOCK;                            /* [first, last) */

    if (first >= last)
        return checksum_bytes(data, len);

    size_t head_len = (size_t)(first * PREFIX_SUM_BLOCK - from);
    size_t tail_len = (size_t)(end - last * PREFIX_SUM_BLOCK);
    uint16_t head = checksum_bytes(data, head_len);
    uint16_t tail = checksum_bytes(data + (len - tail_len), tail_len);
    uint16_t rest = checksum_fold((uint64_t)subtract(sums[last], entry(sums, first)) + tail);

    /* Blocks start at even file positions. Seen from an odd `from` their bytes change places. */
    return checksum_fold((uint64_t)head + ((from & 1) != 0 ? checksum_at_odd(rest) : rest));
}
