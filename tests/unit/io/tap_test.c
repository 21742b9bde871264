/* SPDX-License-Identifier: BSD-3-Clause */
/* The wire of a TAP queue; a pair of sockets that keep messages apart stands for its file. */
#include "io_test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/virtio_net.h>

#include "io/tap.h"

#define HEADERS  (14 + 20 + 32)
#define ROOM     (64u << 10)
#define CWR      0x80
#define PSEUDO   0x1234 /* a pseudo-header's sum without its length */
#define CHECKSUM (14 + 20 + 16)
#define FLAGS    (14 + 20 + 13)

static struct rte_mempool *pool;
static struct io_tap tap;
static struct io_wire wire;
static int kernel; /* the other end */
static uint8_t got[2 * ROOM];

static void setup(void)
{
    int ends[2], bytes = 4 << 20;

    pool = rte_pktmbuf_pool_create("tap_test", 127, 0, 0, 2048, SOCKET_ID_ANY);
    ck_assert_ptr_nonnull(pool);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    kernel = ends[1];
    tap = (struct io_tap){ .fd = ends[0], .rx = pool };
    wire = io_tap_wire(&tap);
}

static void teardown(void)
{
    io_tap_release(&tap);
    close(tap.fd);
    close(kernel);
    ck_assert_uint_eq(rte_mempool_avail_count(pool), 127);
    rte_mempool_free(pool);
}

/* A segment: headers of value 0 but for the pseudo-header's sum, then `pieces` mbufs of 1000 bytes,
 * of values 1, 2, ... */
static struct rte_mbuf *segment(unsigned pieces, uint16_t mss, uint64_t flags)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    uint8_t *head = (uint8_t *)rte_pktmbuf_append(m, HEADERS);

    memset(head, 0, HEADERS);
    head[CHECKSUM] = PSEUDO >> 8;
    head[CHECKSUM + 1] = PSEUDO & 0xff;
    for (unsigned i = 1; i <= pieces; i++) {
        struct rte_mbuf *piece = rte_pktmbuf_alloc(pool);
        memset(rte_pktmbuf_append(piece, 1000), (int)i, 1000);
        ck_assert_int_eq(rte_pktmbuf_chain(m, piece), 0);
    }
    m->ol_flags = flags;
    m->tx_offload = rte_mbuf_tx_offload(14, 20, 32, mss, 0, 0, 0);
    return m;
}

/* What the kernel reads next: its header, and the packet in got. Returns the packet's length. */
static size_t kernel_reads(struct virtio_net_hdr *header)
{
    ssize_t n = read(kernel, got, sizeof(got));

    ck_assert_int_ge(n, (ssize_t)sizeof(*header));
    memcpy(header, got, sizeof(*header));
    memmove(got, got + sizeof(*header), (size_t)n - sizeof(*header));
    return (size_t)n - sizeof(*header);
}

static unsigned sum_in_packet(void)
{
    return (unsigned)got[CHECKSUM] << 8 | got[CHECKSUM + 1];
}

START_TEST(a_super_segment_is_one_write)
{
    struct rte_mbuf *m =
        segment(9, 1448, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
    struct virtio_net_hdr header;

    ck_assert_uint_eq(wire.ops->tx_burst(wire.ctx, &m, 1), 1);
    ck_assert_uint_eq(kernel_reads(&header), HEADERS + 9000);
    ck_assert_uint_eq(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    ck_assert_uint_eq(header.gso_size, 1448);
    ck_assert_uint_eq(header.hdr_len, HEADERS);
    ck_assert_uint_eq(header.csum_start, 34);
    ck_assert_uint_eq(header.csum_offset, 16);
    /* The pseudo-header's length is that of TCP header and payload. */
    ck_assert_uint_eq(sum_in_packet(), PSEUDO + 32 + 9000);
    for (unsigned i = 0; i < 9; i++)
        ck_assert_uint_eq(got[HEADERS + 1000 * i + 999], i + 1);
}
END_TEST

START_TEST(ipv6_and_cwr_are_told)
{
    struct rte_mbuf *m =
        segment(2, 1428, RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
    struct virtio_net_hdr header;

    *rte_pktmbuf_mtod_offset(m, uint8_t *, FLAGS) = CWR;
    ck_assert_uint_eq(wire.ops->tx_burst(wire.ctx, &m, 1), 1);
    kernel_reads(&header);
    ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN);
}
END_TEST

START_TEST(a_single_segment_leaves_its_sum_to_the_kernel)
{
    struct rte_mbuf *m = segment(1, 0, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
    struct virtio_net_hdr header;

    ck_assert_uint_eq(wire.ops->tx_burst(wire.ctx, &m, 1), 1);
    ck_assert_uint_eq(kernel_reads(&header), HEADERS + 1000);
    ck_assert_uint_eq(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    ck_assert_uint_eq(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    ck_assert_uint_eq(sum_in_packet(), PSEUDO); /* the stack put the length in already */
}
END_TEST

START_TEST(what_is_not_tcp_is_left_alone)
{
    struct rte_mbuf *m = segment(0, 0, 0);
    struct virtio_net_hdr header, none = { 0 };

    ck_assert_uint_eq(wire.ops->tx_burst(wire.ctx, &m, 1), 1);
    ck_assert_uint_eq(kernel_reads(&header), HEADERS);
    ck_assert_mem_eq(&header, &none, sizeof(header));
}
END_TEST

/* What the kernel does not take stays ours, and is the same when it is offered again. */
START_TEST(a_full_queue_takes_the_rest_later)
{
    struct rte_mbuf *m[64];
    struct virtio_net_hdr header;
    uint16_t taken, left;
    int little = 4096;

    setsockopt(tap.fd, SOL_SOCKET, SO_SNDBUF, &little, sizeof(little));
    for (unsigned i = 0; i < 16; i++)
        m[i] =
            segment(2, 1448, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG);
    taken = wire.ops->tx_burst(wire.ctx, m, 16);
    ck_assert_uint_lt(taken, 16);
    ck_assert_uint_eq(wire.ops->tx_burst(wire.ctx, &m[taken], 16 - taken), 0);
    for (unsigned i = 0; i < 16; i++) {
        if (i == taken) {
            left = wire.ops->tx_burst(wire.ctx, &m[taken], 1);
            ck_assert_uint_eq(left, 1);
            taken++;
        }
        kernel_reads(&header);
        ck_assert_uint_eq(sum_in_packet(), PSEUDO + 32 + 2000);
    }
}
END_TEST

static void kernel_writes(uint8_t flags, uint8_t fill, size_t len)
{
    struct virtio_net_hdr header = { .flags = flags };
    uint8_t message[sizeof(header) + 2000];

    memcpy(message, &header, sizeof(header));
    memset(message + sizeof(header), fill, len);
    ck_assert_int_eq(write(kernel, message, sizeof(header) + len), (ssize_t)(sizeof(header) + len));
}

START_TEST(frames_come_with_the_kernels_verdict)
{
    struct rte_mbuf *m[8];

    kernel_writes(0, 1, 60);
    kernel_writes(VIRTIO_NET_HDR_F_NEEDS_CSUM, 2, 1514);
    kernel_writes(VIRTIO_NET_HDR_F_DATA_VALID, 3, 70);
    ck_assert_uint_eq(wire.ops->rx_burst(wire.ctx, m, 8), 3);
    ck_assert_uint_eq(m[0]->data_len, 60);
    ck_assert_uint_eq(m[0]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, 0);
    ck_assert_uint_eq(m[1]->data_len, 1514);
    ck_assert_uint_eq(*rte_pktmbuf_mtod_offset(m[1], uint8_t *, 1513), 2);
    for (unsigned i = 1; i < 3; i++)
        ck_assert_uint_eq(m[i]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK,
                          RTE_MBUF_F_RX_L4_CKSUM_GOOD);
    ck_assert_uint_eq(wire.ops->rx_burst(wire.ctx, m + 3, 5), 0);
    rte_pktmbuf_free_bulk(m, 3);
}
END_TEST

START_TEST(a_burst_is_bounded_and_the_rest_waits)
{
    struct rte_mbuf *m[4];

    for (uint8_t i = 0; i < 5; i++)
        kernel_writes(0, i, 60u + i);
    ck_assert_uint_eq(wire.ops->rx_burst(wire.ctx, m, 2), 2);
    rte_pktmbuf_free_bulk(m, 2);
    ck_assert_uint_eq(wire.ops->rx_burst(wire.ctx, m, 4), 3);
    ck_assert_uint_eq(m[0]->data_len, 62);
    rte_pktmbuf_free_bulk(m, 3);
}
END_TEST

TCase *tap_case(void)
{
    TCase *tcase = tcase_create("tap");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_super_segment_is_one_write);
    tcase_add_test(tcase, ipv6_and_cwr_are_told);
    tcase_add_test(tcase, a_single_segment_leaves_its_sum_to_the_kernel);
    tcase_add_test(tcase, what_is_not_tcp_is_left_alone);
    tcase_add_test(tcase, a_full_queue_takes_the_rest_later);
    tcase_add_test(tcase, frames_come_with_the_kernels_verdict);
    tcase_add_test(tcase, a_burst_is_bounded_and_the_rest_waits);
    return tcase;
}
