/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stack with the HTTP server and a small site on a port with observers, and a few peers. Whatever
 * comes in: what goes out is right, the tables stay whole, and when everybody falls silent nothing
 * is left.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "base/time.h"
#include "contract.h"
#include "fuzz.h"
#include "observer.h"
#include "stack/stack.h"

/* The last two are behind a gateway. The fifth, the sixth and the last speak IPv6, if the MTU lets
 * the server do so. */
#define WORLD_PEERS     8
#define WORLD_FRAME_MAX 9600
#define SERVER_IP       0x0a470002u
#define GATEWAY_IP      0x0a470001u

struct world_peer {
    struct ip_addr ip;
    struct mac_addr mac; /* of the next hop */
    uint16_t port;
    bool has_cookie;           /* a SYN-ACK came that belongs to no connection: */
    struct tcp_segment cookie; /* its values */
    struct observed seen;
};

struct world {
    struct stack *stack;
    struct contract contract;
    struct counters counters;
    struct stack_config config;
    struct observer observer;
    struct world_peer peer[WORLD_PEERS];
    uint64_t now;
    unsigned burst;   /* slots per call of stack_output() */
    bool deaf;        /* nobody answers ARP requests */
    unsigned outputs; /* packets sent so far */
};

/* Shape and sizes from the first bytes of the input. */
void world_start(struct world *w, struct input *in);
/* Lets time pass until everything must be gone; checks that it is. */
void world_stop(struct world *w);

/* One frame comes in; it is read as an exact copy. flags: FRAME_*. */
void world_frame(struct world *w, const uint8_t *frame, size_t len, uint32_t flags);
/* Takes what the stack has to send now, and looks into its tables. */
void world_output(struct world *w);
/* Moves the clock by ns; due is run at each deadline on the way. */
void world_advance(struct world *w, uint64_t ns);
/* Looks into the tables; quiet as audit_stack(). */
void world_audit(const struct world *w, bool quiet);

/* The IP packet in a frame of either family. False: none. */
bool world_parse_ip(const uint8_t *frame, size_t len, struct ip_packet *ip);
/* The server's address in the peer's family. */
const struct ip_addr *world_server_ip(const struct world *w, const struct world_peer *peer);

/* The peer's connection as the stack has it, or NULL. */
const struct tcp_conn *world_conn(const struct world *w, const struct world_peer *peer);

extern const struct mac_addr WORLD_SERVER_MAC;

#endif
