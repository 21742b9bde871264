/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections of one client address that are being answered, by site: counted from a request until
 * all of the connection's responses are acknowledged, so that connections which are merely kept
 * open cost nobody anything. A bounded table in sets of eight; an IPv6 client is its /64. Counts
 * are exact: when a set is full a client is let through without being counted
 * (http_client_uncounted), nobody else's count is touched.
 */
#ifndef HTTP_BUSY_H
#define HTTP_BUSY_H

#include "base/assert.h"
#include "base/counters.h"
#include "base/memory.h"
#include "http/site.h"

#define BUSY_NONE UINT32_MAX /* not counted */
#define BUSY_FULL (UINT32_MAX - 1)

struct busy_entry {
    struct ip_addr client;
    const struct http_site *site; /* NULL: free */
    uint32_t connections;
};

static_assert(sizeof(struct busy_entry) == 32, "two to a cache line");

struct busy_table {
    struct busy_entry *entries;
    uint64_t seed[2];
    uint32_t set_mask;
};

/* Entries that are really made for so many clients: a power of two. */
uint32_t busy_entries(uint32_t clients_max);
/* False: out of memory. seed: secret, random. */
bool busy_create(struct busy_table *table, uint32_t clients_max, const uint64_t seed[2],
                 const struct memory *memory);
void busy_destroy(struct busy_table *table, const struct memory *memory);

/* Counts one connection more. What busy_leave() is to be told; BUSY_FULL: the client has as many as
 * the site allows. */
uint32_t busy_enter(struct busy_table *table, const struct http_site *site,
                    const struct ip_addr *client, struct counters *counters);
/* BUSY_NONE is allowed. */
void busy_leave(struct busy_table *table, uint32_t entry);

#endif
