/* SPDX-License-Identifier: BSD-3-Clause */
/* Several ranges of a streamed file (RFC 9110 section 14.6). */
#include <stdio.h>
#include <string.h>

#include "fake_streamer.h"
#include "suites.h"

#define PARTS_MAX 4

struct parts {
    const char *range;
    struct {
        uint64_t from, len;
    } part[PARTS_MAX];
};

#define LAST_CHUNK (UINT64_C(3) * CHUNK_BYTES)

static const struct parts several[] = {
    { "0-9,300000-300009", { { 0, 10 }, { 300000, 10 } } },
    { "5-100,200-300", { { 5, 96 }, { 200, 101 } } }, /* of one chunk */
    { "700000-700009,0-9", { { 700000, 10 }, { 0, 10 } } },
    { "0-300000,300002-,-1", { { 0, 300001 }, { 300002, STREAMED_BYTES - 300002 } } },
    { "-1,262143-262144,0-0",
      { { STREAMED_BYTES - 1, 1 }, { CHUNK_BYTES - 1, 2 }, { 0, 1 } } }, /* across an edge */
    { "786432-,262144-524287,0-262142",                                  /* whole chunks */
      { { LAST_CHUNK, 12345 }, { CHUNK_BYTES, CHUNK_BYTES }, { 0, CHUNK_BYTES - 1 } } },
};
#define SEVERAL (sizeof(several) / sizeof(several[0]))

static struct tcp_conn *get_parts(const struct parts *parts)
{
    char request[200];

    snprintf(request, sizeof(request), "GET /one.bin HTTP/1.1\r\n" H "Range: bytes=%s\r\n\r\n",
             parts->range);
    return streamed_get(request);
}

/* RFC 9110 section 14.6, to the byte, with the boundary that the head names. */
static void expect_parts(const struct reply *reply, const struct parts *parts)
{
    const char *boundary = strstr(reply->head, "boundary=");
    const uint8_t *at = reply->body, *end = reply->body + reply->body_len;
    char text[500];
    unsigned wrong = 0;

    ck_assert_uint_eq(reply->status, 206);
    ck_assert_ptr_nonnull(boundary);
    boundary += strlen("boundary=");
    int len = (int)strcspn(boundary, "\r"), n;
    for (unsigned i = 0; i < PARTS_MAX && parts->part[i].len != 0; i++) {
        uint64_t from = parts->part[i].from, bytes = parts->part[i].len;
        n = snprintf(text, sizeof(text),
                     "\r\n--%.*s\r\nContent-Type: application/octet-stream\r\n"
                     "Content-Range: bytes %lu-%lu/%lu\r\n\r\n",
                     len, boundary, from, from + bytes - 1, (uint64_t)STREAMED_BYTES);
        ck_assert_uint_ge((uint64_t)(end - at), (unsigned)n + bytes);
        ck_assert_int_eq(memcmp(at, text, (size_t)n), 0);
        for (uint64_t j = 0; j < bytes; j++)
            wrong += at[(unsigned)n + j] != streamed_byte(0, from + j);
        at += (unsigned)n + bytes;
    }
    ck_assert_uint_eq(wrong, 0);
    n = snprintf(text, sizeof(text), "\r\n--%.*s--\r\n", len, boundary);
    ck_assert_int_eq(end - at, n);
    ck_assert_int_eq(memcmp(at, text, (size_t)n), 0);
}

START_TEST(several_ranges_are_parts)
{
    for (unsigned i = 0; i < SEVERAL; i++) {
        struct tcp_conn *conn = get_parts(&several[i]);
        streamed_run(conn);
        struct reply reply = reply_read(conn->output, conn->sent, true);
        expect_parts(&reply, &several[i]);
        fake_reset(conn);
    }
}
END_TEST

/* With fewer leases than a response has chunks. */
START_TEST(parts_go_on_with_a_single_lease)
{
    streamed_stop();
    streamed_start_with(1, 8);
    struct tcp_conn *conn[SEVERAL];
    for (unsigned i = 0; i < SEVERAL; i++)
        conn[i] = get_parts(&several[i]);
    for (unsigned turn = 0; turn < 200; turn++) {
        ck_assert_uint_le(streamed.count, 1);
        if (streamed.count != 0)
            streamed_answer(0, true);
        for (unsigned i = 0; i < SEVERAL; i++) {
            fake_run(conn[i]);
            streamed_listen();
        }
    }
    for (unsigned i = 0; i < SEVERAL; i++) {
        struct reply reply = reply_read(conn[i]->output, conn[i]->sent, true);
        expect_parts(&reply, &several[i]);
    }
}
END_TEST

/* Nothing of a part, nor the text before it, is sent before its chunk is there. */
START_TEST(a_part_waits_for_its_chunk)
{
    struct tcp_conn *conn = get_parts(&several[0]);

    ck_assert_uint_eq(streamed.count, 2);
    ck_assert_uint_eq(streamed.asked[0].chunk, 0);
    ck_assert_uint_eq(streamed.asked[1].chunk, 1);
    streamed_answer(0, true);
    fake_run(conn);
    const char *text = (const char *)conn->output;
    ck_assert_ptr_nonnull(memmem(text, conn->sent, "bytes 0-9/", 10));
    ck_assert_ptr_null(memmem(text, conn->sent, "bytes 300000-", 13));
    streamed_answer(0, true);
    streamed_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    expect_parts(&reply, &several[0]);
}
END_TEST

START_TEST(a_part_that_cannot_be_read_breaks_the_connection)
{
    struct tcp_conn *conn = get_parts(&several[0]);

    streamed_answer(0, true);
    fake_send(conn, &fake_cut_plain);
    streamed_answer(0, false);
    ck_assert(!conn->open && conn->aborted);
    ck_assert_ptr_null(memmem(conn->output, conn->sent, "bytes 300000-", 13));
}
END_TEST

START_TEST(too_many_ranges_are_answered_with_the_whole)
{
    char request[1000] = "GET /one.bin HTTP/1.1\r\n" H "Range: bytes=0-0";

    for (unsigned i = 1; i <= 32; i++) {
        size_t len = strlen(request);
        snprintf(request + len, sizeof(request) - len, ",%u-%u", 10 * i, 10 * i);
    }
    strcat(request, "\r\n\r\n");
    struct tcp_conn *conn = streamed_get(request);
    streamed_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 200);
    streamed_expect(&reply, 0, 0, STREAMED_BYTES);
}
END_TEST

START_TEST(parts_are_sent_again)
{
    for (unsigned i = 0; i < SEVERAL; i++) {
        struct tcp_conn *conn = get_parts(&several[i]);
        uint64_t bytes = 0;
        for (unsigned j = 0; j < PARTS_MAX; j++)
            bytes += several[i].part[j].len;
        streamed_send_again(conn, bytes);
        streamed_run(conn);
        struct reply reply = reply_read(conn->output, conn->sent, true);
        expect_parts(&reply, &several[i]);
        fake_reset(conn);
    }
}
END_TEST

Suite *streamed_parts_suite(void)
{
    Suite *suite = suite_create("http parts of streamed files");
    TCase *tc = tcase_create("parts");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, streamed_start, streamed_stop);
    tcase_add_test(tc, several_ranges_are_parts);
    tcase_add_test(tc, parts_go_on_with_a_single_lease);
    tcase_add_test(tc, a_part_waits_for_its_chunk);
    tcase_add_test(tc, a_part_that_cannot_be_read_breaks_the_connection);
    tcase_add_test(tc, too_many_ranges_are_answered_with_the_whole);
    tcase_add_test(tc, parts_are_sent_again);
    suite_add_tcase(suite, tc);
    return suite;
}
