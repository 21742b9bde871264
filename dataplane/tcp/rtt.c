/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/rtt.h"

#include "base/time.h"

void rtt_sample(struct rtt *rtt, uint64_t sample_ns)
{
    if (sample_ns == 0)
        sample_ns = 1;
    rtt->last_ns = sample_ns;
    if (rtt->min_ns == 0 || sample_ns < rtt->min_ns)
        rtt->min_ns = sample_ns;
    if (rtt->srtt_ns == 0) { /* RFC 6298 (2.2) */
        rtt->srtt_ns = sample_ns;
        rtt->rttvar_ns = sample_ns / 2;
        return;
    }
    uint64_t error = sample_ns > rtt->srtt_ns ? sample_ns - rtt->srtt_ns : rtt->srtt_ns - sample_ns;
    rtt->rttvar_ns = (3 * rtt->rttvar_ns + error) / 4; /* (2.3), beta 1/4 */
    rtt->srtt_ns = (7 * rtt->srtt_ns + sample_ns) / 8; /* alpha 1/8 */
}

uint64_t rtt_rto(const struct rtt *rtt, uint64_t min_ns, uint64_t max_ns)
{
    if (rtt->srtt_ns == 0)
        return NS_PER_S;
    uint64_t rto = rtt->srtt_ns + 4 * rtt->rttvar_ns;
    if (rto < min_ns)
        rto = min_ns;
    return rto < max_ns ? rto : max_ns;
}
