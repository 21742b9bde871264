/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a loop's time went. The clock is read once per turn, as in the worker: the time from
 * reading to reading is that of the turn before. */
#ifndef BENCH_HARNESS_TURNS_H
#define BENCH_HARNESS_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

/* A turn is a few microseconds long, some ten with all caches cold. One that took this long was
 * interrupted: somebody else had the core. */
#define TURN_STOLEN_NS (100 * NS_PER_US)

struct turns {
    uint64_t busy_ns;    /* turns that did something */
    uint64_t idle_ns;    /* turns that did nothing */
    uint64_t stolen_ns;  /* turns that were interrupted */
    uint64_t longest_ns; /* turn */
};

struct turn_clock {
    uint64_t last;
    bool worked; /* the turn under way did something */
    struct turns turns;
};

/* A turn ends, the next begins. */
static inline void turn_clock_mark(struct turn_clock *t, uint64_t now)
{
    uint64_t ns = now - t->last;

    if (ns >= TURN_STOLEN_NS)
        t->turns.stolen_ns += ns;
    else if (t->worked)
        t->turns.busy_ns += ns;
    else
        t->turns.idle_ns += ns;
    if (ns > t->turns.longest_ns)
        t->turns.longest_ns = ns;
    t->last = now;
}

/* longest_ns is that of now: whoever begins to measure sets it to 0. */
static inline struct turns turns_since(struct turns now, struct turns then)
{
    return (struct turns){ .busy_ns = now.busy_ns - then.busy_ns,
                           .idle_ns = now.idle_ns - then.idle_ns,
                           .stolen_ns = now.stolen_ns - then.stolen_ns,
                           .longest_ns = now.longest_ns };
}

#endif
