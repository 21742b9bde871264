/* SPDX-License-Identifier: BSD-3-Clause */
#include "network.h"

#include <string.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "base/checksum.h"
#include "base/time.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"

bool network_init(struct network *n, uint32_t departures)
{
    ASSERT(rte_is_power_of_2(departures));
    n->ring = rte_zmalloc("bench", departures * sizeof(*n->ring), 64);
    n->mask = departures - 1;
    return n->ring != NULL;
}

void network_release(struct network *n)
{
    rte_free(n->ring);
}

static uint32_t write_arp_reply(const struct network *n, uint8_t *p)
{
    struct arp_packet reply = { .operation = ARP_REPLY,
                                .sender_mac = n->gateway_mac,
                                .target_mac = n->server_mac,
                                .sender_ip = ip_addr_from_v4(n->gateway_ip),
                                .target_ip = ip_addr_from_v4(n->server_ip) };

    eth_emit(p, &n->server_mac, &n->gateway_mac, ETH_TYPE_ARP);
    arp_emit(p + ETH_HEADER_BYTES, &reply);
    return ETH_HEADER_BYTES + ARP_BYTES;
}

static void fill_segment(const struct network *n, const struct departure *d,
                         struct tcp_segment *seg, uint64_t now)
{
    static const uint8_t flags[] = { [DEPART_SYN] = TCP_SYN,
                                     [DEPART_ACK] = TCP_ACK,
                                     [DEPART_REQUEST] = TCP_ACK | TCP_PSH,
                                     [DEPART_FIN] = TCP_ACK | TCP_FIN };

    seg->src_port = d->port;
    seg->dst_port = n->server_port;
    seg->seq = d->seq;
    seg->ack = d->ack;
    seg->flags = flags[d->kind];
    seg->window = n->window;
    seg->has_timestamps = true;
    seg->ts_value = (uint32_t)(now / NS_PER_MS);
    seg->ts_echo = d->ts_echo;
    seg->sack_count = d->sack_count;
    memcpy(seg->sack, d->sack, d->sack_count * sizeof(d->sack[0]));
    seg->has_mss = seg->sack_permitted = seg->has_window_scale = d->kind == DEPART_SYN;
    seg->mss = (uint16_t)(n->mtu - IPV4_HEADER_BYTES - TCP_HEADER_BYTES);
    seg->window_scale = n->window_scale;
}

static uint32_t write_frame(const struct network *n, const struct departure *d, uint8_t *p,
                            uint64_t now)
{
    if (UNLIKELY(d->kind == DEPART_ARP_REPLY))
        return write_arp_reply(n, p);

    struct tcp_segment seg;
    struct ip_addr src = ip_addr_from_v4(n->client_ip + d->client);
    struct ip_addr dst = ip_addr_from_v4(n->server_ip);
    uint8_t *ip = p + ETH_HEADER_BYTES, *tcp = ip + IPV4_HEADER_BYTES;

    fill_segment(n, d, &seg, now);
    uint32_t len = tcp_segment_emit(tcp, &seg);
    if (d->kind == DEPART_REQUEST) {
        const struct request_text *request = &n->requests[d->file];
        memcpy(tcp + len, request->text, request->len);
        len += request->len;
    }
    eth_emit(p, &n->server_mac, &n->gateway_mac, ETH_TYPE_IPV4);
    ipv4_emit(ip, &src, &dst, IP_PROTOCOL_TCP, 0, IPV4_HEADER_BYTES + len, !n->checksums);
    if (n->checksums) {
        uint64_t sum = (uint64_t)ip_pseudo_sum(&src, &dst, IP_PROTOCOL_TCP) + len;
        tcp_checksum_put(tcp, (uint16_t)~checksum_fold(sum + checksum_bytes(tcp, len)));
    }
    return ETH_HEADER_BYTES + IPV4_HEADER_BYTES + len;
}

unsigned network_deliver(struct network *n, uint64_t now)
{
    uint32_t room = n->first != n->end ? queue_rx_room(n->queue) : 0;
    unsigned count = 0;

    if (room > NETWORK_BURST)
        room = NETWORK_BURST;
    while (count < room && n->first != n->end) {
        const struct departure *d = &n->ring[n->first & n->mask];
        if (d->due > now)
            break;
        struct rx_descriptor *buffer = queue_rx_buffer(n->queue, count);
        if (count + 2 < room)
            rte_prefetch0(queue_rx_buffer(n->queue, count + 2)->addr);
        buffer->len = write_frame(n, d, buffer->addr, now);
        n->first++;
        count++;
    }
    if (count > 0)
        queue_rx_publish(n->queue, count);
    n->frames += count;
    return count;
}
