/* SPDX-License-Identifier: BSD-3-Clause */
/* Cuts: requests in any pieces, responses in any packets, once and again; and what is counted. */
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "suites.h"

#define H "Host: h\r\n"

static const char pipelined[] = "GET /small.txt HTTP/1.1\r\n" H "\r\n"
                                "HEAD /big.bin HTTP/1.1\r\n" H "\r\n"
                                "\r\n"
                                "GET /medium.bin HTTP/1.1\r\n" H "Range: bytes=100-4099\r\n\r\n"
                                "GET /empty HTTP/1.1\r\n" H "\r\n"
                                "GET /absent HTTP/1.1\r\n" H "\r\n"
                                "GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n";

static const struct {
    unsigned status;
    bool body;
} pipelined_replies[] = { { 200, true }, { 200, false }, { 206, true },
                          { 200, true }, { 404, true },  { 200, true } };

static void check_pipelined(const struct tcp_conn *conn)
{
    size_t at = 0;

    for (unsigned i = 0; i < 6; i++) {
        struct reply reply =
            reply_read(conn->output + at, conn->sent - at, pipelined_replies[i].body);
        ck_assert_uint_eq(reply.status, pipelined_replies[i].status);
        at += reply.total_len;
    }
    ck_assert_uint_eq(at, conn->sent);
    ck_assert(conn->fin);
}

/* ==== input ==== */

START_TEST(pipelined_requests_split_anywhere)
{
    struct bench bench;
    size_t len = sizeof(pipelined) - 1;

    bench_config(&bench);
    bench_start(&bench);
    for (size_t cut = 0; cut < len; cut++) {
        struct tcp_conn *conn = fake_open(&bench.tcp);
        fake_input(conn, pipelined, cut);
        fake_input(conn, pipelined + cut, len - cut);
        fake_run(conn);
        check_pipelined(conn);
        fake_peer_fin(conn);
        ck_assert(!conn->open);
    }
    bench_stop(&bench);
}
END_TEST

START_TEST(pipelined_requests_in_random_pieces)
{
    struct bench bench;
    struct prng prng = { 3 };

    bench_config(&bench);
    bench.config.pipeline_max = 2;
    bench_start(&bench);
    for (unsigned round = 0; round < 500; round++) {
        struct tcp_conn *conn = fake_open(&bench.tcp);
        bench.tcp.resume_at_once = round % 2 != 0;
        for (size_t at = 0; at < sizeof(pipelined) - 1;) {
            size_t n = 1 + prng_below(&prng, 60);
            n = n < sizeof(pipelined) - 1 - at ? n : sizeof(pipelined) - 1 - at;
            fake_input(conn, pipelined + at, n);
            at += n;
            if (prng_below(&prng, 4) == 0) {
                fake_send(conn, &fake_cut_plain);
                fake_acknowledge(conn, conn->acknowledged +
                                           prng_below(&prng, conn->sent - conn->acknowledged + 1));
            }
        }
        fake_run(conn);
        check_pipelined(conn);
        fake_peer_fin(conn);
        ck_assert(!conn->open);
    }
    bench_stop(&bench);
}
END_TEST

/* What comes behind the first piece of a head is more of it, whatever it looks like. */
START_TEST(piece_that_looks_like_a_request_is_none)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /missing HTTP/1.1\r\nReferer: ");
    fake_input_text(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    fake_run(conn);
    ck_assert_uint_eq(bench.counters.http_requests, 1);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).status, 404);
    fake_peer_fin(conn);
    bench_stop(&bench);
}
END_TEST

START_TEST(idle_connection_holds_no_buffer)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.requests_max = 1;
    bench_start(&bench);
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    for (unsigned i = 0; i < 20; i++) { /* each in pieces, one after the other */
        struct tcp_conn *conn = i % 2 == 0 ? a : b;
        fake_input_text(conn, "GET /small.txt HT");
        fake_input_text(conn, "TP/1.1\r\n" H "\r\n\r\n");
        fake_run(conn);
    }
    ck_assert_uint_eq(bench.counters.http_2xx, 20);
    ck_assert_uint_eq(bench.counters.http_request_exhausted, 0);
    ck_assert(a->open && b->open);
    bench_stop(&bench);
}
END_TEST

/* ==== output ==== */

START_TEST(any_cut_and_repetition_gives_the_same_stream)
{
    struct bench bench;
    struct prng prng = { (uint64_t)_i + 1 };

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *reference = fake_open(&bench.tcp);
    const char *requests =
        "GET /small.txt HTTP/1.1\r\n" H "\r\nGET /medium.bin HTTP/1.1\r\n" H "\r\n"
        "GET /big.bin HTTP/1.1\r\n" H "Range: bytes=77777-\r\n\r\n"
        "GET /big.bin HTTP/1.1\r\n" H "Range: bytes=0-2,99000-201000,5-600,-700\r\n\r\n"
        "GET / HTTP/1.1\r\n" H "\r\n";
    fake_input_text(reference, requests);
    fake_run(reference);

    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, requests);
    ck_assert_uint_eq(conn->end, reference->end);
    while (conn->acknowledged < conn->end) {
        struct fake_cut cut = { .segment_max = 1 + (uint32_t)prng_below(&prng, 1u << 17),
                                .inline_capacity = 1 + (uint32_t)prng_below(&prng, 2000),
                                .extents_max = 1 + (uint32_t)prng_below(&prng, 8),
                                .want_sums = prng_below(&prng, 2) != 0 };
        if (prng_below(&prng, 8) == 0)
            cut.segment_max = 1 + (uint32_t)prng_below(&prng, 100);
        uint64_t end = conn->end; /* not all at once */
        conn->end = conn->sent + prng_below(&prng, end - conn->sent + 1);
        fake_send(conn, &cut);
        conn->end = end;
        uint64_t from = conn->acknowledged + prng_below(&prng, conn->sent - conn->acknowledged + 1);
        uint64_t to = from + prng_below(&prng, conn->sent - from + 1);
        fake_send_again(conn, from, to, &cut);
        if (prng_below(&prng, 3) == 0)
            fake_acknowledge(conn, conn->acknowledged +
                                       prng_below(&prng, conn->sent - conn->acknowledged + 1));
    }
    ck_assert_int_eq(memcmp(conn->output, reference->output, reference->sent), 0);
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 0);
    bench_stop(&bench);
}
END_TEST

START_TEST(small_responses_share_a_packet)
{
    struct bench bench;
    const struct fake_cut cut = { 4000, 4000, 8, false };
    struct tx_extent extents[8];
    uint8_t head[4000];
    struct tx_fill fill = { .inline_data = head,
                            .inline_capacity = cut.inline_capacity,
                            .extent = extents,
                            .extents_max = 8 };

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n"
                          "GET /medium.bin HTTP/1.1\r\n" H "\r\n");
    uint32_t n = http_app.resolve(bench.server, conn, 0, 4000, &fill);
    ck_assert_uint_eq(n, 4000);
    ck_assert_uint_gt(fill.inline_len, 500); /* two whole responses, and the third's head */
    ck_assert_uint_eq(fill.extent_count, 2); /* the gap in the file */
    bench_stop(&bench);
}
END_TEST

START_TEST(freed_response_of_another_is_not_mistaken)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *a = fake_open(&bench.tcp), *b = fake_open(&bench.tcp);
    fake_input_text(a, "GET /medium.bin HTTP/1.1\r\n" H "\r\nGET /dir/ HTTP/1.1\r\n" H "\r\n");
    uint64_t end = a->end;
    a->end = 1000; /* TCP asks for some of the first response only */
    fake_send(a, &fake_cut_plain);
    a->end = end;
    struct tx_extent extents[8];
    uint8_t bytes[1000];
    struct tx_fill fill = {
        .inline_data = bytes, .inline_capacity = 1000, .extent = extents, .extents_max = 8
    };
    a->sent = MEDIUM_BYTES; /* the rest of it was acknowledged unasked */
    while (http_server_pins(bench.server).responses == 2)
        fake_acknowledge(a, a->sent++);
    uint64_t second = a->acknowledged;
    fake_input_text(b, "GET /medium.bin HTTP/1.1\r\n" H "\r\n"); /* takes what was freed */
    uint32_t len = (uint32_t)(a->end - second);
    ck_assert_uint_eq(http_app.resolve(bench.server, a, second, len, &fill), len);
    struct reply reply = reply_read(bytes, len, true);
    ck_assert_uint_eq(reply.total_len, len);
    ck_assert_uint_eq(reply.body[0], site_byte("dir/index.html", 0));
    bench_stop(&bench);
}
END_TEST

/* ==== what is counted ==== */

START_TEST(large_bodies_are_not_copied)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /big.bin HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    ck_assert_uint_eq(bench.counters.payload_bytes_copied, 0);
    ck_assert_uint_eq(bench.counters.payload_bytes_referenced, BIG_BYTES);
    ck_assert_uint_eq(bench.counters.response_head_bytes, conn->sent - BIG_BYTES);
    bench_stop(&bench);
}
END_TEST

START_TEST(small_bodies_are_copied_and_each_copy_counts)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\n" H "\r\n");
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_eq(bench.counters.payload_bytes_copied, 13);
    fake_send_again(conn, 0, conn->sent, &fake_cut_plain);
    ck_assert_uint_eq(bench.counters.payload_bytes_copied, 26);
    ck_assert_uint_eq(bench.counters.payload_bytes_referenced, 0);
    bench_stop(&bench);
}
END_TEST

START_TEST(threshold_decides_between_copy_and_reference)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.inline_bytes_max = 12; /* small.txt has 13 */
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    fake_input_text(conn, "GET /small.txt HTTP/1.1\r\n" H "Range: bytes=1-\r\n\r\n");
    fake_run(conn);
    ck_assert_uint_eq(bench.counters.payload_bytes_referenced, 13);
    ck_assert_uint_eq(bench.counters.payload_bytes_copied, 12);
    bench_stop(&bench);
}
END_TEST

START_TEST(pins_count_unacknowledged_responses)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET /big.bin HTTP/1.1\r\n" H "\r\nGET /big.bin HTTP/1.1\r\n" H "\r\n"
                          "HEAD /big.bin HTTP/1.1\r\n" H "\r\n");
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 2);
    fake_send(conn, &fake_cut_plain);
    size_t first = reply_read(conn->output, conn->sent, true).total_len;
    fake_acknowledge(conn, first - 1);
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 2);
    fake_acknowledge(conn, first);
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 1);
    fake_reset(conn);
    ck_assert_uint_eq(http_server_pins(bench.server).responses, 0);
    bench_stop(&bench);
}
END_TEST

START_TEST(statuses_are_counted)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "GET / HTTP/1.1\r\n" H "\r\nGET /dir HTTP/1.1\r\n" H "\r\n"
                          "GET /x HTTP/1.1\r\n" H "\r\nFOO / HTTP/1.1\r\n" H "\r\n");
    ck_assert_uint_eq(bench.counters.http_requests, 4);
    ck_assert_uint_eq(bench.counters.http_2xx, 1);
    ck_assert_uint_eq(bench.counters.http_3xx, 1);
    ck_assert_uint_eq(bench.counters.http_4xx, 1);
    ck_assert_uint_eq(bench.counters.http_5xx, 1);
    bench_stop(&bench);
}
END_TEST

Suite *stream_suite(void)
{
    Suite *suite = suite_create("http stream");
    TCase *tc = tcase_create("input");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, pipelined_requests_split_anywhere);
    tcase_add_test(tc, pipelined_requests_in_random_pieces);
    tcase_add_test(tc, piece_that_looks_like_a_request_is_none);
    tcase_add_test(tc, idle_connection_holds_no_buffer);
    suite_add_tcase(suite, tc);

    tc = tcase_create("output");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, any_cut_and_repetition_gives_the_same_stream, 0, 20);
    tcase_add_test(tc, small_responses_share_a_packet);
    tcase_add_test(tc, freed_response_of_another_is_not_mistaken);
    suite_add_tcase(suite, tc);

    tc = tcase_create("accounting");
    tcase_add_test(tc, large_bodies_are_not_copied);
    tcase_add_test(tc, small_bodies_are_copied_and_each_copy_counts);
    tcase_add_test(tc, threshold_decides_between_copy_and_reference);
    tcase_add_test(tc, pins_count_unacknowledged_responses);
    tcase_add_test(tc, statuses_are_counted);
    suite_add_tcase(suite, tc);
    return suite;
}
