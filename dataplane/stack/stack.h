/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stack's only door. Sans-I/O: the caller brings frames, packet slots and the clock; nothing
 * here makes a system call, reads a clock or allocates after stack_create().
 *
 * One stack belongs to one worker; no two threads may use it at a time.
 */
#ifndef STACK_STACK_H
#define STACK_STACK_H

#include "base/counters.h"
#include "base/extent.h"
#include "base/memory.h"
#include "base/tx_slot.h"
#include "tcp/tcp.h"
#include "wire/addr.h"

struct stack;

/* What the port already verified of a received frame. */
enum {
    FRAME_IP_CHECKSUM_GOOD = 1 << 0,
    FRAME_L4_CHECKSUM_GOOD = 1 << 1,
};

struct frame {
    const uint8_t *data; /* from the Ethernet header on, contiguous */
    uint32_t len;
    uint32_t flags;
};

struct stack_config {
    struct mac_addr mac;
    struct ip_addr address;
    uint8_t prefix_len;     /* of address's net: 0..32 */
    struct ip_addr gateway; /* none: only the connected net is reachable */
    uint16_t mtu;           /* of the IP packet: 576..9216 */
    uint16_t port;          /* TCP port to listen on */

    /* What the port can do when it sends. */
    bool tx_ip_checksum;       /* it computes the IPv4 header checksum */
    bool tx_tcp_checksum;      /* it computes the TCP checksum (we write the pseudo-header's) */
    uint32_t tx_tso_bytes_max; /* TCP payload of a super-segment at the most; 0: no TSO */
    uint8_t tx_extents_max;    /* 1..TX_EXTENTS_MAX */

    uint32_t connections_max;
    uint32_t ranges_max;     /* transmit ranges of all connections (tcp/ranges.h) */
    uint32_t rx_buffers_max; /* reassembly buffers of all connections (tcp/reassembly.h) */
    uint32_t neighbours_max;
    uint32_t time_waits_max; /* connections in TIME-WAIT, which cost 64 bytes each */

    uint64_t seed[2]; /* secret, random per boot: flow hash, initial sequence numbers */

    const struct tcp_app *app;
    void *app_ctx;

    struct counters *counters; /* of this worker; outlives the stack */
    struct memory memory;

    /* Told of each neighbour learnt or changed from the wire, so that other workers can be told
     * (stack_neighbour_learn). May be NULL. */
    void (*neighbour_learnt)(void *ctx, const struct ip_addr *ip, const struct mac_addr *mac);
    void *neighbour_ctx;

    struct tcp_limits tcp; /* stack_config_defaults() fills them in */
};

/* Sane sizes for everything a caller need not care about; the caller sets the rest. */
void stack_config_defaults(struct stack_config *config);

/* NULL: memory refused the tables. */
struct stack *stack_create(const struct stack_config *config, uint64_t now);
void stack_destroy(struct stack *stack);

/* Bytes of memory that stack_create takes for this configuration, a sum of named terms. */
size_t stack_memory_bytes(const struct stack_config *config);

/* Reads n frames, never keeps or frees them. now is monotonic nanoseconds, never decreasing. */
void stack_input(struct stack *stack, const struct frame *frames, unsigned n, uint64_t now);

/*
 * Runs due timers, then fills at most n slots; returns how many. Fewer than n: nothing more may be
 * sent now. Payload pointers stay valid until the pin is released.
 */
unsigned stack_output(struct stack *stack, struct tx_slot *slots, unsigned n, uint64_t now);

/* When stack_output must be called next even if nothing arrives: <= now means at once;
 * TIME_NEVER: never. */
uint64_t stack_deadline(const struct stack *stack);

/* A neighbour that another worker learnt. */
void stack_neighbour_learn(struct stack *stack, const struct ip_addr *ip,
                           const struct mac_addr *mac, uint64_t now);

/* Announces our address (gratuitous ARP, RFC 5227 section 2.3) with the next output. */
void stack_announce(struct stack *stack);

/* Stops accepting: SYNs are refused with RST, idle connections are closed, transfers under way go
 * on. Drained when stack_connections() is 0. */
void stack_drain(struct stack *stack, uint64_t now);

/* Aborts every connection with a RST (sent by the next outputs). */
void stack_abort_all(struct stack *stack, uint64_t now);

/* What is in use of the bounded tables; all 0 when every connection is gone. */
struct stack_usage {
    uint32_t connections; /* TIME-WAIT included */
    uint32_t time_wait;
    uint32_t ranges;
    uint32_t rx_buffers;
};
struct stack_usage stack_usage(const struct stack *stack);

/* Connections that are not in TIME-WAIT. */
uint32_t stack_connections(const struct stack *stack);

#endif
