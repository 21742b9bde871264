/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue.h"

#include <stdlib.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "base/assert.h"

/* --- driver: sending -----------------------------------------------------------------------------
 */

/* As drivers do that gather: each segment goes back to its own pool. */
static void free_range(struct queue *q, uint32_t end)
{
    for (uint32_t i = q->tx_freed; i != end; i++) {
        rte_prefetch0(q->tx_mbufs[(i + 4) & q->tx_mask]);
        rte_pktmbuf_free_seg(q->tx_mbufs[i & q->tx_mask]);
    }
    q->tx_freed = end;
}

static void free_completed(struct queue *q, uint32_t at_least)
{
    uint32_t done = __atomic_load_n(&q->tx_done, __ATOMIC_ACQUIRE);

    if (done - q->tx_freed >= at_least)
        free_range(q, done);
}

static void write_packet(struct queue *q, struct rte_mbuf *m)
{
    struct tx_descriptor *d = NULL;
    uint64_t flags = m->ol_flags;
    uint32_t first_flags = ((flags & RTE_MBUF_F_TX_IP_CKSUM) != 0 ? TX_IP_CHECKSUM : 0) |
                           ((flags & RTE_MBUF_F_TX_TCP_CKSUM) != 0 ? TX_TCP_CHECKSUM : 0);
    uint16_t mss = (flags & RTE_MBUF_F_TX_TCP_SEG) != 0 ? m->tso_segsz : 0;

    while (m != NULL) {
        uint32_t slot = q->tx_written++ & q->tx_mask;
        struct rte_mbuf *next = m->next;

        d = &q->tx[slot];
        q->tx_mbufs[slot] = m;
        d->addr = (const uint8_t *)rte_pktmbuf_iova(m); /* device addresses are virtual ones */
        d->len = m->data_len;
        d->mss = mss;
        d->flags = first_flags;
        mss = 0;
        first_flags = 0;
        m = next;
    }
    d->flags |= TX_END;
}

static uint16_t tx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    struct queue *q = ctx;
    uint16_t taken = 0;

    free_completed(q, QUEUE_FREE_BATCH);
    uint32_t room = q->tx_mask + 1 - (q->tx_written - q->tx_freed);
    while (taken < n && mbufs[taken]->nb_segs <= room) {
        room -= mbufs[taken]->nb_segs;
        write_packet(q, mbufs[taken++]);
    }
    __atomic_store_n(&q->tx_tail, q->tx_written, __ATOMIC_RELEASE);
    return taken;
}

static void tx_done(void *ctx)
{
    free_completed(ctx, 1);
}

/* --- driver: receiving ---------------------------------------------------------------------------
 */

/* Posts batches of empty mbufs while slots are free. False: the pool has no more. */
static bool post(struct queue *q)
{
    bool posted = true;

    while (posted && q->rx_taken + q->rx_mask + 1 - q->rx_wanted >= QUEUE_FREE_BATCH) {
        uint32_t first = q->rx_wanted & q->rx_mask; /* a batch does not wrap */

        posted = rte_pktmbuf_alloc_bulk(q->rx_pool, &q->rx_mbufs[first], QUEUE_FREE_BATCH) == 0;
        for (unsigned i = first; posted && i < first + QUEUE_FREE_BATCH; i++)
            q->rx[i].addr = rte_pktmbuf_mtod(q->rx_mbufs[i], uint8_t *);
        q->rx_wanted += posted ? QUEUE_FREE_BATCH : 0;
    }
    __atomic_store_n(&q->rx_posted, q->rx_wanted, __ATOMIC_RELEASE);
    return posted;
}

static uint16_t rx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    struct queue *q = ctx;
    uint32_t ready = __atomic_load_n(&q->rx_filled, __ATOMIC_ACQUIRE) - q->rx_taken;

    if (ready == 0)
        return 0;
    if (ready < n)
        n = (uint16_t)ready;
    for (uint16_t i = 0; i < n; i++) {
        uint32_t slot = q->rx_taken++ & q->rx_mask;
        struct rte_mbuf *m = q->rx_mbufs[slot];

        rte_prefetch0(q->rx_mbufs[(slot + 4) & q->rx_mask]);
        m->data_len = (uint16_t)q->rx[slot].len;
        m->pkt_len = q->rx[slot].len;
        m->ol_flags = q->rx_flags;
        mbufs[i] = m;
    }
    (void)post(q); /* fewer are posted: the device waits */
    return n;
}

static const struct io_wire_ops ops = {
    .rx_burst = rx_burst,
    .tx_burst = tx_burst,
    .tx_done = tx_done,
};

struct io_wire queue_wire(struct queue *queue)
{
    return (struct io_wire){ .ops = &ops, .ctx = queue };
}

/* --- life ----------------------------------------------------------------------------------------
 */

static bool create_rings(struct queue *q, uint32_t tx, uint32_t rx)
{
    q->tx = rte_zmalloc("bench", tx * sizeof(*q->tx), 64);
    q->rx = rte_zmalloc("bench", rx * sizeof(*q->rx), 64);
    q->tx_mbufs = rte_zmalloc("bench", tx * sizeof(struct rte_mbuf *), 64);
    q->rx_mbufs = rte_zmalloc("bench", rx * sizeof(struct rte_mbuf *), 64);
    return q->tx != NULL && q->rx != NULL && q->tx_mbufs != NULL && q->rx_mbufs != NULL;
}

struct queue *queue_create(const struct queue_config *config)
{
    struct queue *q = rte_zmalloc("bench", sizeof(*q), 64);

    if (q == NULL)
        return NULL;
    ASSERT(rte_is_power_of_2(config->tx_descriptors) && rte_is_power_of_2(config->rx_descriptors));
    ASSERT(config->rx_descriptors >= 2 * QUEUE_FREE_BATCH);
    q->tx_mask = config->tx_descriptors - 1;
    q->rx_mask = config->rx_descriptors - 1;
    q->rx_pool = config->rx_pool;
    if (config->checksum_offload)
        q->rx_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
    if (create_rings(q, config->tx_descriptors, config->rx_descriptors) && post(q))
        return q;
    queue_destroy(q);
    return NULL;
}

void queue_destroy(struct queue *q)
{
    if (q == NULL)
        return;
    free_range(q, q->tx_written);
    for (; q->rx_taken != q->rx_wanted; q->rx_taken++)
        rte_pktmbuf_free(q->rx_mbufs[q->rx_taken & q->rx_mask]);
    rte_free(q->tx);
    rte_free(q->rx);
    rte_free(q->tx_mbufs);
    rte_free(q->rx_mbufs);
    rte_free(q);
}
