/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071). A sum is that of big-endian 16-bit words, in host order, not
 * inverted; 0 and 0xffff mean the same.
 */
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffffu);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)((sum >> 16) + (sum & 0xffff));
}

/* The sum of bytes that start at an odd position, given their sum as if at an even one. */
static inline uint16_t checksum_at_odd(uint16_t sum)
{
    return (uint16_t)(sum << 8 | sum >> 8);
}

/* The same sum in the machine's byte order, carries not folded: exact below 2^34 bytes. The sum
 * does not depend on byte order but for a swap at the end (RFC 1071 section 2 (B)). */
uint64_t checksum_native(const uint8_t *data, size_t len);

/* Sum of len bytes, the first at an even position. */
uint16_t checksum_bytes(const uint8_t *data, size_t len);

#endif
