/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack/internal.h"

#include <string.h>

#include "base/assert.h"

void stack_config_defaults(struct stack_config *config)
{
    *config = (struct stack_config){
        .dad_probes = 1, /* RFC 4862 section 5.1: DupAddrDetectTransmits */
        .mtu = 1500,
        .port = { 80 },
        .port_count = 1,
        .tx_extents_max = TX_EXTENTS_MAX,
        .connections_max = 16384,
        .ranges_max = 65536,
        .rx_buffers_max = 512,
        .neighbours_max = 256,
        .time_waits_max = 32768,
        .memory = memory_heap,
    };
    tcp_limits_defaults(&config->tcp);
}

static uint32_t control_frame_bytes(const struct stack_config *config)
{
    return STACK_L2_BYTES + config->mtu;
}

/* Whether delivery rates are measured, and a model of each path is kept (tcp/bbr.h). */
static bool measures(const struct stack_config *config)
{
    return config->tcp.cc->control != NULL;
}

size_t stack_memory_bytes(const struct stack_config *config)
{
    return sizeof(struct stack) + (size_t)config->connections_max * sizeof(struct tcp_conn) +
           (size_t)config->ranges_max * sizeof(struct tcp_range) +
           (measures(config) ? (size_t)config->connections_max * sizeof(struct bbr) +
                                   (size_t)config->ranges_max * sizeof(struct rate_mark)
                             : 0) +
           (size_t)config->rx_buffers_max * sizeof(struct rx_buffer) +
           (size_t)config->time_waits_max * sizeof(struct time_wait) +
           (size_t)flow_table_entries(config->connections_max + config->time_waits_max) *
               sizeof(struct flow_entry) +
           neighbours_bytes(config->neighbours_max) +
           (size_t)CONTROL_FRAMES * control_frame_bytes(config);
}

static void conns_release(struct tcp_ctx *ctx, const struct memory *memory)
{
    memory_release(memory, ctx->conn);
    memory_release(memory, ctx->bbr);
}

static bool conns_init(struct tcp_ctx *ctx, uint32_t count, const struct memory *memory)
{
    bool model = ctx->limits.cc->control != NULL;

    ctx->conn = memory_alloc(memory, count, sizeof(*ctx->conn));
    ctx->bbr = model ? memory_alloc(memory, count, sizeof(*ctx->bbr)) : NULL;
    if (ctx->conn == NULL || (model && ctx->bbr == NULL)) {
        conns_release(ctx, memory);
        return false;
    }
    ctx->conns_max = count;
    ctx->free_head = 0;
    ctx->ready_head = ctx->ready_tail = CONN_NONE;
    for (uint32_t i = 0; i < count; i++)
        ctx->conn[i].ready_next = i + 1 < count ? i + 1 : CONN_NONE;
    return true;
}

static void tcp_ctx_init(struct tcp_ctx *ctx, const struct stack_config *config)
{
    ctx->counters = config->counters;
    ctx->app = config->app;
    ctx->app_ctx = config->app_ctx;
    ctx->limits = config->tcp;
    ctx->tx_tcp_checksum = config->tx_tcp_checksum;
    ctx->tso_bytes_max = config->tx_tso_bytes_max;
    ctx->tso_mss_min = config->tx_tso_mss_min;
    ctx->extents_max = config->tx_extents_max;
    ctx->mss_max = (uint16_t)(config->mtu - IPV4_HEADER_BYTES - TCP_HEADER_BYTES);
    ctx->mss_max_v6 = (uint16_t)(config->mtu - IPV6_HEADER_BYTES - TCP_HEADER_BYTES);
    ctx->prng.state = config->seed[0] ^ config->seed[1];
    memcpy(ctx->isn_key, config->seed, sizeof(ctx->isn_key));
    tcp_ephemeral_init(ctx);
    cookies_init(&ctx->cookies, config->seed);
}

struct stack *stack_create(const struct stack_config *config, uint64_t now)
{
    const struct memory *memory = &config->memory;
    struct stack *s = memory_alloc(memory, 1, sizeof(*s));

    ASSERT(config->connections_max > 0 && config->ranges_max > 0 && config->neighbours_max > 0);
    ASSERT(config->time_waits_max > 0);
    ASSERT(config->tx_extents_max >= 1 && config->tx_extents_max <= TX_EXTENTS_MAX);
    ASSERT(config->mtu >= 576 && config->mtu <= 9216 && config->vlan < 4095);
    ASSERT(config->address_count <= STACK_ADDRESSES_MAX);
    if (s == NULL)
        return NULL;
    s->config = *config;
    tcp_ctx_init(&s->tcp, config);
    s->parked_head = s->parked_tail = CONN_NONE;
    s->mld_answer_ns = TIME_NEVER;
    s->control.frame_bytes = control_frame_bytes(config);
    if (!conns_init(&s->tcp, config->connections_max, memory))
        goto no_conns;
    if (!range_pool_init(&s->tcp.ranges, config->ranges_max, measures(config), memory))
        goto no_ranges;
    s->tcp.ranges.reserve = config->connections_max < config->ranges_max / 2
                                ? config->connections_max
                                : config->ranges_max / 2;
    if (!rx_pool_init(&s->tcp.rx, config->rx_buffers_max, memory))
        goto no_rx;
    if (!time_waits_init(&s->time_waits, config->time_waits_max, memory))
        goto no_time_waits;
    if (!flow_table_init(&s->flows, config->connections_max + config->time_waits_max, config->seed,
                         s->tcp.conn, s->time_waits.entry, memory))
        goto no_flows;
    if (!neighbours_init(&s->neighbours, config->neighbours_max, config->seed, config->counters,
                         memory))
        goto no_neighbours;
    s->control.bytes = memory_alloc(memory, CONTROL_FRAMES, s->control.frame_bytes);
    if (s->control.bytes == NULL)
        goto no_control;
    wheel_init(&s->wheel, s->tcp.conn, now);
    stack_set_now(s, now);
    autoconf_init(s);
    return s;

no_control:
    neighbours_release(&s->neighbours, memory);
no_neighbours:
    flow_table_release(&s->flows, memory);
no_flows:
    time_waits_release(&s->time_waits, memory);
no_time_waits:
    rx_pool_release(&s->tcp.rx, memory);
no_rx:
    range_pool_release(&s->tcp.ranges, memory);
no_ranges:
    conns_release(&s->tcp, memory);
no_conns:
    memory_release(memory, s);
    return NULL;
}

void stack_destroy(struct stack *s)
{
    if (s == NULL)
        return;
    struct memory memory = s->config.memory;

    memory_release(&memory, s->control.bytes);
    neighbours_release(&s->neighbours, &memory);
    flow_table_release(&s->flows, &memory);
    time_waits_release(&s->time_waits, &memory);
    rx_pool_release(&s->tcp.rx, &memory);
    range_pool_release(&s->tcp.ranges, &memory);
    conns_release(&s->tcp, &memory);
    memory_release(&memory, s);
}

void stack_set_now(struct stack *s, uint64_t now)
{
    if (now == s->tcp.now)
        return;
    s->tcp.now = now;
    s->tcp.now_ms = (uint32_t)(now / NS_PER_MS);
}

void stack_time(struct stack *s, uint64_t now)
{
    stack_set_now(s, now);
}

void stack_unpark(struct stack *s)
{
    struct tcp_ctx *tcp = &s->tcp;

    if (s->parked_head == CONN_NONE)
        return;
    if (tcp->ready_tail != CONN_NONE)
        tcp->conn[tcp->ready_tail].ready_next = s->parked_head;
    else
        tcp->ready_head = s->parked_head;
    tcp->ready_tail = s->parked_tail;
    s->parked_head = s->parked_tail = CONN_NONE;
}

void stack_conn_free(struct stack *s, struct tcp_conn *c)
{
    ASSERT(c->state == TCP_STATE_CLOSED);
    if (c->in_flows)
        flow_table_remove(&s->flows, conn_index(c), c->flow_hash);
    c->in_flows = false;
    wheel_remove(&s->wheel, c);
    conn_give(c);
}

void stack_tell(struct stack *s, const struct stack_news *news)
{
    if (s->config.tell != NULL)
        s->config.tell(s->config.tell_ctx, news);
}

void stack_neighbour_heard(struct stack *s, const struct ip_addr *ip, const struct mac_addr *mac)
{
    struct stack_news news = { .kind = STACK_NEWS_NEIGHBOUR, .ip = *ip, .mac = *mac };

    if (!neighbours_learn(&s->neighbours, ip, mac, s->tcp.now))
        return;
    stack_unpark(s);
    stack_tell(s, &news);
}

void stack_neighbour_answered(struct stack *s, const struct ip_addr *ip, const struct mac_addr *mac)
{
    struct stack_news news = { .kind = STACK_NEWS_ANSWER, .ip = *ip, .mac = *mac };

    stack_tell(s, &news);
}

void stack_hear(struct stack *s, const struct stack_news *news, uint64_t now)
{
    stack_set_now(s, now);
    switch ((enum stack_news_kind)news->kind) {
    case STACK_NEWS_ANSWER:
        if (neighbours_find(&s->neighbours, &news->ip) == NEIGHBOUR_NONE)
            break;
        /* fall through */
    case STACK_NEWS_NEIGHBOUR:
        if (neighbours_learn(&s->neighbours, &news->ip, &news->mac, now))
            stack_unpark(s);
        break;
    case STACK_NEWS_ROUTER:
        autoconf_router(s, news);
        break;
    case STACK_NEWS_PREFIX:
        autoconf_prefix(s, news);
        break;
    case STACK_NEWS_MLD_QUERY:
        mld_query(s, news->lifetime_s);
        break;
    case STACK_NEWS_DUPLICATE:
        autoconf_duplicate(s, news);
        break;
    case STACK_NEWS_ERROR:
        icmp_error_heard(s, &news->error);
        break;
    }
}

void stack_announce(struct stack *s)
{
    s->announce = true;
}

/* Calls f for each connection that the application knows. */
static void for_each_open(struct stack *s, void (*f)(struct tcp_conn *c))
{
    for (uint32_t i = 0; i < s->tcp.conns_max; i++)
        if (s->tcp.conn[i].state != TCP_STATE_CLOSED)
            f(&s->tcp.conn[i]);
}

static void drain_one(struct tcp_conn *c)
{
    /* Half-open: a flood must not keep the server from going down; a true client's ACK gets a RST.
     */
    if (conn_opening(c) && !c->reset_pending)
        conn_finish(c, TCP_CLOSE_ABORTED);
    if (c->app_open && !c->reset_pending)
        c->ctx->app->drain(c->ctx->app_ctx, c, c->ctx->now);
}

void stack_drain(struct stack *s, uint64_t now)
{
    stack_set_now(s, now);
    s->tcp.draining = true;
    for_each_open(s, drain_one);
}

static void abort_one(struct tcp_conn *c)
{
    if (c->state != TCP_STATE_TIME_WAIT)
        conn_abort(c);
}

void stack_abort_all(struct stack *s, uint64_t now)
{
    stack_set_now(s, now);
    for_each_open(s, abort_one);
}

struct stack_usage stack_usage(const struct stack *s)
{
    const struct tcp_ctx *tcp = &s->tcp;

    return (struct stack_usage){
        .connections = tcp->conns_open + s->time_waits.used,
        .time_wait = tcp->conns_time_wait + s->time_waits.used,
        .ranges = tcp->ranges.count - tcp->ranges.free_count,
        .rx_buffers = tcp->rx.count - tcp->rx.free_count,
    };
}

uint32_t stack_connections(const struct stack *s)
{
    return s->tcp.conns_open - s->tcp.conns_time_wait;
}
