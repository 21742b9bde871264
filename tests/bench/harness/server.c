/* SPDX-License-Identifier: BSD-3-Clause */
#include "server.h"

#include <string.h>
#include <time.h>

/* Where the server closes, places are held by TIME-WAIT. A minute of it at full speed would take
 * millions of them: here it is short, so that what is measured is the work of a connection. */
#define SPARE_CONNECTIONS   1024
#define SPARE_FOR_TIME_WAIT 65536
#define SHORT_TIME_WAIT_NS  (20 * NS_PER_MS)

static void stack_settings(struct stack_config *stack, const struct server_config *config)
{
    stack_config_defaults(stack);
    stack->mac = config->mac;
    stack->address[0] = (struct stack_address){ ip_addr_from_v4(config->ip), 24 };
    stack->address_count = 1;
    stack->dad_probes = 0;
    stack->gateway = ip_addr_from_v4(config->gateway);
    stack->mtu = config->mtu;
    stack->tx_ip_checksum = stack->tx_tcp_checksum = config->checksum_offload;
    stack->tx_tso_bytes_max = config->tso_bytes;
    stack->connections_max = config->connections + SPARE_CONNECTIONS;
    if (config->closes) {
        stack->connections_max += SPARE_FOR_TIME_WAIT;
        stack->tcp.time_wait_ns = SHORT_TIME_WAIT_NS;
    }
    if (stack->ranges_max < 4 * stack->connections_max)
        stack->ranges_max = 4 * stack->connections_max;
    stack->seed[0] = UINT64_C(0x9e3779b97f4a7c15); /* the same hash in every run */
    stack->seed[1] = UINT64_C(0xc2b2ae3d27d4eb4f);
    stack->memory = config->memory;
}

static size_t tables_bytes(uint32_t connections)
{
    struct stack_config stack;
    struct http_config http;

    stack_config_defaults(&stack);
    http_config_defaults(&http);
    stack.time_waits_max = 0;
    stack.connections_max = http.connections_max = connections;
    return stack_memory_bytes(&stack) + http_server_memory_bytes(&http);
}

double server_connection_bytes(void)
{
    const uint32_t many = 1u << 20;

    return (double)(tables_bytes(2 * many) - tables_bytes(many)) / many;
}

static int64_t wall_offset(const struct bench_clock *clock)
{
    struct timespec wall;

    if (clock->virtual_ns != NULL)
        return 0;
    clock_gettime(CLOCK_REALTIME, &wall);
    return (int64_t)wall.tv_sec * (int64_t)NS_PER_S + wall.tv_nsec -
           (int64_t)bench_clock_now(clock);
}

static bool start_stack(struct server *s, const struct server_config *config)
{
    struct stack_config stack;
    struct http_config http;

    stack_settings(&stack, config);
    http_config_defaults(&http);
    http.catalogue = pool_catalogue(config->pool);
    http.connections_max = http.responses_max = stack.connections_max;
    http.wall_offset_ns = wall_offset(&config->clock);
    http.counters = stack.counters = &s->counters;
    http.memory = config->memory;
    if (config->stream != NULL) {
        http.leases = config->streaming->leases;
        http.stream_files = config->streaming->stream_files;
        http.frames = config->streaming->frames;
    }
    s->http = http_server_create(&http);
    if (s->http == NULL)
        return false;
    stack.app = &http_app;
    stack.app_ctx = s->http;
    s->stack = stack_create(&stack, bench_clock_now(&s->clock));
    return s->stack != NULL;
}

bool server_start(struct server *s, const struct server_config *config)
{
    struct io_tx_config tx = {
        .wire = config->wire,
        .heads = config->pools->heads,
        .extents = config->pools->extents,
        .arena = pool_arena(config->pool),
        .extents_max = TX_EXTENTS_MAX,
        .ip_checksum = config->checksum_offload,
        .tcp_checksum = config->checksum_offload,
        .counters = &s->counters,
        .memory = config->memory,
    };

    memset(s, 0, sizeof(*s));
    s->clock = config->clock;
    s->stream = config->stream;
    io_rx_init(&s->rx, config->wire, &s->counters);
    s->tx = io_tx_create(&tx);
    if (s->tx != NULL && start_stack(s, config)) {
        server_resume(s);
        return true;
    }
    server_end(s);
    return false;
}

void server_release(struct server *s)
{
    io_tx_destroy(s->tx);
    s->tx = NULL;
}

void server_end(struct server *s)
{
    server_release(s);
    if (s->stack != NULL)
        stack_destroy(s->stack);
    if (s->http != NULL)
        http_server_destroy(s->http);
}

/* Returns whether a packet was made or taken. */
static bool send_burst(struct server *s, uint64_t now)
{
    uint64_t before = s->counters.tx_packets;
    unsigned room, n = 0;

    if (io_tx_flush(s->tx, now)) {
        struct tx_slot *slots = io_tx_slots(s->tx, &room);
        n = stack_output(s->stack, slots, room, now);
        io_tx_send(s->tx, n, now);
    }
    return n > 0 || s->counters.tx_packets != before;
}

void server_turn(struct server *s)
{
    unsigned frames = io_rx_burst(&s->rx);
    uint64_t now = bench_clock_now(&s->clock);

    turn_clock_mark(&s->turn, now);
    s->turn.worked = s->rx.mbuf_count > 0;
    if (s->turn.worked) {
        stack_input(s->stack, s->rx.frames, frames, now);
        io_rx_release(&s->rx);
    }
    if (s->stream != NULL)
        s->turn.worked |= stream_link_read(s->stream, s->stack, s->http, now);
    s->turn.worked |= send_burst(s, now);
    if (s->stream != NULL)
        s->turn.worked |= stream_link_ask(s->stream, s->http);
    COUNT(&s->counters, loop_turns);
}

void server_account(struct server *s)
{
    turn_clock_mark(&s->turn, bench_clock_now(&s->clock));
}

void server_resume(struct server *s)
{
    s->turn.last = bench_clock_now(&s->clock);
}
