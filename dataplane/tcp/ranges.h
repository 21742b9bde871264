/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sender remembers of the bytes in flight: ranges, not packets.
 *
 * A connection's list covers exactly [snd_una, snd_nxt) in order, without gaps or overlap: the SYN,
 * the data and the FIN alike. Bytes that were sent at the same instant share a range, so a lossless
 * connection holds about one range per burst; SACK blocks and losses split them, and neighbours
 * that are SACKed are one. Those that are neither SACKed nor lost are in a second list, in order of
 * the time of sending (RFC 8985 section 6.2): the oldest are what loss detection looks at.
 *
 * Ranges come from a pool of the worker; when it is empty, new bytes join the last range (its
 * transmit time then stands for both) and a SACK block that would need a split is ignored, which is
 * safe: SACK is advice (RFC 2018 section 8).
 */
#ifndef TCP_RANGES_H
#define TCP_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "tcp/rate.h"

#define RANGE_NONE UINT32_MAX
/* Indices that fit the links of a range. */
#define RANGE_COUNT_MAX (1u << 28)
/* Where the list by time ends, in either direction. */
#define RANGE_TIME_END (RANGE_COUNT_MAX - 1)

enum {
    RANGE_SACKED = 1 << 0,        /* the receiver reported it */
    RANGE_LOST = 1 << 1,          /* to be sent again; never together with SACKED */
    RANGE_RETRANSMITTED = 1 << 2, /* sent more than once: no RTT sample (Karn) */
    RANGE_PROBE = 1 << 3,         /* one segment, larger than others (mtu.c); not sent again yet */
};

struct tcp_range {
    uint64_t start;   /* stream offset */
    uint64_t sent_ns; /* of the last transmission */
    uint32_t len;     /* > 0 */
    uint32_t next;    /* index, or RANGE_NONE */
    /* Of the list by time, if it is in that: indices, or RANGE_TIME_END. */
    uint32_t older : 28, flags : 4;
    uint32_t newer;
};

struct range_pool {
    struct tcp_range *range;
    struct rate_mark *mark; /* of each; NULL: nobody measures delivery rates */
    uint32_t count;
    uint32_t free_head;
    uint32_t free_count;
    /* The last ones are for lists that are empty: whoever has ranges can do with those it has, but
     * without one a connection cannot send at all. 0 after range_pool_init(). */
    uint32_t reserve;
};

/* False: no memory. */
bool range_pool_init(struct range_pool *pool, uint32_t count, bool marks,
                     const struct memory *memory);
void range_pool_release(struct range_pool *pool, const struct memory *memory);

/* One connection's list. */
struct range_list {
    uint32_t head, tail;
    uint32_t oldest, newest; /* by time of sending: neither SACKed nor lost */
    uint32_t lost_hint;      /* no range before it is lost, if any is */
    uint32_t sack_hint;      /* the range that was SACKed last; RANGE_NONE: not known */
    uint32_t lost_bytes;
    uint32_t sacked_bytes;
};

void range_list_init(struct range_list *list);
void range_list_clear(struct range_list *list, struct range_pool *pool);

/*
 * Appends [start, start + len), sent now. False: the pool is empty and the bytes joined the last
 * range. An empty list needs range_pool_available().
 */
bool range_list_append(struct range_list *list, struct range_pool *pool, uint64_t start,
                       uint32_t len, uint64_t now);

/* Whether a connection with an empty list may append. */
static inline bool range_pool_available(const struct range_pool *pool)
{
    return pool->free_head != RANGE_NONE;
}

/* Whether a list that has ranges may take one more. */
static inline bool range_pool_spare(const struct range_pool *pool)
{
    return pool->free_count > pool->reserve;
}

/*
 * Cuts range `at` so that it ends at offset (inside it); the rest becomes the next range. False:
 * the pool is empty, nothing changed.
 */
bool range_list_split(struct range_list *list, struct range_pool *pool, uint32_t at,
                      uint64_t offset);

/*
 * Marks the first len bytes of range `at`, which is not SACKed, as SACKed; prev is the one before
 * it, or RANGE_NONE. Returns the range that they are in now, together with SACKed neighbours. Only
 * where range_list_can_sack() says so.
 */
uint32_t range_list_sack(struct range_list *list, struct range_pool *pool, uint32_t prev,
                         uint32_t at, uint32_t len);

/* False: this takes a split, and the pool is empty. */
static inline bool range_list_can_sack(const struct range_pool *pool, uint32_t prev, uint32_t at,
                                       uint32_t len)
{
    return len == pool->range[at].len || range_pool_spare(pool) ||
           (prev != RANGE_NONE && (pool->range[prev].flags & RANGE_SACKED) != 0);
}

/* Where a search for ranges from `start` on may begin: behind this one; RANGE_NONE: at the head. */
static inline uint32_t range_list_before(const struct range_list *list,
                                         const struct range_pool *pool, uint64_t start)
{
    if (list->sack_hint == RANGE_NONE || pool->range[list->sack_hint].start > start)
        return RANGE_NONE;
    return list->sack_hint;
}

/* The first range that is lost. There must be one. */
uint32_t range_list_first_lost(struct range_list *list, const struct range_pool *pool);

void range_list_mark_lost(struct range_list *list, struct range_pool *pool, uint32_t at);
/* Whatever is not SACKed. */
void range_list_mark_all_lost(struct range_list *list, struct range_pool *pool);
/* The range is being sent again. */
void range_list_mark_resent(struct range_list *list, struct range_pool *pool, uint32_t at,
                            uint64_t now);
/* The receiver has reneged: nothing counts as SACKed any more (RFC 2018 section 8). */
void range_list_clear_sacked(struct range_list *list, struct range_pool *pool);

/* Nothing counts as lost any more. */
void range_list_clear_lost(struct range_list *list, struct range_pool *pool);

/* Removes the first range, or, when it reaches beyond upto, its part below. */
void range_list_pop(struct range_list *list, struct range_pool *pool, uint64_t upto);

#define RANGE_FOREACH(index, list, pool)                                                           \
    for (uint32_t index = (list)->head; index != RANGE_NONE; index = (pool)->range[index].next)

#endif
