/* SPDX-License-Identifier: BSD-3-Clause */
#include "audit.h"

#include "fuzz.h"
#include "http/server.h"
#include "stack/internal.h"
#include "stack/time_wait.h"

typedef unsigned long ul; /* for printf */

/* -------------------------------------------------------------------------------------- ranges */

/* The list by time: it ascends, backwards the same, and has so many ranges, none SACKed or lost. */
static void audit_ranges_by_time(const struct tcp_conn *c, uint32_t count)
{
    const struct range_pool *pool = &c->ctx->ranges;
    uint32_t older = RANGE_TIME_END;

    for (uint32_t i = c->ranges.oldest; i != RANGE_TIME_END; i = pool->range[i].newer) {
        const struct tcp_range *r = &pool->range[i];
        FUZZ_CHECK(count-- > 0, "the list of ranges by time is too long");
        FUZZ_CHECK(r->older == older, "the list of ranges by time backwards");
        FUZZ_CHECK((r->flags & (RANGE_SACKED | RANGE_LOST)) == 0, "range not in flight");
        FUZZ_CHECK(older == RANGE_TIME_END || pool->range[older].sent_ns <= r->sent_ns,
                   "ranges are not in order of time");
        older = i;
    }
    FUZZ_CHECK(count == 0 && c->ranges.newest == older, "%u ranges are not found by time", count);
}

/* Returns how many ranges c holds. */
static uint32_t audit_ranges(const struct tcp_conn *c)
{
    const struct range_pool *pool = &c->ctx->ranges;
    uint64_t at = c->snd_una, sacked = 0, lost = 0;
    uint32_t count = 0, in_flight = 0, last = RANGE_NONE;
    bool hinted = false;

    RANGE_FOREACH (i, &c->ranges, pool) {
        const struct tcp_range *r = &pool->range[i];
        FUZZ_CHECK(++count <= pool->count, "the list of ranges has no end");
        FUZZ_CHECK(r->start == at && r->len > 0, "range [%lu, +%u) where %lu should begin",
                   (ul)r->start, r->len, (ul)at);
        FUZZ_CHECK((r->flags & (RANGE_SACKED | RANGE_LOST)) != (RANGE_SACKED | RANGE_LOST),
                   "range SACKed and lost");
        FUZZ_CHECK(r->sent_ns <= c->ctx->now, "range sent in the future");
        hinted = hinted || i == c->ranges.lost_hint;
        FUZZ_CHECK((r->flags & RANGE_LOST) == 0 || hinted, "range lost before the hint");
        sacked += (r->flags & RANGE_SACKED) != 0 ? r->len : 0;
        lost += (r->flags & RANGE_LOST) != 0 ? r->len : 0;
        in_flight += (r->flags & (RANGE_SACKED | RANGE_LOST)) == 0;
        at += r->len;
        last = i;
    }
    FUZZ_CHECK(last == c->ranges.tail, "tail of the list of ranges");
    FUZZ_CHECK(at == c->snd_nxt, "ranges end at %lu, sent is %lu", (ul)at, (ul)c->snd_nxt);
    FUZZ_CHECK(sacked == c->ranges.sacked_bytes && lost == c->ranges.lost_bytes,
               "%lu bytes SACKed, %u counted; %lu lost, %u counted", (ul)sacked,
               c->ranges.sacked_bytes, (ul)lost, c->ranges.lost_bytes);
    audit_ranges_by_time(c, in_flight);
    return count;
}

/* ------------------------------------------------------------------------------------ receiving */

static void audit_receive(const struct tcp_conn *c)
{
    const struct rx_buffer *rx = c->rx;
    uint64_t end = 0;

    FUZZ_CHECK(c->rcv_taken <= c->rcv_nxt && c->rcv_nxt <= c->rcv_taken + RX_BUFFER_BYTES,
               "taken %lu, received %lu", (ul)c->rcv_taken, (ul)c->rcv_nxt);
    uint64_t edge = c->rcv_nxt + (uint64_t)(int64_t)seq_diff(c->rcv_edge, (uint32_t)c->rcv_nxt);
    FUZZ_CHECK(edge >= c->rcv_nxt && edge <= c->rcv_taken + RX_BUFFER_BYTES,
               "taken %lu, received %lu, window's edge %lu", (ul)c->rcv_taken, (ul)c->rcv_nxt,
               (ul)edge);
    if (rx == NULL)
        return;
    FUZZ_CHECK(rx->interval_count > 0 && rx->interval_count <= RX_INTERVALS_MAX &&
                   rx->newest < rx->interval_count,
               "%u intervals, %u the newest", rx->interval_count, rx->newest);
    for (uint32_t i = 0; i < rx->interval_count; i++) {
        const struct rx_interval *v = &rx->interval[i];
        FUZZ_CHECK(v->start < v->end && (i == 0 || v->start > end), "interval [%lu, %lu) after %lu",
                   (ul)v->start, (ul)v->end, (ul)end);
        end = v->end;
    }
    FUZZ_CHECK(rx->interval[0].start >= c->rcv_taken && end <= c->rcv_taken + RX_BUFFER_BYTES,
               "buffer holds [%lu, %lu), taken is %lu", (ul)rx->interval[0].start, (ul)end,
               (ul)c->rcv_taken);
}

/* -------------------------------------------------------------------------------------- timers */

static void audit_timer(const struct stack *s, const struct tcp_conn *c)
{
    uint64_t deadline = tcp_deadline(c);

    if (c->on_ready) /* looked at soon anyway, or parked until the next hop is known */
        return;
    if (deadline == TIME_NEVER) {
        FUZZ_CHECK(c->state != TCP_STATE_SYN_RECEIVED && c->state != TCP_STATE_TIME_WAIT,
                   "a connection in state %u waits for nothing", c->state);
        return;
    }
    uint64_t due = (deadline >> WHEEL_TICK_SHIFT) + 1;
    if (due <= s->wheel.tick)
        due = s->wheel.tick + 1;
    FUZZ_CHECK(c->in_wheel && c->wheel_tick - (uint32_t)s->wheel.tick <= due - s->wheel.tick,
               "deadline %lu (tick %lu), in the wheel %d at tick %lu, which is at %lu",
               (ul)deadline, (ul)due, c->in_wheel, (ul)c->wheel_tick, (ul)s->wheel.tick);
}

static void audit_wheel(const struct stack *s)
{
    const struct wheel *w = &s->wheel;
    uint32_t linked = 0, marked = 0;

    for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
        for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
            FUZZ_CHECK((w->occupied[level] >> slot & 1) == (w->head[level][slot] != CONN_NONE),
                       "wheel slot %u.%u", level, slot);
            for (uint32_t i = w->head[level][slot]; i != CONN_NONE; i = w->conn[i].wheel_next) {
                FUZZ_CHECK(w->conn[i].in_wheel &&
                               w->conn[i].wheel_slot == (level << WHEEL_SLOT_BITS | slot),
                           "connection %u in the wrong slot", i);
                FUZZ_CHECK(++linked <= s->tcp.conns_max, "the wheel's list has no end");
            }
        }
    }
    for (uint32_t i = 0; i < s->tcp.conns_max; i++)
        marked += s->tcp.conn[i].in_wheel;
    FUZZ_CHECK(linked == marked, "%u in the wheel, %u marked", linked, marked);
}

/* --------------------------------------------------------------------------------- connections */

static void audit_conn(const struct stack *s, const struct tcp_conn *c, bool quiet)
{
    FUZZ_CHECK(c->snd_una <= c->snd_nxt && c->snd_nxt <= c->snd_max &&
                   c->snd_max <= conn_send_limit(c),
               "una %lu, nxt %lu, max %lu, limit %lu", (ul)c->snd_una, (ul)c->snd_nxt,
               (ul)c->snd_max, (ul)conn_send_limit(c));
    FUZZ_CHECK(c->cwnd >= c->mss || c->state == TCP_STATE_CLOSED, "cwnd %u, MSS %u", c->cwnd,
               c->mss);
    FUZZ_CHECK(c->mss >= s->config.tcp.mss_min - 12 && c->mss <= s->tcp.mss_max, "MSS %u", c->mss);
    FUZZ_CHECK(c->mss <= c->mtu.ceiling && c->mtu.high <= c->mtu.ceiling &&
                   c->mtu.probe <= c->mtu.ceiling,
               "MSS %u of %u, probe %u", c->mss, c->mtu.ceiling, c->mtu.probe);
    FUZZ_CHECK(c->in_flows, "a connection that cannot be found");
    audit_receive(c);
    if (quiet)
        audit_timer(s, c);
}

static uint32_t list_len(const struct stack *s, uint32_t head, uint32_t tail)
{
    uint32_t len = 0, last = CONN_NONE;

    for (uint32_t i = head; i != CONN_NONE; i = s->tcp.conn[i].ready_next) {
        FUZZ_CHECK(s->tcp.conn[i].on_ready, "connection %u in a list without its mark", i);
        FUZZ_CHECK(++len <= s->tcp.conns_max, "list of connections has no end");
        last = i;
    }
    FUZZ_CHECK(last == tail, "tail of a list of connections");
    return len;
}

static void audit_lists(const struct stack *s)
{
    uint32_t marked = 0, flows = 0, entries = 0;
    uint32_t listed = list_len(s, s->tcp.ready_head, s->tcp.ready_tail) +
                      list_len(s, s->parked_head, s->parked_tail);

    for (uint32_t i = 0; i < s->tcp.conns_max; i++) {
        const struct tcp_conn *c = &s->tcp.conn[i];
        marked += c->on_ready;
        flows += c->in_flows && (c->state != TCP_STATE_CLOSED || c->on_ready);
        if (c->in_flows && (c->state != TCP_STATE_CLOSED || c->on_ready))
            FUZZ_CHECK(flow_table_find(&s->flows, &c->key, c->flow_hash) == i,
                       "connection %u is not found under its key", i);
    }
    for (uint32_t i = 0; i <= s->flows.mask; i++)
        entries += s->flows.entry[i].conn != FLOW_NONE;
    FUZZ_CHECK(marked == listed, "%u connections ready, %u in the lists", marked, listed);
    FUZZ_CHECK(flows + s->time_waits.used == entries,
               "%u connections, %u in TIME-WAIT, %u in the flow table", flows, s->time_waits.used,
               entries);
}

static void audit_time_waits(const struct stack *s)
{
    const struct time_waits *t = &s->time_waits;
    uint32_t count = 0, last = TIME_WAIT_NONE;

    for (uint32_t i = t->oldest; i != TIME_WAIT_NONE; i = t->entry[i].next) {
        const struct time_wait *e = &t->entry[i];
        struct tcp_key key = { e->remote, e->local, e->remote_port, e->local_port };
        FUZZ_CHECK(++count <= t->count, "the list of TIME-WAIT has no end");
        FUZZ_CHECK(e->prev == last, "the list of TIME-WAIT backwards");
        FUZZ_CHECK(last == TIME_WAIT_NONE || (int32_t)(e->end_ms - t->entry[last].end_ms) >= 0,
                   "the list of TIME-WAIT is not in order");
        FUZZ_CHECK(flow_table_find_any(&s->flows, &key, flow_hash(&s->flows, &key)) ==
                       (FLOW_TIME_WAIT | i),
                   "entry %u of TIME-WAIT is not found under its key", i);
        last = i;
    }
    FUZZ_CHECK(count == t->used && last == t->newest, "%u in TIME-WAIT, %u counted", count,
               t->used);
}

void audit_stack(const struct stack *s, bool quiet)
{
    const struct tcp_ctx *tcp = &s->tcp;
    uint32_t open = 0, time_wait = 0, half_open = 0, ranges = 0, buffers = 0;

    for (uint32_t i = 0; i < tcp->conns_max; i++) {
        const struct tcp_conn *c = &tcp->conn[i];
        /* CLOSED on the ready list: it still holds what it had, and is freed at its turn. */
        if (c->state == TCP_STATE_CLOSED && !c->on_ready)
            continue;
        open++;
        time_wait += c->state == TCP_STATE_TIME_WAIT;
        half_open += c->state == TCP_STATE_SYN_RECEIVED;
        ranges += audit_ranges(c);
        buffers += c->rx != NULL;
        if (c->state != TCP_STATE_CLOSED)
            audit_conn(s, c, quiet);
    }
    FUZZ_CHECK(open == tcp->conns_open, "%u connections, %u counted", open, tcp->conns_open);
    FUZZ_CHECK(time_wait == tcp->conns_time_wait, "%u in TIME-WAIT, %u counted", time_wait,
               tcp->conns_time_wait);
    FUZZ_CHECK(half_open == tcp->conns_half_open, "%u half-open, %u counted", half_open,
               tcp->conns_half_open);
    FUZZ_CHECK(ranges + tcp->ranges.free_count == tcp->ranges.count,
               "%u ranges used, %u free of %u", ranges, tcp->ranges.free_count, tcp->ranges.count);
    FUZZ_CHECK(buffers + tcp->rx.free_count == tcp->rx.count, "%u buffers used, %u free of %u",
               buffers, tcp->rx.free_count, tcp->rx.count);
    FUZZ_CHECK(s->control.count <= CONTROL_FRAMES && s->neighbours.used <= s->neighbours.count,
               "control queue or neighbours");
    audit_lists(s);
    audit_time_waits(s);
    audit_wheel(s);
}

/* ---------------------------------------------------------------------------------------- HTTP */

static uint32_t audit_http_conn(const struct http_server *server, const struct http_conn *conn)
{
    uint64_t at = 0;
    uint32_t count = 0, i = conn->first, files = 0;

    for (; count < conn->responses; count++, i = server->responses[i].next) {
        FUZZ_CHECK(i < server->config.responses_max, "response %u of %u", count, conn->responses);
        const struct response *r = &server->responses[i];
        FUZZ_CHECK(count == 0 || r->start == at, "response at %lu, not at %lu", (ul)r->start,
                   (ul)at);
        at = r->start + response_len(r);
        files += r->file != NULL;
    }
    FUZZ_CHECK(count == 0 || at == conn->stream_end, "responses end at %lu, the stream at %lu",
               (ul)at, (ul)conn->stream_end);
    /* One more than are due: an answer to a head that did not come in time. */
    FUZZ_CHECK(count <= server->config.pipeline_max + 1, "%u responses of one connection", count);
    return files;
}

void audit_http(const struct http_server *server, uint32_t open_count)
{
    uint32_t open = 0, responses = 0, partials = 0, granted = 0, waiting = 0, files = 0, queue = 0;

    for (uint32_t i = 0; i < server->config.connections_max; i++) {
        const struct http_conn *conn = &server->conns[i];
        if (conn->tcp == NULL)
            continue;
        open++;
        responses += conn->responses;
        partials += conn->partial != NONE;
        granted += conn->granted;
        waiting += conn->waiting;
        files += audit_http_conn(server, conn);
    }
    for (uint32_t i = server->wait_first; i != NONE; i = server->conns[i].wait_next)
        FUZZ_CHECK(server->conns[i].waiting && ++queue <= waiting, "waiting queue");
    FUZZ_CHECK(queue == waiting, "%u wait, %u in the queue", waiting, queue);
    FUZZ_CHECK(open == open_count, "%u connections, %u open", open, open_count);
    FUZZ_CHECK(responses + server->response_pool.free_count == server->config.responses_max,
               "%u responses used, %u free", responses, server->response_pool.free_count);
    FUZZ_CHECK(partials + server->partial_pool.free_count == server->config.requests_max,
               "%u partial requests used, %u free", partials, server->partial_pool.free_count);
    FUZZ_CHECK(granted == server->granted && granted <= server->response_pool.free_count,
               "%u granted, %u counted, %u free", granted, server->granted,
               server->response_pool.free_count);
    FUZZ_CHECK(waiting == 0 || server->response_pool.free_count == server->granted,
               "a response is free and nobody gets it");
    FUZZ_CHECK(http_server_pins(server).responses == files, "%u responses pin files, %u pins",
               files, http_server_pins(server).responses);
}
