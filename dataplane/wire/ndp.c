/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/ndp.h"

#include "base/bytes.h"

enum {
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
    OPTION_PREFIX = 3,
    OPTION_MTU = 5,
    OPTION_UNIT = 8, /* lengths count these */
    PREFIX_BYTES = 32,
    PREFIX_ON_LINK = 0x80,
    PREFIX_AUTONOMOUS = 0x40,
};

/* Bytes in front of the options. */
static uint32_t fixed_bytes(uint8_t type)
{
    switch (type) {
    case NDP_ROUTER_SOLICITATION:
        return 8;
    case NDP_ROUTER_ADVERTISEMENT:
        return 16;
    case NDP_REDIRECT:
        return 40;
    default:
        return 24;
    }
}

static void prefix_parse(const uint8_t *p, struct ndp_message *m)
{
    if (m->prefix_count == NDP_PREFIXES_MAX || p[2] > 128)
        return;
    struct ndp_prefix *prefix = &m->prefix[m->prefix_count++];
    *prefix = (struct ndp_prefix){
        .len = p[2],
        .on_link = (p[3] & PREFIX_ON_LINK) != 0,
        .autonomous = (p[3] & PREFIX_AUTONOMOUS) != 0,
        .valid_s = get_be32(p + 4),
        .preferred_s = get_be32(p + 8),
    };
    memcpy(prefix->prefix.b, p + 16, 16);
}

static void option_parse(const uint8_t *p, uint32_t len, struct ndp_message *m)
{
    bool wants_target = m->type == NDP_NEIGHBOUR_ADVERTISEMENT;
    bool router = m->type == NDP_ROUTER_ADVERTISEMENT;

    switch (p[0]) {
    case OPTION_SOURCE_MAC:
    case OPTION_TARGET_MAC:
        if (len == OPTION_UNIT && (p[0] == OPTION_TARGET_MAC) == wants_target) {
            m->has_mac = true;
            memcpy(m->mac.b, p + 2, sizeof(m->mac.b));
        }
        break;
    case OPTION_PREFIX:
        if (router && len == PREFIX_BYTES)
            prefix_parse(p, m);
        break;
    case OPTION_MTU:
        if (router && len == OPTION_UNIT)
            m->mtu = get_be32(p + 4);
        break;
    default:
        break;
    }
}

/* RFC 4861 section 4.6: one of length 0 has the whole packet dropped. */
static bool options_parse(const uint8_t *p, uint32_t len, struct ndp_message *m)
{
    while (len != 0) {
        if (len < OPTION_UNIT || p[1] == 0 || p[1] * OPTION_UNIT > len)
            return false;
        uint32_t bytes = p[1] * OPTION_UNIT;
        option_parse(p, bytes, m);
        p += bytes;
        len -= bytes;
    }
    return true;
}

/* What each type asks of its packet besides (RFC 4861 sections 6.1.1, 6.1.2, 7.1.1, 7.1.2, 8.1). */
static bool packet_fits(const struct ip_packet *ip, const struct ndp_message *m)
{
    switch (m->type) {
    case NDP_ROUTER_SOLICITATION:
        return !(ip_addr_is_none(&ip->src) && m->has_mac);
    case NDP_ROUTER_ADVERTISEMENT:
    case NDP_REDIRECT:
        return ip_addr_is_link_local(&ip->src);
    case NDP_NEIGHBOUR_SOLICITATION: {
        struct ip_addr group = ipv6_solicited_node(&m->target);
        return !ip_addr_is_multicast_v6(&m->target) &&
               (!ip_addr_is_none(&ip->src) || (!m->has_mac && ip_addr_equal(&ip->dst, &group)));
    }
    default:
        return !ip_addr_is_multicast_v6(&m->target) && !ip_addr_is_none(&ip->src) &&
               !(ip_addr_is_multicast_v6(&ip->dst) && (m->flags & NDP_FLAG_SOLICITED) != 0);
    }
}

bool ndp_parse(const struct ip_packet *ip, struct ndp_message *m)
{
    const uint8_t *p = ip->payload;

    if (ip->payload_len < 8 || !ndp_is_type(p[0]))
        return false;
    uint32_t fixed = fixed_bytes(p[0]);
    if (ip->payload_len < fixed || ip->ttl != NDP_HOP_LIMIT || p[1] != 0)
        return false;
    *m = (struct ndp_message){ .type = p[0], .flags = p[4] };
    if (m->type == NDP_ROUTER_ADVERTISEMENT)
        m->router_lifetime_s = get_be16(p + 6);
    else if (fixed >= 24)
        memcpy(m->target.b, p + 8, 16);
    return options_parse(p + fixed, ip->payload_len - fixed, m) && packet_fits(ip, m);
}

uint32_t ndp_emit(uint8_t *p, uint8_t type, uint8_t flags, const struct ip_addr *target,
                  const struct mac_addr *mac)
{
    uint32_t len = fixed_bytes(type);

    memset(p, 0, len);
    p[0] = type;
    p[4] = flags;
    if (len >= 24)
        memcpy(p + 8, target->b, 16);
    if (mac != NULL) {
        p[len] = type == NDP_NEIGHBOUR_ADVERTISEMENT ? OPTION_TARGET_MAC : OPTION_SOURCE_MAC;
        p[len + 1] = 1;
        memcpy(p + len + 2, mac->b, sizeof(mac->b));
        len += OPTION_UNIT;
    }
    return len;
}
