/* SPDX-License-Identifier: BSD-3-Clause */
#include "tcp/cc.h"

#include <string.h>

#include "tcp/conn.h"

enum { CWND_MAX = 1 << 30 }; /* no window is larger (RFC 7323 section 2.3) */

static const struct cc_ops *const algorithms[] = { &cc_cubic, &cc_newreno, &cc_bbr };

const struct cc_ops *cc_find(const char *name)
{
    for (unsigned i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (strcmp(algorithms[i]->name, name) == 0)
            return algorithms[i];
    return NULL;
}

void cc_start(struct tcp_conn *c)
{
    c->cc.acked_bytes = 0;
    hystart_start(c);
    if (conn_cc(c)->start != NULL)
        conn_cc(c)->start(c);
}

void cc_acked(struct tcp_conn *c, uint32_t acked)
{
    if (c->cwnd < c->ssthresh)
        acked = hystart_acked(c, acked);
    if (acked != 0)
        conn_cc(c)->avoid(c, acked);
    if (c->cwnd > CWND_MAX)
        c->cwnd = CWND_MAX;
}

void cc_control(struct tcp_conn *c, const struct ack_info *info)
{
    conn_cc(c)->control(c, info);
    if (c->cwnd > CWND_MAX)
        c->cwnd = CWND_MAX;
}

void cc_restart(struct tcp_conn *c, bool long_pause)
{
    uint32_t restart = conn_initial_window(c);

    if (conn_cc(c)->restart != NULL) {
        conn_cc(c)->restart(c);
        return;
    }
    if (!long_pause || c->cwnd <= restart)
        return;
    /* RFC 5681 section 4.1: the ACK clock has stopped, and the path may have changed. Three
     * quarters of the old window are where slow start ends this time (RFC 7661 section 4.4.2). */
    uint32_t share = (uint32_t)((uint64_t)c->cwnd * 3 / 4);
    if (c->ssthresh < share)
        c->ssthresh = share;
    c->cwnd = restart;
}

void cc_round_trip(struct tcp_conn *c, uint64_t sample_ns)
{
    /* Only the first slow start is in the dark; later ones know where to stop (RFC 9406 4.3). */
    if (c->ssthresh == UINT32_MAX && conn_cc(c)->control == NULL)
        hystart_sample(c, sample_ns);
}
