/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071). A sum is that of big-endian 16-bit words, in host order, not
 * inverted; 0 and 0xffff mean the same.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"

static inline uint16_t checksum_fold(uint64_t sum)
{
    uint32_t half = (uint32_t)sum;

    half += (uint32_t)(sum >> 32);
    half += half < (uint32_t)(sum >> 32); /* the carry */
    /* The upper half of the sum of both orders: their carry comes from the lower one. */
    return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

/* The sum of bytes that start at an odd position, given their sum as if at an even one. */
static inline uint16_t checksum_at_odd(uint16_t sum)
{
    return (uint16_t)(sum << 8 | sum >> 8);
}

/*
 * The same sum in the machine's byte order, carries not folded: exact below 2^34 bytes. The sum
 * does not depend on byte order but for a swap at the end (RFC 1071 section 2 (B)).
 *
 * For a length that the compiler knows: a few instructions. Else checksum_native().
 */
static inline uint64_t checksum_native_known(const uint8_t *data, size_t len)
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
uint64_t checksum_native(const uint8_t *data, size_t len);

/* Sum of len bytes, the first at an even position. */
uint16_t checksum_bytes(const uint8_t *data, size_t len);

/* As checksum_native(), quick if len is the usual one, which the compiler knows. */
static inline uint64_t checksum_native_usual(const uint8_t *data, size_t len, size_t usual)
{
    return LIKELY(len == usual) ? checksum_native_known(data, usual) : checksum_native(data, len);
}

#endif
