/* SPDX-License-Identifier: BSD-3-Clause */
#include "io_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "io/pools.h"
#include "io/tx.h"

#define EXTENTS_MAX 4
#define PAGE_BYTES  (64 * 1024)
#define PAGES       4

/* --- fixture: a wire that takes so many packets and holds them until it is told to let go
 * ---------- */

static struct {
    unsigned room;        /* packets it takes from now on */
    unsigned refuse_data; /* first data byte of a packet that tx_prepare refuses; 0: none */
    struct rte_mbuf *held[512];
    unsigned held_count;
} wire;

static uint16_t wire_tx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    uint16_t taken = (uint16_t)RTE_MIN(n, wire.room);

    wire.room -= taken;
    memcpy(&wire.held[wire.held_count], mbufs, taken * sizeof(mbufs[0]));
    wire.held_count += taken;
    return taken;
}

static uint16_t wire_tx_prepare(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++)
        if (*rte_pktmbuf_mtod(mbufs[i], uint8_t *) == wire.refuse_data)
            return i;
    return n;
}

static void wire_complete(unsigned n)
{
    rte_pktmbuf_free_bulk(wire.held, n);
    wire.held_count -= n;
    memmove(wire.held, &wire.held[n], wire.held_count * sizeof(wire.held[0]));
}

/* A driver that holds what is sent until it is asked. */
static void wire_tx_done(void *ctx)
{
    wire_complete(wire.held_count);
}

static const struct io_wire_ops holding_ops = { .tx_burst = wire_tx_burst,
                                                .tx_done = wire_tx_done };
static const struct io_wire_ops plain_ops = { .tx_burst = wire_tx_burst };
static const struct io_wire_ops prepare_ops = { .tx_burst = wire_tx_burst,
                                                .tx_prepare = wire_tx_prepare };

static struct io_pools pools;
static unsigned heads_all, extents_all;
static struct counters counters;
static struct file_pin pin;
static uint8_t *data; /* PAGES pages of known bytes */
static uint64_t iovas[PAGES] = { 0x10000000, 0x50000000, 0x20000000, 0x30000000 };
static struct arena arena;
static struct io_tx_config config;
static struct io_tx *tx;
static uint64_t now;

static void setup(void)
{
    struct io_pools_config sizes = { .node = -1,
                                     .mtu = 1500,
                                     .rx_desc = 64,
                                     .tx_desc = 256,
                                     .extents_max = EXTENTS_MAX,
                                     .page_split = true };

    memset(&wire, 0, sizeof(wire));
    memset(&counters, 0, sizeof(counters));
    memset(&pin, 0, sizeof(pin));
    now = NS_PER_S;
    ck_assert(io_pools_create(&pools, &sizes));
    heads_all = rte_mempool_avail_count(pools.heads);
    extents_all = rte_mempool_avail_count(pools.extents);
    data = aligned_alloc(PAGE_BYTES, PAGES * PAGE_BYTES);
    for (unsigned i = 0; i < PAGES * PAGE_BYTES; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    arena = (struct arena){ .base = data,
                            .bytes = PAGES * PAGE_BYTES,
                            .page_bytes = PAGE_BYTES,
                            .page_shift = 16,
                            .node = -1 };
    config = (struct io_tx_config){ .wire = { .ops = &plain_ops },
                                    .heads = pools.heads,
                                    .extents = pools.extents,
                                    .arena = &arena,
                                    .extents_max = EXTENTS_MAX,
                                    .counters = &counters,
                                    .memory = memory_heap };
    wire.room = 512;
}

/* Whatever a test did: every mbuf is back where it came from, and every pin is down. */
static void teardown(void)
{
    io_tx_destroy(tx);
    wire_complete(wire.held_count);
    ck_assert_uint_eq(pin.in_flight, 0);
    ck_assert_uint_eq(rte_mempool_avail_count(pools.heads), heads_all);
    ck_assert_uint_eq(rte_mempool_avail_count(pools.extents), extents_all);
    io_pools_destroy(&pools);
    free(data);
}

static void start(void)
{
    tx = io_tx_create(&config);
    ck_assert_ptr_nonnull(tx);
}

/* A slot as the stack would fill it: a head of len bytes, each of value mark. */
static void fill(struct tx_slot *slot, uint8_t mark, uint16_t len)
{
    ck_assert_uint_ge(slot->head_capacity, len);
    memset(slot->head, mark, len);
    slot->head_len = len;
    slot->l2_len = 14;
    slot->l3_len = 20;
    slot->l4_len = 32;
    slot->extent_count = 0;
    slot->packets = 1;
    slot->ipv4 = slot->tcp = true;
    slot->tso_mss = 0;
    slot->payload_len = 0;
}

static void add(struct tx_slot *slot, uint32_t from, uint32_t len)
{
    slot->extent[slot->extent_count++] =
        (struct tx_extent){ .data = data + from, .len = len, .pin = &pin };
    slot->payload_len += len;
}

static struct tx_slot *slots(unsigned want)
{
    unsigned count;
    struct tx_slot *all = io_tx_slots(tx, &count);

    ck_assert_uint_ge(count, want);
    return all;
}

/* --- bytes ---------------------------------------------------------------------------------------
 */

START_TEST(a_packet_is_its_head_and_references)
{
    start();
    struct tx_slot *s = slots(1);
    fill(s, 'h', 66);
    add(s, 1000, 700);
    add(s, 90000, 748);
    io_tx_send(tx, 1, now);

    ck_assert_uint_eq(wire.held_count, 1);
    struct rte_mbuf *m = wire.held[0];
    ck_assert_uint_eq(m->nb_segs, 3);
    ck_assert_uint_eq(m->pkt_len, 66 + 700 + 748);
    ck_assert_uint_eq(m->data_len, 66);
    ck_assert_uint_eq(rte_pktmbuf_mtod(m, uint8_t *)[65], 'h');
    ck_assert_ptr_eq(rte_pktmbuf_mtod(m->next, uint8_t *), data + 1000);
    ck_assert_ptr_eq(rte_pktmbuf_mtod(m->next->next, uint8_t *), data + 90000);
    ck_assert_uint_eq(rte_pktmbuf_iova(m->next), (uintptr_t)data + 1000);
    ck_assert_int_eq(rte_mbuf_check(m, 1, &(const char *){ NULL }), 0);

    ck_assert_uint_eq(counters.payload_bytes_copied, 0);
    ck_assert_uint_eq(counters.tx_packets, 1);
    ck_assert_uint_eq(counters.tx_bytes, 66 + 1448);
}
END_TEST

START_TEST(pins_are_up_until_the_port_is_done)
{
    start();
    struct tx_slot *s = slots(3);
    for (unsigned i = 0; i < 3; i++) {
        fill(&s[i], 'h', 66);
        add(&s[i], i * 100, 50);
        add(&s[i], 5000, 50);
    }
    io_tx_send(tx, 3, now);
    ck_assert_uint_eq(pin.in_flight, 6);
    wire_complete(1);
    ck_assert_uint_eq(pin.in_flight, 4);
    wire_complete(2);
    ck_assert_uint_eq(pin.in_flight, 0);
}
END_TEST

/* Nothing more is sent, so no burst would free what is: a file's room would never come free. */
START_TEST(an_idle_port_is_asked_for_what_is_sent)
{
    config.wire.ops = &holding_ops;
    start();
    struct tx_slot *s = slots(2);
    for (unsigned i = 0; i < 2; i++) {
        fill(&s[i], 1, 66);
        add(&s[i], 1000 * i, 1000);
    }
    io_tx_send(tx, 2, now);
    ck_assert_uint_eq(pin.in_flight, 2);
    io_tx_reclaim(tx);
    ck_assert_uint_eq(pin.in_flight, 0);
    io_tx_reclaim(tx);
}
END_TEST

START_TEST(mbufs_serve_again_and_again)
{
    start();
    for (unsigned round = 0; round < 1000; round++) {
        struct tx_slot *s = slots(IO_TX_BURST);
        for (unsigned i = 0; i < IO_TX_BURST; i++) {
            fill(&s[i], (uint8_t)round, 54 + round % 100);
            for (unsigned e = 0; e < i % (EXTENTS_MAX + 1); e++)
                add(&s[i], (round * 131 + i * 17 + e) % 60000, 1 + round % 1000);
        }
        wire.room = IO_TX_BURST;
        io_tx_send(tx, IO_TX_BURST, now);
        ck_assert_uint_eq(wire.held_count, IO_TX_BURST);
        for (unsigned i = 0; i < IO_TX_BURST; i++) {
            ck_assert_int_eq(rte_mbuf_check(wire.held[i], 1, &(const char *){ NULL }), 0);
            ck_assert_uint_eq(wire.held[i]->nb_segs, 1 + i % (EXTENTS_MAX + 1));
        }
        wire_complete(IO_TX_BURST);
        ck_assert_uint_eq(pin.in_flight, 0);
    }
    ck_assert_uint_eq(counters.mbuf_exhausted, 0);
}
END_TEST

/* --- runs ----------------------------------------------------------------------------------------
 */

#define RUN_LEN 1448
#define RUN_SEQ 0xfffff000u /* wraps */

static const struct {
    unsigned packets;
    uint32_t from;
    bool page_split, linear, checksums;
} runs[] = {
    { 2, 1000, false, false, false },
    { 40, 1000, false, false, false }, /* over the end of a page */
    { 40, 1000, true, false, false },
    { 40, 1000, false, true, false },
    { 40, 1000, false, false, true },
    { 40, 1000, true, false, true },
};

static uint16_t run_checksum(unsigned packet)
{
    return (uint16_t)(0x1234 + 77 * packet);
}

static void fill_run(struct tx_slot *slot, unsigned packets, uint32_t from, bool checksums)
{
    fill(slot, 'r', 66);
    put_be32(slot->head + tx_run_seq_at(slot), RUN_SEQ);
    add(slot, from, packets * RUN_LEN);
    slot->payload_len = RUN_LEN;
    slot->packets = (uint8_t)packets;
    slot->checksums = checksums;
    if (checksums)
        put_be16(slot->head + tx_run_checksum_at(slot), run_checksum(0));
    for (unsigned i = 0; i < packets; i++)
        slot[i].checksum = run_checksum(i);
}

static void assert_run_packet(struct rte_mbuf *m, unsigned i, uint32_t from, bool checksums)
{
    uint8_t expected[66 + RUN_LEN], bytes[sizeof(expected)];

    memset(expected, 'r', 66);
    put_be32(expected + 14 + 20 + 4, RUN_SEQ + i * RUN_LEN);
    if (checksums)
        put_be16(expected + 14 + 20 + 16, run_checksum(i));
    memcpy(expected + 66, data + from + i * RUN_LEN, RUN_LEN);
    ck_assert_int_eq(rte_mbuf_check(m, 1, &(const char *){ NULL }), 0);
    ck_assert_uint_eq(m->pkt_len, sizeof(expected));
    ck_assert_uint_eq(m->ol_flags, RTE_MBUF_F_TX_IPV4 | (checksums ? 0 : RTE_MBUF_F_TX_TCP_CKSUM));
    ck_assert_uint_eq(m->l2_len, 14);
    ck_assert_uint_eq(m->l3_len, 20);
    ck_assert_uint_eq(m->l4_len, 32);
    ck_assert_mem_eq(rte_pktmbuf_read(m, 0, m->pkt_len, bytes), expected, sizeof(expected));
}

/* Each with the head of its own slot, among others. */
START_TEST(a_run_becomes_packets)
{
    unsigned n = runs[_i].packets;

    config.tcp_checksum = !runs[_i].checksums;
    config.page_split = runs[_i].page_split;
    config.linear = runs[_i].linear;
    start();
    for (unsigned round = 0; round < 3; round++) {
        struct tx_slot *s = slots(n + 2);
        fill(&s[0], 'a', 66);
        fill_run(&s[1], n, runs[_i].from, runs[_i].checksums);
        fill(&s[1 + n], 'b', 66);
        add(&s[1 + n], 5, 10);
        memset(&counters, 0, sizeof(counters));
        io_tx_send(tx, n + 2, now);

        ck_assert_uint_eq(wire.held_count, n + 2);
        ck_assert_uint_eq(*rte_pktmbuf_mtod(wire.held[0], uint8_t *), 'a');
        ck_assert_uint_eq(*rte_pktmbuf_mtod(wire.held[1 + n], uint8_t *), 'b');
        ck_assert_uint_eq(wire.held[0]->nb_segs, 1);
        for (unsigned i = 0; i < n; i++)
            assert_run_packet(wire.held[1 + i], i, runs[_i].from, runs[_i].checksums);
        ck_assert_uint_eq(counters.tx_packets, n + 2);
        ck_assert_uint_eq(counters.tx_bytes, 2 * 66 + 10 + n * (66 + RUN_LEN));
        if (!runs[_i].linear && !runs[_i].page_split)
            ck_assert_uint_eq(pin.in_flight, n + 1);
        wire_complete(n + 2);
        ck_assert_uint_eq(pin.in_flight, 0);
    }
}
END_TEST

/* --- offloads ------------------------------------------------------------------------------------
 */

static const struct {
    bool ip_checksum, tcp_checksum, ipv4, tcp;
    uint16_t tso_mss;
    uint64_t flags;
} offloads[] = {
    { false, false, true, true, 0, RTE_MBUF_F_TX_IPV4 },
    { true, true, true, true, 0,
      RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM },
    { true, true, true, true, 1448,
      RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM |
          RTE_MBUF_F_TX_TCP_SEG },
    { true, true, true, false, 0, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM }, /* ICMP */
    { true, true, false, false, 0, 0 },                                          /* ARP */
    { true, false, true, true, 0, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM },
};

START_TEST(offloads_are_asked_for)
{
    config.ip_checksum = offloads[_i].ip_checksum;
    config.tcp_checksum = offloads[_i].tcp_checksum;
    start();
    struct tx_slot *s = slots(1);
    fill(s, 'h', 66);
    s->ipv4 = offloads[_i].ipv4;
    s->tcp = offloads[_i].tcp;
    s->tso_mss = offloads[_i].tso_mss;
    io_tx_send(tx, 1, now);

    struct rte_mbuf *m = wire.held[0];
    ck_assert_uint_eq(m->ol_flags, offloads[_i].flags);
    ck_assert_uint_eq(m->l2_len, 14);
    ck_assert_uint_eq(m->l3_len, 20);
    ck_assert_uint_eq(m->l4_len, 32);
    ck_assert_uint_eq(m->tso_segsz, offloads[_i].tso_mss);
}
END_TEST

/* --- device addresses ----------------------------------------------------------------------------
 */

START_TEST(an_extent_is_split_where_its_page_ends)
{
    arena.iovas = iovas;
    start();
    struct tx_slot *s = slots(1);
    fill(s, 'h', 66);
    add(s, PAGE_BYTES - 1000, 3000);   /* crosses */
    add(s, 2 * PAGE_BYTES - 500, 500); /* ends with the page */
    add(s, 2 * PAGE_BYTES, 65535);     /* almost a page */
    add(s, 3 * PAGE_BYTES - 1, 2);     /* one byte each */
    io_tx_send(tx, 1, now);

    static const struct {
        uint32_t from, len;
        uint64_t iova;
    } pieces[] = {
        { PAGE_BYTES - 1000, 1000, 0x10000000 + PAGE_BYTES - 1000 },
        { PAGE_BYTES, 2000, 0x50000000 },
        { 2 * PAGE_BYTES - 500, 500, 0x50000000 + PAGE_BYTES - 500 },
        { 2 * PAGE_BYTES, 65535, 0x20000000 },
        { 3 * PAGE_BYTES - 1, 1, 0x20000000 + PAGE_BYTES - 1 },
        { 3 * PAGE_BYTES, 1, 0x30000000 },
    };
    struct rte_mbuf *m = wire.held[0];
    ck_assert_uint_eq(m->nb_segs, 1 + RTE_DIM(pieces));
    ck_assert_uint_eq(m->pkt_len, 66 + 3000 + 500 + 65535 + 2);
    ck_assert_uint_eq(pin.in_flight, RTE_DIM(pieces));
    for (unsigned i = 0; i < RTE_DIM(pieces); i++) {
        m = m->next;
        ck_assert_ptr_eq(rte_pktmbuf_mtod(m, uint8_t *), data + pieces[i].from);
        ck_assert_uint_eq(m->data_len, pieces[i].len);
        ck_assert_uint_eq(rte_pktmbuf_iova(m), pieces[i].iova);
    }
    ck_assert_ptr_null(m->next);
}
END_TEST

/* An emulated device behind an IOMMU: virtual addresses, and segments that must not leave a page.
 */
START_TEST(an_extent_is_split_where_the_device_asks_for_it)
{
    config.page_split = true;
    start();
    struct tx_slot *s = slots(1);
    fill(s, 'h', 66);
    add(s, PAGE_BYTES - 1000, 3000);
    io_tx_send(tx, 1, now);

    struct rte_mbuf *m = wire.held[0]->next;
    ck_assert_uint_eq(m->data_len, 1000);
    ck_assert_uint_eq(rte_pktmbuf_iova(m), (uintptr_t)data + PAGE_BYTES - 1000);
    ck_assert_uint_eq(m->next->data_len, 2000);
    ck_assert_uint_eq(rte_pktmbuf_iova(m->next), (uintptr_t)data + PAGE_BYTES);
    ck_assert_ptr_null(m->next->next);
}
END_TEST

START_TEST(a_device_that_gathers_nothing_gets_one_mbuf)
{
    config.linear = true;
    counters.payload_bytes_referenced = 1448; /* as the core counts what it resolves */
    start();
    struct tx_slot *s = slots(1);
    fill(s, 'h', 66);
    add(s, 1000, 700);
    add(s, 90000, 748);
    io_tx_send(tx, 1, now);

    struct rte_mbuf *m = wire.held[0];
    ck_assert_uint_eq(m->nb_segs, 1);
    ck_assert_uint_eq(m->data_len, 66 + 1448);
    ck_assert_uint_eq(m->pkt_len, 66 + 1448);
    ck_assert_mem_eq(rte_pktmbuf_mtod_offset(m, uint8_t *, 66), data + 1000, 700);
    ck_assert_mem_eq(rte_pktmbuf_mtod_offset(m, uint8_t *, 766), data + 90000, 748);
    ck_assert_uint_eq(counters.payload_bytes_copied, 1448);
    ck_assert_uint_eq(counters.payload_bytes_referenced, 0);
    ck_assert_uint_eq(pin.in_flight, 0);
}
END_TEST

/* --- a port that is full -------------------------------------------------------------------------
 */

static void send_marked(unsigned first, unsigned n)
{
    struct tx_slot *s = slots(n);

    for (unsigned i = 0; i < n; i++) {
        fill(&s[i], (uint8_t)(first + i), 66);
        add(&s[i], 0, 10);
    }
    io_tx_send(tx, n, now);
}

START_TEST(what_the_port_does_not_take_is_offered_again_in_order)
{
    start();
    wire.room = 3;
    send_marked(1, 10);
    ck_assert_uint_eq(counters.tx_packets, 3);
    ck_assert_uint_eq(counters.tx_full, 1);

    ck_assert(!io_tx_flush(tx, now)); /* still full */
    wire.room = 4;
    ck_assert(!io_tx_flush(tx, now));
    wire.room = 100;
    ck_assert(io_tx_flush(tx, now));
    send_marked(11, 2);
    ck_assert_uint_eq(wire.held_count, 12);
    for (unsigned i = 0; i < 12; i++)
        ck_assert_uint_eq(*rte_pktmbuf_mtod(wire.held[i], uint8_t *), 1 + i);
    ck_assert_uint_eq(counters.tx_packets, 12);
    ck_assert_uint_eq(counters.tx_bytes, 12 * 76);
    ck_assert_uint_eq(pin.in_flight, 12);
}
END_TEST

START_TEST(a_stuck_port_loses_its_backlog)
{
    start();
    wire.room = 0;
    send_marked(1, 5);
    ck_assert(!io_tx_flush(tx, now + IO_TX_STUCK_NS - 1));
    ck_assert(io_tx_flush(tx, now + IO_TX_STUCK_NS));
    ck_assert_uint_eq(counters.tx_drop_stuck, 5);
    ck_assert_uint_eq(pin.in_flight, 0);
}
END_TEST

START_TEST(a_slow_port_is_not_a_stuck_one)
{
    start();
    wire.room = 1;
    send_marked(1, 5);
    for (unsigned i = 0; i < 3; i++) {
        now += IO_TX_STUCK_NS - 1;
        wire.room = 1;
        ck_assert(!io_tx_flush(tx, now));
    }
    ck_assert_uint_eq(counters.tx_drop_stuck, 0);
    ck_assert_uint_eq(wire.held_count, 4);
}
END_TEST

START_TEST(a_packet_the_driver_refuses_does_not_block_the_next)
{
    config.wire.ops = &prepare_ops;
    start();
    wire.refuse_data = 3;
    send_marked(1, 5);
    ck_assert_uint_eq(wire.held_count, 4);
    ck_assert_uint_eq(*rte_pktmbuf_mtod(wire.held[2], uint8_t *), 4);
    ck_assert_uint_eq(counters.tx_drop_refused, 1);
    ck_assert_uint_eq(counters.tx_bytes, 4 * 76);
    ck_assert_uint_eq(pin.in_flight, 4);
}
END_TEST

/* --- no mbufs ------------------------------------------------------------------------------------
 */

START_TEST(without_mbufs_fewer_slots_are_offered_and_all_can_be_sent)
{
    struct rte_mbuf *taken[8192];
    unsigned count, left = 9, n = rte_mempool_avail_count(pools.extents) - left;

    start();
    ck_assert_uint_le(n, RTE_DIM(taken));
    ck_assert_int_eq(rte_pktmbuf_alloc_bulk(pools.extents, taken, n), 0);
    io_tx_slots(tx, &count); /* it asks for a whole burst's, and gets none */
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(counters.mbuf_exhausted, 1);
    rte_pktmbuf_free_bulk(taken, n);

    struct tx_slot *s = io_tx_slots(tx, &count);
    ck_assert_uint_eq(count, IO_TX_BURST);
    for (unsigned i = 0; i < count; i++) {
        fill(&s[i], 1, 66);
        for (unsigned e = 0; e < EXTENTS_MAX; e++)
            add(&s[i], 0, 10);
    }
    io_tx_send(tx, count, now);
    ck_assert_uint_eq(wire.held_count, IO_TX_BURST);

    /* Heads run out: what is ready is still offered. */
    n = rte_mempool_avail_count(pools.heads);
    ck_assert_int_eq(rte_pktmbuf_alloc_bulk(pools.heads, taken, n), 0);
    io_tx_slots(tx, &count);
    ck_assert_uint_eq(count, 0);
    rte_pktmbuf_free_bulk(taken, n);
    io_tx_slots(tx, &count);
    ck_assert_uint_eq(count, IO_TX_BURST);
}
END_TEST

TCase *tx_case(void)
{
    TCase *tc = tcase_create("tx");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_packet_is_its_head_and_references);
    tcase_add_test(tc, pins_are_up_until_the_port_is_done);
    tcase_add_test(tc, an_idle_port_is_asked_for_what_is_sent);
    tcase_add_test(tc, mbufs_serve_again_and_again);
    tcase_add_loop_test(tc, a_run_becomes_packets, 0, RTE_DIM(runs));
    tcase_add_loop_test(tc, offloads_are_asked_for, 0, RTE_DIM(offloads));
    tcase_add_test(tc, an_extent_is_split_where_its_page_ends);
    tcase_add_test(tc, an_extent_is_split_where_the_device_asks_for_it);
    tcase_add_test(tc, a_device_that_gathers_nothing_gets_one_mbuf);
    tcase_add_test(tc, what_the_port_does_not_take_is_offered_again_in_order);
    tcase_add_test(tc, a_stuck_port_loses_its_backlog);
    tcase_add_test(tc, a_slow_port_is_not_a_stuck_one);
    tcase_add_test(tc, a_packet_the_driver_refuses_does_not_block_the_next);
    tcase_add_test(tc, without_mbufs_fewer_slots_are_offered_and_all_can_be_sent);
    return tc;
}
