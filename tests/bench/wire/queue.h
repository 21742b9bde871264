/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The NIC's rings: a queue pair as a poll-mode driver and its device share one. The server's core
 * is the driver (queue_wire()): it writes a descriptor per mbuf segment, and itself frees what the
 * device has completed; it posts empty mbufs and takes them back filled. The other core is the
 * device: it reads descriptors, writes received bytes into posted buffers, and moves indices. No
 * mbuf is ever touched by the device's core, so no mempool is shared between the two.
 *
 * Indices are free-running 32-bit numbers; each is written by one side only. What a real device
 * does by DMA costs this one cache misses, and the server's core as many: the lines of a header it
 * writes anew come from the other core's cache.
 */
#ifndef BENCH_WIRE_QUEUE_H
#define BENCH_WIRE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "io/wire.h"

enum {
    TX_END = 1 << 0,          /* last segment of its packet */
    TX_IP_CHECKSUM = 1 << 1,  /* in a packet's first descriptor: the device computes them */
    TX_TCP_CHECKSUM = 1 << 2, /* */
};

/* 16 bytes, as those of real devices. */
struct tx_descriptor {
    const uint8_t *addr;
    uint16_t len;
    uint16_t mss; /* TSO, in a packet's first descriptor; 0: one segment */
    uint32_t flags;
};

struct rx_descriptor {
    uint8_t *addr; /* by the driver: where to write */
    uint32_t len;  /* by the device: what it wrote */
    uint32_t unused;
};

static_assert(sizeof(struct tx_descriptor) == 16 && sizeof(struct rx_descriptor) == 16,
              "four descriptors per cache line");

/* Completed descriptors are freed, and rx buffers posted, this many at a time. */
#define QUEUE_FREE_BATCH 32

/* A line is written by one side: what the other reads of it, it reads to learn what was written. */
struct queue {
    /* Set up once. */
    struct tx_descriptor *tx;
    struct rx_descriptor *rx;
    uint32_t tx_mask, rx_mask;
    uint64_t rx_flags; /* checksum verdicts of received packets */

    struct rte_mbuf **tx_mbufs, **rx_mbufs; /* the driver's */
    struct rte_mempool *rx_pool;            /* */

    /* The driver's own. */
    uint32_t tx_written __attribute__((aligned(64)));
    uint32_t tx_freed;
    uint32_t rx_taken, rx_wanted; /* wanted: next slot to post */

    /* Written by the driver. */
    uint32_t tx_tail __attribute__((aligned(64))); /* descriptors below are the device's */
    uint32_t rx_posted;
    /* Written by the device. */
    uint32_t tx_done __attribute__((aligned(64))); /* descriptors below are completed */
    uint32_t rx_filled;
};

static_assert(offsetof(struct queue, tx_written) == 64 && offsetof(struct queue, tx_tail) == 128 &&
                  offsetof(struct queue, tx_done) == 192,
              "lines that one side writes");

struct queue_config {
    uint32_t tx_descriptors, rx_descriptors; /* powers of two, at least 2 * QUEUE_FREE_BATCH */
    struct rte_mempool *rx_pool;
    bool checksum_offload; /* received packets come with a verdict */
};

/* NULL: out of memory. */
struct queue *queue_create(const struct queue_config *config);
/* Frees every mbuf that is left, completed or not: both sides must have ended. NULL is allowed. */
void queue_destroy(struct queue *queue);

/* The driver's side. */
struct io_wire queue_wire(struct queue *queue);

/* The device's side. */

static inline uint32_t queue_tx_tail(const struct queue *q)
{
    return __atomic_load_n(&q->tx_tail, __ATOMIC_ACQUIRE);
}

static inline void queue_tx_complete(struct queue *q, uint32_t done)
{
    __atomic_store_n(&q->tx_done, done, __ATOMIC_RELEASE);
}

static inline uint32_t queue_rx_room(const struct queue *q)
{
    return __atomic_load_n(&q->rx_posted, __ATOMIC_ACQUIRE) - q->rx_filled;
}

/* The n-th buffer from the next one on; n < queue_rx_room(). */
static inline struct rx_descriptor *queue_rx_buffer(struct queue *q, uint32_t n)
{
    return &q->rx[(q->rx_filled + n) & q->rx_mask];
}

static inline void queue_rx_publish(struct queue *q, uint32_t n)
{
    __atomic_store_n(&q->rx_filled, q->rx_filled + n, __ATOMIC_RELEASE);
}

#endif
