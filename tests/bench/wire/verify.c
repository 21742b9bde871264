/* SPDX-License-Identifier: BSD-3-Clause */
#include "verify.h"

#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "content.h"
#include "wire/ethernet.h"
#include "wire/tcp_segment.h"

static const struct tx_descriptor *segment(const struct queue *q, const struct device_packet *p,
                                           unsigned i)
{
    return &q->tx[(p->first + i) & q->tx_mask];
}

/* Sum of the packet's bytes from `from` (even) on. */
static uint64_t sum_from(const struct queue *q, const struct device_packet *p, uint32_t from)
{
    uint32_t position = 0;
    uint64_t sum = 0;

    for (unsigned i = 0; i < p->count; i++) {
        const struct tx_descriptor *d = segment(q, p, i);
        uint32_t skip = position < from ? from - position : 0;

        if (skip < d->len) {
            uint16_t s = checksum_bytes(d->addr + skip, d->len - skip);
            sum += (position + skip) % 2 != 0 ? checksum_at_odd(s) : s;
        }
        position += d->len;
    }
    return sum;
}

bool verify_checksums(const struct queue *q, const struct device_packet *p, bool offload)
{
    const uint8_t *ip = p->head + ETH_HEADER_BYTES;
    const uint32_t before = ETH_HEADER_BYTES + IPV4_HEADER_BYTES;
    uint32_t tcp_len = p->len - before;
    struct ip_addr src = ip_addr_from_v4(get_be32(ip + 12));
    struct ip_addr dst = ip_addr_from_v4(get_be32(ip + 16));
    uint64_t pseudo = ip_pseudo_sum(&src, &dst, IP_PROTOCOL_TCP);

    if (offload) {
        const uint32_t wanted = TX_IP_CHECKSUM | TX_TCP_CHECKSUM;
        uint16_t field = get_be16(ip + IPV4_HEADER_BYTES + 16);
        return (p->flags & wanted) == wanted && get_be16(ip + 10) == 0 &&
               field == checksum_fold(pseudo + (p->mss != 0 ? 0 : tcp_len));
    }
    /* A sum that includes its own complement is 0xffff (or 0, which means the same). */
    uint16_t tcp = checksum_fold(pseudo + tcp_len + sum_from(q, p, before));
    uint16_t header = checksum_bytes(ip, IPV4_HEADER_BYTES);
    return (uint16_t)(tcp + 1) <= 1 && (uint16_t)(header + 1) <= 1;
}

/* Bytes [from, from + len) of the file, as far as there are any. */
static bool same(const uint8_t *data, uint32_t len, uint32_t file, int64_t from,
                 uint64_t file_bytes, uint64_t *verified)
{
    if (from < 0) {
        uint32_t skip = -from < (int64_t)len ? (uint32_t)-from : len;
        data += skip;
        len -= skip;
        from += skip;
    }
    if (len == 0 || from >= (int64_t)file_bytes)
        return true;
    if (len > file_bytes - (uint64_t)from)
        len = (uint32_t)(file_bytes - (uint64_t)from);
    *verified += len;
    return memcmp(data, content_at(file, (uint64_t)from), len) == 0;
}

bool verify_content(const struct queue *q, const struct device_packet *p, uint32_t header,
                    uint32_t file, int64_t offset, uint64_t file_bytes, uint64_t *verified)
{
    int64_t at = offset - (int64_t)header; /* file offset of the segment's first byte */
    bool ok = true;

    for (unsigned i = 0; i < p->count; i++) {
        const struct tx_descriptor *d = segment(q, p, i);
        uint32_t skip = i == 0 ? header : 0;
        ok &= same(d->addr + skip, d->len - skip, file, at + skip, file_bytes, verified);
        at += d->len;
    }
    return ok;
}
