/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets as the simulated world knows them: Ethernet, ARP, IPv4, IPv6, neighbour discovery, TCP,
 * read and written by code that shares nothing with the stack under test, so that a mistake in one
 * is seen by the other.
 *
 * A host is named by 32 bits in either family: 10.71.x.y is fd00:71::10.71.x.y as well, any other
 * a.b.c.d is fd00:99::a.b.c.d.
 */
#ifndef SIM_PACKET_H
#define SIM_PACKET_H

#include <stdbool.h>
#include <stdint.h>

struct packet {
    uint32_t len;
    bool damaged; /* a link flipped a bit of it */
    uint8_t data[];
};

enum {
    FLAG_FIN = 0x01,
    FLAG_SYN = 0x02,
    FLAG_RST = 0x04,
    FLAG_PSH = 0x08,
    FLAG_ACK = 0x10,
    FLAG_URG = 0x20,
    FLAG_ECE = 0x40,
    FLAG_CWR = 0x80,
};

/* Of the IP header (RFC 3168 section 5). */
enum {
    ECN_NOT_ECT = 0,
    ECN_ECT_1 = 1,
    ECN_ECT_0 = 2,
    ECN_CE = 3,
};

#define SERVER_NET      0x0a47u /* 10.71/16: the server's own net */
#define SACK_BLOCKS_MAX 4

struct sack_block {
    uint32_t start, end;
};

/* A TCP segment with its addresses, all in host order. */
struct segment {
    uint8_t src_mac[6], dst_mac[6];
    bool v6;
    uint8_t ecn;
    uint32_t src_ip, dst_ip;
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint16_t window;
    uint8_t flags;

    uint16_t mss;  /* 0: no such option */
    int8_t wscale; /* -1: no such option */
    bool timestamps, sack_permitted;
    bool aligned; /* to be sent: two NOPs before timestamps and SACK blocks */
    uint32_t tsval, tsecr;
    unsigned sack_count;
    struct sack_block sack[SACK_BLOCKS_MAX];

    const uint8_t *payload;
    uint32_t payload_len;
    uint32_t option_bytes; /* parsed: length of all TCP options */
    uint32_t ip_bytes;     /* parsed: total length of the IP packet */
    uint8_t hops;          /* parsed: TTL or hop limit; on arrival 0 is as good as any */
};

/* Who is at which MAC address: ARP, or a neighbour solicitation or advertisement (RFC 4861). */
struct arp {
    uint8_t src_mac[6], dst_mac[6]; /* Ethernet; a question to all goes to broadcast_mac */
    bool v6;
    uint16_t operation; /* 1 request, 2 reply */
    uint8_t sender_mac[6], target_mac[6];
    uint32_t sender_ip, target_ip;
};

enum packet_kind {
    PACKET_BAD, /* malformed or a wrong checksum; *why says what */
    PACKET_TCP,
    PACKET_ARP,
    PACKET_OTHER,
};

struct packet *packet_new(uint32_t len);
struct packet *packet_copy(const struct packet *packet);

/* Exactly one of *segment and *arp is filled in, as the kind says. */
enum packet_kind packet_parse(const struct packet *packet, struct segment *segment, struct arp *arp,
                              const char **why);
/* Padded to 60 bytes with what is no zero, as some devices do. */
struct packet *packet_build_tcp(const struct segment *segment);
struct packet *packet_build_arp(const struct arp *arp);

/* Ones'-complement sum of len bytes added to sum; folded by packet_fold. */
uint64_t packet_sum(const uint8_t *data, uint32_t len, uint64_t sum);
uint16_t packet_fold(uint64_t sum);
/* Of TCP's pseudo-header behind an IP header of either family; tcp_len as it is to be counted. */
uint64_t packet_pseudo_sum(const uint8_t *ip, uint32_t tcp_len);

/* The name of a host in IPv6. */
void packet_ipv6_address(uint32_t host, uint8_t to[16]);
/* What an IP packet is in IP's own view: its length, header included. 0: neither IPv4 nor IPv6. */
uint32_t packet_ip_bytes(const struct packet *packet);
/* With an 802.1Q tag put in; takes the packet over. */
struct packet *packet_tag(struct packet *packet, uint16_t vlan);
/* Takes that tag out. False: there is none, or another. */
bool packet_untag(struct packet *packet, uint16_t vlan);
/* Marks an IP packet as one that met congestion. False: its sender does not speak ECN. */
bool packet_mark(struct packet *packet);

static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)(v >> 16));
    put16(p + 2, (uint16_t)v);
}

#endif
