/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "trace.h"

enum {
    IP_LEN_AT = 2,
    IP_ID_AT = 4,
    IP_CHECKSUM_AT = 10,
    IP_DESTINATION_AT = 16,
    IPV6_LEN_AT = 4,
    IPV6_BYTES = 40,
    IPV6_HOST_AT = 36, /* what names a host in the destination (packet.h) */
    TCP_DESTINATION_AT = 2,
    TCP_SEQ_AT = 4,
    TCP_FLAGS_AT = 13,
    TCP_CHECKSUM_AT = 16,
};

void nic_init(struct nic *nic, struct sim *sim, const struct nic_config *config, uint16_t mtu,
              uint16_t vlan)
{
    memset(nic, 0, sizeof(*nic));
    nic->sim = sim;
    nic->config = config;
    nic->mtu = mtu;
    nic->vlan = vlan;
    nic->prng.state = prng_next(&sim->prng);
}

void nic_destroy(struct nic *nic)
{
    for (unsigned i = 0; i < nic->count; i++)
        free(nic->packet[(nic->head + i) % NIC_RING_MAX].head);
}

unsigned nic_room(const struct nic *nic)
{
    return nic->config->ring - nic->count;
}

/* -------------------------------------------------------------------------------- taking slots */

static void check_slot(struct nic *nic, const struct tx_slot *s)
{
    uint32_t headers = (uint32_t)s->l2_len + s->l3_len + s->l4_len;
    uint64_t bytes = s->head_len;
    bool tso = nic->config->mode == NIC_TSO;

    for (unsigned i = 0; i < s->extent_count && i < TX_EXTENTS_MAX; i++) {
        bytes += s->extent[i].len;
        if (s->extent[i].len == 0 || s->extent[i].len > 65535 || s->extent[i].pin == NULL)
            sim_fail(nic->sim, "extent of %" PRIu32 " bytes, or without a pin", s->extent[i].len);
    }
    if (s->head_len > s->head_capacity || s->head_len < headers ||
        s->l2_len != (nic->vlan != 0 ? 18 : 14))
        sim_fail(nic->sim, "slot with a head of %u bytes (capacity %u, headers %" PRIu32 ")",
                 s->head_len, s->head_capacity, headers);
    if (s->extent_count > nic->config->extents_max)
        sim_fail(nic->sim, "slot with %u extents, more than %u", s->extent_count,
                 nic->config->extents_max);
    if (s->tcp && bytes != (uint64_t)headers + s->payload_len)
        sim_fail(nic->sim, "slot of %" PRIu64 " bytes, headers %" PRIu32 ", payload %" PRIu32,
                 bytes, headers, s->payload_len);
    if (s->tso_mss != 0 && (!tso || !s->tcp || s->payload_len > nic->config->tso_bytes_max))
        sim_fail(nic->sim, "super-segment of %" PRIu32 " bytes that this port does not take",
                 s->payload_len);
    if (s->tso_mss == 0 && bytes - s->l2_len > nic->mtu)
        sim_fail(nic->sim, "packet of %" PRIu64 " bytes on an MTU of %u", bytes - s->l2_len,
                 nic->mtu);
}

void nic_split(struct nic *nic, struct tx_slot *run, unsigned left)
{
    if (run->packets == 1)
        return;
    if (run->packets == 0 || run->packets > left || !run->tcp || run->tso_mss != 0 ||
        run->checksums != (nic->config->mode == NIC_SOFTWARE) ||
        run->head_len > TX_RUN_HEAD_BYTES ||
        run->head_len != run->l2_len + run->l3_len + run->l4_len || run->extent_count != 1 ||
        run->extent[0].len != run->packets * run->payload_len)
        sim_fail(nic->sim, "run of %u packets, head of %u bytes, %u extents", run->packets,
                 run->head_len, run->extent_count);
    tx_run_split(run);
}

static int64_t acknowledged(const struct nic *nic, const struct tx_slot *s)
{
    const uint8_t *ip = s->head + s->l2_len;

    if (!s->tcp)
        return 0;
    const struct watch *watch =
        network_watch(nic->sim->network, get32(ip + (s->ipv4 ? IP_DESTINATION_AT : IPV6_HOST_AT)),
                      get16(ip + s->l3_len + TCP_DESTINATION_AT));
    return watch != NULL ? watch->acked : 0;
}

void nic_take(struct nic *nic, const struct tx_slot *slot)
{
    struct nic_packet *p = &nic->packet[(nic->head + nic->count++) % NIC_RING_MAX];
    uint64_t bytes = slot->head_len;

    check_slot(nic, slot);
    *p = (struct nic_packet){ .slot = *slot, .head = malloc(slot->head_len) };
    if (p->head == NULL)
        abort();
    memcpy(p->head, slot->head, slot->head_len);
    p->acked = acknowledged(nic, slot);
    for (unsigned i = 0; i < slot->extent_count; i++) {
        slot->extent[i].pin->in_flight++;
        bytes += slot->extent[i].len;
    }
    if (nic->busy_until < nic->sim->now)
        nic->busy_until = nic->sim->now;
    nic->busy_until += (uint64_t)((double)bytes * 8e9 / nic->config->rate_bps);
    p->sent_at = nic->busy_until;
}

/* ------------------------------------------------------------------------------------- sending */

static struct packet *linearise(const struct nic_packet *p)
{
    const struct tx_slot *s = &p->slot;
    uint32_t len = s->head_len;

    for (unsigned i = 0; i < s->extent_count; i++)
        len += s->extent[i].len;
    struct packet *frame = packet_new(len);
    memcpy(frame->data, p->head, s->head_len);
    len = s->head_len;
    for (unsigned i = 0; i < s->extent_count; i++) {
        memcpy(frame->data + len, s->extent[i].data, s->extent[i].len);
        len += s->extent[i].len;
    }
    return frame;
}

/* Gives the frame the checksums that this card computes. */
static void finish_checksums(struct packet *frame, const struct tx_slot *s)
{
    uint8_t *ip = frame->data + s->l2_len;
    uint8_t *tcp = ip + s->l3_len;
    uint32_t tcp_len = frame->len - s->l2_len - s->l3_len;

    if (s->ipv4) {
        put16(ip + IP_CHECKSUM_AT, 0);
        put16(ip + IP_CHECKSUM_AT, (uint16_t)~packet_fold(packet_sum(ip, s->l3_len, 0)));
    }
    if (!s->tcp)
        return;
    put16(tcp + TCP_CHECKSUM_AT, 0);
    put16(tcp + TCP_CHECKSUM_AT,
          (uint16_t)~packet_fold(packet_sum(tcp, tcp_len, packet_pseudo_sum(ip, tcp_len))));
}

/* Hardware goes on from the pseudo-header's sum that the stack wrote, and from an IP checksum of 0.
 */
static void check_offload(struct nic *nic, const struct packet *frame, const struct tx_slot *s)
{
    const uint8_t *ip = frame->data + s->l2_len;
    const uint8_t *tcp = ip + s->l3_len;
    uint32_t counted = s->tso_mss != 0 ? 0 : s->l4_len + s->payload_len;

    if (s->ipv4 && get16(ip + IP_CHECKSUM_AT) != 0)
        sim_fail(nic->sim, "IP checksum not 0 although the port computes it");
    if (s->tcp && get16(tcp + TCP_CHECKSUM_AT) != packet_fold(packet_pseudo_sum(ip, counted)))
        sim_fail(nic->sim, "pseudo-header checksum %#x, should be %#x",
                 get16(tcp + TCP_CHECKSUM_AT), packet_fold(packet_pseudo_sum(ip, counted)));
}

/* The wire side: the frame is what any observer sees, so the referee looks at it. */
static void emit(struct nic *nic, struct packet *frame, int64_t acked)
{
    struct network *network = nic->sim->network;
    struct segment segment;
    struct arp arp;
    const char *why;

    if (nic->vlan != 0 && !packet_untag(frame, nic->vlan))
        sim_fail(nic->sim, "the server sent a frame without its VLAN tag");
    trace_capture(nic->sim, ">", frame);
    switch (packet_parse(frame, &segment, &arp, &why)) {
    case PACKET_BAD:
        sim_fail(nic->sim, "the server sent a bad packet: %s", why);
        break;
    case PACKET_TCP: {
        struct watch *watch = network_watch(network, segment.dst_ip, segment.dst_port);
        if (watch != NULL)
            watch_sent(nic->sim, watch, &segment, nic->mtu, acked);
        else
            sim_fail(nic->sim, "the server sent a segment to a connection that never was");
        break;
    }
    case PACKET_ARP:
    case PACKET_OTHER:
        break;
    }
    network_from_server(network, frame);
}

/* Cuts a super-segment as TSO does. */
static void emit_segments(struct nic *nic, const struct packet *frame, const struct nic_packet *p)
{
    const struct tx_slot *s = &p->slot;
    uint32_t headers = (uint32_t)s->l2_len + s->l3_len + s->l4_len;
    uint32_t payload = frame->len - headers;
    uint32_t seq = get32(frame->data + s->l2_len + s->l3_len + TCP_SEQ_AT);
    uint16_t id = get16(frame->data + s->l2_len + IP_ID_AT);

    for (uint32_t at = 0; at < payload; at += s->tso_mss) {
        uint32_t len = payload - at < s->tso_mss ? payload - at : s->tso_mss;
        struct packet *part = packet_new(headers + len);
        uint8_t *ip = part->data + s->l2_len;
        uint8_t *tcp = ip + s->l3_len;

        memcpy(part->data, frame->data, headers);
        memcpy(part->data + headers, frame->data + headers + at, len);
        if (s->ipv4) {
            put16(ip + IP_LEN_AT, (uint16_t)(part->len - s->l2_len));
            put16(ip + IP_ID_AT, id++);
        } else {
            put16(ip + IPV6_LEN_AT, (uint16_t)(part->len - s->l2_len - IPV6_BYTES));
        }
        put32(tcp + TCP_SEQ_AT, seq + at);
        if (at > 0)
            tcp[TCP_FLAGS_AT] &= (uint8_t)~FLAG_CWR;
        if (at + len < payload)
            tcp[TCP_FLAGS_AT] &= (uint8_t) ~(FLAG_FIN | FLAG_PSH);
        finish_checksums(part, s);
        emit(nic, part, p->acked);
    }
}

static void send_packet(struct nic *nic, const struct nic_packet *p)
{
    const struct tx_slot *s = &p->slot;
    struct packet *frame = linearise(p);

    if (nic->config->mode != NIC_SOFTWARE && (s->ipv4 || s->tcp)) {
        check_offload(nic, frame, s);
        if (s->tso_mss != 0) {
            emit_segments(nic, frame, p);
            free(frame);
            return;
        }
        finish_checksums(frame, s);
    }
    emit(nic, frame, p->acked);
}

static void release(struct nic *nic, struct nic_packet *p)
{
    for (unsigned i = 0; i < p->slot.extent_count; i++) {
        if (p->slot.extent[i].pin->in_flight == 0)
            sim_fail(nic->sim, "a pin fell below 0");
        p->slot.extent[i].pin->in_flight--;
    }
    free(p->head);
}

uint64_t nic_deadline(const struct nic *nic)
{
    uint64_t when = TIME_NEVER;

    if (nic->sent < nic->count)
        when = nic->packet[(nic->head + nic->sent) % NIC_RING_MAX].sent_at;
    if (nic->sent > 0)
        when = time_min(when, nic->packet[nic->head].done_at);
    return when;
}

void nic_run(struct nic *nic)
{
    uint64_t now = nic->sim->now;

    while (nic->sent < nic->count) {
        struct nic_packet *p = &nic->packet[(nic->head + nic->sent) % NIC_RING_MAX];
        if (p->sent_at > now)
            break;
        send_packet(nic, p);
        p->done_at = now + prng_below(&nic->prng, nic->config->complete_ns + 1);
        nic->sent++;
    }
    /* Completed in order, as rings are. */
    while (nic->sent > 0 && nic->packet[nic->head].done_at <= now) {
        release(nic, &nic->packet[nic->head]);
        nic->head = (nic->head + 1) % NIC_RING_MAX;
        nic->count--;
        nic->sent--;
    }
}
