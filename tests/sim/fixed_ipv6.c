/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients of IPv6, and ports behind a VLAN tag. */
#include "fixed.h"

#define MIB (UINT64_C(1) << 20)

static const char *neighbours_were_solicited(const struct result *r)
{
    if (r->counters.ndp_solicit_in == 0 || r->counters.ndp_solicit_out == 0)
        return "nobody asked for a neighbour";
    return r->counters.arp_request_in > 0 ? "ARP among IPv6 hosts" : NULL;
}

void ipv6(struct scenario *s)
{
    s->down.loss = s->up.loss = 0.01;
    for (unsigned i = 0; i < 8; i++) {
        struct client_config *c = one_client(s, MIB / 2);
        c->v6 = true;
        c->knows_server = i % 2 == 0;
        c->far = i % 4 == 3;
        c->mss = 1440;
    }
    s->expect = neighbours_were_solicited;
}

void ipv6_unknown_neighbours(struct scenario *s)
{
    ipv6(s);
    s->down.loss = 0.3;
    for (unsigned i = 0; i < s->client_count; i++) {
        s->client[i].plan.count = 0;
        scenario_request(s, &s->client[i], 10000);
    }
}

void ipv6_no_options(struct scenario *s)
{
    struct client_config *c = one_client(s, MIB);

    s->down.loss = s->up.loss = 0.01;
    c->v6 = true;
    c->mss = 0;
    c->wscale = -1;
    c->timestamps = c->sack = c->dsack = false;
    c->buffer = 65535;
}

void ipv6_damaged(struct scenario *s)
{
    s->down.corrupt = s->up.corrupt = 0.02;
    one_client(s, 2 * MIB)->v6 = true;
}

void dual_stack(struct scenario *s)
{
    s->down.queue_bytes = 60000;
    for (unsigned i = 0; i < 40; i++) {
        struct client_config *c = one_client(s, 128 * 1024);
        c->v6 = i % 2 == 0;
        c->far = i % 3 == 0;
        c->ecn = i % 5 == 0;
        c->delay_ns = i * 300 * NS_PER_US;
    }
}

void vlan(struct scenario *s)
{
    dual_stack(s);
    s->server.vlan = 71;
}
