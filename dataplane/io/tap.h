/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue of a TAP interface (drivers_cfg/tap.h) as a wire. Where a NIC would fetch a packet by
 * DMA, the kernel copies it from the same pages, with one writev per packet: a super-segment of
 * 64 KiB is one. Checksums are left to it, and between two ends of one machine nobody sums at all.
 */
#ifndef IO_TAP_H
#define IO_TAP_H

#include <rte_mempool.h>

#include "io/wire.h"

struct io_tap {
    int fd;
    struct rte_mempool *rx; /* its mbufs hold a frame of the MTU */
    struct rte_mbuf *spare; /* ready for the next frame, or NULL */
};

/* tap must outlive the wire. */
struct io_wire io_tap_wire(struct io_tap *tap);
/* Frees what it holds. */
void io_tap_release(struct io_tap *tap);

#endif
