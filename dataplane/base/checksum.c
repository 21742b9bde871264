/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/checksum.h"

#include <string.h>

#include "base/bytes.h" /* little-endian machines only */

uint64_t checksum_native(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;
    size_t words = len / 4;

    for (size_t i = 0; i < words; i++) { /* 32-bit words into a 64-bit sum: gcc makes this SIMD */
        uint32_t word;
        memcpy(&word, data + 4 * i, sizeof(word));
        sum += word;
    }
    /* The last bytes by moves of fixed length: a memcpy() of len % 4 would be a call. */
    data += 4 * words;
    if ((len & 2) != 0) {
        uint16_t two;
        memcpy(&two, data, sizeof(two));
        sum += two;
        data += sizeof(two);
    }
    return (len & 1) != 0 ? sum + data[0] : sum;
}

uint16_t checksum_bytes(const uint8_t *data, size_t len)
{
    return checksum_at_odd(checksum_fold(checksum_native(data, len)));
}
