/* SPDX-License-Identifier: BSD-3-Clause */
/* Each client has a virtual queue that drains one request per gap (GCRA, ITU-T I.371): two numbers
 * tell all, and an entry whose queue is empty says no more than none. */
#include "http/rate.h"

#include "base/hash.h"

#define SET_ENTRIES 8

uint32_t rate_entries(uint32_t clients_max)
{
    uint32_t entries = SET_ENTRIES;

    while (entries < clients_max)
        entries *= 2;
    return entries;
}

bool rate_create(struct rate_table *table, uint32_t clients_max, const uint64_t seed[2],
                 const struct memory *memory)
{
    uint32_t entries = rate_entries(clients_max);

    table->entries = memory_alloc(memory, entries, sizeof(table->entries[0]));
    table->set_mask = entries / SET_ENTRIES - 1;
    memcpy(table->seed, seed, sizeof(table->seed));
    return table->entries != NULL;
}

void rate_destroy(struct rate_table *table, const struct memory *memory)
{
    memory_release(memory, table->entries);
}

static struct rate_entry *entry_find(struct rate_table *table, const struct http_site *site,
                                     const struct ip_addr *client, struct counters *counters,
                                     uint64_t now)
{
    uint64_t hash = hash_mix(client->u64[0] ^ table->seed[0], client->u64[1] ^ table->seed[1]);
    hash = hash_mix(hash ^ (uintptr_t)site, table->seed[0] | 1);
    struct rate_entry *set = &table->entries[(hash & table->set_mask) * SET_ENTRIES];
    struct rate_entry *oldest = set;

    for (unsigned i = 0; i < SET_ENTRIES; i++) {
        if (set[i].site == site && ip_addr_equal(&set[i].client, client))
            return &set[i];
        if (set[i].due < oldest->due)
            oldest = &set[i];
    }
    if (oldest->due > now)
        COUNT(counters, http_client_evicted);
    *oldest = (struct rate_entry){ .client = *client, .site = site };
    return oldest;
}

uint64_t rate_request(struct rate_table *table, const struct http_site *site,
                      const struct ip_addr *client, struct counters *counters, uint64_t now)
{
    struct ip_addr key = *client;

    if (!ip_addr_is_v4(client))
        key.u64[1] = 0; /* a host has all addresses of its /64 */
    struct rate_entry *entry = entry_find(table, site, &key, counters, now);
    uint64_t due = entry->due > now ? entry->due : now;
    uint64_t ahead = (site->request_burst - 1) * site->request_gap_ns;

    if (due - now > ahead)
        return due - now - ahead;
    entry->due = due + site->request_gap_ns;
    return 0;
}
