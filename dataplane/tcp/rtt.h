/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip time and retransmission time-out (RFC 6298), in nanoseconds. */
#ifndef TCP_RTT_H
#define TCP_RTT_H

#include <stdint.h>

struct rtt {
    uint64_t srtt_ns; /* 0: no sample yet */
    uint64_t rttvar_ns;
    uint64_t min_ns;  /* smallest sample seen, 0: none */
    uint64_t last_ns; /* newest sample */
};

/* Feeds one measurement (never of a range sent twice: Karn). sample_ns 0 counts as 1. */
void rtt_sample(struct rtt *rtt, uint64_t sample_ns);

/* RTO without backoff, within [min_ns, max_ns]; 1 s before the first sample (RFC 6298 (2.1)). */
uint64_t rtt_rto(const struct rtt *rtt, uint64_t min_ns, uint64_t max_ns);

#endif
