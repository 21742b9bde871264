/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/tcp_segment.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/checksum.h"

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_WINDOW_SCALE = 3,
    OPTION_SACK_PERMITTED = 4,
    OPTION_SACK = 5,
    OPTION_TIMESTAMPS = 8,
};

/* A segment without data, as most clients send it. */
#define ACK_BYTES (TCP_HEADER_BYTES + 12)

static inline void option_parse(const uint8_t *p, uint32_t len, struct tcp_segment *seg)
{
    switch (p[0]) {
    case OPTION_MSS:
        if (len == 4) {
            seg->has_mss = true;
            seg->mss = get_be16(p + 2);
        }
        break;
    case OPTION_WINDOW_SCALE:
        if (len == 3) {
            seg->has_window_scale = true;
            seg->window_scale = p[2];
        }
        break;
    case OPTION_SACK_PERMITTED:
        if (len == 2)
            seg->sack_permitted = true;
        break;
    case OPTION_SACK:
        if (len < 10 || (len - 2) % 8 != 0)
            break;
        seg->sack_count = 0;
        for (uint32_t at = 2; at + 8 <= len && seg->sack_count < TCP_SACK_BLOCKS_MAX; at += 8)
            seg->sack[seg->sack_count++] =
                (struct sack_block){ get_be32(p + at), get_be32(p + at + 4) };
        break;
    case OPTION_TIMESTAMPS:
        if (len == 10) {
            seg->has_timestamps = true;
            seg->ts_value = get_be32(p + 2);
            seg->ts_echo = get_be32(p + 6);
        }
        break;
    default:
        break;
    }
}

static bool options_parse(const uint8_t *p, const uint8_t *end, struct tcp_segment *seg)
{
    while (p < end) {
        if (p[0] == OPTION_END)
            return true;
        if (p[0] == OPTION_NOP) {
            p++;
            continue;
        }
        if (end - p < 2 || p[1] < 2 || p[1] > end - p)
            return false;
        option_parse(p, p[1], seg);
        p += p[1];
    }
    return true;
}

enum tcp_parse_result tcp_segment_parse(const struct ip_packet *ip, bool checksum_good,
                                        struct tcp_segment *seg)
{
    const uint8_t *p = ip->payload;

    if (ip->payload_len < TCP_HEADER_BYTES)
        return TCP_PARSE_MALFORMED;
    uint32_t header_len = (uint32_t)(p[12] >> 4) * 4;
    if (header_len < TCP_HEADER_BYTES || header_len > ip->payload_len)
        return TCP_PARSE_MALFORMED;
    if (!checksum_good) {
        uint64_t sum = ip_pseudo_sum_wide(&ip->src, &ip->dst, IP_PROTOCOL_TCP) + ip->payload_len +
                       (checksum_native_usual(p, ip->payload_len, ACK_BYTES) << 8);
        if (checksum_fold(sum) != 0xffff)
            return TCP_PARSE_BAD_CHECKSUM;
    }

    *seg = (struct tcp_segment){
        .src = ip->src,
        .dst = ip->dst,
        .src_port = get_be16(p),
        .dst_port = get_be16(p + 2),
        .seq = get_be32(p + 4),
        .ack = get_be32(p + 8),
        .flags = p[13],
        .ip_ecn = ip->traffic_class & IP_ECN_MASK,
        .window = get_be16(p + 14),
        .payload = p + header_len,
        .payload_len = ip->payload_len - header_len,
    };
    if (LIKELY(header_len == ACK_BYTES) && get_be32(p + TCP_HEADER_BYTES) == TCP_TIMESTAMPS_ALONE) {
        option_parse(p + TCP_HEADER_BYTES + 2, 10, seg);
        return TCP_PARSE_OK;
    }
    return options_parse(p + TCP_HEADER_BYTES, p + header_len, seg) ? TCP_PARSE_OK
                                                                    : TCP_PARSE_MALFORMED;
}

void tcp_quote_parse(const uint8_t *p, struct tcp_segment *seg)
{
    seg->src_port = get_be16(p);
    seg->dst_port = get_be16(p + 2);
    seg->seq = get_be32(p + 4);
}

static uint8_t *timestamps_emit(uint8_t *p, const struct tcp_segment *seg)
{
    p[0] = OPTION_NOP; /* aligned as RFC 7323 appendix A advises */
    p[1] = OPTION_NOP;
    p[2] = OPTION_TIMESTAMPS;
    p[3] = 10;
    put_be32(p + 4, seg->ts_value);
    put_be32(p + 8, seg->ts_echo);
    return p + 12;
}

static uint8_t *syn_options_emit(uint8_t *p, const struct tcp_segment *seg)
{
    if (seg->has_mss) {
        p[0] = OPTION_MSS;
        p[1] = 4;
        put_be16(p + 2, seg->mss);
        p += 4;
    }
    if (seg->sack_permitted) {
        p[0] = OPTION_NOP;
        p[1] = OPTION_NOP;
        p[2] = OPTION_SACK_PERMITTED;
        p[3] = 2;
        p += 4;
    }
    if (seg->has_timestamps)
        p = timestamps_emit(p, seg);
    if (seg->has_window_scale) {
        p[0] = OPTION_NOP;
        p[1] = OPTION_WINDOW_SCALE;
        p[2] = 3;
        p[3] = seg->window_scale;
        p += 4;
    }
    return p;
}

static uint8_t *sack_emit(uint8_t *p, const uint8_t *end, const struct tcp_segment *seg)
{
    unsigned room = end - p >= 12 ? (unsigned)(end - p - 4) / 8 : 0;
    unsigned count = seg->sack_count < room ? seg->sack_count : room;

    if (count == 0)
        return p;
    p[0] = OPTION_NOP;
    p[1] = OPTION_NOP;
    p[2] = OPTION_SACK;
    p[3] = (uint8_t)(2 + 8 * count);
    p += 4;
    for (unsigned i = 0; i < count; i++, p += 8) {
        put_be32(p, seg->sack[i].start);
        put_be32(p + 4, seg->sack[i].end);
    }
    return p;
}

uint32_t tcp_segment_emit(uint8_t *p, const struct tcp_segment *seg)
{
    uint8_t *end = p + TCP_HEADER_BYTES;

    if ((seg->flags & TCP_SYN) != 0) {
        end = syn_options_emit(end, seg);
    } else {
        if (seg->has_timestamps)
            end = timestamps_emit(end, seg);
        if (seg->sack_count != 0)
            end = sack_emit(end, p + TCP_HEADER_BYTES_MAX, seg);
    }

    uint32_t header_len = (uint32_t)(end - p);
    put_be16(p, seg->src_port);
    put_be16(p + 2, seg->dst_port);
    put_be32(p + 4, seg->seq);
    put_be32(p + 8, seg->ack);
    p[12] = (uint8_t)(header_len / 4 << 4);
    p[13] = seg->flags;
    put_be16(p + 14, seg->window);
    put_be16(p + 16, 0); /* checksum */
    put_be16(p + 18, 0); /* urgent pointer */
    return header_len;
}

void tcp_segment_renumber(uint8_t *p, uint32_t seq, uint8_t flags)
{
    put_be32(p + 4, seq);
    p[13] = flags;
}

uint64_t tcp_segment_common_sum(const uint8_t *p, uint32_t header_len)
{
    uint32_t seq;

    memcpy(&seq, p + 4, sizeof(seq)); /* all in the machine's byte order, until the shift */
    uint64_t number = seq + ((uint64_t)p[13] << 8);
    return (checksum_native(p, header_len) - number) << 8;
}

void tcp_checksum_put(uint8_t *p, uint16_t value)
{
    put_be16(p + 16, value);
}
