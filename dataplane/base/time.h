/* SPDX-License-Identifier: BSD-3-Clause */
/* Time is an argument everywhere in the core: monotonic nanoseconds in a uint64_t. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdint.h>

#undef NS_PER_S /* DPDK has a narrower one */
#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* No deadline. */
#define TIME_NEVER UINT64_MAX

static inline uint64_t time_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
