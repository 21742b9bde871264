/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack's inside. A frame's way: stack_input (input.c) -> arp_input | ipv4_input -> icmp_input
 * | tcp_input; ipv6_input -> icmpv6_input -> ndp_input | tcp_input. A packet's way: stack_output
 * (output.c) -> control queue, then ready connections.
 */
#ifndef STACK_INTERNAL_H
#define STACK_INTERNAL_H

#include "stack/addresses.h"
#include "stack/flow_table.h"
#include "stack/neighbour.h"
#include "stack/routes.h"
#include "stack/stack.h"
#include "stack/time_wait.h"
#include "stack/wheel.h"
#include "wire/ethernet.h"

/* Replies that belong to no connection: ARP, ICMP, neighbour discovery, RST. A ring of finished
 * frames. */
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
    struct addresses addresses;
    struct routes routes;
    struct control_queue control;
    /* Connections that wait for a next hop's MAC address; they keep on_ready set. */
    uint32_t parked_head, parked_tail;
    /* ICMP errors are rate-limited (RFC 1812 section 4.3.2.8): a bucket refilled by time. */
    uint32_t icmp_tokens;
    uint32_t icmp_tell_tokens; /* the same for errors that other stacks are told of */
    uint64_t icmp_refill_ns;
    const struct frame *frame; /* that is being read */
    uint32_t last_flow;        /* connection whose segment was read last */
    /* autoconf.c */
    bool ipv6;
    bool speaker;         /* for the port: the others only listen */
    bool announce;        /* the speaker begins */
    uint8_t rs_left;      /* router solicitations still to be sent */
    uint64_t rs_ns;       /* when the next one is due */
    uint64_t autoconf_ns; /* when autoconf_run() has something to do, or TIME_NEVER */
    /* mld.c */
    uint8_t mld_left;       /* reports of new groups still to be sent */
    uint64_t mld_ns;        /* when the next one is due */
    uint64_t mld_answer_ns; /* when a query is to be answered, or TIME_NEVER */
};

/* Bytes of the link's header in front of IP. */
static inline uint32_t link_bytes(const struct stack *s)
{
    return ETH_HEADER_BYTES + (s->config.vlan != 0 ? ETH_TAG_BYTES : 0);
}

/* Writes it; returns what follows. */
static inline uint8_t *link_emit(const struct stack *s, uint8_t *p, const struct mac_addr *dst,
                                 uint16_t type)
{
    return p + eth_emit_tagged(p, dst, &s->config.mac, s->config.vlan, type);
}

/* lookahead.c */

/* Frames at a time: a burst. */
#define STACK_LOOK_AHEAD 32

/* Asks for what the first two connections on the ready list will need. */
void stack_look_ahead_output(const struct stack *s);
/* Asks for what n frames, at most STACK_LOOK_AHEAD, will need. */
void stack_look_ahead(const struct stack *s, const struct frame *frames, unsigned n);

/* acks.c */

/* How many frames, from the first on, need not be looked at, because the one behind them says all
 * that they say; they are counted as received. */
unsigned stack_acks_needless(struct stack *s, const struct frame *frames, unsigned n);

/* input.c */

/* As flow_table_find_any(), and the key's hash; quick for the flow that was asked for last. */
uint32_t stack_flow(struct stack *s, const struct tcp_key *key, uint32_t *hash);
/* Whether own may have a peer with this address (RFC 1122 section 3.2.1.3, RFC 4291 section 2.7).
 */
bool stack_source_ok(const struct stack *s, const struct address *own, const struct ip_addr *src);
/* A new connection finds its place; its key, of this hash, is in no table. */
void stack_conn_insert(struct stack *s, uint32_t hash, struct tcp_conn *c);

/* control.c */

/* The link's header for a frame of payload_len bytes behind it, which go to where it returns; NULL:
 * the queue is full or the frame too long (counted). */
uint8_t *control_push(struct stack *s, const struct mac_addr *dst, uint16_t type,
                      uint32_t payload_len);
/* The same with an IP header of the addresses' family. */
uint8_t *control_push_ip(struct stack *s, const struct mac_addr *mac, const struct ip_addr *src,
                         const struct ip_addr *dst, uint8_t protocol, uint8_t hop_limit,
                         uint32_t payload_len);
/* Copies the oldest frame into slot. False: empty. */
bool control_pop(struct stack *s, struct tx_slot *slot);
/* Sends a segment without payload that belongs to no connection back to where seg came from; ports
 * and addresses are filled in. False: the queue is full (counted). */
bool control_segment(struct stack *s, const struct eth_header *eth, const struct tcp_segment *seg,
                     struct tcp_segment *answer);
/* Answers seg, which fits no connection, with RST (RFC 9293 section 3.10.7.1). */
void control_reset(struct stack *s, const struct eth_header *eth, const struct tcp_segment *seg);
/* Queues the requests for neighbours' addresses that are due. */
void control_neighbour_requests(struct stack *s);

#define CONTROL_HOP_LIMIT 64

/* arp.c */
void arp_input(struct stack *s, const struct eth_header *eth, const uint8_t *p, size_t len);
/* Asks for target; for one of ours: announces it. */
void arp_request(struct stack *s, const struct ip_addr *target);

/* icmp.c */
void icmp_input(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip);
/* Tells the sender that nobody here takes the packet. */
void icmp_unreachable(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip,
                      uint8_t code);
/* Whether one more ICMP error may be sent now (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4 f).
 */
bool icmp_take_token(struct stack *s);
/* An error from the wire, which quotes a TCP segment of ours at p (at least ICMP_QUOTE_BYTES) with
 * these addresses; of error the rest is filled in. The connection may be another stack's. */
void icmp_quote_input(struct stack *s, const struct ip_addr *local, const struct ip_addr *remote,
                      const uint8_t *p, struct stack_icmp_error *error);
/* One that another stack tells of, for whose connection it may be. */
void icmp_error_heard(struct stack *s, const struct stack_icmp_error *error);
#define ICMP_QUOTE_BYTES 8 /* of the offending packet's payload, at least (RFC 792) */

/* icmpv6.c */
void icmpv6_input(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip);
/* type, code and the 4 bytes behind the checksum as RFC 4443 section 3 has them. */
void icmpv6_error(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip,
                  uint8_t type, uint8_t code, uint32_t value);
/* Writes the checksum of a message of len bytes. */
void icmpv6_checksum_put(uint8_t *p, uint32_t len, const struct ip_addr *src,
                         const struct ip_addr *dst);

/* ndp.c */
void ndp_input(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip);
/* Asks for target: all who might have it, or the one at mac. */
void ndp_solicit(struct stack *s, const struct ip_addr *target, const struct mac_addr *mac);
/* Asks whether anybody else has our address (RFC 4862 section 5.4.2). */
void ndp_probe(struct stack *s, const struct ip_addr *target);
void ndp_announce(struct stack *s, const struct ip_addr *ip);
void ndp_solicit_routers(struct stack *s);

/* autoconf.c */

/* The configured addresses, the link-local one, their nets and the gateways. */
void autoconf_init(struct stack *s);
/* Runs what is due: duplicate address detection, announcements, solicitations, lifetimes. */
void autoconf_run(struct stack *s);
/* A router's word (RFC 4861 section 6.3.4, RFC 4862 section 5.5.3), ours or another worker's. */
void autoconf_router(struct stack *s, const struct stack_news *news);
void autoconf_prefix(struct stack *s, const struct stack_news *news);
/* Somebody else has our address ip. */
void autoconf_duplicate(struct stack *s, const struct stack_news *news);

/* mld.c */

/* An IPv6 address came, and with it a group, perhaps. None ever goes: addresses whose lifetime ends
 * share that of the link-local one, made of the same MAC address. */
void mld_joined(struct stack *s);
/* Sends the reports that are due; returns when there will be another, or TIME_NEVER. */
uint64_t mld_run(struct stack *s);
/* A query, from the wire or heard by another worker: to be answered within so many milliseconds. */
void mld_input(struct stack *s, const struct ip_packet *ip);
void mld_query(struct stack *s, uint32_t within_ms);

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

/* A neighbour or route became known: whoever waits for one may go on. */
void stack_unpark(struct stack *s);
/* A neighbour was heard: notes it, and tells the others if it is news. */
void stack_neighbour_heard(struct stack *s, const struct ip_addr *ip, const struct mac_addr *mac);
/* A neighbour answered who is unknown here: another worker asked, whose port queue got no answer.
 */
void stack_neighbour_answered(struct stack *s, const struct ip_addr *ip,
                              const struct mac_addr *mac);
/* Tells the other workers. */
void stack_tell(struct stack *s, const struct stack_news *news);
/* Takes a closed connection out of every table. */
void stack_conn_free(struct stack *s, struct tcp_conn *c);
void stack_set_now(struct stack *s, uint64_t now);

static inline bool stack_listens(const struct stack *s, uint16_t port)
{
    for (uint32_t i = 0; i < s->config.port_count; i++)
        if (s->config.port[i] == port)
            return true;
    return false;
}

#endif
