/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/rx.h"

#include <rte_prefetch.h>

void io_rx_init(struct io_rx *rx, struct io_wire wire, struct counters *counters)
{
    rx->wire = wire;
    rx->counters = counters;
    rx->mbuf_count = 0;
}

static uint32_t checksum_flags(uint64_t ol_flags)
{
    uint32_t flags = 0;

    /* A verdict of "bad" is not passed on: the stack then sums for itself, and counts the drop. */
    if ((ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
        flags |= FRAME_IP_CHECKSUM_GOOD;
    if ((ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
        flags |= FRAME_L4_CHECKSUM_GOOD;
    return flags;
}

struct frame io_rx_frame(const struct rte_mbuf *m)
{
    return (struct frame){
        .data = rte_pktmbuf_mtod(m, const uint8_t *),
        .len = m->data_len,
        .flags = checksum_flags(m->ol_flags),
    };
}

unsigned io_rx_burst(struct io_rx *rx)
{
    uint16_t count = rx->wire.ops->rx_burst(rx->wire.ctx, rx->mbufs, IO_RX_BURST);
    unsigned frames = 0;

    rx->mbuf_count = count;
    if (count == 0)
        return 0;
    /* The headers of a segment with timestamps are 66 bytes: two lines. */
    for (uint16_t i = 0; i < count; i++) {
        const uint8_t *data = rte_pktmbuf_mtod(rx->mbufs[i], const uint8_t *);
        rte_prefetch0(data);
        rte_prefetch0(data + RTE_CACHE_LINE_SIZE);
    }

    for (uint16_t i = 0; i < count; i++) {
        struct rte_mbuf *m = rx->mbufs[i];

        /* An mbuf of the rx pool holds a frame of the MTU, so this one is longer than it may be,
         * or a driver scatters where it was not asked to. */
        if (UNLIKELY(m->nb_segs > 1) && rte_pktmbuf_linearize(m) != 0) {
            COUNT(rx->counters, rx_drop_scattered);
            continue;
        }
        rx->frames[frames++] = io_rx_frame(m);
    }
    return frames;
}

/* Rare, and a burst is short: it is searched. The place stays empty, which freeing skips. */
struct rte_mbuf *io_rx_take(struct io_rx *rx, const struct frame *frame)
{
    for (uint16_t i = 0; i < rx->mbuf_count; i++) {
        struct rte_mbuf *m = rx->mbufs[i];
        if (m == NULL || rte_pktmbuf_mtod(m, const uint8_t *) != frame->data)
            continue;
        rx->mbufs[i] = NULL;
        return m;
    }
    return NULL;
}

void io_rx_release(struct io_rx *rx)
{
    if (rx->mbuf_count > 0)
        rte_pktmbuf_free_bulk(rx->mbufs, rx->mbuf_count);
    rx->mbuf_count = 0;
}
