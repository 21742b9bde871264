/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trains of ACKs. A receiver acknowledges every second segment, and while something is missing each
 * one, so that a run of packets comes back as several ACKs in a row, mostly in one burst. The last
 * of them says all that the others say: it alone is looked at, as if the receiver had gathered more
 * segments before it answered, which those with LRO do, or the path had filtered its ACKs (RFC
 * 3449).
 *
 * Left out is a frame whose successor in the burst is the same to the bit but for window,
 * timestamps (not older), identification, lengths and checksums, and for what it says more: it
 * acknowledges more and has no SACK blocks, or it has some and says in them that something above
 * all that was heard of arrived. Whatever fills a hole is heard by itself, for it may be reordering
 * (RFC 8985 section 6.2 step 3); so is what came twice (D-SACK, RFC 2883).
 *
 * All ACKs of a burst are read at the same time and answered in one turn. So RACK has the same
 * times from the last of a train as from all of them, and marks the same as lost; PRR counts bytes
 * delivered (RFC 9937), and what one ACK let out the next would have set anew; round trips and
 * delivery rates are those of what was sent last (HyStart++, BBR), windows grow by bytes. What is
 * of interest in the number of ACKs are duplicates without SACK (RFC 5681), and the first ones
 * after a time-out (F-RTO, RFC 5682): on such connections, and while a tail loss probe is out, all
 * are heard. Nor is an echo forgotten while something is being repaired: by it Eifel (RFC 3522)
 * sees that there was no need to.
 */
#include "base/checksum.h"
#include "base/seq.h"
#include "stack/internal.h"
#include "wire/ipv6.h"

enum {
    FRAME_BYTES_MIN = ETH_HEADER_BYTES + IPV4_HEADER_BYTES + TCP_HEADER_BYTES,
    SACK_BYTES = 4, /* of the option, with its padding, in front of the blocks */
    SACK_BLOCK_BYTES = 8,
    SACK_ALONE = 0x01010500, /* the option's first word, less its length */
};

/* An ACK and nothing else, its options aligned as RFC 7323 appendix A shows. */
struct pure_ack {
    const uint8_t *frame;
    uint8_t at;     /* of the TCP header; 0: it is something else */
    uint8_t len;    /* of the TCP header */
    uint8_t stamps; /* bytes of the timestamps; behind them are the SACK blocks */
    uint8_t blocks;
};

static const uint8_t *sack_of(const struct pure_ack *ack)
{
    return ack->frame + ack->at + TCP_HEADER_BYTES + ack->stamps + SACK_BYTES;
}

static inline bool same(const uint8_t *a, const uint8_t *b, uint32_t from, uint32_t to)
{
    return memcmp(a + from, b + from, to - from) == 0;
}

/* Where the TCP header of an untagged frame stands, and how long TCP is; 0: there is none, or IP
 * has options. */
static inline uint32_t tcp_at(const struct frame *frame, uint32_t *len)
{
    const uint8_t *ip = frame->data + ETH_HEADER_BYTES;
    uint16_t type = get_be16(frame->data + 12);

    if (type == ETH_TYPE_IPV4 && ip[0] == 0x45 && ip[9] == IP_PROTOCOL_TCP &&
        (get_be16(ip + 6) & IPV4_FRAGMENT) == 0) {
        *len = get_be16(ip + 2) - (uint32_t)IPV4_HEADER_BYTES;
        return ETH_HEADER_BYTES + IPV4_HEADER_BYTES;
    }
    if (type == ETH_TYPE_IPV6 && ip[0] >> 4 == 6 && ip[6] == IP_PROTOCOL_TCP) {
        *len = get_be16(ip + 4);
        return ETH_HEADER_BYTES + IPV6_HEADER_BYTES;
    }
    return 0;
}

/* Of a frame of FRAME_BYTES_MIN at least. */
static inline struct pure_ack pure_ack(const struct frame *frame)
{
    const struct pure_ack none = { .at = 0 };
    uint32_t len, at = tcp_at(frame, &len);

    if (at == 0 || len < TCP_HEADER_BYTES || frame->len < at + len)
        return none;
    const uint8_t *p = frame->data + at;
    if (p[12] >> 4 != len / 4 || len % 4 != 0 || p[13] != TCP_ACK)
        return none;
    struct pure_ack ack = { .frame = frame->data, .at = (uint8_t)at, .len = (uint8_t)len };
    uint32_t options = len - TCP_HEADER_BYTES;
    p += TCP_HEADER_BYTES;
    if (options >= TIMESTAMPS_BYTES && get_be32(p) == TCP_TIMESTAMPS_ALONE) {
        ack.stamps = TIMESTAMPS_BYTES;
        options -= TIMESTAMPS_BYTES;
    }
    if (options == 0)
        return ack;
    if (options % SACK_BLOCK_BYTES != SACK_BYTES || options == SACK_BYTES ||
        get_be32(p + ack.stamps) != SACK_ALONE + options - 2)
        return none;
    ack.blocks = (uint8_t)(options / SACK_BLOCK_BYTES);
    return ack;
}

/* Whether two frames are from one host to another: IPv4's addresses, and half of IPv6's source. */
static inline bool may_be_alike(const struct frame *a, const struct frame *b)
{
    return a->len >= FRAME_BYTES_MIN && b->len >= FRAME_BYTES_MIN && same(a->data, b->data, 26, 34);
}

/* Whether b is of the same connection, and its headers are alike but for what may differ, and for
 * the TCP header's length and flags. */
static inline bool alike(const struct pure_ack *a, const struct frame *b)
{
    const uint8_t *x = a->frame, *y = b->data;

    if (b->len < a->at + (uint32_t)TCP_HEADER_BYTES || !same(x + a->at, y + a->at, 0, 8))
        return false; /* ports, sequence number */
    /* IPv4: all but length, identification and checksum; IPv6: but the length. */
    return a->at == ETH_HEADER_BYTES + IPV4_HEADER_BYTES
               ? same(x, y, 0, 16) && same(x, y, 20, 24) && same(x, y, 26, 34)
               : same(x, y, 0, 18) && same(x, y, 20, 54);
}

/* Whether b, a frame alike, has the shape of a, which has no SACK blocks. */
static inline bool of_one_shape(const struct pure_ack *a, const struct frame *b)
{
    const uint8_t *x = a->frame, *y = b->data, *p = x + a->at, *q = y + a->at;
    uint32_t length_at = a->at == ETH_HEADER_BYTES + IPV4_HEADER_BYTES ? 16 : 18;

    return a->blocks == 0 && b->len >= a->at + (uint32_t)a->len &&
           same(x, y, length_at, length_at + 2) && same(p, q, 12, 14) &&
           (a->stamps == 0 || same(p, q, 20, 24));
}

/* Whether all blocks of a, if it has any, are in b, which has one more, or the first of them
 * longer: above all that a says. So the first is no D-SACK. */
static bool sacks_more(const struct pure_ack *a, const struct pure_ack *b)
{
    const uint8_t *p = sack_of(a), *q = sack_of(b);
    uint32_t top = get_be32(a->frame + a->at + 8);
    unsigned more = b->blocks - (unsigned)a->blocks;

    if (more > 1)
        return false;
    for (unsigned i = 1; i < b->blocks; i++) {
        const uint8_t *known = p + (i - more) * SACK_BLOCK_BYTES;
        uint32_t end = get_be32(known + 4);
        if (!same(known, q + i * SACK_BLOCK_BYTES, 0, SACK_BLOCK_BYTES))
            return false;
        top = seq_lt(top, end) ? end : top;
    }
    if (!seq_lt(top, get_be32(q)))
        return false;
    return more != 0 || (same(p, q, 0, 4) && seq_leq(get_be32(p + 4), get_be32(q + 4)));
}

/* Whether b has timestamps as a has, that are not older. Of what is being repaired the echo says
 * something, so it must be the same. */
static inline bool stamps_follow(const struct pure_ack *a, const struct pure_ack *b, bool calm)
{
    const uint8_t *p = a->frame + a->at, *q = b->frame + b->at;

    if (a->stamps != b->stamps)
        return false;
    return a->stamps == 0 ||
           (!seq_lt(get_be32(q + 24), get_be32(p + 24)) && (calm || same(p, q, 28, 32)));
}

/* Whether the frame is of the connection of *ack, and says all that it says and more; if so, *ack
 * is it. */
static inline bool replace(struct pure_ack *ack, const struct frame *frame, bool calm)
{
    struct pure_ack next = *ack;

    if (!alike(ack, frame))
        return false;
    if (LIKELY(of_one_shape(ack, frame)))
        next.frame = frame->data;
    else
        next = pure_ack(frame);
    if (next.at == 0 || !stamps_follow(ack, &next, calm))
        return false;
    int32_t acked =
        (int32_t)(get_be32(next.frame + next.at + 8) - get_be32(ack->frame + ack->at + 8));
    if (next.blocks == 0 ? ack->blocks != 0 || acked <= 0 : acked != 0 || !sacks_more(ack, &next))
        return false;
    *ack = next;
    return true;
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
static const struct tcp_conn *connection(struct stack *s, const struct tcp_key *key)
{
    uint32_t hash, index = stack_flow(s, key, &hash);

    return index < FLOW_TIME_WAIT && tcp_hears_trains(&s->tcp.conn[index]) ? &s->tcp.conn[index]
                                                                           : NULL;
}

static bool checksums_good(const struct frame *frame, uint32_t at, const struct tcp_key *key)
{
    const uint8_t *ip = frame->data + ETH_HEADER_BYTES, *p = frame->data + at;
    uint32_t len = (uint32_t)(p[12] >> 4) * 4;

    if (at == ETH_HEADER_BYTES + IPV4_HEADER_BYTES &&
        (frame->flags & FRAME_IP_CHECKSUM_GOOD) == 0 &&
        checksum_fold(checksum_native_known(ip, IPV4_HEADER_BYTES)) != 0xffff)
        return false;
    if ((frame->flags & FRAME_L4_CHECKSUM_GOOD) != 0)
        return true;
    uint64_t sum = checksum_native_usual(p, len, TCP_HEADER_BYTES + TIMESTAMPS_BYTES)
                   << 8; /* in host order */
    return checksum_fold(ip_pseudo_sum_wide(&key->remote, &key->local, IP_PROTOCOL_TCP) + len +
                         sum) == 0xffff;
}

/* Whether the last of a train, which stands for all, is true, and tells of nothing that was not
 * sent. */
static bool last_good(const struct tcp_conn *c, const struct frame *frame,
                      const struct pure_ack *last, const struct tcp_key *key)
{
    uint32_t top =
        last->blocks != 0 ? get_be32(sack_of(last) + 4) : get_be32(last->frame + last->at + 8);

    return tcp_ack_sent(c, top) && checksums_good(frame, last->at, key);
}

unsigned stack_acks_needless(struct stack *s, const struct frame *frames, unsigned n)
{
    unsigned needless = 0;
    uint64_t bytes = 0;

    if (n < 2 || !may_be_alike(&frames[0], &frames[1]))
        return 0;
    struct pure_ack last = pure_ack(&frames[0]);
    if (last.at == 0 || !alike(&last, &frames[1]))
        return 0;
    struct tcp_key key = key_of(&frames[0], last.at);
    const struct tcp_conn *c = connection(s, &key);
    if (c == NULL)
        return 0;
    bool calm = tcp_calm(c);
    while (needless + 1 < n && frames[needless + 1].flags == frames[0].flags &&
           replace(&last, &frames[needless + 1], calm))
        bytes += frames[needless++].len;
    if (needless == 0 || !last_good(c, &frames[needless], &last, &key))
        return 0;
    COUNT_N(s->config.counters, rx_frames, needless);
    COUNT_N(s->config.counters, rx_bytes, bytes);
    COUNT_N(s->config.counters, tcp_in, needless);
    COUNT_N(s->config.counters, tcp_ack_needless, needless);
    return needless;
}
