/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client host: ARP, one TCP connection at a time, and a reader that checks what it reads. Its TCP
 * is written from the RFCs for this simulator and shares nothing with the stack under test. It is
 * simple as a sender (go back N, fast retransmission) and complete as a receiver: reassembly, SACK,
 * DSACK, delayed ACKs, window updates, and the ways in which clients misbehave.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "dialogue.h"
#include "intervals.h"
#include "sim.h"
#include "watch.h"

enum client_end {
    END_CLOSE,        /* FIN when all answers are there; the server answers it */
    END_SERVER,       /* the server closes first, the client follows */
    END_SIMULTANEOUS, /* both close at about the same time */
    END_HALF,         /* FIN right behind the last request; the answers must still come */
    END_RST,          /* RST after end_at bytes of answers */
    END_CLOSE_EARLY,  /* FIN after end_at bytes, RST for what comes then: the process is gone */
    END_VANISH,       /* falls silent after end_at bytes */
    END_SYN_ONLY,     /* falls silent after its first SYN */
    END_RST_LAST,     /* RST instead of the FIN when all answers are there */
    END_COUNT,
};

#define SESSIONS_MAX 4

struct client_config {
    uint64_t start_ns;
    uint64_t delay_ns; /* of this client, added to the link's in each direction */
    bool v6;
    bool far;          /* behind the gateway */
    bool knows_server; /* needs no ARP request, so that the server must ask */
    uint16_t port;
    uint32_t isn;

    uint16_t mss;  /* 0: no MSS option */
    int8_t wscale; /* -1: no window scale option */
    bool timestamps, sack, dsack;
    bool aligned; /* options stand where usual stacks put them */
    bool ecn;     /* RFC 3168, both as sender and as receiver */
    uint32_t ts_base;
    uint64_t ts_tick_ns;

    uint32_t buffer;    /* receive buffer */
    unsigned ack_every; /* full ACK at least every so many segments */
    uint64_t ack_delay_ns;
    double read_bps;             /* how fast the application reads; 0: at once */
    uint64_t pause_at, pause_ns; /* it stops reading after so many bytes for so long; 0: never */
    uint64_t shrink_at,
        shrink_ns; /* the window shrinks to shrink_to after so many bytes; 0: never */
    uint32_t shrink_to;
    double renege; /* chance per out-of-order segment to throw all out-of-order data away */

    bool request_with_ack; /* the third packet of the handshake carries the request */
    unsigned pipeline;     /* requests under way at a time */
    enum client_end end;
    uint64_t end_at;
    uint64_t linger_ns; /* TIME-WAIT */

    bool own; /* its TCP is the stack under test (own_client.h): what is above does not count */
    uint16_t own_port; /* from this port; 0: an ephemeral one */

    unsigned sessions; /* connections, one after the other */
    bool same_port;    /* each from the same port */
    bool refused_ok;   /* the scenario ends connections from the server's side */
    struct plan plan;
};

/* One connection. Positions are 64-bit stream offsets, 0 is the SYN. */
struct client_conn {
    /* Sending */
    uint32_t iss;
    uint8_t *tx; /* bytes of the stream from offset 1 on */
    size_t tx_len, tx_capacity;
    bool fin_wanted;                /* FIN stands at 1 + tx_len */
    int64_t una, next, top;         /* acknowledged; to send next; end of what was ever sent */
    int64_t right;                  /* of the server's window */
    int64_t window_seq, window_ack; /* of the segment that set it (SND.WL1, SND.WL2) */
    unsigned wscale_out;            /* the server's */
    uint16_t mss;                   /* payload per segment */
    unsigned duplicate_acks;
    unsigned flight_max; /* segments */
    uint64_t rto_ns, rto_at;
    unsigned backoffs;
    uint64_t sent_at; /* of the segment that is timed, which ends at: */
    int64_t timed;    /* 0: none */

    /* Receiving */
    uint32_t irs;
    int64_t rcv;        /* next expected */
    int64_t read;       /* next to be read by the application */
    int64_t fin;        /* 0: none seen */
    int64_t advertised; /* right edge of our window */
    uint8_t *rx;        /* ring of rx_capacity bytes */
    uint32_t rx_capacity;
    unsigned wscale_in; /* ours */
    bool timestamps, sack;
    uint32_t ts_recent;
    int64_t ts_ack;              /* Last.ACK.sent */
    struct intervals early;      /* received out of order */
    struct sack_block duplicate; /* to report (RFC 2883) */
    bool has_duplicate;
    unsigned unacked; /* segments since our last ACK */
    uint64_t ack_at;
    bool ack_now;

    bool ecn;        /* negotiated */
    bool ecn_echo;   /* a mark came: say so until CWR comes */
    bool ecn_tell;   /* the server heard of marks: CWR with the next new data */
    int64_t ecn_end; /* top when flight_max was last reduced for them */

    bool established, rst_sent, fin_acked;
    bool gone; /* the process is gone: data is answered with RST */
};

enum client_phase {
    CLIENT_WAITING,   /* for its time to start */
    CLIENT_RESOLVING, /* ARP */
    CLIENT_CONNECTED, /* SYN sent or further */
    CLIENT_LINGERING, /* TIME-WAIT */
    CLIENT_DONE,
};

struct own_client;

struct client {
    struct sim_node node;
    struct network *network;
    const struct client_config *config;
    unsigned index;
    uint8_t mac[6], server[6];
    uint32_t ip;
    struct prng prng;

    enum client_phase phase;
    uint64_t phase_at;
    unsigned session;
    uint16_t port;
    struct client_conn conn;
    struct dialogue dialogue;
    struct watch watch[SESSIONS_MAX];

    uint32_t buffer; /* receive buffer now */
    bool paused, shrunk, silent;
    uint64_t paused_until, shrunk_until;
    uint64_t read_at; /* when the slow reader reads again */

    uint64_t first_byte_ns, last_byte_ns, heard; /* statistics */
    uint64_t segments, echoes;                   /* that came; those with ECE */
    uint64_t longest_gap_ns;
    struct own_client *own; /* NULL: the oracle's TCP */
};

void client_init(struct client *client, struct network *network, unsigned index,
                 const struct client_config *config);
void client_destroy(struct client *client);
/* End of the data that the application can read. */
static inline int64_t client_readable(const struct client_conn *c)
{
    return c->fin != 0 && c->rcv > c->fin ? c->fin : c->rcv;
}

static inline bool client_done(const struct client *client)
{
    return client->phase == CLIENT_DONE;
}

/* client_receive.c: what a segment of the open connection means. */
void client_receive(struct client *client, const struct segment *segment);
/* Lets the application read, if it wants to; checks what it reads. */
void client_read(struct client *client);

/* client_send.c */
void client_connect(struct client *client);
/* Sends what may be sent now, at least the ACK that is due. */
void client_flush(struct client *client);
void client_retransmit(struct client *client); /* the timer has run out */
void client_receive_ack(struct client *client, const struct segment *segment);
void client_send_reset(struct client *client);
/* What a host answers to a segment that belongs to no connection. */
void client_refuse(struct client *client, const struct segment *segment);

/* client.c: how the connection goes on after something has happened. */
void client_progress(struct client *client);
void client_end_session(struct client *client, uint64_t linger_ns);

#endif
