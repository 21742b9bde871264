/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP without a network, for testing its applications: it implements the functions of tcp.h, drives
 * the callbacks, and holds the application to the contract (what is provided, when, how often).
 */
#ifndef TEST_FAKE_TCP_H
#define TEST_FAKE_TCP_H

#include "base/prng.h"
#include "tcp/tcp.h"

#define FAKE_CONNS_MAX 16

struct tcp_conn {
    uint32_t index;
    struct fake_tcp *tcp;
    bool open;    /* between open() and closed() */
    bool fin;     /* the application has closed */
    bool aborted; /* it has aborted */
    bool resume;  /* it has asked for the input that it did not take */
    bool in_resume;
    bool peer_fin, peer_fin_delivered;
    bool fin_lost; /* the peer never acknowledges our FIN */
    uint64_t end, sent, acknowledged;
    uint64_t deadline;
    uint64_t rate_max;      /* as the application set it */
    uint64_t deadlines_set; /* calls of tcp_app_deadline() */

    uint8_t *input; /* not taken yet */
    size_t input_len;
    uint8_t *output; /* all stream bytes sent, for comparison with what is sent again */
};

struct fake_tcp {
    const struct tcp_app *app;
    void *ctx;
    uint64_t now;
    uint16_t local_port; /* of all connections, and the peers' address: may be changed */
    struct ip_addr peer;
    bool resume_at_once; /* deliver inside tcp_receive_resume(), as a TCP may; else afterwards */
    struct tcp_conn conns[FAKE_CONNS_MAX];
};

void fake_tcp_init(struct fake_tcp *tcp, const struct tcp_app *app, void *ctx, uint64_t now);
/* Resets what is open. */
void fake_tcp_destroy(struct fake_tcp *tcp);

struct tcp_conn *fake_open(struct fake_tcp *tcp);
/* The client sends. */
void fake_input(struct tcp_conn *conn, const void *data, size_t len);
void fake_input_text(struct tcp_conn *conn, const char *text);
void fake_peer_fin(struct tcp_conn *conn);
void fake_reset(struct tcp_conn *conn);
void fake_drain(struct fake_tcp *tcp);

/* How segments are cut. */
struct fake_cut {
    uint32_t segment_max;
    uint32_t inline_capacity;
    uint32_t extents_max;
    bool want_sums;
};
extern const struct fake_cut fake_cut_plain; /* like a port without TSO at 1500 bytes */

/* Sends all that is there; conn->output[0..conn->sent) has it. */
void fake_send(struct tcp_conn *conn, const struct fake_cut *cut);
/* Asks for [from, to) again, in the same way, and compares it with what was sent first. */
void fake_send_again(struct tcp_conn *conn, uint64_t from, uint64_t to, const struct fake_cut *cut);
void fake_acknowledge(struct tcp_conn *conn, uint64_t upto);
/* Sends and acknowledges until there is nothing more to send. */
void fake_run(struct tcp_conn *conn);

/* What is due after the application was called by others than this TCP. */
void fake_settle(struct fake_tcp *tcp);

/* Moves the clock, with deadlines on the way. */
void fake_advance(struct fake_tcp *tcp, uint64_t ns);

#endif
