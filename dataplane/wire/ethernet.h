/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet II headers, with at most one 802.1Q tag. */
#ifndef WIRE_ETHERNET_H
#define WIRE_ETHERNET_H

#include "base/bytes.h"
#include "wire/addr.h"

#define ETH_HEADER_BYTES 14
#define ETH_TAG_BYTES    4 /* IEEE 802.1Q: type, then priority and VLAN */

enum {
    ETH_TYPE_IPV4 = 0x0800,
    ETH_TYPE_ARP = 0x0806,
    ETH_TYPE_VLAN = 0x8100,
    ETH_TYPE_IPV6 = 0x86dd,
};

struct eth_header {
    struct mac_addr dst, src;
    uint16_t type;
};

static const struct mac_addr MAC_BROADCAST = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

/* p holds at least ETH_HEADER_BYTES. */
static inline struct eth_header eth_parse(const uint8_t *p)
{
    struct eth_header h;
    memcpy(h.dst.b, p, 6);
    memcpy(h.src.b, p + 6, 6);
    h.type = get_be16(p + 12);
    return h;
}

static inline void eth_emit(uint8_t *p, const struct mac_addr *dst, const struct mac_addr *src,
                            uint16_t type)
{
    memcpy(p, dst->b, 6);
    memcpy(p + 6, src->b, 6);
    put_be16(p + 12, type);
}

/* The same for a VLAN, 0 being none; returns the header's length. */
static inline uint32_t eth_emit_tagged(uint8_t *p, const struct mac_addr *dst,
                                       const struct mac_addr *src, uint16_t vlan, uint16_t type)
{
    if (vlan == 0) {
        eth_emit(p, dst, src, type);
        return ETH_HEADER_BYTES;
    }
    eth_emit(p, dst, src, ETH_TYPE_VLAN);
    put_be16(p + 14, vlan);
    put_be16(p + 16, type);
    return ETH_HEADER_BYTES + ETH_TAG_BYTES;
}

#endif
