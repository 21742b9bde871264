/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet on its way out of the stack: what output fills in and io turns into mbufs. */
#ifndef BASE_TX_SLOT_H
#define BASE_TX_SLOT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/extent.h"

/* Extents of one packet at the most. A port may take fewer (stack_config.tx_extents_max). */
#define TX_EXTENTS_MAX 8

/*
 * One packet to send: the bytes of head (Ethernet, IP, TCP headers, then response head and small
 * bodies), then the extents in order. The caller points head at head_capacity writable bytes (its
 * header mbuf) before the call and the stack fills in the rest.
 */
struct tx_slot {
    uint8_t *head;
    uint16_t head_capacity; /* at least TX_HEAD_BYTES_MIN */

    uint16_t head_len;
    uint8_t l2_len, l3_len, l4_len;
    uint8_t extent_count;
    uint8_t packets;      /* 1; of a run: at least 2 */
    uint8_t ecn;          /* of the IP header (RFC 3168), for TCP */
    bool ipv4;            /* else IPv6, if tcp */
    bool tcp;             /* checksum offload and TSO apply */
    bool checksums;       /* of a run: the port does not compute them, each slot has one */
    uint16_t checksum;    /* only there */
    uint16_t tso_mss;     /* > 0: the port cuts the payload into segments of this many bytes */
    uint32_t payload_len; /* TCP payload: bytes behind l2+l3+l4 in head, and extents */
    struct tx_extent extent[TX_EXTENTS_MAX];
};

/* Sum of the payload, not folded: of inline_len bytes of text, which stand in head, then the
 * extents, whose sums were asked for. */
static inline uint64_t tx_payload_sum(const struct tx_slot *slot, const uint8_t *text,
                                      uint32_t inline_len)
{
    if (LIKELY(inline_len == 0 && slot->extent_count == 1))
        return slot->extent[0].sum;
    uint64_t sum = checksum_native(text, inline_len) << 8; /* in host order */
    uint32_t position = inline_len;
    for (unsigned i = 0; i < slot->extent_count; i++) {
        sum += (uint64_t)slot->extent[i].sum << (position % 2 != 0 ? 8 : 0);
        position += slot->extent[i].len;
    }
    return sum;
}

/*
 * A run: TCP packets of one flow, whose headers differ in the sequence number and in nothing else,
 * but for the TCP checksum where each has its own. Its first slot describes them all: payload_len
 * bytes each, one behind the other in its only extent, and head holds the first one's headers, of
 * at most TX_RUN_HEAD_BYTES. Of the packets - 1 slots behind it only checksum and head are meant,
 * and head is to be written: so that a run takes as many slots as it has packets.
 */
#define TX_RUN_HEAD_BYTES 96

/* Where the sequence number and the checksum stand in a run's headers. */
static inline uint32_t tx_run_seq_at(const struct tx_slot *run)
{
    return run->l2_len + run->l3_len + 4u;
}
static inline uint32_t tx_run_checksum_at(const struct tx_slot *run)
{
    return run->l2_len + run->l3_len + 16u;
}

/* Makes of a run's slots what they stand for: one packet each. */
static inline void tx_run_split(struct tx_slot *run)
{
    uint32_t seq_at = tx_run_seq_at(run), seq = get_be32(run->head + seq_at);
    unsigned packets = run->packets;

    run->packets = 1;
    run->extent[0].len = run->payload_len;
    for (unsigned i = 1; i < packets; i++) {
        uint8_t *head = run[i].head;
        uint16_t capacity = run[i].head_capacity, checksum = run[i].checksum;

        run[i] = *run;
        run[i].head = head;
        run[i].head_capacity = capacity;
        memcpy(head, run->head, run->head_len);
        put_be32(head + seq_at, seq + i * run->payload_len);
        if (run->checksums)
            put_be16(head + tx_run_checksum_at(run), checksum);
        run[i].extent[0].data += i * run->payload_len;
    }
}

/* A slot's head must hold all headers and one full-sized payload for stacks that copy small bodies:
 * mtu + STACK_L2_BYTES, and never less than this. */
#define TX_HEAD_BYTES_MIN 256
#define STACK_L2_BYTES    18 /* Ethernet header and one 802.1Q tag */

#endif
