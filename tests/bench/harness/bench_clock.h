/* SPDX-License-Identifier: BSD-3-Clause */
/* The time of a run: that of the machine, or one that only the run itself moves on, so that two
 * runs do the same to the instruction. */
#ifndef BENCH_HARNESS_BENCH_CLOCK_H
#define BENCH_HARNESS_BENCH_CLOCK_H

#include "app/clock.h"

struct bench_clock {
    struct clock tsc;
    const uint64_t *virtual_ns; /* NULL: the machine's */
};

static inline uint64_t bench_clock_now(const struct bench_clock *clock)
{
    return clock->virtual_ns != NULL ? *clock->virtual_ns : clock_now(&clock->tsc);
}

#endif
