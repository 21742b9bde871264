/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <string.h>

#include "audit.h"
#include "site.h"
#include "stack/internal.h"
#include "wire/arp.h"
#include "wire/ndp.h"

enum {
    BURST_MAX = 32,
    SITE_FILE_MAX = 200000,
    /* Longer than every time-out of TCP and HTTP, one after the other. */
    SETTLE_S = 1200,
    /* Calls of stack_output() at one time that send nothing and still want another one: each looks
     * at up to 256 connections. */
    SPIN_MAX = 8,
    /* Packets sent at one time while nothing comes in: windows, SACKed holes and control frames
     * bound them. */
    FLOOD_MAX = 100000,
};

const struct mac_addr WORLD_SERVER_MAC = { { 2, 0, 0, 0, 0, 2 } };
static const struct mac_addr gateway_mac = { { 2, 0, 0, 0, 0, 1 } };

/* fd00:71::number, or fd00:72::number, which is far. */
static struct ip_addr ipv6(bool far, uint8_t number)
{
    struct ip_addr ip = { .b = { 0xfd, 0, 0, far ? 0x72 : 0x71 } };

    ip.b[15] = number;
    return ip;
}

/* ----------------------------------------------------------------------------------- set-up */

#define PICK(value, ...)                                                                           \
    (((const uint32_t[]){                                                                          \
        __VA_ARGS__ })[(value) % (sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))])

/* How the port sends. */
static void configure_port(struct stack_config *config, uint8_t a, uint8_t b)
{
    config->tx_extents_max = (uint8_t)(1 + (a >> 2) % TX_EXTENTS_MAX);
    config->mtu = (uint16_t)PICK(b, 1500, 576, 9000, 9216);
    switch (a & 3) {
    case 0: /* software */
        break;
    case 1:
        config->tx_ip_checksum = config->tx_tcp_checksum = true;
        break;
    case 2:
        config->tx_ip_checksum = config->tx_tcp_checksum = true;
        config->tx_tso_bytes_max = PICK(b >> 2, 65000, 9000, 2000, 200000);
        break;
    default: /* the IP header's only */
        config->tx_ip_checksum = true;
        break;
    }
}

static void configure_stack(struct stack_config *config, uint8_t a, uint8_t c, uint8_t d)
{
    config->mac = WORLD_SERVER_MAC;
    config->address[0] = (struct stack_address){ ip_addr_from_v4(SERVER_IP), 24 };
    config->address_count = 1;
    config->dad_probes = (d & 0x10) != 0;
    config->gateway = ip_addr_from_v4(GATEWAY_IP);
    if (config->mtu >= IPV6_MTU_MIN) {
        config->address[1] = (struct stack_address){ ipv6(false, 2), 64 };
        config->address_count = 2;
        config->gateway6 = (d & 4) != 0 ? (struct ip_addr){ 0 } : ipv6(false, 1);
        config->slaac = (d & 8) != 0;
    }
    config->connections_max = PICK(c, 8, 4, 2, 1);
    config->ranges_max = PICK(c >> 2, 64, 16, 4, 1);
    config->rx_buffers_max = PICK(c >> 4, 4, 2, 1, 1);
    config->neighbours_max = PICK(c >> 6, 8, 4, 2, 1);
    config->time_waits_max = PICK(a >> 7, 8, 1);
    config->tcp.syn_backlog = PICK(a >> 5, 1024, 1, 2, 4);
    config->tcp.keepalive_idle_ns = PICK(a >> 5, 0, 0, 0, 5) * NS_PER_S;
    config->tcp.keepalive_interval_ns = NS_PER_S;
    config->tcp.ecn = (a & 0x80) == 0;
    config->seed[0] = d;
    if ((d & 0x20) != 0)
        config->tcp.cc = cc_find("newreno");
    config->tcp.initial_window = PICK(d >> 6, 10, 10, 2, 40);
}

static void configure_http(struct http_config *config, uint8_t d)
{
    config->connections_max = CONTRACT_CONNS_MAX;
    config->requests_max = PICK(d, 4, 1);
    config->responses_max = PICK(d >> 1, 16, 2, 1, 4);
    config->pipeline_max = PICK(d >> 3, 4, 1);
    config->inline_bytes_max = PICK(d >> 4, 512, 0, 100000, 64);
    config->request_line_max = 256;
    config->header_bytes_max = 512;
    config->wall_offset_ns = SITE_NOW * (int64_t)NS_PER_S;
}

static void make_peers(struct world *w)
{
    for (unsigned i = 0; i < WORLD_PEERS; i++) {
        struct world_peer *p = &w->peer[i];
        bool far = i >= WORLD_PEERS - 2;
        bool v6 = w->config.address_count == 2 && (i / 2 == 2 || i == WORLD_PEERS - 1);

        p->ip = v6 ? ipv6(far, (uint8_t)(0x10 + i / 2))
                   : ip_addr_from_v4(far ? 0xc6336400u + i : 0x0a47000au + i / 2);
        p->mac = far ? gateway_mac : (struct mac_addr){ { 2, 0, 0, 0, 1, (uint8_t)(i / 2) } };
        p->port = (uint16_t)(40000 + i);
        p->has_cookie = false;
        p->seen.known = false;
    }
}

void world_start(struct world *w, struct input *in)
{
    static const struct catalogue *catalogue;
    uint8_t a = input_u8(in), b = input_u8(in), c = input_u8(in), d = input_u8(in);
    struct http_config http;

    if (catalogue == NULL)
        catalogue = site_make(SITE_FILE_MAX);
    memset(&w->counters, 0, sizeof(w->counters));
    memset(&w->contract, 0, sizeof(w->contract));
    /* Anywhere; the wheel's levels and the timestamps turn over at some of these. */
    w->now = b & 0x80 ? (UINT64_C(1) << 42) - 50 * NS_PER_MS : 1000 * NS_PER_S;
    w->burst = PICK(b >> 4, 32, 1, 3, 17);
    w->deaf = (b & 0x40) != 0;
    w->outputs = 0;

    http_config_defaults(&http);
    configure_http(&http, d);
    http.catalogue = catalogue;
    http.counters = &w->counters;
    w->contract.http = http_server_create(&http);

    stack_config_defaults(&w->config);
    configure_port(&w->config, a, b);
    configure_stack(&w->config, a, c, d);
    w->config.app = &contract_app;
    w->config.app_ctx = &w->contract;
    w->config.counters = &w->counters;
    w->stack = stack_create(&w->config, w->now);
    FUZZ_CHECK(w->contract.http != NULL && w->stack != NULL, "no memory");
    w->observer = (struct observer){ &w->config, w->contract.http, catalogue };
    make_peers(w);
}

void world_stop(struct world *w)
{
    world_advance(w, SETTLE_S * NS_PER_S);
    struct stack_usage usage = stack_usage(w->stack);
    FUZZ_CHECK(usage.connections == 0 && usage.time_wait == 0, "%u connections are left",
               usage.connections);
    FUZZ_CHECK(usage.ranges == 0 && usage.rx_buffers == 0, "%u ranges, %u buffers are left",
               usage.ranges, usage.rx_buffers);
    FUZZ_CHECK(w->contract.open_count == 0, "%u connections not closed", w->contract.open_count);
    struct file_pin pins = http_server_pins(w->contract.http);
    FUZZ_CHECK(pins.responses == 0 && pins.in_flight == 0, "%u responses, %u packets pinned",
               pins.responses, pins.in_flight);
    stack_destroy(w->stack);
    http_server_destroy(w->contract.http);
}

/* ------------------------------------------------------------------------------------ looking */

const struct ip_addr *world_server_ip(const struct world *w, const struct world_peer *peer)
{
    return &w->config.address[ip_addr_is_v4(&peer->ip) ? 0 : 1].ip;
}

const struct tcp_conn *world_conn(const struct world *w, const struct world_peer *peer)
{
    struct tcp_key key = { .remote = peer->ip,
                           .local = *world_server_ip(w, peer),
                           .remote_port = peer->port,
                           .local_port = w->config.port[0] };
    uint32_t i = flow_table_find(&w->stack->flows, &key, flow_hash(&w->stack->flows, &key));

    return i != FLOW_NONE ? &w->stack->tcp.conn[i] : NULL;
}

void world_audit(const struct world *w, bool quiet)
{
    struct stack_usage usage = stack_usage(w->stack);

    FUZZ_CHECK(usage.connections <= w->config.connections_max + w->config.time_waits_max &&
                   stack_connections(w->stack) <= w->config.connections_max &&
                   usage.ranges <= w->config.ranges_max &&
                   usage.rx_buffers <= w->config.rx_buffers_max,
               "%u connections, %u in TIME-WAIT, %u ranges, %u buffers", usage.connections,
               usage.time_wait, usage.ranges, usage.rx_buffers);
    audit_stack(w->stack, quiet);
    audit_http(w->contract.http, w->contract.open_count);
}

static struct world_peer *peer_of(struct world *w, const struct ip_addr *ip, uint16_t port)
{
    for (unsigned i = 0; i < WORLD_PEERS; i++)
        if (w->peer[i].port == port && ip_addr_equal(&w->peer[i].ip, ip))
            return &w->peer[i];
    return NULL;
}

/* ------------------------------------------------------------------------------------- input */

/* The right edge of the window that the segment, still to come in, may open. */
static void note_window(const struct tcp_conn *c, const struct tcp_segment *seg,
                        struct observed *seen)
{
    int64_t ack = seq_to_offset(c->iss, c->snd_una, seg->ack);
    unsigned scale = (seg->flags & TCP_SYN) != 0 ? 0 : c->snd_scale;

    if ((seg->flags & TCP_ACK) == 0 || ack < 0 || (uint64_t)ack > c->snd_max)
        return;
    uint64_t edge = (uint64_t)ack + ((uint64_t)seg->window << scale);
    if (edge > seen->right)
        seen->right = edge;
}

/* Which connection the peer has: new ones have other numbers, or come after none. */
struct identity {
    const struct tcp_conn *conn; /* NULL: none that lives */
    uint32_t iss, irs;
};

static struct identity identity_of(const struct world *w, const struct world_peer *peer)
{
    const struct tcp_conn *c = peer != NULL ? world_conn(w, peer) : NULL;

    if (c == NULL || c->state == TCP_STATE_CLOSED || c->state == TCP_STATE_TIME_WAIT)
        return (struct identity){ 0 };
    return (struct identity){ c, c->iss, c->irs };
}

/* Checksums of IPv4 headers are not looked at. */
bool world_parse_ip(const uint8_t *frame, size_t len, struct ip_packet *ip)
{
    const uint8_t *p = frame + ETH_HEADER_BYTES;

    len -= ETH_HEADER_BYTES;
    if (eth_parse(frame).type == ETH_TYPE_IPV6)
        return ipv6_parse(p, len, ip) == IP_PARSE_OK;
    return ipv4_parse(p, len, true, ip) == IP_PARSE_OK;
}

/* Notes what the peer says, if the frame is a segment of one. */
static struct world_peer *note_segment(struct world *w, const uint8_t *frame, size_t len)
{
    struct ip_packet ip;
    struct tcp_segment seg;

    if (len < ETH_HEADER_BYTES || !world_parse_ip(frame, len, &ip) ||
        ip.protocol != IP_PROTOCOL_TCP || tcp_segment_parse(&ip, true, &seg) != TCP_PARSE_OK)
        return NULL;
    struct world_peer *peer = peer_of(w, &ip.src, seg.src_port);
    const struct tcp_conn *c = peer != NULL ? world_conn(w, peer) : NULL;
    if (c != NULL)
        note_window(c, &seg, &peer->seen);
    return peer;
}

/* A connection that was not there before: what is known begins anew. */
static void note_connection(const struct tcp_conn *c, struct observed *seen)
{
    seen->known = true;
    seen->iss = c->iss;
    seen->irs = c->irs;
    seen->sent = c->snd_nxt; /* a cookie was its SYN-ACK, if not 0 */
    seen->fin = 0;
    seen->right = c->snd_edge;
}

void world_frame(struct world *w, const uint8_t *frame, size_t len, uint32_t flags)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);
    struct frame f = { .data = copy, .len = (uint32_t)len, .flags = flags };

    FUZZ_CHECK(copy != NULL, "no memory");
    memcpy(copy, frame, len);
    struct world_peer *peer = note_segment(w, copy, len);
    struct identity before = identity_of(w, peer);
    w->contract.now = w->now;
    stack_input(w->stack, &f, 1, w->now);
    free(copy);
    struct identity after = identity_of(w, peer);
    if (after.conn != NULL &&
        (after.conn != before.conn || after.iss != before.iss || after.irs != before.irs))
        note_connection(after.conn, &peer->seen);
}

/* ------------------------------------------------------------------------------------ output */

/* Where a host on the link is, or NULL: nobody answers for it. */
static const struct mac_addr *mac_of(const struct world *w, const struct ip_addr *ip)
{
    struct ip_addr gateway = ip_addr_from_v4(GATEWAY_IP), gateway6 = ipv6(false, 1);

    if (ip_addr_equal(ip, &gateway) || ip_addr_equal(ip, &gateway6))
        return &gateway_mac;
    for (unsigned i = 0; i < WORLD_PEERS - 2; i++)
        if (ip_addr_equal(&w->peer[i].ip, ip))
            return &w->peer[i].mac;
    return NULL;
}

static void answer_solicitation(struct world *w, const uint8_t *frame, size_t len)
{
    uint8_t answer[ETH_HEADER_BYTES + IPV6_HEADER_BYTES + NDP_BYTES_MAX];
    uint8_t *ip = answer + ETH_HEADER_BYTES, *message = ip + IPV6_HEADER_BYTES;
    struct ip_packet packet;
    struct ndp_message m;

    if (w->deaf || !world_parse_ip(frame, len, &packet) || packet.protocol != IP_PROTOCOL_ICMPV6 ||
        !ndp_is_type(packet.payload[0]) || !ndp_parse(&packet, &m) ||
        m.type != NDP_NEIGHBOUR_SOLICITATION)
        return;
    const struct mac_addr *mac = mac_of(w, &m.target);
    if (mac == NULL || ip_addr_is_none(&packet.src))
        return;
    uint32_t n = ndp_emit(message, NDP_NEIGHBOUR_ADVERTISEMENT,
                          NDP_FLAG_SOLICITED | NDP_FLAG_OVERRIDE, &m.target, mac);
    eth_emit(answer, &WORLD_SERVER_MAC, mac, ETH_TYPE_IPV6);
    ipv6_emit(ip, &m.target, &packet.src, IP_PROTOCOL_ICMPV6, 0, 0, NDP_HOP_LIMIT, n);
    icmpv6_checksum_put(message, n, &m.target, &packet.src);
    world_frame(w, answer, ETH_HEADER_BYTES + IPV6_HEADER_BYTES + n, 0);
}

/* Whoever is asked for answers, but the peers behind the gateway. */
static void answer_arp(struct world *w, const uint8_t *request, size_t len)
{
    uint8_t frame[ETH_HEADER_BYTES + ARP_BYTES];
    struct arp_packet arp;

    if (w->deaf || !arp_parse(request + ETH_HEADER_BYTES, len - ETH_HEADER_BYTES, &arp) ||
        arp.operation != ARP_REQUEST)
        return;
    const struct mac_addr *mac = mac_of(w, &arp.target_ip);
    if (mac == NULL)
        return;
    struct arp_packet reply = { .operation = ARP_REPLY,
                                .sender_mac = *mac,
                                .sender_ip = arp.target_ip,
                                .target_mac = arp.sender_mac,
                                .target_ip = arp.sender_ip };
    eth_emit(frame, &WORLD_SERVER_MAC, mac, ETH_TYPE_ARP);
    arp_emit(frame + ETH_HEADER_BYTES, &reply);
    world_frame(w, frame, sizeof(frame), 0);
}

static void take_slot(struct world *w, const struct tx_slot *slot)
{
    struct tcp_segment seg;

    w->outputs++;
    if (!observe_slot(&w->observer, slot, &seg)) {
        if (eth_parse(slot->head).type == ETH_TYPE_ARP)
            answer_arp(w, slot->head, slot->head_len);
        else if (eth_parse(slot->head).type == ETH_TYPE_IPV6)
            answer_solicitation(w, slot->head, slot->head_len);
        return;
    }
    struct world_peer *peer = peer_of(w, &seg.dst, seg.dst_port);
    if (peer == NULL || seg.src_port != w->config.port[0])
        return;
    if (slot->tcp) {
        observe_segment(&peer->seen, slot, &seg);
    } else if ((seg.flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK)) {
        peer->has_cookie = true;
        peer->cookie = seg;
    }
}

void world_output(struct world *w)
{
    static uint8_t head[BURST_MAX][WORLD_FRAME_MAX];
    struct tx_slot slots[BURST_MAX];
    unsigned spins = 0, sent = 0;

    w->contract.now = w->now;
    do {
        for (unsigned i = 0; i < w->burst; i++) {
            memset(&slots[i], 0xa5, sizeof(slots[i]));
            slots[i].head = head[i];
            slots[i].head_capacity = (uint16_t)(w->config.mtu + STACK_L2_BYTES);
        }
        unsigned n = stack_output(w->stack, slots, w->burst, w->now);
        FUZZ_CHECK(n <= w->burst, "%u slots of %u", n, w->burst);
        world_audit(w, false);
        for (unsigned i = 0; i < n; i++) {
            observe_run(&w->observer, &slots[i], n - i);
            take_slot(w, &slots[i]);
        }
        sent += n;
        spins = n != 0 ? 0 : spins + 1;
        FUZZ_CHECK(spins < SPIN_MAX, "stack_output() wants to be called and sends nothing");
        FUZZ_CHECK(sent < FLOOD_MAX, "%u packets at one time", sent);
    } while (stack_deadline(w->stack) <= w->now);
    world_audit(w, true);
}

void world_advance(struct world *w, uint64_t ns)
{
    uint64_t end = w->now + ns;

    for (;;) {
        uint64_t next = stack_deadline(w->stack);
        if (next > end)
            break;
        if (next > w->now)
            w->now = next;
        world_output(w);
    }
    w->now = end;
    world_output(w);
}
