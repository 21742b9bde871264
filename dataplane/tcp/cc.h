/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Congestion control: how cwnd grows when all is well, and how far it falls when not. Which bytes
 * are lost, and the reduction's pace, are recovery's affair (recovery.c).
 *
 * Slow start and its end are common to all (HyStart++, hystart.c); an algorithm says how to avoid
 * congestion.
 */
#ifndef TCP_CC_H
#define TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_conn;
struct ack_info;

/* HyStart++ (RFC 9406): the first slow start ends when the round trip grows, before the queue
 * overflows. */
struct hystart {
    uint32_t round_end;                   /* low bits of the offset whose ACK ends the round */
    uint32_t last_min_us, current_min_us; /* smallest round trips, UINT32_MAX: none */
    uint32_t baseline_us;                 /* at the entry to conservative slow start */
    uint8_t samples;
    uint8_t css_rounds; /* 0: standard slow start; else rounds of conservative slow start, from 1 */
};

struct cubic {
    uint32_t w_max;                    /* bytes: cwnd before the last reduction */
    uint32_t w_est;                    /* bytes: what Reno would have; 0: the epoch is to begin */
    uint32_t w_prior;                  /* bytes: cwnd at the last reduction */
    uint32_t undo_w_max, undo_w_prior; /* before it */
    uint32_t k_ms;                     /* from the epoch's start until w_max is reached again */
    uint32_t epoch_ms;                 /* start of this stage of congestion avoidance */
};

/* What an algorithm remembers of a connection; BBR's is kept elsewhere (bbr.h). */
struct cc {
    uint32_t acked_bytes; /* since cwnd last grew, in congestion avoidance */
    union {
        struct hystart hystart; /* while ssthresh is UINT32_MAX: nothing was lost yet */
        struct cubic cubic;     /* from then on; begins as zeros */
    };
};

struct cc_ops {
    const char *name;
    /* acked bytes were acknowledged in congestion avoidance, while cwnd was the limit. */
    void (*avoid)(struct tcp_conn *c, uint32_t acked);
    /* The new ssthresh (bytes) when congestion is found with a window of so many bytes. */
    uint32_t (*reduce)(struct tcp_conn *c, uint32_t window);
    /* The last reduction had no cause; cwnd and ssthresh are as before it. */
    void (*undo)(struct tcp_conn *c);

    /* Only of algorithms that follow a model of the path instead of losses; the others are NULL.
     * control() comes with each ACK, in recovery as well, in place of slow start, avoid() and PRR:
     * it sets cwnd. Such an algorithm is given delivery rates (rate.h), is always paced, and hears
     * no marks. */
    void (*start)(struct tcp_conn *c);
    void (*control)(struct tcp_conn *c, const struct ack_info *info);
    /* Bytes per second; 0: not known yet. */
    uint64_t (*rate)(const struct tcp_conn *c);
    /* There is going to be something to send, after all was acknowledged. */
    void (*restart)(struct tcp_conn *c);
};

extern const struct cc_ops cc_newreno; /* RFC 5681 with byte counting (RFC 3465) */
extern const struct cc_ops cc_cubic;   /* RFC 9438 */
extern const struct cc_ops cc_bbr;     /* version 1: bbr.h */

/* By name; NULL: there is none of this name. */
const struct cc_ops *cc_find(const char *name);

/* The connection begins to send; ssthresh is UINT32_MAX. */
void cc_start(struct tcp_conn *c);
/* acked bytes were acknowledged outside fast recovery, while cwnd was the limit. */
void cc_acked(struct tcp_conn *c, uint32_t acked);
/* An ACK came, and the algorithm follows a model. */
void cc_control(struct tcp_conn *c, const struct ack_info *info);
/* The connection is about to send again after a pause; long: than its retransmission time-out. */
void cc_restart(struct tcp_conn *c, bool long_pause);
/* A round trip was measured. */
void cc_round_trip(struct tcp_conn *c, uint64_t sample_ns);

/* hystart.c: slow start */

/* ssthresh is UINT32_MAX (again). */
void hystart_start(struct tcp_conn *c);
void hystart_sample(struct tcp_conn *c, uint64_t sample_ns);
/* Grows cwnd by what acked allows; returns the bytes that slow start, having ended, left over. */
uint32_t hystart_acked(struct tcp_conn *c, uint32_t acked);

#endif
