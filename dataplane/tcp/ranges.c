/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/ranges.h"

#include "base/assert.h"

_Static_assert(sizeof(struct tcp_range) == 32, "two ranges per cache line");

bool range_pool_init(struct range_pool *pool, uint32_t count, bool marks,
                     const struct memory *memory)
{
    ASSERT(count < RANGE_TIME_END);
    pool->range = memory_alloc(memory, count, sizeof(*pool->range));
    if (pool->range == NULL)
        return false;
    pool->mark = marks ? memory_alloc(memory, count, sizeof(*pool->mark)) : NULL;
    if (marks && pool->mark == NULL) {
        memory_release(memory, pool->range);
        return false;
    }
    pool->count = count;
    pool->free_count = count;
    pool->reserve = 0;
    pool->free_head = count != 0 ? 0 : RANGE_NONE;
    for (uint32_t i = 0; i < count; i++)
        pool->range[i].next = i + 1 < count ? i + 1 : RANGE_NONE;
    return true;
}

void range_pool_release(struct range_pool *pool, const struct memory *memory)
{
    memory_release(memory, pool->range);
    memory_release(memory, pool->mark);
}

static uint32_t range_take(struct range_pool *pool)
{
    uint32_t index = pool->free_head;

    if (index != RANGE_NONE) {
        pool->free_head = pool->range[index].next;
        pool->free_count--;
    }
    return index;
}

static void range_give(struct range_pool *pool, uint32_t index)
{
    pool->range[index].next = pool->free_head;
    pool->free_head = index;
    pool->free_count++;
}

/* ---- the list by time of sending ---- */

static bool in_flight(const struct tcp_range *range)
{
    return (range->flags & (RANGE_SACKED | RANGE_LOST)) == 0;
}

/* Links at behind `older`, which may be RANGE_TIME_END: before all others. */
static void time_insert(struct range_list *list, struct range_pool *pool, uint32_t at,
                        uint32_t older)
{
    struct tcp_range *range = &pool->range[at];
    uint32_t newer = older != RANGE_TIME_END ? pool->range[older].newer : list->oldest;

    range->older = older & RANGE_TIME_END;
    range->newer = newer;
    if (older != RANGE_TIME_END)
        pool->range[older].newer = at;
    else
        list->oldest = at;
    if (newer != RANGE_TIME_END)
        pool->range[newer].older = at & RANGE_TIME_END;
    else
        list->newest = at;
}

static void time_remove(struct range_list *list, struct range_pool *pool, uint32_t at)
{
    const struct tcp_range *range = &pool->range[at];

    if (range->older != RANGE_TIME_END)
        pool->range[range->older].newer = range->newer;
    else
        list->oldest = range->newer;
    if (range->newer != RANGE_TIME_END)
        pool->range[range->newer].older = range->older;
    else
        list->newest = range->older;
}

/* Links at where its time belongs; the search begins at `near`, which may be RANGE_TIME_END. */
static void time_insert_sorted(struct range_list *list, struct range_pool *pool, uint32_t at,
                               uint32_t near)
{
    uint64_t sent_ns = pool->range[at].sent_ns;
    uint32_t newer;

    while (near != RANGE_TIME_END && pool->range[near].sent_ns > sent_ns)
        near = pool->range[near].older;
    while ((newer = near != RANGE_TIME_END ? pool->range[near].newer : list->oldest) !=
               RANGE_TIME_END &&
           pool->range[newer].sent_ns <= sent_ns)
        near = newer;
    time_insert(list, pool, at, near);
}

/* Ranges with this mark, SACKED or LOST, are in flight again. Their times mostly ascend with their
 * places, so each is looked for from the one before. */
static void clear_mark(struct range_list *list, struct range_pool *pool, uint32_t mark)
{
    uint32_t near = RANGE_TIME_END;

    RANGE_FOREACH (i, list, pool) {
        if ((pool->range[i].flags & mark) == 0)
            continue;
        pool->range[i].flags &= ~mark & 15;
        time_insert_sorted(list, pool, i, near);
        near = i;
    }
}

/* ---- the list ---- */

void range_list_init(struct range_list *list)
{
    *list = (struct range_list){ .head = RANGE_NONE,
                                 .tail = RANGE_NONE,
                                 .oldest = RANGE_TIME_END,
                                 .newest = RANGE_TIME_END,
                                 .lost_hint = RANGE_NONE,
                                 .sack_hint = RANGE_NONE };
}

void range_list_clear(struct range_list *list, struct range_pool *pool)
{
    while (list->head != RANGE_NONE) {
        uint32_t next = pool->range[list->head].next;
        range_give(pool, list->head);
        list->head = next;
    }
    range_list_init(list);
}

/* Gives back the range behind prev, RANGE_NONE: the first. */
static void drop(struct range_list *list, struct range_pool *pool, uint32_t prev)
{
    uint32_t at = prev != RANGE_NONE ? pool->range[prev].next : list->head;
    uint32_t next = pool->range[at].next;

    if (in_flight(&pool->range[at]))
        time_remove(list, pool, at);
    if (prev != RANGE_NONE)
        pool->range[prev].next = next;
    else
        list->head = next;
    if (list->tail == at)
        list->tail = prev;
    if (list->lost_hint == at)
        list->lost_hint = next;
    if (list->sack_hint == at)
        list->sack_hint = RANGE_NONE;
    range_give(pool, at);
}

/* The pool is empty: new bytes join the last range, whose time is no RTT sample any more. */
static void join_tail(struct range_list *list, struct range_pool *pool, uint32_t len, uint64_t now)
{
    struct tcp_range *tail = &pool->range[list->tail];

    if ((tail->flags & RANGE_SACKED) != 0)
        list->sacked_bytes -= tail->len;
    if ((tail->flags & RANGE_LOST) != 0)
        list->lost_bytes -= tail->len;
    if (in_flight(tail))
        time_remove(list, pool, list->tail);
    if (list->sack_hint == list->tail)
        list->sack_hint = RANGE_NONE;
    tail->flags = RANGE_RETRANSMITTED;
    tail->sent_ns = now;
    tail->len += len;
    time_insert(list, pool, list->tail, list->newest);
}

bool range_list_append(struct range_list *list, struct range_pool *pool, uint64_t start,
                       uint32_t len, uint64_t now)
{
    struct tcp_range *tail = list->tail != RANGE_NONE ? &pool->range[list->tail] : NULL;

    if (tail != NULL && tail->sent_ns == now && tail->flags == 0 && tail->len + len > len) {
        tail->len += len;
        return true;
    }
    uint32_t index = tail == NULL || range_pool_spare(pool) ? range_take(pool) : RANGE_NONE;
    if (index == RANGE_NONE) {
        ASSERT(tail != NULL);
        join_tail(list, pool, len, now);
        return false;
    }
    pool->range[index] =
        (struct tcp_range){ .start = start, .sent_ns = now, .len = len, .next = RANGE_NONE };
    time_insert(list, pool, index, list->newest);
    if (tail != NULL)
        tail->next = index;
    else
        list->head = index;
    list->tail = index;
    return true;
}

bool range_list_split(struct range_list *list, struct range_pool *pool, uint32_t at,
                      uint64_t offset)
{
    struct tcp_range *left = &pool->range[at];

    ASSERT(offset > left->start && offset < left->start + left->len);
    uint32_t index = range_pool_spare(pool) ? range_take(pool) : RANGE_NONE;
    if (index == RANGE_NONE)
        return false;
    struct tcp_range *right = &pool->range[index];
    *right = *left;
    if (pool->mark != NULL)
        pool->mark[index] = pool->mark[at];
    right->start = offset;
    right->len = (uint32_t)(left->start + left->len - offset);
    left->len -= right->len;
    left->next = index;
    if (in_flight(left))
        time_insert(list, pool, index, at);
    if (list->tail == at)
        list->tail = index;
    return true;
}

static void mark_sacked(struct range_list *list, struct range_pool *pool, uint32_t at)
{
    struct tcp_range *range = &pool->range[at];

    if ((range->flags & RANGE_LOST) != 0)
        list->lost_bytes -= range->len;
    else
        time_remove(list, pool, at);
    range->flags = (range->flags & ~RANGE_LOST & 15) | RANGE_SACKED;
    list->sacked_bytes += range->len;
}

/* The range behind `at`, which is SACKed, gives its first len bytes to that. */
static void shift(struct range_list *list, struct range_pool *pool, uint32_t at, uint32_t len)
{
    struct tcp_range *left = &pool->range[at], *right = &pool->range[left->next];

    if ((right->flags & RANGE_LOST) != 0)
        list->lost_bytes -= len;
    if ((right->flags & RANGE_SACKED) == 0)
        list->sacked_bytes += len;
    left->len += len;
    left->flags |= right->flags & ~RANGE_LOST & 15;
    if (right->sent_ns > left->sent_ns)
        left->sent_ns = right->sent_ns;
    if (len == right->len) {
        drop(list, pool, at);
        return;
    }
    right->start += len;
    right->len -= len;
}

uint32_t range_list_sack(struct range_list *list, struct range_pool *pool, uint32_t prev,
                         uint32_t at, uint32_t len)
{
    if (prev != RANGE_NONE && (pool->range[prev].flags & RANGE_SACKED) != 0) {
        shift(list, pool, prev, len);
        at = prev;
    } else {
        if (len < pool->range[at].len)
            range_list_split(list, pool, at, pool->range[at].start + len);
        mark_sacked(list, pool, at);
    }
    uint32_t next = pool->range[at].next;
    if (next != RANGE_NONE && (pool->range[next].flags & RANGE_SACKED) != 0)
        shift(list, pool, at, pool->range[next].len);
    list->sack_hint = at;
    return at;
}

uint32_t range_list_first_lost(struct range_list *list, const struct range_pool *pool)
{
    while ((pool->range[list->lost_hint].flags & RANGE_LOST) == 0)
        list->lost_hint = pool->range[list->lost_hint].next;
    return list->lost_hint;
}

void range_list_mark_lost(struct range_list *list, struct range_pool *pool, uint32_t at)
{
    struct tcp_range *range = &pool->range[at];

    if (!in_flight(range))
        return;
    if (list->lost_bytes == 0 || range->start < pool->range[list->lost_hint].start)
        list->lost_hint = at;
    time_remove(list, pool, at);
    range->flags |= RANGE_LOST;
    list->lost_bytes += range->len;
}

void range_list_mark_all_lost(struct range_list *list, struct range_pool *pool)
{
    RANGE_FOREACH (i, list, pool)
        range_list_mark_lost(list, pool, i);
}

void range_list_mark_resent(struct range_list *list, struct range_pool *pool, uint32_t at,
                            uint64_t now)
{
    struct tcp_range *range = &pool->range[at];

    if ((range->flags & RANGE_LOST) != 0)
        list->lost_bytes -= range->len;
    if (in_flight(range))
        time_remove(list, pool, at);
    range->flags = (range->flags & RANGE_SACKED) | RANGE_RETRANSMITTED;
    range->sent_ns = now;
    if (in_flight(range))
        time_insert(list, pool, at, list->newest);
}

void range_list_clear_sacked(struct range_list *list, struct range_pool *pool)
{
    clear_mark(list, pool, RANGE_SACKED);
    list->sacked_bytes = 0;
    list->sack_hint = RANGE_NONE;
}

void range_list_clear_lost(struct range_list *list, struct range_pool *pool)
{
    clear_mark(list, pool, RANGE_LOST);
    list->lost_bytes = 0;
}

void range_list_pop(struct range_list *list, struct range_pool *pool, uint64_t upto)
{
    struct tcp_range *range = &pool->range[list->head];
    bool whole = range->start + range->len <= upto;
    uint32_t len = whole ? range->len : (uint32_t)(upto - range->start);

    if ((range->flags & RANGE_LOST) != 0)
        list->lost_bytes -= len;
    if ((range->flags & RANGE_SACKED) != 0)
        list->sacked_bytes -= len;
    if (whole) {
        drop(list, pool, RANGE_NONE);
        return;
    }
    range->start += len;
    range->len -= len;
}
