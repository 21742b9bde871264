/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that came to another worker's queue, on their way to the worker whose flow they are of: a
 * ring of mbufs, which any worker fills and one empties. That one reads them as it reads a burst of
 * its own queue (rx.h).
 */
#ifndef IO_STRAYS_H
#define IO_STRAYS_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ring.h>

#include "io/rx.h"

/* On their way to one worker at a time. What finds no room is lost, as on a wire. */
#define IO_STRAYS_MAX 128

struct io_strays {
    struct rte_ring *ring __attribute__((aligned(64))); /* read by others */
    unsigned mbuf_count __attribute__((aligned(64)));
    struct rte_mbuf *mbufs[IO_RX_BURST];
    struct frame frames[IO_RX_BURST];
};

/* Of that port; worker: whose they will be. False: no memory. */
bool io_strays_create(struct io_strays *strays, unsigned port, unsigned worker);
/* Frees what is in it. Harmless if it was not created. */
void io_strays_destroy(struct io_strays *strays);

/* Any worker: takes m. False: there is no room, m stays the caller's. */
bool io_strays_put(struct io_strays *strays, struct rte_mbuf *m);

static inline bool io_strays_empty(const struct io_strays *strays)
{
    return LIKELY(strays->ring == NULL) || rte_ring_empty(strays->ring);
}

/* As io_rx_burst() and io_rx_release(). */
unsigned io_strays_burst(struct io_strays *strays);
void io_strays_release(struct io_strays *strays);

#endif
