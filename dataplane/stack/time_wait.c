/* SPDX-License-Identifier: BSD-3-Clause */
#include "stack/time_wait.h"

#include "base/assert.h"
#include "stack/internal.h"

bool time_waits_init(struct time_waits *t, uint32_t count, const struct memory *memory)
{
    t->entry = memory_alloc(memory, count, sizeof(*t->entry));
    if (t->entry == NULL)
        return false;
    t->count = count;
    t->used = 0;
    t->oldest = t->newest = TIME_WAIT_NONE;
    t->free = 0;
    for (uint32_t i = 0; i < count; i++)
        t->entry[i].next = i + 1 < count ? i + 1 : TIME_WAIT_NONE;
    return true;
}

void time_waits_release(struct time_waits *t, const struct memory *memory)
{
    memory_release(memory, t->entry);
}

static void link_newest(struct time_waits *t, uint32_t i)
{
    t->entry[i].next = TIME_WAIT_NONE;
    t->entry[i].prev = t->newest;
    if (t->newest != TIME_WAIT_NONE)
        t->entry[t->newest].next = i;
    else
        t->oldest = i;
    t->newest = i;
}

static void unlink_entry(struct time_waits *t, uint32_t i)
{
    const struct time_wait *e = &t->entry[i];

    if (e->prev != TIME_WAIT_NONE)
        t->entry[e->prev].next = e->next;
    else
        t->oldest = e->next;
    if (e->next != TIME_WAIT_NONE)
        t->entry[e->next].prev = e->prev;
    else
        t->newest = e->prev;
}

uint32_t time_waits_take(struct time_waits *t)
{
    uint32_t i = t->free;

    if (i == TIME_WAIT_NONE)
        return i;
    t->free = t->entry[i].next;
    t->used++;
    link_newest(t, i);
    return i;
}

void time_waits_give(struct time_waits *t, uint32_t i)
{
    ASSERT(t->used > 0);
    unlink_entry(t, i);
    t->entry[i].next = t->free;
    t->free = i;
    t->used--;
}

void time_waits_renew(struct time_waits *t, uint32_t i)
{
    unlink_entry(t, i);
    link_newest(t, i);
}

/* The stack's side. */

static uint32_t end_ms(const struct stack *s)
{
    return s->tcp.now_ms + (uint32_t)(s->config.tcp.time_wait_ns / NS_PER_MS);
}

void time_wait_forget(struct stack *s, uint32_t i)
{
    const struct time_wait *e = &s->time_waits.entry[i];
    struct tcp_key key = { .remote = e->remote,
                           .local = e->local,
                           .remote_port = e->remote_port,
                           .local_port = e->local_port };

    flow_table_remove(&s->flows, FLOW_TIME_WAIT | i, flow_hash(&s->flows, &key));
    time_waits_give(&s->time_waits, i);
}

uint32_t time_wait_enter(struct stack *s, struct tcp_conn *c)
{
    struct time_waits *t = &s->time_waits;

    ASSERT(c->state == TCP_STATE_TIME_WAIT && c->in_flows && !c->app_open);
    if (t->used == t->count) {
        COUNT(s->config.counters, tcp_time_wait_recycled);
        time_wait_forget(s, t->oldest);
    }
    uint32_t i = time_waits_take(t);
    struct time_wait *e = &t->entry[i];
    e->remote = c->key.remote;
    e->local = c->key.local;
    e->remote_port = c->key.remote_port;
    e->local_port = c->key.local_port;
    e->snd_nxt = offset_to_seq(c->iss, c->snd_max);
    e->rcv_nxt = offset_to_seq(c->irs, c->rcv_nxt);
    e->ts_recent = c->ts_recent;
    e->ts_offset = c->ts_ok ? c->ts_offset : 0;
    e->end_ms = end_ms(s);

    flow_table_remove(&s->flows, conn_index(c), c->flow_hash);
    c->in_flows = false;
    flow_table_insert(&s->flows, FLOW_TIME_WAIT | i, c->flow_hash);
    conn_finish(c, TCP_CLOSE_ORDERLY); /* the slot is freed at its next turn */
    return i;
}

void time_wait_expire(struct stack *s)
{
    struct time_waits *t = &s->time_waits;

    while (t->oldest != TIME_WAIT_NONE &&
           (int32_t)(s->tcp.now_ms - t->entry[t->oldest].end_ms) >= 0)
        time_wait_forget(s, t->oldest);
}

uint64_t time_wait_deadline(const struct stack *s)
{
    const struct time_waits *t = &s->time_waits;

    if (t->oldest == TIME_WAIT_NONE)
        return TIME_NEVER;
    int32_t left_ms = (int32_t)(t->entry[t->oldest].end_ms - s->tcp.now_ms);
    return (s->tcp.now / NS_PER_MS + (uint64_t)(left_ms > 0 ? left_ms : 0)) * NS_PER_MS;
}

bool time_wait_reusable(const struct time_wait *e, const struct tcp_segment *seg)
{
    if ((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
        return false;
    /* RFC 6191 section 2: the timestamps decide, or where they cannot, the sequence numbers. */
    if (e->ts_offset != 0 && seg->has_timestamps && seg->ts_value != e->ts_recent)
        return seq_diff(seg->ts_value, e->ts_recent) > 0;
    return seq_diff(seg->seq, e->rcv_nxt) >= 0;
}

static void answer(struct stack *s, const struct eth_header *eth, const struct time_wait *e,
                   const struct tcp_segment *seg)
{
    struct tcp_segment ack = {
        .seq = e->snd_nxt,
        .ack = e->rcv_nxt,
        .flags = TCP_ACK,
        .window = UINT16_MAX, /* nothing can come */
        .has_timestamps = e->ts_offset != 0,
        .ts_value = s->tcp.now_ms + e->ts_offset,
        .ts_echo = e->ts_recent,
    };
    control_segment(s, eth, seg, &ack);
}

/* The peer did not get our ACK of its FIN: here it is again, and 2 MSL begin anew. */
static void fin_again(struct stack *s, const struct eth_header *eth, struct time_wait *e,
                      const struct tcp_segment *seg)
{
    if (e->ts_offset != 0 && seq_diff(seg->ts_value, e->ts_recent) > 0)
        e->ts_recent = seg->ts_value;
    e->end_ms = end_ms(s);
    time_waits_renew(&s->time_waits, (uint32_t)(e - s->time_waits.entry));
    answer(s, eth, e, seg);
}

void time_wait_input(struct stack *s, const struct eth_header *eth, uint32_t i,
                     const struct tcp_segment *seg)
{
    struct time_wait *e = &s->time_waits.entry[i];
    struct counters *counters = s->config.counters;
    bool syn = (seg->flags & TCP_SYN) != 0;

    if ((seg->flags & TCP_RST) != 0) { /* RFC 5961 section 3.2 */
        if (seg->seq == e->rcv_nxt) {
            COUNT(counters, tcp_rst_in);
            time_wait_forget(s, i);
        }
        return;
    }
    if (e->ts_offset != 0 && !seg->has_timestamps && !syn) { /* RFC 7323 section 3.2 */
        COUNT(counters, tcp_drop_no_timestamp);
        return;
    }
    bool old =
        e->ts_offset != 0 && seg->has_timestamps && seq_diff(seg->ts_value, e->ts_recent) < 0;
    bool fin = (seg->flags & TCP_FIN) != 0 && !syn;
    if (!old && fin && seg->seq + tcp_segment_len(seg) == e->rcv_nxt) {
        fin_again(s, eth, e, seg);
        return;
    }
    bool late_ack = seg->seq == e->rcv_nxt && tcp_segment_len(seg) == 0;
    COUNT_N(counters, tcp_drop_paws, old);
    COUNT_N(counters, tcp_drop_unacceptable, !old && !late_ack);
    /* A bare ACK brings nothing that an answer could repair; to answer it could go on for ever. */
    if (tcp_segment_len(seg) == 0 || !challenge_budget_take(&s->tcp))
        return;
    COUNT_N(counters, tcp_challenge_ack, syn);
    answer(s, eth, e, seg);
}
