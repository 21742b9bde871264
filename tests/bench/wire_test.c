/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire itself: that it serves, keeps its books, and notices what is wrong. One thread, no
 * hugepages, every byte looked at. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "harness/bench.h"
#include "wire/content.h"
#include "wire/ethernet.h"
#include "wire/verify.h"

#define FILE_BYTES 20001 /* odd: checksums cross it at odd places */

static const struct bench_files files[] = { { "small", 8, 300 }, { "large", 8, FILE_BYTES } };

/* --- whole runs ----------------------------------------------------------------------------------
 */

static struct bench bench;
static struct bench_result result;

static const struct bench_row rows[] = {
    { .name = "checksum offload", .folder = "large", .connections = 40 },
    { .name = "bodies copied", .folder = "small", .connections = 40 },
    { .name = "software checksum",
      .folder = "large",
      .connections = 40,
      .software_checksum = true },
    { .name = "TSO", .folder = "large", .connections = 40, .tso = true, .ack_every = 45 },
    { .name = "TSO, ACK every other", .folder = "large", .connections = 3, .tso = true },
    { .name = "connections", .folder = "large", .connections = 40, .one_per_connection = true },
    { .name = "MTU 9000", .folder = "large", .connections = 5, .mtu = 9000 },
    { .name = "so many that the caches are asked first", .folder = "large", .connections = 1500 },
    { .name = "round trips", .folder = "large", .connections = 40, .rtt_us = 2000 },
};

static void check_run(const struct bench_row *row)
{
    bench_run(&bench, row, &result);
    ck_assert_msg(result.failure[0] == '\0', "%s: %s", row->name, result.failure);
    ck_assert_uint_ge(result.wire_whole.established, row->connections);
    ck_assert_uint_gt(result.wire_whole.responses, 0);
    /* Nearly everything: what begins in the middle of a response cannot be known. */
    ck_assert_uint_ge(result.wire_whole.verified_bytes, result.wire_whole.body_bytes * 9 / 10);
}

START_TEST(it_serves)
{
    check_run(&rows[_i]);
    ck_assert_uint_eq(result.wire_whole.lost, 0);
    ck_assert_uint_eq(result.wire_whole.out_of_order, 0);
    if (rows[_i].one_per_connection)
        ck_assert_uint_gt(result.wire_whole.closes, rows[_i].connections);
}
END_TEST

START_TEST(what_is_lost_is_sent_again)
{
    const struct bench_row row = { .name = "loss",
                                   .folder = "large",
                                   .connections = 100,
                                   .rtt_us = 500,
                                   .loss = 0.05,
                                   .tso = _i == 1,
                                   .software_checksum = _i == 2 };

    check_run(&row);
    ck_assert_uint_gt(result.wire_whole.lost, 10);
    ck_assert_uint_gt(result.wire_whole.out_of_order, 0);
    ck_assert_uint_gt(result.wire_whole.retransmissions, 0);
    ck_assert_uint_eq(result.wire_whole.not_kept, 0);
}
END_TEST

/* Both sides tell of the time that was measured, and of nothing before it: with warming up six
 * times as long, that would be most of what they tell. */
START_TEST(what_was_before_is_not_measured)
{
    const struct bench_row row = { .name = "measured", .folder = "small", .connections = 40 };
    uint64_t warm_ns = bench.options.warm_ns;

    bench.options.warm_ns = 6 * (uint64_t)(bench.options.seconds * 1e9);
    check_run(&row);
    bench.options.warm_ns = warm_ns;
    uint64_t packets = result.wire.packets, spent = result.turns.busy_ns + result.turns.idle_ns;
    ck_assert_uint_gt(packets, 0);
    ck_assert_uint_gt(result.wire_whole.packets, 2 * packets);
    /* A few turns of each may be on the other's side of a mark. */
    ck_assert_uint_lt(result.server.tx_packets, packets + packets / 10 + 256);
    ck_assert_uint_gt(result.server.tx_packets + packets / 10 + 256, packets);
    ck_assert_uint_le(result.latency.total, result.wire.responses + 256);
    ck_assert_uint_gt(spent, 0);
    /* The server's turns and the wire's alternate. */
    ck_assert_uint_le(spent + result.turns.stolen_ns, (uint64_t)(result.seconds * 1e9) + NS_PER_MS);
}
END_TEST

/* Clients who expect other files: the run is worth nothing, and says so. */
START_TEST(wrong_files_spoil_a_run)
{
    struct bench_files others[RTE_DIM(files)];
    const struct bench_row row = { .name = "wrong", .folder = "large", .connections = 3 };

    memcpy(others, files, sizeof(files));
    others[1].bytes--;
    bench.files = others;
    bench_run(&bench, &row, &result);
    bench.files = files;
    ck_assert_ptr_nonnull(strstr(result.failure, "wrong responses"));
}
END_TEST

START_TEST(the_limit_sends_what_it_says)
{
    const struct bench_row row = { .name = "raw", .folder = "large", .raw = true };

    bench_run(&bench, &row, &result);
    ck_assert_str_eq(result.failure, "");
    ck_assert_uint_eq(result.wire_whole.packets, result.server_whole.tx_packets);
    ck_assert_uint_eq(result.wire.body_bytes, result.wire.packets * 1448);
}
END_TEST

/* More workers than cores: a turn each. Each must have connected all of its clients, or it fails.
 */
START_TEST(workers_have_a_wire_each)
{
    const struct bench_row row = {
        .name = "workers", .folder = "large", .connections = 40, .workers = 3
    };

    bench_run(&bench, &row, &result);
    ck_assert_str_eq(result.failure, "");
    ck_assert_uint_ge(result.wire_whole.established, 3 * row.connections);
    ck_assert_uint_eq(result.wire_whole.packets, result.server_whole.tx_packets);
    ck_assert_uint_gt(result.wire.responses, 0);
    ck_assert_uint_ge(result.wire_whole.verified_bytes, result.wire_whole.body_bytes * 9 / 10);
}
END_TEST

START_TEST(what_needs_cores_says_so)
{
    const struct bench_row spin = { .name = "spin", .kind = BENCH_SPIN, .workers = 2 };
    const struct bench_row floor = { .name = "floor", .kind = BENCH_FLOOR, .load = 0.5 };

    bench.served_per_s = 1e6;
    bench_run(&bench, &spin, &result);
    ck_assert_str_ne(result.failure, "");
    bench_run(&bench, &floor, &result);
    ck_assert_str_ne(result.failure, "");
}
END_TEST

/* --- out of order --------------------------------------------------------------------------------
 */

static struct reorder reorder;

static void check_intervals(const struct sack_block *wanted, uint32_t count)
{
    ck_assert_uint_eq(reorder.count, count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(reorder.interval[i].start, wanted[i].start);
        ck_assert_uint_eq(reorder.interval[i].end, wanted[i].end);
    }
}

START_TEST(intervals_are_sorted_and_merge)
{
    const uint32_t base = UINT32_MAX - 1000; /* they wrap */
    struct sack_block sack[3];

    reorder.count = 0;
    ck_assert(reorder_insert(&reorder, base + 100, base + 200));
    ck_assert(reorder_insert(&reorder, base + 1500, base + 1600));
    ck_assert(reorder_insert(&reorder, base + 300, base + 400));
    check_intervals((struct sack_block[]){ { base + 100, base + 200 },
                                           { base + 300, base + 400 },
                                           { base + 1500, base + 1600 } },
                    3);
    ck_assert_uint_eq(reorder_sack(&reorder, sack, 3), 3);
    ck_assert_uint_eq(sack[0].start, base + 300);

    ck_assert(reorder_insert(&reorder, base + 200, base + 300));   /* fills a hole exactly */
    ck_assert(reorder_insert(&reorder, base + 1500, base + 1600)); /* again */
    ck_assert(reorder_insert(&reorder, base + 1400, base + 1700)); /* around it */
    check_intervals(
        (struct sack_block[]){ { base + 100, base + 400 }, { base + 1400, base + 1700 } }, 2);
    ck_assert_uint_eq(reorder_advance(&reorder, base + 50), base + 50);
    ck_assert_uint_eq(reorder_advance(&reorder, base + 100), base + 400);
    ck_assert_uint_eq(reorder_advance(&reorder, base + 1450), base + 1700);
    ck_assert_uint_eq(reorder.count, 0);
}
END_TEST

START_TEST(too_many_holes_are_refused)
{
    reorder.count = 0;
    for (uint32_t i = 0; i < REORDER_MAX; i++)
        ck_assert(reorder_insert(&reorder, 10 * i, 10 * i + 5));
    ck_assert(!reorder_insert(&reorder, 10 * REORDER_MAX, 10 * REORDER_MAX + 5));
    ck_assert(reorder_insert(&reorder, 5, 10)); /* this one closes a hole */
    ck_assert_uint_eq(reorder.count, REORDER_MAX - 1);
}
END_TEST

/* --- verification --------------------------------------------------------------------------------
 */

#define HEADER 54

static uint8_t head[HEADER + 10], body[1000];
static struct tx_descriptor descriptors[2];
static struct queue queue = { .tx = descriptors, .tx_mask = 1 };
static struct device_packet packet;

/* Headers, the end of a response's head, then the first bytes of file 3; right in all respects. */
static void make_packet(void)
{
    struct ip_addr src = ip_addr_from_v4(0x0a000001), dst = ip_addr_from_v4(0x0b000001);
    struct tcp_segment seg = { .src_port = 80, .dst_port = 1024, .flags = TCP_ACK };
    uint8_t *tcp = head + ETH_HEADER_BYTES + IPV4_HEADER_BYTES;
    uint32_t len = TCP_HEADER_BYTES + 10 + sizeof(body);

    ipv4_emit(head + ETH_HEADER_BYTES, &src, &dst, IP_PROTOCOL_TCP, 0, IPV4_HEADER_BYTES + len,
              false);
    tcp_segment_emit(tcp, &seg);
    memset(head + HEADER, 'h', 10);
    memcpy(body, content_at(3, 0), sizeof(body));
    uint64_t sum = (uint64_t)ip_pseudo_sum(&src, &dst, IP_PROTOCOL_TCP) + len +
                   checksum_bytes(tcp, TCP_HEADER_BYTES + 10) + checksum_bytes(body, sizeof(body));
    tcp_checksum_put(tcp, (uint16_t)~checksum_fold(sum));
    descriptors[0] = (struct tx_descriptor){ .addr = head, .len = sizeof(head) };
    descriptors[1] = (struct tx_descriptor){ .addr = body, .len = sizeof(body), .flags = TX_END };
    queue.tx_tail = 2;
    uint32_t next = 0;
    ck_assert_uint_eq(device_read(&queue, &next, &packet, 32), 1);
    ck_assert_uint_eq(packet.len, sizeof(head) + sizeof(body));
}

static bool content_ok(void)
{
    uint64_t verified = 0;
    bool ok = verify_content(&queue, &packet, HEADER, 3, -10, FILE_BYTES, &verified);

    ck_assert_uint_eq(verified, sizeof(body));
    return ok;
}

START_TEST(a_wrong_byte_is_seen)
{
    make_packet();
    ck_assert(content_ok());
    ck_assert(verify_checksums(&queue, &packet, false));
    for (unsigned i = 0; i < sizeof(body); i += 111) {
        body[i] ^= 0x20;
        ck_assert(!content_ok());
        ck_assert(!verify_checksums(&queue, &packet, false));
        body[i] ^= 0x20;
    }
    head[HEADER + 3] ^= 1; /* no file byte */
    ck_assert(content_ok());
    ck_assert(!verify_checksums(&queue, &packet, false));
    head[HEADER + 3] ^= 1;
    head[ETH_HEADER_BYTES + 8] ^= 1; /* TTL */
    ck_assert(!verify_checksums(&queue, &packet, false));
}
END_TEST

START_TEST(offload_wants_the_pseudo_header)
{
    make_packet();
    packet.flags = TX_IP_CHECKSUM | TX_TCP_CHECKSUM;
    ck_assert(!verify_checksums(&queue, &packet, true));
}
END_TEST

int main(void)
{
    const struct bench_options options = { .rounds = 1,
                                           .seconds = 0.05,
                                           .warm_ns = 20 * NS_PER_MS,
                                           .single = true,
                                           .verify = true,
                                           .small_pages = true };
    Suite *suite = suite_create("bench");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("wire");

    if (!bench_start(&bench, files, RTE_DIM(files), &options))
        return EXIT_FAILURE;
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, it_serves, 0, RTE_DIM(rows));
    tcase_add_loop_test(tc, what_is_lost_is_sent_again, 0, 3);
    tcase_add_test(tc, what_was_before_is_not_measured);
    tcase_add_test(tc, wrong_files_spoil_a_run);
    tcase_add_test(tc, the_limit_sends_what_it_says);
    tcase_add_test(tc, workers_have_a_wire_each);
    tcase_add_test(tc, what_needs_cores_says_so);
    tcase_add_test(tc, intervals_are_sorted_and_merge);
    tcase_add_test(tc, too_many_holes_are_refused);
    tcase_add_test(tc, a_wrong_byte_is_seen);
    tcase_add_test(tc, offload_wants_the_pseudo_header);
    suite_add_tcase(suite, tc);
    srunner_set_fork_status(runner, CK_NOFORK); /* EAL does not survive a fork */
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    bench_stop(&bench);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
