/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip time and retransmission time-out (RFC 6298), kept in microseconds. */
#ifndef TCP_RTT_H
#define TCP_RTT_H

#include <stdint.h>

#include "base/time.h"

struct rtt {
    uint32_t srtt_us; /* 0: no sample yet */
    uint32_t rttvar_us;
    uint32_t min_us; /* smallest sample seen, 0: none */
};

static inline uint64_t rtt_srtt_ns(const struct rtt *rtt)
{
    return rtt->srtt_us * NS_PER_US;
}

static inline uint64_t rtt_min_ns(const struct rtt *rtt)
{
    return rtt->min_us * NS_PER_US;
}

/* Feeds one measurement (never of a range sent twice: Karn). Less than 1 us counts as 1 us, more
 * than an hour as an hour. */
void rtt_sample(struct rtt *rtt, uint64_t sample_ns);

/* RTO without backoff: SRTT and the variance's share, which counts as margin_ns at least: on a
 * steady path the variance goes to nothing, and SRTT alone would be a time-out at the first jitter.
 * At most max_ns; 1 s before the first sample (RFC 6298 (2.1)). */
uint64_t rtt_rto(const struct rtt *rtt, uint64_t margin_ns, uint64_t max_ns);

#endif
