/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our addresses and routes over time: duplicate address detection (RFC 4862 section 5.4), router
 * solicitation (RFC 4861 section 6.3.7), addresses from routers' prefixes (RFC 4862 section 5.5),
 * lifetimes. Several stacks may serve one port: all follow the same words of routers, and only one
 * (stack_announce) speaks.
 */
#include "base/assert.h"
#include "stack/internal.h"
#include "wire/ndp.h"

enum {
    RETRANS_S = 1,         /* RFC 4861 section 10: RETRANS_TIMER */
    RS_MAX = 3,            /* MAX_RTR_SOLICITATIONS */
    RS_INTERVAL_S = 4,     /* RTR_SOLICITATION_INTERVAL */
    RS_DELAY_S = 1,        /* MAX_RTR_SOLICITATION_DELAY */
    TWO_HOURS_S = 2 * 3600 /* RFC 4862 section 5.5.3 e */
};

static const struct ip_addr none;
static const struct ip_addr link_local_net = { .b = { 0xfe, 0x80 } };

static void run_soon(struct stack *s)
{
    s->autoconf_ns = 0;
}

static uint64_t lifetime_end(const struct stack *s, uint32_t lifetime_s)
{
    /* TIME_NEVER is for what the configuration says. */
    return lifetime_s == UINT32_MAX ? TIME_NEVER - 1 : s->tcp.now + lifetime_s * NS_PER_S;
}

/* A host that does not speak waits a little longer, for the speaker's news. */
static void detection_start(struct stack *s, struct address *a)
{
    uint32_t probes = s->config.dad_probes;

    a->probes = s->speaker ? (uint8_t)probes : 0;
    a->next_ns = s->tcp.now;
    if (!s->speaker && probes != 0)
        a->next_ns += (probes + 1) * RETRANS_S * NS_PER_S;
    run_soon(s);
}

static void address_add(struct stack *s, const struct ip_addr *ip, uint8_t prefix_len,
                        uint64_t expires_ns)
{
    struct address *a = addresses_add(&s->addresses, ip, prefix_len);

    if (a == NULL) {
        COUNT(s->config.counters, autoconf_full);
        return;
    }
    a->expires_ns = expires_ns;
    if (!ip_addr_is_v4(ip))
        mld_joined(s); /* before it is asked for (RFC 4862 section 5.4.2) */
    /* IPv4 addresses are announced, not asked for: a server's are an administrator's choice. */
    if (ip_addr_is_v4(ip) || s->config.dad_probes == 0) {
        a->state = ADDRESS_READY;
        a->announce = s->speaker;
    }
    detection_start(s, a);
}

static void route_add(struct stack *s, const struct ip_addr *net, uint8_t prefix_len,
                      const struct ip_addr *via, uint64_t expires_ns)
{
    if (!routes_set(&s->routes, net, prefix_len, via, expires_ns, s->tcp.now))
        COUNT(s->config.counters, autoconf_full);
    stack_unpark(s);
    run_soon(s);
}

void autoconf_init(struct stack *s)
{
    const struct stack_config *config = &s->config;
    struct ip_addr v4_all = ip_addr_from_v4(0);

    s->ipv6 = config->mtu >= IPV6_MTU_MIN;
    for (uint32_t i = 0; i < config->address_count; i++) {
        const struct stack_address *a = &config->address[i];
        ASSERT(s->ipv6 || ip_addr_is_v4(&a->ip));
        address_add(s, &a->ip, a->prefix_len, TIME_NEVER);
        route_add(s, &a->ip, a->prefix_len, &none, TIME_NEVER);
    }
    /* Always there, so that no route of IPv6 ever matches an IPv4 address. */
    route_add(s, &v4_all, 0, &config->gateway, TIME_NEVER);
    if (!s->ipv6)
        return;
    struct ip_addr local = ipv6_from_mac(&link_local_net, &config->mac);
    address_add(s, &local, 64, TIME_NEVER);
    route_add(s, &link_local_net, 64, &none, TIME_NEVER);
    if (!ip_addr_is_none(&config->gateway6))
        route_add(s, &none, 0, &config->gateway6, TIME_NEVER);
}

/* This stack begins to speak. */
static void begin(struct stack *s)
{
    s->announce = false;
    s->speaker = true;
    for (uint32_t i = 0; i < s->addresses.used; i++) {
        struct address *a = &s->addresses.entry[i];
        a->announce = a->state == ADDRESS_READY;
        if (a->state == ADDRESS_TENTATIVE)
            detection_start(s, a);
    }
    if (s->ipv6)
        mld_joined(s);
    if (s->ipv6 && (s->config.slaac || ip_addr_is_none(&s->config.gateway6))) {
        s->rs_left = RS_MAX;
        /* Hosts that start together shall not ask together. */
        s->rs_ns = s->tcp.now + prng_below(&s->tcp.prng, RS_DELAY_S * NS_PER_S);
    }
}

/* One address's next step; returns when it has another, or TIME_NEVER. */
static uint64_t address_run(struct stack *s, struct address *a)
{
    uint64_t now = s->tcp.now;

    if (a->state == ADDRESS_FREE)
        return TIME_NEVER;
    if (a->expires_ns <= now) {
        *a = (struct address){ .state = ADDRESS_FREE };
        return TIME_NEVER;
    }
    if (a->state == ADDRESS_TENTATIVE && now >= a->next_ns) {
        if (a->probes != 0) {
            a->probes--;
            ndp_probe(s, &a->ip);
            a->next_ns = now + RETRANS_S * NS_PER_S;
        } else {
            a->state = ADDRESS_READY;
            a->announce = s->speaker;
        }
    }
    if (a->announce) {
        a->announce = false;
        if (ip_addr_is_v4(&a->ip))
            arp_request(s, &a->ip);
        else
            ndp_announce(s, &a->ip);
    }
    return a->state == ADDRESS_TENTATIVE ? time_min(a->next_ns, a->expires_ns) : a->expires_ns;
}

static uint64_t solicitation_run(struct stack *s)
{
    if (s->rs_left == 0)
        return TIME_NEVER;
    if (s->tcp.now >= s->rs_ns) {
        s->rs_left--;
        s->rs_ns = s->tcp.now + RS_INTERVAL_S * NS_PER_S;
        ndp_solicit_routers(s);
    }
    return s->rs_left != 0 ? s->rs_ns : TIME_NEVER;
}

void autoconf_run(struct stack *s)
{
    if (s->announce)
        begin(s);
    uint64_t next = time_min(mld_run(s), solicitation_run(s));
    for (uint32_t i = 0; i < s->addresses.used; i++)
        next = time_min(next, address_run(s, &s->addresses.entry[i]));
    s->autoconf_ns = time_min(next, routes_expire(&s->routes, s->tcp.now));
}

void autoconf_router(struct stack *s, const struct stack_news *news)
{
    if (!s->ipv6)
        return;
    if (news->lifetime_s != 0)
        s->rs_left = 0;
    if (news->mtu >= IPV6_MTU_MIN && news->mtu <= s->config.mtu)
        s->tcp.mss_max_v6 = (uint16_t)(news->mtu - IPV6_HEADER_BYTES - TCP_HEADER_BYTES);
    if (ip_addr_is_none(&s->config.gateway6))
        route_add(s, &none, 0, &news->ip, lifetime_end(s, news->lifetime_s));
}

/* RFC 4862 section 5.5.3 e: nobody can make an address of ours end soon by one false word. */
static void address_prolong(struct stack *s, struct address *a, uint32_t lifetime_s)
{
    uint64_t two_hours = s->tcp.now + TWO_HOURS_S * NS_PER_S;
    uint64_t end = lifetime_end(s, lifetime_s);

    if (a->expires_ns == TIME_NEVER)
        return;
    if (end > two_hours || end > a->expires_ns)
        a->expires_ns = end;
    else if (a->expires_ns > two_hours)
        a->expires_ns = two_hours;
    run_soon(s);
}

void autoconf_prefix(struct stack *s, const struct stack_news *news)
{
    uint64_t end = lifetime_end(s, news->lifetime_s);

    if (!s->ipv6 || ip_addr_is_link_local(&news->ip) || ip_addr_is_multicast_v6(&news->ip) ||
        news->prefix_len == 0 || ip_addr_is_v4(&news->ip))
        return;
    if (news->on_link)
        route_add(s, &news->ip, news->prefix_len, &none, end);
    /* An interface identifier has 64 bits (RFC 2464 section 4). */
    if (!s->config.slaac || !news->autonomous || news->prefix_len != 64)
        return;
    struct ip_addr ip = ipv6_from_mac(&news->ip, &s->config.mac);
    struct address *a = addresses_find(&s->addresses, &ip);
    if (a != NULL)
        address_prolong(s, a, news->lifetime_s);
    else if (news->lifetime_s != 0)
        address_add(s, &ip, 64, end);
}

void autoconf_duplicate(struct stack *s, const struct stack_news *news)
{
    struct address *a = addresses_find(&s->addresses, &news->ip);

    if (a == NULL || a->state == ADDRESS_DUPLICATE)
        return;
    COUNT(s->config.counters, address_duplicate);
    a->state = ADDRESS_DUPLICATE;
    a->announce = false;
}
