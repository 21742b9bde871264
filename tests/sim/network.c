/* SPDX-License-Identifier: BSD-3-Clause */
#include "network.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"

const uint8_t server_mac[6] = { 0x02, 0, 0, 0, 0, 0x80 };
const uint8_t gateway_mac[6] = { 0x02, 0, 0, 0, 0, 0x01 };
const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* The gateway answers ARP requests for its address; what it forwards never passes through here. */
static void gateway_input(struct sim_node *node, struct packet *packet)
{
    struct segment segment;
    struct arp arp;
    const char *why;

    if (packet_parse(packet, &segment, &arp, &why) == PACKET_ARP && arp.operation == 1 &&
        arp.target_ip == GATEWAY_IP) {
        struct arp reply = {
            .v6 = arp.v6, .operation = 2, .sender_ip = GATEWAY_IP, .target_ip = arp.sender_ip
        };
        memcpy(reply.src_mac, gateway_mac, 6);
        memcpy(reply.dst_mac, arp.sender_mac, 6);
        memcpy(reply.sender_mac, gateway_mac, 6);
        memcpy(reply.target_mac, arp.sender_mac, 6);
        network_from_client(node->sim->network, packet_build_arp(&reply), 0);
    }
    free(packet);
}

static uint64_t gateway_deadline(const struct sim_node *node)
{
    return TIME_NEVER;
}

static void gateway_run(struct sim_node *node)
{
}

void network_init(struct network *network, struct sim *sim, const struct link_config *down,
                  const struct link_config *up)
{
    memset(network, 0, sizeof(*network));
    network->sim = sim;
    network->gateway = (struct sim_node){ .input = gateway_input,
                                          .deadline = gateway_deadline,
                                          .run = gateway_run,
                                          .sim = sim,
                                          .wake = TIME_NEVER };
    link_init(&network->down, sim, down, true);
    link_init(&network->up, sim, up, false);
    sim->network = network;
}

/* The host that an IP packet is for; 0: none. */
static uint32_t destination(const struct packet *packet)
{
    uint16_t type = get16(packet->data + 12);

    if (type == 0x0800 && packet->len >= 34)
        return get32(packet->data + 30);
    return type == 0x86dd && packet->len >= 54 ? get32(packet->data + 50) : 0;
}

static struct client *find_client(struct network *network, const struct packet *packet)
{
    bool routed = memcmp(packet->data, gateway_mac, 6) == 0;
    uint32_t host = destination(packet);

    for (unsigned i = 0; i < network->client_count; i++) {
        struct client *client = network->clients[i];
        if (routed ? host == client->ip && client->config->far
                   : memcmp(packet->data, client->mac, 6) == 0)
            return client;
    }
    return NULL;
}

/* Whom the server asks for by a group address; 0: nobody of us. */
static uint32_t asked_for(const struct packet *packet)
{
    struct segment segment;
    struct arp arp;
    const char *why;

    return packet_parse(packet, &segment, &arp, &why) == PACKET_ARP ? arp.target_ip : 0;
}

static void broadcast(struct network *network, struct packet *packet)
{
    uint32_t asked = asked_for(packet);

    link_send(&network->down, packet_copy(packet), &network->gateway, 0);
    for (unsigned i = 0; i < network->client_count; i++) {
        struct client *client = network->clients[i];
        /* An address is asked of its owner only: the others would not answer. */
        if (asked == client->ip && !client->config->far)
            link_send(&network->down, packet_copy(packet), &client->node, client->config->delay_ns);
    }
    free(packet);
}

void network_from_server(struct network *network, struct packet *packet)
{
    if ((packet->data[0] & 1) != 0) {
        broadcast(network, packet);
        return;
    }

    struct client *client = find_client(network, packet);
    if (client != NULL) {
        link_send(&network->down, packet, &client->node, client->config->delay_ns);
    } else if (memcmp(packet->data, gateway_mac, 6) == 0) {
        link_send(&network->down, packet, &network->gateway, 0);
    } else {
        sim_fail(network->sim, "the server sent a frame to a MAC address that nobody has");
        free(packet);
    }
}

void network_from_client(struct network *network, struct packet *packet, uint64_t delay_ns)
{
    link_send(&network->up, packet, network->server, delay_ns);
}

struct watch *network_watch(struct network *network, uint32_t client_ip, uint16_t client_port)
{
    for (unsigned i = 0; i < network->client_count; i++) {
        struct client *client = network->clients[i];
        if (client->ip != client_ip)
            continue;
        for (unsigned k = 0; k < SESSIONS_MAX; k++)
            if (client->watch[k].port == client_port)
                return &client->watch[k];
    }
    return NULL;
}
