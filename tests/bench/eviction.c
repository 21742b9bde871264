/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which chunks a cache should keep: hit rates of S3-FIFO (mempool/s3fifo.c) beside LRU, SIEVE and
 * FIFO, on popularity after Zipf's law, with and without clients that fetch cold files from end to
 * end in between. Prints a table in Markdown.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/prng.h"
#include "mempool/s3fifo.h"

enum { CHUNKS = 100000, REQUESTS = 2000000, WARM_UP = REQUESTS / 4 };
#define NONE UINT32_MAX

static void *must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return p;
}

/* ---- traces ---- */

struct trace {
    uint32_t *chunk; /* REQUESTS numbers */
    uint32_t chunks; /* all are below */
};

static double *zipf_table(double alpha)
{
    double *sum = must(malloc(CHUNKS * sizeof(*sum))), total = 0;

    for (uint32_t i = 0; i < CHUNKS; i++)
        sum[i] = total += 1 / pow(i + 1, alpha);
    for (uint32_t i = 0; i < CHUNKS; i++)
        sum[i] /= total;
    return sum;
}

static uint32_t zipf_draw(const double *sum, struct prng *prng)
{
    double at = prng_unit(prng);
    uint32_t low = 0, high = CHUNKS - 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (sum[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* scan_share of the requests go through cold files, one chunk after the other, each once. */
static struct trace trace_make(double alpha, double scan_share)
{
    struct prng prng = { .state = 1 };
    struct trace trace = { .chunk = must(malloc(REQUESTS * sizeof(uint32_t))), .chunks = CHUNKS };
    double *sum = zipf_table(alpha);

    for (uint32_t i = 0; i < REQUESTS; i++)
        trace.chunk[i] = prng_unit(&prng) < scan_share ? trace.chunks++ : zipf_draw(sum, &prng);
    free(sum);
    return trace;
}

/* ---- policies: which frame to do without ---- */

struct cache {
    uint32_t frames, used;
    uint32_t *frame_of, *chunk_of;
    struct s3fifo *s3fifo;
    /* A list of frames, newest first, for the others. */
    uint32_t *newer, *older, newest, oldest, hand;
    bool *visited;
};

static void list_push(struct cache *c, uint32_t frame)
{
    c->newer[frame] = NONE;
    c->older[frame] = c->newest;
    if (c->newest != NONE)
        c->newer[c->newest] = frame;
    else
        c->oldest = frame;
    c->newest = frame;
}

static void list_take(struct cache *c, uint32_t frame)
{
    if (c->newer[frame] != NONE)
        c->older[c->newer[frame]] = c->older[frame];
    else
        c->newest = c->older[frame];
    if (c->older[frame] != NONE)
        c->newer[c->older[frame]] = c->newer[frame];
    else
        c->oldest = c->newer[frame];
}

static void no_hit(struct cache *c, uint32_t frame)
{
}

static void insert_newest(struct cache *c, uint32_t frame)
{
    list_push(c, frame);
}

static uint32_t evict_oldest(struct cache *c)
{
    uint32_t frame = c->oldest;
    list_take(c, frame);
    return frame;
}

static void lru_hit(struct cache *c, uint32_t frame)
{
    list_take(c, frame);
    list_push(c, frame);
}

/* SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, NSDI 2024): a hand goes from old to new, spares what
 * was visited once and takes the first that was not. */
static void sieve_hit(struct cache *c, uint32_t frame)
{
    c->visited[frame] = true;
}

static void sieve_insert(struct cache *c, uint32_t frame)
{
    c->visited[frame] = false;
    list_push(c, frame);
}

static uint32_t sieve_evict(struct cache *c)
{
    uint32_t frame = c->hand != NONE ? c->hand : c->oldest;

    while (c->visited[frame]) {
        c->visited[frame] = false;
        frame = c->newer[frame] != NONE ? c->newer[frame] : c->oldest;
    }
    c->hand = c->newer[frame];
    list_take(c, frame);
    return frame;
}

static bool never_busy(const void *ctx, uint32_t frame)
{
    return false;
}

static void s3fifo_use(struct cache *c, uint32_t frame)
{
    s3fifo_hit(c->s3fifo, frame);
}

static void s3fifo_add(struct cache *c, uint32_t frame)
{
    s3fifo_insert(c->s3fifo, frame, hash_mix(c->chunk_of[frame] + 1, 0x9e3779b97f4a7c15u));
}

static uint32_t s3fifo_take(struct cache *c)
{
    return s3fifo_evict(c->s3fifo, never_busy, NULL);
}

static const struct policy {
    const char *name;
    void (*hit)(struct cache *, uint32_t frame);
    void (*insert)(struct cache *, uint32_t frame);
    uint32_t (*evict)(struct cache *);
} policies[] = {
    { "FIFO", no_hit, insert_newest, evict_oldest },
    { "LRU", lru_hit, insert_newest, evict_oldest },
    { "SIEVE", sieve_hit, sieve_insert, sieve_evict },
    { "S3-FIFO", s3fifo_use, s3fifo_add, s3fifo_take },
};

/* ---- a run ---- */

static uint32_t *numbers(uint32_t count)
{
    uint32_t *n = must(malloc(count * sizeof(*n)));

    for (uint32_t i = 0; i < count; i++)
        n[i] = NONE;
    return n;
}

/* Hits of the popular chunks' requests, scans aside: what the clients of hot files see. */
static double hit_rate(const struct policy *policy, const struct trace *trace, uint32_t frames)
{
    struct cache c = { .frames = frames,
                       .frame_of = numbers(trace->chunks),
                       .chunk_of = numbers(frames),
                       .s3fifo = must(s3fifo_create(frames, &memory_heap)),
                       .newer = numbers(frames),
                       .older = numbers(frames),
                       .newest = NONE,
                       .oldest = NONE,
                       .hand = NONE,
                       .visited = must(calloc(frames, sizeof(bool))) };
    uint64_t hits = 0, asked = 0;

    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint32_t chunk = trace->chunk[i], frame = c.frame_of[chunk];
        bool counts = i >= WARM_UP && chunk < CHUNKS;
        asked += counts;
        hits += counts && frame != NONE;
        if (frame != NONE) {
            policy->hit(&c, frame);
            continue;
        }
        frame = c.used < frames ? c.used++ : policy->evict(&c);
        if (c.chunk_of[frame] != NONE)
            c.frame_of[c.chunk_of[frame]] = NONE;
        c.chunk_of[frame] = chunk;
        c.frame_of[chunk] = frame;
        policy->insert(&c, frame);
    }
    s3fifo_destroy(c.s3fifo);
    free(c.frame_of);
    free(c.chunk_of);
    free(c.newer);
    free(c.older);
    free(c.visited);
    return (double)hits / (double)asked;
}

int main(void)
{
    static const double alphas[] = { 0.6, 0.8, 1.0 }, scans[] = { 0, 0.3, 0.7 };
    static const unsigned shares[] = { 1, 10 }; /* percent of the chunks that fit */

    printf("| popularity | scans | cache |");
    for (unsigned p = 0; p < sizeof(policies) / sizeof(policies[0]); p++)
        printf(" %s |", policies[p].name);
    printf("\n|---|---|---|---|---|---|---|\n");
    for (unsigned a = 0; a < 3; a++) {
        for (unsigned s = 0; s < 3; s++) {
            struct trace trace = trace_make(alphas[a], scans[s]);
            for (unsigned share = 0; share < 2; share++) {
                printf("| Zipf %.1f | %.0f%% | %u%% |", alphas[a], 100 * scans[s], shares[share]);
                for (unsigned p = 0; p < sizeof(policies) / sizeof(policies[0]); p++)
                    printf(" %.1f%% |",
                           100 * hit_rate(&policies[p], &trace, CHUNKS / 100 * shares[share]));
                printf("\n");
                fflush(stdout);
            }
            free(trace.chunk);
        }
    }
    return 0;
}
