/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP headers and options (RFC 9293 section 3.1 and 3.2, RFC 7323, RFC 2018). */
#ifndef WIRE_TCP_SEGMENT_H
#define WIRE_TCP_SEGMENT_H

#include "wire/ipv4.h"

#define TCP_HEADER_BYTES     20
#define TCP_HEADER_BYTES_MAX 60
#define TCP_SACK_BLOCKS_MAX  4
/* The first word of the options of most segments, which have no other: two NOPs before the
 * timestamps (RFC 7323 appendix A). */
#define TCP_TIMESTAMPS_ALONE 0x0101080au

enum {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

struct sack_block {
    uint32_t start, end; /* sequence numbers: [start, end) */
};

/* A segment in host order. Parsed at the edge once; the inner layers never touch wire bytes. */
struct tcp_segment {
    struct ip_addr src, dst;
    uint16_t src_port, dst_port;
    uint32_t seq, ack;
    uint8_t flags;
    uint8_t ip_ecn;
    uint16_t window; /* as on the wire, not scaled */

    bool has_mss, has_window_scale, has_timestamps, sack_permitted;
    uint8_t window_scale;
    uint8_t sack_count;
    uint16_t mss;
    uint32_t ts_value, ts_echo;
    struct sack_block sack[TCP_SACK_BLOCKS_MAX];

    const uint8_t *payload;
    uint32_t payload_len;
};

/* Length in sequence space: SYN and FIN count one each (RFC 9293 section 3.4). */
static inline uint32_t tcp_segment_len(const struct tcp_segment *seg)
{
    return seg->payload_len + ((seg->flags & TCP_SYN) != 0) + ((seg->flags & TCP_FIN) != 0);
}

enum tcp_parse_result {
    TCP_PARSE_OK,
    TCP_PARSE_MALFORMED,
    TCP_PARSE_BAD_CHECKSUM,
};

/*
 * Options of unknown kind are skipped; one whose length is below 2 or runs past the header makes
 * the segment malformed (RFC 9293 section 3.1, MUST-7 wants this not to crash). A known option of
 * the wrong length is ignored. The segment's payload points into ip.
 */
enum tcp_parse_result tcp_segment_parse(const struct ip_packet *ip, bool checksum_good,
                                        struct tcp_segment *seg);

/* Parses the ports and sequence number that an ICMP error quotes: at least 8 bytes. */
void tcp_quote_parse(const uint8_t *p, struct tcp_segment *seg);

/*
 * Writes header and options of seg (payload excluded), checksum 0; returns their length, a multiple
 * of 4. Options: with SYN, MSS, SACK permitted, timestamps and window scale as the has_ flags say;
 * without, timestamps, then as many SACK blocks as fit.
 */
uint32_t tcp_segment_emit(uint8_t *p, const struct tcp_segment *seg);

/* Makes a copy of a header that of another packet; the checksum stays what it was. */
void tcp_segment_renumber(uint8_t *p, uint32_t seq, uint8_t flags);

/* What a header's sequence number and flags are of its sum, all that tcp_segment_renumber()
 * changes, and what the rest is. Of big-endian words in host order, not folded. */
static inline uint64_t tcp_segment_number_sum(uint32_t seq, uint8_t flags)
{
    return (uint64_t)seq + flags;
}
uint64_t tcp_segment_common_sum(const uint8_t *p, uint32_t header_len);

/* Sets the checksum field of the header at p, as it stands on the wire. */
void tcp_checksum_put(uint8_t *p, uint16_t value);

#endif
