/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/pools.h"

#include <stdio.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "io/rx.h"
#include "io/strays.h"
#include "io/tx.h"

/* Objects a core keeps back from its pool. A mempool lets its cache grow to one and a half. */
#define CACHE_OBJECTS 256
#define CACHED        (CACHE_OBJECTS + CACHE_OBJECTS / 2)

/* Room in front of a frame's MTU: Ethernet header, two VLAN tags, and the FCS that some devices
 * deliver. */
#define FRAME_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN)

/* Two caches: the worker's, and that of the main thread, which frees when the port is closed. */
static unsigned rx_objects(const struct io_pools_config *c)
{
    return c->rx_desc    /* in the ring */
           + c->rx_desc  /* taken to refill it, before what was received is free */
           + IO_RX_BURST /* being read by the stack */
           + (c->strays ? IO_STRAYS_MAX + IO_RX_BURST : 0) /* on the way to another worker */
           + 2 * CACHED;
}

static unsigned head_objects(const struct io_pools_config *c)
{
    return c->tx_desc /* in the ring */
           + io_tx_heads_held() + 2 * CACHED;
}

static unsigned extent_objects(const struct io_pools_config *c)
{
    return c->tx_desc /* in the ring: a descriptor each */
           + io_tx_extents_held(c->extents_max, c->page_split) + 2 * CACHED;
}

static uint16_t frame_room(const struct io_pools_config *c)
{
    uint32_t frame = RTE_MAX(c->mtu + FRAME_OVERHEAD, TX_HEAD_BYTES_MIN);

    frame = RTE_MAX(frame, (uint32_t)c->frame_bytes);
    /* Devices take rx buffers in steps of 1 KiB. */
    return (uint16_t)(RTE_PKTMBUF_HEADROOM + RTE_ALIGN_CEIL(frame, 1024u));
}

static struct rte_mempool *create(const char *kind, unsigned objects, uint16_t priv, uint16_t room,
                                  const struct io_pools_config *config)
{
    char name[RTE_MEMPOOL_NAMESIZE];

    snprintf(name, sizeof(name), "hw_%s_%u_%u", kind, config->port, config->worker);
    return rte_pktmbuf_pool_create(name, objects, CACHE_OBJECTS, priv, room,
                                   config->node < 0 ? SOCKET_ID_ANY : config->node);
}

bool io_pools_create(struct io_pools *pools, const struct io_pools_config *config)
{
    uint16_t room = frame_room(config);

    pools->rx = create("rx", rx_objects(config), 0, room, config);
    pools->heads = create("head", head_objects(config), 0, room, config);
    pools->extents = create("extent", extent_objects(config), IO_TX_EXTENT_PRIV, 0, config);
    if (pools->rx != NULL && pools->heads != NULL && pools->extents != NULL)
        return true;
    io_pools_destroy(pools);
    return false;
}

void io_pools_destroy(struct io_pools *pools)
{
    rte_mempool_free(pools->rx);
    rte_mempool_free(pools->heads);
    rte_mempool_free(pools->extents);
    *pools = (struct io_pools){ NULL, NULL, NULL };
}

static size_t pool_bytes(unsigned objects, uint32_t element)
{
    struct rte_mempool_objsz size;
    return (size_t)objects * rte_mempool_calc_obj_size(element, 0, &size);
}

size_t io_pools_bytes(const struct io_pools_config *config)
{
    uint32_t frame = sizeof(struct rte_mbuf) + frame_room(config);
    uint32_t extent = sizeof(struct rte_mbuf) + IO_TX_EXTENT_PRIV;

    return pool_bytes(rx_objects(config), frame) + pool_bytes(head_objects(config), frame) +
           pool_bytes(extent_objects(config), extent);
}
