/* SPDX-License-Identifier: BSD-3-Clause */
#include "raw.h"

#include <string.h>

#include "io/tx.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"

static void done(void *addr, void *opaque)
{
    struct file_pin *pin = opaque;
    pin->in_flight--;
}

void raw_start(struct raw *raw, const struct raw_config *config)
{
    static const struct mac_addr mac = { { 2, 0, 0, 0, 0, 1 } };
    struct ip_addr ip = ip_addr_from_v4(0x0a000001);

    memset(raw, 0, sizeof(*raw));
    raw->config = *config;
    eth_emit(raw->header, &mac, &mac, ETH_TYPE_IPV4);
    ipv4_emit(raw->header + ETH_HEADER_BYTES, &ip, &ip, IP_PROTOCOL_TCP, 0,
              RAW_HEADER_BYTES - ETH_HEADER_BYTES + config->payload, true);
    raw_resume(raw);
}

void raw_end(struct raw *raw)
{
    rte_pktmbuf_free_bulk(&raw->burst[raw->first], raw->count);
    raw->count = 0;
}

/* The next bytes of the files, one file after the other. */
static uint8_t *next_bytes(struct raw *raw)
{
    const struct raw_config *c = &raw->config;
    const struct file *file = catalogue_file(pool_catalogue(c->pool), c->first_file + raw->file);

    if (raw->offset + c->payload > file->extents[0].len) {
        raw->offset = 0;
        raw->file = raw->file + 1 < c->files ? raw->file + 1 : 0;
        file = catalogue_file(pool_catalogue(c->pool), c->first_file + raw->file);
    }
    uint8_t *data = file->extents[0].data + raw->offset;
    raw->offset += c->payload;
    return data;
}

static void make_packet(struct raw *raw, struct rte_mbuf *head, struct rte_mbuf *extent)
{
    struct rte_mbuf_ext_shared_info *shared = rte_mbuf_to_priv(extent);
    uint8_t *data = next_bytes(raw);

    shared->free_cb = done;
    shared->fcb_opaque = &raw->pin;
    rte_mbuf_ext_refcnt_set(shared, 1);
    raw->pin.in_flight++;
    rte_pktmbuf_attach_extbuf(extent, data, (uintptr_t)data, (uint16_t)raw->config.payload, shared);
    extent->data_len = (uint16_t)raw->config.payload;

    memcpy(rte_pktmbuf_mtod(head, uint8_t *), raw->header, RAW_HEADER_BYTES);
    head->data_len = RAW_HEADER_BYTES;
    head->pkt_len = RAW_HEADER_BYTES + raw->config.payload;
    head->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
    if (raw->config.mss != 0)
        head->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
    head->tx_offload =
        rte_mbuf_tx_offload(ETH_HEADER_BYTES, IPV4_HEADER_BYTES, 32, raw->config.mss, 0, 0, 0);
    head->next = extent;
    head->nb_segs = 2;
}

static void make_burst(struct raw *raw)
{
    const struct io_pools *pools = raw->config.pools;
    struct rte_mbuf *extents[RAW_BURST];

    if (rte_pktmbuf_alloc_bulk(pools->heads, raw->burst, RAW_BURST) != 0)
        return;
    if (rte_mempool_get_bulk(pools->extents, (void **)extents, RAW_BURST) != 0) {
        rte_pktmbuf_free_bulk(raw->burst, RAW_BURST);
        return;
    }
    for (unsigned i = 0; i < RAW_BURST; i++)
        make_packet(raw, raw->burst[i], extents[i]);
    raw->first = 0;
    raw->count = RAW_BURST;
}

void raw_account(struct raw *raw)
{
    turn_clock_mark(&raw->turn, bench_clock_now(&raw->config.clock));
}

void raw_turn(struct raw *raw)
{
    raw_account(raw);
    if (raw->count == 0)
        make_burst(raw);
    uint16_t taken = raw->config.wire.ops->tx_burst(raw->config.wire.ctx, &raw->burst[raw->first],
                                                    (uint16_t)raw->count);
    raw->first += taken;
    raw->count -= taken;
    raw->packets += taken;
    raw->bytes += (uint64_t)taken * (RAW_HEADER_BYTES + raw->config.payload);
    raw->turn.worked = taken > 0;
}

void raw_resume(struct raw *raw)
{
    raw->turn.last = bench_clock_now(&raw->config.clock);
}
