/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMPv6 (RFC 4443) but for neighbour discovery, which is in ndp.c. */
#include "base/checksum.h"
#include "stack/internal.h"
#include "wire/icmp.h"
#include "wire/ndp.h"

/* Over pseudo-header and message (RFC 8200 section 8.1). */
static uint16_t checksum(const uint8_t *p, uint32_t len, const struct ip_addr *src,
                         const struct ip_addr *dst)
{
    return checksum_fold((uint64_t)ip_pseudo_sum(src, dst, IP_PROTOCOL_ICMPV6) + len +
                         checksum_bytes(p, len));
}

void icmpv6_checksum_put(uint8_t *p, uint32_t len, const struct ip_addr *src,
                         const struct ip_addr *dst)
{
    put_be16(p + 2, 0);
    put_be16(p + 2, (uint16_t)~checksum(p, len, src, dst));
}

static void echo_reply(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip)
{
    if (ip_addr_is_multicast_v6(&ip->dst) || ip_addr_is_none(&ip->src)) {
        COUNT(s->config.counters, icmp_drop_stale);
        return;
    }
    uint8_t *p = control_push_ip(s, &eth->src, &ip->dst, &ip->src, IP_PROTOCOL_ICMPV6,
                                 CONTROL_HOP_LIMIT, ip->payload_len);
    if (p == NULL)
        return;
    COUNT(s->config.counters, icmp_echo_in);
    memcpy(p, ip->payload, ip->payload_len);
    p[0] = ICMPV6_ECHO_REPLY;
    icmpv6_checksum_put(p, ip->payload_len, &ip->dst, &ip->src);
}

void icmpv6_error(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip,
                  uint8_t type, uint8_t code, uint32_t value)
{
    /* ipv6_input saw to it that neither address is a multicast one (RFC 4443 section 2.4 e). */
    if (!icmp_take_token(s))
        return;
    /* As much as fits into the smallest MTU (section 2.4 c). */
    uint32_t room = IPV6_MTU_MIN - IPV6_HEADER_BYTES - ICMP_HEADER_BYTES;
    uint32_t quoted = ip->header_len + ip->payload_len;
    if (quoted > room)
        quoted = room;
    uint32_t len = ICMP_HEADER_BYTES + quoted;
    uint8_t *p = control_push_ip(s, &eth->src, &ip->dst, &ip->src, IP_PROTOCOL_ICMPV6,
                                 CONTROL_HOP_LIMIT, len);
    if (p == NULL)
        return;
    COUNT(s->config.counters, icmp_error_out);
    p[0] = type;
    p[1] = code;
    put_be32(p + 4, value);
    memcpy(p + ICMP_HEADER_BYTES, ip->header, quoted);
    icmpv6_checksum_put(p, len, &ip->dst, &ip->src);
}

/* The packet that an error quotes was one of ours, which have no extension headers. */
static void error_input(struct stack *s, const struct ip_packet *ip)
{
    const uint8_t *icmp = ip->payload, *p = icmp + ICMP_HEADER_BYTES;
    size_t len = ip->payload_len - ICMP_HEADER_BYTES;
    struct ip_addr local, remote;

    if (len < IPV6_HEADER_BYTES + ICMP_QUOTE_BYTES || p[0] >> 4 != 6 || p[6] != IP_PROTOCOL_TCP) {
        COUNT(s->config.counters, icmp_drop_stale);
        return;
    }
    memcpy(local.b, p + 8, sizeof(local.b));
    memcpy(remote.b, p + 24, sizeof(remote.b));
    /* No packet of ours had one; it would pass for an IPv4 connection. */
    if (ip_addr_is_v4(&remote)) {
        COUNT(s->config.counters, icmp_drop_stale);
        return;
    }
    struct stack_icmp_error error = {
        .path_mtu = icmp[0] == ICMPV6_PACKET_TOO_BIG,
        .mtu = get_be32(icmp + 4),
        .hard = icmp[1] == ICMPV6_UNREACHABLE_PROHIBITED || icmp[1] == ICMPV6_UNREACHABLE_PORT,
    };
    icmp_quote_input(s, &local, &remote, p + IPV6_HEADER_BYTES, &error);
}

void icmpv6_input(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip)
{
    if (ip->payload_len < ICMP_HEADER_BYTES ||
        checksum(ip->payload, ip->payload_len, &ip->src, &ip->dst) != 0xffff) {
        COUNT(s->config.counters, icmp_drop_malformed);
        return;
    }
    if (ndp_is_type(ip->payload[0])) {
        ndp_input(s, eth, ip);
        return;
    }
    switch (ip->payload[0]) {
    case ICMPV6_ECHO_REQUEST:
        echo_reply(s, eth, ip);
        break;
    case ICMPV6_MLD_QUERY:
        mld_input(s, ip);
        break;
    case ICMPV6_UNREACHABLE:
    case ICMPV6_PACKET_TOO_BIG:
        error_input(s, ip);
        break;
    default:
        COUNT(s->config.counters, icmp_drop_stale);
        break;
    }
}
