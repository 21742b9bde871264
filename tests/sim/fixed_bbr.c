/* SPDX-License-Identifier: BSD-3-Clause */
/* BBR on paths that tell it apart from those who take losses for congestion. */
#include "fixed.h"
#include "tcp/cc.h"

#define MIB (UINT64_C(1) << 20)

static const char *line_is_used(const struct result *r)
{
    double mbps = (double)r->bytes * 8e3 / (double)r->elapsed_ns;

    return mbps < 60 ? "less than 60 of 100 Mb/s" : NULL;
}

static const char *queue_is_kept_short(const struct result *r)
{
    if (r->retransmitted * 10 > r->sent)
        return "more than a tenth was sent again";
    return line_is_used(r);
}

void bbr_loss(struct scenario *s)
{
    s->server.cc = &cc_bbr;
    s->down.loss = 0.03;
    s->expect = line_is_used;
    one_client(s, 16 * MIB);
}

void bbr_small_queue(struct scenario *s)
{
    s->server.cc = &cc_bbr;
    s->down.queue_bytes = 60000; /* a quarter of the bandwidth-delay product */
    s->expect = queue_is_kept_short;
    one_client(s, 32 * MIB);
}

/* Idle for longer than the smallest round trip is good for, again and again. */
void bbr_pauses(struct scenario *s)
{
    struct client_config *c = scenario_add_client(s);

    s->server.cc = &cc_bbr;
    for (unsigned i = 0; i < 4; i++) {
        scenario_request(s, c, 2 * MIB);
        if (!c->plan.http)
            scenario_request_kind(s, c, REQUEST_WAIT, 0, 12 * NS_PER_S);
    }
}
