/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer.h"

#include <check.h>
#include <string.h>

#include "base/checksum.h"
#include "tcp/conn.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/ipv6.h"

const struct mac_addr PEER_SERVER_MAC = { { 2, 0, 0, 0, 0, 2 } };
const struct mac_addr PEER_CLIENT_MAC = { { 2, 0, 0, 0, 0, 1 } };

const struct tcp_segment PEER_DEFAULT_OPTIONS = {
    .has_mss = true,
    .mss = PEER_MSS,
    .sack_permitted = true,
    .has_window_scale = true,
    .window_scale = 7,
};

/* The application. */

static bool app_open(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct peer *p = ctx;

    (void)now;
    p->conn = conn;
    p->opened += !p->refuse;
    return !p->refuse;
}

static size_t app_receive(void *ctx, struct tcp_conn *conn, const uint8_t *data, size_t len,
                          uint64_t now)
{
    struct peer *p = ctx;

    (void)data;
    (void)now;
    if (p->stuck)
        return 0;
    p->received += len;
    if (p->body != 0) {
        p->stream_end += p->body;
        p->body = 0;
        tcp_stream_extend(conn, p->stream_end);
        if (p->close_after)
            tcp_close(conn);
    }
    return len;
}

static void app_receive_end(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    struct peer *p = ctx;

    (void)now;
    p->ended++;
    if (p->acked == p->stream_end)
        tcp_close(conn);
}

static uint8_t payload[70000];

static uint32_t app_resolve(void *ctx, struct tcp_conn *conn, uint64_t from, uint32_t len,
                            struct tx_fill *fill)
{
    struct peer *p = ctx;

    (void)conn;
    ck_assert_uint_le(from + len, p->stream_end);
    uint32_t room, done = 0;
    while (done < len && (room = tx_fill_room(fill)) != 0) {
        uint32_t n = len - done < room ? len - done : room;
        uint32_t at = (from + done) % (sizeof(payload) / 2); /* one behind the other, but there */
        n = n < sizeof(payload) / 2 ? n : (uint32_t)sizeof(payload) / 2;
        const uint8_t *data = payload + at;
        const struct tx_extent extent = { .data = data,
                                          .len = n,
                                          .sum = fill->want_sums ? checksum_bytes(data, n) : 0,
                                          .pin = &p->pin };
        tx_fill_extent(fill, &extent);
        done += n;
    }
    return done;
}

static void app_acknowledged(void *ctx, struct tcp_conn *conn, uint64_t upto, uint64_t now)
{
    struct peer *p = ctx;

    (void)conn;
    (void)now;
    ck_assert_uint_ge(upto, p->acked);
    p->acked = upto;
}

static void app_deadline(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    (void)ctx;
    (void)now;
    tcp_abort(conn);
}

static void app_drain(void *ctx, struct tcp_conn *conn, uint64_t now)
{
    (void)ctx;
    (void)now;
    tcp_close(conn);
}

static void app_closed(void *ctx, struct tcp_conn *conn, enum tcp_close_reason reason)
{
    struct peer *p = ctx;

    (void)conn;
    p->closed++;
    p->reason = reason;
    p->conn = NULL;
}

static const struct tcp_app app = { app_open,         app_receive,  app_receive_end, app_resolve,
                                    app_acknowledged, app_deadline, app_drain,       app_closed };

struct ip_addr peer_address(const char *text)
{
    struct ip_addr a;

    ck_assert(ip_addr_parse(text, &a));
    return a;
}

static void hear_of_client(struct peer *p, struct ip_addr ip)
{
    struct stack_news news = { .kind = STACK_NEWS_NEIGHBOUR, .ip = ip, .mac = PEER_CLIENT_MAC };

    stack_hear(p->stack, &news, p->now);
}

void peer_start(struct peer *p, void (*change)(struct stack_config *config))
{
    struct stack_config config;

    memset(p, 0, sizeof(*p));
    for (size_t i = 0; i < sizeof(payload); i++)
        payload[i] = (uint8_t)(i * 31);
    p->now = 1000 * NS_PER_S;
    p->port = 40000;
    p->server_port = 80;
    p->iss = 0xfffffff0u; /* wraps early */
    stack_config_defaults(&config);
    config.mac = PEER_SERVER_MAC;
    config.address[0] = (struct stack_address){ ip_addr_from_v4(SERVER_IP), 24 };
    config.address[1] = (struct stack_address){ peer_address(SERVER_IP6), 64 };
    config.address_count = 2;
    config.dad_probes = 0;
    config.connections_max = 64;
    config.ranges_max = 256;
    config.rx_buffers_max = 2;
    config.seed[0] = PEER_SEED0;
    config.app = &app;
    config.app_ctx = p;
    config.counters = &p->counters;
    config.tcp.pacing = false; /* most tests count what an ACK allows */
    if (change != NULL)
        change(&config);
    p->stack = stack_create(&config, p->now);
    ck_assert_ptr_nonnull(p->stack);
    hear_of_client(p, ip_addr_from_v4(CLIENT_IP));
    hear_of_client(p, peer_address(CLIENT_IP6));
}

void peer_start_v6(struct peer *p, void (*change)(struct stack_config *config))
{
    peer_start(p, change);
    p->v6 = true;
}

void peer_stop(struct peer *p)
{
    stack_destroy(p->stack);
}

/* Checks a packet as a receiver would and notes it. */
static void collect_one(struct peer *p, const struct tx_slot *slot)
{
    static uint8_t frame[80000];
    struct ip_packet ip;
    struct eth_header eth;
    uint32_t len = slot->head_len;

    memcpy(frame, slot->head, slot->head_len);
    for (unsigned i = 0; i < slot->extent_count; i++) {
        memcpy(frame + len, slot->extent[i].data, slot->extent[i].len);
        len += slot->extent[i].len;
    }
    eth = eth_parse(frame);
    ck_assert(mac_addr_equal(&eth.src, &PEER_SERVER_MAC));
    uint32_t at = ETH_HEADER_BYTES;
    if (p->vlan != 0) {
        ck_assert_uint_eq(eth.type, ETH_TYPE_VLAN);
        ck_assert_uint_eq(get_be16(frame + at), p->vlan);
        eth.type = get_be16(frame + at + 2);
        at += ETH_TAG_BYTES;
    }
    if (eth.type == ETH_TYPE_ARP) {
        p->arp_count++;
        return;
    }
    if (eth.type == ETH_TYPE_IPV6)
        ck_assert_int_eq(ipv6_parse(frame + at, len - at, &ip), IP_PARSE_OK);
    else
        ck_assert_int_eq(ipv4_parse(frame + at, len - at, false, &ip), IP_PARSE_OK);
    ck_assert_uint_lt(p->out_count, PEER_OUT);
    if (ip.protocol != IP_PROTOCOL_TCP) {
        ck_assert_uint_le(len, sizeof(p->other));
        memcpy(p->other, frame, len);
        p->other_len = len;
        p->other_count++;
        return;
    }
    ck_assert_uint_eq(slot->l2_len, at);
    if (slot->tcp) /* no control frame, which is finished */
        ck_assert_uint_eq(slot->l3_len + slot->l2_len + slot->l4_len + slot->payload_len, len);
    struct tcp_segment *seg = &p->out[p->out_count++];
    ck_assert_int_eq(tcp_segment_parse(&ip, p->tx_checksum, seg), TCP_PARSE_OK);
    seg->payload = NULL;
    if ((seg->flags & TCP_SYN) != 0) {
        p->server_iss = seg->seq;
        p->server_port = seg->src_port;
    }
    seg->seq -= p->server_iss;
    seg->ack -= p->iss;
}

static void collect(struct peer *p)
{
    struct tx_slot slots[16];
    unsigned n;

    do {
        for (unsigned i = 0; i < 16; i++)
            slots[i] = (struct tx_slot){ .head = p->head[i], .head_capacity = sizeof(p->head[i]) };
        n = stack_output(p->stack, slots, 16, p->now);
        for (unsigned i = 0; i < n; i++) {
            if (slots[i].packets > 1) {
                p->runs++;
                tx_run_split(&slots[i]);
            }
            collect_one(p, &slots[i]);
        }
    } while (n == 16);
}

void peer_frame(struct peer *p, const uint8_t *frame, uint32_t len)
{
    struct frame f = { .data = frame, .len = len, .flags = p->frame_flags };

    if (p->held) {
        unsigned n = p->held_count++;
        ck_assert(n < PEER_BURST && len <= sizeof(p->held_bytes[n]));
        f.data = memcpy(p->held_bytes[n], frame, len);
        p->held_frame[n] = f;
        return;
    }
    p->out_count = p->other_count = 0;
    stack_input(p->stack, &f, 1, p->now);
    collect(p);
}

void peer_hold(struct peer *p)
{
    p->held = true;
    p->held_count = 0;
}

void peer_release(struct peer *p)
{
    p->held = false;
    p->out_count = p->other_count = 0;
    stack_input(p->stack, p->held_frame, p->held_count, p->now);
    collect(p);
}

void peer_packet(struct peer *p, const struct ip_addr *from, const struct ip_addr *to,
                 uint8_t protocol, uint8_t hop_limit, const uint8_t *bytes, uint32_t len)
{
    uint8_t frame[18 + 40 + 2100];
    struct ip_addr src = p->v6 ? peer_address(CLIENT_IP6) : ip_addr_from_v4(CLIENT_IP);
    struct ip_addr dst = p->v6 ? peer_address(SERVER_IP6) : ip_addr_from_v4(SERVER_IP);
    uint32_t header = p->v6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;

    src = from != NULL ? *from : src;
    dst = to != NULL ? *to : dst;
    struct mac_addr mac =
        p->v6 && ip_addr_is_multicast_v6(&dst) ? ipv6_multicast_mac(&dst) : PEER_SERVER_MAC;
    uint32_t at = eth_emit_tagged(frame, &mac, &PEER_CLIENT_MAC, p->vlan,
                                  p->v6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4);
    if (p->v6)
        ipv6_emit(frame + at, &src, &dst, protocol, p->traffic_class, 0, hop_limit, len);
    else
        ipv4_emit(frame + at, &src, &dst, protocol, p->traffic_class, header + len, false);
    memcpy(frame + at + header, bytes, len);
    peer_frame(p, frame, at + header + len);
}

void peer_icmpv6(struct peer *p, const struct ip_addr *from, const struct ip_addr *to,
                 uint8_t hop_limit, uint8_t *message, uint32_t len)
{
    struct ip_addr src = from != NULL ? *from : peer_address(CLIENT_IP6);
    struct ip_addr dst = to != NULL ? *to : peer_address(SERVER_IP6);

    put_be16(message + 2, 0);
    uint64_t sum = (uint64_t)ip_pseudo_sum(&src, &dst, IP_PROTOCOL_ICMPV6) + len +
                   checksum_bytes(message, len);
    put_be16(message + 2, (uint16_t)~checksum_fold(sum));
    peer_packet(p, &src, &dst, IP_PROTOCOL_ICMPV6, hop_limit, message, len);
}

void peer_send(struct peer *p, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t payload_len,
               const struct tcp_segment *options)
{
    uint8_t tcp[60 + 2000] = { 0 };
    struct tcp_segment seg = { 0 };

    if (options != NULL)
        seg = *options;
    seg.src_port = p->port;
    seg.dst_port = p->server_port;
    seg.seq = seq + p->iss;
    seg.ack = (flags & TCP_ACK) != 0 ? ack + p->server_iss : 0;
    seg.flags = flags;
    if (seg.window == 0 && (options == NULL || !options->payload_len)) /* payload_len 1: window 0 */
        seg.window = 65535;
    for (unsigned i = 0; i < seg.sack_count; i++) {
        seg.sack[i].start += p->server_iss;
        seg.sack[i].end += p->server_iss;
    }
    struct ip_addr src = p->v6 ? peer_address(CLIENT_IP6) : ip_addr_from_v4(CLIENT_IP);
    struct ip_addr dst = p->v6 ? peer_address(SERVER_IP6) : ip_addr_from_v4(SERVER_IP);
    uint32_t len = tcp_segment_emit(tcp, &seg) + payload_len;
    memset(tcp + len - payload_len, 'r', payload_len);
    uint64_t sum =
        (uint64_t)ip_pseudo_sum(&src, &dst, IP_PROTOCOL_TCP) + len + checksum_bytes(tcp, len);
    tcp_checksum_put(tcp, (uint16_t)~checksum_fold(sum));
    p->traffic_class = seg.ip_ecn;
    peer_packet(p, &src, &dst, IP_PROTOCOL_TCP, 64, tcp, len);
    p->traffic_class = 0;
}

void peer_wait(struct peer *p, uint64_t ns)
{
    uint64_t end = p->now + ns;

    p->out_count = p->other_count = 0;
    for (;;) {
        uint64_t next = stack_deadline(p->stack);
        if (next > end)
            break;
        if (next > p->now)
            p->now = next;
        collect(p);
    }
    p->now = end;
}

void peer_handshake(struct peer *p, const struct tcp_segment *options)
{
    if (options == NULL)
        options = &PEER_DEFAULT_OPTIONS;
    peer_send(p, TCP_SYN, 0, 0, 0, options);
    const struct tcp_segment *syn_ack = peer_only(p);
    ck_assert_uint_eq(syn_ack->flags, TCP_SYN | TCP_ACK);
    ck_assert_uint_eq(syn_ack->ack, 1);
    p->now += PEER_RTT_NS;
    struct tcp_segment ack = { .has_timestamps = options->has_timestamps,
                               .ts_value = options->ts_value };
    peer_send(p, TCP_ACK, 1, 1, 0, &ack);
    ck_assert_uint_eq(p->out_count, 0);
    ck_assert_uint_eq(p->opened, 1);
}

void peer_request(struct peer *p, uint64_t body)
{
    p->body = body;
    peer_send(p, TCP_ACK | TCP_PSH, 1, 1, 1, NULL);
}

void peer_established(struct peer *p)
{
    peer_start(p, NULL);
    peer_handshake(p, NULL);
}

void peer_advance(struct peer *p, uint64_t bytes)
{
    struct tcp_conn *c = p->conn;
    uint32_t low = (uint32_t)bytes;

    ck_assert(c->ranges.head == RANGE_NONE && c->rx == NULL && c->rcv_fin == 0);
    c->iss -= low;
    c->irs -= low;
    c->snd_una += bytes;
    c->snd_nxt += bytes;
    c->snd_max += bytes;
    c->snd_end += bytes;
    c->snd_edge += bytes;
    c->rack_fack += low;
    c->rcv_nxt += bytes;
    c->rcv_taken += bytes;
    c->rcv_edge += low;
    c->last_ack_sent += low;
    p->stream_end += bytes;
}

uint64_t peer_payload(const struct peer *p)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < p->out_count; i++)
        bytes += p->out[i].payload_len;
    return bytes;
}

const struct tcp_segment *peer_only(const struct peer *p)
{
    ck_assert_uint_eq(p->out_count, 1);
    return &p->out[0];
}
