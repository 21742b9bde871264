/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery (RFC 4861): who is at which MAC address, ourselves included. */
#include "wire/ndp.h"
#include "stack/internal.h"

/* --- out ---------------------------------------------------------------------------------------
 */

/* One message; mac_option: whether it tells our MAC address. */
static bool send(struct stack *s, const struct mac_addr *mac, const struct ip_addr *src,
                 const struct ip_addr *dst, uint8_t type, uint8_t flags,
                 const struct ip_addr *target, bool mac_option)
{
    uint8_t message[NDP_BYTES_MAX];
    uint32_t len = ndp_emit(message, type, flags, target, mac_option ? &s->config.mac : NULL);
    uint8_t *p = control_push_ip(s, mac, src, dst, IP_PROTOCOL_ICMPV6, NDP_HOP_LIMIT, len);

    if (p == NULL)
        return false;
    icmpv6_checksum_put(message, len, src, dst);
    memcpy(p, message, len);
    return true;
}

static const struct ip_addr unspecified;

void ndp_solicit(struct stack *s, const struct ip_addr *target, const struct mac_addr *mac)
{
    const struct address *source = addresses_source(&s->addresses, target);
    struct ip_addr group = ipv6_solicited_node(target);
    struct mac_addr group_mac = ipv6_multicast_mac(&group);

    if (source != NULL &&
        send(s, mac != NULL ? mac : &group_mac, &source->ip, mac != NULL ? target : &group,
             NDP_NEIGHBOUR_SOLICITATION, 0, target, true))
        COUNT(s->config.counters, ndp_solicit_out);
}

void ndp_probe(struct stack *s, const struct ip_addr *target)
{
    struct ip_addr group = ipv6_solicited_node(target);
    struct mac_addr mac = ipv6_multicast_mac(&group);

    if (send(s, &mac, &unspecified, &group, NDP_NEIGHBOUR_SOLICITATION, 0, target, false))
        COUNT(s->config.counters, ndp_solicit_out);
}

void ndp_announce(struct stack *s, const struct ip_addr *ip)
{
    struct mac_addr mac = ipv6_multicast_mac(&IPV6_ALL_NODES);

    send(s, &mac, ip, &IPV6_ALL_NODES, NDP_NEIGHBOUR_ADVERTISEMENT, NDP_FLAG_OVERRIDE, ip, true);
}

void ndp_solicit_routers(struct stack *s)
{
    const struct address *source = addresses_source(&s->addresses, &IPV6_ALL_ROUTERS);
    bool local = source != NULL && ip_addr_is_link_local(&source->ip);
    struct mac_addr mac = ipv6_multicast_mac(&IPV6_ALL_ROUTERS);

    if (send(s, &mac, local ? &source->ip : &unspecified, &IPV6_ALL_ROUTERS,
             NDP_ROUTER_SOLICITATION, 0, NULL, local))
        COUNT(s->config.counters, router_solicit_out);
}

/* --- in ----------------------------------------------------------------------------------------
 */

/* Somebody else speaks for an address that we are about to take (RFC 4862 section 5.4.5). */
static void duplicate(struct stack *s, const struct eth_header *eth, const struct ip_addr *ip)
{
    struct stack_news news = { .kind = STACK_NEWS_DUPLICATE, .ip = *ip, .mac = eth->src };

    autoconf_duplicate(s, &news);
    stack_tell(s, &news);
}

static void solicitation_input(struct stack *s, const struct eth_header *eth,
                               const struct ip_packet *ip, const struct ndp_message *m)
{
    const struct address *own = addresses_find(&s->addresses, &m->target);
    bool probe = ip_addr_is_none(&ip->src);

    if (own != NULL && own->state == ADDRESS_TENTATIVE && probe) {
        duplicate(s, eth, &m->target);
        return;
    }
    if (own == NULL || own->state != ADDRESS_READY) {
        COUNT(s->config.counters, ndp_ignored);
        return;
    }
    COUNT(s->config.counters, ndp_solicit_in);
    if (probe) { /* the other one must learn that it cannot have it (RFC 4861 section 7.2.4) */
        ndp_announce(s, &m->target);
        return;
    }
    if (m->has_mac && !mac_addr_is_multicast(&m->mac))
        stack_neighbour_heard(s, &ip->src, &m->mac);
    send(s, &eth->src, &m->target, &ip->src, NDP_NEIGHBOUR_ADVERTISEMENT,
         NDP_FLAG_SOLICITED | NDP_FLAG_OVERRIDE, &m->target, true);
}

static void advertisement_input(struct stack *s, const struct eth_header *eth,
                                const struct ndp_message *m)
{
    const struct address *own = addresses_find(&s->addresses, &m->target);
    uint32_t index = neighbours_find(&s->neighbours, &m->target);

    COUNT(s->config.counters, ndp_advert_in);
    if (own != NULL && own->state == ADDRESS_TENTATIVE) {
        duplicate(s, eth, &m->target);
        return;
    }
    if (own == NULL && index == NEIGHBOUR_NONE && m->has_mac && !mac_addr_is_multicast(&m->mac) &&
        (m->flags & NDP_FLAG_SOLICITED) != 0) {
        stack_neighbour_answered(s, &m->target, &m->mac);
        return;
    }
    /* Only for those that were asked for (RFC 4861 section 7.2.5). */
    if (own != NULL || index == NEIGHBOUR_NONE || (m->has_mac && mac_addr_is_multicast(&m->mac))) {
        COUNT(s->config.counters, ndp_ignored);
        return;
    }
    const struct neighbour *n = &s->neighbours.entry[index];
    bool known = neighbour_usable(n);
    struct mac_addr mac = m->has_mac ? m->mac : n->mac;
    if (!known && !m->has_mac) {
        COUNT(s->config.counters, ndp_ignored);
        return;
    }
    /* Without the override flag a proxy speaks: what is known stays, until it does not answer. */
    if (known && (m->flags & NDP_FLAG_OVERRIDE) == 0 && !mac_addr_equal(&mac, &n->mac)) {
        COUNT(s->config.counters, ndp_ignored);
        return;
    }
    stack_neighbour_heard(s, &m->target, &mac);
}

static void router_input(struct stack *s, const struct ip_packet *ip, const struct ndp_message *m)
{
    struct stack_news news = { .kind = STACK_NEWS_ROUTER,
                               .ip = ip->src,
                               .lifetime_s = m->router_lifetime_s,
                               .mtu = m->mtu <= UINT16_MAX ? (uint16_t)m->mtu : 0 };

    COUNT(s->config.counters, router_advert_in);
    autoconf_router(s, &news);
    stack_tell(s, &news);
    if (m->has_mac && !mac_addr_is_multicast(&m->mac))
        stack_neighbour_heard(s, &ip->src, &m->mac);
    for (uint32_t i = 0; i < m->prefix_count; i++) {
        const struct ndp_prefix *prefix = &m->prefix[i];
        news = (struct stack_news){
            .kind = STACK_NEWS_PREFIX,
            .ip = prefix->prefix,
            .prefix_len = prefix->len,
            .on_link = prefix->on_link,
            /* RFC 4862 section 5.5.3 c */
            .autonomous = prefix->autonomous && prefix->preferred_s <= prefix->valid_s,
            .lifetime_s = prefix->valid_s,
        };
        autoconf_prefix(s, &news);
        stack_tell(s, &news);
    }
}

void ndp_input(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip)
{
    struct ndp_message m;

    if (!ndp_parse(ip, &m)) {
        COUNT(s->config.counters, ndp_drop_malformed);
        return;
    }
    /* Our own words, come back from a wire that echoes multicasts: no other host has our MAC. */
    if (mac_addr_equal(&eth->src, &s->config.mac)) {
        COUNT(s->config.counters, ndp_ignored);
        return;
    }
    switch (m.type) {
    case NDP_NEIGHBOUR_SOLICITATION:
        solicitation_input(s, eth, ip, &m);
        break;
    case NDP_NEIGHBOUR_ADVERTISEMENT:
        advertisement_input(s, eth, &m);
        break;
    case NDP_ROUTER_ADVERTISEMENT:
        router_input(s, ip, &m);
        break;
    default: /* we are no router, and redirects are not followed */
        COUNT(s->config.counters, ndp_ignored);
        break;
    }
}
