/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rows of requests and answers (rows.h) on the fake TCP. A row is sent whole and then once more
 * in single bytes on another connection: the replies must be the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "rows.h"
#include "suites.h"

static void send_row(struct tcp_conn *conn, const struct row *row, size_t piece)
{
    size_t len = strlen(row->request);

    for (size_t at = 0; at < len; at += piece)
        fake_input(conn, row->request + at, piece < len - at ? piece : len - at);
    fake_input_text(conn, ROW_PROBE);
    fake_run(conn);
}

START_TEST(request_is_answered)
{
    const struct row *row = row_number((size_t)_i);
    struct bench bench;
    char error[ROW_ERROR_BYTES];

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *whole = fake_open(&bench.tcp);
    send_row(whole, row, SIZE_MAX);
    ck_assert_msg(row_check(row, (const char *)whole->output, whole->sent, error), "%s: %s",
                  row->request, error);
    ck_assert_msg(whole->fin == (row->close != STAYS), "%s: closed %d", row->request, whole->fin);

    struct tcp_conn *bytes = fake_open(&bench.tcp);
    send_row(bytes, row, 1);
    ck_assert_msg(bytes->sent == whole->sent &&
                      memcmp(bytes->output, whole->output, whole->sent) == 0,
                  "%s: in single bytes it is answered otherwise: %.500s", row->request,
                  (const char *)bytes->output);
    ck_assert_int_eq(bytes->fin, whole->fin);
    bench_stop(&bench);
}
END_TEST

START_TEST(location_that_does_not_fit_is_414)
{
    struct bench bench;
    char request[DEEP_BYTES + 64];

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    snprintf(request, sizeof(request), "GET /%s HTTP/1.1\r\n" H "\r\n", bench.site.deep);
    fake_input_text(conn, request);
    fake_run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).status, 414);
    ck_assert(conn->fin);
    bench_stop(&bench);
}
END_TEST

START_TEST(error_to_head_has_no_body)
{
    static const char *const requests[] = { "HEAD / HTTP/1.1\r\n\r\n", "HEAD /\x01",
                                            "HEAD / HTTP/2.0\r\n\r\n" };
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_conn *conn = fake_open(&bench.tcp);
        fake_input_text(conn, requests[i]);
        fake_run(conn);
        struct reply reply = reply_read(conn->output, conn->sent, false);
        ck_assert_uint_ge(reply.status, 400);
        ck_assert_uint_eq(reply.total_len, conn->sent);
    }
    bench_stop(&bench);
}
END_TEST

START_TEST(date_follows_the_wall_clock)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_advance(&bench.tcp, 2 * NS_PER_S);
    fake_input_text(conn, "HEAD / HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, false);
    ck_assert(reply_has(&reply, "Date: Tue, 14 Nov 2023 22:13:22 GMT"));
    size_t read = reply.total_len;
    fake_advance(&bench.tcp, NS_PER_S);
    fake_input_text(conn, "HEAD / HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    reply = reply_read(conn->output + read, conn->sent - read, false);
    ck_assert(reply_has(&reply, "Date: Tue, 14 Nov 2023 22:13:23 GMT"));
    read += reply.total_len;

    http_server_wall_offset(bench.server, -(int64_t)bench.tcp.now);
    fake_input_text(conn, "HEAD / HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    reply = reply_read(conn->output + read, conn->sent - read, false);
    ck_assert(reply_has(&reply, "Date: Thu, 01 Jan 1970 00:00:00 GMT"));
    bench_stop(&bench);
}
END_TEST

START_TEST(server_field_may_be_left_out)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.server_name = NULL;
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "HEAD / HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, false);
    ck_assert(!reply_has_field(&reply, "Server"));
    bench_stop(&bench);
}
END_TEST

Suite *requests_suite(void)
{
    Suite *suite = suite_create("http requests");
    TCase *tc = tcase_create("rows");

    tcase_set_timeout(tc, 30);
    int count = 0;
    while (row_number((size_t)count) != NULL)
        count++;
    tcase_add_loop_test(tc, request_is_answered, 0, count);
    suite_add_tcase(suite, tc);

    tc = tcase_create("more");
    tcase_add_test(tc, location_that_does_not_fit_is_414);
    tcase_add_test(tc, error_to_head_has_no_body);
    tcase_add_test(tc, date_follows_the_wall_clock);
    tcase_add_test(tc, server_field_may_be_left_out);
    suite_add_tcase(suite, tc);
    return suite;
}
