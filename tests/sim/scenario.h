/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scenario: everything that a run depends on. Fixed ones have names and run in several variants
 * (which application, which kind of port); all others follow from a seed.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "client.h"
#include "network.h"
#include "server.h"

struct result;

struct scenario {
    char name[64];
    uint64_t seed;
    uint64_t epoch; /* the clock when it begins */
    bool wrap;      /* the server's sequence numbers wrap during client 0's first answer */
    struct link_config down, up;
    struct drop_rule rule[DROP_RULES_MAX];
    struct server_config server;
    unsigned client_count;
    struct client_config client[CLIENTS_MAX];
    uint64_t finish_ns;        /* the clients must be done in that time */
    uint64_t settle_ns;        /* the server must have forgotten them so long after */
    uint64_t arp_requests_max; /* by the server; 0: as many as it likes */
    /* What must be true besides, at the end of a run that has not failed; returns what is not, or
     * NULL.
     */
    const char *(*expect)(const struct result *result);
    uint64_t stop_ns; /* stop then and check nothing more: for measurements; 0: run to the end */
};

struct result {
    bool failed;
    char failure[512];
    uint64_t bytes;      /* that all clients heard */
    uint64_t elapsed_ns; /* from the first byte to the last */
    uint64_t longest_gap_ns;
    uint64_t virtual_ns;          /* of the whole run */
    uint64_t settled_ns;          /* from the clients' end to the server's */
    uint64_t sent, retransmitted; /* payload, of the last sessions */
    uint64_t lost, marked;        /* packets, on both links */
    uint64_t echoes;              /* segments with ECE that clients got */
    uint64_t heard_segments;      /* by clients */
    bool wrapped;
    struct counters counters;
};

/* world.c */
struct result scenario_run(const struct scenario *scenario, struct trace trace);

/* scenario.c: a good line, one client of a common kind, one file. */
void scenario_defaults(struct scenario *scenario, bool http, enum nic_mode mode);
/* Client number i answers to nothing yet; its plan is empty. */
struct client_config *scenario_add_client(struct scenario *scenario);
/* Adds a request for `len` bytes to the plan, in the words of the server's application. */
void scenario_request(struct scenario *scenario, struct client_config *client, uint64_t len);
void scenario_request_kind(struct scenario *scenario, struct client_config *client,
                           enum request_kind kind, uint64_t position, uint64_t len);
/* How the client ends, and what its plan must say for that. */
void scenario_end(struct scenario *scenario, struct client_config *client, enum client_end end,
                  uint64_t end_at);

/* fixed.c */
struct fixed_scenario {
    const char *name;
    const char *what;
    void (*setup)(struct scenario *scenario);
};

struct variant {
    const char *name;
    bool http;
    enum nic_mode mode;
};

extern const struct fixed_scenario fixed_scenarios[];
extern const unsigned fixed_scenario_count;
extern const struct variant variants[];
extern const unsigned variant_count;

void scenario_fixed(struct scenario *scenario, const struct fixed_scenario *fixed,
                    const struct variant *variant);

/* random.c */
void scenario_random(struct scenario *scenario, uint64_t seed);

#endif
