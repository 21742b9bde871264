/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BBR version 1 (draft-cardwell-iccrg-bbr-congestion-control-00): the sending rate follows a model
 * of the path, its bandwidth (the largest delivery rate of ten round trips) and its round trip (the
 * smallest of ten seconds), and not losses. Section numbers in bbr.c are the draft's.
 *
 * Other than in the draft:
 * - STARTUP ends, too, when a quarter of what the path holds is lost in a round trip: a queue
 *   overflows. Three more rounds at nearly three times the bandwidth would be lost mostly (version
 * 2 has this, from 2% on: we do not give in to random losses).
 * - PROBE_RTT keeps half of the bandwidth-delay product in flight instead of four segments (as
 *   version 2 does): that drains a queue as well, and costs half as much.
 * - The rate is 1% below the model's, so that a queue once built drains (version 2).
 * - cwnd has room for three bursts more than gain * BDP, a burst being a millisecond's worth of 2
 *   segments to 64 KiB: receivers, and our own ticks, gather.
 * - The window of the bandwidth filter counts only round trips with a sample that counts, so that
 *   an application that has little to say does not make us forget the path.
 * - No sampling of policers (section 4.1.3.4 of the draft leaves it out, too).
 * Marks (RFC 3168) mean nothing to version 1: connections with BBR do not negotiate ECN.
 */
#ifndef TCP_BBR_H
#define TCP_BBR_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/rate.h"

enum bbr_state { BBR_STARTUP, BBR_DRAIN, BBR_PROBE_BW, BBR_PROBE_RTT };

#define BBR_FILTER_ROUNDS 10

/* One per connection, beside the table of connections; all times of the connection's clock. */
struct bbr {
    struct rate rate;
    uint64_t pacing_bps;                /* bytes per second; 0: not known yet */
    uint64_t bw_bps;                    /* bytes per second: the largest of the filter */
    uint64_t recent[BBR_FILTER_ROUNDS]; /* largest sample of each round trip */
    uint64_t min_rtt_since_ns;          /* when min_rtt_us was measured last */
    uint64_t probe_rtt_end_ns;          /* 0: what is in flight is not low enough yet */
    uint64_t cycle_since_ns;            /* when this phase of PROBE_BW began */
    uint64_t full_bw_bps;               /* bandwidth when it last grew by a quarter */
    uint32_t min_rtt_us;                /* 0: none yet */
    uint32_t prior_cwnd;                /* before recovery or PROBE_RTT; bytes */
    uint32_t round_lost;                /* bytes lost in this round trip, in STARTUP */
    uint32_t round_end;                 /* rate.delivered: what is sent from then on ends a round */
    uint32_t round, filter_round;       /* round trips; the one that the filter's slot is of */
    uint8_t state;                      /* enum bbr_state */
    uint8_t slot;                       /* of recent[] */
    uint8_t cycle;                      /* phase of PROBE_BW */
    uint8_t full_rounds;                /* round trips without such growth */
    uint8_t recovery;                   /* enum tcp_recovery at the last ACK */
    bool full;                          /* the pipe is, or was once */
    bool round_start;                   /* the last ACK began a round trip */
    bool conserve;                      /* send only what is delivered: first round of recovery */
    bool idle_restart;                  /* sending began anew after a pause */
    bool probe_rtt_round;               /* a round trip with little in flight has passed */
};

#endif
