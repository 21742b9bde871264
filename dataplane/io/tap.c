/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/tap.h"

#include <stddef.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/virtio_net.h>

#include "base/assert.h"
#include "base/tx_slot.h"
#include "io/tx.h"

/* The headers' mbuf and the extents' mbufs. */
#define IOV_MAX_PACKET  (1 + TX_EXTENTS_MAX * IO_TX_PIECES_MAX)

#define TCP_CHECKSUM_AT 16
#define TCP_FLAGS_AT    13
#define TCP_CWR         0x80

static_assert(sizeof(struct virtio_net_hdr) <= RTE_PKTMBUF_HEADROOM, "it lies before the packet");

/* The header of a packet lies in its mbuf's headroom: one piece less to gather or scatter. */
static struct virtio_net_hdr *header_of(struct rte_mbuf *m)
{
    DEBUG_ASSERT(rte_pktmbuf_headroom(m) >= sizeof(struct virtio_net_hdr));
    return rte_pktmbuf_mtod_offset(m, struct virtio_net_hdr *, -(int)sizeof(struct virtio_net_hdr));
}

static struct rte_mbuf *rx_mbuf(struct io_tap *tap)
{
    if (tap->spare == NULL)
        tap->spare = rte_pktmbuf_alloc(tap->rx);
    return tap->spare;
}

static uint16_t tap_rx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    struct io_tap *tap = ctx;
    const size_t header_bytes = sizeof(struct virtio_net_hdr);
    uint16_t count = 0;

    while (count < n) {
        struct rte_mbuf *m = rx_mbuf(tap);
        if (UNLIKELY(m == NULL))
            break;
        const struct virtio_net_hdr *header = header_of(m);
        ssize_t got = read(tap->fd, header_of(m), header_bytes + rte_pktmbuf_tailroom(m));
        if (got <= (ssize_t)header_bytes)
            break;
        m->data_len = (uint16_t)((size_t)got - header_bytes);
        m->pkt_len = m->data_len;
        /* NEEDS_CSUM: the packet comes from this machine, and its sum was never taken. */
        if ((header->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID)) != 0)
            m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
        tap->spare = NULL;
        mbufs[count++] = m;
    }
    return count;
}

/* One's complement addition to a sum in network order. */
static void sum_add(uint8_t *at, uint32_t value)
{
    uint32_t sum = ((uint32_t)at[0] << 8 | at[1]) + value;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    at[0] = (uint8_t)(sum >> 8);
    at[1] = (uint8_t)sum;
}

/* What a descriptor would say of the packet. */
static struct virtio_net_hdr tx_header(struct rte_mbuf *m)
{
    struct virtio_net_hdr header = { 0 };
    uint8_t *tcp;

    if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) != RTE_MBUF_F_TX_TCP_CKSUM)
        return header;
    header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header.csum_start = (uint16_t)(m->l2_len + m->l3_len);
    header.csum_offset = TCP_CHECKSUM_AT;
    if ((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) == 0)
        return header;
    tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, header.csum_start);
    header.gso_type = (m->ol_flags & RTE_MBUF_F_TX_IPV4) != 0 ? VIRTIO_NET_HDR_GSO_TCPV4
                                                              : VIRTIO_NET_HDR_GSO_TCPV6;
    if ((tcp[TCP_FLAGS_AT] & TCP_CWR) != 0)
        header.gso_type |= VIRTIO_NET_HDR_GSO_ECN; /* only the first segment says CWR */
    header.hdr_len = (uint16_t)(header.csum_start + m->l4_len);
    header.gso_size = m->tso_segsz;
    /* DPDK leaves the length out of the pseudo-header of a super-segment; the kernel does not. */
    sum_add(tcp + TCP_CHECKSUM_AT, m->pkt_len - header.csum_start);
    return header;
}

/* What is left out of the pseudo-header's sum again, for a packet that will be offered once more.
 */
static void tx_undo(struct rte_mbuf *m, const struct virtio_net_hdr *header)
{
    if (header->gso_type != VIRTIO_NET_HDR_GSO_NONE)
        sum_add(rte_pktmbuf_mtod_offset(m, uint8_t *, header->csum_start + TCP_CHECKSUM_AT),
                0xffff - (m->pkt_len - header->csum_start));
}

static bool write_packet(const struct io_tap *tap, struct rte_mbuf *m)
{
    struct virtio_net_hdr *header = header_of(m);
    struct iovec iov[IOV_MAX_PACKET];
    int count = 1;

    *header = tx_header(m);
    iov[0] = (struct iovec){ .iov_base = header, .iov_len = sizeof(*header) + m->data_len };
    for (struct rte_mbuf *at = m->next; at != NULL; at = at->next) {
        ASSERT(count < IOV_MAX_PACKET);
        iov[count++] =
            (struct iovec){ .iov_base = rte_pktmbuf_mtod(at, void *), .iov_len = at->data_len };
    }
    if (LIKELY(writev(tap->fd, iov, count) > 0))
        return true;
    tx_undo(m, header);
    return false;
}

static uint16_t tap_tx_burst(void *ctx, struct rte_mbuf **mbufs, uint16_t n)
{
    const struct io_tap *tap = ctx;
    uint16_t count = 0;

    while (count < n && write_packet(tap, mbufs[count]))
        count++;
    rte_pktmbuf_free_bulk(mbufs, count);
    return count;
}

static const struct io_wire_ops tap_ops = {
    .rx_burst = tap_rx_burst,
    .tx_burst = tap_tx_burst,
};

struct io_wire io_tap_wire(struct io_tap *tap)
{
    return (struct io_wire){ .ops = &tap_ops, .ctx = tap };
}

void io_tap_release(struct io_tap *tap)
{
    rte_pktmbuf_free(tap->spare);
    tap->spare = NULL;
}
