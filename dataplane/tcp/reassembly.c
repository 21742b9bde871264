/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/reassembly.h"

#include <string.h>

#include "base/assert.h"

bool rx_pool_init(struct rx_pool *pool, uint32_t count, const struct memory *memory)
{
    pool->buffer = memory_alloc(memory, count, sizeof(*pool->buffer));
    if (pool->buffer == NULL)
        return false;
    pool->count = count;
    pool->free_count = count;
    pool->free_head = count != 0 ? 0 : UINT32_MAX;
    for (uint32_t i = 0; i < count; i++)
        pool->buffer[i].next_free = i + 1 < count ? i + 1 : UINT32_MAX;
    return true;
}

void rx_pool_release(struct rx_pool *pool, const struct memory *memory)
{
    memory_release(memory, pool->buffer);
}

struct rx_buffer *rx_buffer_take(struct rx_pool *pool)
{
    if (pool->free_head == UINT32_MAX)
        return NULL;
    struct rx_buffer *buffer = &pool->buffer[pool->free_head];
    pool->free_head = buffer->next_free;
    pool->free_count--;
    buffer->interval_count = 0;
    buffer->newest = 0;
    return buffer;
}

void rx_buffer_give(struct rx_pool *pool, struct rx_buffer *buffer)
{
    buffer->next_free = pool->free_head;
    pool->free_head = (uint32_t)(buffer - pool->buffer);
    pool->free_count++;
}

static void ring_write(struct rx_buffer *buffer, uint64_t from, const uint8_t *data, uint32_t len)
{
    uint32_t at = (uint32_t)(from % RX_BUFFER_BYTES);
    uint32_t first = len < RX_BUFFER_BYTES - at ? len : RX_BUFFER_BYTES - at;

    memcpy(buffer->bytes + at, data, first);
    memcpy(buffer->bytes, data + first, len - first);
}

bool rx_buffer_store(struct rx_buffer *buffer, uint64_t from, const uint8_t *data, uint32_t len)
{
    struct rx_interval *v = buffer->interval;
    uint64_t start = from, end = from + len;
    uint32_t first = 0;

    ASSERT(len <= RX_BUFFER_BYTES);
    while (first < buffer->interval_count && v[first].end < start)
        first++;
    uint32_t last = first; /* intervals first..last-1 touch the new one */
    while (last < buffer->interval_count && v[last].start <= end) {
        start = v[last].start < start ? v[last].start : start;
        end = v[last].end > end ? v[last].end : end;
        last++;
    }
    if (last == first && buffer->interval_count == RX_INTERVALS_MAX) {
        if (first != 0)
            return false;
        buffer->interval_count--;
    }

    memmove(&v[first + 1], &v[last], (buffer->interval_count - last) * sizeof(*v));
    buffer->interval_count += 1 - (last - first);
    v[first] = (struct rx_interval){ start, end };
    buffer->newest = first;
    ring_write(buffer, from, data, len);
    return true;
}

uint64_t rx_buffer_contiguous(const struct rx_buffer *buffer, uint64_t from)
{
    if (buffer->interval_count != 0 && buffer->interval[0].start <= from &&
        buffer->interval[0].end > from)
        return buffer->interval[0].end;
    return from;
}

const uint8_t *rx_buffer_peek(const struct rx_buffer *buffer, uint64_t from, uint64_t to,
                              uint32_t *len)
{
    uint32_t at = (uint32_t)(from % RX_BUFFER_BYTES);
    uint64_t want = to - from;

    *len = want < RX_BUFFER_BYTES - at ? (uint32_t)want : RX_BUFFER_BYTES - at;
    return buffer->bytes + at;
}

void rx_buffer_discard(struct rx_buffer *buffer, uint64_t upto)
{
    struct rx_interval *v = buffer->interval;

    if (buffer->interval_count == 0 || v[0].start >= upto)
        return;
    ASSERT(v[0].end >= upto);
    v[0].start = upto;
    if (v[0].start == v[0].end) {
        buffer->interval_count--;
        memmove(&v[0], &v[1], buffer->interval_count * sizeof(*v));
        buffer->newest = buffer->newest != 0 ? buffer->newest - 1 : 0;
    }
}
