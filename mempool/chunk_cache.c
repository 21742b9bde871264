/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/chunk_cache.h"

#include "base/assert.h"
#include "base/hash.h"
#include "mempool/s3fifo.h"

#define NONE UINT32_MAX

enum frame_state {
    FRAME_FREE,
    FRAME_READING,
    FRAME_READY,
    FRAME_FAILED, /* waiters are being told */
};

struct frame_entry {
    struct chunk_key key;
    uint32_t next; /* of its hash bucket, or of the free frames */
    uint32_t holders;
    uint32_t first_waiter, last_waiter;
    uint8_t state; /* enum frame_state */
};

struct waiter_entry {
    struct chunk_waiter who;
    uint32_t next;
};

struct chunk_cache {
    struct memory memory;
    struct s3fifo *policy;
    struct frame_entry *frame;
    uint32_t *bucket;
    uint32_t bucket_mask;
    uint32_t free_frame;
    struct waiter_entry *waiter;
    uint32_t free_waiter;
    struct chunk_cache_usage usage;
};

static uint64_t key_hash(struct chunk_key key)
{
    return hash_mix(((uint64_t)key.file << 32 | key.chunk) ^ 0x9e3779b97f4a7c15u,
                    0xd6e8feb86659fd93u);
}

static uint32_t *bucket_of(const struct chunk_cache *c, struct chunk_key key)
{
    return &c->bucket[(key_hash(key) >> 20) & c->bucket_mask];
}

static uint32_t find(const struct chunk_cache *c, struct chunk_key key)
{
    uint32_t i = *bucket_of(c, key);

    while (i != NONE && (c->frame[i].key.file != key.file || c->frame[i].key.chunk != key.chunk))
        i = c->frame[i].next;
    return i;
}

static void unhash(struct chunk_cache *c, uint32_t frame)
{
    uint32_t *at = bucket_of(c, c->frame[frame].key);

    while (*at != frame)
        at = &c->frame[*at].next;
    *at = c->frame[frame].next;
}

static bool is_busy(const struct frame_entry *f)
{
    return f->holders != 0 || f->state == FRAME_READING;
}

static bool policy_busy(const void *ctx, uint32_t frame)
{
    const struct chunk_cache *c = ctx;
    return is_busy(&c->frame[frame]);
}

/* A frame for a new chunk: a free one, else the one to do without. */
static uint32_t frame_take(struct chunk_cache *c)
{
    uint32_t frame = c->free_frame;

    if (frame != NONE) {
        c->free_frame = c->frame[frame].next;
        c->usage.used++;
        return frame;
    }
    frame = s3fifo_evict(c->policy, policy_busy, c);
    if (frame == S3FIFO_NONE)
        return NONE;
    ASSERT(c->frame[frame].state == FRAME_READY && c->frame[frame].holders == 0);
    unhash(c, frame);
    c->usage.evictions++;
    return frame;
}

static void frame_give(struct chunk_cache *c, uint32_t frame)
{
    c->frame[frame].state = FRAME_FREE;
    c->frame[frame].next = c->free_frame;
    c->free_frame = frame;
    c->usage.used--;
}

static void waiter_add(struct chunk_cache *c, struct frame_entry *f, struct chunk_waiter who)
{
    uint32_t i = c->free_waiter;

    c->free_waiter = c->waiter[i].next;
    c->waiter[i] = (struct waiter_entry){ .who = who, .next = NONE };
    if (f->last_waiter != NONE)
        c->waiter[f->last_waiter].next = i;
    else
        f->first_waiter = i;
    f->last_waiter = i;
    c->usage.waiters++;
}

static void holder_add(struct chunk_cache *c, struct frame_entry *f)
{
    c->usage.busy += !is_busy(f);
    f->holders++;
}

enum chunk_result chunk_cache_request(struct chunk_cache *c, struct chunk_key key,
                                      struct chunk_waiter who, uint32_t *frame)
{
    uint32_t i = find(c, key);

    if (i != NONE && c->frame[i].state == FRAME_READY) {
        s3fifo_hit(c->policy, i);
        holder_add(c, &c->frame[i]);
        *frame = i;
        return CHUNK_HIT;
    }
    if (c->free_waiter == NONE)
        return CHUNK_FULL;
    if (i != NONE) {
        s3fifo_hit(c->policy, i);
        waiter_add(c, &c->frame[i], who);
        *frame = i;
        return CHUNK_SHARED;
    }
    i = frame_take(c);
    if (i == NONE)
        return CHUNK_FULL;
    struct frame_entry *f = &c->frame[i];
    *f = (struct frame_entry){ .key = key,
                               .next = *bucket_of(c, key),
                               .first_waiter = NONE,
                               .last_waiter = NONE,
                               .state = FRAME_READING };
    *bucket_of(c, key) = i;
    c->usage.busy++;
    s3fifo_insert(c->policy, i, key_hash(key));
    waiter_add(c, f, who);
    *frame = i;
    return CHUNK_MISS;
}

void chunk_cache_loaded(struct chunk_cache *c, uint32_t frame, bool ok)
{
    struct frame_entry *f = &c->frame[frame];

    ASSERT(f->state == FRAME_READING && f->first_waiter != NONE);
    if (ok) {
        f->state = FRAME_READY;
        f->holders = 1; /* those who wait keep it busy until the last of them holds it */
        return;
    }
    f->state = FRAME_FAILED;
    c->usage.busy--;
    unhash(c, frame);
    s3fifo_remove(c->policy, frame);
}

bool chunk_cache_next_waiter(struct chunk_cache *c, uint32_t frame, struct chunk_waiter *who)
{
    struct frame_entry *f = &c->frame[frame];
    uint32_t i = f->first_waiter;

    if (i == NONE) {
        if (f->state == FRAME_FAILED)
            frame_give(c, frame);
        else
            f->holders--;
        return false;
    }
    *who = c->waiter[i].who;
    f->first_waiter = c->waiter[i].next;
    if (f->first_waiter == NONE)
        f->last_waiter = NONE;
    c->waiter[i].next = c->free_waiter;
    c->free_waiter = i;
    c->usage.waiters--;
    f->holders += f->state == FRAME_READY;
    return true;
}

void chunk_cache_release(struct chunk_cache *c, uint32_t frame, uint32_t hits)
{
    struct frame_entry *f = &c->frame[frame];

    ASSERT(f->state == FRAME_READY && f->holders > 0);
    for (uint32_t i = 0; i < hits && i < S3FIFO_HITS_MAX; i++)
        s3fifo_hit(c->policy, frame);
    if (--f->holders == 0) {
        c->usage.busy--;
        s3fifo_idle(c->policy, frame);
    }
}

bool chunk_cache_key(const struct chunk_cache *c, uint32_t frame, struct chunk_key *key)
{
    if (c->frame[frame].state == FRAME_FREE)
        return false;
    *key = c->frame[frame].key;
    return true;
}

struct chunk_cache_usage chunk_cache_usage(const struct chunk_cache *c)
{
    return c->usage;
}

struct chunk_cache *chunk_cache_create(uint32_t frames, uint32_t waiters_max,
                                       const struct memory *memory)
{
    struct chunk_cache *c = memory_alloc(memory, 1, sizeof(*c));
    uint32_t buckets = 1;

    ASSERT(frames > 0 && waiters_max > 0);
    if (c == NULL)
        return NULL;
    while (buckets < frames)
        buckets *= 2;
    c->memory = *memory;
    c->usage.frames = frames;
    c->bucket_mask = buckets - 1;
    c->policy = s3fifo_create(frames, memory);
    c->frame = memory_alloc(memory, frames, sizeof(*c->frame));
    c->bucket = memory_alloc(memory, buckets, sizeof(*c->bucket));
    c->waiter = memory_alloc(memory, waiters_max, sizeof(*c->waiter));
    if (c->policy == NULL || c->frame == NULL || c->bucket == NULL || c->waiter == NULL) {
        chunk_cache_destroy(c);
        return NULL;
    }
    for (uint32_t i = 0; i < buckets; i++)
        c->bucket[i] = NONE;
    for (uint32_t i = 0; i < frames; i++)
        c->frame[i].next = i + 1 < frames ? i + 1 : NONE;
    for (uint32_t i = 0; i < waiters_max; i++)
        c->waiter[i].next = i + 1 < waiters_max ? i + 1 : NONE;
    return c;
}

void chunk_cache_destroy(struct chunk_cache *c)
{
    if (c == NULL)
        return;
    const struct memory memory = c->memory;

    memory_release(&memory, c->waiter);
    memory_release(&memory, c->bucket);
    memory_release(&memory, c->frame);
    s3fifo_destroy(c->policy);
    memory_release(&memory, c);
}
