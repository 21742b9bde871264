/* SPDX-License-Identifier: BSD-3-Clause */
#include "io/tx.h"

#include <string.h>

#include "base/assert.h"

/* A core fetches so many lines at a time and forgets hints beyond: of those for a whole burst's
 * headers some. They are given again, so many packets ahead. */
#define HEADS_AHEAD 12

#define EXTENTS_MAX (IO_TX_BURST * TX_EXTENTS_MAX * IO_TX_PIECES_MAX)

struct io_tx {
    struct io_wire wire;
    struct counters *counters;
    struct rte_mempool *head_pool, *extent_pool;
    const struct arena *arena; /* NULL: device addresses are virtual, pages do not matter */
    uint64_t ipv4_flags;       /* of an IPv4 packet */
    uint64_t ipv6_flags;       /* of TCP over IPv6 */
    uint64_t tcp_flags;        /* added for TCP */
    bool linear;
    uint16_t head_capacity; /* bytes of a header mbuf */
    uint32_t head_at;       /* from a header mbuf's beginning to its bytes */
    unsigned per_slot;      /* extent mbufs one slot may need */
    uint64_t head_rearm;    /* rearm_data of a header mbuf of one segment */
    uint64_t extent_rearm;  /* of an extent mbuf */

    /* Ready mbufs, both taken from the end. */
    unsigned head_count, extent_count, extents_wanted;
    struct rte_mbuf *heads[IO_TX_BURST];
    struct rte_mbuf *extents[EXTENTS_MAX];

    /* Packets made and not taken by the port: [first, first + count). */
    unsigned backlog_first, backlog_count;
    uint64_t blocked_since; /* 0: the port took something last time */
    struct rte_mbuf *backlog[IO_TX_BURST];
    uint32_t backlog_bytes[IO_TX_BURST]; /* per packet: its mbufs are gone once it is taken */

    struct memory memory;
    struct tx_slot slots[IO_TX_BURST];
};

unsigned io_tx_heads_held(void)
{
    return IO_TX_BURST /* ready for slots */
           + IO_TX_BURST /* backlog */;
}

unsigned io_tx_extents_held(unsigned extents_max, bool page_split)
{
    unsigned per_burst = IO_TX_BURST * extents_max * (page_split ? IO_TX_PIECES_MAX : 1);

    return per_burst /* ready for slots */
           + per_burst /* backlog */;
}

/* As drivers have it for what they receive: four fields that are always the same, in one store. */
static uint64_t rearm_data(uint16_t data_off)
{
    struct rte_mbuf m = { .data_off = data_off, .nb_segs = 1, .port = RTE_MBUF_PORT_INVALID };
    uint64_t data;

    static_assert(offsetof(struct rte_mbuf, port) - offsetof(struct rte_mbuf, data_off) == 6,
                  "data_off, refcnt, nb_segs, port");
    rte_mbuf_refcnt_set(&m, 1);
    memcpy(&data, &m.data_off, sizeof(data));
    return data;
}

struct io_tx *io_tx_create(const struct io_tx_config *config)
{
    struct io_tx *tx = memory_alloc(&config->memory, 1, sizeof(*tx));
    bool split = config->arena != NULL && (config->arena->iovas != NULL || config->page_split);

    if (tx == NULL)
        return NULL;
    ASSERT(config->extents_max >= 1 && config->extents_max <= TX_EXTENTS_MAX);
    ASSERT(!split || config->arena->page_shift >= 16);
    tx->wire = config->wire;
    tx->counters = config->counters;
    tx->head_pool = config->heads;
    tx->extent_pool = config->extents;
    tx->arena = split ? config->arena : NULL;
    tx->linear = config->linear;
    tx->head_capacity = rte_pktmbuf_data_room_size(tx->head_pool) - RTE_PKTMBUF_HEADROOM;
    tx->head_at =
        sizeof(struct rte_mbuf) + rte_pktmbuf_priv_size(tx->head_pool) + RTE_PKTMBUF_HEADROOM;
    tx->head_rearm = rearm_data(RTE_PKTMBUF_HEADROOM);
    tx->extent_rearm = rearm_data(0);
    tx->ipv4_flags = RTE_MBUF_F_TX_IPV4 | (config->ip_checksum ? RTE_MBUF_F_TX_IP_CKSUM : 0);
    tx->ipv6_flags = config->tcp_checksum ? RTE_MBUF_F_TX_IPV6 : 0;
    tx->tcp_flags = config->tcp_checksum ? RTE_MBUF_F_TX_TCP_CKSUM : 0;
    tx->per_slot = config->linear ? 0 : config->extents_max * (split ? IO_TX_PIECES_MAX : 1);
    tx->extents_wanted = IO_TX_BURST * tx->per_slot;
    tx->memory = config->memory;
    return tx;
}

static void backlog_drop(struct io_tx *tx)
{
    rte_pktmbuf_free_bulk(&tx->backlog[tx->backlog_first], tx->backlog_count);
    tx->backlog_count = 0;
    tx->blocked_since = 0;
}

void io_tx_destroy(struct io_tx *tx)
{
    if (tx == NULL)
        return;
    backlog_drop(tx);
    if (tx->head_count > 0)
        rte_mempool_put_bulk(tx->head_pool, (void **)tx->heads, tx->head_count);
    if (tx->extent_count > 0)
        rte_mempool_put_bulk(tx->extent_pool, (void **)tx->extents, tx->extent_count);
    struct memory memory = tx->memory;
    memory_release(&memory, tx);
}

bool io_tx_flush(struct io_tx *tx, uint64_t now)
{
    if (tx->backlog_count == 0)
        return true;

    unsigned first = tx->backlog_first;
    uint16_t taken =
        tx->wire.ops->tx_burst(tx->wire.ctx, &tx->backlog[first], (uint16_t)tx->backlog_count);
    uint64_t bytes = 0;
    for (unsigned i = first; i < first + taken; i++)
        bytes += tx->backlog_bytes[i];
    COUNT_N(tx->counters, tx_packets, taken);
    COUNT_N(tx->counters, tx_bytes, bytes);
    tx->backlog_first += taken;
    tx->backlog_count -= taken;
    if (LIKELY(tx->backlog_count == 0)) {
        tx->blocked_since = 0;
        return true;
    }

    COUNT(tx->counters, tx_full);
    if (taken > 0 || tx->blocked_since == 0) {
        tx->blocked_since = now;
    } else if (now - tx->blocked_since >= IO_TX_STUCK_NS) {
        COUNT_N(tx->counters, tx_drop_stuck, tx->backlog_count);
        backlog_drop(tx);
        return true;
    }
    return false;
}

static uint8_t *head_bytes(const struct io_tx *tx, struct rte_mbuf *head)
{
    return (uint8_t *)head + tx->head_at;
}

/* The lines of a header were read by the device since they were written last, so they are not this
 * core's to write to. Asked for before the stack runs, they come meanwhile. */
static void prefetch_head(const struct io_tx *tx, struct rte_mbuf *head)
{
    uint8_t *data = head_bytes(tx, head);

    __builtin_prefetch(data, 1);
    __builtin_prefetch(data + RTE_CACHE_LINE_SIZE, 1);
}

/* Tops the ready mbufs up for a whole burst; returns how many slots they suffice for. */
static unsigned refill(struct io_tx *tx)
{
    unsigned slots = IO_TX_BURST;

    if (tx->head_count < IO_TX_BURST) {
        unsigned ready = tx->head_count;
        if (rte_mempool_get_bulk(tx->head_pool, (void **)&tx->heads[ready], IO_TX_BURST - ready) ==
            0)
            tx->head_count = IO_TX_BURST;
        else
            slots = tx->head_count;
        for (unsigned i = tx->head_count; i-- > ready;)
            prefetch_head(tx, tx->heads[i]);
    }
    if (tx->extent_count < tx->extents_wanted) {
        if (rte_mempool_get_bulk(tx->extent_pool, (void **)&tx->extents[tx->extent_count],
                                 tx->extents_wanted - tx->extent_count) == 0)
            tx->extent_count = tx->extents_wanted;
        else
            slots = RTE_MIN(slots, tx->extent_count / tx->per_slot);
    }
    if (UNLIKELY(slots < IO_TX_BURST))
        COUNT(tx->counters, mbuf_exhausted);
    return slots;
}

struct tx_slot *io_tx_slots(struct io_tx *tx, unsigned *count)
{
    *count = refill(tx);
    for (unsigned i = 0; i < *count; i++) {
        tx->slots[i].head = head_bytes(tx, tx->heads[tx->head_count - 1 - i]);
        tx->slots[i].head_capacity = tx->head_capacity;
    }
    return tx->slots;
}

/* Free callback of an extent mbuf. Runs on the worker's core: no atomics. */
static void extent_done(void *addr, void *opaque)
{
    struct file_pin *pin = opaque;
    pin->in_flight--;
}

/* All that rte_pktmbuf_attach_extbuf() sets, and what allocation sets before it. */
static void extent_attach(const struct io_tx *tx, struct rte_mbuf *m, const uint8_t *data,
                          rte_iova_t iova, uint16_t len, struct file_pin *pin)
{
    struct rte_mbuf_ext_shared_info *shared = rte_mbuf_to_priv(m);

    shared->free_cb = extent_done;
    shared->fcb_opaque = pin;
    rte_mbuf_ext_refcnt_set(shared, 1);
    m->buf_addr = (void *)(uintptr_t)data;
    rte_mbuf_iova_set(m, iova);
    memcpy(&m->data_off, &tx->extent_rearm, sizeof(tx->extent_rearm));
    m->ol_flags = RTE_MBUF_F_EXTERNAL;
    m->pkt_len = len;
    m->data_len = len;
    m->buf_len = len;
    m->shinfo = shared;
}

static struct rte_mbuf *extent_mbuf(struct io_tx *tx, const uint8_t *data, uint16_t len,
                                    struct file_pin *pin)
{
    DEBUG_ASSERT(tx->extent_count > 0);
    struct rte_mbuf *m = tx->extents[--tx->extent_count];

    pin->in_flight++;
    extent_attach(tx, m, data,
                  tx->arena != NULL ? arena_iova(tx->arena, data) : (rte_iova_t)(uintptr_t)data,
                  len, pin);
    return m;
}

/* Appends one extent behind tail; returns the new tail. */
static struct rte_mbuf *append_extent(struct io_tx *tx, struct rte_mbuf *head,
                                      struct rte_mbuf *tail, const struct tx_extent *extent)
{
    const uint8_t *data = extent->data;
    uint32_t len = extent->len;

    if (UNLIKELY(tx->arena != NULL)) {
        /* The next page may be anywhere in physical memory. */
        uint64_t room = arena_page_room(tx->arena, data);
        if (UNLIKELY(len > room)) {
            tail = tail->next = extent_mbuf(tx, data, (uint16_t)room, extent->pin);
            head->nb_segs++;
            data += room;
            len -= (uint32_t)room;
        }
    }
    tail = tail->next = extent_mbuf(tx, data, (uint16_t)len, extent->pin);
    head->nb_segs++;
    return tail;
}

static uint32_t append_extents(struct io_tx *tx, struct rte_mbuf *head, const struct tx_slot *slot)
{
    struct rte_mbuf *tail = head;
    uint32_t bytes = 0;

    for (unsigned i = 0; i < slot->extent_count; i++) {
        DEBUG_ASSERT(slot->extent[i].len <= UINT16_MAX);
        tail = append_extent(tx, head, tail, &slot->extent[i]);
        bytes += slot->extent[i].len;
    }
    return bytes;
}

/* The exception: the device gathers nothing, so the CPU does. The core has counted these bytes as
 * referenced; that is taken back. */
static uint32_t copy_extents(struct io_tx *tx, struct rte_mbuf *head, const struct tx_slot *slot)
{
    uint8_t *to = slot->head + slot->head_len;
    uint32_t bytes = 0;

    for (unsigned i = 0; i < slot->extent_count; i++) {
        ASSERT(slot->head_len + bytes + slot->extent[i].len <= slot->head_capacity);
        memcpy(to + bytes, slot->extent[i].data, slot->extent[i].len);
        bytes += slot->extent[i].len;
    }
    head->data_len += bytes;
    COUNT_N(tx->counters, payload_bytes_copied, bytes);
    COUNT_N(tx->counters, payload_bytes_referenced, -(uint64_t)bytes);
    return bytes;
}

static uint64_t offload_flags(const struct io_tx *tx, const struct tx_slot *slot)
{
    uint64_t flags = slot->ipv4 ? tx->ipv4_flags : 0;

    if (slot->tcp)
        flags |= tx->tcp_flags | (slot->ipv4 ? 0 : tx->ipv6_flags);
    if (slot->tso_mss > 0)
        flags |= RTE_MBUF_F_TX_TCP_SEG;
    return flags;
}

static uint64_t offload_lengths(const struct tx_slot *slot)
{
    return rte_mbuf_tx_offload(slot->l2_len, slot->l3_len, slot->l4_len, slot->tso_mss, 0, 0, 0);
}

/* A header mbuf as it comes from the pool: what allocation would set, and what tells of its packet
 * but for the segments behind it. */
static void head_fill(const struct io_tx *tx, struct rte_mbuf *head, uint16_t len, uint64_t flags,
                      uint64_t lengths)
{
    memcpy(&head->data_off, &tx->head_rearm, sizeof(tx->head_rearm));
    head->ol_flags = flags;
    head->pkt_len = len;
    head->data_len = len;
    head->tx_offload = lengths;
}

static uint32_t slot_to_packet(struct io_tx *tx, const struct tx_slot *slot, struct rte_mbuf *head)
{
    DEBUG_ASSERT(slot->extent_count <= TX_EXTENTS_MAX && slot->head_len <= slot->head_capacity);
    head_fill(tx, head, slot->head_len, offload_flags(tx, slot), offload_lengths(slot));
    if (slot->extent_count > 0)
        head->pkt_len += tx->linear ? copy_extents(tx, head, slot) : append_extents(tx, head, slot);
    return head->pkt_len;
}

/* The packets of a run, straight into their mbufs: what they have alike is looked up once. Not
 * where extents are cut or copied. */
static void run_to_packets(struct io_tx *tx, const struct tx_slot *run, struct rte_mbuf **packets,
                           uint32_t *packet_bytes)
{
    const uint64_t flags = offload_flags(tx, run), lengths = offload_lengths(run);
    const uint16_t head_len = run->head_len, len = (uint16_t)run->payload_len;
    const uint32_t seq_at = tx_run_seq_at(run);
    const unsigned n = run->packets;
    struct rte_mbuf **heads = &tx->heads[tx->head_count],
                    **extents = &tx->extents[tx->extent_count];
    struct file_pin *pin = run->extent[0].pin;
    const uint8_t *data = run->extent[0].data;
    uint8_t header[TX_RUN_HEAD_BYTES];
    uint32_t seq = get_be32(run->head + seq_at);

    DEBUG_ASSERT(n <= tx->head_count && n <= tx->extent_count && head_len <= TX_RUN_HEAD_BYTES);
    memcpy(header, run->head, sizeof(header));
    for (unsigned i = 0; i < n; i++, data += len, seq += len) {
        struct rte_mbuf *head = *--heads, *extent = *--extents;
        uint8_t *bytes = head_bytes(tx, head);

        if (heads >= tx->heads + HEADS_AHEAD)
            prefetch_head(tx, heads[-HEADS_AHEAD]);
        memcpy(bytes, header, sizeof(header)); /* of a constant length: there is room */
        put_be32(bytes + seq_at, seq);
        head_fill(tx, head, head_len, flags, lengths);
        head->pkt_len = (uint32_t)head_len + len;
        head->nb_segs = 2;
        head->next = extent;
        extent_attach(tx, extent, data, (rte_iova_t)(uintptr_t)data, len, pin);
        packets[i] = head;
        packet_bytes[i] = (uint32_t)head_len + len;
    }
    for (unsigned i = 0; run->checksums && i < n; i++)
        put_be16(head_bytes(tx, packets[i]) + tx_run_checksum_at(run), run[i].checksum);
    pin->in_flight += n;
    tx->head_count -= n;
    tx->extent_count -= n;
}

/* Drops what the driver will never take, so that it does not block what follows. */
static void prepare_backlog(struct io_tx *tx)
{
    unsigned done = 0;

    while (done < tx->backlog_count) {
        done += tx->wire.ops->tx_prepare(tx->wire.ctx, &tx->backlog[done],
                                         (uint16_t)(tx->backlog_count - done));
        if (LIKELY(done == tx->backlog_count))
            return;
        rte_pktmbuf_free(tx->backlog[done]);
        tx->backlog_count--;
        memmove(&tx->backlog[done], &tx->backlog[done + 1],
                (tx->backlog_count - done) * sizeof(tx->backlog[0]));
        memmove(&tx->backlog_bytes[done], &tx->backlog_bytes[done + 1],
                (tx->backlog_count - done) * sizeof(tx->backlog_bytes[0]));
        COUNT(tx->counters, tx_drop_refused);
    }
}

void io_tx_send(struct io_tx *tx, unsigned n, uint64_t now)
{
    DEBUG_ASSERT(tx->backlog_count == 0 && n <= tx->head_count);
    if (n == 0)
        return;
    for (unsigned i = 0, packets; i < n; i += packets) {
        packets = tx->slots[i].packets;
        if (packets > 1 && !tx->linear && tx->arena == NULL) {
            run_to_packets(tx, &tx->slots[i], &tx->backlog[i], &tx->backlog_bytes[i]);
            continue;
        }
        if (packets > 1)
            tx_run_split(&tx->slots[i]);
        packets = 1;
        tx->backlog[i] = tx->heads[--tx->head_count];
        tx->backlog_bytes[i] = slot_to_packet(tx, &tx->slots[i], tx->backlog[i]);
    }
    tx->backlog_first = 0;
    tx->backlog_count = n;
    if (tx->wire.ops->tx_prepare != NULL)
        prepare_backlog(tx);
    io_tx_flush(tx, now);
}

void io_tx_reclaim(struct io_tx *tx)
{
    if (tx->wire.ops->tx_done != NULL)
        tx->wire.ops->tx_done(tx->wire.ctx);
}
