/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where an application puts the bytes that TCP asks for: `inline_data` takes generated text and
 * bodies too small to be worth a second segment, which precede all extents; then extents.
 *
 * TCP may ask for several packets at once. Then packet_bytes says where one ends and the next
 * begins, and extent_bytes whether an extent may reach over such ends: not where each packet needs
 * a sum of its own. Whoever fills asks tx_fill_room() before each extent and keeps within it.
 */
#ifndef BASE_TX_FILL_H
#define BASE_TX_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/extent.h"

struct tx_fill {
    uint8_t *inline_data;
    uint32_t inline_capacity; /* at most packet_bytes, if that is set */
    uint32_t inline_len;
    uint32_t extent_count, extents_max;
    struct tx_extent *extent;
    bool want_sums; /* fill in tx_extent.sum: the port does not compute checksums */

    uint32_t packet_bytes; /* of each packet but the last; 0: one packet takes all */
    uint32_t extent_bytes; /* of an extent that begins with a packet: a multiple of packet_bytes */
    uint32_t packet_extents_max; /* both only if packet_bytes is set */
    /* Of the packet under way. */
    uint32_t packet_used, packet_extents;
};

/* Bytes that the next extent may have; 0: no more fits. */
static inline uint32_t tx_fill_room(const struct tx_fill *fill)
{
    if (fill->extent_count == fill->extents_max)
        return 0;
    if (fill->packet_bytes == 0)
        return UINT32_MAX;
    if (fill->packet_extents == fill->packet_extents_max)
        return 0;
    return fill->extent_bytes - fill->packet_used;
}

static inline void tx_fill_used(struct tx_fill *fill, uint32_t len, uint32_t extents)
{
    if (fill->packet_bytes == 0)
        return;
    fill->packet_used += len;
    fill->packet_extents += extents;
    if (fill->packet_used >= fill->packet_bytes) { /* its rest begins the packet under way */
        bool whole = fill->extent_bytes == fill->packet_bytes;
        fill->packet_used = whole ? 0 : fill->packet_used % fill->packet_bytes;
        fill->packet_extents = fill->packet_used != 0;
    }
}

/* Of extent->len <= tx_fill_room() bytes. */
static inline void tx_fill_extent(struct tx_fill *fill, const struct tx_extent *extent)
{
    fill->extent[fill->extent_count++] = *extent;
    tx_fill_used(fill, extent->len, 1);
}

/* len bytes were written to inline_data + inline_len. */
static inline void tx_fill_inline(struct tx_fill *fill, uint32_t len)
{
    fill->inline_len += len;
    tx_fill_used(fill, len, 0);
}

#endif
