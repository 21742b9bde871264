/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of a frame, in call order: Ethernet, IPv4 or IPv6, TCP. */
#include "base/assert.h"
#include "stack/internal.h"
#include "wire/icmp.h"

/* Addresses that no peer of own may send from (RFC 1122 section 3.2.1.3), nor we ourselves (land
 * attack). */
static bool source_ok_v4(const struct stack *s, const struct address *own,
                         const struct ip_addr *src)
{
    uint32_t v4 = ip_addr_v4(src);
    uint32_t top = v4 >> 24;

    if (top == 0 || top == 127 || top >= 224)
        return false;
    if (addresses_ready(&s->addresses, src) != NULL)
        return false;
    /* The directed broadcast address of our net. */
    uint32_t host = own->prefix_len >= 31 ? 0 : UINT32_MAX >> own->prefix_len;
    return host == 0 || v4 != (ip_addr_v4(&own->ip) | host);
}

/* The same for IPv6 (RFC 4291 sections 2.5.3, 2.7). An IPv4-mapped address on the wire would pass
 * for an IPv4 peer; the unspecified one is for neighbour discovery, which looks for itself. */
static bool source_ok_v6(const struct stack *s, const struct ip_addr *src)
{
    bool loopback = ip_addr_equal(src, &IPV6_LOOPBACK);

    return !ip_addr_is_multicast_v6(src) && !loopback && !ip_addr_is_v4(src) &&
           addresses_ready(&s->addresses, src) == NULL;
}

bool stack_source_ok(const struct stack *s, const struct address *own, const struct ip_addr *src)
{
    return ip_addr_is_v4(src) ? source_ok_v4(s, own, src) : source_ok_v6(s, src);
}

void stack_conn_insert(struct stack *s, uint32_t hash, struct tcp_conn *c)
{
    c->flow_hash = hash;
    c->in_flows = true;
    flow_table_insert(&s->flows, conn_index(c), hash);
    c->neighbour =
        neighbours_resolve(&s->neighbours, routes_next_hop(&s->routes, &c->key.remote), s->tcp.now);
}

static void syn_input(struct stack *s, const struct eth_header *eth, const struct tcp_key *key,
                      uint32_t hash, const struct tcp_segment *seg, uint32_t iss)
{
    if (tcp_backlog_full(&s->tcp)) {
        struct tcp_segment syn_ack;
        cookie_syn_ack(&s->tcp, key, seg, &syn_ack);
        COUNT_N(s->config.counters, tcp_cookie_sent, control_segment(s, eth, seg, &syn_ack));
        return;
    }
    struct tcp_conn *c = tcp_accept(&s->tcp, seg, iss);
    /* A server that is going down says so; one that is full stays silent, so that the peer tries
     * again (its SYN is not lost for ever). */
    if (c != NULL)
        stack_conn_insert(s, hash, c);
    else if (s->tcp.draining)
        control_reset(s, eth, seg);
}

/*
 * An ACK may bring back a SYN cookie. False: it does not. half_open, if not NULL, is a connection
 * with another initial sequence number: a copy of the SYN came when the backlog had room again. The
 * client goes by the SYN-ACK that it heard first.
 */
static bool cookie_input(struct stack *s, const struct eth_header *eth, const struct tcp_key *key,
                         uint32_t hash, const struct tcp_segment *seg, struct tcp_conn *half_open)
{
    struct tcp_segment syn;
    uint32_t ts_offset;

    if ((seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_ACK ||
        !stack_listens(s, seg->dst_port) || !cookies_expected(&s->tcp))
        return false;
    if (!cookie_check(&s->tcp, key, seg, &syn, &ts_offset)) {
        COUNT(s->config.counters, tcp_cookie_rejected);
        return false;
    }
    if (half_open != NULL) {
        conn_finish(half_open, TCP_CLOSE_ABORTED);
        flow_table_remove(&s->flows, conn_index(half_open), hash);
        half_open->in_flows = false;
    }
    struct tcp_conn *c = tcp_accept_cookie(&s->tcp, &syn, seg->ack - 1, ts_offset);
    if (c == NULL) /* full: the peer sends its request again, and comes through then */
        return !s->tcp.draining;
    COUNT(s->config.counters, tcp_cookie_accepted);
    stack_conn_insert(s, hash, c);
    if (!tcp_input(c, seg))
        control_reset(s, eth, seg);
    return true;
}

static void listen_input(struct stack *s, const struct eth_header *eth, const struct tcp_key *key,
                         uint32_t hash, const struct tcp_segment *seg)
{
    bool syn = (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;

    if (syn && stack_listens(s, seg->dst_port)) {
        syn_input(s, eth, key, hash, seg, tcp_initial_seq(&s->tcp, key));
        return;
    }
    if (cookie_input(s, eth, key, hash, seg, NULL))
        return;
    COUNT(s->config.counters, tcp_drop_no_connection);
    control_reset(s, eth, seg);
}

/* A segment for a connection in TIME-WAIT. */
static void waiting_input(struct stack *s, const struct eth_header *eth, const struct tcp_key *key,
                          uint32_t hash, const struct tcp_segment *seg, uint32_t index)
{
    const struct time_wait *e = &s->time_waits.entry[index];

    if (!time_wait_reusable(e, seg)) {
        time_wait_input(s, eth, index, seg);
        return;
    }
    uint32_t iss = e->snd_nxt + 65536; /* beyond everything the old one has sent */
    COUNT(s->config.counters, tcp_time_wait_recycled);
    time_wait_forget(s, index);
    syn_input(s, eth, key, hash, seg, iss);
}

/* A flow that is unknown here may be known to the stack whose it is. That one answers, too, if it
 * is not: were it answered here, the same flow could be two connections. */
static bool passed_on(struct stack *s, const struct tcp_segment *seg)
{
    struct tcp_peer local = { seg->dst, seg->dst_port }, remote = { seg->src, seg->src_port };

    if (LIKELY(s->config.pass_on == NULL) || (s->frame->flags & FRAME_PASSED_ON) != 0 ||
        !s->config.pass_on(s->config.flow_ctx, s->frame, &local, &remote))
        return false;
    COUNT(s->config.counters, flow_stray);
    return true;
}

uint32_t stack_flow(struct stack *s, const struct tcp_key *key, uint32_t *hash)
{
    const struct tcp_conn *last = &s->tcp.conn[s->last_flow];

    if (last->in_flows && tcp_key_equal(&last->key, key)) {
        *hash = last->flow_hash;
        return s->last_flow;
    }
    *hash = flow_hash(&s->flows, key);
    uint32_t index = flow_table_find_any(&s->flows, key, *hash);
    if (index < FLOW_TIME_WAIT)
        s->last_flow = index;
    return index;
}

static void segment_input(struct stack *s, const struct eth_header *eth,
                          const struct tcp_segment *seg)
{
    struct tcp_key key = { .remote = seg->src,
                           .local = seg->dst,
                           .remote_port = seg->src_port,
                           .local_port = seg->dst_port };
    uint32_t hash, index = stack_flow(s, &key, &hash);

    if (index == FLOW_NONE && passed_on(s, seg))
        return;
    COUNT(s->config.counters, tcp_in);
    if (index == FLOW_NONE) {
        listen_input(s, eth, &key, hash, seg);
        return;
    }
    struct tcp_conn *c = index < FLOW_TIME_WAIT ? &s->tcp.conn[index] : NULL;
    /* A SYN may come in the same burst as the old connection's last segment: do not wait for the
     * ACK of that to be sent. */
    if (c != NULL && c->state == TCP_STATE_TIME_WAIT && (seg->flags & TCP_SYN) != 0) {
        index = FLOW_TIME_WAIT | time_wait_enter(s, c);
        c = NULL;
    }
    if (c == NULL)
        waiting_input(s, eth, &key, hash, seg, index - FLOW_TIME_WAIT);
    else if (!tcp_input(c, seg) && !cookie_input(s, eth, &key, hash, seg, c))
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

/* Counts what is wrong, if anything. */
static bool parsed(struct counters *counters, enum ip_parse_result result)
{
    switch (result) {
    case IP_PARSE_OK:
        return true;
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
    case IP_PARSE_EXTENSION:
        COUNT(counters, ip_drop_extension);
        return false;
    }
    return false;
}

static bool ipv4_acceptable(struct stack *s, const struct ip_packet *ip)
{
    const struct address *own = addresses_ready(&s->addresses, &ip->dst);

    if (own == NULL) {
        COUNT(s->config.counters, ip_drop_not_ours);
        return false;
    }
    if (!source_ok_v4(s, own, &ip->src)) {
        COUNT(s->config.counters, ip_drop_source);
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
    bool good = (flags & FRAME_IP_CHECKSUM_GOOD) != 0;
    if (!parsed(s->config.counters, ipv4_parse(p, len, good, &ip)) || !ipv4_acceptable(s, &ip))
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

/* Whether a packet to a multicast group is for us: then it is about neighbours. */
static bool group_is_ours(const struct stack *s, const struct eth_header *eth,
                          const struct ip_addr *dst)
{
    struct mac_addr mac = ipv6_multicast_mac(dst);

    if (!mac_addr_equal(&eth->dst, &mac))
        return false;
    if (ip_addr_equal(dst, &IPV6_ALL_NODES))
        return true;
    for (uint32_t i = 0; i < s->addresses.used; i++) {
        const struct address *a = &s->addresses.entry[i];
        struct ip_addr group = ipv6_solicited_node(&a->ip);
        if (a->state != ADDRESS_FREE && !ip_addr_is_v4(&a->ip) && ip_addr_equal(dst, &group))
            return true;
    }
    return false;
}

static bool ipv6_acceptable(struct stack *s, const struct eth_header *eth,
                            const struct ip_packet *ip)
{
    bool group = ip_addr_is_multicast_v6(&ip->dst);
    bool ours = group ? ip->protocol == IP_PROTOCOL_ICMPV6 && group_is_ours(s, eth, &ip->dst)
                      : addresses_ready(&s->addresses, &ip->dst) != NULL &&
                            !ip_addr_is_v4(&ip->dst) && mac_addr_equal(&eth->dst, &s->config.mac);

    if (!ours) {
        COUNT(s->config.counters, ip_drop_not_ours);
        return false;
    }
    if (!source_ok_v6(s, &ip->src) ||
        (ip_addr_is_none(&ip->src) && ip->protocol != IP_PROTOCOL_ICMPV6)) {
        COUNT(s->config.counters, ip_drop_source);
        return false;
    }
    return true;
}

static void ipv6_input(struct stack *s, const struct eth_header *eth, const uint8_t *p, size_t len,
                       uint32_t flags)
{
    struct ip_packet ip;

    if (!parsed(s->config.counters, ipv6_parse(p, len, &ip)) || !ipv6_acceptable(s, eth, &ip))
        return;
    switch (ip.protocol) {
    case IP_PROTOCOL_TCP:
        tcp_packet_input(s, eth, &ip, (flags & FRAME_L4_CHECKSUM_GOOD) != 0);
        break;
    case IP_PROTOCOL_ICMPV6:
        icmpv6_input(s, eth, &ip);
        break;
    case IP_PROTOCOL_UDP:
        COUNT(s->config.counters, ip_drop_protocol);
        icmpv6_error(s, eth, &ip, ICMPV6_UNREACHABLE, ICMPV6_UNREACHABLE_PORT, 0);
        break;
    case IP_PROTOCOL_NONE:
        COUNT(s->config.counters, ip_drop_protocol);
        break;
    default:
        COUNT(s->config.counters, ip_drop_protocol);
        icmpv6_error(s, eth, &ip, ICMPV6_PARAMETER_PROBLEM, ICMPV6_NEXT_HEADER, ip.protocol_at);
        break;
    }
}

/* Takes the 802.1Q tag off. A frame of our VLAN bears its tag; without one, priority tags (VLAN 0)
 * are allowed. False: of another VLAN. */
static bool vlan_input(const struct stack *s, struct eth_header *eth, const uint8_t **p,
                       size_t *len)
{
    uint16_t vlan = 0;

    if (eth->type == ETH_TYPE_VLAN) {
        if (*len < ETH_TAG_BYTES)
            return false;
        vlan = get_be16(*p) & 0xfff;
        eth->type = get_be16(*p + 2);
        *p += ETH_TAG_BYTES;
        *len -= ETH_TAG_BYTES;
    }
    return vlan == s->config.vlan;
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

    if (UNLIKELY(eth.type == ETH_TYPE_VLAN || s->config.vlan != 0) &&
        !vlan_input(s, &eth, &p, &len)) {
        COUNT(counters, eth_drop_vlan);
        return;
    }
    switch (eth.type) {
    case ETH_TYPE_IPV4:
        ipv4_input(s, &eth, p, len, frame->flags);
        break;
    case ETH_TYPE_IPV6:
        ipv6_input(s, &eth, p, len, frame->flags);
        break;
    case ETH_TYPE_ARP:
        arp_input(s, &eth, p, len);
        break;
    default:
        COUNT(counters, eth_drop_type);
        break;
    }
}

static void burst_input(struct stack *s, const struct frame *frames, unsigned n)
{
    stack_look_ahead(s, frames, n);
    for (unsigned i = 0; i < n; i++) {
        i += stack_acks_needless(s, &frames[i], n - i);
        s->frame = &frames[i];
        frame_input(s, &frames[i]);
    }
    s->frame = NULL;
}

void stack_input(struct stack *s, const struct frame *frames, unsigned n, uint64_t now)
{
    stack_set_now(s, now);
    for (; n > STACK_LOOK_AHEAD; frames += STACK_LOOK_AHEAD, n -= STACK_LOOK_AHEAD)
        burst_input(s, frames, STACK_LOOK_AHEAD);
    burst_input(s, frames, n);
}
