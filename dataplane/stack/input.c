/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of a frame, in call order: Ethernet, IPv4, TCP. */
#include "base/assert.h"
#include "stack/internal.h"
#include "wire/icmp.h"

/* Addresses that no peer may send from (RFC 1122 section 3.2.1.3), nor we ourselves (land attack).
 */
static bool source_ok(const struct stack *s, const struct ip_addr *src)
{
    const struct stack_config *config = &s->config;
    uint32_t v4 = ip_addr_v4(src);
    uint32_t top = v4 >> 24;

    if (top == 0 || top == 127 || top >= 224)
        return false;
    if (ip_addr_equal(src, &config->address))
        return false;
    /* The directed broadcast address of our net. */
    uint32_t host = config->prefix_len >= 31 ? 0 : UINT32_MAX >> config->prefix_len;
    return host == 0 || !ip_addr_same_net(src, &config->address, config->prefix_len) ||
           (v4 & host) != host;
}

/* A SYN that may open a connection. ISS beyond everything the old one, if any, has sent. */
static void accept_syn(struct stack *s, const struct tcp_key *key, uint32_t hash,
                       const struct tcp_segment *seg, uint32_t iss)
{
    struct tcp_conn *c = tcp_accept(&s->tcp, seg, iss);

    if (c == NULL)
        return;
    c->flow_hash = hash;
    c->in_flows = true;
    flow_table_insert(&s->flows, conn_index(c), hash);
    c->neighbour = neighbours_resolve(&s->neighbours, stack_next_hop(s, &key->remote), s->tcp.now);
}

/* RFC 1122 section 4.2.2.13, RFC 6191: a newer SYN may reuse a connection in TIME-WAIT. */
static bool reuses_time_wait(const struct tcp_conn *c, const struct tcp_segment *seg)
{
    if (c->state != TCP_STATE_TIME_WAIT || (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
        return false;
    if (c->ts_ok && seg->has_timestamps && seg->ts_value != c->ts_recent)
        return seq_diff(seg->ts_value, c->ts_recent) > 0;
    return seq_diff(seg->seq, offset_to_seq(c->irs, c->rcv_nxt)) >= 0;
}

static void listen_input(struct stack *s, const struct eth_header *eth, const struct tcp_key *key,
                         uint32_t hash, const struct tcp_segment *seg)
{
    bool syn = (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;

    if (syn && seg->dst_port == s->config.port) {
        uint32_t before = s->tcp.conns_open;
        accept_syn(s, key, hash, seg, tcp_initial_seq(&s->tcp, key));
        /* A server that is going down says so; one that is full stays silent, so that the peer
         * tries again (its SYN is not lost for ever). */
        if (s->tcp.conns_open == before && s->tcp.draining)
            control_reset(s, eth, seg);
        return;
    }
    COUNT(s->config.counters, tcp_drop_no_connection);
    control_reset(s, eth, seg);
}

static void segment_input(struct stack *s, const struct eth_header *eth,
                          const struct tcp_segment *seg)
{
    struct tcp_key key = { .remote = seg->src,
                           .local = seg->dst,
                           .remote_port = seg->src_port,
                           .local_port = seg->dst_port };
    uint32_t hash = flow_hash(&s->flows, &key);
    uint32_t index = flow_table_find(&s->flows, &key, hash);

    COUNT(s->config.counters, tcp_in);
    if (index == FLOW_NONE) {
        listen_input(s, eth, &key, hash, seg);
        return;
    }
    struct tcp_conn *c = &s->tcp.conn[index];
    if (reuses_time_wait(c, seg)) {
        COUNT(s->config.counters, tcp_time_wait_recycled);
        uint32_t iss = offset_to_seq(c->iss, c->snd_nxt) + 65536;
        conn_finish(c, TCP_CLOSE_ORDERLY);
        /* The key is the new connection's from now on; the old slot is freed at its next turn. */
        flow_table_remove(&s->flows, index, hash);
        c->in_flows = false;
        accept_syn(s, &key, hash, seg, iss);
        return;
    }
    if (!tcp_input(c, seg))
        control_reset(s, eth, seg);
}

static void tcp_packet_input(struct stack *s, const struct eth_header *eth,
                             const struct ip_packet *ip, bool checksum_good)
{
    struct tcp_segment seg;

    switch (tcp_segment_parse(ip, checksum_good, &seg)) {
    case TCP_PARSE_OK:
        segment_input(s, eth, &seg);
        break;
    case TCP_PARSE_MALFORMED:
        COUNT(s->config.counters, tcp_drop_malformed);
        break;
    case TCP_PARSE_BAD_CHECKSUM:
        COUNT(s->config.counters, tcp_drop_checksum);
        break;
    }
}

static bool ipv4_acceptable(struct stack *s, const uint8_t *p, size_t len, bool checksum_good,
                            struct ip_packet *ip)
{
    struct counters *counters = s->config.counters;

    switch (ipv4_parse(p, len, checksum_good, ip)) {
    case IP_PARSE_OK:
        break;
    case IP_PARSE_MALFORMED:
        COUNT(counters, ip_drop_malformed);
        return false;
    case IP_PARSE_BAD_CHECKSUM:
        COUNT(counters, ip_drop_checksum);
        return false;
    case IP_PARSE_FRAGMENT:
        /* Not reassembled: TCP peers do not fragment (they honour our MSS), and reassembly is a
         * memory that strangers fill. */
        COUNT(counters, ip_drop_fragment);
        return false;
    }
    if (!ip_addr_equal(&ip->dst, &s->config.address)) {
        COUNT(counters, ip_drop_not_ours);
        return false;
    }
    if (!source_ok(s, &ip->src)) {
        COUNT(counters, ip_drop_source);
        return false;
    }
    return true;
}

static void ipv4_input(struct stack *s, const struct eth_header *eth, const uint8_t *p, size_t len,
                       uint32_t flags)
{
    struct ip_packet ip;

    if (!mac_addr_equal(&eth->dst, &s->config.mac)) {
        COUNT(s->config.counters, eth_drop_not_ours);
        return;
    }
    if (!ipv4_acceptable(s, p, len, (flags & FRAME_IP_CHECKSUM_GOOD) != 0, &ip))
        return;
    switch (ip.protocol) {
    case IP_PROTOCOL_TCP:
        tcp_packet_input(s, eth, &ip, (flags & FRAME_L4_CHECKSUM_GOOD) != 0);
        break;
    case IP_PROTOCOL_ICMP:
        icmp_input(s, eth, &ip);
        break;
    case IP_PROTOCOL_UDP:
        COUNT(s->config.counters, ip_drop_protocol);
        icmp_unreachable(s, eth, &ip, ICMP_UNREACHABLE_PORT);
        break;
    default:
        COUNT(s->config.counters, ip_drop_protocol);
        icmp_unreachable(s, eth, &ip, ICMP_UNREACHABLE_PROTOCOL);
        break;
    }
}

static void frame_input(struct stack *s, const struct frame *frame)
{
    struct counters *counters = s->config.counters;

    COUNT(counters, rx_frames);
    COUNT_N(counters, rx_bytes, frame->len);
    if (frame->len < ETH_HEADER_BYTES) {
        COUNT(counters, eth_drop_short);
        return;
    }
    struct eth_header eth = eth_parse(frame->data);
    const uint8_t *p = frame->data + ETH_HEADER_BYTES;
    size_t len = frame->len - ETH_HEADER_BYTES;

    switch (eth.type) {
    case ETH_TYPE_IPV4:
        ipv4_input(s, &eth, p, len, frame->flags);
        break;
    case ETH_TYPE_ARP:
        arp_input(s, &eth, p, len);
        break;
    default:
        COUNT(counters, eth_drop_type);
        break;
    }
}

void stack_input(struct stack *s, const struct frame *frames, unsigned n, uint64_t now)
{
    stack_set_now(s, now);
    for (unsigned i = 0; i < n; i++)
        frame_input(s, &frames[i]);
}
