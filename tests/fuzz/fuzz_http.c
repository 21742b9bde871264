/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client may send to the HTTP server, on the fake TCP of the unit tests. The same bytes are
 * answered three times: whole; in pieces, with the answers cut otherwise; and on two connections
 * that share fewer responses than they need. All three get the same answers. Of each request in the
 * usual form, the one-pass reader makes what the scanner and llhttp do.
 *
 * Input: a byte of limits, three of how it is cut, then the client's bytes.
 */
#include <string.h>

#include "base/prng.h"
#include "base/time.h"
#include "fuzz.h"
#include "http/http.h"
#include "site.h"
#include "unit/http/both_ways.h"
#include "unit/http/fake_tcp.h"

enum {
    STREAM_MAX = 4096,    /* of the client; its answers must fit in the fake TCP's output */
    FILE_MAX = 6000,      /* so files are small */
    START_NS = 5,         /* seconds on the stack's clock */
    IDLE_SETTLE_S = 1000, /* longer than all time-outs */
};

struct limits {
    uint32_t line_max, fields_bytes_max, fields_max, inline_max, pipeline_max, body_max;
};

static const struct limits limits_of[] = {
    { 8192, 16384, 100, 512, 16, 1000 },
    { 64, 128, 3, 0, 1, 0 },
    { 20, 30, 1, 100000, 2, 8 },
    { 128, 256, 8, 64, 3, 100000 },
};

struct run {
    struct counters counters;
    struct http_server *server;
    struct fake_tcp tcp;
};

static const struct catalogue *catalogue;

static void run_start(struct run *run, const struct limits *limits, uint32_t responses,
                      bool resume_at_once)
{
    struct http_config config;

    memset(run, 0, sizeof(*run));
    http_config_defaults(&config);
    config.catalogue = catalogue;
    config.connections_max = FAKE_CONNS_MAX;
    config.requests_max = 4;
    config.responses_max = responses;
    config.pipeline_max = limits->pipeline_max;
    config.inline_bytes_max = limits->inline_max;
    config.request_line_max = limits->line_max;
    config.header_bytes_max = limits->fields_bytes_max;
    config.header_fields_max = limits->fields_max;
    config.body_bytes_max = limits->body_max;
    config.wall_offset_ns = (SITE_NOW - START_NS) * (int64_t)NS_PER_S;
    config.counters = &run->counters;
    run->server = http_server_create(&config);
    FUZZ_CHECK(run->server != NULL, "no memory");
    fake_tcp_init(&run->tcp, &http_app, run->server, START_NS * NS_PER_S);
    run->tcp.resume_at_once = resume_at_once;
}

/* The client goes on waiting; the server ends what is still there. */
static void run_stop(struct run *run)
{
    fake_advance(&run->tcp, IDLE_SETTLE_S * NS_PER_S);
    for (unsigned i = 0; i < FAKE_CONNS_MAX; i++)
        FUZZ_CHECK(!run->tcp.conns[i].open, "connection %u is open after all time-outs", i);
    struct file_pin pins = http_server_pins(run->server);
    FUZZ_CHECK(pins.responses == 0 && pins.in_flight == 0, "%u responses and %u packets pinned",
               pins.responses, pins.in_flight);
    fake_tcp_destroy(&run->tcp);
    http_server_destroy(run->server);
}

/* Requests that the bytes can hold at most: one per empty line, and one that is none. */
static uint64_t requests_bound(const uint8_t *data, size_t len)
{
    uint64_t bound = 1;

    for (size_t i = 3; i < len; i++)
        bound += memcmp(data + i - 3, "\r\n\r\n", 4) == 0;
    return bound;
}

/* The length of the reply at p, which ends where the stream does or the next reply begins. */
static size_t reply_len(const uint8_t *p, size_t len)
{
    const char *text = (const char *)p;
    const char *end = memmem(p, len, "\r\n\r\n", 4);

    FUZZ_CHECK(end != NULL && len > 12 && memcmp(p, "HTTP/1.1 ", 9) == 0, "no reply: %.*s",
               (int)(len < 40 ? len : 40), text);
    size_t head_len = (size_t)(end - text) + 4, body_len = 0;
    const char *field = memmem(p, head_len, "\r\nContent-Length: ", 18);
    if (field != NULL)
        body_len = strtoull(field + 18, NULL, 10);
    FUZZ_CHECK(field != NULL || memcmp(p + 9, "304", 3) == 0 || memcmp(p + 9, "204", 3) == 0,
               "no Content-Length");
    /* A reply to HEAD has no body; no file holds what a reply begins with. */
    if (len == head_len || (len > head_len + 5 && memcmp(p + head_len, "HTTP/", 5) == 0))
        return head_len;
    FUZZ_CHECK(body_len <= len - head_len, "body of %zu bytes, of which %zu are there", body_len,
               len - head_len);
    return head_len + body_len;
}

static void check_replies(const struct run *run, const uint8_t *out, size_t len, uint64_t bound)
{
    uint64_t replies = 0;

    for (size_t at = 0; at < len; replies++)
        at += reply_len(out + at, len - at);
    FUZZ_CHECK(replies == run->counters.http_requests, "%lu replies, %lu counted",
               (unsigned long)replies, (unsigned long)run->counters.http_requests);
    FUZZ_CHECK(replies <= bound, "%lu replies to at most %lu requests", (unsigned long)replies,
               (unsigned long)bound);
}

struct outcome {
    uint8_t *bytes;
    size_t len;
    bool fin, aborted;
};

static struct outcome outcome_of(const struct tcp_conn *conn)
{
    struct outcome o = { malloc(conn->sent + 1), conn->sent, conn->fin, conn->aborted };

    FUZZ_CHECK(o.bytes != NULL, "no memory");
    memcpy(o.bytes, conn->output, o.len);
    return o;
}

static void check_same(const struct outcome *expected, const struct tcp_conn *conn,
                       const char *which)
{
    FUZZ_CHECK(conn->sent == expected->len && conn->fin == expected->fin &&
                   conn->aborted == expected->aborted,
               "%s: %lu bytes, fin %d, aborted %d instead of %zu bytes, fin %d, aborted %d", which,
               (unsigned long)conn->sent, conn->fin, conn->aborted, expected->len, expected->fin,
               expected->aborted);
    FUZZ_CHECK(memcmp(conn->output, expected->bytes, expected->len) == 0, "%s: other bytes", which);
}

static struct outcome run_whole(const struct limits *limits, const uint8_t *data, size_t len)
{
    struct run run;

    run_start(&run, limits, 64, false);
    struct tcp_conn *conn = fake_open(&run.tcp);
    fake_input(conn, data, len);
    fake_run(conn);
    check_replies(&run, conn->output, conn->sent, requests_bound(data, len));
    struct outcome outcome = outcome_of(conn);
    run_stop(&run);
    return outcome;
}

static size_t piece_len(struct prng *prng, size_t left)
{
    size_t len = prng_below(prng, 3) == 0 ? 1 : 1 + prng_below(prng, 60);

    return len < left ? len : left;
}

static void run_pieces(const struct limits *limits, const uint8_t *data, size_t len, uint32_t how,
                       const struct outcome *expected)
{
    struct run run;
    struct prng prng = { how };
    struct fake_cut cut = { 1 + (uint32_t)prng_below(&prng, 1448), 1448,
                            1 + (uint32_t)prng_below(&prng, 8), (how & 1) != 0 };

    run_start(&run, limits, 64, (how & 2) != 0);
    struct tcp_conn *conn = fake_open(&run.tcp);
    for (size_t at = 0, n; at < len; at += n) {
        n = piece_len(&prng, len - at);
        fake_input(conn, data + at, n);
        if (prng_below(&prng, 4) == 0) {
            fake_send(conn, &cut);
            if (conn->open)
                fake_acknowledge(conn, conn->acknowledged +
                                           prng_below(&prng, conn->sent - conn->acknowledged + 1));
        }
    }
    while (conn->open && conn->acknowledged < conn->end) {
        fake_send(conn, &cut);
        if (conn->open)
            fake_send_again(conn, conn->acknowledged, conn->sent, &cut);
        fake_acknowledge(conn, conn->sent);
    }
    check_same(expected, conn, "in pieces");
    run_stop(&run);
}

static void run_shared(const struct limits *limits, const uint8_t *data, size_t len, uint32_t how,
                       const struct outcome *expected)
{
    struct run run;
    struct prng prng = { how };
    struct tcp_conn *conn[2];
    size_t at[2] = { 0, 0 };

    run_start(&run, limits, 1 + (how & 1), (how & 2) != 0);
    conn[0] = fake_open(&run.tcp);
    conn[1] = fake_open(&run.tcp);
    while (at[0] < len || at[1] < len) {
        unsigned i = at[0] == len || (at[1] < len && prng_below(&prng, 2) == 0);
        size_t n = piece_len(&prng, len - at[i]);
        fake_input(conn[i], data + at[i], n);
        at[i] += n;
        if (prng_below(&prng, 4) == 0)
            fake_run(conn[prng_below(&prng, 2)]);
    }
    for (unsigned idle = 0; idle < 2;) {
        uint64_t before = conn[0]->acknowledged + conn[1]->acknowledged;
        fake_run(conn[0]);
        fake_run(conn[1]);
        idle = before == conn[0]->acknowledged + conn[1]->acknowledged ? idle + 1 : 0;
    }
    check_same(expected, conn[0], "first of two");
    check_same(expected, conn[1], "second of two");
    run_stop(&run);
}

/* At each line, which may be a head's first. */
static void check_both_ways(const struct limits *limits, const uint8_t *data, size_t len)
{
    const struct head_limits head = { limits->line_max, limits->fields_bytes_max,
                                      limits->fields_max };
    size_t used;

    for (size_t at = 0; at < len; at++) {
        if (at != 0 && data[at - 1] != '\n')
            continue;
        const char *what = both_ways_differ(data + at, len - at, &head, &used);
        FUZZ_CHECK(what == NULL, "read in one pass: %s", what);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = { data, data + size };

    if (catalogue == NULL)
        catalogue = site_make(FILE_MAX);
    const struct limits *limits =
        &limits_of[input_u8(&in) % (sizeof(limits_of) / sizeof(limits_of[0]))];
    uint32_t how = input_u16(&in) | (uint32_t)input_u8(&in) << 16;
    size_t len = STREAM_MAX;
    const uint8_t *bytes = input_bytes(&in, &len);

    check_both_ways(limits, bytes, len);
    struct outcome outcome = run_whole(limits, bytes, len);
    run_pieces(limits, bytes, len, how, &outcome);
    run_shared(limits, bytes, len, how, &outcome);
    free(outcome.bytes);
    return 0;
}
