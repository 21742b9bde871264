/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests a second of one client address, by site: a bounded table in sets of eight entries. An
 * IPv6 client is its /64. In a full set the entry whose client may go on soonest is forgotten;
 * counted (http_client_evicted) if that lifts a limit.
 */
#ifndef HTTP_RATE_H
#define HTTP_RATE_H

#include "base/assert.h"
#include "base/counters.h"
#include "base/memory.h"
#include "http/site.h"

struct rate_entry {
    struct ip_addr client;
    const struct http_site *site; /* NULL: free */
    uint64_t due;                 /* when the requests let through so far would have come in step */
};

static_assert(sizeof(struct rate_entry) == 32, "two to a cache line");

struct rate_table {
    struct rate_entry *entries;
    uint64_t seed[2];
    uint32_t set_mask;
};

/* Entries that are really made for so many clients: a power of two. */
uint32_t rate_entries(uint32_t clients_max);
/* False: out of memory. seed: secret, random. */
bool rate_create(struct rate_table *table, uint32_t clients_max, const uint64_t seed[2],
                 const struct memory *memory);
void rate_destroy(struct rate_table *table, const struct memory *memory);

/* Takes note of a request. 0: it is let through; else after so many ns the next one would be. */
uint64_t rate_request(struct rate_table *table, const struct http_site *site,
                      const struct ip_addr *client, struct counters *counters, uint64_t now);

#endif
