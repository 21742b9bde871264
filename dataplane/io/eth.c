/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/eth.h"

#include <rte_ethdev.h>

static uint16_t eth_rx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    const struct io_eth *eth = ctx;
    return rte_eth_rx_burst(eth->port, eth->queue, mbufs, n);
}

static uint16_t eth_tx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    const struct io_eth *eth = ctx;
    return rte_eth_tx_burst(eth->port, eth->queue, mbufs, n);
}

static uint16_t eth_tx_prepare(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    const struct io_eth *eth = ctx;
    return rte_eth_tx_prepare(eth->port, eth->queue, mbufs, n);
}

static void eth_tx_done(void *ctx)
{
    const struct io_eth *eth = ctx;
    /* Drivers without the function free within their next bursts: nothing is lost but promptness.
     */
    if (eth->tx_done)
        (void)rte_eth_tx_done_cleanup(eth->port, eth->queue, 0);
}

static const struct io_wire_ops eth_ops = {
    .rx_burst = eth_rx_burst,
    .tx_burst = eth_tx_burst,
    .tx_done = eth_tx_done,
};

static const struct io_wire_ops eth_ops_prepare = {
    .rx_burst = eth_rx_burst,
    .tx_burst = eth_tx_burst,
    .tx_prepare = eth_tx_prepare,
    .tx_done = eth_tx_done,
};

struct io_wire io_eth_wire(struct io_eth *eth, bool prepare)
{
    return (struct io_wire){ .ops = prepare ? &eth_ops_prepare : &eth_ops, .ctx = eth };
}
