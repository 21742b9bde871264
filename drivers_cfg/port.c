/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/port.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ether.h>

#include "drivers_cfg/groups.h"
#include "drivers_cfg/rss.h"

/* Ring sizes where neither driver nor profile says one: a millisecond of 1500-byte frames at
 * 10 Gb/s is about 830. */
#define RX_DESC_DEFAULT 1024
#define TX_DESC_DEFAULT 1024

/* A super-segment is one IP packet: its length field counts headers and payload in 16 bits. */
#define IP_PACKET_BYTES_MAX 65535
#define IP_TCP_HEADER_MAX   (40 + 60)

#define RSS_WANTED          (RTE_ETH_RSS_IP | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)

/*
 * The Toeplitz key of Woo and Park (KAIST, 2012): as it repeats every 16 bits, both directions of a
 * flow have the same hash.
 */
static uint8_t rss_key[RSS_KEY_BYTES_MAX] = {
    0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d,
    0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
    0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d,
    0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
};

#define FAIL(error, ...) (snprintf((error), DEVICE_ERROR_BYTES, __VA_ARGS__), false)

static uint16_t stricter(uint16_t a, uint16_t b)
{
    if (a == 0 || b == 0)
        return a != 0 ? a : b;
    return RTE_MIN(a, b);
}

static uint16_t ring_size(uint16_t profile, uint16_t proposed, uint16_t fallback,
                          const struct rte_eth_desc_lim *limits)
{
    uint32_t size = profile != 0 ? profile : proposed != 0 ? proposed : fallback;

    size = RTE_MAX(size, limits->nb_min);
    if (limits->nb_align > 1)
        size = RTE_ALIGN_FLOOR(size + limits->nb_align - 1u, (uint32_t)limits->nb_align);
    return limits->nb_max != 0 ? RTE_MIN(size, limits->nb_max) : size;
}

/* Extents that fit into the mbufs of one packet behind its header mbuf. */
static uint8_t extents_max(const struct port_caps *caps, const struct driver_profile *profile,
                           const struct rte_eth_dev_info *info, const struct port_request *request)
{
    if (caps->tx_linear)
        return request->extents_max;

    uint16_t reported = stricter(info->tx_desc_lim.nb_seg_max, info->tx_desc_lim.nb_mtu_seg_max);
    uint16_t segs = stricter(reported, profile->tx_segs_max);
    unsigned per_extent = caps->tx_page_split ? 2 : 1;
    unsigned extents = segs == 0 ? request->extents_max : (segs - 1u) / per_extent;

    extents = RTE_MIN(extents, request->extents_max);
    return extents > 0 ? extents : 1;
}

void port_caps_settle(struct port_caps *caps, const struct driver_profile *profile,
                      const struct rte_eth_dev_info *info, const struct port_request *request)
{
    uint64_t tx = info->tx_offload_capa;
    uint64_t rx = info->rx_offload_capa;
    bool offloads = !profile->software_offloads;
    const uint64_t rx_sums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;

    memset(caps, 0, sizeof(*caps));
    caps->kernel_backed = profile->kernel_backed;
    caps->tx_linear = ((tx & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) == 0 && !profile->chains_unreported) ||
                      profile->chains_break;
    caps->tx_page_split = request->iova_pa || profile->segment_in_page;
    caps->tx_done = !profile->tx_done_breaks;
    caps->rx_checksum = offloads && (rx & rx_sums) == rx_sums;
    caps->tx_ip_checksum = offloads && (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
    caps->tx_tcp_checksum = offloads && (tx & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
    /* TSO without both checksums makes no sense to any device: each segment needs its own. */
    if (offloads && (tx & RTE_ETH_TX_OFFLOAD_TCP_TSO) != 0 && !caps->tx_linear &&
        caps->tx_ip_checksum && caps->tx_tcp_checksum)
        caps->tx_tso_bytes_max = IP_PACKET_BYTES_MAX - IP_TCP_HEADER_MAX;
    caps->tx_tso_mss_min = profile->tx_tso_mss_min;
    caps->tx_prepare = caps->tx_ip_checksum || caps->tx_tcp_checksum;
    caps->tx_extents_max = extents_max(caps, profile, info, request);
    caps->rss = request->queues > 1 && !profile->spreads_flows &&
                (info->flow_type_rss_offloads & RSS_WANTED) != 0;
    caps->rx_interrupts = request->rx_interrupts && profile->rx_interrupts;
    caps->rx_desc = ring_size(profile->rx_desc, info->default_rxportconf.ring_size, RX_DESC_DEFAULT,
                              &info->rx_desc_lim);
    caps->tx_desc = ring_size(profile->tx_desc, info->default_txportconf.ring_size, TX_DESC_DEFAULT,
                              &info->tx_desc_lim);
    caps->numa_node = -1;
}

/* Ours where the driver's belongs to the kernel's end: locally administered (bit 1 of the first
 * byte), "HW", and the low bytes of the address, so that it is the same at each start. Of another
 * device these may be the same, on the same link. */
static struct mac_addr mac_of_address(const struct ip_addr *address, unsigned device)
{
    return (struct mac_addr){ { 0x02, 'H', (uint8_t)('W' + device), address->b[13], address->b[14],
                                address->b[15] } };
}

/* The largest MTU the driver takes, by the rule of rte_eth_dev_set_mtu(). */
static uint32_t mtu_max(const struct rte_eth_dev_info *info)
{
    if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
        return info->max_mtu;
    uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
    uint32_t by_frame =
        info->max_rx_pktlen > overhead ? info->max_rx_pktlen - overhead : UINT16_MAX;
    return RTE_MIN(by_frame, info->max_mtu);
}

static bool request_fits(const struct port *port, char error[DEVICE_ERROR_BYTES])
{
    const struct port_request *request = &port->request;
    uint16_t queues = RTE_MIN(port->info.max_rx_queues, port->info.max_tx_queues);

    if (request->queues > queues)
        return FAIL(error, "the device offers %u queue pairs: give at most %u cores", queues,
                    queues);
    if (request->queues > 1 && !port->profile->spreads_flows && !port->caps.rss)
        return FAIL(error, "driver %s cannot spread flows over queues: give one core",
                    port->info.driver_name);
    if (request->mtu > mtu_max(&port->info) && !port->profile->mtu_by_argument)
        return FAIL(error, "the device takes an MTU of at most %u: give --mtu %u",
                    mtu_max(&port->info), mtu_max(&port->info));
    return true;
}

/* What the kernel does for us behind the virtio-net header: sums and segments, once it must. IP's
 * own sum, of twenty bytes, is not among it. */
static bool probe_tap(struct port *port, const struct device *device, const struct ip_addr *address,
                      char error[DEVICE_ERROR_BYTES])
{
    const struct port_request *request = &port->request;

    port->profile = driver_profile_find("tap");
    port->info.driver_name = port->profile->driver;
    snprintf(port->driver, sizeof(port->driver), "%s", port->info.driver_name);
    port->info.tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    port_caps_settle(&port->caps, port->profile, &port->info, request);
    port->caps.tx_tcp_checksum = true;
    port->caps.tx_tso_bytes_max = IP_PACKET_BYTES_MAX - IP_TCP_HEADER_MAX;
    port->caps.rx_checksum = true;
    port->mac = mac_of_address(address, device->number);
    return tap_open(&port->tap, device->name, request->queues, request->mtu, error);
}

/* The port that is made of the device. */
static bool port_find(const struct device *device, struct rte_eth_dev_info *info, uint16_t *id)
{
    char name[DEVICE_NAME_BYTES];

    device_dpdk_name(device, name);
    RTE_ETH_FOREACH_DEV (*id) {
        if (rte_eth_dev_info_get(*id, info) == 0 && strcmp(rte_dev_name(info->device), name) == 0)
            return true;
    }
    return false;
}

bool port_probe(struct port *port, const struct device *device, const struct port_request *request,
                const struct ip_addr *address, char error[DEVICE_ERROR_BYTES])
{
    struct rte_ether_addr mac;
    uint16_t id;

    memset(port, 0, sizeof(*port));
    port->request = *request;
    if (device->kind == DEVICE_TAP)
        return probe_tap(port, device, address, error);
    if (!port_find(device, &port->info, &id))
        return FAIL(error, "DPDK found no driver for '%s'", device->name);
    int rc = rte_eth_macaddr_get(id, &mac);
    if (rc != 0)
        return FAIL(error, "device '%s' does not answer: %s", device->name, rte_strerror(-rc));

    port->id = id;
    snprintf(port->driver, sizeof(port->driver), "%s", port->info.driver_name);
    port->profile = driver_profile_find(port->info.driver_name);
    port_caps_settle(&port->caps, port->profile, &port->info, request);
    port->caps.numa_node = rte_eth_dev_socket_id(id);
    if (device->kind == DEVICE_AF_PACKET || device->kind == DEVICE_AF_XDP)
        port->groups_fd = groups_take_all(device->name);
    memcpy(port->device_mac.b, mac.addr_bytes, sizeof(port->device_mac.b));
    port->mac =
        port->profile->peer_has_mac ? mac_of_address(address, device->number) : port->device_mac;
    return request_fits(port, error);
}

static int configure(const struct port *port)
{
    const struct port_caps *caps = &port->caps;
    struct rte_eth_conf conf = {
        .rxmode.mtu = (uint32_t)RTE_MIN(port->request.mtu, mtu_max(&port->info)),
        .intr_conf.rxq = caps->rx_interrupts,
    };

    if (caps->rx_checksum)
        conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
    /* Never MBUF_FAST_FREE: it demands direct mbufs of one pool. */
    conf.txmode.offloads = port->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    if (caps->tx_ip_checksum)
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
    if (caps->tx_tcp_checksum)
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
    if (caps->tx_tso_bytes_max > 0)
        conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_TSO;
    if (caps->rss) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = RSS_WANTED & port->info.flow_type_rss_offloads;
        uint8_t key_bytes =
            port->info.hash_key_size != 0 ? port->info.hash_key_size : port->profile->rss_key_bytes;
        if (key_bytes != 0 && key_bytes <= RSS_KEY_BYTES_MAX) {
            conf.rx_adv_conf.rss_conf.rss_key = rss_key;
            conf.rx_adv_conf.rss_conf.rss_key_len = key_bytes;
        }
    }
    return rte_eth_dev_configure(port->id, port->request.queues, port->request.queues, &conf);
}

/* Spreads the hashes evenly over the queues: some drivers begin with a table of queue 0 alone. A
 * driver that has no table to set spreads as it does. */
static int spread_hashes(const struct port *port)
{
    struct rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE];
    uint16_t size = port->info.reta_size;

    if (!port->caps.rss || size == 0 || size > RTE_ETH_RSS_RETA_SIZE_512)
        return 0;
    memset(table, 0, sizeof(table));
    for (uint16_t i = 0; i < size; i++) {
        table[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
        table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
            i % port->request.queues;
    }
    int rc = rte_eth_dev_rss_reta_update(port->id, table, size);
    return rc == -ENOTSUP ? 0 : rc;
}

static int start_queues(struct port *port, struct rte_mempool *const *rx_pools)
{
    struct port_caps *caps = &port->caps;
    int rc = configure(port);
    if (rc != 0)
        return rc;
    port->configured = true;

    rc = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &caps->rx_desc, &caps->tx_desc);
    for (uint16_t q = 0; rc == 0 && q < port->request.queues; q++) {
        rc = rte_eth_rx_queue_setup(port->id, q, caps->rx_desc, rte_eth_dev_socket_id(port->id),
                                    NULL, rx_pools[q]);
        if (rc == 0)
            rc = rte_eth_tx_queue_setup(port->id, q, caps->tx_desc, rte_eth_dev_socket_id(port->id),
                                        NULL);
    }
    if (rc == 0)
        rc = rte_eth_dev_start(port->id);
    port->started = rc == 0;
    return rc == 0 ? spread_hashes(port) : rc;
}

enum port_link port_link_change(struct port *port)
{
    struct rte_eth_link link = { .link_status = RTE_ETH_LINK_DOWN,
                                 .link_speed = RTE_ETH_SPEED_NUM_UNKNOWN };

    if (port->tap.queues > 0)
        link.link_status = tap_link(&port->tap) ? RTE_ETH_LINK_UP : RTE_ETH_LINK_DOWN;
    else if (rte_eth_link_get_nowait(port->id, &link) != 0)
        return PORT_LINK_SAME;
    bool up = link.link_status == RTE_ETH_LINK_UP, was = port->link_up;
    port->link_up = up;
    port->link_mbps = link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN ? link.link_speed : 0;
    return up == was ? PORT_LINK_SAME : up ? PORT_LINK_UP : PORT_LINK_DOWN;
}

const char *port_link_text(const struct port *port, char text[PORT_LINK_BYTES])
{
    if (!port->link_up)
        return strcpy(text, "down");
    if (port->link_mbps == 0)
        return strcpy(text, "up");
    if (port->link_mbps >= 1000)
        snprintf(text, PORT_LINK_BYTES, "up at %g Gb/s", port->link_mbps / 1000.0);
    else
        snprintf(text, PORT_LINK_BYTES, "up at %u Mb/s", port->link_mbps);
    return text;
}

bool port_wait_link(struct port *port, unsigned *wait_ms)
{
    for (; port_link_change(port) != PORT_LINK_UP; *wait_ms -= RTE_MIN(10u, *wait_ms)) {
        if (*wait_ms == 0)
            return false;
        rte_delay_us_sleep(10000);
    }
    return true;
}

bool port_start(struct port *port, struct rte_mempool *const *rx_pools,
                char error[DEVICE_ERROR_BYTES])
{
    if (port->tap.queues > 0)
        return tap_up(&port->tap, error);

    int rc = start_queues(port, rx_pools);

    if (rc != 0 && port->caps.rx_interrupts) {
        /* Rx interrupts need vectors that the bus or its kernel driver may not have: polling with
         * short sleeps does as well. */
        port->caps.rx_interrupts = false;
        rc = start_queues(port, rx_pools);
    }
    if (rc != 0) {
        port_close(port);
        return FAIL(error, "port of driver %s does not start: %s", port->info.driver_name,
                    rte_strerror(-rc));
    }
    if (port->profile->promiscuous)
        rte_eth_promiscuous_enable(port->id);
    /* Neighbour discovery asks by multicast (RFC 4861 section 7.2.2). Drivers that have no filter
     * answer ENOTSUP: all comes in, or the kernel is asked (groups.h). */
    (void)rte_eth_allmulticast_enable(port->id);
    return true;
}

static void device_event(const char *name, enum rte_dev_event_type event, void *arg)
{
    const struct port *port = arg;

    if (event == RTE_DEV_EVENT_REMOVE)
        port->removed(port->removed_ctx);
}

bool port_watch_removal(struct port *port, void (*removed)(void *ctx), void *ctx)
{
    port->removed = removed;
    port->removed_ctx = ctx;
    return rte_dev_event_callback_register(rte_dev_name(port->info.device), device_event, port) ==
           0;
}

void port_detach(struct port *port)
{
    struct rte_device *device =
        port->info.device; /* NULL: a TAP interface is gone with its files */

    if (device != NULL)
        rte_dev_event_callback_unregister(rte_dev_name(device), device_event, port);
    port_close(port);
    if (device != NULL)
        rte_dev_remove(device);
}

void port_close(struct port *port)
{
    if (port->groups_fd > 0)
        close(port->groups_fd);
    port->groups_fd = 0;
    tap_close(&port->tap);
    if (port->started)
        rte_eth_dev_stop(port->id);
    if (port->configured)
        rte_eth_dev_close(port->id);
    port->started = port->configured = false;
}

const char *port_offloads_text(const struct port_caps *caps, char text[PORT_OFFLOADS_BYTES])
{
    snprintf(text, PORT_OFFLOADS_BYTES, "%s%s%s%s%s", caps->rx_checksum ? "rx-checksum," : "",
             caps->tx_ip_checksum ? "ip-checksum," : "",
             caps->tx_tcp_checksum ? "tcp-checksum," : "", caps->tx_tso_bytes_max > 0 ? "tso," : "",
             caps->rss ? "rss," : "");
    size_t len = strlen(text);
    if (len == 0)
        return strcpy(text, "none");
    text[len - 1] = '\0';
    return text;
}
