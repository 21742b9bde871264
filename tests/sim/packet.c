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
    PROTOCOL_TCP = 6,
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

uint64_t packet_pseudo_sum(const uint8_t *ip, uint32_t tcp_len)
{
    return packet_sum(ip + 12, 8, PROTOCOL_TCP + (uint64_t)tcp_len);
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
    *why = "TTL is 0";
    if (ip[8] == 0)
        return PACKET_BAD;
    if (ip[9] != PROTOCOL_TCP)
        return PACKET_OTHER;

    memcpy(s->dst_mac, packet->data, 6);
    memcpy(s->src_mac, packet->data + 6, 6);
    s->src_ip = get32(ip + 12);
    s->dst_ip = get32(ip + 16);
    s->ip_bytes = total;
    *why = parse_tcp(s, ip, ip + header, total - header);
    return *why == NULL ? PACKET_TCP : PACKET_BAD;
}

static enum packet_kind parse_arp(const struct packet *packet, struct arp *a, const char **why)
{
    static const uint8_t ethernet_ipv4[] = { 0, 1, 8, 0, 6, 4 };
    const uint8_t *p = packet->data + ETH_BYTES;

    *why = "ARP packet malformed";
    if (packet->len < ETH_BYTES + ARP_BYTES || memcmp(p, ethernet_ipv4, 6) != 0)
        return PACKET_BAD;
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

struct packet *packet_build_arp(const struct arp *a)
{
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

/* Writes the options, without the padding that usual stacks use to align them. */
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
        put16(p + n, 0x080a);
        put32(p + n + 2, s->tsval);
        put32(p + n + 6, s->tsecr);
        n += 10;
    }
    if (s->sack_count > 0) {
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

struct packet *packet_build_tcp(const struct segment *s)
{
    uint8_t options[48];
    unsigned option_bytes = write_options(s, options);
    uint32_t tcp_len = TCP_BYTES + option_bytes + s->payload_len;
    struct packet *packet =
        new_frame(ETH_BYTES + IP_BYTES + tcp_len, s->dst_mac, s->src_mac, TYPE_IP);
    uint8_t *ip = packet->data + ETH_BYTES;
    uint8_t *tcp = ip + IP_BYTES;

    memset(ip, 0, IP_BYTES + TCP_BYTES);
    ip[0] = 0x45;
    put16(ip + 2, (uint16_t)(IP_BYTES + tcp_len));
    put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = PROTOCOL_TCP;
    put32(ip + 12, s->src_ip);
    put32(ip + 16, s->dst_ip);
    put16(ip + 10, (uint16_t)~packet_fold(packet_sum(ip, IP_BYTES, 0)));

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
