/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What we know about each poll-mode driver beyond what it reports itself. One row per driver; where
 * row and report differ, the stricter of the two holds (port.c).
 */
#ifndef DRIVERS_CFG_PROFILES_H
#define DRIVERS_CFG_PROFILES_H

#include <stdbool.h>
#include <stdint.h>

struct driver_profile {
    const char *driver; /* as rte_eth_dev_info.driver_name says it */

    /* Packets pass through the kernel: no DMA, so no IOMMU mapping, and IOVA may be VA. */
    bool kernel_backed;
    /* The device is a file of the kernel's that copies; its checksum offload and TSO, if it reports
     * any, read the payload with the CPU. We bring our own sums and cut segments ourselves. */
    bool software_offloads;
    /* The kernel has an interface with the port's own MAC address on the other end: we need a
     * different one, or the kernel takes our frames for its own. */
    bool peer_has_mac;
    /* Frames for a MAC address that is not the port's are dropped unless it is promiscuous. */
    bool promiscuous;
    /* Flows are spread over the queues without RSS being configured. */
    bool spreads_flows;
    /* A worker may sleep until a frame arrives. */
    bool rx_interrupts;
    /* A segment that goes on in another page, which lies elsewhere in physical memory, is lost: the
     * emulation maps a segment in one piece. Extents are cut at the ends of pages. */
    bool segment_in_page;
    /* Its rte_eth_tx_done_cleanup() must not be called. */
    bool tx_done_breaks;
    /* Reports the MTU of its default frames; those we give it with its argument are larger. */
    bool mtu_by_argument;
    /* Takes chained mbufs although it does not report MULTI_SEGS. */
    bool chains_unreported;

    /* Reports MULTI_SEGS, and sends chains wrongly: packets are made of one mbuf, which is a copy.
     */
    bool chains_break;

    uint16_t rx_desc, tx_desc; /* ring sizes; 0: what the driver proposes */
    uint16_t tx_segs_max;      /* mbufs of one packet; 0: what the driver reports */
    uint16_t tx_tso_mss_min;   /* TSO cuts no smaller segments; 0: any. No driver reports this. */
    uint8_t rss_key_bytes;     /* length of the key, where the driver does not report it */

    const char *source; /* where the row comes from */
};

/* Never NULL: a driver without a row gets the careful default row, whose driver is "". */
const struct driver_profile *driver_profile_find(const char *driver);

/* Row i, NULL: there are no more. */
const struct driver_profile *driver_profile_row(unsigned i);

#endif
