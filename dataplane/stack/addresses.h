/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our addresses on the port. Those of the configuration stand first, so that the one that is asked
 * for most is found first; entries do not move.
 */
#ifndef STACK_ADDRESSES_H
#define STACK_ADDRESSES_H

#include "base/time.h"
#include "wire/ipv6.h"

/* Configured ones, the link-local one, and those made of routers' prefixes. */
#define ADDRESSES_MAX 16

enum address_state {
    ADDRESS_FREE,
    ADDRESS_TENTATIVE, /* RFC 4862 section 5.4: not used until nobody else claims it */
    ADDRESS_READY,
    ADDRESS_DUPLICATE, /* another host has it: never used */
};

struct address {
    struct ip_addr ip;
    uint8_t prefix_len; /* 0..32 or 0..128 */
    uint8_t state;
    uint8_t probes;      /* solicitations still to be sent while tentative */
    bool announce;       /* the next output tells the link */
    uint64_t next_ns;    /* tentative: next step of duplicate address detection */
    uint64_t expires_ns; /* TIME_NEVER: configured */
};

struct addresses {
    uint32_t used;
    struct address entry[ADDRESSES_MAX];
};

/* The entry with this address, in whatever state, or NULL. */
struct address *addresses_find(struct addresses *table, const struct ip_addr *ip);

/* A new entry, tentative with next_ns and expires_ns 0, or NULL: the table is full. */
struct address *addresses_add(struct addresses *table, const struct ip_addr *ip,
                              uint8_t prefix_len);

/*
 * The address to speak from to peer, which is on the link: of its net if we have one, else the
 * link-local one, else any of its family. NULL: none is ready.
 */
const struct address *addresses_source(const struct addresses *table, const struct ip_addr *peer);

/* The entry with this address if it may be used, or NULL. */
static inline const struct address *addresses_ready(const struct addresses *table,
                                                    const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < table->used; i++)
        if (ip_addr_equal(&table->entry[i].ip, ip))
            return table->entry[i].state == ADDRESS_READY ? &table->entry[i] : NULL;
    return NULL;
}

#endif
