/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths that mark packets instead of dropping them (RFC 3168). */
#include "fixed.h"

#define MIB (UINT64_C(1) << 20)

/* No packet is lost: marks alone hold the sender back, and nothing is sent again for them. */
static const char *marks_were_heard(const struct result *r)
{
    if (r->lost > 0)
        return "the queue ran over although it marks";
    if (r->counters.tcp_retransmit > 0)
        return "something was sent again for a mark";
    return r->marked > 0 && r->counters.tcp_ecn_reduced > 0 ? NULL : "no mark was heard";
}

void ecn_queue(struct scenario *s)
{
    s->down.mark_bytes = 60000;
    s->down.queue_bytes = 1000000;
    one_client(s, 4 * MIB)->ecn = true;
    s->expect = marks_were_heard;
}

void ecn_random(struct scenario *s)
{
    s->down.mark = 0.02;
    s->down.queue_bytes = 1000000;
    struct client_config *c = one_client(s, 4 * MIB);
    c->ecn = c->v6 = true;
    s->expect = marks_were_heard;
}

/* Every packet: once per window all the same. */
void ecn_all(struct scenario *s)
{
    s->down.mark = 1;
    one_client(s, MIB)->ecn = true;
    s->expect = marks_were_heard;
}

void ecn_and_loss(struct scenario *s)
{
    s->down.mark = s->up.mark = 0.02;
    s->down.loss = s->up.loss = 0.02;
    one_client(s, 2 * MIB)->ecn = true;
}

/* Not every ACK, or the server did not hear CWR. */
static const char *some_were_echoed(const struct result *r)
{
    if (r->marked == 0 || r->counters.tcp_ecn_ce_in == 0 || r->echoes == 0)
        return "no mark was echoed";
    return r->echoes > r->heard_segments / 2 ? "more ACKs with ECE than without" : NULL;
}

/* The client's packets are marked; requests in HTTP are too short for that to matter. */
void ecn_upload(struct scenario *s)
{
    struct client_config *c = scenario_add_client(s);

    s->up.mark = 0.02;
    c->ecn = true;
    if (s->server.http) {
        scenario_request(s, c, MIB);
        return;
    }
    scenario_request_kind(s, c, REQUEST_ECHO, 12345, 600000);
    scenario_request_kind(s, c, REQUEST_SOURCE, 77, 1000);
    s->expect = some_were_echoed;
}
