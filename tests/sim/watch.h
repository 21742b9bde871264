/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The referee of one connection. It sees each segment that the stack is given and each that it
 * sends, and holds the stack to what RFC 9293, 7323, 2018, 3168 and 6691 demand of a sender and a
 * receiver. Its positions are 64-bit stream offsets: 0 is the SYN, 1 the first byte.
 */
#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include "sim.h"

/* Of a SYN-ACK, what the connection depends on. */
struct offer {
    uint32_t isn, tsval;
    uint16_t window;
    int8_t wscale;
    bool timestamps, sack, ecn;
};

#define OFFERS_MAX 4

struct watch {
    uint16_t port; /* of the client; 0: unused */
    bool
        cookies; /* a SYN may be answered with a cookie, and its copy by a connection, or vice versa
                  */
    bool off;    /* the server opens: what is said here of its SYN-ACK does not hold */

    /* The client's SYN, as the stack was given it. */
    bool syn_seen;
    uint32_t syn_isn;
    uint16_t syn_mss;
    int8_t syn_wscale;
    bool syn_timestamps, syn_sack, syn_ecn;
    uint32_t syn_window;
    uint32_t syn_ts_low, syn_ts_high;

    /* All answers to that SYN; the client's first ACK chooses one. */
    struct offer offer[OFFERS_MAX];
    unsigned offers;
    bool chosen;

    /* The connection, from the stack's SYN-ACK on. */
    bool open;
    uint32_t isn, client_isn;
    uint16_t mss; /* that the client can take, TCP options included */
    unsigned wscale_in, wscale_out;
    bool timestamps, sack, ecn;

    int64_t sent;             /* end of what the server sent */
    int64_t acked;            /* end of what the client acknowledged */
    int64_t right;            /* right edge of the largest window that the client offered */
    int64_t fin;              /* position of the server's FIN, 0: not sent */
    int64_t client_sent;      /* end of what arrived from the client */
    int64_t ack;              /* the server's last acknowledgment, */
    int64_t ack_right;        /* and the right edge of the window with it */
    uint32_t tsval;           /* the server's last */
    uint32_t ts_low, ts_high; /* of the client's, as arrived */
    int64_t cwr;              /* where the last segment with CWR began, 0: none */
    bool marked;              /* something from the client arrived with CE */
    bool reset;               /* either side sent RST */
    bool ghost; /* opened by a late copy of a SYN: what the client says is of the connection before
                 */
    bool wrapped; /* the server's sequence numbers did, in this or an earlier connection */

    uint64_t segments, payload, retransmitted, reduced; /* statistics: sent by the server */
};

/* The stack was given this segment, which is free of errors. */
void watch_arrived(struct watch *watch, const struct segment *segment);
/* The stack sent this segment, when the client had acknowledged as much as it says; the NIC may
 * have kept it for a while. mtu is the server's. */
void watch_sent(struct sim *sim, struct watch *watch, const struct segment *segment, unsigned mtu,
                int64_t acked);

#endif
