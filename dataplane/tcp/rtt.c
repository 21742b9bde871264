/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/rtt.h"

#define SAMPLE_MAX_US UINT32_C(3600000000)

static uint32_t average(uint32_t old, uint32_t sample, unsigned weight)
{
    return (uint32_t)(((uint64_t)old * (weight - 1) + sample) / weight);
}

void rtt_sample(struct rtt *rtt, uint64_t sample_ns)
{
    uint64_t us = sample_ns / NS_PER_US;
    uint32_t sample = us < SAMPLE_MAX_US ? (uint32_t)us : SAMPLE_MAX_US;

    if (sample == 0)
        sample = 1;
    if (rtt->min_us == 0 || sample < rtt->min_us)
        rtt->min_us = sample;
    if (rtt->srtt_us == 0) { /* RFC 6298 (2.2) */
        rtt->srtt_us = sample;
        rtt->rttvar_us = sample / 2;
        return;
    }
    uint32_t error = sample > rtt->srtt_us ? sample - rtt->srtt_us : rtt->srtt_us - sample;
    rtt->rttvar_us = average(rtt->rttvar_us, error, 4); /* (2.3), beta 1/4 */
    rtt->srtt_us = average(rtt->srtt_us, sample, 8);    /* alpha 1/8 */
}

uint64_t rtt_rto(const struct rtt *rtt, uint64_t margin_ns, uint64_t max_ns)
{
    if (rtt->srtt_us == 0)
        return NS_PER_S;
    uint64_t vary = 4ull * rtt->rttvar_us * NS_PER_US;
    uint64_t rto = rtt_srtt_ns(rtt) + (vary > margin_ns ? vary : margin_ns);
    return rto < max_ns ? rto : max_ns;
}
