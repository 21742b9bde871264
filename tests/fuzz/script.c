/* SPDX-License-Identifier: BSD-3-Clause */
#include "script.h"

#include <string.h>

#include "base/checksum.h"
#include "stack/internal.h"
#include "wire/arp.h"
#include "wire/icmp.h"
#include "wire/ndp.h"

#define DEADLINE_FARTHEST_NS (UINT64_C(1000000) * NS_PER_S)

enum { PAYLOAD_MAX = 9000, HEADERS_MAX = 128, DATA_MAX = 255 };

static const char *const requests[] = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /large HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /medium HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /long HTTP/1.1\r\nHost: a\r\n\r\n",
    "HEAD /plain HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /plain HTTP/1.1\r\nHost: a\r\nRange: bytes=3-4099\r\n\r\n",
    "GET /medium HTTP/1.0\r\n\r\n",
    "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHo",
    ("GET /odd.txt HTTP/1.1\r\nHost: a\r\n\r\nGET /one HTTP/1.1\r\nHost: a\r\n\r\n"
     "GET /large HTTP/1.1\r\nHost: a\r\n\r\nGET /dir HTTP/1.1\r\nHost: a\r\n\r\n"),
    "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
};

static struct world_peer *peer_next(struct script *s)
{
    return &s->world->peer[input_u8(&s->in) % WORLD_PEERS];
}

/* ------------------------------------------------------------------------------ making frames */

/* The frame as it was, or with one byte changed, or cut; then it comes in. */
static void deliver(struct script *s, uint8_t *frame, size_t len, uint32_t flags)
{
    if (s->tweak_xor != 0 && len > 0) {
        frame[s->tweak_at % len] ^= s->tweak_xor;
        if ((s->tweak_how & 1) != 0)
            flags |= FRAME_IP_CHECKSUM_GOOD | FRAME_L4_CHECKSUM_GOOD;
        if ((s->tweak_how & 2) != 0)
            len -= len < s->tweak_xor ? len : s->tweak_xor;
        s->tweak_xor = 0;
    }
    world_frame(s->world, frame, len, flags);
    world_audit(s->world, false);
}

/* What stands in front of what a peer says. */
static size_t header_bytes(const struct world_peer *peer)
{
    return ETH_HEADER_BYTES +
           (ip_addr_is_v4(&peer->ip) ? IPV4_HEADER_BYTES : (size_t)IPV6_HEADER_BYTES);
}

/* Ethernet and IP headers in front of len bytes at frame + header_bytes(); returns the frame's
 * length. */
static size_t wrap(const struct script *s, const struct world_peer *peer, uint8_t *frame,
                   uint8_t protocol, uint8_t ecn, size_t len)
{
    const struct ip_addr *to = world_server_ip(s->world, peer);
    bool v4 = ip_addr_is_v4(&peer->ip);
    uint8_t *ip = frame + ETH_HEADER_BYTES;

    eth_emit(frame, &WORLD_SERVER_MAC, &peer->mac, v4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6);
    if (v4)
        ipv4_emit(ip, &peer->ip, to, protocol, ecn, (uint32_t)(IPV4_HEADER_BYTES + len), false);
    else
        ipv6_emit(ip, &peer->ip, to, protocol, ecn, 0, NDP_HOP_LIMIT, (uint32_t)len);
    return header_bytes(peer) + len;
}

/* Sends seg from peer; seg->payload may be NULL with a length: anything then. */
static void send_segment(struct script *s, struct world_peer *peer, struct tcp_segment *seg)
{
    static uint8_t frame[HEADERS_MAX + PAYLOAD_MAX];
    uint8_t *tcp = frame + header_bytes(peer);

    seg->src_port = peer->port;
    seg->dst_port = s->world->config.port[0];
    uint32_t len = tcp_segment_emit(tcp, seg);
    if (seg->payload != NULL)
        memcpy(tcp + len, seg->payload, seg->payload_len);
    else
        memset(tcp + len, 'x', seg->payload_len);
    len += seg->payload_len;
    uint64_t sum =
        (uint64_t)ip_pseudo_sum(&peer->ip, world_server_ip(s->world, peer), IP_PROTOCOL_TCP) + len +
        checksum_bytes(tcp, len);
    tcp_checksum_put(tcp, (uint16_t)~checksum_fold(sum));
    deliver(s, frame, wrap(s, peer, frame, IP_PROTOCOL_TCP, seg->ip_ecn, len), 0);
}

/* The peer's clock for timestamps. */
static uint32_t peer_clock(const struct script *s)
{
    return (uint32_t)(s->world->now / NS_PER_MS) + 0xfffff000u;
}

/* The next segment in order: sequence number, ACK of all, timestamps. Without a connection, as
 * after the last one. */
static struct tcp_segment in_order(const struct script *s, const struct world_peer *peer)
{
    const struct tcp_conn *c = world_conn(s->world, peer);
    struct tcp_segment seg = { .flags = TCP_ACK, .window = 65535 };

    if (c == NULL) {
        seg.seq = peer->seen.irs + 1;
        seg.ack = peer->seen.iss + (uint32_t)peer->seen.sent;
        return seg;
    }
    seg.seq = offset_to_seq(c->irs, c->rcv_nxt);
    seg.ack = offset_to_seq(c->iss, c->snd_nxt);
    seg.has_timestamps = c->ts_ok;
    seg.ts_value = peer_clock(s);
    seg.ts_echo = c->ctx->now_ms + c->ts_offset;
    return seg;
}

/* The ACK that brings back the latest SYN cookie. */
static struct tcp_segment answer_to_cookie(const struct script *s, const struct world_peer *peer)
{
    return (struct tcp_segment){ .flags = TCP_ACK,
                                 .seq = peer->cookie.ack,
                                 .ack = peer->cookie.seq + 1,
                                 .window = 65535,
                                 .has_timestamps = peer->cookie.has_timestamps,
                                 .ts_value = peer_clock(s),
                                 .ts_echo = peer->cookie.ts_value };
}

/* ------------------------------------------------------------------------------- operations */

static void op_open(struct script *s)
{
    static const uint16_t mss[] = { 1460, 536, 100, 8960 };
    struct world_peer *peer = peer_next(s);
    uint8_t options = input_u8(&s->in), more = input_u8(&s->in);
    struct tcp_segment syn = {
        .flags = TCP_SYN | ((more & 0x10) != 0 ? TCP_ECE | TCP_CWR : 0),
        /* Beyond what an old connection had, and near the wrap for some. */
        .seq = peer->seen.irs + 0x20000 + ((more & 0x80) != 0 ? 0xfffc0000u - peer->seen.irs : 0),
        .window = (more & 0x40) != 0   ? 0
                  : (more & 0x20) != 0 ? 1000
                                       : 65535,
        .has_mss = (options & 1) != 0,
        .mss = mss[options >> 6],
        .sack_permitted = (options & 2) != 0,
        .has_timestamps = (options & 4) != 0,
        .ts_value = peer_clock(s),
        .has_window_scale = (options & 8) != 0,
        .window_scale = more & 15,
    };

    send_segment(s, peer, &syn);
    if ((options & 0x10) != 0) /* only the SYN */
        return;
    world_output(s->world);
    if ((options & 0x20) != 0)
        world_advance(s->world, 20 * NS_PER_MS);
    const struct tcp_conn *c = world_conn(s->world, peer);
    struct tcp_segment ack = in_order(s, peer);
    if (c == NULL && peer->has_cookie)
        ack = answer_to_cookie(s, peer);
    else if (c == NULL || c->state != TCP_STATE_SYN_RECEIVED)
        return;
    ack.window = syn.window;
    send_segment(s, peer, &ack);
}

static void op_request(struct script *s)
{
    struct world_peer *peer = peer_next(s);
    const char *text = requests[input_u8(&s->in) % (sizeof(requests) / sizeof(requests[0]))];
    struct tcp_segment seg = in_order(s, peer);

    seg.flags |= TCP_PSH;
    seg.payload = (const uint8_t *)text;
    seg.payload_len = (uint32_t)strlen(text);
    send_segment(s, peer, &seg);
}

/* A place of what the peer received, in eighths of what is in flight. */
static uint64_t flight_at(const struct tcp_conn *c, unsigned eighths)
{
    return c->snd_una + (c->snd_nxt - c->snd_una) * (eighths > 8 ? 8 : eighths) / 8;
}

/* An ACK of so many eighths of the flight; more than 8: of one segment of the oldest. */
static struct tcp_segment ack_of(const struct script *s, const struct world_peer *peer, uint8_t how)
{
    const struct tcp_conn *c = world_conn(s->world, peer);
    struct tcp_segment seg = in_order(s, peer);

    if (c == NULL)
        return seg;
    uint64_t offset = flight_at(c, how & 15);
    if ((how & 15) > 8 && c->snd_una + c->mss <= c->snd_nxt)
        offset = c->snd_una + c->mss;
    seg.ack = offset_to_seq(c->iss, offset);
    return seg;
}

static void op_ack(struct script *s)
{
    struct world_peer *peer = peer_next(s);
    struct tcp_segment seg = ack_of(s, peer, input_u8(&s->in));

    seg.window = (uint16_t)~input_u16(&s->in);
    send_segment(s, peer, &seg);
}

/* The k-th range's start, or its end. */
static uint64_t range_at(const struct tcp_conn *c, uint8_t k)
{
    const struct range_pool *pool = &c->ctx->ranges;

    RANGE_FOREACH (i, &c->ranges, pool)
        if (k-- == 0)
            return pool->range[i].start;
    return c->snd_nxt;
}

static uint32_t sequence_base(const struct tcp_conn *c, uint8_t base)
{
    const uint64_t offsets[] = {
        c->rcv_nxt, c->rcv_edge,    c->rcv_taken,        0,
        c->rcv_fin, c->rcv_nxt - 1, c->snd_wl1 - c->irs, c->rcv_nxt + 1000
    };

    return offset_to_seq(c->irs, offsets[base & 7]);
}

static uint32_t ack_base(const struct tcp_conn *c, uint8_t base)
{
    const uint64_t offsets[] = { c->snd_nxt, c->snd_una,  c->snd_max,
                                 0,          c->snd_edge, conn_send_limit(c) };

    if ((base & 7) >= 6)
        return offset_to_seq(c->iss, range_at(c, base >> 3));
    return offset_to_seq(c->iss, offsets[base & 7]);
}

static int32_t delta(struct script *s)
{
    int32_t small = (int8_t)input_u8(&s->in);
    uint8_t shift = input_u8(&s->in) & 31;

    return (int32_t)((uint32_t)small << shift);
}

static void op_segment(struct script *s)
{
    struct world_peer *peer = peer_next(s);
    const struct tcp_conn *c = world_conn(s->world, peer);
    struct tcp_segment seg = in_order(s, peer);
    uint8_t base = input_u8(&s->in), options;

    seg.flags = input_u8(&s->in);
    if (c != NULL) {
        seg.seq = sequence_base(c, base);
        seg.ack = ack_base(c, input_u8(&s->in));
    }
    seg.seq += (uint32_t)delta(s);
    seg.ack += (uint32_t)delta(s);
    seg.window = (uint16_t)~input_u16(&s->in);
    seg.payload_len = input_u16(&s->in) % (PAYLOAD_MAX + 1);
    options = input_u8(&s->in);
    if ((options & 1) != 0)
        seg.has_timestamps = !seg.has_timestamps;
    if ((options & 2) != 0)
        seg.ts_value += (uint32_t)delta(s);
    if ((options & 4) != 0)
        seg.ts_echo += (uint32_t)delta(s);
    seg.sack_count = options >> 5 > TCP_SACK_BLOCKS_MAX ? TCP_SACK_BLOCKS_MAX : options >> 5;
    for (unsigned i = 0; i < seg.sack_count; i++) {
        seg.sack[i].start = (c != NULL ? ack_base(c, input_u8(&s->in)) : 0) + (uint32_t)delta(s);
        seg.sack[i].end = (c != NULL ? ack_base(c, input_u8(&s->in)) : 0) + (uint32_t)delta(s);
    }
    seg.ip_ecn = base >> 6;
    seg.has_mss = seg.has_window_scale = seg.sack_permitted = (options & 8) != 0;
    seg.mss = seg.payload_len;
    seg.window_scale = base;
    send_segment(s, peer, &seg);
}

static void op_data(struct script *s)
{
    struct world_peer *peer = peer_next(s);
    struct tcp_segment seg = in_order(s, peer);

    seg.seq += input_u8(&s->in);
    size_t len = input_u8(&s->in);
    seg.payload = input_bytes(&s->in, &len);
    seg.payload_len = (uint32_t)len;
    send_segment(s, peer, &seg);
}

static void op_sack(struct script *s)
{
    struct world_peer *peer = peer_next(s);
    const struct tcp_conn *c = world_conn(s->world, peer);
    struct tcp_segment seg = ack_of(s, peer, input_u8(&s->in));
    uint8_t n = input_u8(&s->in);

    if (c == NULL)
        return;
    for (unsigned i = 0; i < n % (TCP_SACK_BLOCKS_MAX + 1); i++) {
        uint8_t place = input_u8(&s->in);
        uint64_t from = flight_at(c, place & 7);
        uint64_t to = flight_at(c, (place & 7) + (place >> 3 & 7) + 1u);
        if ((place & 0x40) != 0) /* in whole segments, as receivers do */
            from -= (from - c->snd_una) % c->mss;
        if ((place & 0x80) != 0)
            to = from + c->mss < c->snd_nxt ? from + c->mss : c->snd_nxt;
        seg.sack[seg.sack_count++] =
            (struct sack_block){ offset_to_seq(c->iss, from), offset_to_seq(c->iss, to) };
    }
    send_segment(s, peer, &seg);
}

/* An error about a packet of ours: ICMP, or ICMPv6 with the MTU in 32 bits. */
static void op_icmp(struct script *s)
{
    uint8_t frame[HEADERS_MAX + 64] = { 0 };
    struct world_peer *peer = peer_next(s);
    const struct ip_addr *us = world_server_ip(s->world, peer);
    const struct tcp_conn *c = world_conn(s->world, peer);
    bool v4 = ip_addr_is_v4(&peer->ip);
    size_t ip_bytes = v4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
    size_t len = ICMP_HEADER_BYTES + ip_bytes + 8;
    uint8_t *icmp = frame + header_bytes(peer);
    uint8_t *quote = icmp + ICMP_HEADER_BYTES, *tcp = quote + ip_bytes;

    icmp[0] = input_u8(&s->in);
    icmp[1] = input_u8(&s->in);
    put_be16(icmp + 6, input_u16(&s->in));
    if (v4)
        ipv4_emit(quote, us, &peer->ip, IP_PROTOCOL_TCP, 0, 1500, false);
    else
        ipv6_emit(quote, us, &peer->ip, IP_PROTOCOL_TCP, 0, 0, 64, 1460);
    put_be16(tcp, s->world->config.port[0]);
    put_be16(tcp + 2, peer->port);
    put_be32(tcp + 4, c != NULL ? offset_to_seq(c->iss, flight_at(c, input_u8(&s->in) % 10)) : 0);
    uint8_t shape = input_u8(&s->in); /* the quote's header length, what is cut off */
    quote[0] ^= shape >> 6;
    len -= (shape & 63) % len;
    if (v4)
        put_be16(icmp + 2, (uint16_t)~checksum_bytes(icmp, len));
    else if (len >= 4)
        icmpv6_checksum_put(icmp, (uint32_t)len, &peer->ip, us);
    deliver(s, frame, wrap(s, peer, frame, v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6, 0, len), 0);
}

/* A router's advertisement: how long it serves, the link's MTU, a prefix. */
static uint32_t router_message(struct script *s, uint8_t *p)
{
    uint8_t how = input_u8(&s->in);

    memset(p, 0, 16 + 8 + 32);
    p[0] = NDP_ROUTER_ADVERTISEMENT;
    p[4] = 64;
    put_be16(p + 6, (how & 1) != 0 ? 1800 : 0);
    p[16] = 5; /* MTU */
    p[17] = 1;
    put_be32(p + 20, input_u16(&s->in));
    p[24] = 3; /* prefix */
    p[25] = 4;
    p[26] = input_u8(&s->in);
    p[27] = how & 0xc0;
    put_be32(p + 28, (how & 2) != 0 ? UINT32_MAX : input_u16(&s->in));
    put_be32(p + 32, (how & 4) != 0 ? UINT32_MAX : input_u16(&s->in));
    put_be32(p + 40, 0xfd000000u | input_u8(&s->in));
    return 16 + 8 + 32;
}

/* Neighbour discovery with right checksums: solicitations, advertisements, routers. */
static void neighbour(struct script *s, struct world_peer *peer, uint8_t kind)
{
    uint8_t frame[HEADERS_MAX + 64] = { 0 };
    struct world_peer from = *peer;
    struct ip_addr dst = *world_server_ip(s->world, peer), target = dst;
    struct mac_addr mac = peer->mac;
    uint8_t *p = frame + header_bytes(peer);
    uint32_t len;

    if ((kind & 4) != 0)
        mac.b[5] ^= kind;
    if ((kind & 8) != 0)
        from.ip.b[15] = kind; /* many neighbours */
    if ((kind & 16) != 0)
        from.ip = (struct ip_addr){ .b = { 0xfe, 0x80, [15] = kind } };
    if ((kind & 3) != 0)
        target = from.ip;
    if ((kind & 32) != 0)
        target = (struct ip_addr){ .b = { 0xfe, 0x80, [15] = kind } };
    if ((kind & 3) == 2)
        len = router_message(s, p);
    else
        len =
            ndp_emit(p, (kind & 3) == 1 ? NDP_NEIGHBOUR_ADVERTISEMENT : NDP_NEIGHBOUR_SOLICITATION,
                     (kind & 3) == 1 ? kind & 0xe0 : 0, &target, (kind & 64) != 0 ? NULL : &mac);
    if ((kind & 0x80) != 0)
        dst = ipv6_solicited_node(&dst);
    icmpv6_checksum_put(p, len, &from.ip, &dst);
    size_t bytes = wrap(s, &from, frame, IP_PROTOCOL_ICMPV6, 0, len);
    memcpy(frame + ETH_HEADER_BYTES + 24, dst.b, 16);
    if ((kind & 0x80) != 0)
        memcpy(frame, ipv6_multicast_mac(&dst).b, 6);
    deliver(s, frame, bytes, 0);
}

static void op_arp(struct script *s)
{
    uint8_t frame[ETH_HEADER_BYTES + ARP_BYTES];
    struct world_peer *peer = peer_next(s);
    uint8_t kind = input_u8(&s->in);

    if (!ip_addr_is_v4(&peer->ip)) {
        neighbour(s, peer, kind);
        return;
    }
    struct arp_packet arp = { .operation = (kind & 1) != 0 ? ARP_REPLY : ARP_REQUEST,
                              .sender_mac = peer->mac,
                              .target_mac = WORLD_SERVER_MAC,
                              .sender_ip = peer->ip,
                              .target_ip = s->world->config.address[0].ip };

    if ((kind & 2) != 0)
        arp.sender_mac.b[5] ^= kind;
    if ((kind & 4) != 0)
        arp.sender_ip = ip_addr_from_v4(0x0a470000u + kind); /* many neighbours */
    if ((kind & 8) != 0)
        arp.target_ip = ip_addr_from_v4(GATEWAY_IP);
    eth_emit(frame, (kind & 16) != 0 ? &MAC_BROADCAST : &WORLD_SERVER_MAC, &arp.sender_mac,
             ETH_TYPE_ARP);
    arp_emit(frame + ETH_HEADER_BYTES, &arp);
    deliver(s, frame, sizeof(frame), 0);
}

static void op_raw(struct script *s)
{
    uint8_t frame[2048];
    uint32_t flags = input_u8(&s->in) & 3;
    size_t len = input_u16(&s->in) % sizeof(frame);
    const uint8_t *bytes = input_bytes(&s->in, &len);

    memcpy(frame, bytes, len);
    deliver(s, frame, len, flags);
}

static void op_control(struct script *s)
{
    struct world *w = s->world;
    uint8_t which = input_u8(&s->in);
    const struct world_peer *peer = &w->peer[which / 8 % WORLD_PEERS];

    w->contract.now = w->now;
    switch (which % 8) {
    case 0:
        stack_drain(w->stack, w->now);
        break;
    case 1:
        stack_abort_all(w->stack, w->now);
        break;
    case 2:
        stack_announce(w->stack);
        break;
    case 3:
        w->deaf = !w->deaf;
        break;
    default:
        stack_hear(
            w->stack,
            &(struct stack_news){ .kind = STACK_NEWS_NEIGHBOUR, .ip = peer->ip, .mac = peer->mac },
            w->now);
        break;
    }
}

static void op_cookie(struct script *s)
{
    struct world_peer *peer = peer_next(s);
    struct tcp_segment seg = answer_to_cookie(s, peer);
    const char *text = requests[input_u8(&s->in) % (sizeof(requests) / sizeof(requests[0]))];

    seg.payload = (const uint8_t *)text;
    seg.payload_len = (uint32_t)strlen(text);
    seg.ts_echo ^= input_u8(&s->in);
    send_segment(s, peer, &seg);
}

static void op_close(struct script *s)
{
    struct world_peer *peer = peer_next(s);
    struct tcp_segment seg = in_order(s, peer);

    seg.flags |= (input_u8(&s->in) & 1) != 0 ? TCP_RST : TCP_FIN;
    send_segment(s, peer, &seg);
}

static void op_deadline(struct script *s)
{
    struct world *w = s->world;
    uint64_t next = stack_deadline(w->stack);

    /* What a router gives for ever ends after some centuries: the clock does not go there. */
    if (next > w->now && next - w->now < DEADLINE_FARTHEST_NS)
        w->now = next;
    s->hold = 0;
}

void script_step(struct script *s)
{
    struct world *w = s->world;

    switch ((enum script_op)(input_u8(&s->in) % SCRIPT_OPS)) {
    case OP_OPEN:
        op_open(s);
        break;
    case OP_REQUEST:
        op_request(s);
        break;
    case OP_ACK:
        op_ack(s);
        break;
    case OP_SEGMENT:
        op_segment(s);
        break;
    case OP_DATA:
        op_data(s);
        break;
    case OP_SACK:
        op_sack(s);
        break;
    case OP_TIME:
        world_advance(w, (UINT64_C(1) << input_u8(&s->in) % 28) * NS_PER_US);
        break;
    case OP_DEADLINE:
        op_deadline(s);
        break;
    case OP_ICMP:
        op_icmp(s);
        break;
    case OP_ARP:
        op_arp(s);
        break;
    case OP_RAW:
        op_raw(s);
        break;
    case OP_TWEAK:
        s->tweak_at = input_u8(&s->in);
        s->tweak_xor = input_u8(&s->in);
        s->tweak_how = input_u8(&s->in);
        return;
    case OP_HOLD:
        s->hold = input_u8(&s->in) % 32;
        return;
    case OP_CONTROL:
        op_control(s);
        break;
    case OP_CLOSE:
        op_close(s);
        break;
    case OP_COOKIE:
        op_cookie(s);
        break;
    case SCRIPT_OPS:
        break;
    }
    if (s->hold > 0)
        s->hold--;
    else
        world_output(w);
}
