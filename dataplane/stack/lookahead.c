/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * With many connections the next frame's one is in no cache. All frames of a burst name theirs
 * before the first is looked at, so that the misses overlap: first the entries of the flow table
 * are asked for, then the connections that they point to, then what those point to. Only hints:
 * what a frame really is, input decides.
 *
 * The same for output: a connection that had its turn and goes on comes again when all others had
 * theirs. While one sends, the next but one is asked for, and what the next points to.
 */
#include "base/bytes.h"
#include "stack/internal.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"

enum {
    CONNECTIONS_MIN = 1024, /* fewer stay in the caches by themselves */
    CACHE_LINE = 64,
};

/* The flow's hash, of untagged IPv4 TCP without IP options; 0: something else. */
static uint32_t frame_hash(const struct stack *s, const struct frame *frame)
{
    const uint8_t *ip = frame->data + ETH_HEADER_BYTES, *ports = ip + IPV4_HEADER_BYTES;

    if (frame->len < ETH_HEADER_BYTES + IPV4_HEADER_BYTES + 4 ||
        get_be16(frame->data + 12) != ETH_TYPE_IPV4 || ip[0] != 0x45 || ip[9] != IP_PROTOCOL_TCP)
        return 0;
    struct tcp_key key = { .remote = ip_addr_from_v4(get_be32(ip + 12)),
                           .local = ip_addr_from_v4(get_be32(ip + 16)),
                           .remote_port = get_be16(ports),
                           .local_port = get_be16(ports + 2) };
    return flow_hash(&s->flows, &key);
}

/* The connection, and what the application has of it. */
static void ask_for(const struct stack *s, uint32_t index)
{
    const struct tcp_conn *c = &s->tcp.conn[index];

    for (const char *p = (const char *)c; p < (const char *)(c + 1); p += CACHE_LINE)
        __builtin_prefetch(p);
    if (s->config.app->look_ahead != NULL)
        s->config.app->look_ahead(s->config.app_ctx, index, false);
}

/* What they point to; range, if there is one, is the one of the bytes that come next. */
static void ask_for_more(const struct stack *s, uint32_t index, uint32_t range)
{
    if (range != RANGE_NONE)
        __builtin_prefetch(&s->tcp.ranges.range[range]);
    if (s->config.app->look_ahead != NULL)
        s->config.app->look_ahead(s->config.app_ctx, index, true);
}

void stack_look_ahead(const struct stack *s, const struct frame *frames, unsigned n)
{
    uint32_t hash[STACK_LOOK_AHEAD], conn[STACK_LOOK_AHEAD];

    if (s->tcp.conns_open < CONNECTIONS_MIN)
        return;
    for (unsigned i = 0; i < n; i++) {
        hash[i] = frame_hash(s, &frames[i]);
        __builtin_prefetch(&s->flows.entry[hash[i] & s->flows.mask]);
    }
    for (unsigned i = 0; i < n; i++) {
        const struct flow_entry *e = &s->flows.entry[hash[i] & s->flows.mask];
        conn[i] = e->hash == hash[i] ? e->conn : FLOW_NONE;
        if (conn[i] < FLOW_TIME_WAIT)
            ask_for(s, conn[i]);
    }
    for (unsigned i = 0; i < n; i++)
        if (conn[i] < FLOW_TIME_WAIT)
            ask_for_more(s, conn[i], s->tcp.conn[conn[i]].ranges.head);
}

void stack_look_ahead_output(const struct stack *s)
{
    uint32_t next = s->tcp.ready_head;

    if (s->tcp.conns_open < CONNECTIONS_MIN || next == CONN_NONE)
        return;
    const struct tcp_conn *n = &s->tcp.conn[next];
    ask_for_more(s, next, n->ranges.tail);
    if (n->ready_next != CONN_NONE)
        ask_for(s, n->ready_next);
}
