/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Congestion control: how cwnd grows when all is well, and how far it falls when not. Which bytes
 * are lost, and the reduction's pace, are recovery's affair (recovery.c).
 */
#ifndef TCP_CC_H
#define TCP_CC_H

#include <stdint.h>

struct tcp_conn;

/* What an algorithm remembers of a connection. */
struct cc {
    const struct cc_ops *ops;
    uint32_t acked_bytes; /* since cwnd last grew, in congestion avoidance */
};

struct cc_ops {
    const char *name;
    void (*init)(struct tcp_conn *c);
    /* acked bytes were acknowledged outside fast recovery, while cwnd was the limit. */
    void (*acked)(struct tcp_conn *c, uint32_t acked);
    /* The new ssthresh (bytes) when a loss is found with flight bytes outstanding. */
    uint32_t (*ssthresh)(struct tcp_conn *c, uint32_t flight);
};

extern const struct cc_ops cc_newreno; /* RFC 5681, with byte counting (RFC 3465) */

#endif
