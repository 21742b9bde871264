/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

/* The server's first sequence number, counted in 4 us steps (RFC 6528), lies so many bytes before
 * the wrap when a scenario asks for one. */
#define WRAP_NEAREST  20000
#define WRAP_FARTHEST 80000
#define ISN_TICK_NS   4000
#define WRAP_TRIES    64

struct world {
    const struct scenario *scenario;
    struct sim sim;
    struct network network;
    struct server server;
    struct client client[CLIENTS_MAX];
};

static struct world *world_create(const struct scenario *scenario, uint64_t epoch,
                                  struct trace trace)
{
    struct world *world = calloc(1, sizeof(*world));

    if (world == NULL)
        abort();
    world->scenario = scenario;
    sim_init(&world->sim, scenario->seed, epoch);
    world->sim.trace = trace;
    network_init(&world->network, &world->sim, &scenario->down, &scenario->up);
    memcpy(world->network.down.rules, scenario->rule, sizeof(scenario->rule));
    memcpy(world->network.up.rules, scenario->rule, sizeof(scenario->rule));
    server_init(&world->server, &world->network, &scenario->server);
    for (unsigned i = 0; i < scenario->client_count; i++) {
        client_init(&world->client[i], &world->network, i, &scenario->client[i]);
        for (unsigned k = 0; k < SESSIONS_MAX; k++)
            world->client[i].watch[k].cookies = server_sends_cookies(&scenario->server);
    }
    world->network.client_count = scenario->client_count;
    sim_replan(&world->server.node);
    for (unsigned i = 0; i < scenario->client_count; i++)
        sim_replan(&world->client[i].node);
    return world;
}

static void world_destroy(struct world *world)
{
    for (unsigned i = 0; i < world->scenario->client_count; i++)
        client_destroy(&world->client[i]);
    sim_destroy(&world->sim);
    free(world);
}

static bool clients_done(const struct world *world)
{
    for (unsigned i = 0; i < world->scenario->client_count; i++)
        if (!client_done(&world->client[i]))
            return false;
    return true;
}

static void fail_stalled(struct world *world)
{
    for (unsigned i = 0; i < world->scenario->client_count; i++) {
        const struct client *client = &world->client[i];
        const struct client_conn *c = &client->conn;
        if (!client_done(client))
            sim_fail(&world->sim,
                     "client %u is not done: phase %d, session %u, answers %u of %u, "
                     "%" PRIu64 " bytes heard, received %" PRId64 ", read %" PRId64
                     ", window to %" PRId64 ", sent %" PRId64 ", acknowledged %" PRId64 ", FIN %s",
                     i, (int)client->phase, client->session, client->dialogue.answered,
                     client->dialogue.plan != NULL ? client->dialogue.plan->count : 0,
                     client->heard, c->rcv, c->read, c->advertised, c->top, c->una,
                     c->fin != 0 ? "received" : "not received");
    }
}

static void run_clients(struct world *world)
{
    uint64_t until = world->sim.epoch + world->scenario->finish_ns;

    if (world->scenario->stop_ns != 0)
        until = world->sim.epoch + world->scenario->stop_ns;
    while (!world->sim.failed && !clients_done(world))
        if (!sim_step(&world->sim, until))
            break;
    if (world->scenario->stop_ns == 0)
        fail_stalled(world);
}

/* The clients are gone; now the server must forget them. */
static void run_server(struct world *world, struct result *result)
{
    uint64_t since = world->sim.now;
    uint64_t until = since + world->scenario->settle_ns;

    while (!world->sim.failed && (stack_usage(world->server.stack).connections > 0 ||
                                  nic_room(&world->server.nic) < world->server.nic.config->ring))
        if (!sim_step(&world->sim, until))
            break;
    result->settled_ns = world->sim.now - since;
    if (!world->sim.failed)
        server_check_empty(&world->server);
}

static void collect(struct world *world, struct result *result)
{
    uint64_t first = UINT64_MAX, last = 0;

    for (unsigned i = 0; i < world->scenario->client_count; i++) {
        const struct client *client = &world->client[i];
        result->bytes += client->heard;
        result->echoes += client->echoes;
        result->heard_segments += client->segments;
        if (client->first_byte_ns != 0 && client->first_byte_ns < first)
            first = client->first_byte_ns;
        if (client->last_byte_ns > last)
            last = client->last_byte_ns;
        if (client->longest_gap_ns > result->longest_gap_ns)
            result->longest_gap_ns = client->longest_gap_ns;
        for (unsigned k = 0; k < SESSIONS_MAX; k++) {
            const struct watch *w = &client->watch[k];
            result->sent += w->payload;
            result->retransmitted += w->retransmitted;
            result->wrapped |= w->wrapped;
        }
    }
    result->lost = world->network.down.lost + world->network.up.lost;
    result->marked = world->network.down.marked + world->network.up.marked;
    result->elapsed_ns = last > first ? last - first : 0;
    result->virtual_ns = world->sim.now - world->sim.epoch;
    result->counters = world->server.counters;
}

/* The initial sequence number that the server chooses for client 0 when the scenario begins then.
 */
static uint32_t probe_isn(const struct scenario *scenario, uint64_t epoch)
{
    struct world *world = world_create(scenario, epoch, (struct trace){ 0 });
    const struct watch *watch = &world->client[0].watch[0];
    uint64_t until = epoch + scenario->finish_ns;

    while (!world->sim.failed && !watch->open && sim_step(&world->sim, until))
        ;
    uint32_t isn = watch->isn;
    server_destroy(&world->server);
    world_destroy(world);
    return isn;
}

/* The moment at which the scenario must begin for that number to be just below 2^32. Another
 * beginning may change what happens before (a SYN is lost, and sent again a second later): try a
 * few times. */
static uint64_t epoch_for_wrap(const struct scenario *scenario)
{
    uint64_t epoch = scenario->epoch;

    for (unsigned tries = 0; tries < WRAP_TRIES; tries++) {
        uint32_t isn = probe_isn(scenario, epoch);
        if (isn > (uint32_t)-WRAP_FARTHEST)
            break;
        /* Another aim each time, or two epochs could lead to each other for ever. */
        uint32_t distance = WRAP_NEAREST + tries * 7919 % (WRAP_FARTHEST - WRAP_NEAREST);
        epoch += (uint64_t)((uint32_t)-distance - isn) * ISN_TICK_NS;
    }
    return epoch;
}

struct result scenario_run(const struct scenario *scenario, struct trace trace)
{
    uint64_t epoch = scenario->wrap ? epoch_for_wrap(scenario) : scenario->epoch;
    struct world *world = world_create(scenario, epoch, trace);
    struct result result = { 0 };

    run_clients(world);
    if (!world->sim.failed && scenario->stop_ns == 0)
        run_server(world, &result);
    collect(world, &result);
    if (scenario->wrap && !result.wrapped)
        sim_fail(&world->sim, "the server's sequence numbers did not wrap");
    if (result.counters.payload_bytes_copied > 0 && scenario->server.http &&
        result.counters.payload_bytes_referenced == 0 && result.bytes > 1000000)
        sim_fail(&world->sim, "files were served by copying");
    if (scenario->arp_requests_max != 0 &&
        result.counters.arp_request_out > scenario->arp_requests_max)
        sim_fail(&world->sim, "%" PRIu64 " ARP requests", result.counters.arp_request_out);
    const char *unmet =
        !world->sim.failed && scenario->expect != NULL ? scenario->expect(&result) : NULL;
    if (unmet != NULL)
        sim_fail(&world->sim, "%s", unmet);
    server_destroy(&world->server);
    result.failed = world->sim.failed;
    memcpy(result.failure, world->sim.failure, sizeof(result.failure));
    world_destroy(world);
    return result;
}
