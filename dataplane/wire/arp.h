/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP for IPv4 over Ethernet (RFC 826). */
#ifndef WIRE_ARP_H
#define WIRE_ARP_H

#include "wire/addr.h"

#define ARP_BYTES 28

enum {
    ARP_REQUEST = 1,
    ARP_REPLY = 2,
};

struct arp_packet {
    uint16_t operation;
    struct mac_addr sender_mac, target_mac;
    struct ip_addr sender_ip, target_ip;
};

/* False: shorter than ARP_BYTES, or not IPv4 over Ethernet, or an operation that is neither. */
bool arp_parse(const uint8_t *p, size_t len, struct arp_packet *arp);

/* Writes ARP_BYTES. */
void arp_emit(uint8_t *p, const struct arp_packet *arp);

#endif
