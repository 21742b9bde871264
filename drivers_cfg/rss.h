/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * To which queue a port hands a frame: the Toeplitz hash of its addresses and ports, by the key and
 * through the table of queues that the device itself reports, or on a TAP device our own. A worker
 * that knows it can tell a flow that came to the wrong queue, and choose ports for connections of
 * its own whose answers come back to it.
 */
#ifndef DRIVERS_CFG_RSS_H
#define DRIVERS_CFG_RSS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/addr.h"

#define RSS_KEY_BYTES_MAX 52  /* any driver's of DPDK 22.11 */
#define RSS_QUEUES_MAX    512 /* entries of the table (RTE_ETH_RSS_RETA_SIZE_512) */

/* What a family's frames with TCP are hashed by. */
enum rss_input {
    RSS_UNKNOWN,   /* not at all, or by something else */
    RSS_ADDRESSES, /* source and destination */
    RSS_PORTS,     /* these and both ports */
};

struct rss {
    enum rss_input v4, v6;
    bool tap;                                                   /* not Toeplitz but tap_steer.h */
    uint8_t key[RSS_KEY_BYTES_MAX] __attribute__((aligned(4))); /* rte_softrss() reads words */
    uint16_t entries;                                           /* of queue */
    uint16_t queue[RSS_QUEUES_MAX];
};

/* Asks the device, which is started. False: it does not tell all of it, and *rss knows no flow. */
bool rss_read(struct rss *rss, uint16_t port);

/* As a TAP interface of ours with so many queues spreads flows. */
void rss_of_tap(struct rss *rss, uint16_t queues);

/* The hash of a frame. */
uint32_t rss_hash(const struct rss *rss, const struct ip_addr *src, uint16_t src_port,
                  const struct ip_addr *dst, uint16_t dst_port);

/* The queue it comes to; -1: not known. */
int rss_queue(const struct rss *rss, const struct ip_addr *src, uint16_t src_port,
              const struct ip_addr *dst, uint16_t dst_port);

#endif
