/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_event {
    uint64_t when, order;
    struct sim_node *node;
    struct packet *packet; /* NULL: run the node */
};

void sim_init(struct sim *sim, uint64_t seed, uint64_t epoch)
{
    memset(sim, 0, sizeof(*sim));
    sim->prng.state = seed;
    sim->now = sim->epoch = epoch;
}

void sim_destroy(struct sim *sim)
{
    for (unsigned i = 0; i < sim->count; i++)
        free(sim->heap[i].packet);
    free(sim->heap);
}

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void push(struct sim *sim, struct sim_event event)
{
    if (sim->count == sim->capacity) {
        sim->capacity = sim->capacity != 0 ? 2 * sim->capacity : 256;
        sim->heap = realloc(sim->heap, sim->capacity * sizeof(sim->heap[0]));
        if (sim->heap == NULL)
            abort();
    }
    event.order = sim->order++;
    unsigned i = sim->count++;
    while (i > 0 && before(&event, &sim->heap[(i - 1) / 2])) {
        sim->heap[i] = sim->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim->heap[i] = event;
}

static struct sim_event pop(struct sim *sim)
{
    struct sim_event top = sim->heap[0];
    struct sim_event last = sim->heap[--sim->count];
    unsigned i = 0;

    for (unsigned child = 1; child < sim->count; child = 2 * i + 1) {
        if (child + 1 < sim->count && before(&sim->heap[child + 1], &sim->heap[child]))
            child++;
        if (!before(&sim->heap[child], &last))
            break;
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    if (sim->count > 0)
        sim->heap[i] = last;
    return top;
}

void sim_deliver(struct sim *sim, uint64_t when, struct sim_node *node, struct packet *packet)
{
    push(sim, (struct sim_event){ .when = when, .node = node, .packet = packet });
}

void sim_replan(struct sim_node *node)
{
    struct sim *sim = node->sim;
    uint64_t when = node->deadline(node);

    if (when < sim->now)
        when = sim->now;
    /* A run that was planned for later stays in the heap and finds nothing to do. */
    if (when == TIME_NEVER || when >= node->wake)
        return;
    node->wake = when;
    push(sim, (struct sim_event){ .when = when, .node = node });
}

bool sim_step(struct sim *sim, uint64_t until)
{
    if (sim->count == 0 || sim->heap[0].when > until)
        return false;

    struct sim_event event = pop(sim);
    struct sim_node *node = event.node;

    sim->now = event.when;
    if (event.packet != NULL) {
        node->input(node, event.packet);
    } else if (event.when == node->wake) {
        node->wake = TIME_NEVER;
        if (node->deadline(node) <= sim->now)
            node->run(node);
    } else {
        return true;
    }
    sim_replan(node);
    return true;
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    if (sim->failed)
        return;
    sim->failed = true;

    double seconds = (double)(sim->now - sim->epoch) / 1e9;
    int n = snprintf(sim->failure, sizeof(sim->failure), "at %.6f s: ", seconds);
    va_list args;

    va_start(args, format);
    vsnprintf(sim->failure + n, sizeof(sim->failure) - (size_t)n, format, args);
    va_end(args);
}

bool sim_chance(struct prng *prng, double probability)
{
    return probability > 0 && prng_unit(prng) < probability;
}

uint64_t sim_between(struct prng *prng, uint64_t low, uint64_t high)
{
    return low + prng_below(prng, high - low + 1);
}
