/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One direction of a link: a rate, a drop-tail queue, a delay, and what may go wrong on the way.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "sim.h"

struct link_config {
    double rate_bps;
    uint64_t delay_ns;
    uint64_t queue_bytes;

    double loss; /* of each packet by itself */
    /* Gilbert-Elliott: chance per packet to enter the bad state, to leave it, and of loss in it. */
    double burst_enter, burst_leave, burst_loss;
    double reorder; /* share of packets that come later than they should, by up to reorder_ns */
    uint64_t reorder_ns;
    double duplicate;
    double corrupt;      /* one bit of the IP packet */
    double mark;         /* share of packets marked (CE) where their sender speaks ECN */
    uint64_t mark_bytes; /* so are those that find more than this in the queue; 0: none */

    uint64_t down_from, down_until; /* since the start: nothing passes */
    uint64_t hold_from, hold_until; /* nothing passes yet: it is kept until then */
    uint32_t mtu;                   /* larger IP packets vanish without a word; 0: none */
    uint64_t mtu_from, mtu_until;   /* from then on; until then, 0: for ever */
};

/* Packets that a scenario drops on purpose: `count` of those that match, after `skip` others. */
struct drop_rule {
    bool from_server;
    uint8_t flags_set, flags_clear;
    bool only_empty; /* only segments without payload */
    unsigned skip, count;
};

#define DROP_RULES_MAX 4

struct link {
    struct sim *sim;
    struct link_config config;
    struct prng prng;
    bool from_server;
    uint64_t busy_until;
    bool bad; /* of the Gilbert-Elliott model */
    uint64_t bad_since;
    struct drop_rule rules[DROP_RULES_MAX];

    uint64_t passed, lost, marked;
};

void link_init(struct link *link, struct sim *sim, const struct link_config *config,
               bool from_server);
/* Takes the packet over; it reaches the node after the link's delay and extra_ns, or not at all. */
void link_send(struct link *link, struct packet *packet, struct sim_node *to, uint64_t extra_ns);

#endif
