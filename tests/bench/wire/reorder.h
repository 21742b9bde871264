/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes a client received beyond a hole: sorted intervals of sequence numbers that do not touch. */
#ifndef BENCH_WIRE_REORDER_H
#define BENCH_WIRE_REORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/tcp_segment.h"

/* 5% of a window of 2 MiB lost at random leaves about 70 holes. */
#define REORDER_MAX 127

struct reorder {
    uint32_t count, newest; /* newest: the interval that grew last */
    struct sack_block interval[REORDER_MAX];
};

/* False: no room for another interval; the bytes are not kept. */
bool reorder_insert(struct reorder *r, uint32_t start, uint32_t end);

/* Everything up to next was received: takes off what touches it; returns what is next now. */
uint32_t reorder_advance(struct reorder *r, uint32_t next);

/* SACK blocks, the newest first (RFC 2018 section 4); returns how many. */
unsigned reorder_sack(const struct reorder *r, struct sack_block *blocks, unsigned max);

#endif
