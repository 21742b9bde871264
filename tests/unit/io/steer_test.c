/* SPDX-License-Identifier: BSD-3-Clause */
/* The program by which a TAP interface chooses its queues, run by DPDK's machine. */
#include "io_test.h"

#include <string.h>

#include <rte_bpf.h>
#include <rte_mbuf.h>

#include "drivers_cfg/rss.h"
#include "drivers_cfg/tap_steer.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/ipv6.h"
#include "wire/tcp_segment.h"

#define QUEUES 3

static struct rte_mempool *pool;
static struct rte_bpf *bpf;
static struct rss rss;

static void setup(void)
{
    unsigned count;
    struct rte_bpf_prm prm = {
        .ins = (const struct ebpf_insn *)tap_steer_program(&count),
        .prog_arg = { .type = RTE_BPF_ARG_PTR_MBUF,
                      .size = sizeof(struct rte_mbuf),
                      .buf_size = RTE_MBUF_DEFAULT_BUF_SIZE },
    };

    prm.nb_ins = count;
    bpf = rte_bpf_load(&prm);
    ck_assert_ptr_nonnull(bpf);
    pool = rte_pktmbuf_pool_create("steer_test", 15, 0, 0, 2048, SOCKET_ID_ANY);
    ck_assert_ptr_nonnull(pool);
    rss_of_tap(&rss, QUEUES);
}

static void teardown(void)
{
    rte_bpf_destroy(bpf);
    rte_mempool_free(pool);
}

/* A frame from a client to us. */
struct shape {
    bool v6;
    uint16_t vlan;
    unsigned options; /* bytes behind IPv4's header */
    unsigned payload;
};

static uint8_t frame[2048];
static uint32_t ip_at, frame_len;

static void build(struct shape shape, const struct tcp_segment *seg)
{
    static const struct mac_addr mac;
    uint32_t tcp_at;

    memset(frame, 0xa5, sizeof(frame));
    ip_at =
        eth_emit_tagged(frame, &mac, &mac, shape.vlan, shape.v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4);
    if (shape.v6) {
        tcp_at = ip_at + IPV6_HEADER_BYTES;
        ipv6_emit(frame + ip_at, &seg->src, &seg->dst, IP_PROTOCOL_TCP, 0, 0, 64,
                  20 + shape.payload);
    } else {
        tcp_at = ip_at + IPV4_HEADER_BYTES + shape.options;
        ipv4_emit(frame + ip_at, &seg->src, &seg->dst, IP_PROTOCOL_TCP, 0,
                  tcp_at - ip_at + 20 + shape.payload, false);
        frame[ip_at] = (uint8_t)(0x45 + shape.options / 4);
    }
    frame_len = tcp_at + tcp_segment_emit(frame + tcp_at, seg) + shape.payload;
}

/* The queue of what is in frame. */
static int queue_by_program(void)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

    memcpy(rte_pktmbuf_append(m, (uint16_t)frame_len), frame, frame_len);
    uint64_t hash = rte_bpf_exec(bpf, m);
    rte_pktmbuf_free(m);
    return (int)((uint32_t)hash % QUEUES);
}

static struct tcp_segment flow(bool v6, unsigned i)
{
    struct tcp_segment seg = { .src_port = (uint16_t)(32768 + 2 * i),
                               .dst_port = 80,
                               .flags = TCP_ACK };

    ck_assert(ip_addr_parse(v6 ? "fd00:71::1" : "10.71.0.1", &seg.src));
    ck_assert(ip_addr_parse(v6 ? "fd00:71::2" : "10.71.0.2", &seg.dst));
    seg.src.b[15] = (uint8_t)(1 + i % 7);
    seg.src.b[14] = (uint8_t)(i % 5);
    return seg;
}

static const struct shape shapes[] = {
    { .v6 = false },
    { .v6 = true },
    { .v6 = false, .vlan = 42 },
    { .v6 = true, .vlan = 42 },
    { .v6 = false, .options = 4 },
    { .v6 = false, .options = 40, .vlan = 4094 },
};

/* Whatever the segment's length, tagged or not, it is the queue that rss_queue() tells; and all
 * queues have their share, also of a client's ports, every second of which Linux uses. */
START_TEST(program_and_function_agree)
{
    struct shape shape = shapes[_i];
    unsigned flows[QUEUES] = { 0 };

    for (unsigned i = 0; i < 3000; i++) {
        struct tcp_segment seg = flow(shape.v6, i);
        int queue = rss_queue(&rss, &seg.src, seg.src_port, &seg.dst, seg.dst_port);

        shape.payload = i * 37 % 1400;
        build(shape, &seg);
        ck_assert_int_eq(queue_by_program(), queue);
        flows[queue]++;
    }
    for (unsigned i = 0; i < QUEUES; i++)
        ck_assert_uint_gt(flows[i], 700);
}
END_TEST

START_TEST(one_clients_flows_are_spread)
{
    struct tcp_segment seg = flow(false, 0);
    unsigned flows[2] = { 0 };

    rss_of_tap(&rss, 2);
    for (unsigned i = 0; i < 1000; i++)
        flows[rss_queue(&rss, &seg.src, (uint16_t)(32768 + 2 * i), &seg.dst, 80)]++;
    ck_assert_uint_gt(flows[0], 400);
    ck_assert_uint_gt(flows[1], 400);
}
END_TEST

/* A flow of another queue, so that 0 is an answer of its own. */
static struct tcp_segment flow_of_queue_1(bool v6)
{
    for (unsigned i = 0;; i++) {
        struct tcp_segment seg = flow(v6, i);
        if (rss_queue(&rss, &seg.src, seg.src_port, &seg.dst, seg.dst_port) == 1)
            return seg;
    }
}

START_TEST(what_is_no_segment_comes_to_the_first_queue)
{
    for (int v6 = 0; v6 < 2; v6++) {
        struct tcp_segment seg = flow_of_queue_1(v6);
        struct shape shape = { .v6 = v6 };
        uint32_t whole;

        build(shape, &seg);
        ck_assert_int_eq(queue_by_program(), 1);
        frame[ip_at + (v6 ? 6 : 9)] = 17; /* UDP */
        ck_assert_int_eq(queue_by_program(), 0);
        build(shape, &seg);
        put_be16(frame + 12, ETH_TYPE_ARP);
        ck_assert_int_eq(queue_by_program(), 0);
        /* Cut off anywhere before the ports' end. */
        build(shape, &seg);
        whole = ip_at + (v6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES) + 4;
        for (frame_len = 1; frame_len < whole; frame_len++)
            ck_assert_int_eq(queue_by_program(), 0);
        ck_assert_int_eq(queue_by_program(), 1);
    }
}
END_TEST

START_TEST(fragments_come_to_the_first_queue)
{
    struct tcp_segment seg = flow_of_queue_1(false);

    build((struct shape){ 0 }, &seg);
    put_be16(frame + ip_at + 6, 0x4000); /* whole, and not to be cut */
    ck_assert_int_eq(queue_by_program(), 1);
    put_be16(frame + ip_at + 6, 0x2000); /* the first, which has the ports */
    ck_assert_int_eq(queue_by_program(), 0);
    put_be16(frame + ip_at + 6, 0x0001);
    ck_assert_int_eq(queue_by_program(), 0);
}
END_TEST

TCase *steer_case(void)
{
    TCase *tc = tcase_create("steer");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, program_and_function_agree, 0, sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_test(tc, one_clients_flows_are_spread);
    tcase_add_test(tc, what_is_no_segment_comes_to_the_first_queue);
    tcase_add_test(tc, fragments_come_to_the_first_queue);
    return tc;
}
