/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a receiver holds out of order: disjoint intervals of a stream, in order, and which of them
 * grew last. As many as the receiver's buffer holds; a receiver that forgot some of what it was
 * sent would measure itself, not the sender.
 */
#ifndef SIM_INTERVALS_H
#define SIM_INTERVALS_H

#include <stdbool.h>
#include <stdint.h>

struct interval {
    int64_t start, end;
};

/* More than the four that one ACK reports (RFC 2018 section 3), for some grow together. */
#define INTERVALS_RECENT 8

struct intervals {
    struct interval *at;
    unsigned count, capacity;
    int64_t recent[INTERVALS_RECENT]; /* a position in each that grew lately, the last one first */
    unsigned recent_count;
};

/* Joins [start, end), which becomes the most recent. */
void intervals_add(struct intervals *set, int64_t start, int64_t end);
/* Index of the first interval that ends beyond the position; count: there is none. */
unsigned intervals_beyond(const struct intervals *set, int64_t position);
/* Forgets the intervals that end by then. */
void intervals_drop_below(struct intervals *set, int64_t limit);
/* The most recent ones, each once, the last that grew first; returns how many. */
unsigned intervals_recent(const struct intervals *set, struct interval *out, unsigned max);
void intervals_clear(struct intervals *set);
void intervals_free(struct intervals *set);

#endif
