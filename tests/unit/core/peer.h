/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stack with one scripted peer. The test speaks in segments: it sends one, and looks at what the
 * stack answers. Sequence numbers are relative: 0 is the SYN, on either side. Fixtures chain:
 * peer_handshake() leaves an established connection, peer_request() one that sends `body` bytes.
 */
#ifndef UNIT_CORE_PEER_H
#define UNIT_CORE_PEER_H

#include "base/time.h"
#include "stack/stack.h"
#include "wire/tcp_segment.h"

#define PEER_MSS    1460
#define PEER_OUT    128
#define PEER_BURST  16
#define PEER_TEXT   64
#define SERVER_IP   0x0a470002u
#define CLIENT_IP   0x0a470001u
#define SERVER_IP6  "2001:db8::2"
#define CLIENT_IP6  "2001:db8::1"
#define PEER_SEED0  1
#define PEER_RTT_NS (10 * NS_PER_MS)

struct peer {
    struct stack *stack;
    struct counters counters;
    uint64_t now;

    /* The application: answers any input with `body` more bytes of stream. */
    uint64_t body, stream_end;
    bool close_after; /* and closes */
    bool refuse;      /* open() says no */
    bool stuck;       /* receive() takes nothing */
    uint64_t received, acked;
    unsigned opened, closed, ended;
    enum tcp_close_reason reason;
    struct tcp_conn *conn;

    /* The peer's side. */
    bool v6;                    /* peer_start_v6() */
    uint8_t traffic_class;      /* of the packet it sends next */
    uint16_t vlan;              /* tag of what it sends; what it receives must have it */
    uint16_t port, server_port; /* server_port: 80, or what the stack's SYN said */
    uint32_t iss, server_iss;   /* server_iss: learnt from the SYN-ACK */
    bool ts;
    uint32_t frame_flags; /* what the port says of its frames */

    /* What the stack sent in answer to the last call; seq and ack are relative. */
    struct tcp_segment out[PEER_OUT];
    unsigned out_count;
    unsigned arp_count;
    unsigned runs;    /* of all that was ever sent */
    bool tx_checksum; /* the port computes TCP's */

    /* peer_hold() */
    bool held;
    unsigned held_count;
    uint8_t held_bytes[PEER_BURST][2048];
    struct frame held_frame[PEER_BURST];

    /* Frames that were neither TCP nor ARP, from the Ethernet header on; the last of them. */
    uint8_t other[2048];
    uint32_t other_len;
    unsigned other_count;

    uint8_t head[PEER_OUT][2048];
    struct file_pin pin;
};

/* change, if given, may alter the configuration before the stack is made. */
void peer_start(struct peer *p, void (*change)(struct stack_config *config));
void peer_start_v6(struct peer *p, void (*change)(struct stack_config *config));
void peer_stop(struct peer *p);

/* Sends one segment (flags without ACK have no ack) and collects the answers. options may be NULL.
 */
void peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t payload,
               const struct tcp_segment *options);
/* What is sent from now on, PEER_BURST frames at most, reaches the stack in one burst, at
 * peer_release(). */
void peer_hold(struct peer *p);
void peer_release(struct peer *p);
/* Lets time pass and collects what the stack sends; runs at each deadline up to then. */
void peer_wait(struct peer *p, uint64_t ns);

/* SYN with the given options (NULL: MSS, SACK, timestamps off, scale 7), SYN-ACK, ACK. */
void peer_handshake(struct peer *p, const struct tcp_segment *options);
/* After a handshake: one byte of request, at relative sequence number 1. */
void peer_request(struct peer *p, uint64_t body);
/* A whole start: peer_start, handshake with defaults. */
void peer_established(struct peer *p);

/* The connection, which is idle, as if so many bytes more had gone in either direction; neither
 * side's sequence numbers move. What only remembers an event stays where it is. */
void peer_advance(struct peer *p, uint64_t bytes);

/* Bytes of payload among the answers. */
uint64_t peer_payload(const struct peer *p);
/* The only answer; fails the test if there is another number of them. */
const struct tcp_segment *peer_only(const struct peer *p);

/* A raw frame, for what has no TCP segment. */
void peer_frame(struct peer *p, const uint8_t *frame, uint32_t len);

/* Sends an IP packet of the peer's family, from src to dst, which may be NULL: peer and server. */
void peer_packet(struct peer *p, const struct ip_addr *src, const struct ip_addr *dst,
                 uint8_t protocol, uint8_t hop_limit, const uint8_t *payload, uint32_t len);
/* The same for an ICMPv6 message, whose checksum is put in. */
void peer_icmpv6(struct peer *p, const struct ip_addr *src, const struct ip_addr *dst,
                 uint8_t hop_limit, uint8_t *message, uint32_t len);

struct ip_addr peer_address(const char *text);

extern const struct tcp_segment PEER_DEFAULT_OPTIONS;
extern const struct mac_addr PEER_SERVER_MAC, PEER_CLIENT_MAC;

#endif
