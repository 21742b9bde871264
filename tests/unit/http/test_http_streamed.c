/* SPDX-License-Identifier: BSD-3-Clause */
/* Streamed files: chunks that come late, in any order, or not at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "mempool/prefix_sum.h"
#include "suites.h"

#define FRAMES     16
#define MESSAGES   64
#define FILE_BYTES (3 * CHUNK_BYTES + 12345)
#define H          "Host: h\r\n"

/* A streamer of the test's: it keeps what it was asked for until the test lets it answer. */
static struct {
    struct bench bench;
    uint8_t *frames;
    uint16_t *sums;
    bool used[FRAMES];
    struct chunk_message asked[MESSAGES];
    unsigned count, asked_ever, released_ever;
} w;

/* Two files, numbers 0 and 1, of one size. */
static const char *const names[] = { "one.bin", "two.bin" };

static uint8_t file_byte(uint32_t file, uint64_t at)
{
    return (uint8_t)(at * 31 + (at >> 8) * 17 + (at >> 16) + file * 101);
}

static void start_with(uint32_t leases, uint32_t streams_max)
{
    memset(&w, 0, sizeof(w));
    bench_config(&w.bench);
    for (uint32_t i = 0; i < 2; i++) {
        struct file *file =
            catalogue_add_file(w.bench.site.catalogue, names[i], strlen(names[i]), FILE_BYTES,
                               SITE_MTIME, 0, "application/octet-stream");
        ck_assert_ptr_nonnull(file);
        file->stream = i + 1;
    }
    w.frames = malloc((size_t)FRAMES << CHUNK_SHIFT);
    w.sums = malloc((size_t)FRAMES * CHUNK_SUMS * sizeof(uint16_t));
    w.bench.config.leases = leases;
    w.bench.config.streams_max = streams_max;
    w.bench.config.stream_files = 2;
    w.bench.config.frames = (struct chunk_frames){ w.frames, w.sums };
    bench_start(&w.bench);
}

static void setup(void)
{
    start_with(8, 8);
}

/* Takes in what the server has to say. */
static void listen_to_server(void)
{
    struct chunk_message m;

    while (http_stream_output(w.bench.server, &m)) {
        if (m.kind == CHUNK_RELEASE) {
            ck_assert(w.used[m.frame]);
            w.used[m.frame] = false;
            w.released_ever++;
            continue;
        }
        ck_assert_uint_eq(m.kind, CHUNK_ASK);
        ck_assert_uint_lt(w.count, MESSAGES);
        w.asked[w.count++] = m;
        w.asked_ever++;
    }
}

static void answer(unsigned which, bool ok)
{
    struct chunk_message m = w.asked[which];
    uint64_t start = (uint64_t)m.chunk << CHUNK_SHIFT;
    uint32_t len = FILE_BYTES - start < CHUNK_BYTES ? (uint32_t)(FILE_BYTES - start) : CHUNK_BYTES;
    uint32_t frame = 0;

    memmove(&w.asked[which], &w.asked[which + 1], (--w.count - which) * sizeof(m));
    while (w.used[frame])
        frame++;
    ck_assert_uint_lt(frame, FRAMES);
    m.kind = ok ? CHUNK_READY : CHUNK_FAILED;
    m.frame = frame;
    if (ok) {
        uint8_t *data = w.frames + ((size_t)frame << CHUNK_SHIFT);
        uint16_t *sums = w.sums + (size_t)frame * CHUNK_SUMS;
        w.used[frame] = true;
        for (uint32_t i = 0; i < len; i++)
            data[i] = file_byte(m.file, start + i);
        sums[0] = 0;
        prefix_sum_extend(sums, 0, data, len);
    }
    http_stream_input(w.bench.server, &m, w.bench.tcp.now);
    fake_settle(&w.bench.tcp);
    listen_to_server();
}

static void stop(void)
{
    fake_tcp_destroy(&w.bench.tcp);
    memset(w.bench.tcp.conns, 0, sizeof(w.bench.tcp.conns));
    listen_to_server();
    while (w.count != 0)
        answer(0, true);
    for (unsigned i = 0; i < FRAMES; i++)
        ck_assert_msg(!w.used[i], "frame %u was not given back", i);
    ck_assert(!http_stream_ending(w.bench.server));
    ck_assert_uint_eq(w.bench.counters.payload_bytes_copied, 0);
    bench_stop(&w.bench);
    free(w.frames);
    free(w.sums);
}

static struct tcp_conn *get(const char *request)
{
    struct tcp_conn *conn = fake_open(&w.bench.tcp);

    fake_input_text(conn, request);
    listen_to_server();
    return conn;
}

/* Sends, acknowledges and answers until nothing more happens. */
static void run(struct tcp_conn *conn)
{
    for (;;) {
        fake_run(conn);
        listen_to_server();
        if (w.count == 0)
            break;
        answer(0, true);
    }
}

static void expect_body(const struct reply *reply, uint32_t file, uint64_t from, uint64_t len)
{
    unsigned wrong = 0;

    ck_assert_uint_eq(reply->body_len, len);
    for (uint64_t i = 0; i < len; i++)
        wrong += reply->body[i] != file_byte(file, from + i);
    ck_assert_uint_eq(wrong, 0);
}

/* ==== what is sent ==== */

START_TEST(a_whole_file)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 200);
    expect_body(&reply, 0, 0, FILE_BYTES);
    ck_assert_uint_eq(w.asked_ever, 4);
}
END_TEST

START_TEST(nothing_is_sent_before_the_first_chunk)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_eq(conn->sent, 0);
    ck_assert_uint_ge(w.count, 2); /* it reads ahead */
    answer(0, true);
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_gt(conn->sent, CHUNK_BYTES);
    ck_assert_uint_lt(conn->sent, CHUNK_BYTES + 1000);
}
END_TEST

START_TEST(chunks_out_of_order_wait_for_the_first)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    answer(1, true);
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_eq(conn->sent, 0);
    answer(0, true);
    fake_send(conn, &fake_cut_plain);
    ck_assert_uint_gt(conn->sent, 2 * CHUNK_BYTES);
    run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    expect_body(&reply, 0, 0, FILE_BYTES);
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
                 { 3 * CHUNK_BYTES, FILE_BYTES - 1 },
                 { FILE_BYTES - 1, FILE_BYTES - 1 } };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request),
                 "GET /two.bin HTTP/1.1\r\n" H "Range: bytes=%lu-%lu\r\n\r\n", rows[i].from,
                 rows[i].to);
        struct tcp_conn *conn = get(request);
        run(conn);
        struct reply reply = reply_read(conn->output, conn->sent, true);
        ck_assert_uint_eq(reply.status, 206);
        expect_body(&reply, 1, rows[i].from, rows[i].to - rows[i].from + 1);
        fake_reset(conn);
    }
}
END_TEST

START_TEST(several_ranges_are_answered_with_the_whole)
{
    struct tcp_conn *conn =
        get("GET /one.bin HTTP/1.1\r\n" H "Range: bytes=0-9,300000-300009\r\n\r\n");

    run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 200);
    expect_body(&reply, 0, 0, FILE_BYTES);
}
END_TEST

START_TEST(head_asks_for_no_chunk)
{
    struct tcp_conn *conn = get("HEAD /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_run(conn);
    ck_assert_uint_eq(w.asked_ever, 0);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, false).status, 200);
}
END_TEST

/* Whatever is not acknowledged can be sent again, with the right checksums, in any cut. */
START_TEST(anything_not_acknowledged_is_sent_again)
{
    const struct fake_cut cuts[] = { { 1448, 1448, 8, true },
                                     { 65000, 300, 3, true },
                                     { 777, 100, 1, true } };
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    struct prng prng = { .state = 3 };

    for (unsigned step = 0; conn->acknowledged < FILE_BYTES; step++) {
        while (w.count != 0)
            answer((unsigned)prng_below(&prng, w.count), true);
        fake_send(conn, &cuts[step % 3]);
        fake_send_again(conn, conn->acknowledged, conn->sent, &cuts[(step + 1) % 3]);
        uint64_t upto = conn->acknowledged + prng_below(&prng, conn->sent - conn->acknowledged + 1);
        fake_acknowledge(conn, upto + (upto + 1 == conn->sent));
        fake_send_again(conn, conn->acknowledged, conn->sent, &cuts[step % 3]);
        listen_to_server();
        if (step % 2 != 0)
            fake_acknowledge(conn, conn->sent);
        listen_to_server();
    }
    struct reply reply = reply_read(conn->output, conn->sent, true);
    expect_body(&reply, 0, 0, FILE_BYTES);
}
END_TEST

START_TEST(chunks_go_back_as_they_are_acknowledged)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    while (w.count != 0)
        answer(0, true);
    fake_send(conn, &fake_cut_plain);
    uint64_t head = conn->sent % CHUNK_BYTES;
    fake_acknowledge(conn, head + CHUNK_BYTES - 1);
    listen_to_server();
    ck_assert_uint_eq(w.released_ever, 0);
    fake_acknowledge(conn, head + CHUNK_BYTES);
    listen_to_server();
    ck_assert_uint_eq(w.released_ever, 1);
}
END_TEST

START_TEST(what_is_pipelined_behind_it_waits)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "Range: bytes=0-9\r\n\r\n"
                                "GET /small.txt HTTP/1.1\r\n" H "\r\n"
                                "GET /two.bin HTTP/1.1\r\n" H "Range: bytes=7-19\r\n\r\n"
                                "GET /small.txt HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
    size_t at = 0;

    fake_send(conn, &fake_cut_plain);
    ck_assert(conn->sent == 0 && !conn->fin);
    run(conn);
    ck_assert(conn->fin);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    expect_body(&reply, 0, 0, 10);
    at += reply.total_len;
    reply = reply_read(conn->output + at, conn->sent - at, true);
    ck_assert_uint_eq(reply.body_len, 13);
    at += reply.total_len;
    reply = reply_read(conn->output + at, conn->sent - at, true);
    expect_body(&reply, 1, 7, 13);
    at += reply.total_len;
    reply = reply_read(conn->output + at, conn->sent - at, true);
    ck_assert_uint_eq(at + reply.total_len, conn->sent);
    w.bench.counters.payload_bytes_copied = 0; /* small.txt is copied, as ever */
}
END_TEST

START_TEST(two_clients_of_one_file_share_its_chunks)
{
    struct tcp_conn *first = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    unsigned asked = w.asked_ever;
    struct tcp_conn *second = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    ck_assert_uint_eq(w.asked_ever, asked);
    answer(0, true);
    fake_send(first, &fake_cut_plain);
    fake_send(second, &fake_cut_plain);
    ck_assert_uint_gt(first->sent, CHUNK_BYTES);
    ck_assert_uint_eq(first->sent, second->sent);
    fake_reset(first);
    run(second);
    struct reply reply = reply_read(second->output, second->sent, true);
    expect_body(&reply, 0, 0, FILE_BYTES);
}
END_TEST

START_TEST(a_client_that_leaves_while_it_waits)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_reset(conn);
    listen_to_server();
    while (w.count != 0)
        answer(0, true);
    ck_assert_uint_eq(w.released_ever, w.asked_ever);
}
END_TEST

/* ==== bounds ==== */

/* With two leases only one of them moves at a time, and every one gets to its end. */
START_TEST(who_finds_no_lease_waits_in_order)
{
    struct tcp_conn *conn[6];

    stop();
    start_with(2, 8);
    for (unsigned i = 0; i < 6; i++)
        conn[i] = get(i % 2 == 0 ? "GET /one.bin HTTP/1.1\r\n" H "\r\n"
                                 : "GET /two.bin HTTP/1.1\r\n" H "Range: bytes=300000-\r\n\r\n");
    ck_assert_uint_gt(w.bench.counters.stream_wait_lease, 0);
    for (unsigned turn = 0; turn < 200; turn++) {
        ck_assert_uint_le(w.count, 2);
        if (w.count != 0)
            answer(w.count - 1, true);
        for (unsigned i = 0; i < 6; i++) {
            fake_run(conn[i]);
            listen_to_server();
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        struct reply reply = reply_read(conn[i]->output, conn[i]->sent, true);
        uint64_t from = i % 2 == 0 ? 0 : 300000;
        expect_body(&reply, i % 2, from, FILE_BYTES - from);
    }
}
END_TEST

START_TEST(resident_files_are_served_while_streams_wait)
{
    stop();
    start_with(2, 8);
    get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    get("GET /two.bin HTTP/1.1\r\n" H "\r\n");
    struct tcp_conn *conn = get("GET /medium.bin HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).body_len, MEDIUM_BYTES);
}
END_TEST

START_TEST(beyond_the_maximum_of_streams_503_says_when_to_retry)
{
    stop();
    start_with(8, 1);
    struct tcp_conn *first = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    struct tcp_conn *second = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    fake_run(second);
    struct reply reply = reply_read(second->output, second->sent, true);
    ck_assert_uint_eq(reply.status, 503);
    ck_assert(reply_has_field(&reply, "Retry-After"));
    ck_assert_uint_eq(w.bench.counters.stream_exhausted, 1);
    run(first);
    struct tcp_conn *third = get("GET /two.bin HTTP/1.1\r\n" H "\r\n");
    run(third);
    ck_assert_uint_eq(reply_read(third->output, third->sent, true).status, 200);
}
END_TEST

START_TEST(a_late_disk_is_no_fault_of_the_client)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    fake_advance(&w.bench.tcp, 10 * w.bench.config.write_timeout_ns);
    ck_assert(conn->open);
    run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).status, 200);
}
END_TEST

START_TEST(a_client_that_takes_nothing_is_timed_out)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    answer(0, true);
    fake_advance(&w.bench.tcp, 2 * w.bench.config.write_timeout_ns);
    ck_assert(!conn->open);
    ck_assert_uint_eq(w.bench.counters.http_timeout_write, 1);
}
END_TEST

/* ==== errors ==== */

START_TEST(a_file_that_cannot_be_read_at_all_is_answered_503)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    answer(0, false);
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, true);
    ck_assert_uint_eq(reply.status, 503);
    ck_assert(conn->fin);
    struct tcp_conn *again = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");
    fake_run(again);
    ck_assert_uint_eq(reply_read(again->output, again->sent, true).status, 503);
    struct tcp_conn *other = get("GET /two.bin HTTP/1.1\r\n" H "\r\n");
    run(other);
    ck_assert_uint_eq(reply_read(other->output, other->sent, true).status, 200);
    ck_assert_uint_eq(w.bench.counters.stream_broken, 2);
}
END_TEST

START_TEST(a_read_that_fails_later_breaks_the_connection)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    answer(0, true);
    fake_send(conn, &fake_cut_plain);
    answer(0, false);
    ck_assert(!conn->open && conn->aborted);
    ck_assert_uint_lt(conn->sent, FILE_BYTES);
}
END_TEST

START_TEST(an_error_ahead_is_told_if_nothing_was_sent)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n");

    answer(1, false);
    ck_assert(conn->open);
    answer(0, true);
    fake_run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).status, 503);
}
END_TEST

START_TEST(a_failed_file_breaks_what_is_pipelined_behind_it)
{
    struct tcp_conn *conn = get("GET /one.bin HTTP/1.1\r\n" H "\r\n"
                                "GET /small.txt HTTP/1.1\r\n" H "\r\n");

    answer(0, false);
    ck_assert(!conn->open && conn->aborted && conn->sent == 0);
}
END_TEST

Suite *streamed_suite(void)
{
    Suite *suite = suite_create("http streamed files");
    TCase *tc = tcase_create("streamed");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, stop);
    tcase_add_test(tc, a_whole_file);
    tcase_add_test(tc, nothing_is_sent_before_the_first_chunk);
    tcase_add_test(tc, chunks_out_of_order_wait_for_the_first);
    tcase_add_test(tc, ranges_within_and_across_chunks);
    tcase_add_test(tc, several_ranges_are_answered_with_the_whole);
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
