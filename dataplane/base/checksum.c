/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/checksum.h"

#include <string.h>

/*
 * Adds native 32-bit words into a 64-bit sum (no carries get lost below 2^32 words), then folds and
 * swaps once: the ones'-complement sum does not depend on byte order (RFC 1071 section 2 (B)).
 */
uint16_t checksum_bytes(const uint8_t *data, size_t len)
{
    uint64_t sum = 0;

    while (len >= 16) {
        uint32_t w[4];
        memcpy(w, data, sizeof(w));
        sum += (uint64_t)w[0] + w[1] + w[2] + w[3];
        data += 16;
        len -= 16;
    }
    while (len >= 2) {
        uint16_t w;
        memcpy(&w, data, sizeof(w));
        sum += w;
        data += 2;
        len -= 2;
    }
    if (len != 0) {
        uint8_t last[2] = { data[0], 0 };
        uint16_t w;
        memcpy(&w, last, sizeof(w));
        sum += w;
    }
    uint16_t folded = checksum_fold(sum);
    folded = checksum_at_odd(folded);
    return folded;
}
