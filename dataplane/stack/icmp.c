/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP (RFC 792, RFC 1122 section 3.2.2). */
#include "wire/icmp.h"

#include "base/checksum.h"
#include "stack/internal.h"

enum { ICMP_ERRORS_PER_S = 100 };

/* Each error told is a message to each other worker: a flood must not fill their inboxes. Path MTU
 * that is not heard of is found out by time-outs (tcp/mtu.c). */
enum { ICMP_TOLD_PER_S = 1000 };

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

static void tokens_refill(struct stack *s)
{
    uint64_t now = s->tcp.now;

    if (now < s->icmp_refill_ns)
        return;
    s->icmp_tokens = ICMP_ERRORS_PER_S;
    s->icmp_tell_tokens = ICMP_TOLD_PER_S;
    s->icmp_refill_ns = now + NS_PER_S;
}

bool icmp_take_token(struct stack *s)
{
    tokens_refill(s);
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

static struct tcp_conn *conn_of(struct stack *s, const struct stack_icmp_error *error)
{
    struct tcp_key key = { .remote = error->remote.ip,
                           .local = error->local.ip,
                           .remote_port = error->remote.port,
                           .local_port = error->local.port };
    uint32_t index = flow_table_find(&s->flows, &key, flow_hash(&s->flows, &key));
    struct tcp_conn *c = index != FLOW_NONE ? &s->tcp.conn[index] : NULL;

    return c != NULL && c->state != TCP_STATE_CLOSED ? c : NULL;
}

/* All errors that are not hard are soft for a synchronised connection (RFC 5461): retransmission
 * and its time-out decide. */
static bool error_heeded(struct tcp_conn *c, const struct stack_icmp_error *error)
{
    return error->path_mtu ? tcp_path_mtu(c, error->seq, error->mtu)
                           : tcp_unreachable(c, error->seq, error->hard);
}

static void error_tell(struct stack *s, const struct stack_icmp_error *error)
{
    struct stack_news news = { .kind = STACK_NEWS_ERROR, .error = *error };

    tokens_refill(s);
    if (s->icmp_tell_tokens == 0) {
        COUNT(s->config.counters, icmp_drop_stale);
        return;
    }
    s->icmp_tell_tokens--;
    COUNT(s->config.counters, icmp_error_told);
    stack_tell(s, &news);
}

void icmp_quote_input(struct stack *s, const struct ip_addr *local, const struct ip_addr *remote,
                      const uint8_t *p, struct stack_icmp_error *error)
{
    struct tcp_segment quote = { 0 };

    tcp_quote_parse(p, &quote);
    error->local = (struct tcp_peer){ *local, quote.src_port };
    error->remote = (struct tcp_peer){ *remote, quote.dst_port };
    error->seq = quote.seq;
    struct tcp_conn *c = conn_of(s, error);
    /* The port chooses the queue by the addresses of who sent the error, a router mostly. */
    if (c == NULL && s->config.shared)
        error_tell(s, error);
    else if (c != NULL && error_heeded(c, error))
        COUNT(s->config.counters, icmp_error_in);
    else
        COUNT(s->config.counters, icmp_drop_stale);
}

void icmp_error_heard(struct stack *s, const struct stack_icmp_error *error)
{
    struct tcp_conn *c = conn_of(s, error);

    if (c != NULL && error_heeded(c, error))
        COUNT(s->config.counters, icmp_error_in);
}

/* The packet that an error quotes was one of ours. */
static void error_input(struct stack *s, const struct ip_packet *ip)
{
    const uint8_t *icmp = ip->payload, *p = icmp + ICMP_HEADER_BYTES;
    size_t len = ip->payload_len - ICMP_HEADER_BYTES;
    uint32_t header_len = len >= IPV4_HEADER_BYTES ? (p[0] & 0xfu) * 4 : 0;

    if (header_len < IPV4_HEADER_BYTES || p[0] >> 4 != 4 || len < header_len + ICMP_QUOTE_BYTES ||
        p[9] != IP_PROTOCOL_TCP) {
        COUNT(s->config.counters, icmp_drop_stale);
        return;
    }
    struct ip_addr remote = ip_addr_from_v4(get_be32(p + 16));
    struct ip_addr local = ip_addr_from_v4(get_be32(p + 12));
    /* RFC 9293 section 3.9.2.2: codes 2 to 4 are hard. */
    struct stack_icmp_error error = {
        .path_mtu = icmp[1] == ICMP_FRAGMENTATION_NEEDED,
        .mtu = get_be16(icmp + 6),
        .hard = icmp[1] == ICMP_UNREACHABLE_PROTOCOL || icmp[1] == ICMP_UNREACHABLE_PORT,
    };
    icmp_quote_input(s, &local, &remote, p + header_len, &error);
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
