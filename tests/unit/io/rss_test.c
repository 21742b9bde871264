/* SPDX-License-Identifier: BSD-3-Clause */
/* Which queue a flow comes to, and frames that came to another one. */
#include "io_test.h"

#include <string.h>

#include <rte_dev.h>
#include <rte_mbuf.h>

#include "base/checksum.h"
#include "drivers_cfg/port.h"
#include "drivers_cfg/rss.h"
#include "io/rx.h"
#include "io/strays.h"
#include "stack/stack.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"
#include "wire/tcp_segment.h"

/* ---- the hash: the vectors that Microsoft publishes with the specification of RSS ---- */

static const uint8_t published_key[40] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
    const char *dst, *src;
    uint16_t dst_port, src_port;
    uint32_t addresses, ports;
} vectors[] = {
    { "161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178 },
    { "65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea },
    { "12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a },
    { "209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f },
    { "202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2 },
    { "3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d },
    { "ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf },
    { "fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251, 0x4b61e985,
      0x02d1feef },
};

static struct ip_addr address(const char *text)
{
    struct ip_addr ip;

    ck_assert_msg(ip_addr_parse(text, &ip), "%s", text);
    return ip;
}

START_TEST(hash_is_that_of_the_published_vectors)
{
    struct rss rss = { .v4 = RSS_PORTS, .v6 = RSS_PORTS };
    struct ip_addr src = address(vectors[_i].src), dst = address(vectors[_i].dst);

    memcpy(rss.key, published_key, sizeof(published_key));
    ck_assert_uint_eq(rss_hash(&rss, &src, vectors[_i].src_port, &dst, vectors[_i].dst_port),
                      vectors[_i].ports);
    rss.v4 = rss.v6 = RSS_ADDRESSES;
    ck_assert_uint_eq(rss_hash(&rss, &src, vectors[_i].src_port, &dst, vectors[_i].dst_port),
                      vectors[_i].addresses);
}
END_TEST

START_TEST(unknown_hash_is_no_queue)
{
    struct rss rss = { .v4 = RSS_UNKNOWN, .v6 = RSS_PORTS, .entries = 1 };
    struct ip_addr v4 = address("10.0.0.1"), v6 = address("fe80::1");

    ck_assert_int_eq(rss_queue(&rss, &v4, 1, &v4, 2), -1);
    ck_assert_int_eq(rss_queue(&rss, &v6, 1, &v6, 2), 0);
    ck_assert_int_eq(rss_queue(&rss, &v6, 1, &v4, 2), -1);
}
END_TEST

/* ---- what a port says ---- */

START_TEST(port_tells_its_key_and_queues)
{
    struct device device = { .kind = DEVICE_VDEV, .name = "net_null1" };
    struct port_request request = { .queues = 3, .mtu = 1500, .extents_max = 8 };
    struct ip_addr own = ip_addr_from_v4(0x0a470002), peer = ip_addr_from_v4(0x0a470001);
    char error[DEVICE_ERROR_BYTES] = "";
    struct port port;
    struct rss rss;
    struct rte_mempool *pool =
        rte_pktmbuf_pool_create("rss_test", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    struct rte_mempool *pools[3] = { pool, pool, pool };

    ck_assert_int_eq(rte_eal_hotplug_add("vdev", "net_null1", ""), 0);
    ck_assert_msg(port_probe(&port, &device, &request, &own, error), "%s", error);
    ck_assert(port.caps.rss);
    ck_assert_msg(port_start(&port, pools, error), "%s", error);
    /* What the device says counts, not what it was told: this driver heeds no key at its start. */
    ck_assert(rss_read(&rss, port.id));
    ck_assert_mem_eq(rss.key, published_key, sizeof(published_key));
    uint8_t symmetric[40];
    for (unsigned i = 0; i < sizeof(symmetric); i++)
        symmetric[i] = i % 2 == 0 ? 0x6d : 0x5a;
    struct rte_eth_rss_conf conf = {
        .rss_key = symmetric,
        .rss_key_len = sizeof(symmetric),
        .rss_hf = port.info.flow_type_rss_offloads,
    };
    ck_assert_int_eq(rte_eth_dev_rss_hash_update(port.id, &conf), 0);
    ck_assert(rss_read(&rss, port.id));
    ck_assert_mem_eq(rss.key, symmetric, sizeof(symmetric));
    ck_assert_uint_eq(rss.entries, port.info.reta_size);
    /* Every queue has its share of flows, and both directions of a flow are one queue's. */
    unsigned flows[3] = { 0 };
    for (uint16_t p = 1024; p < 4024; p++) {
        int queue = rss_queue(&rss, &peer, p, &own, 80);
        ck_assert_int_ge(queue, 0);
        ck_assert_int_lt(queue, 3);
        ck_assert_int_eq(queue, rss_queue(&rss, &own, 80, &peer, p));
        flows[queue]++;
    }
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_gt(flows[i], 700);
    port_close(&port);
    ck_assert(!rss_read(&rss, RTE_MAX_ETHPORTS - 1));
    ck_assert_int_eq(rss_queue(&rss, &peer, 1024, &own, 80), -1);
    rte_mempool_free(pool);
}
END_TEST

/* ---- two stacks, two queues, and a port that puts every frame into the first ---- */

#define FLOWS 200

static struct rte_mempool *pool;
static struct rss both;
static struct rte_mbuf *waiting[IO_RX_BURST];
static uint16_t waiting_count;

static uint16_t wire_rx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    uint16_t count = RTE_MIN(waiting_count, n);

    memcpy(mbufs, waiting, count * sizeof(mbufs[0]));
    waiting_count = 0;
    return count;
}

static const struct io_wire_ops wire_ops = { .rx_burst = wire_rx_burst };

struct side {
    int queue;
    struct side *other;
    struct counters counters;
    struct stack *stack;
    struct io_rx rx;
    struct io_strays strays;
    unsigned full; /* frames that found no room */
};

static struct side side[2];

static bool pass_on(void *ctx, const struct frame *frame, const struct tcp_peer *local,
                    const struct tcp_peer *remote)
{
    struct side *s = ctx;

    if (rss_queue(&both, &remote->ip, remote->port, &local->ip, local->port) == s->queue)
        return false;
    struct rte_mbuf *m = io_rx_take(&s->rx, frame);
    ck_assert_ptr_nonnull(m);
    if (!io_strays_put(&s->other->strays, m)) {
        s->full++;
        rte_pktmbuf_free(m);
    }
    return true;
}

static bool app_open(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    return true;
}

static const struct tcp_app app = { .open = app_open };

static void sides_setup(void)
{
    pool = rte_pktmbuf_pool_create("strays_test", 511, 32, 0, 1024, SOCKET_ID_ANY);
    ck_assert_ptr_nonnull(pool);
    memset(&both, 0, sizeof(both));
    both.v4 = RSS_PORTS;
    memcpy(both.key, published_key, sizeof(published_key));
    both.entries = 128;
    for (uint16_t i = 0; i < both.entries; i++)
        both.queue[i] = i % 2;
    for (int i = 0; i < 2; i++) {
        struct side *s = &side[i];
        struct stack_config config;

        memset(s, 0, sizeof(*s));
        s->queue = i;
        s->other = &side[1 - i];
        stack_config_defaults(&config);
        config.mac = (struct mac_addr){ { 2, 0, 0, 0, 0, 2 } };
        config.address[0] = (struct stack_address){ ip_addr_from_v4(0x0a470002), 24 };
        config.address_count = 1;
        config.app = &app;
        config.counters = &s->counters;
        config.pass_on = pass_on;
        config.flow_ctx = s;
        s->stack = stack_create(&config, 1);
        ck_assert_ptr_nonnull(s->stack);
        io_rx_init(&s->rx, (struct io_wire){ .ops = &wire_ops }, &s->counters);
        ck_assert(io_strays_create(&s->strays, 0, (unsigned)i));
    }
}

/* Every mbuf is back in the pool, none of them in another core's cache. */
static void sides_teardown(void)
{
    for (int i = 0; i < 2; i++) {
        io_strays_destroy(&side[i].strays);
        stack_destroy(side[i].stack);
    }
    ck_assert_uint_eq(rte_mempool_avail_count(pool), 511);
    rte_mempool_free(pool);
}

static void syn_arrives(uint16_t port)
{
    struct tcp_segment syn = { .src = ip_addr_from_v4(0x0a470001),
                               .dst = ip_addr_from_v4(0x0a470002),
                               .src_port = port,
                               .dst_port = 80,
                               .flags = TCP_SYN,
                               .window = 65535 };
    static const struct mac_addr server = { { 2, 0, 0, 0, 0, 2 } },
                                 client = { { 2, 0, 0, 0, 0, 1 } };
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    uint32_t at = eth_emit_tagged(p, &server, &client, 0, ETH_TYPE_IPV4);

    ck_assert_ptr_nonnull(m);
    uint8_t *tcp = p + at + IPV4_HEADER_BYTES;
    uint32_t len = tcp_segment_emit(tcp, &syn);
    ipv4_emit(p + at, &syn.src, &syn.dst, IP_PROTOCOL_TCP, 0, IPV4_HEADER_BYTES + len, false);
    tcp_checksum_put(
        tcp, (uint16_t)~checksum_fold((uint64_t)ip_pseudo_sum(&syn.src, &syn.dst, IP_PROTOCOL_TCP) +
                                      len + checksum_bytes(tcp, len)));
    at += IPV4_HEADER_BYTES + len;
    rte_pktmbuf_append(m, (uint16_t)at);
    waiting[waiting_count++] = m;
}

/* Side 0 reads a burst of its queue. */
static void turn(void)
{
    unsigned n = io_rx_burst(&side[0].rx);

    stack_input(side[0].stack, side[0].rx.frames, n, 1);
    io_rx_release(&side[0].rx);
}

static void read_strays(struct side *s)
{
    while (!io_strays_empty(&s->strays)) {
        unsigned n = io_strays_burst(&s->strays);
        stack_input(s->stack, s->strays.frames, n, 1);
        io_strays_release(&s->strays);
    }
}

START_TEST(each_flow_ends_up_with_the_worker_whose_it_is)
{
    struct ip_addr own = ip_addr_from_v4(0x0a470002), peer = ip_addr_from_v4(0x0a470001);
    unsigned theirs = 0;

    for (uint16_t i = 0; i < FLOWS; i++) {
        theirs += rss_queue(&both, &peer, (uint16_t)(1024 + i), &own, 80) == 1;
        syn_arrives((uint16_t)(1024 + i));
        if (waiting_count < IO_RX_BURST && i + 1 < FLOWS)
            continue;
        turn();
        read_strays(&side[1]);
    }
    ck_assert_uint_gt(theirs, FLOWS / 4);
    ck_assert_uint_lt(theirs, FLOWS * 3 / 4);
    ck_assert_uint_eq(side[0].counters.flow_stray, theirs);
    ck_assert_uint_eq(side[1].counters.tcp_open_passive, theirs);
    ck_assert_uint_eq(side[0].counters.tcp_open_passive, FLOWS - theirs);
    ck_assert_uint_eq(
        side[0].counters.tcp_drop_no_connection + side[1].counters.tcp_drop_no_connection, 0);
    ck_assert_uint_eq(side[0].full, 0);
}
END_TEST

START_TEST(frames_without_room_are_lost_and_nothing_else)
{
    for (uint16_t i = 0; i < 400; i++) {
        syn_arrives((uint16_t)(1024 + i));
        if (waiting_count == IO_RX_BURST || i == 399)
            turn();
    }
    ck_assert_uint_gt(side[0].full, 0);
    ck_assert_uint_eq(side[0].counters.flow_stray, side[0].full + IO_STRAYS_MAX);
    /* Half of what is there is read; the end frees the other half. */
    unsigned n = io_strays_burst(&side[1].strays);
    stack_input(side[1].stack, side[1].strays.frames, n, 1);
    io_strays_release(&side[1].strays);
    ck_assert_uint_eq(side[1].counters.tcp_open_passive, IO_RX_BURST);
}
END_TEST

TCase *rss_case(void)
{
    TCase *tc = tcase_create("rss");

    tcase_add_loop_test(tc, hash_is_that_of_the_published_vectors, 0,
                        sizeof(vectors) / sizeof(vectors[0]));
    tcase_add_test(tc, unknown_hash_is_no_queue);
    tcase_add_test(tc, port_tells_its_key_and_queues);
    return tc;
}

TCase *strays_case(void)
{
    TCase *tc = tcase_create("strays");

    tcase_add_checked_fixture(tc, sides_setup, sides_teardown);
    tcase_add_test(tc, each_flow_ends_up_with_the_worker_whose_it_is);
    tcase_add_test(tc, frames_without_room_are_lost_and_nothing_else);
    return tc;
}
