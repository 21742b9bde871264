/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/s3fifo.h"

#include "base/assert.h"

#define SMALL_SHARE  10 /* of all frames: 1/10, as in the paper */
#define PROMOTE_HITS 2  /* in the small queue: one more request may be the same client's */
#define GHOST_WAYS   4

enum queue { QUEUE_NONE, QUEUE_SMALL, QUEUE_MAIN, QUEUES };

struct node {
    uint64_t key;
    uint32_t newer, older; /* in its queue */
    uint8_t queue;         /* enum queue */
    uint8_t aside;         /* the queue it was in when it was met busy */
    uint8_t hits;          /* saturates at S3FIFO_HITS_MAX */
};

struct list {
    uint32_t newest, oldest, count;
};

/* A key that left the small queue, and which it was in the row of those. */
struct ghost {
    uint32_t fingerprint, number;
};

struct s3fifo {
    struct memory memory;
    uint32_t frames, small_max;
    struct list list[QUEUES];
    struct node *node;
    /* A set of GHOST_WAYS places per bucket; what is older than ghost_max is forgotten. */
    struct ghost *ghost;
    uint32_t ghost_mask; /* buckets - 1 */
    uint32_t ghost_max, ghost_number;
};

/* ---- keys that left ---- */

static struct ghost *ghost_bucket(const struct s3fifo *p, uint64_t key)
{
    return &p->ghost[((uint32_t)key & p->ghost_mask) * GHOST_WAYS];
}

static uint32_t fingerprint(uint64_t key)
{
    return (uint32_t)(key >> 32);
}

static bool ghost_remembered(const struct s3fifo *p, const struct ghost *g)
{
    return g->number != 0 && p->ghost_number - g->number < p->ghost_max;
}

static void ghost_add(struct s3fifo *p, uint64_t key)
{
    struct ghost *bucket = ghost_bucket(p, key), *oldest = bucket;

    for (unsigned i = 0; i < GHOST_WAYS; i++) {
        if (bucket[i].number == 0) {
            oldest = &bucket[i];
            break;
        }
        if (p->ghost_number - bucket[i].number > p->ghost_number - oldest->number)
            oldest = &bucket[i];
    }
    p->ghost_number += p->ghost_number == UINT32_MAX ? 2 : 1; /* 0 is a free place */
    *oldest = (struct ghost){ fingerprint(key), p->ghost_number };
}

static bool ghost_take(struct s3fifo *p, uint64_t key)
{
    struct ghost *bucket = ghost_bucket(p, key);

    for (unsigned i = 0; i < GHOST_WAYS; i++) {
        if (bucket[i].fingerprint == fingerprint(key) && ghost_remembered(p, &bucket[i])) {
            bucket[i].number = 0;
            return true;
        }
    }
    return false;
}

/* ---- queues ---- */

static void push(struct s3fifo *p, uint32_t frame, unsigned queue)
{
    struct list *list = &p->list[queue];
    struct node *node = &p->node[frame];

    node->queue = (uint8_t)queue;
    node->aside = QUEUE_NONE;
    node->newer = S3FIFO_NONE;
    node->older = list->newest;
    if (list->newest != S3FIFO_NONE)
        p->node[list->newest].newer = frame;
    else
        list->oldest = frame;
    list->newest = frame;
    list->count++;
}

static void unlink_node(struct s3fifo *p, uint32_t frame)
{
    struct node *node = &p->node[frame];
    struct list *list = &p->list[node->queue];

    ASSERT(node->queue != QUEUE_NONE);
    if (node->newer != S3FIFO_NONE)
        p->node[node->newer].older = node->older;
    else
        list->newest = node->older;
    if (node->older != S3FIFO_NONE)
        p->node[node->older].newer = node->newer;
    else
        list->oldest = node->newer;
    list->count--;
    node->queue = QUEUE_NONE;
}

/* A frame's turn at the end of the small queue has come. True: it goes. */
static bool leaves_small(struct s3fifo *p, uint32_t frame)
{
    struct node *node = &p->node[frame];

    unlink_node(p, frame);
    if (node->hits >= PROMOTE_HITS) {
        node->hits = 0;
        push(p, frame, QUEUE_MAIN);
        return false;
    }
    ghost_add(p, node->key);
    return true;
}

static bool leaves_main(struct s3fifo *p, uint32_t frame)
{
    struct node *node = &p->node[frame];

    unlink_node(p, frame);
    if (node->hits != 0) {
        node->hits--;
        push(p, frame, QUEUE_MAIN);
        return false;
    }
    return true;
}

/* The frame of the queue to reuse. */
static uint32_t evict_from(struct s3fifo *p, enum queue queue,
                           bool (*busy)(const void *ctx, uint32_t frame), const void *ctx)
{
    for (;;) {
        uint32_t frame = p->list[queue].oldest;
        if (frame == S3FIFO_NONE)
            return S3FIFO_NONE;
        if (busy(ctx, frame)) {
            unlink_node(p, frame);
            p->node[frame].aside = (uint8_t)queue;
        } else if (queue == QUEUE_SMALL ? leaves_small(p, frame) : leaves_main(p, frame)) {
            return frame;
        }
    }
}

void s3fifo_idle(struct s3fifo *p, uint32_t frame)
{
    struct node *node = &p->node[frame];

    if (node->aside != QUEUE_NONE)
        push(p, frame, node->aside);
}

uint32_t s3fifo_evict(struct s3fifo *p, bool (*busy)(const void *ctx, uint32_t frame),
                      const void *ctx)
{
    bool small_first = p->list[QUEUE_SMALL].count > p->small_max || p->list[QUEUE_MAIN].count == 0;
    uint32_t frame = evict_from(p, small_first ? QUEUE_SMALL : QUEUE_MAIN, busy, ctx);

    if (frame == S3FIFO_NONE)
        frame = evict_from(p, small_first ? QUEUE_MAIN : QUEUE_SMALL, busy, ctx);
    return frame;
}

void s3fifo_insert(struct s3fifo *p, uint32_t frame, uint64_t key)
{
    struct node *node = &p->node[frame];

    ASSERT(frame < p->frames && node->queue == QUEUE_NONE);
    node->key = key;
    node->hits = 0;
    push(p, frame, ghost_take(p, key) ? QUEUE_MAIN : QUEUE_SMALL);
}

void s3fifo_hit(struct s3fifo *p, uint32_t frame)
{
    struct node *node = &p->node[frame];

    ASSERT(frame < p->frames && (node->queue != QUEUE_NONE || node->aside != QUEUE_NONE));
    node->hits += node->hits < S3FIFO_HITS_MAX;
}

void s3fifo_remove(struct s3fifo *p, uint32_t frame)
{
    ASSERT(frame < p->frames);
    if (p->node[frame].aside != QUEUE_NONE)
        p->node[frame].aside = QUEUE_NONE;
    else
        unlink_node(p, frame);
}

struct s3fifo *s3fifo_create(uint32_t frames, const struct memory *memory)
{
    struct s3fifo *p = memory_alloc(memory, 1, sizeof(*p));
    uint32_t buckets = 1;

    ASSERT(frames > 0);
    if (p == NULL)
        return NULL;
    while (buckets < frames / GHOST_WAYS * 2)
        buckets *= 2;
    p->memory = *memory;
    p->frames = frames;
    p->small_max = frames / SMALL_SHARE;
    p->ghost_mask = buckets - 1;
    p->ghost_max = frames;
    for (unsigned i = 0; i < QUEUES; i++)
        p->list[i] = (struct list){ .newest = S3FIFO_NONE, .oldest = S3FIFO_NONE };
    p->node = memory_alloc(memory, frames, sizeof(*p->node));
    p->ghost = memory_alloc(memory, (size_t)buckets * GHOST_WAYS, sizeof(*p->ghost));
    if (p->node != NULL && p->ghost != NULL)
        return p;
    s3fifo_destroy(p);
    return NULL;
}

void s3fifo_destroy(struct s3fifo *p)
{
    if (p == NULL)
        return;
    const struct memory memory = p->memory;

    memory_release(&memory, p->ghost);
    memory_release(&memory, p->node);
    memory_release(&memory, p);
}
