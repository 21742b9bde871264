/* SPDX-License-Identifier: BSD-3-Clause */
/* The mbuf pools of one queue pair. Nothing in them is shared with another, but for strays on their
 * way. */
#ifndef IO_POOLS_H
#define IO_POOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mempool.h>

struct io_pools_config {
    unsigned port, worker; /* for their names */
    int node;              /* NUMA node, or -1 */
    uint16_t mtu;
    uint16_t
        frame_bytes; /* of the driver's ring, which a buffer must have room for; 0: as the MTU */
    uint16_t rx_desc, tx_desc;
    uint8_t extents_max;
    bool page_split; /* an extent may take two mbufs */
    bool strays;     /* received mbufs may go to other workers (io/strays.h) */
};

struct io_pools {
    struct rte_mempool *rx;
    struct rte_mempool *heads;
    struct rte_mempool *extents;
};

/* False: there is no memory for them; nothing is left. */
bool io_pools_create(struct io_pools *pools, const struct io_pools_config *config);
/* When every mbuf is back. Harmless on zeros. */
void io_pools_destroy(struct io_pools *pools);

/* Bytes they take, about: what must be there before start. */
size_t io_pools_bytes(const struct io_pools_config *config);

#endif
