/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet.h"

#include <stdlib.h>
#include <string.h>

enum {
    ETH_BYTES = 14,
    ETH_MIN_BYTES = 60,
    IP_BYTES = 20,
    TCP_BYTES = 20,
    ARP_BYTES = 28,
    TYPE_IP = 0x0800,
    TYPE_ARP = 0x0806,
    TYPE_IPV6 = 0x86dd,
    TYPE_VLAN = 0x8100,
    VLAN_AT = 12,
    VLAN_BYTES = 4,
    IPV6_BYTES = 40,
    ICMPV6_NEIGHBOUR_BYTES = 32, /* with one option, a MAC address */
    ICMPV6_SOLICITATION = 135,
    ICMPV6_ADVERTISEMENT = 136,
    PROTOCOL_TCP = 6,
    PROTOCOL_ICMPV6 = 58,
};

struct packet *packet_new(uint32_t len)
{
    struct packet *packet = malloc(sizeof(*packet) + len);

    if (packet == NULL)
        abort();
    packet->len = len;
    packet->damaged = false;
    return packet;
}

struct packet *packet_copy(const struct packet *packet)
{
    struct packet *copy = packet_new(packet->len);

    copy->damaged = packet->damaged;
    memcpy(copy->data, packet->data, packet->len);
    return copy;
}

uint64_t packet_sum(const uint8_t *data, uint32_t len, uint64_t sum)
{
    uint32_t i = 0;

    for (; i + 4 <= len; i += 4)
        sum += get32(data + i);
    for (; i + 2 <= len; i += 2)
        sum += get16(data + i);
    if (i < len)
        sum += (uint64_t)data[i] << 8;
    return sum;
}

uint16_t packet_fold(uint64_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static uint64_t pseudo_sum(const uint8_t *ip, uint8_t protocol, uint32_t len)
{
    bool v6 = ip[0] >> 4 == 6;

    return packet_sum(ip + (v6 ? 8 : 12), v6 ? 32 : 8, protocol + (uint64_t)len);
}

uint64_t packet_pseudo_sum(const uint8_t *ip, uint32_t tcp_len)
{
    return pseudo_sum(ip, PROTOCOL_TCP, tcp_len);
}

/* ----------------------------------------------------------------------------------- addresses */

void packet_ipv6_address(uint32_t host, uint8_t to[16])
{
    memset(to, 0, 16);
    put16(to, 0xfd00);
    put16(to + 2, host >> 16 == SERVER_NET ? 0x0071 : 0x0099);
    put32(to + 12, host);
}

/* False: an address that no host here has. */
static bool host_of(const uint8_t ip[16], uint32_t *host)
{
    uint8_t expected[16];

    *host = get32(ip + 12);
    packet_ipv6_address(*host, expected);
    return memcmp(ip, expected, 16) == 0;
}

uint32_t packet_ip_bytes(const struct packet *packet)
{
    const uint8_t *ip = packet->data + ETH_BYTES;

    if (packet->len < ETH_BYTES + IP_BYTES)
        return 0;
    if (get16(packet->data + 12) == TYPE_IP)
        return get16(ip + 2);
    return get16(packet->data + 12) == TYPE_IPV6 ? IPV6_BYTES + (uint32_t)get16(ip + 4) : 0;
}

struct packet *packet_tag(struct packet *packet, uint16_t vlan)
{
    struct packet *tagged = packet_new(packet->len + VLAN_BYTES);

    tagged->damaged = packet->damaged;
    memcpy(tagged->data, packet->data, VLAN_AT);
    put16(tagged->data + VLAN_AT, TYPE_VLAN);
    put16(tagged->data + VLAN_AT + 2, vlan);
    memcpy(tagged->data + VLAN_AT + VLAN_BYTES, packet->data + VLAN_AT, packet->len - VLAN_AT);
    free(packet);
    return tagged;
}

bool packet_untag(struct packet *packet, uint16_t vlan)
{
    uint8_t *tag = packet->data + VLAN_AT;

    if (packet->len < ETH_BYTES + VLAN_BYTES || get16(tag) != TYPE_VLAN || get16(tag + 2) != vlan)
        return false;
    packet->len -= VLAN_BYTES;
    memmove(tag, tag + VLAN_BYTES, packet->len - VLAN_AT);
    return true;
}

bool packet_mark(struct packet *packet)
{
    uint8_t *ip = packet->data + ETH_BYTES;
    uint8_t *at = ip + 1;
    unsigned shift = 0;

    if (packet_ip_bytes(packet) == 0)
        return false;
    if (ip[0] >> 4 == 6)
        shift = 4;
    if ((*at >> shift & 3) == ECN_NOT_ECT)
        return false;
    *at |= (uint8_t)(ECN_CE << shift);
    if (shift == 0) {
        put16(ip + 10, 0);
        put16(ip + 10, (uint16_t)~packet_fold(packet_sum(ip, IP_BYTES, 0)));
    }
    return true;
}

/* ------------------------------------------------------------------------------------- reading */

static const char *parse_option(struct segment *s, const uint8_t *p, unsigned len)
{
    switch (p[0]) {
    case 2:
        if (len != 4)
            return "MSS option of a wrong length";
        s->mss = get16(p + 2);
        return NULL;
    case 3:
        if (len != 3)
            return "window scale option of a wrong length";
        s->wscale = (int8_t)p[2];
        return NULL;
    case 4:
        if (len != 2)
            return "SACK-permitted option of a wrong length";
        s->sack_permitted = true;
        return NULL;
    case 5:
        if (len < 10 || (len - 2) % 8 != 0)
            return "SACK option of a wrong length";
        s->sack_count = (len - 2) / 8;
        for (unsigned i = 0; i < s->sack_count; i++)
            s->sack[i] = (struct sack_block){ get32(p + 2 + 8 * i), get32(p + 6 + 8 * i) };
        return NULL;
    case 8:
        if (len != 10)
            return "timestamps option of a wrong length";
        s->timestamps = true;
        s->tsval = get32(p + 2);
        s->tsecr = get32(p + 6);
        return NULL;
    default:
        return "a TCP option that nobody asked for";
    }
}

static const char *parse_options(struct segment *s, const uint8_t *p, unsigned len)
{
    unsigned i = 0;

    while (i < len && p[i] != 0) {
        if (p[i] == 1) {
            i++;
            continue;
        }
        if (i + 1 >= len || p[i + 1] < 2 || i + p[i + 1] > len)
            return "a TCP option that reaches beyond the header";
        const char *why = parse_option(s, p + i, p[i + 1]);
        if (why != NULL)
            return why;
        i += p[i + 1];
    }
    return NULL;
}

static const char *parse_tcp(struct segment *s, const uint8_t *ip, const uint8_t *tcp, uint32_t len)
{
    if (len < TCP_BYTES)
        return "TCP header cut short";
    uint32_t header = (uint32_t)(tcp[12] >> 4) * 4;
    if (header < TCP_BYTES || header > len)
        return "TCP data offset out of bounds";
    if (packet_fold(packet_sum(tcp, len, packet_pseudo_sum(ip, len))) != 0xffff)
        return "TCP checksum wrong";
    if ((tcp[12] & 0x0f) != 0)
        return "reserved TCP bits set";

    s->src_port = get16(tcp);
    s->dst_port = get16(tcp + 2);
    s->seq = get32(tcp + 4);
    s->ack = get32(tcp + 8);
    s->flags = tcp[13];
    s->window = get16(tcp + 14);
    s->payload = tcp + header;
    s->payload_len = len - header;
    s->option_bytes = header - TCP_BYTES;
    s->wscale = -1;
    return parse_options(s, tcp + TCP_BYTES, s->option_bytes);
}

static enum packet_kind parse_ip(const struct packet *packet, struct segment *s, const char **why)
{
    const uint8_t *ip = packet->data + ETH_BYTES;
    uint32_t room = packet->len - ETH_BYTES;

    *why = "IP header malformed";
    if (room < IP_BYTES || ip[0] >> 4 != 4 || (ip[0] & 15) < 5)
        return PACKET_BAD;
    uint32_t header = (uint32_t)(ip[0] & 15) * 4;
    uint32_t total = get16(ip + 2);
    if (total < header || total > room)
        return PACKET_BAD;
    *why = "IP header checksum wrong";
    if (packet_fold(packet_sum(ip, header, 0)) != 0xffff)
        return PACKET_BAD;
    *why = "IP fragment";
    if ((get16(ip + 6) & 0x3fff) != 0)
        return PACKET_BAD;
    if (ip[9] != PROTOCOL_TCP)
        return PACKET_OTHER;

    memcpy(s->dst_mac, packet->data, 6);
    memcpy(s->src_mac, packet->data + 6, 6);
    s->src_ip = get32(ip + 12);
    s->dst_ip = get32(ip + 16);
    s->ecn = ip[1] & 3;
    s->hops = ip[8];
    s->ip_bytes = total;
    *why = parse_tcp(s, ip, ip + header, total - header);
    return *why == NULL ? PACKET_TCP : PACKET_BAD;
}

/* Solicitations and advertisements; the rest of ICMPv6 is for others. */
static enum packet_kind parse_neighbour(const struct packet *packet, const uint8_t *ip,
                                        uint32_t len, struct arp *a, const char **why)
{
    const uint8_t *p = ip + IPV6_BYTES;
    uint32_t target;

    *why = "ICMPv6 checksum wrong";
    if (packet_fold(packet_sum(p, len, pseudo_sum(ip, PROTOCOL_ICMPV6, len))) != 0xffff)
        return PACKET_BAD;
    if (len < 1 || (p[0] != ICMPV6_SOLICITATION && p[0] != ICMPV6_ADVERTISEMENT))
        return PACKET_OTHER;
    *why = "neighbour message malformed";
    if (ip[7] != 255 || p[1] != 0 || len < ICMPV6_NEIGHBOUR_BYTES - 8)
        return PACKET_BAD;
    if (len != ICMPV6_NEIGHBOUR_BYTES || !host_of(p + 8, &target))
        return PACKET_OTHER; /* looks for duplicates; link-local addresses */
    bool request = p[0] == ICMPV6_SOLICITATION;
    if (p[24] != (request ? 1 : 2) || p[25] != 1)
        return PACKET_BAD;
    memset(a, 0, sizeof(*a));
    memcpy(a->dst_mac, packet->data, 6);
    memcpy(a->src_mac, packet->data + 6, 6);
    memcpy(a->sender_mac, p + 26, 6);
    a->v6 = true;
    a->operation = request ? 1 : 2;
    a->sender_ip = a->target_ip = target;
    if (!host_of(ip + (request ? 8 : 24), request ? &a->sender_ip : &a->target_ip))
        return PACKET_OTHER;
    return PACKET_ARP;
}

static enum packet_kind parse_ipv6(const struct packet *packet, struct segment *s, struct arp *a,
                                   const char **why)
{
    const uint8_t *ip = packet->data + ETH_BYTES;
    uint32_t room = packet->len - ETH_BYTES;

    *why = "IPv6 header malformed";
    if (room < IPV6_BYTES || ip[0] >> 4 != 6)
        return PACKET_BAD;
    uint32_t len = get16(ip + 4);
    if (IPV6_BYTES + len > room)
        return PACKET_BAD;
    if (ip[6] == PROTOCOL_ICMPV6)
        return parse_neighbour(packet, ip, len, a, why);
    if (ip[6] != PROTOCOL_TCP)
        return PACKET_OTHER;
    *why = "IPv6 address that nobody has";
    if (!host_of(ip + 8, &s->src_ip) || !host_of(ip + 24, &s->dst_ip))
        return PACKET_BAD;
    memcpy(s->dst_mac, packet->data, 6);
    memcpy(s->src_mac, packet->data + 6, 6);
    s->v6 = true;
    s->ecn = ip[1] >> 4 & 3;
    s->hops = ip[7];
    s->ip_bytes = IPV6_BYTES + len;
    *why = parse_tcp(s, ip, ip + IPV6_BYTES, len);
    return *why == NULL ? PACKET_TCP : PACKET_BAD;
}

static enum packet_kind parse_arp(const struct packet *packet, struct arp *a, const char **why)
{
    static const uint8_t ethernet_ipv4[] = { 0, 1, 8, 0, 6, 4 };
    const uint8_t *p = packet->data + ETH_BYTES;

    *why = "ARP packet malformed";
    if (packet->len < ETH_BYTES + ARP_BYTES || memcmp(p, ethernet_ipv4, 6) != 0)
        return PACKET_BAD;
    a->v6 = false;
    memcpy(a->dst_mac, packet->data, 6);
    memcpy(a->src_mac, packet->data + 6, 6);
    a->operation = get16(p + 6);
    memcpy(a->sender_mac, p + 8, 6);
    a->sender_ip = get32(p + 14);
    memcpy(a->target_mac, p + 18, 6);
    a->target_ip = get32(p + 24);
    return PACKET_ARP;
}

enum packet_kind packet_parse(const struct packet *packet, struct segment *segment, struct arp *arp,
                              const char **why)
{
    memset(segment, 0, sizeof(*segment));
    *why = "frame cut short";
    if (packet->len < ETH_BYTES)
        return PACKET_BAD;
    switch (get16(packet->data + 12)) {
    case TYPE_IP:
        return parse_ip(packet, segment, why);
    case TYPE_IPV6:
        return parse_ipv6(packet, segment, arp, why);
    case TYPE_ARP:
        return parse_arp(packet, arp, why);
    default:
        return PACKET_OTHER;
    }
}

/* ------------------------------------------------------------------------------------- writing */

static struct packet *new_frame(uint32_t len, const uint8_t dst[6], const uint8_t src[6],
                                uint16_t type)
{
    struct packet *packet = packet_new(len < ETH_MIN_BYTES ? ETH_MIN_BYTES : len);

    memset(packet->data, 0xa5, packet->len);
    memcpy(packet->data, dst, 6);
    memcpy(packet->data + 6, src, 6);
    put16(packet->data + 12, type);
    return packet;
}

/* Without the addresses. */
static void put_ipv6(uint8_t *ip, uint8_t protocol, uint8_t ecn, uint8_t hops, uint32_t len)
{
    memset(ip, 0, IPV6_BYTES);
    ip[0] = 0x60;
    ip[1] = (uint8_t)(ecn << 4);
    put16(ip + 4, (uint16_t)len);
    ip[6] = protocol;
    ip[7] = hops;
}

static struct packet *build_neighbour(const struct arp *a)
{
    bool request = a->operation == 1;
    bool group = (a->dst_mac[0] & 1) != 0;
    uint8_t mac[6] = { 0x33, 0x33, 0xff };
    uint32_t target = request ? a->target_ip : a->sender_ip;

    memcpy(mac + 3, (const uint8_t[]){ target >> 16 & 0xff, target >> 8 & 0xff, target & 0xff }, 3);
    struct packet *packet = new_frame(ETH_BYTES + IPV6_BYTES + ICMPV6_NEIGHBOUR_BYTES,
                                      group ? mac : a->dst_mac, a->src_mac, TYPE_IPV6);
    uint8_t *ip = packet->data + ETH_BYTES, *p = ip + IPV6_BYTES;

    put_ipv6(ip, PROTOCOL_ICMPV6, ECN_NOT_ECT, 255, ICMPV6_NEIGHBOUR_BYTES);
    packet_ipv6_address(a->sender_ip, ip + 8);
    packet_ipv6_address(a->target_ip, ip + 24);
    if (group) { /* ff02::1:ff00:0/104, the solicited node (RFC 4291 section 2.7.1) */
        memcpy(ip + 24, (const uint8_t[]){ 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff }, 13);
        memcpy(ip + 37, mac + 3, 3);
    }
    memset(p, 0, ICMPV6_NEIGHBOUR_BYTES);
    p[0] = request ? ICMPV6_SOLICITATION : ICMPV6_ADVERTISEMENT;
    p[4] = request ? 0 : 0x60; /* solicited, override */
    packet_ipv6_address(target, p + 8);
    p[24] = request ? 1 : 2;
    p[25] = 1;
    memcpy(p + 26, a->sender_mac, 6);
    put16(p + 2,
          (uint16_t)~packet_fold(packet_sum(
              p, ICMPV6_NEIGHBOUR_BYTES, pseudo_sum(ip, PROTOCOL_ICMPV6, ICMPV6_NEIGHBOUR_BYTES))));
    return packet;
}

struct packet *packet_build_arp(const struct arp *a)
{
    if (a->v6)
        return build_neighbour(a);
    static const uint8_t ethernet_ipv4[] = { 0, 1, 8, 0, 6, 4 };
    struct packet *packet = new_frame(ETH_BYTES + ARP_BYTES, a->dst_mac, a->src_mac, TYPE_ARP);
    uint8_t *p = packet->data + ETH_BYTES;

    memcpy(p, ethernet_ipv4, 6);
    put16(p + 6, a->operation);
    memcpy(p + 8, a->sender_mac, 6);
    put32(p + 14, a->sender_ip);
    memcpy(p + 18, a->target_mac, 6);
    put32(p + 24, a->target_ip);
    return packet;
}

/* Two NOPs, by which usual stacks align what follows (RFC 7323 appendix A). */
static unsigned write_alignment(const struct segment *s, uint8_t *p)
{
    if (!s->aligned)
        return 0;
    put16(p, 0x0101);
    return 2;
}

static unsigned write_options(const struct segment *s, uint8_t *p)
{
    unsigned n = 0;

    if (s->mss != 0) {
        put16(p + n, 0x0204);
        put16(p + n + 2, s->mss);
        n += 4;
    }
    if (s->wscale >= 0) {
        memcpy(p + n, (const uint8_t[]){ 3, 3, (uint8_t)s->wscale }, 3);
        n += 3;
    }
    if (s->sack_permitted) {
        put16(p + n, 0x0402);
        n += 2;
    }
    if (s->timestamps) {
        n += write_alignment(s, p + n);
        put16(p + n, 0x080a);
        put32(p + n + 2, s->tsval);
        put32(p + n + 6, s->tsecr);
        n += 10;
    }
    if (s->sack_count > 0) {
        n += write_alignment(s, p + n);
        put16(p + n, (uint16_t)(0x0500 | (2 + 8 * s->sack_count)));
        n += 2;
    }
    for (unsigned i = 0; i < s->sack_count; i++, n += 8) {
        put32(p + n, s->sack[i].start);
        put32(p + n + 4, s->sack[i].end);
    }
    while (n % 4 != 0)
        p[n++] = 1;
    return n;
}

static void put_ipv4(uint8_t *ip, const struct segment *s, uint32_t len)
{
    memset(ip, 0, IP_BYTES);
    ip[0] = 0x45;
    ip[1] = s->ecn;
    put16(ip + 2, (uint16_t)(IP_BYTES + len));
    put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = PROTOCOL_TCP;
    put32(ip + 12, s->src_ip);
    put32(ip + 16, s->dst_ip);
    put16(ip + 10, (uint16_t)~packet_fold(packet_sum(ip, IP_BYTES, 0)));
}

struct packet *packet_build_tcp(const struct segment *s)
{
    uint8_t options[48];
    unsigned option_bytes = write_options(s, options);
    uint32_t tcp_len = TCP_BYTES + option_bytes + s->payload_len;
    uint32_t ip_bytes = s->v6 ? IPV6_BYTES : IP_BYTES;
    struct packet *packet = new_frame(ETH_BYTES + ip_bytes + tcp_len, s->dst_mac, s->src_mac,
                                      s->v6 ? TYPE_IPV6 : TYPE_IP);
    uint8_t *ip = packet->data + ETH_BYTES;
    uint8_t *tcp = ip + ip_bytes;

    if (s->v6) {
        put_ipv6(ip, PROTOCOL_TCP, s->ecn, 64, tcp_len);
        packet_ipv6_address(s->src_ip, ip + 8);
        packet_ipv6_address(s->dst_ip, ip + 24);
    } else {
        put_ipv4(ip, s, tcp_len);
    }
    memset(tcp, 0, TCP_BYTES);
    put16(tcp, s->src_port);
    put16(tcp + 2, s->dst_port);
    put32(tcp + 4, s->seq);
    put32(tcp + 8, s->ack);
    tcp[12] = (uint8_t)((TCP_BYTES + option_bytes) / 4 << 4);
    tcp[13] = s->flags;
    put16(tcp + 14, s->window);
    memcpy(tcp + TCP_BYTES, options, option_bytes);
    if (s->payload_len > 0)
        memcpy(tcp + TCP_BYTES + option_bytes, s->payload, s->payload_len);
    put16(tcp + 16,
          (uint16_t)~packet_fold(packet_sum(tcp, tcp_len, packet_pseudo_sum(ip, tcp_len))));
    return packet;
}
