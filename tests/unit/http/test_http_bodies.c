/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of requests: how long and how far they are read. What they look like is in the rows. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "suites.h"

#define H         "Host: h\r\n"
#define GET_SMALL "GET /small.txt HTTP/1.1\r\n" H "\r\n"

START_TEST(slow_body_ends_the_connection_behind_the_answer)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\n" H "Content-Length: 100\r\n\r\n");
    fake_run(conn);
    ck_assert_uint_eq(count_replies(conn), 1);
    uint64_t sent = conn->sent;
    for (unsigned i = 0; i < 29; i++) { /* a byte a second does not help */
        fake_advance(&bench.tcp, NS_PER_S);
        ck_assert(!conn->fin);
        fake_input(conn, "x", 1);
    }
    fake_advance(&bench.tcp, NS_PER_S);
    ck_assert(conn->fin && conn->end == sent);
    ck_assert_uint_eq(bench.counters.http_timeout_body, 1);
    ck_assert_uint_eq(bench.counters.http_timeout_idle, 0);
    bench_stop(&bench);
}
END_TEST

START_TEST(body_is_read_up_to_the_limit)
{
    struct bench bench;
    char request[256];

    bench_config(&bench);
    bench.config.body_bytes_max = 20;
    bench_start(&bench);
    for (int over = 0; over <= 1; over++) {
        struct tcp_conn *conn = fake_open(&bench.tcp);
        snprintf(request, sizeof(request),
                 "GET /small.txt HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n%.*s" GET_SMALL,
                 20 + over, 20 + over, "123456789012345678901");
        fake_input_text(conn, request);
        fake_run(conn);
        ck_assert_int_eq(conn->fin, over);
        ck_assert_uint_eq(count_replies(conn), over ? 1 : 2);

        /* "a\r\n" + 10 + "\r\n" + "0\r\n\r\n" is 20 bytes */
        conn = fake_open(&bench.tcp);
        snprintf(request, sizeof(request),
                 "GET /small.txt HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"
                 "%sa\r\n1234567890\r\n0\r\n\r\n" GET_SMALL,
                 over ? "0" : "");
        fake_input_text(conn, request);
        fake_run(conn);
        ck_assert_int_eq(conn->fin, over);
        ck_assert_uint_eq(count_replies(conn), over ? 1 : 2);
    }
    ck_assert_uint_eq(bench.counters.http_body_long, 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(body_without_a_place_to_read_it_ends_the_connection)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.requests_max = 1;
    bench_start(&bench);
    struct tcp_conn *half = fake_open(&bench.tcp), *conn = fake_open(&bench.tcp);
    fake_input_text(half, "GET ");
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc");
    fake_run(conn);
    ck_assert_uint_eq(count_replies(conn), 1);
    ck_assert(conn->fin);
    ck_assert_uint_eq(bench.counters.http_request_exhausted, 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(draining_waits_for_the_end_of_a_body)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\na");
    fake_run(conn);
    fake_drain(&bench.tcp);
    ck_assert(!conn->fin);
    fake_input_text(conn, "bc");
    ck_assert(conn->fin);
    bench_stop(&bench);
}
END_TEST

Suite *bodies_suite(void)
{
    Suite *suite = suite_create("http bodies");
    TCase *tc = tcase_create("bodies");

    tcase_add_test(tc, slow_body_ends_the_connection_behind_the_answer);
    tcase_add_test(tc, body_is_read_up_to_the_limit);
    tcase_add_test(tc, body_without_a_place_to_read_it_ends_the_connection);
    tcase_add_test(tc, draining_waits_for_the_end_of_a_body);
    suite_add_tcase(suite, tc);
    return suite;
}
