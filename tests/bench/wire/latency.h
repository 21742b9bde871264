/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Times by logarithm: 32 buckets an octave, so that a percentile is right to 3%. As HDR histograms,
 * without their range of choices.
 */
#ifndef BENCH_WIRE_LATENCY_H
#define BENCH_WIRE_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS   32 /* an octave */
#define LATENCY_BUCKETS (40 * LATENCY_STEPS)

struct latency {
    uint64_t count[LATENCY_BUCKETS];
    uint64_t total, max_ns;
};

static inline uint32_t latency_bucket(uint64_t ns)
{
    if (ns < LATENCY_STEPS)
        return (uint32_t)ns;
    unsigned octave = 63 - (unsigned)__builtin_clzll(ns) - 5; /* ns >> octave: 32..63 */
    uint32_t bucket = octave * LATENCY_STEPS + (uint32_t)(ns >> octave);
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

static inline void latency_add(struct latency *latency, uint64_t ns)
{
    latency->count[latency_bucket(ns)]++;
    latency->total++;
    if (ns > latency->max_ns)
        latency->max_ns = ns;
}

/* What share (0..1) of the times is at most: the upper end of its bucket; 0: there are none. */
static inline uint64_t latency_percentile(const struct latency *latency, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)latency->total + 0.5), seen = 0;

    for (uint32_t i = 0; i < LATENCY_BUCKETS && latency->total != 0; i++) {
        seen += latency->count[i];
        if (seen >= wanted && seen != 0) {
            unsigned octave = i < 2 * LATENCY_STEPS ? 0 : i / LATENCY_STEPS - 1;
            uint64_t low = (uint64_t)(i - octave * LATENCY_STEPS) << octave;
            uint64_t end = low + (UINT64_C(1) << octave) - 1;
            return end < latency->max_ns ? end : latency->max_ns;
        }
    }
    return latency->max_ns;
}

#endif
