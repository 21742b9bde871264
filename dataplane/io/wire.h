/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where bursts of mbufs come from and go to: an ethdev queue pair (eth.h), or anything else with
 * the same few functions: a bench's wire, a replayed capture, a test. They are called once per
 * burst.
 */
#ifndef IO_WIRE_H
#define IO_WIRE_H

#include <stdint.h>

#include <rte_mbuf.h>

struct io_wire_ops {
    /* Writes at most n received packets; returns how many. The caller frees them. */
    uint16_t (*rx_burst)(void *ctx, struct rte_mbuf **mbufs, uint16_t n);
    /* Takes the first k <= n packets, which it frees when they are sent; returns k. */
    uint16_t (*tx_burst)(void *ctx, struct rte_mbuf **mbufs, uint16_t n);
    /* Readies packets for their offloads; returns how many of them, from the first on, are fit to
     * be sent: the one after those never will be. NULL: nothing to do. */
    uint16_t (*tx_prepare)(void *ctx, struct rte_mbuf **mbufs, uint16_t n);
    /* Frees packets that are sent but still held. NULL: tx_burst does it. */
    void (*tx_done)(void *ctx);
};

struct io_wire {
    const struct io_wire_ops *ops;
    void *ctx;
};

#endif
