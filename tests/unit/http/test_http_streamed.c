/* SPDX-License-Identifier: BSD-3-Clause */
/* Streamed files: chunks that come late, in any order, or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_streamer.h"
#include "suites.h"

/* ==== what is sent ==== */

START_TEST(a_whole_file)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    streamed_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 200);
    streamed_expect(&reply, 0, 0, STREAMED_BYTES);
    ck_assert_uint_eq(streamed.asked_ever, 4);
}
END_TEST

START_TEST(nothing_is_sent_before_the_first_chunk)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_eq(conn->sent, 0);
    ck_assert_uint_ge(streamed.count, 2); /* it reads ahead */
    streamed_answer(0, true);
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_gt(conn->sent, CHUNK_BYTES);
    ck_assert_uint_lt(conn->sent, CHUNK_BYTES + 1000);
}
END_TEST

START_TEST(chunks_out_of_order_wait_for_the_first)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    streamed_answer(1, true);
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_eq(conn->sent, 0);
    streamed_answer(0, true);
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_gt(conn->sent, 2 * CHUNK_BYTES);
    streamed_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    streamed_expect(&reply, 0, 0, STREAMED_BYTES);
}
END_TEST

START_TEST(ranges_within_and_across_chunks)
{
    static const struct {
        uint64_t from, to;
    } rows[] = { { 0, 0 },
                 { 5, 100 },
                 { CHUNK_BYTES - 1, CHUNK_BYTES },
                 { CHUNK_BYTES, 2 * CHUNK_BYTES - 1 },
                 { 1000, 3 * CHUNK_BYTES },
                 { 3 * CHUNK_BYTES, STREAMED_BYTES - 1 },
                 { STREAMED_BYTES - 1, STREAMED_BYTES - 1 } };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request),
                 "GET /two.bin HTTP/1.1\r\n" H "Range: bytes=%lu-%lu\r\n\r\n", rows[i].from,
                 rows[i].to);
        struct tcp_conn *conn = streamed_get(request);
        streamed_run(conn);
        struct reply reply = reply_read(conn->output, conn->sent, true);
        ck_assert_uint_eq(reply.status, 206);
        streamed_expect(&reply, 1, rows[i].from, rows[i].to - rows[i].from + 1);
        fake_reset(conn);
    }
}
END_TEST

START_TEST(suffix_and_open_ranges)
{
    static const struct {
        const char *range;
        uint64_t from;
    } rows[] = { { "-1", STREAMED_BYTES - 1 },
                 { "-20000", STREAMED_BYTES - 20000 },
                 { "-99999999", 0 },
                 { "700000-", 700000 },
                 { "0-", 0 } };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request), "GET /one.bin HTTP/1.1\r\n" H "Range: bytes=%s\r\n\r\n",
                 rows[i].range);
        struct tcp_conn *conn = streamed_get(request);
        streamed_run(conn);
        struct reply reply = reply_read(conn->output, conn->sent, true);
        ck_assert_uint_eq(reply.status, 206);
        streamed_expect(&reply, 0, rows[i].from, STREAMED_BYTES - rows[i].from);
        fake_reset(conn);
    }
}
END_TEST

/* RFC 9110 section 13.1.5: the part if the version is still the same, else the whole. */
START_TEST(a_range_only_if_the_file_is_the_same)
{
    struct tcp_conn *conn = streamed_get("HEAD /one.bin HTTP/1.1\r\n" H "\r\n");
    char request[300];

    fake_run(conn);
    const char *etag = strstr((const char *)conn->output, "ETag: ");
    ck_assert_ptr_nonnull(etag);
    etag += strlen("ETag: ");
    for (unsigned same = 0; same < 2; same++) {
        snprintf(request, sizeof(request),
                 "GET /one.bin HTTP/1.1\r\n" H
                 "If-Range: %.*s%s\r\nRange: bytes=300000-300009\r\n\r\n",
                 (int)strcspn(etag, "\r") - 1, etag, same != 0 ? "\"" : "other\"");
        struct tcp_conn *part = streamed_get(request);
        streamed_run(part);
        struct reply reply = reply_read(part->output, part->sent, true);
        ck_assert_uint_eq(reply.status, same != 0 ? 206 : 200);
        streamed_expect(&reply, 0, same != 0 ? 300000 : 0, same != 0 ? 10 : STREAMED_BYTES);
    }
}
END_TEST

START_TEST(head_asks_for_no_chunk)
{
    struct tcp_conn *conn = streamed_get("HEAD /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_run(conn);
    ck_assert_uint_eq(streamed.asked_ever, 0);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, false).status, 200);
}
END_TEST

START_TEST(anything_not_acknowledged_is_sent_again)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    streamed_send_again(conn, STREAMED_BYTES);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    streamed_expect(&reply, 0, 0, STREAMED_BYTES);
}
END_TEST

START_TEST(chunks_go_back_as_they_are_acknowledged)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    while (streamed.count != 0)
        streamed_answer(0, true);
    fake_send(conn, &fake_cut_plain);
    uint64_t head = conn->sent % CHUNK_BYTES;
    fake_acknowledge(conn, head + CHUNK_BYTES - 1);
    streamed_listen();
    ck_assert_uint_eq(streamed.released_ever, 0);
    fake_acknowledge(conn, head + CHUNK_BYTES);
    streamed_listen();
    ck_assert_uint_eq(streamed.released_ever, 1);
}
END_TEST

START_TEST(what_is_pipelined_behind_it_waits)
{
    struct tcp_conn *conn =
        streamed_get("GET /one.bin HTTP/1.1\r\n" H "Range: bytes=0-9\r\n\r\n"
                     "GET /small.txt HTTP/1.1\r\n" H "\r\n"
                     "GET /two.bin HTTP/1.1\r\n" H "Range: bytes=7-19\r\n\r\n"
                     "GET /small.txt HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    size_t at = 0;

    fake_send(conn, &fake_cut_plain);
    ck_assert(conn->sent == 0 && !conn->fin);
    streamed_run(conn);
    ck_assert(conn->fin);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    streamed_expect(&reply, 0, 0, 10);
    at += reply.total_len;
    reply = reply_read(conn->output + at, conn->sent - at, true);
    ck_assert_uint_eq(reply.body_len, 13);
    at += reply.total_len;
    reply = reply_read(conn->output + at, conn->sent - at, true);
    streamed_expect(&reply, 1, 7, 13);
    at += reply.total_len;
    reply = reply_read(conn->output + at, conn->sent - at, true);
    ck_assert_uint_eq(at + reply.total_len, conn->sent);
    streamed.bench.counters.payload_bytes_copied = 0; /* small.txt is copied, as ever */
}
END_TEST

START_TEST(two_clients_of_one_file_share_its_chunks)
{
    struct tcp_conn *first = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    unsigned asked = streamed.asked_ever;
    struct tcp_conn *second = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    ck_assert_uint_eq(streamed.asked_ever, asked);
    streamed_answer(0, true);
    fake_send(first, &fake_cut_plain);
    fake_send(second, &fake_cut_plain);
    ck_assert_uint_gt(first->sent, CHUNK_BYTES);
    ck_assert_uint_eq(first->sent, second->sent);
    fake_reset(first);
    streamed_run(second);
    struct reply reply = reply_read(second->output, second->sent, true);
    streamed_expect(&reply, 0, 0, STREAMED_BYTES);
}
END_TEST

START_TEST(a_client_that_leaves_while_it_waits)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_reset(conn);
    streamed_listen();
    while (streamed.count != 0)
        streamed_answer(0, true);
    ck_assert_uint_eq(streamed.released_ever, streamed.asked_ever);
}
END_TEST

/* ==== bounds ==== */

/* With two leases only one of them moves at a time, and every one gets to its end. */
START_TEST(who_finds_no_lease_waits_in_order)
{
    struct tcp_conn *conn[6];

    streamed_stop();
    streamed_start_with(2, 8);
    for (unsigned i = 0; i < 6; i++)
        conn[i] =
            streamed_get(i % 2 == 0 ? "GET /one.bin HTTP/1.1\r\n" H "\r\n"
                                    : "GET /two.bin HTTP/1.1\r\n" H "Range: bytes=300000-\r\n\r\n");
    ck_assert_uint_gt(streamed.bench.counters.stream_wait_lease, 0);
    for (unsigned turn = 0; turn < 200; turn++) {
        ck_assert_uint_le(streamed.count, 2);
        if (streamed.count != 0)
            streamed_answer(streamed.count - 1, true);
        for (unsigned i = 0; i < 6; i++) {
            fake_run(conn[i]);
            streamed_listen();
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        struct reply reply = reply_read(conn[i]->output, conn[i]->sent, true);
        uint64_t from = i % 2 == 0 ? 0 : 300000;
        streamed_expect(&reply, i % 2, from, STREAMED_BYTES - from);
    }
}
END_TEST

START_TEST(resident_files_are_served_while_streams_wait)
{
    streamed_stop();
    streamed_start_with(2, 8);
    streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    streamed_get("GET /two.bin HTTP/1.1\r\n" H "\r\n");
    struct tcp_conn *conn = streamed_get("GET /medium.bin HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).body_len, MEDIUM_BYTES);
}
END_TEST

START_TEST(beyond_the_maximum_of_streams_503_says_when_to_retry)
{
    streamed_stop();
    streamed_start_with(8, 1);
    struct tcp_conn *first = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    struct tcp_conn *second = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    fake_run(second);
    struct reply reply = reply_read(second->output, second->sent, true);
    ck_assert_uint_eq(reply.status, 503);
    ck_assert(reply_has_field(&reply, "Retry-After"));
    ck_assert_uint_eq(streamed.bench.counters.stream_exhausted, 1);
    streamed_run(first);
    struct tcp_conn *third = streamed_get("GET /two.bin HTTP/1.1\r\n" H "\r\n");
    streamed_run(third);
    ck_assert_uint_eq(reply_read(third->output, third->sent, true).status, 200);
}
END_TEST

START_TEST(a_late_disk_is_no_fault_of_the_client)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_advance(&streamed.bench.tcp, 10 * streamed.bench.config.write_timeout_ns);
    ck_assert(conn->open);
    streamed_run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).status, 200);
}
END_TEST

START_TEST(a_client_that_takes_nothing_is_timed_out)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    streamed_answer(0, true);
    fake_advance(&streamed.bench.tcp, 2 * streamed.bench.config.write_timeout_ns);
    ck_assert(!conn->open);
    ck_assert_uint_eq(streamed.bench.counters.http_timeout_write, 1);
}
END_TEST

/* ==== errors ==== */

START_TEST(a_file_that_cannot_be_read_at_all_is_answered_503)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    streamed_answer(0, false);
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 503);
    ck_assert(conn->fin);
    struct tcp_conn *again = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    fake_run(again);
    ck_assert_uint_eq(reply_read(again->output, again->sent, true).status, 503);
    struct tcp_conn *other = streamed_get("GET /two.bin HTTP/1.1\r\n" H "\r\n");
    streamed_run(other);
    ck_assert_uint_eq(reply_read(other->output, other->sent, true).status, 200);
    ck_assert_uint_eq(streamed.bench.counters.stream_broken, 2);
}
END_TEST

START_TEST(a_read_that_fails_later_breaks_the_connection)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    streamed_answer(0, true);
    fake_send(conn, &fake_cut_plain);
    streamed_answer(0, false);
    ck_assert(!conn->open && conn->aborted);
    ck_assert_uint_lt(conn->sent, STREAMED_BYTES);
}
END_TEST

START_TEST(an_error_ahead_is_told_if_nothing_was_sent)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    streamed_answer(1, false);
    ck_assert(conn->open);
    streamed_answer(0, true);
    fake_run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).status, 503);
}
END_TEST

START_TEST(a_failed_file_breaks_what_is_pipelined_behind_it)
{
    struct tcp_conn *conn = streamed_get("GET /one.bin HTTP/1.1\r\n" H "\r\n"
                                         "GET /small.txt HTTP/1.1\r\n" H "\r\n");

    streamed_answer(0, false);
    ck_assert(!conn->open && conn->aborted && conn->sent == 0);
}
END_TEST

Suite *streamed_suite(void)
{
    Suite *suite = suite_create("http streamed files");
    TCase *tc = tcase_create("streamed");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, streamed_start, streamed_stop);
    tcase_add_test(tc, a_whole_file);
    tcase_add_test(tc, nothing_is_sent_before_the_first_chunk);
    tcase_add_test(tc, chunks_out_of_order_wait_for_the_first);
    tcase_add_test(tc, ranges_within_and_across_chunks);
    tcase_add_test(tc, suffix_and_open_ranges);
    tcase_add_test(tc, a_range_only_if_the_file_is_the_same);
    tcase_add_test(tc, head_asks_for_no_chunk);
    tcase_add_test(tc, anything_not_acknowledged_is_sent_again);
    tcase_add_test(tc, chunks_go_back_as_they_are_acknowledged);
    tcase_add_test(tc, what_is_pipelined_behind_it_waits);
    tcase_add_test(tc, two_clients_of_one_file_share_its_chunks);
    tcase_add_test(tc, a_client_that_leaves_while_it_waits);
    tcase_add_test(tc, who_finds_no_lease_waits_in_order);
    tcase_add_test(tc, resident_files_are_served_while_streams_wait);
    tcase_add_test(tc, beyond_the_maximum_of_streams_503_says_when_to_retry);
    tcase_add_test(tc, a_late_disk_is_no_fault_of_the_client);
    tcase_add_test(tc, a_client_that_takes_nothing_is_timed_out);
    tcase_add_test(tc, a_file_that_cannot_be_read_at_all_is_answered_503);
    tcase_add_test(tc, a_read_that_fails_later_breaks_the_connection);
    tcase_add_test(tc, an_error_ahead_is_told_if_nothing_was_sent);
    tcase_add_test(tc, a_failed_file_breaks_what_is_pipelined_behind_it);
    suite_add_tcase(suite, tc);
    return suite;
}
