/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/checksum.h"
#include "stack/internal.h"
#include "wire/arp.h"

uint8_t *control_push(struct stack *s, uint32_t len)
{
    struct control_queue *q = &s->control;

    if (q->count == CONTROL_FRAMES || len > q->frame_bytes) {
        COUNT(s->config.counters, control_full);
        return NULL;
    }
    uint32_t at = (q->head + q->count++) % CONTROL_FRAMES;
    q->len[at] = (uint16_t)len;
    return q->bytes + (size_t)at * q->frame_bytes;
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
    slot->l2_len = ETH_HEADER_BYTES;
    slot->l3_len = 0;
    slot->l4_len = 0;
    slot->extent_count = 0;
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

    uint8_t *p = control_push(s, ETH_HEADER_BYTES + IPV4_HEADER_BYTES + len);
    if (p == NULL)
        return false;
    eth_emit(p, &eth->src, &s->config.mac, ETH_TYPE_IPV4);
    p += ETH_HEADER_BYTES;
    ipv4_emit(p, &seg->dst, &seg->src, IP_PROTOCOL_TCP, 0, IPV4_HEADER_BYTES + len, false);
    memcpy(p + IPV4_HEADER_BYTES, header, len);
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

static void arp_request(struct stack *s, const struct ip_addr *target)
{
    uint8_t *p = control_push(s, ETH_HEADER_BYTES + ARP_BYTES);

    if (p == NULL)
        return;
    struct arp_packet request = { .operation = ARP_REQUEST,
                                  .sender_mac = s->config.mac,
                                  .sender_ip = s->config.address,
                                  .target_ip = *target };
    eth_emit(p, &MAC_BROADCAST, &s->config.mac, ETH_TYPE_ARP);
    arp_emit(p + ETH_HEADER_BYTES, &request);
    COUNT(s->config.counters, arp_request_out);
}

void control_arp_requests(struct stack *s)
{
    struct neighbours *table = &s->neighbours;

    if (s->announce) {
        s->announce = false;
        arp_request(s, &s->config.address); /* an announcement asks for oneself (RFC 5227 2.3) */
    }
    if (!table->request_due)
        return;
    table->request_due = false;
    for (uint32_t i = 0; i < table->used; i++) {
        struct neighbour *n = &table->entry[i];
        if (n->state != NEIGHBOUR_FREE && n->request_due) {
            n->request_due = false;
            arp_request(s, &n->ip);
        }
    }
}
