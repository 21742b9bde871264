/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 headers (RFC 8200). Extension headers are skipped, never emitted. */
#ifndef WIRE_IPV6_H
#define WIRE_IPV6_H

#include "wire/ipv4.h"

#define IPV6_HEADER_BYTES 40
#define IPV6_MTU_MIN      1280 /* RFC 8200 section 5: of every link */

/* Headers looked at on the way to the transport; RFC 8200 names four kinds, Destination Options
 * twice. More are nobody's honest packet. */
#define IPV6_EXTENSIONS_MAX 6

enum {
    IP_PROTOCOL_HOP_BY_HOP = 0,
    IP_PROTOCOL_ICMPV6 = 58,
    IP_PROTOCOL_NONE = 59, /* "no next header" */
};

/* Errors beyond those of IPv4 are told as IP_PARSE_EXTENSION. */
enum ip_parse_result ipv6_parse(const uint8_t *p, size_t len, struct ip_packet *ip);

/* Writes IPV6_HEADER_BYTES. flow_label: 20 bits. */
void ipv6_emit(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
               uint8_t traffic_class, uint32_t flow_label, uint8_t hop_limit, uint32_t payload_len);

static inline bool ip_addr_is_multicast_v6(const struct ip_addr *a)
{
    return a->b[0] == 0xff;
}

/* fe80::/10 */
static inline bool ip_addr_is_link_local(const struct ip_addr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

extern const struct ip_addr IPV6_LOOPBACK;    /* ::1 */
extern const struct ip_addr IPV6_ALL_NODES;   /* ff02::1 */
extern const struct ip_addr IPV6_ALL_ROUTERS; /* ff02::2 */

/* ff02::1:ff00:0/104 and the low 24 bits of the address (RFC 4291 section 2.7.1). */
struct ip_addr ipv6_solicited_node(const struct ip_addr *a);

/* 33:33 and the last four bytes (RFC 2464 section 7). */
struct mac_addr ipv6_multicast_mac(const struct ip_addr *group);

/* The first 64 bits of prefix with the interface identifier of mac (RFC 4291 appendix A). */
struct ip_addr ipv6_from_mac(const struct ip_addr *prefix, const struct mac_addr *mac);

#endif
