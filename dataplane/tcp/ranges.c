/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/ranges.h"

#include "base/assert.h"

_Static_assert(sizeof(struct tcp_range) == 32, "two ranges per cache line");

bool range_pool_init(struct range_pool *pool, uint32_t count, bool marks,
                     const struct memory *memory)
{
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

void range_list_init(struct range_list *list)
{
    *list = (struct range_list){ .head = RANGE_NONE, .tail = RANGE_NONE };
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
        if ((tail->flags & RANGE_SACKED) != 0)
            list->sacked_bytes -= tail->len;
        if ((tail->flags & RANGE_LOST) != 0)
            list->lost_bytes -= tail->len;
        tail->flags = RANGE_RETRANSMITTED; /* its time is no RTT sample */
        tail->sent_ns = now;
        tail->len += len;
        return false;
    }
    pool->range[index] = (struct tcp_range){
        .start = start, .sent_ns = now, .len = len, .next = RANGE_NONE, .flags = 0
    };
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
    if (list->tail == at)
        list->tail = index;
    return true;
}

void range_list_mark_sacked(struct range_list *list, struct tcp_range *range)
{
    if ((range->flags & RANGE_SACKED) != 0)
        return;
    if ((range->flags & RANGE_LOST) != 0)
        list->lost_bytes -= range->len;
    range->flags = (range->flags & ~(uint32_t)RANGE_LOST) | RANGE_SACKED;
    list->sacked_bytes += range->len;
}

void range_list_mark_lost(struct range_list *list, struct tcp_range *range)
{
    if ((range->flags & (RANGE_LOST | RANGE_SACKED)) != 0)
        return;
    range->flags |= RANGE_LOST;
    list->lost_bytes += range->len;
}

void range_list_mark_resent(struct range_list *list, struct tcp_range *range, uint64_t now)
{
    if ((range->flags & RANGE_LOST) != 0)
        list->lost_bytes -= range->len;
    range->flags = (range->flags & ~(uint32_t)(RANGE_LOST | RANGE_PROBE)) | RANGE_RETRANSMITTED;
    range->sent_ns = now;
}

void range_list_clear_sacked(struct range_list *list, struct range_pool *pool)
{
    RANGE_FOREACH (i, list, pool)
        pool->range[i].flags &= ~(uint32_t)RANGE_SACKED;
    list->sacked_bytes = 0;
}

void range_list_clear_lost(struct range_list *list, struct range_pool *pool)
{
    RANGE_FOREACH (i, list, pool)
        pool->range[i].flags &= ~(uint32_t)RANGE_LOST;
    list->lost_bytes = 0;
}

void range_list_pop(struct range_list *list, struct range_pool *pool, uint64_t upto)
{
    uint32_t index = list->head;
    struct tcp_range *range = &pool->range[index];
    bool whole = range->start + range->len <= upto;
    uint32_t len = whole ? range->len : (uint32_t)(upto - range->start);

    if ((range->flags & RANGE_LOST) != 0)
        list->lost_bytes -= len;
    if ((range->flags & RANGE_SACKED) != 0)
        list->sacked_bytes -= len;
    if (!whole) {
        range->start += len;
        range->len -= len;
        return;
    }
    list->head = range->next;
    if (list->head == RANGE_NONE)
        list->tail = RANGE_NONE;
    range_give(pool, index);
}

void range_list_merge_sacked(struct range_list *list, struct range_pool *pool)
{
    RANGE_FOREACH (i, list, pool) {
        struct tcp_range *range = &pool->range[i];
        while ((range->flags & RANGE_SACKED) != 0 && range->next != RANGE_NONE &&
               (pool->range[range->next].flags & RANGE_SACKED) != 0) {
            uint32_t gone = range->next;
            struct tcp_range *next = &pool->range[gone];
            if (range->len + next->len < range->len)
                break; /* lengths are 32 bits */
            range->len += next->len;
            range->flags |= next->flags;
            if (next->sent_ns > range->sent_ns)
                range->sent_ns = next->sent_ns;
            range->next = next->next;
            if (list->tail == gone)
                list->tail = i;
            range_give(pool, gone);
        }
    }
}
