/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP (RFC 792, RFC 1122 section 3.2.2). */
#include "wire/icmp.h"

#include "base/checksum.h"
#include "stack/internal.h"

enum { ICMP_ERRORS_PER_S = 100 };

/* Writes Ethernet and IP headers of a reply; returns where its payload goes, NULL: no room. */
static uint8_t *reply_begin(struct stack *s, const struct eth_header *eth,
                            const struct ip_packet *ip, uint32_t payload_len)
{
    return control_push_ip(s, &eth->src, &ip->dst, &ip->src, IP_PROTOCOL_ICMP, CONTROL_HOP_LIMIT,
                           payload_len);
}

static void checksum_put(uint8_t *icmp, uint32_t len)
{
    put_be16(icmp + 2, 0);
    put_be16(icmp + 2, (uint16_t)~checksum_bytes(icmp, len));
}

static void echo_reply(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip)
{
    uint8_t *p = reply_begin(s, eth, ip, ip->payload_len);

    if (p == NULL)
        return;
    COUNT(s->config.counters, icmp_echo_in);
    memcpy(p, ip->payload, ip->payload_len);
    p[0] = ICMP_ECHO_REPLY;
    checksum_put(p, ip->payload_len);
}

bool icmp_take_token(struct stack *s)
{
    uint64_t now = s->tcp.now;

    if (now >= s->icmp_refill_ns) {
        s->icmp_tokens = ICMP_ERRORS_PER_S;
        s->icmp_refill_ns = now + NS_PER_S;
    }
    if (s->icmp_tokens == 0)
        return false;
    s->icmp_tokens--;
    return true;
}

void icmp_unreachable(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip,
                      uint8_t code)
{
    /* ipv4_input saw to it that neither address is a broadcast one (RFC 1122 section 3.2.2). */
    if (!icmp_take_token(s))
        return;
    uint32_t quoted = ip->payload_len < ICMP_QUOTE_BYTES ? ip->payload_len : ICMP_QUOTE_BYTES;
    uint32_t len = ICMP_HEADER_BYTES + ip->header_len + quoted;
    uint8_t *p = reply_begin(s, eth, ip, len);
    if (p == NULL)
        return;
    COUNT(s->config.counters, icmp_error_out);
    p[0] = ICMP_UNREACHABLE;
    p[1] = code;
    put_be32(p + 4, 0);
    memcpy(p + ICMP_HEADER_BYTES, ip->header, ip->header_len + quoted);
    checksum_put(p, len);
}

struct tcp_conn *icmp_quoted_conn(struct stack *s, const struct ip_addr *remote,
                                  const struct ip_addr *local, const uint8_t *p,
                                  struct tcp_segment *quote)
{
    tcp_quote_parse(p, quote);
    struct tcp_key key = { .remote = *remote,
                           .local = *local,
                           .remote_port = quote->dst_port,
                           .local_port = quote->src_port };
    uint32_t index = flow_table_find(&s->flows, &key, flow_hash(&s->flows, &key));
    struct tcp_conn *c = index != FLOW_NONE ? &s->tcp.conn[index] : NULL;

    return c != NULL && c->state != TCP_STATE_CLOSED ? c : NULL;
}

void icmp_error_count(struct stack *s, bool heeded)
{
    if (heeded)
        COUNT(s->config.counters, icmp_error_in);
    else
        COUNT(s->config.counters, icmp_drop_stale);
}

/* The packet that an error quotes was one of ours: find its connection. */
static struct tcp_conn *quoted_conn(struct stack *s, const uint8_t *p, size_t len,
                                    struct tcp_segment *quote)
{
    if (len < IPV4_HEADER_BYTES || p[0] >> 4 != 4)
        return NULL;
    uint32_t header_len = (p[0] & 0xfu) * 4;
    if (header_len < IPV4_HEADER_BYTES || len < header_len + ICMP_QUOTE_BYTES ||
        p[9] != IP_PROTOCOL_TCP)
        return NULL;
    struct ip_addr remote = ip_addr_from_v4(get_be32(p + 16));
    struct ip_addr local = ip_addr_from_v4(get_be32(p + 12));
    return icmp_quoted_conn(s, &remote, &local, p + header_len, quote);
}

static bool error_heeded(struct tcp_conn *c, const struct tcp_segment *quote, const uint8_t *p)
{
    if (p[1] == ICMP_FRAGMENTATION_NEEDED)
        return tcp_path_mtu(c, quote->seq, get_be16(p + 6));
    /* RFC 9293 section 3.9.2.2: codes 2 to 4 are hard. */
    return tcp_unreachable(c, quote->seq,
                           p[1] == ICMP_UNREACHABLE_PROTOCOL || p[1] == ICMP_UNREACHABLE_PORT);
}

static void error_input(struct stack *s, const struct ip_packet *ip)
{
    const uint8_t *p = ip->payload;
    struct tcp_segment quote = { 0 };
    struct tcp_conn *c =
        quoted_conn(s, p + ICMP_HEADER_BYTES, ip->payload_len - ICMP_HEADER_BYTES, &quote);

    icmp_error_count(s, c != NULL && error_heeded(c, &quote, p));
}

void icmp_input(struct stack *s, const struct eth_header *eth, const struct ip_packet *ip)
{
    if (ip->payload_len < ICMP_HEADER_BYTES ||
        checksum_bytes(ip->payload, ip->payload_len) != 0xffff) {
        COUNT(s->config.counters, icmp_drop_malformed);
        return;
    }
    switch (ip->payload[0]) {
    case ICMP_ECHO_REQUEST:
        echo_reply(s, eth, ip);
        break;
    case ICMP_UNREACHABLE:
        error_input(s, ip);
        break;
    default:
        COUNT(s->config.counters, icmp_drop_stale);
        break;
    }
}
