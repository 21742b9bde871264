/* SPDX-License-Identifier: BSD-3-Clause */
#include "impair.h"

#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/time.h"

/* Corruption spares the Ethernet header: a frame for another station proves nothing about
 * checksums. */
#define ETHERNET_HEADER_BYTES 14

struct impair {
    struct impair_config config;
    struct impair_stats stats;
    struct prng prng;
    uint64_t line_free; /* when the rate limit lets the next frame start */
    uint64_t next_number;
    uint32_t count;
    struct held_frame *heap[]; /* binary heap, earliest due first */
};

struct impair *impair_create(const struct impair_config *config)
{
    struct impair *link = calloc(1, sizeof(*link) + config->queue_frames * sizeof(link->heap[0]));

    if (!link)
        return NULL;
    link->config = *config;
    link->prng.state = config->seed;
    return link;
}

void impair_destroy(struct impair *link)
{
    if (!link)
        return;
    for (uint32_t i = 0; i < link->count; i++)
        free(link->heap[i]);
    free(link);
}

static bool earlier(const struct held_frame *a, const struct held_frame *b)
{
    return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void heap_insert(struct impair *link, struct held_frame *frame)
{
    uint32_t at = link->count++;

    while (at > 0 && earlier(frame, link->heap[(at - 1) / 2])) {
        link->heap[at] = link->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    link->heap[at] = frame;
}

static struct held_frame *heap_remove_first(struct impair *link)
{
    struct held_frame *first = link->heap[0];
    struct held_frame *last = link->heap[--link->count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < link->count && earlier(link->heap[child + 1], link->heap[child]))
            child++;
        if (child >= link->count || !earlier(link->heap[child], last))
            break;
        link->heap[at] = link->heap[child];
        at = child;
    }
    link->heap[at] = last;
    return first;
}

static void enqueue(struct impair *link, const uint8_t *data, uint32_t len, uint64_t due, bool flip)
{
    struct held_frame *frame;

    if (link->count == link->config.queue_frames || !(frame = malloc(sizeof(*frame) + len))) {
        link->stats.overflowed++;
        return;
    }
    frame->due = due;
    frame->number = link->next_number++;
    frame->len = len;
    memcpy(frame->data, data, len);
    if (flip) {
        uint64_t bit = prng_below(&link->prng, (len - ETHERNET_HEADER_BYTES) * 8u);

        frame->data[ETHERNET_HEADER_BYTES + bit / 8] ^= (uint8_t)(1u << (bit % 8));
        link->stats.corrupted++;
    }
    heap_insert(link, frame);
}

void impair_push(struct impair *link, const uint8_t *data, uint32_t len, uint64_t now)
{
    const struct impair_config *c = &link->config;
    /* Every frame draws the same number of times, whatever befalls it. */
    bool lost = prng_unit(&link->prng) < c->loss;
    bool late = prng_unit(&link->prng) < c->reorder;
    bool twice = prng_unit(&link->prng) < c->duplicate;
    bool flip = prng_unit(&link->prng) < c->corrupt && len > ETHERNET_HEADER_BYTES;
    uint64_t due = now;

    link->stats.received++;
    if (lost) {
        link->stats.lost++;
        return;
    }
    if (c->rate_bps) {
        due = link->line_free > now ? link->line_free : now;
        if (c->queue_bytes && (due - now) / 8 > c->queue_bytes * NS_PER_S / c->rate_bps) {
            link->stats.full++;
            return;
        }
        due += (len + c->frame_overhead) * 8 * NS_PER_S / c->rate_bps;
        link->line_free = due;
    }
    due += c->delay_ns;
    if (late) {
        due += c->reorder_ns;
        link->stats.reordered++;
    }
    enqueue(link, data, len, due, flip);
    if (twice) {
        link->stats.duplicated++;
        enqueue(link, data, len, due, false);
    }
}

struct held_frame *impair_pop(struct impair *link, uint64_t now)
{
    struct impair_stats *s = &link->stats;

    if (link->count == 0 || link->heap[0]->due > now)
        return NULL;
    uint64_t late_ns = now - link->heap[0]->due;
    s->forwarded++;
    s->late += late_ns > link->config.late_ns;
    s->late_sum_ns += late_ns;
    s->late_max_ns = late_ns > s->late_max_ns ? late_ns : s->late_max_ns;
    return heap_remove_first(link);
}

uint64_t impair_deadline(const struct impair *link)
{
    return link->count ? link->heap[0]->due : TIME_NEVER;
}

const struct impair_stats *impair_stats(const struct impair *link)
{
    return &link->stats;
}
