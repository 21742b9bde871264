/* SPDX-License-Identifier: BSD-3-Clause */
/* The mixing step of the keyed hash tables. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

/* 128-bit product, folded: every input bit reaches every output bit. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#endif
