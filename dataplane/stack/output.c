/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of a packet: timers that are due, control frames, then each ready connection in turn. */
#include <string.h>

#include "base/assert.h"
#include "stack/internal.h"

enum {
    /* Packets of one connection before the next has its turn: a burst that fills a large part of a
     * descriptor ring would delay everybody else. */
    CONN_QUANTUM = 16,
    /* Connections looked at in one call, beyond those that send: bounds the call. */
    IDLE_TURNS_MAX = 256,
};

static void packet_output(struct stack *s, const struct tcp_conn *c, struct tx_slot *slot)
{
    const struct stack_config *config = &s->config;
    const struct neighbour *n = &s->neighbours.entry[c->neighbour];
    uint32_t len = slot->l4_len + slot->payload_len;

    slot->l2_len = (uint8_t)link_bytes(s);
    slot->ipv4 = ip_addr_is_v4(&c->key.remote);
    if (slot->ipv4) {
        uint8_t *p = link_emit(s, slot->head, &n->mac, ETH_TYPE_IPV4);
        ipv4_emit(p, &c->key.local, &c->key.remote, IP_PROTOCOL_TCP, slot->ecn,
                  IPV4_HEADER_BYTES + len, config->tx_ip_checksum);
        slot->l3_len = IPV4_HEADER_BYTES;
        return;
    }
    /* The flow's own label, so that links in parallel keep it in order (RFC 6437 section 3). */
    uint8_t *p = link_emit(s, slot->head, &n->mac, ETH_TYPE_IPV6);
    ipv6_emit(p, &c->key.local, &c->key.remote, IP_PROTOCOL_TCP, slot->ecn, c->flow_hash,
              CONTROL_HOP_LIMIT, len);
    slot->l3_len = IPV6_HEADER_BYTES;
}

/* The usual lengths by moves of that length, not by a call. */
static inline void header_copy(uint8_t *to, const uint8_t *from, uint32_t len)
{
    if (LIKELY(len == ETH_HEADER_BYTES + IPV4_HEADER_BYTES))
        memcpy(to, from, ETH_HEADER_BYTES + IPV4_HEADER_BYTES);
    else
        memcpy(to, from, len);
}

/* Ethernet and IP headers, of `at` bytes, in front of what tcp_output() wrote: for packets of one
 * size the same. */
static void link_output(struct stack *s, const struct tcp_conn *c, struct tx_slot *slots,
                        unsigned n, uint32_t at)
{
    packet_output(s, c, &slots[0]);
    for (unsigned i = slots[0].packets; i < n; i += slots[i].packets) {
        if (slots[i].payload_len != slots[0].payload_len) {
            packet_output(s, c, &slots[i]);
            continue;
        }
        header_copy(slots[i].head, slots[0].head, at);
        slots[i].l2_len = slots[0].l2_len;
        slots[i].l3_len = slots[0].l3_len;
        slots[i].ipv4 = slots[0].ipv4;
    }
}

static void park(struct stack *s, struct tcp_conn *c)
{
    struct tcp_ctx *tcp = &s->tcp;

    if (c->on_ready) /* a timer or the application touched it in this turn: it comes again */
        return;
    COUNT(s->config.counters, neighbour_unresolved);
    c->on_ready = true;
    c->ready_next = CONN_NONE;
    if (s->parked_tail != CONN_NONE)
        tcp->conn[s->parked_tail].ready_next = conn_index(c);
    else
        s->parked_head = conn_index(c);
    s->parked_tail = conn_index(c);
}

/* Whether c's next hop can be sent to; else c is parked until it is known or given up. */
static bool next_hop_known(struct stack *s, struct tcp_conn *c)
{
    const struct ip_addr *hop = routes_next_hop(&s->routes, &c->key.remote);
    struct neighbours *table = &s->neighbours;

    bool is = neighbours_is(table, c->neighbour, hop);
    if (!is && c->neighbour != NEIGHBOUR_NONE && c->state == TCP_STATE_SYN_SENT &&
        c->snd_max == 0) {
        conn_finish(c, TCP_CLOSE_TIMEOUT); /* it was asked for and did not answer */
        return false;
    }
    if (!is)
        c->neighbour = neighbours_resolve(table, hop, s->tcp.now);
    if (c->neighbour == NEIGHBOUR_NONE || !neighbour_usable(&table->entry[c->neighbour])) {
        if (c->reset_pending) /* nobody to tell; it must not wait for an answer for ever */
            conn_finish(c, TCP_CLOSE_ABORTED);
        else
            park(s, c);
        return false;
    }
    neighbours_refresh(table, c->neighbour, c->heard_ns, s->tcp.now);
    return true;
}

/* One connection's turn; returns how many slots it filled. */
static unsigned conn_run(struct stack *s, struct tcp_conn *c, struct tx_slot *slots, unsigned n)
{
    unsigned filled = 0, sent, quantum = n < CONN_QUANTUM ? n : CONN_QUANTUM;

    if (c->resume_pending) {
        c->resume_pending = false;
        c->app_blocked = false;
        if (c->state != TCP_STATE_CLOSED && c->state != TCP_STATE_TIME_WAIT)
            tcp_deliver(c);
    }
    tcp_timers(c);
    if (c->state == TCP_STATE_CLOSED)
        return 0; /* on the ready list again: freed at its next turn */
    if (!next_hop_known(s, c))
        return 0;
    uint32_t at = link_bytes(s) + conn_ip_header_bytes(c);
    while (filled < quantum && (sent = tcp_output(c, &slots[filled], quantum - filled, at)) != 0) {
        link_output(s, c, &slots[filled], sent, at);
        filled += sent;
    }
    if (filled == quantum)
        conn_touch(c);
    else if (c->state == TCP_STATE_TIME_WAIT) { /* the ACK of the peer's FIN is sent */
        time_wait_enter(s, c);
        return filled;
    }
    wheel_set(&s->wheel, c, tcp_deadline(c));
    return filled;
}

unsigned stack_output(struct stack *s, struct tx_slot *slots, unsigned n, uint64_t now)
{
    unsigned filled = 0, idle = 0;

    stack_set_now(s, now);
    wheel_advance(&s->wheel, now);
    time_wait_expire(s);
    if (neighbours_timers(&s->neighbours, now))
        stack_unpark(s);
    if (UNLIKELY(now >= s->autoconf_ns || s->announce))
        autoconf_run(s);

    while (filled < n && idle < IDLE_TURNS_MAX) {
        control_neighbour_requests(s);
        while (filled < n && control_pop(s, &slots[filled]))
            filled++;
        struct tcp_conn *c = filled < n ? conn_next_ready(&s->tcp) : NULL;
        if (c == NULL)
            break;
        if (c->state == TCP_STATE_CLOSED) {
            stack_conn_free(s, c);
            continue;
        }
        stack_look_ahead_output(s);
        unsigned sent = conn_run(s, c, &slots[filled], n - filled);
        filled += sent;
        idle += sent == 0;
    }
    return filled;
}

uint64_t stack_deadline(const struct stack *s)
{
    if (s->tcp.ready_head != CONN_NONE || s->control.count != 0 || s->announce ||
        s->neighbours.request_due)
        return 0;
    uint64_t wheel = time_min(wheel_next(&s->wheel), time_wait_deadline(s));
    return time_min(wheel, time_min(s->neighbours.next_retry_ns, s->autoconf_ns));
}
