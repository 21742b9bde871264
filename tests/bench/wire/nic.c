/* SPDX-License-Identifier: BSD-3-Clause */
#include "nic.h"

#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "base/assert.h"
#include "base/time.h"
#include "device.h"
#include "verify.h"
#include "wire/ethernet.h"
#include "wire/ipv4.h"

/* Packets per turn: their headers are on the way from the other core's cache at the same time. */
#define NIC_BURST 32

/* Frames that may be under way: enough for the round-trip time at this rate, and not much more,
 * so that the ring stays in the cache. */
#define FRAMES_PER_S   UINT64_C(10000000)
#define DEPARTURES_MIN 16384

/* Until the server has looked at one more client: what waits for its turn is not lost. */
#define TURN_NS (20 * NS_PER_US)

struct nic {
    struct nic_config config;
    struct network network;
    struct clients clients;
    struct request_text *requests;
    struct wire_stats stats;
    uint32_t tx_next; /* descriptors below are read */
    struct device_packet packets[NIC_BURST];
};

/* --- packets -------------------------------------------------------------------------------------
 */

static uint32_t timestamp(const uint8_t *tcp, uint32_t header_len)
{
    const uint8_t *p = tcp + TCP_HEADER_BYTES, *end = tcp + header_len;

    while (p < end && *p != 0) {
        if (*p == 1) {
            p++;
            continue;
        }
        if (end - p < 2 || p[1] < 2)
            return 0;
        if (p[0] == 8 && end - p >= 10)
            return get_be32(p + 2);
        p += p[1];
    }
    return 0;
}

/* False: no TCP packet for a client with lengths that agree. */
static bool parse(const struct nic *nic, const struct device_packet *packet,
                  struct server_packet *out)
{
    const uint8_t *ip = packet->head + ETH_HEADER_BYTES, *tcp = ip + IPV4_HEADER_BYTES;
    const uint32_t fixed = ETH_HEADER_BYTES + IPV4_HEADER_BYTES + TCP_HEADER_BYTES;

    if (packet->head_len < fixed || ip[0] != 0x45 || ip[9] != IP_PROTOCOL_TCP ||
        packet->len > ETH_HEADER_BYTES + UINT16_MAX ||
        get_be16(ip + 2) != packet->len - ETH_HEADER_BYTES ||
        get_be32(ip + 12) != nic->config.server_ip)
        return false;
    uint32_t header_len = (uint32_t)(tcp[12] >> 4) * 4;
    uint32_t before = ETH_HEADER_BYTES + IPV4_HEADER_BYTES + header_len;
    if (header_len < TCP_HEADER_BYTES || before > packet->head_len)
        return false;

    out->client = get_be32(ip + 16) - nic->config.client_ip;
    out->port = get_be16(tcp + 2);
    out->seq = get_be32(tcp + 4);
    out->ack = get_be32(tcp + 8);
    out->flags = tcp[13];
    out->ts_value = timestamp(tcp, header_len);
    out->payload_len = packet->len - before;
    out->mss = packet->mss;
    out->text = packet->head + before;
    out->text_len = packet->head_len - before;
    /* Beyond the MTU only what the device will cut. */
    return out->client < nic->config.clients && get_be16(tcp) == nic->config.server_port &&
           (packet->mss != 0 || packet->len <= (uint32_t)nic->config.mtu + ETH_HEADER_BYTES);
}

static void check(struct nic *nic, const struct device_packet *packet,
                  const struct server_packet *sp)
{
    struct wire_stats *stats = &nic->stats;
    int64_t offset;

    stats->error_checksum +=
        !verify_checksums(nic->config.queue, packet, nic->config.checksum_offload);
    if (sp->payload_len == 0 || !clients_file_offset(&nic->clients, sp, &offset))
        return;
    uint32_t file = nic->clients.client[sp->client].file;
    uint32_t header = packet->len - sp->payload_len;
    stats->error_content += !verify_content(nic->config.queue, packet, header, file, offset,
                                            nic->config.file_bytes, &stats->verified_bytes);
}

static void answer_arp(struct nic *nic, const struct device_packet *packet, uint64_t now)
{
    struct departure *d;

    if (packet->head_len < ETH_HEADER_BYTES || get_be16(packet->head + 12) != ETH_TYPE_ARP) {
        nic->stats.error_frame++;
        return;
    }
    d = network_send(&nic->network, now);
    d->kind = DEPART_ARP_REPLY;
}

static void take(struct nic *nic, const struct device_packet *packet,
                 const struct server_packet *sp, bool ok, uint64_t now)
{
    if (UNLIKELY(!ok)) {
        answer_arp(nic, packet, now);
        return;
    }
    if (nic->config.verify)
        check(nic, packet, sp);
    clients_input(&nic->clients, sp, now);
}

/* Headers, then clients: each is asked for before the first is looked at. */
static void hear(struct nic *nic, unsigned n, uint64_t now)
{
    struct server_packet sp[NIC_BURST];
    bool ok[NIC_BURST];

    for (unsigned i = 0; i < n; i++) {
        ok[i] = parse(nic, &nic->packets[i], &sp[i]);
        if (ok[i])
            rte_prefetch0(&nic->clients.client[sp[i].client]);
    }
    for (unsigned i = 0; i < n; i++)
        take(nic, &nic->packets[i], &sp[i], ok[i], now);
}

/* Reads the header, as a device must, and that is all. */
static void sink(struct nic *nic, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct device_packet *packet = &nic->packets[i];
        const uint8_t *ip = packet->head + ETH_HEADER_BYTES;

        if (ip[0] != 0x45 || get_be16(ip + 2) != packet->len - ETH_HEADER_BYTES)
            nic->stats.error_frame++;
        nic->stats.segments +=
            packet->mss != 0 ? (packet->len - packet->head_len + packet->mss - 1) / packet->mss : 1;
        nic->stats.body_bytes += packet->len - packet->head_len;
    }
}

static unsigned read_packets(struct nic *nic, unsigned max)
{
    struct wire_stats *stats = &nic->stats;
    uint32_t before = nic->tx_next;
    unsigned n = device_read(nic->config.queue, &nic->tx_next, nic->packets, max);

    stats->packets += n;
    stats->descriptors += nic->tx_next - before;
    for (unsigned i = 0; i < n; i++)
        stats->bytes += nic->packets[i].len;
    return n;
}

bool nic_turn(struct nic *nic, uint64_t now)
{
    unsigned max = NIC_BURST, n;
    bool work = false;

    if (!nic->config.sink) {
        work = network_deliver(&nic->network, now) > 0;
        work |= clients_timers(&nic->clients, now);
        /* Half of the network takes what each packet may bring forth, or the packet waits: else
         * the ACKs of some clients would keep the others from asking. */
        uint32_t kept = network_size(&nic->network) / 2, free = network_room(&nic->network);
        unsigned room = free > kept ? (free - kept) / clients_frames_max(&nic->clients) : 0;
        max = room < max ? room : max;
    }
    n = read_packets(nic, max);
    if (n == 0)
        return work;
    if (nic->config.sink)
        sink(nic, n);
    else
        hear(nic, n, now);
    queue_tx_complete(nic->config.queue, nic->tx_next);
    return true;
}

void nic_drain(struct nic *nic)
{
    while (read_packets(nic, NIC_BURST) > 0)
        ;
    queue_tx_complete(nic->config.queue, nic->tx_next);
}

void nic_account(struct nic *nic, bool busy, uint64_t cycles)
{
    nic->stats.turns++;
    if (busy)
        nic->stats.busy_cycles += cycles;
    else
        nic->stats.idle_cycles += cycles;
    nic->stats.frames = nic->network.frames;
}

const struct wire_stats *nic_stats(const struct nic *nic)
{
    return &nic->stats;
}

const struct latency *nic_latency(const struct nic *nic)
{
    return &nic->clients.latency;
}

void nic_latency_clear(struct nic *nic)
{
    nic->clients.latency = (struct latency){ .total = 0 };
}

/* --- life ----------------------------------------------------------------------------------------
 */

static bool create_requests(struct nic *nic)
{
    const struct nic_config *c = &nic->config;

    nic->requests = rte_zmalloc("bench", c->files * sizeof(*nic->requests), 64);
    if (nic->requests == NULL)
        return false;
    for (uint32_t i = 0; i < c->files; i++) {
        struct request_text *r = &nic->requests[i];
        int len = snprintf(r->text, sizeof(r->text), "GET /%s/%u HTTP/1.1\r\nHost: bench\r\n%s\r\n",
                           c->folder, i, c->one_per_connection ? "Connection: close\r\n" : "");
        ASSERT(len > 0 && (size_t)len < sizeof(r->text));
        r->len = (uint16_t)len;
    }
    return true;
}

static bool create_network(struct nic *nic)
{
    const struct nic_config *c = &nic->config;
    struct network *n = &nic->network;
    uint64_t under_way = c->rtt_ns * FRAMES_PER_S / NS_PER_S;
    uint8_t scale = 0;

    while (c->window >> scale > UINT16_MAX)
        scale++;
    if (!network_init(n, rte_align32pow2((uint32_t)under_way + DEPARTURES_MIN)))
        return false;
    n->delay_ns = c->rtt_ns;
    n->queue = c->queue;
    n->server_mac = c->server_mac;
    n->gateway_mac = (struct mac_addr){ { 2, 0, 0, 0, 0, 1 } };
    n->server_ip = c->server_ip;
    n->gateway_ip = c->gateway_ip;
    n->client_ip = c->client_ip;
    n->server_port = c->server_port;
    n->mtu = c->mtu;
    n->window = (uint16_t)(c->window >> scale);
    n->window_scale = scale;
    n->checksums = !c->checksum_offload;
    n->requests = nic->requests;
    return true;
}

static bool create_clients(struct nic *nic)
{
    const struct nic_config *c = &nic->config;
    struct clients_config config = {
        .count = c->clients,
        .files = c->files,
        .file_bytes = c->file_bytes,
        .ack_every = c->ack_every,
        .ack_delay_ns = c->ack_delay_ns,
        .resend_ns = 3 * NS_PER_S + c->rtt_ns + c->clients * TURN_NS,
        .one_per_connection = c->one_per_connection,
        .request_interval_ns = c->request_interval_ns,
        .loss = c->loss,
        .seed = c->seed,
        .network = &nic->network,
        .stats = &nic->stats,
    };

    return clients_init(&nic->clients, &config);
}

struct nic *nic_create(const struct nic_config *config)
{
    struct nic *nic = rte_zmalloc("bench", sizeof(*nic), 64);

    if (nic == NULL)
        return NULL;
    nic->config = *config;
    if (config->sink || (create_requests(nic) && create_network(nic) && create_clients(nic)))
        return nic;
    nic_destroy(nic);
    return NULL;
}

void nic_destroy(struct nic *nic)
{
    if (nic == NULL)
        return;
    clients_release(&nic->clients);
    network_release(&nic->network);
    rte_free(nic->requests);
    rte_free(nic);
}
