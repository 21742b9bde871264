/* SPDX-License-Identifier: BSD-3-Clause */
#include "testapp.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "dialogue.h"

#define SPANS_MAX  16
#define ECHO_BYTES 16384
#define IDLE_NS    (300 * NS_PER_S) /* aborts connections on which nothing happens for so long */

/* A run of the answer stream: content from `position`, or echoed bytes. */
struct span {
    uint64_t start, end; /* in the stream */
    uint64_t position;
    bool echo;
};

struct app_conn {
    bool open;
    uint8_t record[REQUEST_RECORD_BYTES];
    size_t record_len;
    enum request_kind body_kind; /* of the request whose bytes follow */
    uint64_t body_left, body_position;
    bool waiting; /* until wait_until */
    uint64_t wait_until, active_ns;
    bool stalled; /* the rest of what TCP offered was refused: it must be asked for again */
    bool peer_done, closing, draining, closed;
    uint64_t end; /* of the stream */
    uint64_t acked;
    struct span span[SPANS_MAX]; /* a ring: those not yet acknowledged */
    unsigned span_head, span_count;
    uint8_t echo[ECHO_BYTES]; /* a ring under the stream's offsets */
    struct file_pin pin;
};

struct testapp {
    struct sim *sim;
    uint32_t connections_max, extent_max, inline_max;
    uint32_t open;
    struct app_conn *conns;
};

struct testapp *testapp_create(struct sim *sim, uint32_t connections_max, uint32_t extent_max,
                               uint32_t inline_max)
{
    struct testapp *app = calloc(1, sizeof(*app));

    if (app == NULL)
        abort();
    app->sim = sim;
    app->connections_max = connections_max;
    app->extent_max = extent_max;
    app->inline_max = inline_max;
    app->conns = calloc(connections_max, sizeof(app->conns[0]));
    if (app->conns == NULL)
        abort();
    return app;
}

void testapp_destroy(struct testapp *app)
{
    if (app != NULL)
        free(app->conns);
    free(app);
}

struct file_pin testapp_pins(const struct testapp *app)
{
    struct file_pin sum = { 0 };

    for (uint32_t i = 0; i < app->connections_max; i++)
        sum.in_flight += app->conns[i].pin.in_flight;
    return sum;
}

uint32_t testapp_open(const struct testapp *app)
{
    return app->open;
}

static struct app_conn *find(struct testapp *app, struct tcp_conn *conn)
{
    static struct app_conn nobody;
    uint32_t index = tcp_conn_index(conn);

    if (index < app->connections_max && app->conns[index].open)
        return &app->conns[index];
    sim_fail(app->sim, "application called for connection %" PRIu32 ", which is not open", index);
    return &nobody;
}

/* -------------------------------------------------------------------------------------- spans */

static struct span *span_at(struct app_conn *a, unsigned i)
{
    return &a->span[(a->span_head + i) % SPANS_MAX];
}

/* Makes the stream longer. False: no room until more is acknowledged. */
static bool append(struct app_conn *a, struct tcp_conn *conn, bool echo, uint64_t position,
                   uint64_t len)
{
    struct span *last = a->span_count > 0 ? span_at(a, a->span_count - 1) : NULL;

    if (len == 0)
        return true;
    if (last != NULL && echo && last->echo) {
        last->end += len;
    } else if (a->span_count < SPANS_MAX) {
        *span_at(a, a->span_count++) = (struct span){ a->end, a->end + len, position, echo };
    } else {
        return false;
    }
    a->end += len;
    tcp_stream_extend(conn, a->end);
    return true;
}

/* ---------------------------------------------------------------------------------- receiving */

/* False: the request cannot be taken up now. */
static bool take_request(struct testapp *app, struct app_conn *a, struct tcp_conn *conn,
                         uint64_t now)
{
    uint64_t position, len;

    memcpy(&position, a->record + 8, 8);
    memcpy(&len, a->record + 16, 8);
    switch (a->record[0]) {
    case REQUEST_SOURCE:
        return append(a, conn, false, position, len);
    case REQUEST_ECHO:
    case REQUEST_DISCARD:
        a->body_kind = (enum request_kind)a->record[0];
        a->body_left = len;
        a->body_position = position;
        return true;
    case REQUEST_WAIT:
        a->waiting = true;
        a->wait_until = now + len;
        tcp_app_deadline(conn, a->wait_until);
        return true;
    case REQUEST_CLOSE:
        a->closing = true;
        return true;
    default:
        sim_fail(app->sim, "the application was given a request that no client sent");
        return true;
    }
}

static size_t take_echo(struct app_conn *a, struct tcp_conn *conn, const uint8_t *data, size_t len)
{
    uint64_t room = ECHO_BYTES - (a->end - a->acked);
    uint64_t at = a->end;

    if (a->end - a->acked >= ECHO_BYTES)
        return 0;
    if (len > room)
        len = (size_t)room;
    if (!append(a, conn, true, 0, len))
        return 0;
    for (size_t i = 0; i < len; i++)
        a->echo[(at + i) % ECHO_BYTES] = data[i];
    return len;
}

static size_t take_body(struct testapp *app, struct app_conn *a, struct tcp_conn *conn,
                        const uint8_t *data, size_t len)
{
    if (len > a->body_left)
        len = (size_t)a->body_left;
    if (a->body_kind == REQUEST_ECHO)
        len = take_echo(a, conn, data, len);
    if (!content_equal(a->body_position, data, len))
        sim_fail(app->sim, "the application was given bytes that differ from those sent");
    a->body_position += len;
    a->body_left -= len;
    return len;
}

static void close_if_done(struct app_conn *a, struct tcp_conn *conn)
{
    bool idle = a->acked == a->end && a->body_left == 0 && a->record_len == 0 && !a->stalled;

    if (a->closed || a->waiting || !(a->closing || a->peer_done || (a->draining && idle)))
        return;
    a->closed = true;
    tcp_close(conn);
}

static size_t app_receive(void *ctx, struct tcp_conn *conn, const uint8_t *data, size_t len,
                          uint64_t now)
{
    struct testapp *app = ctx;
    struct app_conn *a = find(app, conn);
    size_t taken = 0;

    if (len == 0 || a->peer_done)
        sim_fail(app->sim, "the application was given no bytes, or bytes behind the FIN");
    a->active_ns = now;
    if (a->closed)
        return len; /* more requests, although we said that we close */
    a->stalled = false;
    while (taken < len && !a->waiting && !app->sim->failed) {
        size_t n;
        if (a->body_left > 0) {
            n = take_body(app, a, conn, data + taken, len - taken);
            if (n == 0)
                break;
            taken += n;
            continue;
        }
        n = REQUEST_RECORD_BYTES - a->record_len;
        n = n < len - taken ? n : len - taken;
        memcpy(a->record + a->record_len, data + taken, n);
        if (a->record_len + n == REQUEST_RECORD_BYTES) {
            if (!take_request(app, a, conn, now))
                break;
            a->record_len = 0;
        } else {
            a->record_len += n;
        }
        taken += n;
    }
    a->stalled = taken < len;
    close_if_done(a, conn);
    return taken;
}

static void app_receive_end(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct testapp *app = ctx;
    struct app_conn *a = find(app, conn);

    if (a->stalled)
        sim_fail(app->sim, "FIN reported before all bytes were delivered");
    a->peer_done = true;
    close_if_done(a, conn);
}

/* ------------------------------------------------------------------------------------- sending */

static void fill_inline(const struct app_conn *a, const struct span *s, uint64_t from, uint32_t len,
                        uint8_t *to)
{
    if (!s->echo) {
        content_copy(s->position + (from - s->start), to, len);
        return;
    }
    for (uint32_t i = 0; i < len; i++)
        to[i] = a->echo[(from + i) % ECHO_BYTES];
}

static uint16_t plain_sum(const uint8_t *data, uint32_t len)
{
    return packet_fold(packet_sum(data, len, 0));
}

/* Adds bytes of one span; returns how many. */
static uint32_t fill_span(struct testapp *app, struct app_conn *a, const struct span *s,
                          uint64_t from, uint32_t len, struct tx_fill *fill)
{
    uint32_t left = (uint32_t)(s->end - from < len ? s->end - from : len);
    uint32_t room = fill->inline_capacity - fill->inline_len;
    /* Some of the content goes inline too, always the same bytes of the stream. */
    bool copy = s->echo || (from % 7001 < app->inline_max && room > 0);

    if (copy) {
        if (fill->extent_count > 0)
            return 0;
        if (!s->echo && left > app->inline_max)
            left = app->inline_max;
        left = left < room ? left : room;
        fill_inline(a, s, from, left, fill->inline_data + fill->inline_len);
        tx_fill_inline(fill, left);
        return left;
    }
    uint32_t run, packet_room = tx_fill_room(fill);
    if (packet_room == 0)
        return 0;
    left = left < app->extent_max ? left : app->extent_max;
    left = left < packet_room ? left : packet_room;
    const uint8_t *data = content_at(s->position + (from - s->start), left, &run);
    const struct tx_extent extent = {
        .data = data, .len = run, .sum = fill->want_sums ? plain_sum(data, run) : 0, .pin = &a->pin
    };
    tx_fill_extent(fill, &extent);
    return run;
}

static uint32_t app_resolve(void *ctx, struct tcp_conn *conn, uint64_t from, uint32_t len,
                            struct tx_fill *fill)
{
    struct testapp *app = ctx;
    struct app_conn *a = find(app, conn);
    uint32_t done = 0;

    if (len == 0 || from < a->acked || from + len > a->end)
        sim_fail(app->sim,
                 "TCP asked for bytes [%" PRIu64 ", +%" PRIu32 ") of [%" PRIu64 ", %" PRIu64 ")",
                 from, len, a->acked, a->end);
    for (unsigned i = 0; i < a->span_count && done < len; i++) {
        const struct span *s = span_at(a, i);
        while (from + done >= s->start && from + done < s->end && done < len) {
            uint32_t n = fill_span(app, a, s, from + done, len - done, fill);
            if (n == 0)
                return done;
            done += n;
        }
    }
    return done;
}

static void app_acknowledged(void *ctx, struct tcp_conn *conn, uint64_t upto, uint64_t now)
{
    struct testapp *app = ctx;
    struct app_conn *a = find(app, conn);

    if (upto < a->acked || upto > a->end)
        sim_fail(app->sim, "acknowledged %" PRIu64 ", after %" PRIu64 ", of %" PRIu64, upto,
                 a->acked, a->end);
    a->acked = upto;
    a->active_ns = now;
    while (a->span_count > 0 && span_at(a, 0)->end <= upto) {
        a->span_head = (a->span_head + 1) % SPANS_MAX;
        a->span_count--;
    }
    if (a->stalled && !a->waiting)
        tcp_receive_resume(conn);
    close_if_done(a, conn);
}

/* ------------------------------------------------------------------------------ opening, closing
 */

static bool app_open(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct testapp *app = ctx;
    uint32_t index = tcp_conn_index(conn);

    if (index >= app->connections_max || app->conns[index].open) {
        sim_fail(app->sim, "connection %" PRIu32 " opened twice, or out of bounds", index);
        return false;
    }
    struct app_conn *a = &app->conns[index];
    struct file_pin pin = a->pin; /* of packets of the connection before */
    memset(a, 0, sizeof(*a));
    a->pin = pin;
    a->open = true;
    a->active_ns = now;
    tcp_app_deadline(conn, now + IDLE_NS);
    app->open++;
    return true;
}

static void app_deadline(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct testapp *app = ctx;
    struct app_conn *a = find(app, conn);

    if (now < (a->waiting ? a->wait_until : a->active_ns)) {
        sim_fail(app->sim, "deadline that is not due");
        return;
    }
    if (!a->waiting && now - a->active_ns >= IDLE_NS) {
        tcp_abort(conn);
        return;
    }
    tcp_app_deadline(conn, now + IDLE_NS);
    if (!a->waiting)
        return;
    a->waiting = false;
    a->active_ns = now;
    if (a->stalled)
        tcp_receive_resume(conn);
    close_if_done(a, conn);
}

static void app_drain(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct testapp *app = ctx;
    struct app_conn *a = find(app, conn);

    a->draining = true;
    close_if_done(a, conn);
}

static void app_closed(void *ctx, struct tcp_conn *conn, enum tcp_close_reason reason)
{
    struct testapp *app = ctx;
    struct app_conn *a = find(app, conn);

    if (reason == TCP_CLOSE_ORDERLY && a->acked != a->end)
        sim_fail(app->sim, "closed in order with %" PRIu64 " bytes not acknowledged",
                 a->end - a->acked);
    a->open = false;
    app->open--;
}

const struct tcp_app testapp_functions = {
    .open = app_open,
    .receive = app_receive,
    .receive_end = app_receive_end,
    .resolve = app_resolve,
    .acknowledged = app_acknowledged,
    .deadline = app_deadline,
    .drain = app_drain,
    .closed = app_closed,
};
