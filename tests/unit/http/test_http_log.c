/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of each request: what it says, and when it is given. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "suites.h"

#define GET_SMALL "GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET_BIG   "GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\n"

struct log {
    struct http_record records[64];
    unsigned count;
};

static void log_add(void *ctx, const struct http_record *record)
{
    struct log *log = ctx;

    ck_assert_uint_lt(log->count, 64);
    log->records[log->count++] = *record;
}

static void logged_start(struct bench *bench, struct log *log)
{
    bench_config(bench);
    log->count = 0;
    bench->config.log = log_add;
    bench->config.log_ctx = log;
    bench_start(bench);
}

static bool text_is(const struct http_record *record, enum http_record_text which, const char *want)
{
    return text_equal(http_record_text(record, which), text_from(want));
}

START_TEST(record_is_given_when_the_response_is_acknowledged)
{
    struct bench bench;
    struct log log;

    logged_start(&bench, &log);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /small.txt?a=b HTTP/1.1\r\nHost: Example.org:81\r\n"
                          "Referer: http://r/\r\nUser-Agent: \t a gent \r\n\r\n");
    fake_send(conn, &fake_cut_plain);
    fake_acknowledge(conn, conn->sent - 1);
    ck_assert_uint_eq(log.count, 0);
    fake_advance(&bench.tcp, 3 * NS_PER_S);
    fake_acknowledge(conn, conn->sent);
    ck_assert_uint_eq(log.count, 1);

    const struct http_record *r = &log.records[0];
    ck_assert_uint_eq(r->status, 200);
    ck_assert_uint_eq(r->body_bytes, 13);
    ck_assert(r->complete);
    ck_assert_uint_eq(r->duration_ns, 3 * NS_PER_S);
    ck_assert_int_eq(r->wall_ns, (SITE_NOW + 3) * (int64_t)NS_PER_S);
    ck_assert_uint_eq(r->peer.port, tcp_conn_peer(conn).port);
    ck_assert(text_is(r, RECORD_METHOD, "GET"));
    ck_assert(text_is(r, RECORD_TARGET, "/small.txt?a=b"));
    ck_assert(text_is(r, RECORD_PROTOCOL, "HTTP/1.1"));
    ck_assert(text_is(r, RECORD_HOST, "Example.org:81"));
    ck_assert(text_is(r, RECORD_REFERER, "http://r/"));
    ck_assert(text_is(r, RECORD_AGENT, "a gent"));
    ck_assert_uint_eq(r->cut, 0);
    bench_stop(&bench);
}
END_TEST

START_TEST(time_begins_with_the_first_byte_of_the_head)
{
    struct bench bench;
    struct log log;

    logged_start(&bench, &log);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_advance(&bench.tcp, NS_PER_S);
    fake_input(conn, GET_SMALL, 10);
    fake_advance(&bench.tcp, 2 * NS_PER_S);
    fake_input_text(conn, &GET_SMALL[10]);
    fake_run(conn);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_uint_eq(log.records[0].duration_ns, 2 * NS_PER_S);
    bench_stop(&bench);
}
END_TEST

/* request -> status, bytes of body, what stands for the target */
static const struct {
    const char *request;
    unsigned status;
    uint64_t body_bytes;
    const char *method, *target, *protocol;
} rows[] = {
    { "HEAD /small.txt HTTP/1.1\r\nHost: h\r\n\r\n", 200, 0, "HEAD", "/small.txt", "HTTP/1.1" },
    { "GET /empty HTTP/1.0\r\n\r\n", 200, 0, "GET", "/empty", "HTTP/1.0" },
    { "GET /big.bin HTTP/1.1\r\nHost: h\r\nRange: bytes=7-106\r\n\r\n", 206, 100, "GET", "/big.bin",
      "HTTP/1.1" },
    { "GET /small.txt HTTP/1.1\r\nHost: h\r\nIf-Match: \"x\"\r\n\r\n", 412, UINT64_MAX, "GET",
      "/small.txt", "HTTP/1.1" },
    { "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", 404, UINT64_MAX, "GET", "/none", "HTTP/1.1" },
    { "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n", 405, UINT64_MAX, "DELETE", "/", "HTTP/1.1" },
    /* no request: the first line, or what there is of it */
    { "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, UINT64_MAX, "", "GET  / HTTP/1.1", "" },
    { "GET / HTTP/1.1\r\n\r\n", 400, UINT64_MAX, "", "GET / HTTP/1.1", "" },
    { "garbage\n", 400, UINT64_MAX, "", "garbage", "" },
};

START_TEST(record_says_what_was_asked_and_answered)
{
    struct bench bench;
    struct log log;

    logged_start(&bench, &log);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, rows[_i].request);
    fake_run(conn);
    ck_assert_uint_eq(log.count, 1);
    const struct http_record *r = &log.records[0];
    struct reply reply = reply_read(conn->output, conn->sent, rows[_i].method[0] != 'H');
    ck_assert_uint_eq(r->status, rows[_i].status);
    ck_assert_uint_eq(r->body_bytes,
                      rows[_i].body_bytes == UINT64_MAX ? reply.body_len : rows[_i].body_bytes);
    ck_assert(text_is(r, RECORD_METHOD, rows[_i].method));
    ck_assert(text_is(r, RECORD_TARGET, rows[_i].target));
    ck_assert(text_is(r, RECORD_PROTOCOL, rows[_i].protocol));
    bench_stop(&bench);
}
END_TEST

START_TEST(response_cut_short_says_what_arrived)
{
    struct bench bench;
    struct log log;

    logged_start(&bench, &log);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, GET_BIG GET_SMALL GET_SMALL);
    fake_send(conn, &fake_cut_plain);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    fake_acknowledge(conn, reply.head_len + 1000);
    fake_advance(&bench.tcp, 5 * NS_PER_S);
    fake_reset(conn);
    ck_assert_uint_eq(log.count, 3);
    ck_assert(!log.records[0].complete);
    ck_assert_uint_eq(log.records[0].body_bytes, 1000);
    ck_assert_uint_eq(log.records[0].duration_ns, 5 * NS_PER_S);
    ck_assert(!log.records[1].complete && !log.records[2].complete);
    ck_assert_uint_eq(log.records[1].body_bytes, 0);
    ck_assert_uint_eq(log.records[2].status, 200);
    bench_stop(&bench);
}
END_TEST

START_TEST(head_that_does_not_end_in_time_is_logged)
{
    struct bench bench;
    struct log log;

    logged_start(&bench, &log);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /sl");
    fake_advance(&bench.tcp, bench.config.header_timeout_ns);
    fake_run(conn);
    ck_assert_uint_eq(log.count, 1);
    ck_assert_uint_eq(log.records[0].status, 408);
    ck_assert(text_is(&log.records[0], RECORD_TARGET, "GET /sl"));
    ck_assert_uint_eq(log.records[0].duration_ns, bench.config.header_timeout_ns);
    bench_stop(&bench);
}
END_TEST

START_TEST(what_is_too_long_is_cut_and_marked)
{
    struct bench bench;
    struct log log;
    char request[4096], path[1001], agent[1001];

    memset(path, 'p', 1000);
    memset(agent, 'a', 1000);
    path[1000] = agent[1000] = '\0';
    snprintf(request, sizeof(request), "GET /%s HTTP/1.1\r\nHost: h\r\nUser-Agent: %s\r\n\r\n",
             path, agent);
    logged_start(&bench, &log);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, request);
    fake_run(conn);
    const struct http_record *r = &log.records[0];
    ck_assert_uint_eq(log.count, 1);
    ck_assert_uint_eq(r->cut, 1 << RECORD_TARGET | 1 << RECORD_AGENT);
    ck_assert_uint_eq(r->len[RECORD_TARGET], RECORD_TARGET_MAX);
    ck_assert_uint_eq(r->len[RECORD_AGENT], RECORD_AGENT_MAX);
    ck_assert(text_is(r, RECORD_PROTOCOL, "HTTP/1.1"));
    ck_assert(text_is(r, RECORD_HOST, "h"));
    bench_stop(&bench);
}
END_TEST

START_TEST(without_a_log_nothing_is_kept)
{
    struct bench bench;

    bench_config(&bench);
    size_t without = http_server_memory_bytes(&bench.config);
    bench.config.log = log_add;
    ck_assert_uint_eq(http_server_memory_bytes(&bench.config) - without,
                      bench.config.responses_max * sizeof(struct http_record));
    bench.config.log = NULL;
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, GET_SMALL);
    fake_run(conn);
    bench_stop(&bench);
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("http log");
    TCase *c = tcase_create("records");

    tcase_add_test(c, record_is_given_when_the_response_is_acknowledged);
    tcase_add_test(c, time_begins_with_the_first_byte_of_the_head);
    tcase_add_loop_test(c, record_says_what_was_asked_and_answered, 0,
                        (int)(sizeof(rows) / sizeof(rows[0])));
    tcase_add_test(c, response_cut_short_says_what_arrived);
    tcase_add_test(c, head_that_does_not_end_in_time_is_logged);
    tcase_add_test(c, what_is_too_long_is_cut_and_marked);
    tcase_add_test(c, without_a_log_nothing_is_kept);
    suite_add_tcase(suite, c);
    return suite;
}
