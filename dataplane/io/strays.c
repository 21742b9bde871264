/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/strays.h"

#include <stdio.h>
#include <string.h>

#include <rte_ring.h>

/* An mbuf of another worker's pool goes straight back to it: kept in this worker's cache, some
 * hundreds would be lost to their owner. */
static void give_back(struct rte_mbuf *m)
{
    m = rte_pktmbuf_prefree_seg(m);
    if (m != NULL)
        rte_mempool_generic_put(m->pool, (void **)&m, 1, NULL);
}

bool io_strays_create(struct io_strays *strays, unsigned port, unsigned worker)
{
    char name[RTE_RING_NAMESIZE];

    memset(strays, 0, sizeof(*strays));
    snprintf(name, sizeof(name), "hw_strays_%u_%u", port, worker);
    strays->ring =
        rte_ring_create(name, IO_STRAYS_MAX, SOCKET_ID_ANY, RING_F_SC_DEQ | RING_F_EXACT_SZ);
    return strays->ring != NULL;
}

void io_strays_destroy(struct io_strays *strays)
{
    void *m;

    while (strays->ring != NULL && rte_ring_sc_dequeue(strays->ring, &m) == 0)
        give_back(m);
    rte_ring_free(strays->ring);
    strays->ring = NULL;
}

bool io_strays_put(struct io_strays *strays, struct rte_mbuf *m)
{
    return rte_ring_mp_enqueue(strays->ring, m) == 0;
}

unsigned io_strays_burst(struct io_strays *strays)
{
    unsigned n = rte_ring_sc_dequeue_burst(strays->ring, (void **)strays->mbufs, IO_RX_BURST, NULL);

    for (unsigned i = 0; i < n; i++) {
        strays->frames[i] = io_rx_frame(strays->mbufs[i]);
        strays->frames[i].flags |= FRAME_PASSED_ON;
    }
    strays->mbuf_count = n;
    return n;
}

void io_strays_release(struct io_strays *strays)
{
    for (unsigned i = 0; i < strays->mbuf_count; i++)
        give_back(strays->mbufs[i]);
    strays->mbuf_count = 0;
}
