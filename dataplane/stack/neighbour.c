/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack/neighbour.h"

#include "base/hash.h"
#include "base/time.h"

enum {
    REQUESTS_MAX = 3,       /* RFC 4861 section 10: MAX_MULTICAST_SOLICIT */
    REQUEST_INTERVAL_S = 1, /* RFC 1122 section 2.3.2.1: at most one per second */
    REACHABLE_S = 60,       /* RFC 1122 section 2.3.2.1: time out after about a minute */
};

static uint32_t bucket_count(uint32_t count)
{
    uint32_t buckets = 16;

    while (buckets < count)
        buckets *= 2;
    return buckets;
}

size_t neighbours_bytes(uint32_t count)
{
    return count * sizeof(struct neighbour) + bucket_count(count) * sizeof(uint32_t);
}

bool neighbours_init(struct neighbours *table, uint32_t count, const uint64_t seed[2],
                     struct counters *counters, const struct memory *memory)
{
    uint32_t buckets = bucket_count(count);

    *table = (struct neighbours){ .count = count,
                                  .bucket_mask = buckets - 1,
                                  .seed = { seed[0], seed[1] | 1 },
                                  .next_retry_ns = TIME_NEVER,
                                  .counters = counters };
    table->entry = memory_alloc(memory, count, sizeof(*table->entry));
    table->bucket = memory_alloc(memory, buckets, sizeof(*table->bucket));
    if (table->entry == NULL || table->bucket == NULL) {
        neighbours_release(table, memory);
        return false;
    }
    for (uint32_t i = 0; i < buckets; i++)
        table->bucket[i] = NEIGHBOUR_NONE;
    return true;
}

void neighbours_release(struct neighbours *table, const struct memory *memory)
{
    memory_release(memory, table->bucket);
    memory_release(memory, table->entry);
}

static uint32_t *bucket_of(const struct neighbours *table, const struct ip_addr *ip)
{
    uint64_t h = hash_mix(ip->u64[0] ^ table->seed[0], ip->u64[1] ^ table->seed[1]);

    return &table->bucket[(uint32_t)(h ^ h >> 32) & table->bucket_mask];
}

uint32_t neighbours_find(const struct neighbours *table, const struct ip_addr *ip)
{
    uint32_t i = *bucket_of(table, ip);

    while (i != NEIGHBOUR_NONE && !ip_addr_equal(&table->entry[i].ip, ip))
        i = table->entry[i].next;
    return i;
}

static void entry_free(struct neighbours *table, uint32_t index)
{
    struct neighbour *n = &table->entry[index];
    uint32_t *at = bucket_of(table, &n->ip);

    while (*at != index)
        at = &table->entry[*at].next;
    *at = n->next;
    n->state = NEIGHBOUR_FREE;
}

/* The entry at index, which is free, becomes ip's. */
static struct neighbour *entry_use(struct neighbours *table, uint32_t index,
                                   const struct ip_addr *ip)
{
    uint32_t *bucket = bucket_of(table, ip);

    table->entry[index] = (struct neighbour){ .ip = *ip, .next = *bucket, .retry_ns = TIME_NEVER };
    *bucket = index;
    return &table->entry[index];
}

/*
 * The index of a free entry, if need be by forgetting the one not confirmed for longest. Entries
 * that are being asked for, or were confirmed within the last second, stay: so no more requests are
 * sent in a second than there are entries, however many hosts want to be neighbours.
 * NEIGHBOUR_NONE: no room for now.
 */
static uint32_t place(struct neighbours *table, uint64_t now)
{
    uint32_t oldest = NEIGHBOUR_NONE;
    uint64_t oldest_ns = now < NS_PER_S ? 0 : now - NS_PER_S;

    for (uint32_t i = 0; i < table->used; i++) {
        const struct neighbour *n = &table->entry[i];
        if (n->state == NEIGHBOUR_FREE)
            return i;
        if (n->state != NEIGHBOUR_INCOMPLETE && n->updated_ns <= oldest_ns) {
            oldest = i;
            oldest_ns = n->updated_ns;
        }
    }
    if (table->used < table->count)
        return table->used++;
    if (oldest != NEIGHBOUR_NONE) {
        COUNT(table->counters, neighbour_evicted);
        entry_free(table, oldest);
        return oldest;
    }
    COUNT(table->counters, neighbour_full);
    table->starved = true;
    table->next_retry_ns = time_min(table->next_retry_ns, now + REQUEST_INTERVAL_S * NS_PER_S);
    return NEIGHBOUR_NONE;
}

static void request(struct neighbours *table, struct neighbour *n, uint64_t now)
{
    n->request_due = true;
    table->request_due = true;
    n->requests++;
    n->retry_ns = now + REQUEST_INTERVAL_S * NS_PER_S;
    table->next_retry_ns = time_min(table->next_retry_ns, n->retry_ns);
}

uint32_t neighbours_resolve(struct neighbours *table, const struct ip_addr *ip, uint64_t now)
{
    uint32_t i = neighbours_find(table, ip);

    if (i != NEIGHBOUR_NONE)
        return i;
    i = place(table, now);
    if (i == NEIGHBOUR_NONE)
        return i;
    struct neighbour *n = entry_use(table, i, ip);
    n->state = NEIGHBOUR_INCOMPLETE;
    n->updated_ns = now;
    request(table, n, now);
    return i;
}

bool neighbours_learn(struct neighbours *table, const struct ip_addr *ip,
                      const struct mac_addr *mac, uint64_t now)
{
    uint32_t i = neighbours_find(table, ip);
    bool news = i == NEIGHBOUR_NONE || !neighbour_usable(&table->entry[i]) ||
                !mac_addr_equal(&table->entry[i].mac, mac);

    if (i == NEIGHBOUR_NONE) {
        i = place(table, now);
        if (i == NEIGHBOUR_NONE)
            return false;
        entry_use(table, i, ip);
    }
    struct neighbour *n = &table->entry[i];
    n->mac = *mac;
    n->state = NEIGHBOUR_REACHABLE;
    n->requests = 0;
    n->request_due = false;
    n->updated_ns = now;
    n->retry_ns = TIME_NEVER;
    return news;
}

void neighbours_refresh(struct neighbours *table, uint32_t index, uint64_t confirmed_ns,
                        uint64_t now)
{
    struct neighbour *n = &table->entry[index];

    if (n->state != NEIGHBOUR_REACHABLE || now - n->updated_ns < REACHABLE_S * NS_PER_S)
        return;
    if (now - confirmed_ns < REACHABLE_S * NS_PER_S) {
        n->updated_ns = confirmed_ns;
        return;
    }
    n->state = NEIGHBOUR_PROBE;
    n->requests = 0;
    request(table, n, now);
}

bool neighbours_timers(struct neighbours *table, uint64_t now)
{
    if (now < table->next_retry_ns)
        return false;
    bool given_up = table->starved;
    table->starved = false;
    table->next_retry_ns = TIME_NEVER;
    for (uint32_t i = 0; i < table->used; i++) {
        struct neighbour *n = &table->entry[i];
        if (n->state != NEIGHBOUR_INCOMPLETE && n->state != NEIGHBOUR_PROBE)
            continue;
        if (n->retry_ns > now) {
            table->next_retry_ns = time_min(table->next_retry_ns, n->retry_ns);
        } else if (n->requests < REQUESTS_MAX) {
            request(table, n, now);
        } else {
            given_up = given_up || n->state == NEIGHBOUR_INCOMPLETE;
            entry_free(table, i);
        }
    }
    return given_up;
}
