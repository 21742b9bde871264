/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP as an application sees it. Any application: HTTP is one, the tests' echo another.
 *
 * Sending knows no buffers. The application says "the stream now has bytes up to offset X"
 * (tcp_stream_extend) and TCP asks "which bytes are [from, to)?" (tcp_app.resolve) each time it
 * sends them, first or again. Application stream offsets start at 0 with the first byte of data in
 * each direction and are 64 bits wide: they do not wrap.
 */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tx_fill.h"
#include "wire/addr.h"

struct tcp_conn;

struct tcp_peer {
    struct ip_addr ip;
    uint16_t port;
};

/* What bounds a connection; the same for all of a stack. */
struct tcp_limits {
    const struct cc_ops *cc; /* congestion control (tcp/cc.h) */
    bool pacing;             /* spread a window over its round trip (tcp/pace.c) */
    bool mtu_probing;        /* find out what segment size the path takes (tcp/mtu.c) */
    bool ecn;                /* agree to ECN when the peer asks for it (RFC 3168) */
    uint16_t mss_min;        /* smallest segment size a peer may ask of us */
    uint32_t initial_window; /* segments (RFC 6928: 10) */
    uint64_t rto_min_ns;     /* what is added to SRTT at least (tcp/rtt.h) */
    uint64_t rto_max_ns;
    uint64_t time_wait_ns;    /* 2 MSL */
    uint64_t fin_wait_2_ns;   /* a closed connection whose peer never closes */
    uint64_t user_timeout_ns; /* RFC 9293 section 3.8.3, R2 */
    /* Keep-alive (RFC 9293 section 3.8.4): a probe after so long without a word from the peer, then
     * one per interval; after so many without an answer it is gone. keepalive_idle_ns 0: none. */
    uint64_t keepalive_idle_ns, keepalive_interval_ns;
    uint8_t keepalive_probes;
    uint8_t syn_ack_retries;
    uint8_t syn_retries; /* of our own, when we open */
    uint32_t
        syn_backlog; /* half-open connections; beyond: SYN cookies. Keep it below connections_max */
    uint32_t challenge_acks_per_s; /* of the whole stack, about (RFC 5961 section 7); > 0 */
};

void tcp_limits_defaults(struct tcp_limits *limits);

enum tcp_close_reason {
    TCP_CLOSE_ORDERLY, /* both FINs exchanged and acknowledged */
    TCP_CLOSE_RESET,   /* the peer sent RST */
    TCP_CLOSE_ABORTED, /* tcp_abort(), or stack_abort_all() */
    TCP_CLOSE_TIMEOUT, /* the peer does not answer any more (RFC 9293 section 3.8.3, R2) */
    /* Only of connections opened from here, for which open() was not called: */
    TCP_CLOSE_REFUSED,     /* the peer answered with RST */
    TCP_CLOSE_UNREACHABLE, /* a router or host said that it cannot be reached, or no next hop did */
    TCP_CLOSE_NO_ANSWER,   /* nobody said anything */
};

struct tcp_app {
    /* A handshake was completed, of a peer's connection or one of stack_connect(). False: refuse
     * (RST), without closed(). conn stays valid until closed() returns. */
    bool (*open)(void *ctx, struct tcp_conn *conn, uint64_t now);

    /*
     * The next len bytes of the peer's stream, len > 0. Returns how many were taken; the rest is
     * kept (and the window shrinks) until tcp_receive_resume(). Do not keep the pointer.
     */
    size_t (*receive)(void *ctx, struct tcp_conn *conn, const uint8_t *data, size_t len,
                      uint64_t now);

    /* The peer sent FIN: no more bytes will come, all were delivered. We may go on sending. */
    void (*receive_end)(void *ctx, struct tcp_conn *conn, uint64_t now);

    /*
     * Provide stream bytes [from, from + len), or the first part of them: as many as fit in fill
     * (inline bytes cannot follow an extent). Returns how many bytes were provided, > 0 whenever
     * len > 0, unless the application called tcp_abort(conn). The same bytes may be asked for again
     * until they are acknowledged.
     */
    uint32_t (*resolve)(void *ctx, struct tcp_conn *conn, uint64_t from, uint32_t len,
                        struct tx_fill *fill);

    /* All stream bytes below upto are acknowledged and will not be asked for again. */
    void (*acknowledged)(void *ctx, struct tcp_conn *conn, uint64_t upto, uint64_t now);

    /* The deadline set with tcp_app_deadline() has passed (it is cleared before the call). */
    void (*deadline)(void *ctx, struct tcp_conn *conn, uint64_t now);

    /* The server is draining: close the connection when it is idle, now or later. */
    void (*drain)(void *ctx, struct tcp_conn *conn, uint64_t now);

    /* The connection is gone (or only TIME-WAIT is left of it). Called exactly once per successful
     * open(), and for a connection of stack_connect() that failed before open(); conn must not be
     * used afterwards. */
    void (*closed)(void *ctx, struct tcp_conn *conn, enum tcp_close_reason reason);

    /* A hint, with many connections open: the one of this index is soon to be asked for bytes, or
     * told of an acknowledgement. It comes twice; `next`: the second time, when what was asked for
     * at the first is there. NULL: none is wanted. */
    void (*look_ahead)(void *ctx, uint32_t index, bool next);
};

/* Calls by which the application drives a connection; allowed inside every callback but closed().
 * Between stack_connect() and open() only tcp_abort() and tcp_app_deadline() are. */

/* The stream has bytes up to `end` (an application stream offset; never decreases). */
void tcp_stream_extend(struct tcp_conn *conn, uint64_t end);
/* Send FIN behind the last byte of the stream. It may not be extended any more. */
void tcp_close(struct tcp_conn *conn);
/* Send RST and forget the connection; closed() follows after the current callback has returned. */
void tcp_abort(struct tcp_conn *conn);
/* Take up delivery again of bytes that receive() did not take. */
void tcp_receive_resume(struct tcp_conn *conn);
/* Call deadline() at `when` (TIME_NEVER: not); replaces the one set before. */
void tcp_app_deadline(struct tcp_conn *conn, uint64_t when);
/* The one that is set. */
uint64_t tcp_app_deadline_set(const struct tcp_conn *conn);

/* Sends at most so many bytes a second, retransmissions included, whatever limits.pacing says; 0:
 * as the path allows. */
void tcp_rate_limit(struct tcp_conn *conn, uint64_t bytes_per_s);

/* Index of the connection, 0..connections_max-1, unique among those that are open: applications
 * keep their own state in an array under it. */
uint32_t tcp_conn_index(const struct tcp_conn *conn);
struct tcp_peer tcp_conn_peer(const struct tcp_conn *conn);
struct tcp_peer tcp_conn_local(const struct tcp_conn *conn);
/* The time of what is under way: for closed(), which is not told it. */
uint64_t tcp_conn_now(const struct tcp_conn *conn);
/* Application stream offset below which everything is acknowledged. */
uint64_t tcp_acknowledged(const struct tcp_conn *conn);
/* Application stream offset up to which bytes were sent at least once. */
uint64_t tcp_sent(const struct tcp_conn *conn);

#endif
