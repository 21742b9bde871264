/* SPDX-License-Identifier: BSD-3-Clause */
#include "io_test.h"

#include <string.h>

#include "io/rx.h"

static struct rte_mempool *pool;
static struct counters counters;
static struct rte_mbuf *waiting[64];
static unsigned waiting_count;

static uint16_t wire_rx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    uint16_t count = (uint16_t)RTE_MIN(waiting_count, n);

    memcpy(mbufs, waiting, count * sizeof(mbufs[0]));
    waiting_count -= count;
    memmove(waiting, &waiting[count], waiting_count * sizeof(waiting[0]));
    return count;
}

static const struct io_wire_ops wire_ops = { .rx_burst = wire_rx_burst };

/* Puts a frame of len bytes, each of value fill, on the wire. */
static struct rte_mbuf *arrive(uint16_t len, uint8_t fill)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

    ck_assert_ptr_nonnull(m);
    memset(rte_pktmbuf_append(m, len), fill, len);
    waiting[waiting_count++] = m;
    return m;
}

static struct io_rx rx;

static void setup(void)
{
    memset(&counters, 0, sizeof(counters));
    waiting_count = 0;
    pool = rte_pktmbuf_pool_create("rx_test", 255, 0, 0, 1024, SOCKET_ID_ANY);
    ck_assert_ptr_nonnull(pool);
    io_rx_init(&rx, (struct io_wire){ .ops = &wire_ops }, &counters);
}

static void teardown(void)
{
    ck_assert_uint_eq(rte_mempool_avail_count(pool), 255);
    rte_mempool_free(pool);
}

START_TEST(a_burst_becomes_frames_in_order)
{
    for (uint8_t i = 0; i < 40; i++)
        arrive(60 + i, i);

    ck_assert_uint_eq(io_rx_burst(&rx), IO_RX_BURST);
    for (unsigned i = 0; i < IO_RX_BURST; i++) {
        ck_assert_uint_eq(rx.frames[i].len, 60 + i);
        ck_assert_uint_eq(rx.frames[i].data[59], i);
    }
    io_rx_release(&rx);
    ck_assert_uint_eq(io_rx_burst(&rx), 8);
    io_rx_release(&rx);
    ck_assert_uint_eq(io_rx_burst(&rx), 0);
    io_rx_release(&rx);
}
END_TEST

static const struct {
    uint64_t ol_flags;
    uint32_t flags;
} verdicts[] = {
    { 0, 0 },
    { RTE_MBUF_F_RX_IP_CKSUM_GOOD, FRAME_IP_CHECKSUM_GOOD },
    { RTE_MBUF_F_RX_L4_CKSUM_GOOD, FRAME_L4_CHECKSUM_GOOD },
    { RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_GOOD, FRAME_L4_CHECKSUM_GOOD },
    { RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD, 0 },
    /* "None": the bytes are right, though the sum in the packet is not. We sum for ourselves. */
    { RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE, 0 },
};

START_TEST(checksum_verdicts_are_passed_on)
{
    arrive(60, 0)->ol_flags = verdicts[_i].ol_flags;
    ck_assert_uint_eq(io_rx_burst(&rx), 1);
    ck_assert_uint_eq(rx.frames[0].flags, verdicts[_i].flags);
    io_rx_release(&rx);
}
END_TEST

START_TEST(a_scattered_frame_is_joined_or_dropped)
{
    struct rte_mbuf *fits = arrive(100, 1), *too_long = arrive(800, 3);
    struct rte_mbuf *tail = rte_pktmbuf_alloc(pool), *long_tail = rte_pktmbuf_alloc(pool);

    memset(rte_pktmbuf_append(tail, 50), 2, 50);
    ck_assert_int_eq(rte_pktmbuf_chain(fits, tail), 0);
    memset(rte_pktmbuf_append(long_tail, 800), 4, 800);
    ck_assert_int_eq(rte_pktmbuf_chain(too_long, long_tail), 0);
    arrive(60, 5);

    ck_assert_uint_eq(io_rx_burst(&rx), 2);
    ck_assert_uint_eq(rx.frames[0].len, 150);
    ck_assert_uint_eq(rx.frames[0].data[99], 1);
    ck_assert_uint_eq(rx.frames[0].data[100], 2);
    ck_assert_uint_eq(rx.frames[1].data[0], 5);
    io_rx_release(&rx);
    ck_assert_uint_eq(counters.rx_drop_scattered, 1);
}
END_TEST

TCase *rx_case(void)
{
    TCase *tc = tcase_create("rx");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_burst_becomes_frames_in_order);
    tcase_add_loop_test(tc, checksum_verdicts_are_passed_on, 0,
                        sizeof(verdicts) / sizeof(verdicts[0]));
    tcase_add_test(tc, a_scattered_frame_is_joined_or_dropped);
    return tc;
}
