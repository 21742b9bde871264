/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trains of ACKs. A receiver acknowledges every second segment, so that a run of packets comes back
 * as several ACKs in a row, mostly in one burst. The last of them says all that the others say: it
 * alone is looked at, as if the receiver had gathered more segments before it answered, which those
 * with LRO do, or the path had filtered its ACKs (RFC 3449).
 *
 * Left out is a frame whose successor in the burst is the same to the bit but for how much it
 * acknowledges (more), window, timestamps (not older), identification and checksums. And only where
 * it is of no interest how many ACKs there were: on a connection that repairs nothing.
 */
#include "base/checksum.h"
#include "stack/internal.h"
#include "wire/ipv6.h"

#define FRAME_BYTES_MIN (ETH_HEADER_BYTES + IPV4_HEADER_BYTES + TCP_HEADER_BYTES)
#define FRAME_BYTES_MAX (ETH_HEADER_BYTES + IPV6_HEADER_BYTES + TCP_HEADER_BYTES + TIMESTAMPS_BYTES)

/* Where the TCP header of an untagged frame stands that is an ACK and nothing else, with timestamps
 * or without options; 0: it is something else. */
static uint32_t pure_ack_at(const struct frame *frame)
{
    const uint8_t *ip = frame->data + ETH_HEADER_BYTES;
    uint32_t at, len;

    if (frame->len < FRAME_BYTES_MIN || frame->len > FRAME_BYTES_MAX)
        return 0;
    uint16_t type = get_be16(frame->data + 12);
    if (type == ETH_TYPE_IPV4 && ip[0] == 0x45 && ip[9] == IP_PROTOCOL_TCP &&
        (get_be16(ip + 6) & IPV4_FRAGMENT) == 0) {
        at = ETH_HEADER_BYTES + IPV4_HEADER_BYTES;
        len = get_be16(ip + 2) - (uint32_t)IPV4_HEADER_BYTES;
    } else if (type == ETH_TYPE_IPV6 && ip[0] >> 4 == 6 && ip[6] == IP_PROTOCOL_TCP) {
        at = ETH_HEADER_BYTES + IPV6_HEADER_BYTES;
        len = get_be16(ip + 4);
    } else {
        return 0;
    }
    const uint8_t *p = frame->data + at;
    bool stamped = len == TCP_HEADER_BYTES + TIMESTAMPS_BYTES;
    if ((!stamped && len != TCP_HEADER_BYTES) || frame->len < at + len || p[12] >> 4 != len / 4 ||
        p[13] != TCP_ACK || (stamped && get_be32(p + TCP_HEADER_BYTES) != TCP_TIMESTAMPS_ALONE))
        return 0;
    return at;
}

static inline bool same(const uint8_t *a, const uint8_t *b, uint32_t from, uint32_t to)
{
    return memcmp(a + from, b + from, to - from) == 0;
}

/* Whether b is what a is, a pure ACK with its TCP header at `at`, and acknowledges more. */
static bool says_more(const struct frame *a, const struct frame *b, uint32_t at)
{
    const uint8_t *x = a->data, *y = b->data, *p = x + at, *q = y + at;
    bool v4 = at == ETH_HEADER_BYTES + IPV4_HEADER_BYTES;

    if (a->len != b->len || a->flags != b->flags)
        return false;
    /* IPv4: all but identification and checksum. Then ports and seq; offset and flags. */
    if (v4 ? !same(x, y, 0, 18) || !same(x, y, 20, 24) || !same(x, y, 26, 34) : !same(x, y, 0, 54))
        return false;
    if (!same(p, q, 0, 8) || !same(p, q, 12, 14))
        return false;
    if (p[12] != TCP_HEADER_BYTES / 4 << 4 &&
        (!same(p, q, 20, 24) || (int32_t)(get_be32(q + 24) - get_be32(p + 24)) < 0))
        return false;
    return (int32_t)(get_be32(q + 8) - get_be32(p + 8)) > 0;
}

static struct tcp_key key_of(const struct frame *frame, uint32_t at)
{
    const uint8_t *ip = frame->data + ETH_HEADER_BYTES, *p = frame->data + at;
    struct tcp_key key = { .remote_port = get_be16(p), .local_port = get_be16(p + 2) };

    if (at == ETH_HEADER_BYTES + IPV4_HEADER_BYTES) {
        key.remote = ip_addr_from_v4(get_be32(ip + 12));
        key.local = ip_addr_from_v4(get_be32(ip + 16));
    } else {
        memcpy(key.remote.b, ip + 8, 16);
        memcpy(key.local.b, ip + 24, 16);
    }
    return key;
}

/* NULL: there is none, or it must hear every ACK. */
static const struct tcp_conn *calm_connection(struct stack *s, const struct tcp_key *key)
{
    uint32_t hash, index = stack_flow(s, key, &hash);

    return index < FLOW_TIME_WAIT && tcp_calm(&s->tcp.conn[index]) ? &s->tcp.conn[index] : NULL;
}

static bool checksums_good(const struct frame *frame, uint32_t at, const struct tcp_key *key)
{
    const uint8_t *ip = frame->data + ETH_HEADER_BYTES, *p = frame->data + at;
    uint32_t len = (uint32_t)(p[12] >> 4) * 4;

    if (at == ETH_HEADER_BYTES + IPV4_HEADER_BYTES &&
        (frame->flags & FRAME_IP_CHECKSUM_GOOD) == 0 &&
        checksum_bytes(ip, IPV4_HEADER_BYTES) != 0xffff)
        return false;
    if ((frame->flags & FRAME_L4_CHECKSUM_GOOD) != 0)
        return true;
    return checksum_fold((uint64_t)ip_pseudo_sum(&key->remote, &key->local, IP_PROTOCOL_TCP) + len +
                         checksum_bytes(p, len)) == 0xffff;
}

unsigned stack_acks_needless(struct stack *s, const struct frame *frames, unsigned n)
{
    uint32_t at = n > 1 ? pure_ack_at(&frames[0]) : 0;
    unsigned needless = 1;

    if (at == 0 || !says_more(&frames[0], &frames[1], at))
        return 0;
    struct tcp_key key = key_of(&frames[0], at);
    const struct tcp_conn *c = calm_connection(s, &key);
    if (c == NULL)
        return 0;
    uint64_t bytes = frames[0].len;
    while (needless + 1 < n && says_more(&frames[needless], &frames[needless + 1], at))
        bytes += frames[needless++].len;
    /* The last one stands for all: it must be true, and acknowledge no more than was sent. */
    const struct frame *last = &frames[needless];
    if (!tcp_ack_sent(c, get_be32(last->data + at + 8)) || !checksums_good(last, at, &key))
        return 0;
    COUNT_N(s->config.counters, rx_frames, needless);
    COUNT_N(s->config.counters, rx_bytes, bytes);
    COUNT_N(s->config.counters, tcp_in, needless);
    COUNT_N(s->config.counters, tcp_ack_needless, needless);
    return needless;
}
