/* SPDX-License-Identifier: BSD-3-Clause */
#include "observer.h"

#include <string.h>

#include "base/checksum.h"
#include "base/seq.h"
#include "fuzz.h"
#include "http/server.h"
#include "wire/ethernet.h"
#include "wire/ipv6.h"

#define FRAME_MAX (1u << 18)

typedef unsigned long ul; /* for printf */

/* ----------------------------------------------------------------------------------- references */

/* Whether the extent lies in one run of the file's bytes. */
static bool inside(const struct file *file, const struct tx_extent *e)
{
    for (uint32_t i = 0; i < file->extent_count; i++) {
        const struct file_extent *run = &file->extents[i];
        if (e->data >= run->data && e->data + e->len <= run->data + run->len)
            return true;
    }
    return false;
}

static void check_extents(const struct observer *o, const struct tx_slot *slot)
{
    uint32_t files = catalogue_files(o->catalogue);

    FUZZ_CHECK(slot->extent_count <= o->config->tx_extents_max, "%u extents, the port takes %u",
               slot->extent_count, o->config->tx_extents_max);
    for (unsigned i = 0; i < slot->extent_count; i++) {
        const struct tx_extent *e = &slot->extent[i];
        FUZZ_CHECK(e->len > 0 && e->len <= FILE_EXTENT_MAX, "extent of %u bytes", e->len);
        FUZZ_CHECK(e->pin >= o->http->pins && e->pin < o->http->pins + files, "pin of no file");
        FUZZ_CHECK(e->pin->responses > 0, "extent of a file that no response refers to");
        FUZZ_CHECK(inside(catalogue_file(o->catalogue, (uint32_t)(e->pin - o->http->pins)), e),
                   "extent outside its file");
    }
}

/* ------------------------------------------------------------------------------------- the frame
 */

static uint32_t linearise(const struct tx_slot *slot, uint8_t *frame)
{
    uint32_t len = slot->head_len;

    memcpy(frame, slot->head, len);
    for (unsigned i = 0; i < slot->extent_count; i++) {
        FUZZ_CHECK(len + slot->extent[i].len <= FRAME_MAX, "packet of more than %u bytes", len);
        memcpy(frame + len, slot->extent[i].data, slot->extent[i].len);
        len += slot->extent[i].len;
    }
    return len;
}

static void check_sizes(const struct observer *o, const struct tx_slot *slot, uint32_t len)
{
    uint32_t headers = (uint32_t)slot->l2_len + slot->l3_len + slot->l4_len;

    FUZZ_CHECK(slot->head_len >= headers && slot->head_len <= slot->head_capacity,
               "head of %u bytes, headers %u, capacity %u", slot->head_len, headers,
               slot->head_capacity);
    FUZZ_CHECK(slot->l2_len == ETH_HEADER_BYTES, "l2_len %u", slot->l2_len);
    if (!slot->tcp) {
        FUZZ_CHECK(slot->extent_count == 0 && slot->tso_mss == 0, "reply with payload");
    } else {
        FUZZ_CHECK(slot->l3_len == (slot->ipv4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES) &&
                       slot->l4_len >= TCP_HEADER_BYTES,
                   "header lengths %u, %u", slot->l3_len, slot->l4_len);
        FUZZ_CHECK(len == headers + slot->payload_len, "%u bytes, headers %u, payload %u", len,
                   headers, slot->payload_len);
    }
    if (slot->tso_mss == 0) {
        FUZZ_CHECK(len - ETH_HEADER_BYTES <= o->config->mtu, "%u bytes on an MTU of %u",
                   len - ETH_HEADER_BYTES, o->config->mtu);
        return;
    }
    FUZZ_CHECK(slot->payload_len > slot->tso_mss &&
                   slot->payload_len <= o->config->tx_tso_bytes_max,
               "super-segment of %u bytes, the port takes %u", slot->payload_len,
               o->config->tx_tso_bytes_max);
    FUZZ_CHECK(headers - ETH_HEADER_BYTES + slot->tso_mss <= o->config->mtu, "tso_mss %u",
               slot->tso_mss);
}

static void addresses_of(const uint8_t *ip, bool ipv4, struct ip_addr *src, struct ip_addr *dst)
{
    if (ipv4) {
        *src = ip_addr_from_v4(get_be32(ip + 12));
        *dst = ip_addr_from_v4(get_be32(ip + 16));
    } else {
        memcpy(src, ip + 8, sizeof(*src));
        memcpy(dst, ip + 24, sizeof(*dst));
    }
}

/* What the port would compute, where the stack has left it to it. */
static void check_offload(const struct observer *o, const struct tx_slot *slot, uint8_t *frame)
{
    uint8_t *ip = frame + ETH_HEADER_BYTES, *tcp = ip + slot->l3_len;
    struct ip_addr src, dst;

    addresses_of(ip, slot->ipv4, &src, &dst);
    if (o->config->tx_ip_checksum && slot->ipv4) {
        FUZZ_CHECK(get_be16(ip + 10) == 0, "IP checksum not left to the port");
        put_be16(ip + 10, (uint16_t)~checksum_bytes(ip, slot->l3_len));
    }
    if (!o->config->tx_tcp_checksum)
        return;
    uint32_t counted = slot->tso_mss != 0 ? 0 : slot->l4_len + slot->payload_len;
    uint32_t expected = checksum_fold((uint64_t)ip_pseudo_sum(&src, &dst, 6) + counted);
    FUZZ_CHECK(get_be16(tcp + 16) % 0xffff == expected % 0xffff, "pseudo-header's sum %#x, not %#x",
               get_be16(tcp + 16), expected);
    uint32_t len = slot->l4_len + slot->payload_len;
    put_be16(tcp + 16, 0);
    uint64_t sum = (uint64_t)ip_pseudo_sum(&src, &dst, 6) + len + checksum_bytes(tcp, len);
    put_be16(tcp + 16, (uint16_t)~checksum_fold(sum));
}

/* Whether the address is ours: configured, or made by ourselves for the link or a router's prefix.
 */
static bool ours(const struct observer *o, const struct ip_packet *ip)
{
    for (uint32_t i = 0; i < o->config->address_count; i++)
        if (ip_addr_equal(&ip->src, &o->config->address[i].ip))
            return true;
    if (ip_addr_is_v4(&ip->src))
        return false;
    struct ip_addr made = ipv6_from_mac(&ip->src, &o->config->mac);
    return ip_addr_equal(&made, &ip->src) ||
           (ip_addr_is_none(&ip->src) && ip->protocol == IP_PROTOCOL_ICMPV6);
}

static void check_icmpv6(const struct ip_packet *ip)
{
    uint64_t sum = (uint64_t)ip_pseudo_sum(&ip->src, &ip->dst, IP_PROTOCOL_ICMPV6) +
                   ip->payload_len + checksum_bytes(ip->payload, ip->payload_len);

    FUZZ_CHECK(checksum_fold(sum) == 0xffff, "ICMPv6 checksum");
}

/* The IP packet of a slot; a super-segment's length is the port's to set. */
static struct ip_packet ip_of(const struct tx_slot *slot, const uint8_t *p, uint32_t len, bool ipv4)
{
    struct ip_packet ip;

    if (slot->tso_mss != 0) {
        ip = (struct ip_packet){ .payload = p + slot->l3_len,
                                 .payload_len = slot->l4_len + slot->payload_len,
                                 .protocol = IP_PROTOCOL_TCP };
        addresses_of(p, ipv4, &ip.src, &ip.dst);
        return ip;
    }
    FUZZ_CHECK((ipv4 ? ipv4_parse(p, len, false, &ip) : ipv6_parse(p, len, &ip)) == IP_PARSE_OK,
               "IP header");
    FUZZ_CHECK(ip.header_len + ip.payload_len == len, "IP length");
    return ip;
}

void observe_run(const struct observer *o, struct tx_slot *run, unsigned left)
{
    if (run->packets == 1)
        return;
    FUZZ_CHECK(run->packets > 1 && run->packets <= left, "run of %u packets in %u slots",
               run->packets, left);
    FUZZ_CHECK(run->tcp && run->tso_mss == 0 && run->checksums == !o->config->tx_tcp_checksum,
               "run that cannot be");
    FUZZ_CHECK(run->head_len == run->l2_len + run->l3_len + run->l4_len &&
                   run->head_len <= TX_RUN_HEAD_BYTES,
               "run with a head of %u bytes", run->head_len);
    FUZZ_CHECK(run->extent_count == 1 && run->extent[0].len == run->packets * run->payload_len,
               "run of %u extents, %u bytes each packet", run->extent_count, run->payload_len);
    tx_run_split(run);
}

bool observe_slot(const struct observer *o, const struct tx_slot *slot, struct tcp_segment *seg)
{
    static uint8_t frame[FRAME_MAX];

    check_extents(o, slot);
    uint32_t len = linearise(slot, frame);
    check_sizes(o, slot, len);
    struct eth_header eth = eth_parse(frame);
    FUZZ_CHECK(mac_addr_equal(&eth.src, &o->config->mac), "sent from another MAC address");
    if (eth.type == ETH_TYPE_ARP)
        return false;
    FUZZ_CHECK(eth.type == ETH_TYPE_IPV4 || eth.type == ETH_TYPE_IPV6, "EtherType %#x", eth.type);
    FUZZ_CHECK(!slot->tcp || slot->ipv4 == (eth.type == ETH_TYPE_IPV4), "the slot's family");
    if (slot->tcp)
        check_offload(o, slot, frame);
    struct ip_packet ip =
        ip_of(slot, frame + ETH_HEADER_BYTES, len - ETH_HEADER_BYTES, eth.type == ETH_TYPE_IPV4);
    FUZZ_CHECK(ours(o, &ip), "sent from another IP address");
    if (ip.protocol == IP_PROTOCOL_ICMP)
        FUZZ_CHECK(checksum_bytes(ip.payload, ip.payload_len) == 0xffff, "ICMP checksum");
    if (ip.protocol == IP_PROTOCOL_ICMPV6)
        check_icmpv6(&ip);
    if (ip.protocol != IP_PROTOCOL_TCP)
        return false;
    FUZZ_CHECK(tcp_segment_parse(&ip, false, seg) == TCP_PARSE_OK, "TCP header or checksum");
    return true;
}

/* ------------------------------------------------------------------------------------ the stream
 */

/* The slot's payload from its byte `at` on, as it lies; sets *len. */
static const uint8_t *payload_run(const struct tx_slot *slot, uint32_t at, uint32_t *len)
{
    uint32_t headers = (uint32_t)slot->l2_len + slot->l3_len + slot->l4_len;
    uint32_t run = slot->head_len - headers;

    if (at < run) {
        *len = run - at;
        return slot->head + headers + at;
    }
    at -= run;
    for (unsigned i = 0;; i++) {
        if (at < slot->extent[i].len) {
            *len = slot->extent[i].len - at;
            return slot->extent[i].data + at;
        }
        at -= slot->extent[i].len;
    }
}

/* The same place of the stream always has the same bytes. */
static void check_bytes(struct observed *c, const struct tx_slot *slot, uint64_t from)
{
    for (uint32_t at = 0, len; at < slot->payload_len; at += len) {
        const uint8_t *p = payload_run(slot, at, &len);
        uint64_t start = from + at, end = start + len;
        if (start >= OBSERVER_STREAM_BYTES)
            return;
        if (end > OBSERVER_STREAM_BYTES)
            end = OBSERVER_STREAM_BYTES;
        uint64_t old = c->sent > start ? (c->sent < end ? c->sent : end) - start : 0;
        FUZZ_CHECK(memcmp(c->stream + start, p, old) == 0, "other bytes when sent again");
        memcpy(c->stream + start + old, p + old, end - start - old);
    }
}

void observe_segment(struct observed *c, const struct tx_slot *slot, const struct tcp_segment *seg)
{
    /* A RST may answer what belongs to no connection, at any place. */
    if ((seg->flags & TCP_RST) != 0)
        return;
    FUZZ_CHECK(c->known, "a segment to a peer without a connection");
    FUZZ_CHECK((seg->flags & TCP_ACK) != 0, "flags %#x", seg->flags);
    int64_t from = seq_to_offset(c->iss, c->sent, seg->seq);
    bool syn = (seg->flags & TCP_SYN) != 0, fin = (seg->flags & TCP_FIN) != 0;
    uint64_t data_end = (uint64_t)from + syn + seg->payload_len;

    FUZZ_CHECK(from >= 0 && (uint64_t)from <= c->sent, "segment at %ld, sent up to %lu", from,
               (ul)c->sent);
    FUZZ_CHECK(!syn || (from == 0 && seg->payload_len == 0 && !fin && seg->has_mss), "SYN-ACK");
    /* A keep-alive probe stands one before what is sent, empty. */
    FUZZ_CHECK(syn || from > 0 || (c->sent == 1 && seg->payload_len == 0 && !fin),
               "segment before the stream");
    FUZZ_CHECK(c->fin == 0 ||
                   (data_end <= c->fin + (seg->payload_len == 0) && !(fin && data_end != c->fin)),
               "segment up to %lu, FIN %d; the FIN stands at %lu", (ul)data_end, fin, (ul)c->fin);
    /* One byte may probe a closed window. */
    FUZZ_CHECK(syn || seg->payload_len <= 1 || data_end <= c->right,
               "segment up to %lu, the window ends at %lu", (ul)data_end, (ul)c->right);
    if (seg->payload_len > 0)
        check_bytes(c, slot, (uint64_t)from);
    if (fin)
        c->fin = data_end;
    if (data_end + fin > c->sent)
        c->sent = data_end + fin;
}
