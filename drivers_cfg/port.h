/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One port, an ethdev or a TAP interface of ours, brought up and taken down. What may be used of it
 * (struct port_caps) is what both its driver's report and its profile allow.
 */
#ifndef DRIVERS_CFG_PORT_H
#define DRIVERS_CFG_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "drivers_cfg/device.h"
#include "drivers_cfg/profiles.h"
#include "drivers_cfg/tap.h"
#include "wire/addr.h"

/* What the caller wants of the port. */
struct port_request {
    uint16_t queues; /* rx/tx pairs: one per worker */
    uint16_t mtu;    /* of the IP packet */
    bool rx_interrupts;
    bool iova_pa;        /* devices see physical addresses: the next page may lie anywhere */
    uint8_t extents_max; /* of one packet: no more are ever needed */
};

struct port_caps {
    bool rx_checksum; /* received frames carry checksum verdicts */
    bool tx_ip_checksum;
    bool tx_tcp_checksum;
    uint32_t tx_tso_bytes_max; /* TCP payload of a super-segment; 0: no TSO */
    uint16_t tx_tso_mss_min;   /* smaller segments go one by one */
    uint8_t tx_extents_max;    /* per packet, > 0 */
    bool tx_page_split;        /* an extent that crosses the end of a page needs two mbufs */
    bool tx_done;              /* sent mbufs can be asked for */
    bool tx_linear;            /* packets must be one mbuf: extents are copied, and counted */
    bool tx_prepare;           /* rte_eth_tx_prepare() is wanted before each burst */
    bool rss;                  /* flows are spread over the queues by the device */
    bool rx_interrupts;        /* a worker may sleep until a frame arrives */
    bool kernel_backed;        /* no DMA: nothing to map */
    uint16_t rx_desc, tx_desc; /* per queue */
    int numa_node;             /* -1: the device has none */
};

struct port {
    uint16_t id;    /* of the ethdev, unless tap.queues > 0 */
    struct tap tap; /* then info has the driver's name and nothing else */
    const struct driver_profile *profile;
    char driver[32];              /* its name, which outlives the device */
    struct rte_eth_dev_info info; /* its pointers do not */
    struct mac_addr device_mac;   /* the driver's */
    struct mac_addr mac;          /* that our stack shall use */
    struct port_request request;
    struct port_caps caps;
    bool configured, started;
    int groups_fd; /* of groups_take_all(), if > 0 */
    bool link_up;  /* as far as we know */
    uint32_t link_mbps;
    void (*removed)(void *ctx); /* port_watch_removal() */
    void *removed_ctx;
};

/*
 * Finds the port that EAL made of the device, or makes the TAP interface, and settles its caps;
 * nothing is configured yet. port_close() takes back what was made.
 * address gives the MAC address where the driver's must not be used. False: error.
 */
bool port_probe(struct port *port, const struct device *device, const struct port_request *request,
                const struct ip_addr *address, char error[DEVICE_ERROR_BYTES]);

/* Configures the queues (rx_pools[i] feeds queue i) and starts the port. False: error, and the port
 * is closed. */
bool port_start(struct port *port, struct rte_mempool *const *rx_pools,
                char error[DEVICE_ERROR_BYTES]);

/* Waits at most *wait_ms for the port's link, and takes off it what it took. Whether it came. */
bool port_wait_link(struct port *port, unsigned *wait_ms);

/* What became of the link since the last call (or since the start). Any thread; it asks the driver.
 */
enum port_link { PORT_LINK_SAME, PORT_LINK_UP, PORT_LINK_DOWN };
enum port_link port_link_change(struct port *port);
/* "up at 10 Gb/s" or "down". */
#define PORT_LINK_BYTES 48
const char *port_link_text(const struct port *port, char text[PORT_LINK_BYTES]);

/* Calls removed(ctx) on a thread of EAL's when the device is about to be taken away. False: the bus
 * does not tell. */
bool port_watch_removal(struct port *port, void (*removed)(void *ctx), void *ctx);

/* Stops and closes: every mbuf the driver still held is freed. No worker may use it any more.
 * Harmless on a port that is closed. */
void port_close(struct port *port);

/* Of a device that was taken away: closes the port and gives the device back to whoever waits for
 * it. */
void port_detach(struct port *port);

/* "ip-checksum,tcp-checksum,tso" or "none". */
#define PORT_OFFLOADS_BYTES 64
const char *port_offloads_text(const struct port_caps *caps, char text[PORT_OFFLOADS_BYTES]);

/* The rule behind port_probe(), on its own: what may be used of a device with this report. */
void port_caps_settle(struct port_caps *caps, const struct driver_profile *profile,
                      const struct rte_eth_dev_info *info, const struct port_request *request);

#endif
