/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack at both ends: connections opened by it. */
#include "fixed.h"

#define MIB (UINT64_C(1) << 20)

static struct client_config *one_own(struct scenario *s, uint64_t bytes)
{
    struct client_config *c = one_client(s, bytes);

    c->own = true;
    return c;
}

void own_client(struct scenario *s)
{
    struct client_config *c = one_own(s, 4 * MIB);

    for (unsigned i = 0; i < 8; i++)
        scenario_request(s, c, 1000 * i);
    c->sessions = SESSIONS_MAX;
}

void own_client_loss(struct scenario *s)
{
    s->down.loss = s->up.loss = 0.05;
    for (unsigned i = 0; i < 20; i++)
        one_own(s, 200000)->start_ns += i * 10 * NS_PER_MS;
}

/* Its sender, against the server's receiver. */
void own_client_upload(struct scenario *s)
{
    struct client_config *c = scenario_add_client(s);

    c->own = true;
    s->down.loss = s->up.loss = 0.02;
    s->up.reorder = 0.1;
    s->up.reorder_ns = 5 * NS_PER_MS;
    c->pipeline = REQUESTS_MAX;
    if (s->server.http) {
        for (unsigned i = 0; i < REQUESTS_MAX; i++)
            scenario_request(s, c, 5000);
        return;
    }
    scenario_request_kind(s, c, REQUEST_DISCARD, 54321, 2000000);
    scenario_request_kind(s, c, REQUEST_WAIT, 0, 3 * NS_PER_S);
    scenario_request_kind(s, c, REQUEST_ECHO, 12345, 200000);
    scenario_request_kind(s, c, REQUEST_SOURCE, 77, 300000);
}

/* Uploads whose large segments vanish: both ends find the path's MTU. */
void own_client_black_hole(struct scenario *s)
{
    s->down.mtu = s->up.mtu = 1200;
    own_client_upload(s);
}

void own_client_ends(struct scenario *s)
{
    static const enum client_end ends[] = { END_CLOSE, END_SERVER, END_HALF, END_RST,
                                            END_RST_LAST };

    s->down.loss = s->up.loss = 0.1;
    s->finish_ns = 900 * NS_PER_S;
    for (unsigned i = 0; i < 40; i++) {
        struct client_config *c = one_own(s, 1 + 5000 * (i % 7));
        scenario_end(s, c, ends[i % 5], 3000);
        c->start_ns = i * 100 * NS_PER_MS;
    }
}

static const char *opened_by_both(const struct result *r)
{
    if (r->counters.tcp_open_active != 1 || r->counters.tcp_open_passive != 0)
        return "the server did not open, or the client's SYN came to its listening port";
    return r->counters.tcp_established == 1 ? NULL : "there is not one connection";
}

/* The server's SYN and the client's cross. */
void simultaneous_open(struct scenario *s)
{
    struct client_config *c = one_own(s, MIB);

    c->own_port = c->port;
    s->server.connect_at = c->start_ns;
    s->expect = opened_by_both;
}

void simultaneous_open_loss(struct scenario *s)
{
    simultaneous_open(s);
    s->down.loss = s->up.loss = 0.2;
    s->expect = NULL; /* a SYN that is lost leaves an ordinary opening */
    s->client[0].refused_ok = true;
}
