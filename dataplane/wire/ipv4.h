/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 headers (RFC 791). Options are skipped, never emitted. */
#ifndef WIRE_IPV4_H
#define WIRE_IPV4_H

#include "base/checksum.h"
#include "wire/addr.h"

#define IPV4_HEADER_BYTES 20

enum {
    IP_PROTOCOL_ICMP = 1,
    IP_PROTOCOL_TCP = 6,
    IP_PROTOCOL_UDP = 17,
};

enum {
    IP_ECN_MASK = 3,
    IPV4_FRAGMENT = 0x3fff, /* of flags and offset: more fragments, or not the first */
};

/* An IP packet of either version, parsed. */
struct ip_packet {
    struct ip_addr src, dst;
    const uint8_t *header;
    const uint8_t *payload;
    uint32_t header_len;  /* IPv6 extension headers included */
    uint32_t payload_len; /* as the header says: link padding is cut off */
    uint16_t protocol_at; /* offset in header of the byte that names the protocol */
    uint8_t protocol;
    uint8_t traffic_class; /* DSCP and ECN */
    uint8_t ttl;
};

enum ip_parse_result {
    IP_PARSE_OK,
    IP_PARSE_MALFORMED,
    IP_PARSE_BAD_CHECKSUM,
    IP_PARSE_FRAGMENT,  /* RFC 791 section 3.2, RFC 8200 section 4.5; we do not reassemble */
    IP_PARSE_EXTENSION, /* IPv6 extension headers: too many, or asking for what we do not do */
};

/* checksum_good: the port verified the header checksum already. */
enum ip_parse_result ipv4_parse(const uint8_t *p, size_t len, bool checksum_good,
                                struct ip_packet *ip);

/*
 * Writes IPV4_HEADER_BYTES: no options, don't fragment, identification 0 (RFC 6864 section 4.1: it
 * has no meaning for atomic datagrams). total_len includes the header. With checksum_offload the
 * checksum field is 0 and left to the port.
 */
void ipv4_emit(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
               uint8_t traffic_class, uint32_t total_len, bool checksum_offload);

/* Sum of the TCP or UDP pseudo-header of either IP version without its length field: add the
 * length. IPv4-mapped prefixes add 0xffff, which is 0 in ones' complement. */
static inline uint64_t ip_pseudo_sum_wide(const struct ip_addr *src, const struct ip_addr *dst,
                                          uint8_t protocol)
{
    /* << 8 as checksum_at_odd(), for a sum that is not folded. */
    return ((checksum_native_known(src->b, sizeof(src->b)) +
             checksum_native_known(dst->b, sizeof(dst->b)))
            << 8) +
           protocol;
}
/* Folded. */
uint16_t ip_pseudo_sum(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol);

#endif
