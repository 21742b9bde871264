/* SPDX-License-Identifier: BSD-3-Clause */
/* A packet on its way out of the stack: what output fills in and io turns into mbufs. */
#ifndef BASE_TX_SLOT_H
#define BASE_TX_SLOT_H

#include <stdbool.h>
#include <stdint.h>

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
    uint8_t ecn;          /* of the IP header (RFC 3168), for TCP */
    bool ipv4;            /* else IPv6, if tcp */
    bool tcp;             /* checksum offload and TSO apply */
    uint16_t tso_mss;     /* > 0: the port cuts the payload into segments of this many bytes */
    uint32_t payload_len; /* TCP payload: bytes behind l2+l3+l4 in head, and extents */
    struct tx_extent extent[TX_EXTENTS_MAX];
};

/* A slot's head must hold all headers and one full-sized payload for stacks that copy small bodies:
 * mtu + STACK_L2_BYTES, and never less than this. */
#define TX_HEAD_BYTES_MIN 256
#define STACK_L2_BYTES    18 /* Ethernet header and one 802.1Q tag */

#endif
