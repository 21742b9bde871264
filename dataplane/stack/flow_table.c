/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack/flow_table.h"

#include "base/assert.h"
#include "base/hash.h"
#include "stack/time_wait.h"

uint32_t flow_table_entries(uint32_t keys)
{
    uint32_t entries = 64;

    while (entries < 2 * keys)
        entries *= 2;
    return entries;
}

bool flow_table_init(struct flow_table *table, uint32_t keys, const uint64_t seed[2],
                     const struct tcp_conn *conn, const struct time_wait *time_wait,
                     const struct memory *memory)
{
    uint32_t entries = flow_table_entries(keys);

    table->entry = memory_alloc(memory, entries, sizeof(*table->entry));
    if (table->entry == NULL)
        return false;
    table->mask = entries - 1;
    table->seed[0] = seed[0];
    table->seed[1] = seed[1] | 1;
    table->conn = conn;
    table->time_wait = time_wait;
    for (uint32_t i = 0; i < entries; i++)
        table->entry[i].conn = FLOW_NONE;
    return true;
}

void flow_table_release(struct flow_table *table, const struct memory *memory)
{
    memory_release(memory, table->entry);
}

uint32_t flow_hash(const struct flow_table *table, const struct tcp_key *key)
{
    const uint64_t *seed = table->seed;
    uint64_t ports = (uint64_t)key->remote_port << 16 | key->local_port;
    uint64_t h = hash_mix(key->remote.u64[0] ^ seed[0], key->remote.u64[1] ^ seed[1]);

    h ^= hash_mix(key->local.u64[0] ^ seed[1], key->local.u64[1] ^ seed[0]);
    h = hash_mix(h ^ ports, seed[1]);
    return (uint32_t)(h ^ h >> 32);
}

static bool has_key(const struct flow_table *table, uint32_t index, const struct tcp_key *key)
{
    if (index < FLOW_TIME_WAIT)
        return tcp_key_equal(&table->conn[index].key, key);
    const struct time_wait *e = &table->time_wait[index - FLOW_TIME_WAIT];
    return e->remote_port == key->remote_port && e->local_port == key->local_port &&
           ip_addr_equal(&e->remote, &key->remote) && ip_addr_equal(&e->local, &key->local);
}

uint32_t flow_table_find(const struct flow_table *table, const struct tcp_key *key, uint32_t hash)
{
    uint32_t index = flow_table_find_any(table, key, hash);

    return index < FLOW_TIME_WAIT ? index : FLOW_NONE;
}

uint32_t flow_table_find_any(const struct flow_table *table, const struct tcp_key *key,
                             uint32_t hash)
{
    for (uint32_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        const struct flow_entry *e = &table->entry[i];
        if (e->conn == FLOW_NONE)
            return FLOW_NONE;
        if (e->hash == hash && has_key(table, e->conn, key))
            return e->conn;
    }
}

void flow_table_insert(struct flow_table *table, uint32_t conn, uint32_t hash)
{
    uint32_t i = hash & table->mask;

    while (table->entry[i].conn != FLOW_NONE)
        i = (i + 1) & table->mask;
    table->entry[i] = (struct flow_entry){ hash, conn };
}

void flow_table_remove(struct flow_table *table, uint32_t conn, uint32_t hash)
{
    uint32_t hole = hash & table->mask;

    while (table->entry[hole].conn != conn) {
        ASSERT(table->entry[hole].conn != FLOW_NONE);
        hole = (hole + 1) & table->mask;
    }
    /* Move back what the hole would cut off from its home place. */
    for (uint32_t i = (hole + 1) & table->mask; table->entry[i].conn != FLOW_NONE;
         i = (i + 1) & table->mask) {
        uint32_t home = table->entry[i].hash & table->mask;
        if (((i - home) & table->mask) >= ((i - hole) & table->mask)) {
            table->entry[hole] = table->entry[i];
            hole = i;
        }
    }
    table->entry[hole].conn = FLOW_NONE;
}
