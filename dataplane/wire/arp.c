/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/arp.h"

#include "base/bytes.h"
#include "wire/ethernet.h"

enum { ARP_HARDWARE_ETHERNET = 1 };

bool arp_parse(const uint8_t *p, size_t len, struct arp_packet *arp)
{
    if (len < ARP_BYTES)
        return false;
    if (get_be16(p) != ARP_HARDWARE_ETHERNET || get_be16(p + 2) != ETH_TYPE_IPV4 || p[4] != 6 ||
        p[5] != 4)
        return false;
    arp->operation = get_be16(p + 6);
    if (arp->operation != ARP_REQUEST && arp->operation != ARP_REPLY)
        return false;
    memcpy(arp->sender_mac.b, p + 8, 6);
    arp->sender_ip = ip_addr_from_v4(get_be32(p + 14));
    memcpy(arp->target_mac.b, p + 18, 6);
    arp->target_ip = ip_addr_from_v4(get_be32(p + 24));
    return true;
}

void arp_emit(uint8_t *p, const struct arp_packet *arp)
{
    put_be16(p, ARP_HARDWARE_ETHERNET);
    put_be16(p + 2, ETH_TYPE_IPV4);
    p[4] = 6;
    p[5] = 4;
    put_be16(p + 6, arp->operation);
    memcpy(p + 8, arp->sender_mac.b, 6);
    put_be32(p + 14, ip_addr_v4(&arp->sender_ip));
    memcpy(p + 18, arp->target_mac.b, 6);
    put_be32(p + 24, ip_addr_v4(&arp->target_ip));
}
