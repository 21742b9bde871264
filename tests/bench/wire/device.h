/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets as the device finds them in the tx ring: runs of descriptors. */
#ifndef BENCH_WIRE_DEVICE_H
#define BENCH_WIRE_DEVICE_H

#include <rte_prefetch.h>

#include "queue.h"

struct device_packet {
    const uint8_t *head; /* first segment */
    uint32_t head_len;
    uint32_t len;   /* all segments */
    uint32_t first; /* index of the first descriptor */
    uint16_t count; /* descriptors */
    uint16_t mss;   /* 0: no super-segment */
    uint32_t flags; /* TX_ of the first */
};

/* Reads at most max whole packets from descriptor *next on, moves it behind them, and asks for
 * their headers; returns how many. */
static inline unsigned device_read(const struct queue *q, uint32_t *next,
                                   struct device_packet *packets, unsigned max)
{
    uint32_t tail = queue_tx_tail(q), at = *next;
    unsigned n = 0;

    while (n < max && at != tail) { /* the driver moves its tail by whole packets */
        const struct tx_descriptor *d = &q->tx[at & q->tx_mask];
        struct device_packet *p = &packets[n++];

        *p = (struct device_packet){ .head = d->addr,
                                     .head_len = d->len,
                                     .len = d->len,
                                     .first = at++,
                                     .count = 1,
                                     .mss = d->mss,
                                     .flags = d->flags };
        rte_prefetch0(p->head);
        rte_prefetch0(p->head + 64);
        while ((d->flags & TX_END) == 0) {
            d = &q->tx[at++ & q->tx_mask];
            p->len += d->len;
            p->count++;
        }
    }
    *next = at;
    return n;
}

#endif
