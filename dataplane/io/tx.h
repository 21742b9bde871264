/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending: a slot becomes a header mbuf and, per extent, an mbuf that points into the pool; a run
 * of them as many packets. No payload is copied (unless the device takes linear packets only:
 * io_tx_config.linear, counted).
 *
 * Everything a burst may need is at hand before the stack is asked for it, so a slot that was
 * filled is always sent: there is no way out in the middle. What the port does not take at once is
 * offered again, in order, before anything new.
 *
 * Lifetime: an extent's pin is raised when it is attached, and lowered by the driver freeing the
 * mbuf (free callback of the mbuf's shared info, whose reference count is 1: a plain decrement, on
 * this worker's core). Other threads may free mbufs only when the worker has ended.
 */
#ifndef IO_TX_H
#define IO_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "base/counters.h"
#include "base/memory.h"
#include "base/tx_slot.h"
#include "io/wire.h"
#include "mempool/arena.h"

/* Packets per turn. */
#define IO_TX_BURST 64

/* An extent is at most 65535 bytes, so it crosses one page end at most, pages being larger. */
#define IO_TX_PIECES_MAX 2

/* A port that takes nothing for this long has its backlog dropped, so that timers go on; TCP sends
 * what matters again. Also the way out of a packet that a driver refuses every time. */
#define IO_TX_STUCK_NS (UINT64_C(100) * 1000 * 1000)

/* Private area of an extent mbuf: room for its rte_mbuf_ext_shared_info. */
#define IO_TX_EXTENT_PRIV RTE_ALIGN(sizeof(struct rte_mbuf_ext_shared_info), RTE_MBUF_PRIV_ALIGN)

struct io_tx_config {
    struct io_wire wire;
    struct rte_mempool *heads; /* packet mbufs with room for mtu + STACK_L2_BYTES */
    struct rte_mempool
        *extents;              /* packet mbufs without data room, IO_TX_EXTENT_PRIV private bytes */
    const struct arena *arena; /* device addresses of extents; NULL: virtual ones */
    bool page_split;           /* extents are cut at the ends of the arena's pages */
    uint8_t extents_max;       /* of one slot: as stack_config.tx_extents_max */
    bool ip_checksum, tcp_checksum; /* the port computes them */
    bool linear;                    /* one mbuf per packet */
    struct counters *counters;
    struct memory memory;
};

struct io_tx;

/* NULL: out of memory. */
struct io_tx *io_tx_create(const struct io_tx_config *config);
/* Frees what it holds, the backlog included (pins go down). */
void io_tx_destroy(struct io_tx *tx);

/* Mbufs a tx path may hold besides those in the driver's ring: terms of the pools' sizes. */
unsigned io_tx_heads_held(void);
unsigned io_tx_extents_held(unsigned extents_max, bool page_split);

/* Offers the backlog again. True: it is gone, new packets may be made. */
bool io_tx_flush(struct io_tx *tx, uint64_t now);

/* Slots for stack_output(), heads set; *count of them, IO_TX_BURST or, when mbufs are short, fewer.
 * Only when io_tx_flush() was true. */
struct tx_slot *io_tx_slots(struct io_tx *tx, unsigned *count);

/* Sends the first n slots of io_tx_slots(). */
void io_tx_send(struct io_tx *tx, unsigned n, uint64_t now);

/* When there is time: has the driver free what is sent, so that pins go down. */
void io_tx_reclaim(struct io_tx *tx);

#endif
