/* SPDX-License-Identifier: BSD-3-Clause */
/* Monotonic nanoseconds from the time-stamp counter: one multiplication, no system call. */
#ifndef APP_CLOCK_H
#define APP_CLOCK_H

#include <stdint.h>

#include <rte_cycles.h>

#include "base/time.h"

struct clock {
    uint64_t start;       /* TSC at start */
    uint64_t ns_per_tick; /* nanoseconds per tick, times 2^32 */
};

/* The clock begins at one second: 0 is a time that has been for everybody. */
static inline struct clock clock_start(void)
{
    return (struct clock){
        .start = rte_rdtsc(),
        .ns_per_tick = (uint64_t)(((unsigned __int128)NS_PER_S << 32) / rte_get_tsc_hz()),
    };
}

static inline uint64_t clock_now(const struct clock *clock)
{
    unsigned __int128 ns = (unsigned __int128)(rte_rdtsc() - clock->start) * clock->ns_per_tick;
    return NS_PER_S + (uint64_t)(ns >> 32);
}

#endif
