/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens at each bound: times, sizes, pools, and the ends of connections. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "suites.h"

#define H         "Host: h\r\n"
#define GET_SMALL "GET /small.txt HTTP/1.1\r\n" H "\r\n"
#define GET_BIG   "GET /big.bin HTTP/1.1\r\n" H "\r\n"

static unsigned status_of(const struct tcp_conn *conn)
{
    return reply_read(conn->output, conn->sent, true).status;
}

/* ==== time ==== */

START_TEST(idle_connection_is_closed_silently)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *fresh = fake_open(&bench.tcp), *used = fake_open(&bench.tcp);
    fake_advance(&bench.tcp, bench.config.idle_timeout_ns / 2);
    fake_input_text(used, GET_SMALL);
    fake_run(used);
    uint64_t sent = used->sent;
    fake_advance(&bench.tcp, bench.config.idle_timeout_ns / 2);
    ck_assert(fresh->fin && fresh->end == 0);
    ck_assert(!used->fin); /* its time began with the last acknowledgement */
    fake_advance(&bench.tcp, bench.config.idle_timeout_ns / 2);
    ck_assert(used->fin && used->end == sent);
    ck_assert_uint_eq(bench.counters.http_timeout_idle, 2);
    /* clients that never close their side do not stay for ever */
    ck_assert(used->open);
    fake_advance(&bench.tcp, bench.config.idle_timeout_ns);
    ck_assert(!used->open && !fresh->open);
    bench_stop(&bench);
}
END_TEST

START_TEST(slow_head_is_answered_408)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_advance(&bench.tcp, NS_PER_S);
    for (unsigned i = 0; i < 9; i++) { /* a byte a second does not help */
        fake_input(conn, &"GET / HTTP"[i], 1);
        fake_advance(&bench.tcp, NS_PER_S);
    }
    ck_assert_uint_eq(conn->end, 0);
    fake_advance(&bench.tcp, NS_PER_S);
    fake_run(conn);
    ck_assert_uint_eq(status_of(conn), 408);
    ck_assert(conn->fin);
    ck_assert_uint_eq(bench.counters.http_timeout_header, 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(empty_lines_do_not_start_a_request)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "\r");
    fake_input_text(conn, "\n");
    fake_advance(&bench.tcp, bench.config.header_timeout_ns + 1);
    ck_assert(!conn->fin);
    fake_input_text(conn, GET_SMALL);
    fake_run(conn);
    ck_assert_uint_eq(status_of(conn), 200);
    bench_stop(&bench);
}
END_TEST

START_TEST(head_has_its_time_even_late_in_idleness)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_advance(&bench.tcp, bench.config.idle_timeout_ns - NS_PER_S);
    fake_input_text(conn, "GET /small.txt ");
    fake_advance(&bench.tcp, bench.config.header_timeout_ns - NS_PER_S);
    fake_input_text(conn, "HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    ck_assert_uint_eq(status_of(conn), 200);
    bench_stop(&bench);
}
END_TEST

START_TEST(client_that_takes_nothing_is_aborted)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *stuck = fake_open(&bench.tcp), *slow = fake_open(&bench.tcp);
    fake_input_text(stuck, GET_BIG);
    fake_input_text(slow, GET_BIG);
    fake_send(slow, &fake_cut_plain);
    for (unsigned i = 1; i <= 4; i++) { /* slow, but something moves */
        fake_advance(&bench.tcp, bench.config.write_timeout_ns * 2 / 3);
        if (slow->open)
            fake_acknowledge(slow, i * 1000);
    }
    ck_assert(!stuck->open && stuck->aborted);
    ck_assert(slow->open);
    ck_assert_uint_eq(bench.counters.http_timeout_write, 1);
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(acknowledgements_do_not_move_timers)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    for (unsigned i = 0; i < 100; i++) {
        fake_input_text(conn, GET_SMALL);
        fake_run(conn);
        fake_advance(&bench.tcp, NS_PER_MS);
    }
    ck_assert_uint_eq(conn->deadlines_set, 1);
    ck_assert_uint_eq(bench.counters.http_2xx, 100);
    bench_stop(&bench);
}
END_TEST

/* ==== size ==== */

static char *repeat(char *out, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        out = stpcpy(out, text);
    return out;
}

START_TEST(limits_hold_to_the_byte)
{
    struct bench bench;
    char *request = malloc(65536);

    bench_config(&bench);
    bench_start(&bench);
    for (int over = 0; over <= 1; over++) {
        /* "GET /" + n + " HTTP/1.1" */
        char *p = repeat(stpcpy(request, "GET /"), "a",
                         bench.config.request_line_max - strlen("GET / HTTP/1.1") + (size_t)over);
        stpcpy(p, " HTTP/1.1\r\n" H "\r\n");
        struct tcp_conn *conn = fake_open(&bench.tcp);
        fake_input_text(conn, request);
        fake_run(conn);
        ck_assert_uint_eq(status_of(conn), over ? 414 : 404);
        ck_assert_int_eq(conn->fin, over);

        p = stpcpy(request, "GET /small.txt HTTP/1.1\r\n" H "X: ");
        p = repeat(p, "b", bench.config.header_bytes_max - strlen(H "X: \r\n") + (size_t)over);
        stpcpy(p, "\r\n\r\n");
        conn = fake_open(&bench.tcp);
        fake_input_text(conn, request);
        fake_run(conn);
        ck_assert_uint_eq(status_of(conn), over ? 431 : 200);
        ck_assert_int_eq(conn->fin, over);

        p = stpcpy(request, "GET /small.txt HTTP/1.1\r\n" H);
        p = repeat(p, "X: y\r\n", bench.config.header_fields_max - 1 + (size_t)over);
        stpcpy(p, "\r\n");
        conn = fake_open(&bench.tcp);
        fake_input_text(conn, request);
        fake_run(conn);
        ck_assert_uint_eq(status_of(conn), over ? 431 : 200);
    }
    free(request);
    bench_stop(&bench);
}
END_TEST

START_TEST(longest_head_fits_in_pieces)
{
    struct bench bench;
    char *request = malloc(65536), *p;

    bench_config(&bench);
    bench_start(&bench);
    p = repeat(stpcpy(request, "GET /"), "a",
               bench.config.request_line_max - strlen("GET / HTTP/1.1"));
    p = stpcpy(p, " HTTP/1.1\r\n" H "X: ");
    p = repeat(p, "b", bench.config.header_bytes_max - strlen(H "X: \r\n"));
    p = stpcpy(p, "\r\n\r\n");
    struct tcp_conn *conn = fake_open(&bench.tcp);
    for (const char *at = request; at < p; at += 7)
        fake_input(conn, at, p - at < 7 ? (size_t)(p - at) : 7);
    fake_run(conn);
    ck_assert_uint_eq(status_of(conn), 404);
    free(request);
    bench_stop(&bench);
}
END_TEST

START_TEST(too_many_known_fields_are_431)
{
    struct bench bench;
    char request[4096];

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    stpcpy(repeat(stpcpy(request, "GET / HTTP/1.1\r\n" H), "If-Match: \"a\"\r\n", 40), "\r\n");
    fake_input_text(conn, request);
    fake_run(conn);
    ck_assert_uint_eq(status_of(conn), 431);
    bench_stop(&bench);
}
END_TEST

/* ==== pools ==== */

START_TEST(pipeline_is_bounded_and_goes_on)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.pipeline_max = 3;
    bench_start(&bench);
    bench.tcp.resume_at_once = _i != 0;
    struct tcp_conn *conn = fake_open(&bench.tcp);
    for (unsigned i = 0; i < 10; i++)
        fake_input_text(conn, GET_SMALL);
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 3);
    ck_assert_uint_eq(conn->input_len, 7 * strlen(GET_SMALL));
    fake_send(conn, &fake_cut_plain);
    fake_acknowledge(conn, conn->sent / 3);
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 3);
    ck_assert_uint_eq(conn->input_len, 6 * strlen(GET_SMALL));
    fake_run(conn);
    ck_assert_uint_eq(count_replies(conn), 10);
    bench_stop(&bench);
}
END_TEST

START_TEST(responses_run_out_and_those_who_wait_are_served_in_turn)
{
    struct bench bench;
    struct tcp_conn *conns[6];

    bench_config(&bench);
    bench.config.responses_max = 2;
    bench_start(&bench);
    bench.tcp.resume_at_once = _i != 0;
    for (unsigned i = 0; i < 6; i++) {
        conns[i] = fake_open(&bench.tcp);
        fake_input_text(conns[i], GET_SMALL);
    }
    ck_assert_uint_eq(bench.counters.http_requests, 2);
    ck_assert_uint_eq(bench.counters.http_response_exhausted, 4);
    /* Nobody who comes later is served before them, and nobody is asked in vain. */
    fake_run(conns[0]);
    ck_assert(conns[2]->end > 0 && conns[3]->end == 0);
    fake_input_text(conns[0], GET_SMALL);
    ck_assert_uint_eq(conns[0]->end, conns[0]->sent);
    for (unsigned i = 1; i < 6; i++) {
        ck_assert_uint_gt(conns[i]->end, 0);
        fake_run(conns[i]);
    }
    fake_run(conns[0]);
    ck_assert_uint_eq(bench.counters.http_response_exhausted, 5);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_uint_eq(count_replies(conns[i]), i == 0 ? 2 : 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(waiting_ends_when_another_connection_does)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.responses_max = 1;
    bench_start(&bench);
    bench.tcp.resume_at_once = _i != 0;
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    struct tcp_conn *c = fake_open(&bench.tcp), *d = fake_open(&bench.tcp);
    fake_input_text(a, GET_BIG);
    fake_input_text(b, GET_SMALL);
    fake_input_text(c, GET_SMALL);
    fake_input_text(d, GET_SMALL);
    fake_reset(c); /* leaves the queue from the middle */
    fake_reset(a);
    ck_assert_uint_gt(b->end, 0);
    fake_reset(b);
    fake_run(d);
    ck_assert_uint_eq(count_replies(d), 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(waiting_client_is_not_timed_out)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.responses_max = 1;
    bench_start(&bench);
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    fake_input_text(a, GET_BIG);
    fake_input_text(b, "GET /small.txt ");
    fake_input_text(b, "HTTP/1.1\r\n" H "\r\n");
    fake_send(a, &fake_cut_plain);
    for (unsigned i = 1; i <= 10; i++) {
        fake_advance(&bench.tcp, bench.config.write_timeout_ns / 2);
        fake_acknowledge(a, i);
    }
    ck_assert(b->open && !b->fin && b->end == 0);
    fake_acknowledge(a, a->sent);
    fake_run(b);
    ck_assert_uint_eq(count_replies(b), 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(turn_is_lost_if_the_bytes_do_not_come_again)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.responses_max = 1;
    bench_start(&bench);
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    struct tcp_conn *c = fake_open(&bench.tcp);
    fake_input_text(a, GET_BIG);
    fake_input_text(b, GET_SMALL);
    fake_input_text(c, GET_SMALL);
    b->input_len = 0; /* TCP had no room, and the peer is gone */
    fake_run(a);
    ck_assert_uint_eq(c->end, 0);
    fake_advance(&bench.tcp, bench.config.header_timeout_ns);
    ck_assert(b->fin && b->end == 0);
    fake_run(c);
    ck_assert_uint_eq(count_replies(c), 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(turn_is_passed_on_when_its_owner_closes)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.responses_max = 1;
    bench_start(&bench);
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    struct tcp_conn *c = fake_open(&bench.tcp);
    fake_input_text(a, GET_BIG);
    fake_input_text(b, GET_SMALL);
    fake_input_text(c, GET_SMALL);
    b->input_len = 10; /* a part comes again, and then the end */
    b->peer_fin = b->fin_lost = true;
    fake_run(a);
    ck_assert(b->fin && b->end == 0);
    fake_run(c);
    ck_assert_uint_eq(count_replies(c), 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(newest_partial_request_is_refused)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.requests_max = 2;
    bench_start(&bench);
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    struct tcp_conn *c = fake_open(&bench.tcp);
    fake_input_text(a, "GET /small");
    fake_input_text(b, "GET /small");
    fake_input_text(c, "GET /small");
    ck_assert(a->open && b->open && !c->open && c->aborted);
    ck_assert_uint_eq(bench.counters.http_request_exhausted, 1);
    /* A request in one piece needs no buffer. */
    c = fake_open(&bench.tcp);
    fake_input_text(c, GET_SMALL);
    fake_run(c);
    ck_assert_uint_eq(count_replies(c), 1);
    /* And buffers come back. */
    fake_input_text(a, ".txt HTTP/1.1\r\n" H "\r\n");
    fake_reset(b);
    fake_input_text(c, "GET /sm");
    ck_assert(c->open);
    bench_stop(&bench);
}
END_TEST

START_TEST(header_timeout_without_a_response_closes_silently)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.responses_max = 1;
    bench_start(&bench);
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    fake_input_text(a, GET_BIG);
    fake_input_text(b, "GET /");
    fake_advance(&bench.tcp, bench.config.header_timeout_ns);
    ck_assert(b->fin && b->end == 0);
    bench_stop(&bench);
}
END_TEST

static size_t allocated;

static void *counting_alloc(void *ctx, size_t bytes, size_t align)
{
    allocated += bytes;
    return memory_heap.alloc(ctx, bytes, align);
}

START_TEST(memory_is_what_was_announced)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.memory.alloc = counting_alloc;
    allocated = 0;
    bench_start(&bench);
    ck_assert_uint_eq(allocated, http_server_memory_bytes(&bench.config));
    allocated = 0;
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, GET_BIG);
    fake_run(conn);
    ck_assert_uint_eq(allocated, 0);
    bench_stop(&bench);
}
END_TEST

static size_t alloc_left;

static void *failing_alloc(void *ctx, size_t bytes, size_t align)
{
    return alloc_left-- == 0 ? NULL : memory_heap.alloc(ctx, bytes, align);
}

START_TEST(memory_refused_is_an_error)
{
    struct bench bench;
    size_t n = 0;

    bench_config(&bench);
    bench.config.memory.alloc = failing_alloc;
    do {
        alloc_left = n++;
        bench.server = http_server_create(&bench.config);
    } while (bench.server == NULL);
    ck_assert_uint_eq(n, 10); /* nine allocations */
    bench_stop(&bench);
}
END_TEST

/* ==== the ends of connections ==== */

START_TEST(half_closed_client_gets_all_answers)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.pipeline_max = 2;
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, GET_SMALL GET_BIG GET_SMALL GET_SMALL GET_SMALL);
    fake_peer_fin(conn);
    ck_assert(!conn->fin);
    fake_run(conn);
    ck_assert(conn->fin && !conn->open);
    ck_assert_uint_eq(count_replies(conn), 5);
    bench_stop(&bench);
}
END_TEST

START_TEST(half_close_within_a_request_ends_it)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp), *idle = fake_open(&bench.tcp);
    fake_input_text(conn, GET_SMALL "GET /sm");
    fake_peer_fin(conn);
    fake_peer_fin(idle);
    ck_assert(conn->fin && !idle->open);
    fake_run(conn);
    ck_assert_uint_eq(count_replies(conn), 1);
    ck_assert(!conn->open);
    bench_stop(&bench);
}
END_TEST

START_TEST(input_after_the_last_answer_is_ignored)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "POST / HTTP/1.1\r\n" H "Content-Length: 100000\r\n\r\n" GET_SMALL);
    uint64_t end = conn->end;
    for (unsigned i = 0; i < 100; i++)
        fake_input_text(conn, GET_SMALL);
    ck_assert_uint_eq(conn->input_len, 0);
    ck_assert_uint_eq(conn->end, end);
    fake_run(conn);
    fake_input_text(conn, GET_SMALL);
    ck_assert_uint_eq(conn->end, end);
    ck_assert_uint_eq(bench.counters.http_requests, 1);
    bench_stop(&bench);
}
END_TEST

START_TEST(draining_closes_idle_ones_and_finishes_the_rest)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *idle = fake_open(&bench.tcp), *busy = fake_open(&bench.tcp);
    struct tcp_conn *partial = fake_open(&bench.tcp);
    fake_input_text(busy, GET_BIG);
    fake_send(busy, &fake_cut_plain);
    fake_acknowledge(busy, 100);
    fake_input_text(partial, "GET /small.txt HTTP/1.1\r\n");
    fake_drain(&bench.tcp);
    ck_assert(idle->fin && !busy->fin && !partial->fin);

    fake_input_text(partial, H "\r\n");
    fake_run(partial);
    struct reply reply = reply_read(partial->output, partial->sent, true);
    ck_assert(reply_has(&reply, "Connection: close") && partial->fin);

    fake_run(busy); /* its response was begun without the field: closed when it is through */
    ck_assert_uint_eq(count_replies(busy), 1);
    ck_assert(busy->fin);
    bench_stop(&bench);
}
END_TEST

START_TEST(draining_answers_what_is_already_there)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.pipeline_max = 1;
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, GET_BIG GET_SMALL);
    fake_drain(&bench.tcp);
    fake_run(conn);
    ck_assert_uint_eq(count_replies(conn), 2);
    ck_assert(conn->fin);
    bench_stop(&bench);
}
END_TEST

Suite *limits_suite(void)
{
    Suite *suite = suite_create("http limits");
    TCase *tc = tcase_create("time");

    tcase_add_test(tc, idle_connection_is_closed_silently);
    tcase_add_test(tc, slow_head_is_answered_408);
    tcase_add_test(tc, empty_lines_do_not_start_a_request);
    tcase_add_test(tc, head_has_its_time_even_late_in_idleness);
    tcase_add_test(tc, client_that_takes_nothing_is_aborted);
    tcase_add_test(tc, acknowledgements_do_not_move_timers);
    suite_add_tcase(suite, tc);

    tc = tcase_create("size");
    tcase_add_test(tc, limits_hold_to_the_byte);
    tcase_add_test(tc, longest_head_fits_in_pieces);
    tcase_add_test(tc, too_many_known_fields_are_431);
    suite_add_tcase(suite, tc);

    tc = tcase_create("pools");
    tcase_add_loop_test(tc, pipeline_is_bounded_and_goes_on, 0, 2);
    tcase_add_loop_test(tc, responses_run_out_and_those_who_wait_are_served_in_turn, 0, 2);
    tcase_add_loop_test(tc, waiting_ends_when_another_connection_does, 0, 2);
    tcase_add_test(tc, waiting_client_is_not_timed_out);
    tcase_add_test(tc, turn_is_lost_if_the_bytes_do_not_come_again);
    tcase_add_test(tc, turn_is_passed_on_when_its_owner_closes);
    tcase_add_test(tc, newest_partial_request_is_refused);
    tcase_add_test(tc, header_timeout_without_a_response_closes_silently);
    tcase_add_test(tc, memory_is_what_was_announced);
    tcase_add_test(tc, memory_refused_is_an_error);
    suite_add_tcase(suite, tc);

    tc = tcase_create("ends");
    tcase_add_test(tc, half_closed_client_gets_all_answers);
    tcase_add_test(tc, half_close_within_a_request_ends_it);
    tcase_add_test(tc, input_after_the_last_answer_is_ignored);
    tcase_add_test(tc, draining_closes_idle_ones_and_finishes_the_rest);
    tcase_add_test(tc, draining_answers_what_is_already_there);
    suite_add_tcase(suite, tc);
    return suite;
}
