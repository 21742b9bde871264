/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths that drop large packets and say nothing (RFC 4821, RFC 8899). */
#include "fixed.h"

#define MIB (UINT64_C(1) << 20)

/* The sender falls back within a few time-outs, and then finds what the path takes. */
static const char *hole_is_left(const struct result *r)
{
    if (r->counters.tcp_mtu_reduced == 0)
        return "segments were not made smaller";
    if (r->counters.tcp_mtu_raised == 0)
        return "no larger segments were found";
    if (r->virtual_ns > 10 * NS_PER_S)
        return "the transfer took too long";
    return NULL;
}

static const char *no_hole_is_seen(const struct result *r)
{
    return r->counters.tcp_mtu_reduced + r->counters.tcp_mtu_probe != 0
               ? "segments were made smaller for nothing"
               : NULL;
}

void black_hole(struct scenario *s)
{
    s->down.mtu = s->up.mtu = 1400;
    s->expect = hole_is_left;
    one_client(s, 4 * MIB);
}

void black_hole_midway(struct scenario *s)
{
    s->down.mtu = 1300;
    s->down.mtu_from = 300 * NS_PER_MS;
    s->expect = hole_is_left;
    one_client(s, 8 * MIB);
}

void black_hole_upward(struct scenario *s)
{
    s->up.mtu = 600;
    s->expect = no_hole_is_seen;
    one_client(s, 4 * MIB);
}

void black_hole_narrow(struct scenario *s)
{
    s->down.mtu = 600; /* the first step down is not enough */
    s->expect = hole_is_left;
    one_client(s, 2 * MIB);
}

void black_hole_loss(struct scenario *s)
{
    s->down.mtu = 1280;
    s->down.loss = s->up.loss = 0.01;
    s->expect = hole_is_left;
    one_client(s, 4 * MIB);
}

void black_hole_jumbo(struct scenario *s)
{
    s->server.mtu = 9000;
    s->down.mtu = 2000;
    s->expect = hole_is_left;
    one_client(s, 8 * MIB)->mss = 8960;
}

static const char *hole_is_left_for_good(const struct result *r)
{
    return r->counters.tcp_mtu_reduced == 0 || r->counters.tcp_mtu_probe != 0
               ? "peers without SACK are not probed"
               : NULL;
}

void black_hole_no_sack(struct scenario *s)
{
    s->down.mtu = 1400;
    s->expect = hole_is_left_for_good;
    one_client(s, 2 * MIB)->sack = false;
}

/* Sizes between 1024 and 1030 bytes are not searched for: what is found is the full size. */
static const char *healing_is_seen(const struct result *r)
{
    if (r->counters.tcp_mtu_reduced == 0)
        return "segments were not made smaller";
    return r->counters.tcp_mtu_raised == 1 ? NULL : "the full size was not found again";
}

void black_hole_healed(struct scenario *s)
{
    s->down.mtu = 1030;
    s->down.mtu_from = 10 * NS_PER_S;
    s->down.mtu_until = 150 * NS_PER_S; /* the search among smaller sizes has ended */
    s->down.rate_bps = 100e3; /* so that the transfer lasts for longer than the search rests */
    s->down.queue_bytes = 20000;
    s->finish_ns = 2000 * NS_PER_S;
    s->expect = healing_is_seen;
    one_client(s, 9 * MIB);
}
