/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/checksum.h"
#include "stack/internal.h"

uint8_t *control_push(struct stack *s, const struct mac_addr *dst, uint16_t type,
                      uint32_t payload_len)
{
    struct control_queue *q = &s->control;
    uint32_t len = link_bytes(s) + payload_len;

    if (q->count == CONTROL_FRAMES || len > q->frame_bytes) {
        COUNT(s->config.counters, control_full);
        return NULL;
    }
    uint32_t at = (q->head + q->count++) % CONTROL_FRAMES;
    q->len[at] = (uint16_t)len;
    return link_emit(s, q->bytes + (size_t)at * q->frame_bytes, dst, type);
}

uint8_t *control_push_ip(struct stack *s, const struct mac_addr *mac, const struct ip_addr *src,
                         const struct ip_addr *dst, uint8_t protocol, uint8_t hop_limit,
                         uint32_t payload_len)
{
    bool v4 = ip_addr_is_v4(dst);
    uint32_t header_len = v4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
    uint8_t *p = control_push(s, mac, v4 ? ETH_TYPE_IPV4 : ETH_TYPE_IPV6, header_len + payload_len);

    if (p == NULL)
        return NULL;
    if (v4)
        ipv4_emit(p, src, dst, protocol, 0, header_len + payload_len, false);
    else
        ipv6_emit(p, src, dst, protocol, 0, 0, hop_limit, payload_len);
    return p + header_len;
}

bool control_pop(struct stack *s, struct tx_slot *slot)
{
    struct control_queue *q = &s->control;

    if (q->count == 0)
        return false;
    uint32_t at = q->head;
    q->head = (q->head + 1) % CONTROL_FRAMES;
    q->count--;
    if (q->len[at] > slot->head_capacity) {
        COUNT(s->config.counters, control_full);
        return control_pop(s, slot);
    }
    memcpy(slot->head, q->bytes + (size_t)at * q->frame_bytes, q->len[at]);
    slot->head_len = q->len[at];
    slot->l2_len = (uint8_t)link_bytes(s);
    slot->l3_len = 0;
    slot->l4_len = 0;
    slot->extent_count = 0;
    slot->packets = 1;
    slot->ipv4 = false; /* finished: the port has nothing to fill in */
    slot->tcp = false;
    slot->tso_mss = 0;
    slot->payload_len = 0;
    return true;
}

bool control_segment(struct stack *s, const struct eth_header *eth, const struct tcp_segment *seg,
                     struct tcp_segment *answer)
{
    uint8_t header[TCP_HEADER_BYTES_MAX];

    answer->src_port = seg->dst_port;
    answer->dst_port = seg->src_port;
    uint32_t len = tcp_segment_emit(header, answer);
    uint64_t sum = (uint64_t)ip_pseudo_sum(&seg->dst, &seg->src, IP_PROTOCOL_TCP) + len +
                   checksum_bytes(header, len);
    tcp_checksum_put(header, (uint16_t)~checksum_fold(sum));

    uint8_t *p = control_push_ip(s, &eth->src, &seg->dst, &seg->src, IP_PROTOCOL_TCP,
                                 CONTROL_HOP_LIMIT, len);
    if (p == NULL)
        return false;
    memcpy(p, header, len);
    COUNT(s->config.counters, tcp_out);
    return true;
}

void control_reset(struct stack *s, const struct eth_header *eth, const struct tcp_segment *seg)
{
    if ((seg->flags & TCP_RST) != 0)
        return;
    struct tcp_segment rst = { 0 };
    if ((seg->flags & TCP_ACK) != 0) {
        rst.seq = seg->ack;
        rst.flags = TCP_RST;
    } else {
        rst.ack = seg->seq + tcp_segment_len(seg);
        rst.flags = TCP_RST | TCP_ACK;
    }
    COUNT_N(s->config.counters, tcp_rst_out, control_segment(s, eth, seg, &rst));
}

/* A neighbour that was known is asked itself first (RFC 4861 section 7.3.3); ARP asks all. */
static void neighbour_request(struct stack *s, const struct neighbour *n)
{
    if (ip_addr_is_v4(&n->ip))
        arp_request(s, &n->ip);
    else
        ndp_solicit(s, &n->ip, n->state == NEIGHBOUR_PROBE ? &n->mac : NULL);
}

void control_neighbour_requests(struct stack *s)
{
    struct neighbours *table = &s->neighbours;

    if (!table->request_due)
        return;
    table->request_due = false;
    for (uint32_t i = 0; i < table->used; i++) {
        struct neighbour *n = &table->entry[i];
        if (n->state != NEIGHBOUR_FREE && n->request_due) {
            n->request_due = false;
            neighbour_request(s, n);
        }
    }
}
