/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP (RFC 826, RFC 5227). */
#include "wire/arp.h"
#include "stack/internal.h"

static void arp_reply(struct stack *s, const struct arp_packet *request)
{
    uint8_t *p = control_push(s, &request->sender_mac, ETH_TYPE_ARP, ARP_BYTES);

    if (p == NULL)
        return;
    struct arp_packet reply = { .operation = ARP_REPLY,
                                .sender_mac = s->config.mac,
                                .sender_ip = request->target_ip,
                                .target_mac = request->sender_mac,
                                .target_ip = request->sender_ip };
    arp_emit(p, &reply);
}

void arp_request(struct stack *s, const struct ip_addr *target)
{
    const struct address *source = addresses_source(&s->addresses, target);
    uint8_t *p = source != NULL ? control_push(s, &MAC_BROADCAST, ETH_TYPE_ARP, ARP_BYTES) : NULL;

    if (p == NULL)
        return;
    struct arp_packet request = { .operation = ARP_REQUEST,
                                  .sender_mac = s->config.mac,
                                  .sender_ip = source->ip,
                                  .target_ip = *target };
    arp_emit(p, &request);
    COUNT(s->config.counters, arp_request_out);
}

/* Whether the sender may be a neighbour of ours at all. */
static bool sender_ok(const struct stack *s, const struct eth_header *eth,
                      const struct arp_packet *arp)
{
    const struct address *own = addresses_source(&s->addresses, &arp->sender_ip);

    return !mac_addr_is_multicast(&arp->sender_mac) &&
           mac_addr_equal(&arp->sender_mac, &eth->src) && own != NULL &&
           ip_addr_same_net(&arp->sender_ip, &own->ip, own->prefix_len) &&
           addresses_ready(&s->addresses, &arp->sender_ip) == NULL;
}

void arp_input(struct stack *s, const struct eth_header *eth, const uint8_t *p, size_t len)
{
    struct counters *counters = s->config.counters;
    struct arp_packet arp;

    if (!arp_parse(p, len, &arp)) {
        COUNT(counters, arp_drop_malformed);
        return;
    }
    if (arp.operation == ARP_REQUEST && addresses_ready(&s->addresses, &arp.target_ip) != NULL) {
        COUNT(counters, arp_request_in);
        /* An address probe has sender 0.0.0.0 (RFC 5227 section 2.1): answer, but learn nothing. */
        if (sender_ok(s, eth, &arp))
            stack_neighbour_heard(s, &arp.sender_ip, &arp.sender_mac);
        arp_reply(s, &arp);
        return;
    }
    COUNT_N(counters, arp_reply_in, arp.operation == ARP_REPLY);
    /* RFC 826: an entry that exists is updated by whatever the owner says; new ones are made only
     * for those who ask for us (above) and those we asked. */
    if (!sender_ok(s, eth, &arp))
        return;
    if (neighbours_find(&s->neighbours, &arp.sender_ip) != NEIGHBOUR_NONE)
        stack_neighbour_heard(s, &arp.sender_ip, &arp.sender_mac);
    else if (arp.operation == ARP_REPLY && addresses_ready(&s->addresses, &arp.target_ip) != NULL)
        stack_neighbour_answered(s, &arp.sender_ip, &arp.sender_mac);
}
