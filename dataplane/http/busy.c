/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/busy.h"

#include "base/hash.h"

#define SET_ENTRIES 8

uint32_t busy_entries(uint32_t clients_max)
{
    uint32_t entries = SET_ENTRIES;

    while (entries < clients_max)
        entries *= 2;
    return entries;
}

bool busy_create(struct busy_table *table, uint32_t clients_max, const uint64_t seed[2],
                 const struct memory *memory)
{
    uint32_t entries = busy_entries(clients_max);

    table->entries = memory_alloc(memory, entries, sizeof(table->entries[0]));
    table->set_mask = entries / SET_ENTRIES - 1;
    memcpy(table->seed, seed, sizeof(table->seed));
    return table->entries != NULL;
}

void busy_destroy(struct busy_table *table, const struct memory *memory)
{
    memory_release(memory, table->entries);
}

uint32_t busy_enter(struct busy_table *table, const struct http_site *site,
                    const struct ip_addr *client, struct counters *counters)
{
    struct ip_addr key = *client;

    if (!ip_addr_is_v4(client))
        key.u64[1] = 0; /* a host has all addresses of its /64 */
    uint64_t hash = hash_mix(key.u64[0] ^ table->seed[0], key.u64[1] ^ table->seed[1]);
    hash = hash_mix(hash ^ (uintptr_t)site, table->seed[0] | 1);
    uint32_t first = (uint32_t)(hash & table->set_mask) * SET_ENTRIES, at = BUSY_NONE;

    for (uint32_t i = first; i < first + SET_ENTRIES; i++) {
        struct busy_entry *entry = &table->entries[i];

        if (entry->site == site && ip_addr_equal(&entry->client, &key)) {
            if (entry->connections >= site->connections_max)
                return BUSY_FULL;
            entry->connections++;
            return i;
        }
        if (entry->site == NULL)
            at = i;
    }
    if (at == BUSY_NONE) {
        COUNT(counters, http_client_uncounted);
        return BUSY_NONE;
    }
    table->entries[at] = (struct busy_entry){ .client = key, .site = site, .connections = 1 };
    return at;
}

void busy_leave(struct busy_table *table, uint32_t entry)
{
    if (LIKELY(entry == BUSY_NONE))
        return;
    ASSERT(table->entries[entry].connections > 0);
    if (--table->entries[entry].connections == 0)
        table->entries[entry].site = NULL;
}
