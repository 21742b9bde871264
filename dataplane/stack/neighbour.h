/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: next hop's IP address -> MAC address, of either family (RFC 826, RFC 4861; the states
 * are those of RFC 4861 section 7.3.2, which serve ARP as well). Entries do not move, so that
 * connections keep an index; an index must be checked against the address, as the entry may have
 * been given to another.
 */
#ifndef STACK_NEIGHBOUR_H
#define STACK_NEIGHBOUR_H

#include "base/counters.h"
#include "base/memory.h"
#include "wire/addr.h"

#define NEIGHBOUR_NONE UINT32_MAX

enum neighbour_state {
    NEIGHBOUR_FREE,
    NEIGHBOUR_INCOMPLETE, /* asked for, not answered yet */
    NEIGHBOUR_REACHABLE,
    NEIGHBOUR_PROBE, /* old: used, and asked for again */
};

struct neighbour {
    struct ip_addr ip;
    struct mac_addr mac;
    uint8_t state;
    uint8_t requests;    /* sent without an answer */
    bool request_due;    /* the next output sends one */
    uint32_t next;       /* in its bucket */
    uint64_t updated_ns; /* learnt or confirmed */
    uint64_t retry_ns;   /* next request, TIME_NEVER: none */
};

struct neighbours {
    struct neighbour *entry;
    uint32_t *bucket; /* hash chains of entries; a power of two of them */
    uint32_t bucket_mask;
    uint64_t seed[2]; /* hosts of an IPv6 net may choose their addresses */
    uint32_t count;   /* entries of the table */
    uint32_t used;    /* high-water mark */
    uint64_t next_retry_ns;
    bool request_due; /* of some entry */
    bool starved;     /* somebody found no room */
    struct counters *counters;
};

bool neighbours_init(struct neighbours *table, uint32_t count, const uint64_t seed[2],
                     struct counters *counters, const struct memory *memory);
/* Bytes of memory of a table. */
size_t neighbours_bytes(uint32_t count);
void neighbours_release(struct neighbours *table, const struct memory *memory);

/* Index of ip's entry, or NEIGHBOUR_NONE. */
uint32_t neighbours_find(const struct neighbours *table, const struct ip_addr *ip);

/*
 * Index of ip's entry, made INCOMPLETE with a request due if there was none. NEIGHBOUR_NONE: the
 * table is full; neighbours_timers() says when to try again.
 */
uint32_t neighbours_resolve(struct neighbours *table, const struct ip_addr *ip, uint64_t now);

/* Notes an answer. Returns whether ip's MAC address is news. */
bool neighbours_learn(struct neighbours *table, const struct ip_addr *ip,
                      const struct mac_addr *mac, uint64_t now);

/*
 * For an entry in use: confirmed_ns is when a peer behind it was last heard, which counts as an
 * answer (RFC 4861 section 7.3.1). If that is long ago too, the entry is asked for again.
 */
void neighbours_refresh(struct neighbours *table, uint32_t index, uint64_t confirmed_ns,
                        uint64_t now);

/* Whether entry may be sent to. */
static inline bool neighbour_usable(const struct neighbour *entry)
{
    return entry->state == NEIGHBOUR_REACHABLE || entry->state == NEIGHBOUR_PROBE;
}

/* Whether index (which may be NEIGHBOUR_NONE) is still ip's. */
static inline bool neighbours_is(const struct neighbours *table, uint32_t index,
                                 const struct ip_addr *ip)
{
    return index != NEIGHBOUR_NONE && table->entry[index].state != NEIGHBOUR_FREE &&
           ip_addr_equal(&table->entry[index].ip, ip);
}

/*
 * Runs the retries that are due: sets request_due, frees entries that never answer. Returns whether
 * an INCOMPLETE entry was given up, or there may be room again for who found none.
 */
bool neighbours_timers(struct neighbours *table, uint64_t now);

#endif
