/* SPDX-License-Identifier: BSD-3-Clause */
#include "server.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "content.h"
#include "http/http.h"
#include "network.h"
#include "trace.h"
#include "wire/ipv6.h"

#define RX_BURST 32

/* A worker that has nothing to do may be woken that often per millisecond and connection slot;
 * timers are due one by one, and a wheel may turn a few times for nothing. */
#define IDLE_RUNS_PER_MS 64

/* ------------------------------------------------------------------------------- the core's memory
 */

static void *counted_alloc(void *ctx, size_t bytes, size_t align)
{
    uint64_t *in_use = ctx;

    ++*in_use;
    return memory_heap.alloc(memory_heap.ctx, bytes, align);
}

static void counted_release(void *ctx, void *block)
{
    uint64_t *in_use = ctx;

    --*in_use;
    memory_heap.release(memory_heap.ctx, block);
}

/* ------------------------------------------------------------------------------------- receiving
 */

static void server_input(struct sim_node *node, struct packet *packet)
{
    struct server *server = (struct server *)node;

    trace_capture(node->sim, "<", packet);
    if (server->rx_count == RX_RING) {
        free(packet);
        return;
    }
    server->rx[server->rx_count++] = packet;
    if (server->poll_at == TIME_NEVER)
        server->poll_at = node->sim->now + prng_below(&server->prng, server->config->poll_ns + 1);
}

/* Tells the referee, and what a port that checks checksums would say of the frame. */
static uint32_t inspect(struct server *server, const struct packet *packet)
{
    struct segment segment;
    struct arp arp;
    const char *why;

    if (packet_parse(packet, &segment, &arp, &why) != PACKET_TCP)
        return 0;
    struct watch *watch = network_watch(server->network, segment.src_ip, segment.src_port);
    if (watch != NULL)
        watch_arrived(watch, &segment);
    if (server->config->nic.mode == NIC_SOFTWARE)
        return 0;
    return FRAME_IP_CHECKSUM_GOOD | FRAME_L4_CHECKSUM_GOOD;
}

static void poll_rx(struct server *server, uint64_t now)
{
    for (unsigned at = 0; at < server->rx_count;) {
        struct frame frames[RX_BURST];
        unsigned n = 0;
        while (n < RX_BURST && at + n < server->rx_count) {
            struct packet **packet = &server->rx[at + n];
            uint32_t flags = inspect(server, *packet);
            if (server->config->vlan != 0)
                *packet = packet_tag(*packet, server->config->vlan);
            frames[n++] = (struct frame){ (*packet)->data, (*packet)->len, flags };
        }
        stack_input(server->stack, frames, n, now);
        for (unsigned i = 0; i < n; i++)
            free(server->rx[at + i]);
        at += n;
    }
    server->rx_count = 0;
    server->poll_at = TIME_NEVER;
}

/* --------------------------------------------------------------------------------------- sending
 */

/* Returns whether anything was sent. */
static bool fill_ring(struct server *server, uint64_t now)
{
    const struct server_config *config = server->config;
    uint16_t capacity = (uint16_t)(config->mtu + STACK_L2_BYTES);
    struct tx_slot slots[BURST_MAX];
    bool any = false;

    for (;;) {
        unsigned want = nic_room(&server->nic);
        if (want == 0)
            return any;
        if (want > config->nic.burst)
            want = config->nic.burst;
        for (unsigned i = 0; i < want; i++) {
            /* Not zeroed: the stack fills in all that matters. */
            memset(&slots[i], 0xee, sizeof(slots[i]));
            slots[i].head_capacity = capacity;
            slots[i].head = server->head[i];
        }
        inside_before(server->inside, server->stack);
        unsigned n = stack_output(server->stack, slots, want, now);
        bool quiet = n < want && stack_deadline(server->stack) > now;
        const char *why = inside_after(server->inside, server->stack, quiet);
        if (why != NULL)
            sim_fail(server->node.sim, "%s", why);
        server->calls++;
        for (unsigned i = 0; i < n; i++) {
            nic_split(&server->nic, &slots[i], n - i);
            nic_take(&server->nic, &slots[i]);
        }
        any |= n > 0;
        if (n < want)
            return any;
    }
}

/* The worker may sleep until the stack's deadline: it must not be told to spin. */
static void check_spin(struct server *server, uint64_t now, bool useful)
{
    if (useful || now - server->window_start >= NS_PER_MS) {
        server->window_start = now;
        server->idle_runs = 0;
    }
    if (!useful && ++server->idle_runs > IDLE_RUNS_PER_MS + server->config->connections_max)
        sim_fail(server->node.sim,
                 "busy spin: %u calls of stack_output within 1 ms did nothing, "
                 "deadline in %" PRId64 " ns",
                 server->idle_runs, (int64_t)(stack_deadline(server->stack) - now));
}

static void connect_to_client(struct server *server)
{
    const struct client *client = server->network->clients[0];
    struct tcp_peer local = { .port = SERVER_PORT };
    struct tcp_peer remote = { ip_addr_from_v4(client->ip), client->config->own_port };
    struct tcp_conn *conn;

    if (stack_connect(server->stack, &local, &remote, &conn, server->node.sim->now) !=
        STACK_CONNECT_OK)
        sim_fail(server->node.sim, "the server cannot connect");
}

static void apply_schedule(struct server *server, uint64_t since)
{
    const struct server_config *config = server->config;

    if (config->connect_at != 0 && since >= config->connect_at && !server->connected) {
        server->connected = true;
        connect_to_client(server);
    }
    if (config->drain_at != 0 && since >= config->drain_at && !server->drained) {
        server->drained = true;
        stack_drain(server->stack, server->node.sim->now);
    }
    if (config->abort_at != 0 && since >= config->abort_at && !server->aborted) {
        server->aborted = true;
        stack_abort_all(server->stack, server->node.sim->now);
    }
}

static void server_run(struct sim_node *node)
{
    struct server *server = (struct server *)node;
    uint64_t now = node->sim->now;
    bool useful = server->poll_at <= now || nic_deadline(&server->nic) <= now;

    nic_run(&server->nic);
    if (server->poll_at <= now)
        poll_rx(server, now);
    apply_schedule(server, now - node->sim->epoch);
    useful |= fill_ring(server, now);
    check_spin(server, now, useful);
}

static uint64_t server_deadline(const struct sim_node *node)
{
    const struct server *server = (const struct server *)node;
    const struct server_config *config = server->config;
    uint64_t when = time_min(nic_deadline(&server->nic), server->poll_at);

    if (nic_room(&server->nic) > 0)
        when = time_min(when, stack_deadline(server->stack));
    if (config->connect_at != 0 && !server->connected)
        when = time_min(when, node->sim->epoch + config->connect_at);
    if (config->drain_at != 0 && !server->drained)
        when = time_min(when, node->sim->epoch + config->drain_at);
    if (config->abort_at != 0 && !server->aborted)
        when = time_min(when, node->sim->epoch + config->abort_at);
    return when;
}

/* ------------------------------------------------------------------------------ building it up */

static void create_application(struct server *server, struct memory memory)
{
    const struct server_config *config = server->config;

    if (!config->http) {
        server->app = testapp_create(server->node.sim, config->connections_max, config->extent_max,
                                     config->inline_max);
        return;
    }
    server->catalogue = content_catalogue(config->file_size, config->file_count, &server->prng);

    struct http_config http;
    http_config_defaults(&http);
    http.catalogue = server->catalogue;
    http.connections_max = config->connections_max;
    http.header_timeout_ns = http.idle_timeout_ns = http.write_timeout_ns = 600 * NS_PER_S;
    if (config->responses_max != 0)
        http.responses_max = config->responses_max;
    http.counters = &server->counters;
    http.memory = memory;
    server->http = http_server_create(&http);
    if (server->http == NULL)
        abort();
}

static struct stack_config stack_configuration(struct server *server, struct memory memory)
{
    const struct server_config *config = server->config;
    struct stack_config s;

    stack_config_defaults(&s);
    memcpy(s.mac.b, server_mac, 6);
    s.address[0] = (struct stack_address){ ip_addr_from_v4(SERVER_IP), SERVER_PREFIX };
    s.address_count = 1;
    s.gateway = ip_addr_from_v4(GATEWAY_IP);
    if (config->mtu >= IPV6_MTU_MIN) {
        packet_ipv6_address(SERVER_IP, s.address[1].ip.b);
        s.address[1].prefix_len = SERVER_PREFIX6;
        s.address_count = 2;
        packet_ipv6_address(GATEWAY_IP, s.gateway6.b);
        s.dad_probes = 0;
    }
    s.mtu = config->mtu;
    s.vlan = config->vlan;
    if (config->cc != NULL)
        s.tcp.cc = config->cc;
    s.port[0] = SERVER_PORT;
    s.tx_ip_checksum = s.tx_tcp_checksum = config->nic.mode != NIC_SOFTWARE;
    s.tx_tso_bytes_max = config->nic.mode == NIC_TSO ? config->nic.tso_bytes_max : 0;
    s.tx_extents_max = config->nic.extents_max;
    s.connections_max = config->connections_max;
    if (config->syn_backlog != 0)
        s.tcp.syn_backlog = config->syn_backlog;
    s.ranges_max = config->ranges_max;
    s.rx_buffers_max = config->rx_buffers_max;
    s.neighbours_max = config->neighbours_max;
    memcpy(s.seed, config->seed, sizeof(s.seed));
    s.app = config->http ? &http_app : &testapp_functions;
    s.app_ctx = config->http ? (void *)server->http : (void *)server->app;
    s.counters = &server->counters;
    s.memory = memory;
    return s;
}

void server_init(struct server *server, struct network *network, const struct server_config *config)
{
    memset(server, 0, sizeof(*server));
    server->node = (struct sim_node){ .input = server_input,
                                      .deadline = server_deadline,
                                      .run = server_run,
                                      .sim = network->sim,
                                      .wake = TIME_NEVER };
    server->network = network;
    server->config = config;
    server->prng.state = prng_next(&network->sim->prng);
    server->poll_at = TIME_NEVER;
    network->server = &server->node;
    nic_init(&server->nic, network->sim, &config->nic, config->mtu, config->vlan);
    for (unsigned i = 0; i < config->nic.burst; i++) {
        server->head[i] = malloc(config->mtu + STACK_L2_BYTES);
        if (server->head[i] == NULL)
            abort();
    }

    struct memory memory = { counted_alloc, counted_release, &server->memory_in_use };
    create_application(server, memory);
    struct stack_config stack = stack_configuration(server, memory);
    server->stack = stack_create(&stack, network->sim->now);
    if (server->stack == NULL)
        abort();
    server->inside = inside_create(config->connections_max);
}

void server_check_empty(struct server *server)
{
    struct sim *sim = server->node.sim;
    struct file_pin pins =
        server->config->http ? http_server_pins(server->http) : testapp_pins(server->app);

    struct stack_usage usage = stack_usage(server->stack);

    if (usage.connections != 0 || usage.time_wait != 0)
        sim_fail(sim, "%" PRIu32 " connections are left at the end", usage.connections);
    if (usage.ranges != 0 || usage.rx_buffers != 0)
        sim_fail(sim, "%" PRIu32 " ranges and %" PRIu32 " buffers are left at the end",
                 usage.ranges, usage.rx_buffers);
    if (server->app != NULL && testapp_open(server->app) != 0)
        sim_fail(sim, "closed() was not called for %" PRIu32 " connections",
                 testapp_open(server->app));
    if (pins.in_flight != 0 || pins.responses != 0)
        sim_fail(sim, "pins are left at the end: %" PRIu32 " in flight, %" PRIu32 " responses",
                 pins.in_flight, pins.responses);
}

void server_destroy(struct server *server)
{
    stack_destroy(server->stack);
    if (server->http != NULL)
        http_server_destroy(server->http);
    if (server->memory_in_use != 0)
        sim_fail(server->node.sim, "%" PRIu64 " blocks of memory were not released",
                 server->memory_in_use);
    inside_destroy(server->inside);
    testapp_destroy(server->app);
    if (server->catalogue != NULL)
        content_catalogue_destroy(server->catalogue);
    nic_destroy(&server->nic);
    for (unsigned i = 0; i < server->config->nic.burst; i++)
        free(server->head[i]);
    for (unsigned i = 0; i < server->rx_count; i++)
        free(server->rx[i]);
}
