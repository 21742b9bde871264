/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving: a burst of mbufs becomes an array of frames, and is freed when the stack has read it.
 */
#ifndef IO_RX_H
#define IO_RX_H

#include <stdint.h>

#include "base/assert.h"
#include "base/counters.h"
#include "io/wire.h"
#include "stack/stack.h"

/* Frames per turn. More would let a flood delay timers and output; fewer cost more turns. */
#define IO_RX_BURST 32

struct io_rx {
    struct io_wire wire;
    struct counters *counters;
    uint16_t mbuf_count;
    struct rte_mbuf *mbufs[IO_RX_BURST];
    struct frame frames[IO_RX_BURST];
};

void io_rx_init(struct io_rx *rx, struct io_wire wire, struct counters *counters);

/* Receives a burst; returns how many rx->frames are to be read. They stay valid until
 * io_rx_release(), which must follow before the next burst. */
unsigned io_rx_burst(struct io_rx *rx);
void io_rx_release(struct io_rx *rx);

/* Takes the mbuf of a frame of the burst out of it: the caller frees it. */
struct rte_mbuf *io_rx_take(struct io_rx *rx, const struct frame *frame);

/* A frame of one segment as the stack reads it. */
struct frame io_rx_frame(const struct rte_mbuf *m);

#endif
