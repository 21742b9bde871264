/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/ipv6.h"

#include "base/bytes.h"

enum {
    EXTENSION_HOP_BY_HOP = IP_PROTOCOL_HOP_BY_HOP,
    EXTENSION_ROUTING = 43,
    EXTENSION_FRAGMENT = 44,
    EXTENSION_DESTINATION = 60,
    OPTION_PAD1 = 0,
    OPTION_MUST_KNOW = 0xc0, /* other than 0: whoever does not know it discards the packet */
    NEXT_HEADER_AT = 6,
};

const struct ip_addr IPV6_LOOPBACK = { .b = { [15] = 1 } };
const struct ip_addr IPV6_ALL_NODES = { .b = { 0xff, 0x02, [15] = 1 } };
const struct ip_addr IPV6_ALL_ROUTERS = { .b = { 0xff, 0x02, [15] = 2 } };

/* Options of a header of len bytes (RFC 8200 section 4.2). We know none but padding. */
static enum ip_parse_result options_check(const uint8_t *p, uint32_t len)
{
    uint32_t at = 2;

    while (at < len) {
        if (p[at] == OPTION_PAD1) {
            at++;
            continue;
        }
        if (at + 2 > len || at + 2 + p[at + 1] > len)
            return IP_PARSE_MALFORMED;
        if ((p[at] & OPTION_MUST_KNOW) != 0)
            return IP_PARSE_EXTENSION;
        at += 2u + p[at + 1];
    }
    return IP_PARSE_OK;
}

static bool is_extension(uint8_t protocol)
{
    return protocol == EXTENSION_HOP_BY_HOP || protocol == EXTENSION_ROUTING ||
           protocol == EXTENSION_DESTINATION;
}

/* Skips the extension headers of ip, whose payload is all that follows the fixed header. */
static enum ip_parse_result extensions_skip(struct ip_packet *ip)
{
    for (unsigned n = 0; is_extension(ip->protocol); n++) {
        const uint8_t *p = ip->payload;
        uint8_t kind = ip->protocol;

        if (n == IPV6_EXTENSIONS_MAX)
            return IP_PARSE_EXTENSION;
        /* RFC 8200 section 4.1: hop-by-hop options stand first or not at all. */
        if (kind == EXTENSION_HOP_BY_HOP && n != 0)
            return IP_PARSE_EXTENSION;
        uint32_t len = ip->payload_len >= 8 ? (p[1] + 1u) * 8 : UINT32_MAX;
        if (len > ip->payload_len)
            return IP_PARSE_MALFORMED;
        if (kind == EXTENSION_ROUTING && p[3] != 0)
            return IP_PARSE_EXTENSION; /* segments left: we are no router (RFC 5095 for type 0) */
        if (kind != EXTENSION_ROUTING) {
            enum ip_parse_result result = options_check(p, len);
            if (result != IP_PARSE_OK)
                return result;
        }
        ip->protocol = p[0];
        ip->protocol_at = (uint16_t)ip->header_len;
        ip->header_len += len;
        ip->payload += len;
        ip->payload_len -= len;
    }
    return ip->protocol == EXTENSION_FRAGMENT ? IP_PARSE_FRAGMENT : IP_PARSE_OK;
}

enum ip_parse_result ipv6_parse(const uint8_t *p, size_t len, struct ip_packet *ip)
{
    if (len < IPV6_HEADER_BYTES || p[0] >> 4 != 6)
        return IP_PARSE_MALFORMED;
    uint32_t payload_len = get_be16(p + 4);
    if (payload_len > len - IPV6_HEADER_BYTES)
        return IP_PARSE_MALFORMED;

    *ip = (struct ip_packet){
        .header = p,
        .payload = p + IPV6_HEADER_BYTES,
        .header_len = IPV6_HEADER_BYTES,
        .payload_len = payload_len,
        .protocol = p[NEXT_HEADER_AT],
        .protocol_at = NEXT_HEADER_AT,
        .traffic_class = (uint8_t)(get_be16(p) >> 4),
        .ttl = p[7],
    };
    memcpy(ip->src.b, p + 8, 16);
    memcpy(ip->dst.b, p + 24, 16);
    return extensions_skip(ip);
}

void ipv6_emit(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
               uint8_t traffic_class, uint32_t flow_label, uint8_t hop_limit, uint32_t payload_len)
{
    put_be32(p, UINT32_C(6) << 28 | (uint32_t)traffic_class << 20 | (flow_label & 0xfffff));
    put_be16(p + 4, (uint16_t)payload_len);
    p[NEXT_HEADER_AT] = protocol;
    p[7] = hop_limit;
    memcpy(p + 8, src->b, 16);
    memcpy(p + 24, dst->b, 16);
}

struct ip_addr ipv6_solicited_node(const struct ip_addr *a)
{
    return (struct ip_addr){
        .b = { 0xff,
               0x02, [11] = 1, [12] = 0xff, [13] = a->b[13], [14] = a->b[14], [15] = a->b[15] }
    };
}

struct mac_addr ipv6_multicast_mac(const struct ip_addr *group)
{
    return (
        struct mac_addr){ { 0x33, 0x33, group->b[12], group->b[13], group->b[14], group->b[15] } };
}

struct ip_addr ipv6_from_mac(const struct ip_addr *prefix, const struct mac_addr *mac)
{
    struct ip_addr a = *prefix;
    const uint8_t *m = mac->b;
    /* The universal/local bit is inverted, ff:fe stands in the middle. */
    const uint8_t id[8] = { m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] };

    memcpy(a.b + 8, id, sizeof(id));
    return a;
}
