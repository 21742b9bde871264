/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packets go: connected nets and routers, the longest prefix first. IPv4 nets lie in
 * ::ffff:0:0/96, so that one comparison of 128 bits serves both families. What no route covers is
 * taken to be on the link: we only ever answer somebody whose packet came from there.
 */
#ifndef STACK_ROUTES_H
#define STACK_ROUTES_H

#include "base/time.h"
#include "wire/addr.h"

/* Nets of our addresses, prefixes of routers, default routers. */
#define ROUTES_MAX 32

struct route {
    struct ip_addr net, mask;
    struct ip_addr via;  /* none: connected */
    uint64_t expires_ns; /* TIME_NEVER: configured */
    uint8_t bits;        /* of mask */
};

struct routes {
    uint32_t count;
    struct route entry[ROUTES_MAX];
};

/*
 * Adds a route, or gives the one there is (same net, same router) a new end. prefix_len is 0..32
 * for IPv4. An expires_ns that is over removes it; one that is TIME_NEVER stays so. False: full.
 */
bool routes_set(struct routes *table, const struct ip_addr *net, unsigned prefix_len,
                const struct ip_addr *via, uint64_t expires_ns, uint64_t now);

/* Drops what is over; returns when something is next, or TIME_NEVER. */
uint64_t routes_expire(struct routes *table, uint64_t now);

/* The address to ask for when sending to ip. */
static inline const struct ip_addr *routes_next_hop(const struct routes *table,
                                                    const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct route *r = &table->entry[i];
        if (((ip->u64[0] ^ r->net.u64[0]) & r->mask.u64[0]) == 0 &&
            ((ip->u64[1] ^ r->net.u64[1]) & r->mask.u64[1]) == 0)
            return ip_addr_is_none(&r->via) ? ip : &r->via;
    }
    return ip;
}

#endif
