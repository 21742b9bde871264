/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulator's clock: a heap of events in virtual nanoseconds. Everything that happens follows
 * from the seed; two events of the same instant happen in the order in which they were planned.
 *
 * A node is three functions. After each call of input or run the simulator asks for the node's
 * deadline and plans the next run.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"
#include "base/time.h"
#include "packet.h"

struct sim;
struct network;

struct sim_node {
    void (*input)(struct sim_node *node, struct packet *packet); /* takes the packet over */
    uint64_t (*deadline)(const struct sim_node *node);           /* TIME_NEVER: none */
    void (*run)(struct sim_node *node);
    struct sim *sim;
    uint64_t wake; /* when a run is planned */
};

/* What the user wants to see. */
struct trace {
    bool verbose;
    struct pcap *pcap; /* NULL: none */
};

struct sim_event;

struct sim {
    uint64_t now;
    uint64_t epoch; /* the clock when the scenario began */
    struct prng prng;
    struct network *network;
    struct trace trace;

    bool failed;
    char failure[512];

    struct sim_event *heap;
    unsigned count, capacity;
    uint64_t order;
};

void sim_init(struct sim *sim, uint64_t seed, uint64_t epoch);
void sim_destroy(struct sim *sim);

/* Hands the packet to the node at `when`. */
void sim_deliver(struct sim *sim, uint64_t when, struct sim_node *node, struct packet *packet);
/* Plans the node's next run; call it after changing a node from outside. */
void sim_replan(struct sim_node *node);
/* Takes the next event, if it is due before `until`. False: there is none. */
bool sim_step(struct sim *sim, uint64_t until);

/* Notes a broken invariant; the first one counts. */
void sim_fail(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True with the given probability. */
bool sim_chance(struct prng *prng, double probability);
/* Uniform in [low, high]. */
uint64_t sim_between(struct prng *prng, uint64_t low, uint64_t high);

#endif
