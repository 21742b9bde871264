/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/prefix_sum.h"

#include "base/checksum.h"

/* ---- the table ---- */

void prefix_sum_extend(uint16_t *sums, uint64_t first_block, const uint8_t *data, uint64_t len)
{
    uint16_t *next = sums + first_block;
    uint64_t running = checksum_at_odd(prefix_sum_entry(sums, first_block));

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
        uint16_t running =
            checksum_at_odd(prefix_sum_entry(sums, block)); /* each block on its own */
        running = checksum_fold((uint64_t)running + checksum_native(data, part));
        if (checksum_at_odd(running) % UINT16_MAX != sums[block + 1] % UINT16_MAX && wrong++ == 0)
            *first = block;
        data += part;
        len -= part;
    }
    return wrong;
}

/* ---- ranges ---- */

const int16_t prefix_sum_weights[3 * PREFIX_SUM_HALF_WORDS - 1] = {
    [0 ... PREFIX_SUM_HALF_WORDS - 2] = 1,
    [2 * PREFIX_SUM_HALF_WORDS - 1 ... 3 * PREFIX_SUM_HALF_WORDS - 2] = -1,
};

int32_t prefix_sum_before_near_end(const struct prefix_run *run, uint64_t at)
{
    uint64_t block = at / PREFIX_SUM_BLOCK, start = block * PREFIX_SUM_BLOCK;

    if (at == run->len) /* whose sum is the last entry */
        return checksum_at_odd(prefix_sum_entry(run->sums, prefix_sum_entries(at) - 1));
    uint16_t tail = checksum_fold(checksum_native(run->data + start, at - start));
    return checksum_at_odd(prefix_sum_entry(run->sums, block)) + tail;
}
