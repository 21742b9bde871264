/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Four-tuple -> connection index. Open addressing with linear probing; an entry is 8 bytes, so a
 * probe sequence stays in one cache line. The hash is keyed, so that peers cannot choose
 * collisions. At most half full: the table is created with twice the connections.
 */
#ifndef STACK_FLOW_TABLE_H
#define STACK_FLOW_TABLE_H

#include "base/memory.h"
#include "tcp/conn.h"

#define FLOW_NONE UINT32_MAX

struct flow_entry {
    uint32_t hash;
    uint32_t conn; /* FLOW_NONE: empty */
};

struct flow_table {
    struct flow_entry *entry;
    uint32_t mask;
    uint64_t seed[2];
    const struct tcp_conn *conn; /* the keys live in the connections */
};

bool flow_table_init(struct flow_table *table, uint32_t connections, const uint64_t seed[2],
                     const struct tcp_conn *conn, const struct memory *memory);
void flow_table_release(struct flow_table *table, const struct memory *memory);

uint32_t flow_hash(const struct flow_table *table, const struct tcp_key *key);
/* Index of the connection with this key, or FLOW_NONE. */
uint32_t flow_table_find(const struct flow_table *table, const struct tcp_key *key, uint32_t hash);
/* The key is not in the table. */
void flow_table_insert(struct flow_table *table, uint32_t conn, uint32_t hash);
/* The connection is in the table. */
void flow_table_remove(struct flow_table *table, uint32_t conn, uint32_t hash);

/* Entries for so many connections: a power of two. */
uint32_t flow_table_entries(uint32_t connections);

#endif
