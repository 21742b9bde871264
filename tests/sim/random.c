/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "tcp/cc.h"

/* Bytes that all clients of one scenario ask for together, so that each takes a fraction of a
 * second. */
#define SCENARIO_BYTES (UINT64_C(4) << 20)

static uint64_t pick(struct prng *p, const uint64_t *values, unsigned count)
{
    return values[prng_below(p, count)];
}

#define PICK(prng, ...)                                                                            \
    pick(prng, (const uint64_t[]){ __VA_ARGS__ },                                                  \
         sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* Between both, small values as likely as large ones. */
static double log_uniform(struct prng *p, double least, double most)
{
    return least * pow(most / least, prng_unit(p));
}

static void random_link(struct prng *p, struct link_config *link)
{
    bool clean = sim_chance(p, 0.3);

    link->rate_bps = log_uniform(p, 1e6, 1e9);
    link->delay_ns = (uint64_t)log_uniform(p, 10e3, 100e6);
    link->queue_bytes = (uint64_t)log_uniform(p, 8000, 1e6);
    if (clean)
        return;
    if (sim_chance(p, 0.6))
        link->loss = log_uniform(p, 0.0005, 0.08);
    if (sim_chance(p, 0.2)) {
        link->burst_enter = 0.003;
        link->burst_leave = 0.2;
        link->burst_loss = prng_unit(p);
    }
    if (sim_chance(p, 0.4)) {
        link->reorder = prng_unit(p) * 0.5;
        link->reorder_ns = (uint64_t)log_uniform(p, 10e3, 50e6);
    }
    if (sim_chance(p, 0.3))
        link->duplicate = prng_unit(p) * 0.2;
    if (sim_chance(p, 0.2))
        link->corrupt = prng_unit(p) * 0.03;
    if (sim_chance(p, 0.05)) {
        link->down_from = (uint64_t)(prng_unit(p) * 2e9);
        link->down_until = link->down_from + (uint64_t)(prng_unit(p) * 5e9);
    }
}

/* Tables so small that they run full: that must cost time, not connections. */
static void exhaust(struct prng *p, struct server_config *server)
{
    server->connections_max = (uint32_t)PICK(p, 2, 8, 64);
    server->ranges_max = (uint32_t)PICK(p, 8, 64, 512);
    server->rx_buffers_max = (uint32_t)PICK(p, 1, 4, 64);
    server->neighbours_max = (uint32_t)PICK(p, 24, 64);
    server->responses_max = (uint32_t)PICK(p, 1, 4, 64);
}

static void random_server(struct prng *p, struct server_config *server)
{
    struct nic_config *nic = &server->nic;

    server->http = sim_chance(p, 0.5);
    nic->mode = (enum nic_mode)prng_below(p, 3);
    nic->ring = (unsigned)PICK(p, 4, 32, 512, NIC_RING_MAX);
    nic->rate_bps = PICK(p, 100000000, 1000000000, 10000000000);
    nic->complete_ns = PICK(p, 0, 10000, 2000000);
    nic->tso_bytes_max = (uint32_t)PICK(p, 9000, 32000, 65000, 200000);
    nic->extents_max = (uint8_t)sim_between(p, 1, TX_EXTENTS_MAX);
    nic->burst = (unsigned)PICK(p, 1, 7, 64);
    server->mtu = (uint16_t)PICK(p, 576, 1500, 1500, 9000);
    server->poll_ns = PICK(p, 0, 20000, 500000);
    server->extent_max = (uint32_t)PICK(p, 100, 1000, 16384, 65535);
    server->inline_max = (uint32_t)PICK(p, 0, 64, 700);
    if (sim_chance(p, 0.15))
        exhaust(p, server);
    server->seed[0] = prng_next(p);
    server->seed[1] = prng_next(p);
    server->cc = sim_chance(p, 0.5) ? &cc_bbr : sim_chance(p, 0.5) ? &cc_cubic : &cc_newreno;
}

static void random_options(struct prng *p, struct client_config *c, uint16_t mtu)
{
    c->isn = sim_chance(p, 0.2) ? (uint32_t)(0 - sim_between(p, 0, 2000)) : (uint32_t)prng_next(p);
    c->ts_base = (uint32_t)prng_next(p);
    c->ts_tick_ns = PICK(p, 1000, NS_PER_MS, 10 * NS_PER_MS);
    c->mss = (uint16_t)PICK(p, 0, 100, 536, 1460, 1460, 1460, 8960);
    if (c->mss > mtu - 40)
        c->mss = (uint16_t)(mtu - 40);
    c->wscale = (int8_t)((int)PICK(p, 0, 1, 2, 8, 8, 15) - 1);
    c->timestamps = sim_chance(p, 0.8);
    c->sack = sim_chance(p, 0.8);
    c->dsack = sim_chance(p, 0.7);
    c->buffer = (uint32_t)log_uniform(p, 2000, 2e6);
    if (c->wscale <= 0 && c->buffer > 65535)
        c->buffer = 65535;
    c->ack_every = (unsigned)PICK(p, 1, 2, 2, 8);
    c->ack_delay_ns = PICK(p, 0, 40 * NS_PER_MS, 200 * NS_PER_MS);
}

static void random_reader(struct prng *p, struct client_config *c, uint64_t bytes)
{
    if (sim_chance(p, 0.15))
        c->read_bps = log_uniform(p, 1e6, 50e6);
    if (sim_chance(p, 0.15)) {
        c->pause_at = 1 + prng_below(p, bytes + 1);
        c->pause_ns = (uint64_t)log_uniform(p, 1e6, 30e9);
    }
    if (sim_chance(p, 0.1)) {
        c->shrink_at = 1 + prng_below(p, bytes + 1);
        c->shrink_to = (uint32_t)prng_below(p, c->buffer);
        c->shrink_ns = (uint64_t)log_uniform(p, 1e6, 5e9);
    }
    if (c->sack && sim_chance(p, 0.1))
        c->renege = 0.02;
}

static void random_request(struct prng *p, struct scenario *s, struct client_config *c,
                           uint64_t most)
{
    uint64_t len =
        sim_chance(p, 0.15) ? prng_below(p, 3) : (uint64_t)log_uniform(p, 1, (double)most);
    uint64_t position = prng_below(p, 1000000);
    unsigned kind = (unsigned)prng_below(p, 10);

    if (s->server.http) {
        /* Few sizes, so that a few files serve all. */
        len &= ~UINT64_C(0) << (len > 64 ? 60 - __builtin_clzll(len) : 0);
        if (s->server.file_count > 20)
            len = s->server.file_size[prng_below(p, s->server.file_count)];
        if (kind == 0 && s->server.file_count <= 20 && len > 0)
            scenario_request_kind(s, c, REQUEST_RANGE, position % 3000, len);
        else
            scenario_request_kind(s, c, kind == 1 ? REQUEST_HEAD : REQUEST_GET, 0, len);
        return;
    }
    if (kind == 0)
        scenario_request_kind(s, c, REQUEST_WAIT, 0, prng_below(p, NS_PER_S));
    else if (kind <= 2)
        scenario_request_kind(s, c, kind == 1 ? REQUEST_ECHO : REQUEST_DISCARD, position, len / 8);
    else
        scenario_request_kind(s, c, REQUEST_SOURCE, position, len);
}

static void random_client(struct prng *p, struct scenario *s, uint64_t share)
{
    struct client_config *c = scenario_add_client(s);
    unsigned requests = (unsigned)PICK(p, 1, 1, 1, 2, 4, 8);

    random_options(p, c, s->server.mtu);
    random_reader(p, c, share);
    c->start_ns = prng_below(p, 2 * NS_PER_S);
    if (sim_chance(p, 0.5))
        c->delay_ns = (uint64_t)log_uniform(p, 1e5, 50e6);
    c->far = sim_chance(p, 0.3);
    c->knows_server = sim_chance(p, 0.3);
    c->pipeline = (unsigned)PICK(p, 1, 1, 2, REQUESTS_MAX);
    c->request_with_ack = sim_chance(p, 0.3);
    c->linger_ns = PICK(p, 0, NS_PER_MS, 30 * NS_PER_S);
    if (sim_chance(p, 0.1))
        c->sessions = (unsigned)sim_between(p, 2, SESSIONS_MAX);
    /* A host must not use a port again while its own TIME-WAIT lasts. */
    c->same_port = sim_chance(p, 0.3);
    for (unsigned i = 0; i < requests; i++)
        random_request(p, s, c, share / requests / c->sessions + 1);
    enum client_end end =
        (enum client_end)(sim_chance(p, 0.5) ? END_CLOSE : prng_below(p, END_COUNT));
    if (end == END_VANISH || end == END_SYN_ONLY)
        c->sessions = 1;
    if (c->same_port && end != END_SERVER)
        c->same_port = false;
    scenario_end(s, c, end, prng_below(p, share) + 1);
    /* Slow clients of small segments need their time; they are there to be odd, not to be many. */
    if (c->mss == 100)
        c->pause_ns /= 4;
}

/* Large packets to the clients vanish. Drawn apart, so that seeds of before mean what they meant.
 */
static void random_hole(struct scenario *s, uint64_t seed)
{
    struct prng p = { .state = seed * 0x9e3779b97f4a7c15u + 2 };

    if (!sim_chance(&p, 0.08))
        return;
    s->down.mtu = (uint32_t)PICK(&p, 600, 1100, 1300, 1420);
    s->down.mtu_from = prng_below(&p, 3 * NS_PER_S);
    if (sim_chance(&p, 0.3))
        s->down.mtu_until = s->down.mtu_from + prng_below(&p, 10 * NS_PER_S);
}

/* Drawn apart for the same reason. */
static void random_extras(struct prng *p, struct scenario *s)
{
    /* A link that carries IPv6 carries 1280 bytes (RFC 8200 section 5). */
    bool dual = s->server.mtu >= 1280 && (s->down.mtu == 0 || s->down.mtu >= 1280);

    if (sim_chance(p, 0.3))
        s->down.mark = log_uniform(p, 0.001, 0.3);
    if (sim_chance(p, 0.3))
        s->down.mark_bytes = (uint64_t)log_uniform(p, 3000, (double)s->down.queue_bytes);
    if (sim_chance(p, 0.3))
        s->up.mark = log_uniform(p, 0.001, 0.3);
    if (sim_chance(p, 0.15) && !s->wrap) /* a cookie wraps when it likes */
        s->server.syn_backlog = (uint32_t)sim_between(p, 1, 3);
    if (sim_chance(p, 0.2))
        s->server.vlan = (uint16_t)sim_between(p, 1, 4094);
    double v6 = dual ? (double)PICK(p, 0, 0, 1, 2) / 2 : 0;
    for (unsigned i = 0; i < s->client_count; i++) {
        struct client_config *c = &s->client[i];
        c->ecn = sim_chance(p, 0.4);
        c->v6 = sim_chance(p, v6);
        if (c->v6 && c->mss > s->server.mtu - 60)
            c->mss = (uint16_t)(s->server.mtu - 60);
    }
}

/* Some of the clients are the stack itself. Drawn apart, as above. */
static void random_own(struct scenario *s, uint64_t seed)
{
    struct prng p = { .state = seed * 0xd1342543de82ef95u + 3 };

    if (!sim_chance(&p, 0.3) || s->wrap)
        return;
    for (unsigned i = 0; i < s->client_count; i++) {
        struct client_config *c = &s->client[i];
        bool known = c->end == END_CLOSE || c->end == END_SERVER || c->end == END_HALF ||
                     c->end == END_RST || c->end == END_RST_LAST;
        c->own = known && !c->far && !c->v6 && sim_chance(&p, 0.5);
    }
}

/* Some clients' options are not where usual stacks put them. Drawn apart, as above. */
static void random_alignment(struct scenario *s, uint64_t seed)
{
    struct prng p = { .state = seed * 0xbf58476d1ce4e5b9u + 4 };

    for (unsigned i = 0; i < s->client_count; i++)
        s->client[i].aligned = sim_chance(&p, 0.7);
}

void scenario_random(struct scenario *s, uint64_t seed)
{
    struct prng extras = { .state = seed * 0x2545f4914f6cdd1du + 3 };
    struct prng p = { .state = seed * 0x5851f42d4c957f2du + 1 };

    scenario_defaults(s, false, NIC_CHECKSUM);
    snprintf(s->name, sizeof(s->name), "seed %" PRIu64, seed);
    s->seed = prng_next(&p);
    s->epoch = prng_below(&p, UINT64_C(1) << 50);
    random_link(&p, &s->down);
    random_link(&p, &s->up);
    if (sim_chance(&p, 0.5)) {
        s->up.rate_bps = s->down.rate_bps;
        s->up.delay_ns = s->down.delay_ns;
    }
    random_hole(s, seed);
    random_server(&p, &s->server);
    s->wrap = sim_chance(&p, 0.1);
    s->finish_ns = 3600 * NS_PER_S;
    s->settle_ns = 3600 * NS_PER_S;

    unsigned clients = (unsigned)(sim_chance(&p, 0.4) ? 1 : sim_between(&p, 1, 20));
    /* As much as the slower direction carries in some seconds. */
    double budget = s->down.rate_bps / 8 * 20;
    uint64_t bytes = budget < (double)SCENARIO_BYTES ? (uint64_t)budget : SCENARIO_BYTES;
    for (unsigned i = 0; i < clients; i++)
        random_client(&p, s, bytes / clients);
    /* Only a client that asks for enough, and gets it, sees the server's numbers wrap. */
    if (s->wrap) {
        struct client_config *c = &s->client[0];
        c->plan.count = 0;
        c->plan.server_closes = false;
        scenario_request(s, c, 150000);
        scenario_end(s, c, END_CLOSE, 0);
        c->sessions = 1;
    }
    random_extras(&extras, s);
    random_own(s, seed);
    random_alignment(s, seed);
}
