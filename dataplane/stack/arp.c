/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826, RFC 5227). */
#include "wire/arp.h"
#include "stack/internal.h"

static void arp_reply(struct stack *s, const struct arp_packet *request)
{
    uint8_t *p = control_push(s, ETH_HEADER_BYTES + ARP_BYTES);

    if (p == NULL)
        return;
    struct arp_packet reply = { .operation = ARP_REPLY,
                                .sender_mac = s->config.mac,
                                .sender_ip = s->config.address,
                                .target_mac = request->sender_mac,
                                .target_ip = request->sender_ip };
    eth_emit(p, &request->sender_mac, &s->config.mac, ETH_TYPE_ARP);
    arp_emit(p + ETH_HEADER_BYTES, &reply);
}

static void learn(struct stack *s, const struct arp_packet *arp)
{
    if (!neighbours_learn(&s->neighbours, &arp->sender_ip, &arp->sender_mac, s->tcp.now))
        return;
    stack_unpark(s);
    if (s->config.neighbour_learnt != NULL)
        s->config.neighbour_learnt(s->config.neighbour_ctx, &arp->sender_ip, &arp->sender_mac);
}

/* Whether the sender may be a neighbour of ours at all. */
static bool sender_ok(const struct stack *s, const struct eth_header *eth,
                      const struct arp_packet *arp)
{
    return !mac_addr_is_multicast(&arp->sender_mac) &&
           mac_addr_equal(&arp->sender_mac, &eth->src) &&
           !ip_addr_equal(&arp->sender_ip, &s->config.address) &&
           ip_addr_same_net(&arp->sender_ip, &s->config.address, s->config.prefix_len);
}

void arp_input(struct stack *s, const struct eth_header *eth, const uint8_t *p, size_t len)
{
    struct counters *counters = s->config.counters;
    struct arp_packet arp;

    if (!arp_parse(p, len, &arp)) {
        COUNT(counters, arp_drop_malformed);
        return;
    }
    if (arp.operation == ARP_REQUEST && ip_addr_equal(&arp.target_ip, &s->config.address)) {
        COUNT(counters, arp_request_in);
        /* An address probe has sender 0.0.0.0 (RFC 5227 section 2.1): answer, but learn nothing. */
        if (sender_ok(s, eth, &arp))
            learn(s, &arp);
        arp_reply(s, &arp);
        return;
    }
    COUNT_N(counters, arp_reply_in, arp.operation == ARP_REPLY);
    /* RFC 826: an entry that exists is updated by whatever the owner says; new ones are made only
     * for those who ask for us (above) and those we asked. */
    if (sender_ok(s, eth, &arp) &&
        neighbours_find(&s->neighbours, &arp.sender_ip) != NEIGHBOUR_NONE)
        learn(s, &arp);
}
