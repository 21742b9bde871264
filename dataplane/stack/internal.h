/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack's inside. A frame's way: stack_input (input.c) -> arp_input | ipv4_input -> icmp_input
 * | tcp_input. A packet's way: stack_output (output.c) -> control queue, then ready connections.
 */
#ifndef STACK_INTERNAL_H
#define STACK_INTERNAL_H

#include "stack/flow_table.h"
#include "stack/neighbour.h"
#include "stack/stack.h"
#include "stack/time_wait.h"
#include "stack/wheel.h"
#include "wire/ethernet.h"

/* Replies that belong to no connection: ARP, ICMP, RST. A ring of finished frames. */
#define CONTROL_FRAMES 64

struct control_queue {
    uint8_t *bytes; /* CONTROL_FRAMES x frame_bytes */
    uint32_t frame_bytes;
    uint32_t head, count;
    uint16_t len[CONTROL_FRAMES];
};

struct stack {
    struct stack_config config;
    struct tcp_ctx tcp;
    struct flow_table flows;
    struct wheel wheel;
    struct time_waits time_waits;
    struct neighbours neighbours;
    struct control_queue control;
    /* Connections that wait for a next hop's MAC address; they keep on_ready set. */
    uint32_t parked_head, parked_tail;
    /* ICMP errors are rate-limited (RFC 1812 section 4.3.2.8): a bucket refilled by time. */
    uint32_t icmp_tokens;
    uint64_t icmp_refill_ns;
    bool announce;
};

/* control.c */

/* Room for a frame of len bytes, or NULL: the queue is full or the frame too long (counted). */
uint8_t *control_push(struct stack *s, uint32_t len);
/* Copies the oldest frame into slot. False: empty. */
bool control_pop(struct stack *s, struct tx_slot *slot);
/* Sends a segment without payload that belongs to no connection back to where seg came from; ports
 * and addresses are filled in. False: the queue is full (counted). */
bool control_segment(struct stack *s, const struct eth_header *eth, const struct tcp_segment *seg,
                     struct tcp_segment *answer);
/* Answers seg, which fits no connection, with RST (RFC 9293 section 3.10.7.1). */
void control_reset(struct stack *s, const struct eth_header *eth, const struct tcp_segment *seg);
/* Queues the ARP requests that are due, and our announcement. */
void control_arp_requests(struct stack *s);

/* arp.c */
void arp_input(struct stack *s, const struct eth_header *eth, const uint8_t *p, size_t len);

/* icmp.c */
void icmp_input(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip);
/* Tells the sender that nobody here takes the packet. */
void icmp_unreachable(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip,
                      uint8_t code);

/* time_wait.c */

/* Puts c, in TIME-WAIT, into the table (the oldest there may have to go); c is closed then. Returns
 * the entry. */
uint32_t time_wait_enter(struct stack *s, struct tcp_conn *c);
void time_wait_forget(struct stack *s, uint32_t i);
/* Whether seg is a SYN that opens a new connection in place of e (RFC 6191, RFC 1122 section
 * 4.2.2.13). */
bool time_wait_reusable(const struct time_wait *e, const struct tcp_segment *seg);
/* Any other segment. */
void time_wait_input(struct stack *s, const struct eth_header *eth, uint32_t i,
                     const struct tcp_segment *seg);
void time_wait_expire(struct stack *s);
uint64_t time_wait_deadline(const struct stack *s);

/* stack.c */

/* A neighbour became known: whoever waits for one may go on. */
void stack_unpark(struct stack *s);
/* Takes a closed connection out of every table. */
void stack_conn_free(struct stack *s, struct tcp_conn *c);
void stack_set_now(struct stack *s, uint64_t now);
/* The address to ask for when sending to ip. */
const struct ip_addr *stack_next_hop(const struct stack *s, const struct ip_addr *ip);

#endif
