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
    FRAME_PASSED_ON = 1 << 2, /* by another stack of the port: its flow is this stack's */
};

struct frame {
    const uint8_t *data; /* from the Ethernet header on, contiguous */
    uint32_t len;
    uint32_t flags;
};

/* Addresses that may be given. The stack adds an IPv6 link-local one. */
#define STACK_ADDRESSES_MAX 8

struct stack_address {
    struct ip_addr ip;
    uint8_t prefix_len; /* of its net: 0..32 or 0..128 */
};

/* What one worker's stack learns of the link and all must know. */
enum stack_news_kind {
    STACK_NEWS_NEIGHBOUR, /* ip is at mac */
    STACK_NEWS_ANSWER,    /* the same, in answer to a question of another worker's: for who asked */
    STACK_NEWS_ROUTER,    /* ip is a default router for lifetime_s, 0: no more; mtu of the link */
    STACK_NEWS_PREFIX,    /* ip/prefix_len, as a router advertised it */
    STACK_NEWS_MLD_QUERY, /* a router asks for our groups, within lifetime_s milliseconds */
    STACK_NEWS_DUPLICATE, /* our address ip is used by mac as well: it is given up */
    STACK_NEWS_ERROR,     /* an ICMP error quotes a segment of a connection that is another's */
};

/* What an ICMP error says of the connection it quotes a segment of. */
struct stack_icmp_error {
    struct tcp_peer local, remote;
    uint32_t seq;  /* of the quoted segment */
    bool path_mtu; /* the segment was too long: of mtu bytes is what fits, 0: not said */
    bool hard;     /* else it did not arrive: RFC 9293 section 3.9.2.2 */
    uint32_t mtu;
};

struct stack_news {
    struct ip_addr ip;
    struct mac_addr mac;
    uint8_t kind; /* enum stack_news_kind */
    uint8_t prefix_len;
    bool on_link, autonomous; /* of a prefix: RFC 4861 section 4.6.2 */
    uint16_t mtu;             /* 0: not said */
    uint32_t lifetime_s;      /* UINT32_MAX: for ever */
    struct stack_icmp_error error;
};

#define STACK_PORTS_MAX 16

struct stack_config {
    struct mac_addr mac;
    struct stack_address address[STACK_ADDRESSES_MAX];
    uint32_t address_count;
    struct ip_addr gateway;  /* none: nets other than the connected ones are asked for directly */
    struct ip_addr gateway6; /* the same for IPv6; none: routers' advertisements are heeded */
    bool slaac;              /* take addresses from routers' prefixes (RFC 4862 section 5.5) */
    uint8_t dad_probes;      /* of duplicate address detection, for each IPv6 address; 0: none */
    uint16_t vlan;           /* 802.1Q tag of all frames: 1..4094; 0: none */
    uint16_t mtu;            /* of the IP packet: 576..9216; IPv6 needs 1280 */
    uint16_t port[STACK_PORTS_MAX]; /* TCP ports to listen on */
    uint32_t port_count;

    /* What the port can do when it sends. */
    bool tx_ip_checksum;       /* it computes the IPv4 header checksum */
    bool tx_tcp_checksum;      /* it computes the TCP checksum (we write the pseudo-header's) */
    uint32_t tx_tso_bytes_max; /* TCP payload of a super-segment at the most; 0: no TSO */
    uint16_t tx_tso_mss_min;   /* smaller segments go one by one */
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

    /* Told of what is learnt from the wire, so that other workers can be told (stack_hear). May be
     * NULL. */
    void (*tell)(void *ctx, const struct stack_news *news);
    void *tell_ctx;

    /* Other stacks receive from the same port: an ICMP error may be for a connection of theirs. */
    bool shared;
    /* Whether the port hands frames from remote to local to this stack, where several share it:
     * asked for each candidate by stack_connect(). NULL: it does. */
    bool (*flow_is_ours)(void *ctx, const struct tcp_peer *local, const struct tcp_peer *remote);
    /* Asked for a frame of a flow that this stack does not know, from remote to local: true if the
     * flow is another stack's, to which the frame was handed (FRAME_PASSED_ON), or lost on the way.
     * It agrees with flow_is_ours. NULL: no flow is. */
    bool (*pass_on)(void *ctx, const struct frame *frame, const struct tcp_peer *local,
                    const struct tcp_peer *remote);
    void *flow_ctx;

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

/* Tells the time, before the application is called by others than the stack. */
void stack_time(struct stack *stack, uint64_t now);

/* What another worker's stack told. */
void stack_hear(struct stack *stack, const struct stack_news *news, uint64_t now);

/*
 * Makes this stack the one that speaks for the port, from the next output on: it announces our
 * addresses (gratuitous ARP, RFC 5227 section 2.3; unsolicited neighbour advertisements, RFC 4861
 * section 7.2.6), looks for duplicates of them and solicits routers. One stack per port does.
 */
void stack_announce(struct stack *stack);

enum stack_connect_result {
    STACK_CONNECT_OK,
    STACK_CONNECT_BAD_REMOTE, /* an address that no peer may have, or port 0 */
    STACK_CONNECT_NO_SOURCE,  /* no address to speak from is ready, or not of that family */
    STACK_CONNECT_NO_PORT,    /* the four-tuple, or all of them, in use, in TIME-WAIT or not ours */
    STACK_CONNECT_FULL,       /* the table of connections or of ranges */
    STACK_CONNECT_DRAINING,
};

/*
 * Opens a connection (RFC 9293 section 3.10.1) for the configured application, with the state
 * machine that serves the others. local, or its address or port, may be missing (NULL, none, 0):
 * the address is then of the net that remote is in or behind, the port an ephemeral one (RFC 6056),
 * never one whose four-tuple is in TIME-WAIT. On STACK_CONNECT_OK *conn is the connection; it is
 * the application's for tcp_abort() and tcp_app_deadline() until open() says that it is
 * established, or closed() why it is not. On all else nothing was begun.
 *
 * Workers that share a port: the port chooses the queue of each received frame by a hash of its
 * four-tuple (RSS), so disjoint ranges of ports would not do. flow_is_ours must compute that hash
 * (Toeplitz, with the port's key and redirection table) for a frame from remote to local; one in as
 * many candidates as there are workers then fits.
 */
enum stack_connect_result stack_connect(struct stack *stack, const struct tcp_peer *local,
                                        const struct tcp_peer *remote, struct tcp_conn **conn,
                                        uint64_t now);

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
