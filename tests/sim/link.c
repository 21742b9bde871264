/* SPDX-License-Identifier: BSD-3-Clause */
#include "link.h"

#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* Preamble, checksum and gap that each frame costs on the wire besides its bytes. */
#define FRAME_OVERHEAD 24
#define ETH_BYTES      14
/* A burst ends by then: one that only packets end would outlast a sender that backs off. */
#define BURST_NS NS_PER_S

void link_init(struct link *link, struct sim *sim, const struct link_config *config,
               bool from_server)
{
    memset(link, 0, sizeof(*link));
    link->sim = sim;
    link->config = *config;
    link->from_server = from_server;
    link->prng.state = prng_next(&sim->prng);
}

static bool rule_drops(struct link *link, const struct packet *packet)
{
    struct segment s;
    struct arp arp;
    const char *why;

    for (unsigned i = 0; i < DROP_RULES_MAX; i++) {
        struct drop_rule *rule = &link->rules[i];
        if (rule->count == 0 || rule->from_server != link->from_server)
            continue;
        if (packet_parse(packet, &s, &arp, &why) != PACKET_TCP ||
            (s.flags & rule->flags_set) != rule->flags_set || (s.flags & rule->flags_clear) != 0 ||
            (rule->only_empty && s.payload_len > 0))
            continue;
        if (rule->skip > 0) {
            rule->skip--;
            continue;
        }
        rule->count--;
        return true;
    }
    return false;
}

/* Why the packet is lost, or NULL. */
static const char *loss_cause(struct link *link, const struct packet *packet)
{
    const struct link_config *c = &link->config;
    uint64_t since = link->sim->now - link->sim->epoch;

    if (since >= c->down_from && since < c->down_until)
        return "down";
    if (c->mtu != 0 && packet->len > ETH_BYTES + c->mtu && since >= c->mtu_from &&
        (c->mtu_until == 0 || since < c->mtu_until))
        return "too big";
    if (rule_drops(link, packet))
        return "rule";
    if (sim_chance(&link->prng, c->loss))
        return "lost";
    bool over = link->bad && link->sim->now - link->bad_since > BURST_NS;
    if (over || sim_chance(&link->prng, link->bad ? c->burst_leave : c->burst_enter)) {
        link->bad = !link->bad;
        link->bad_since = link->sim->now;
    }
    if (link->bad && sim_chance(&link->prng, c->burst_loss))
        return "burst";
    return NULL;
}

static void flip_a_bit(struct link *link, struct packet *packet)
{
    uint32_t ip_bytes = packet_ip_bytes(packet);

    if (ip_bytes == 0)
        return; /* Nothing in ARP would show it. */
    uint64_t bit = prng_below(&link->prng, 8 * (uint64_t)ip_bytes);
    packet->data[ETH_BYTES + bit / 8] ^= (uint8_t)(1u << bit % 8);
    packet->damaged = true;
}

void link_send(struct link *link, struct packet *packet, struct sim_node *to, uint64_t extra_ns)
{
    const struct link_config *c = &link->config;
    uint64_t now = link->sim->now;
    double ns_per_byte = 8e9 / c->rate_bps;
    const char *cause = loss_cause(link, packet);

    if (link->busy_until < now)
        link->busy_until = now;
    if (cause == NULL && (double)(link->busy_until - now) > (double)c->queue_bytes * ns_per_byte)
        cause = "full";
    if (cause != NULL) {
        trace_packet(link->sim, cause, packet);
        link->lost++;
        free(packet);
        return;
    }

    bool crowded = c->mark_bytes != 0 &&
                   (double)(link->busy_until - now) > (double)c->mark_bytes * ns_per_byte;
    if (crowded || (c->mark > 0 && sim_chance(&link->prng, c->mark)))
        link->marked += packet_mark(packet);
    link->busy_until += (uint64_t)((packet->len + FRAME_OVERHEAD) * ns_per_byte);
    uint64_t since = link->busy_until - link->sim->epoch;
    if (since >= c->hold_from && since < c->hold_until)
        link->busy_until = link->sim->epoch + c->hold_until;
    uint64_t when = link->busy_until + c->delay_ns + extra_ns;
    if (sim_chance(&link->prng, c->reorder))
        when += prng_below(&link->prng, c->reorder_ns + 1);
    if (sim_chance(&link->prng, c->duplicate))
        sim_deliver(link->sim, when + prng_below(&link->prng, c->reorder_ns + 1000), to,
                    packet_copy(packet));
    if (sim_chance(&link->prng, c->corrupt))
        flip_a_bit(link, packet);
    link->passed++;
    sim_deliver(link->sim, when, to, packet);
}
