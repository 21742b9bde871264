/* SPDX-License-Identifier: BSD-3-Clause */
#include "inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../fuzz/audit.h"
#include "stack/internal.h"

/* The audit of all tables costs as much as some dozen calls of stack_output. */
#define CALLS_PER_AUDIT 64

struct sent {
    uint64_t next;
    uint32_t pipe;
};

struct inside {
    unsigned calls;
    uint64_t exhausted; /* how often ranges had run out */
    char why[160];
    struct sent sent[]; /* by index of the connection */
};

struct inside *inside_create(uint32_t connections_max)
{
    struct inside *inside = calloc(1, sizeof(*inside) + connections_max * sizeof(inside->sent[0]));

    if (inside == NULL)
        abort();
    return inside;
}

void inside_destroy(struct inside *inside)
{
    free(inside);
}

static bool is_open(const struct tcp_conn *c)
{
    return c->in_flows && c->state != TCP_STATE_CLOSED;
}

void inside_before(struct inside *inside, const struct stack *stack)
{
    inside->exhausted = stack->config.counters->tcp_range_exhausted;
    for (uint32_t i = 0; i < stack->tcp.conns_max; i++) {
        const struct tcp_conn *c = &stack->tcp.conn[i];
        if (is_open(c))
            inside->sent[i] = (struct sent){ c->snd_nxt, conn_pipe(c) };
    }
}

static const char *complain(struct inside *inside, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *complain(struct inside *inside, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(inside->why, sizeof(inside->why), format, arguments);
    va_end(arguments);
    return inside->why;
}

static const char *check_windows(struct inside *inside, const struct tcp_conn *c,
                                 const struct sent *before)
{
    uint64_t new_bytes = c->snd_nxt - before->next;
    uint32_t pipe = conn_pipe(c);

    /* One byte beyond the window is a probe (RFC 9293 section 3.8.6.1). */
    if (new_bytes > 1 && c->snd_nxt > c->snd_edge)
        return complain(inside, "sent to %" PRIu64 ", beyond the window's end at %" PRIu64,
                        c->snd_nxt, c->snd_edge);
    /* Beyond cwnd: a probe, of one byte or for a lost tail (RFC 8985 section 7.3). What was in
     * flight when cwnd was reduced may stay. */
    uint32_t allowed = c->cwnd > before->pipe ? c->cwnd : before->pipe;
    allowed += c->tlp_out ? c->mss : 1u;
    if ((new_bytes > 0 || pipe > before->pipe) && pipe > allowed)
        return complain(inside,
                        "%" PRIu32 " bytes in flight, %" PRIu32 " before, cwnd %" PRIu32
                        ", sent [%" PRIu64 ", %" PRIu64 ") new",
                        pipe, before->pipe, c->cwnd, before->next, c->snd_nxt);
    return NULL;
}

const char *inside_after(struct inside *inside, const struct stack *stack, bool quiet)
{
    /* A range that cannot be split counts as sent from end to end: more than was sent. */
    bool exact = stack->config.counters->tcp_range_exhausted == inside->exhausted;
    const char *why = NULL;

    for (uint32_t i = 0; i < stack->tcp.conns_max && why == NULL; i++) {
        const struct tcp_conn *c = &stack->tcp.conn[i];
        if (!is_open(c))
            continue;
        if (c->snd_una > c->snd_nxt || c->snd_nxt > c->snd_max || c->snd_max > conn_send_limit(c))
            return complain(inside,
                            "una %" PRIu64 ", nxt %" PRIu64 ", max %" PRIu64 ", end %" PRIu64,
                            c->snd_una, c->snd_nxt, c->snd_max, conn_send_limit(c));
        if (inside->sent[i].next > 0 && exact)
            why = check_windows(inside, c, &inside->sent[i]);
    }
    if (++inside->calls % CALLS_PER_AUDIT == 0)
        audit_stack(stack, quiet);
    return why;
}
