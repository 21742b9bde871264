/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Four-tuple -> index of a connection, or of what is left of one in TIME-WAIT. Open addressing with
 * linear probing; an entry is 8 bytes, so a probe sequence stays in one cache line. The hash is
 * keyed, so that peers cannot choose collisions. At most half full: the table is created with twice
 * the keys.
 */
#ifndef STACK_FLOW_TABLE_H
#define STACK_FLOW_TABLE_H

#include "base/memory.h"
#include "tcp/conn.h"

#define FLOW_NONE UINT32_MAX
/* Or-ed to the index of an entry of the table of TIME-WAIT; connections have smaller ones. */
#define FLOW_TIME_WAIT (UINT32_C(1) << 31)

struct time_wait;

struct flow_entry {
    uint32_t hash;
    uint32_t conn; /* FLOW_NONE: empty */
};

struct flow_table {
    struct flow_entry *entry;
    uint32_t mask;
    uint64_t seed[2];
    const struct tcp_conn *conn; /* the keys live in the connections */
    const struct time_wait *time_wait;
};

/* Room for so many keys of both kinds together. */
bool flow_table_init(struct flow_table *table, uint32_t keys, const uint64_t seed[2],
                     const struct tcp_conn *conn, const struct time_wait *time_wait,
                     const struct memory *memory);
void flow_table_release(struct flow_table *table, const struct memory *memory);

uint32_t flow_hash(const struct flow_table *table, const struct tcp_key *key);
/* Index of the connection with this key, or FLOW_NONE. */
uint32_t flow_table_find(const struct flow_table *table, const struct tcp_key *key, uint32_t hash);
/* The same, or FLOW_TIME_WAIT | index. */
uint32_t flow_table_find_any(const struct flow_table *table, const struct tcp_key *key,
                             uint32_t hash);
/* The key is not in the table. */
void flow_table_insert(struct flow_table *table, uint32_t conn, uint32_t hash);
/* The connection is in the table. */
void flow_table_remove(struct flow_table *table, uint32_t conn, uint32_t hash);

/* Entries for so many keys: a power of two. */
uint32_t flow_table_entries(uint32_t keys);

#endif
