/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "own_client.h"

#define ARP_RETRY_NS   NS_PER_S
#define SESSION_GAP_NS (50 * NS_PER_MS)

/* ---------------------------------------------------------------------------------- connections */

static void forget_connection(struct client *client)
{
    free(client->conn.tx);
    free(client->conn.rx);
    intervals_free(&client->conn.early);
    memset(&client->conn, 0, sizeof(client->conn));
    client->conn.rto_at = client->conn.ack_at = TIME_NEVER;
}

static void start_session(struct client *client)
{
    const struct client_config *config = client->config;
    struct client_conn *c = &client->conn;
    unsigned largest = config->wscale > 0 ? 1u << config->wscale : 1;

    forget_connection(client);
    client->phase = CLIENT_CONNECTED;
    client->phase_at = TIME_NEVER;
    client->buffer = config->buffer;
    client->read_at = TIME_NEVER;
    client->port = (uint16_t)(config->port + (config->same_port ? 0 : client->session));
    client->watch[config->same_port ? 0 : client->session].port = client->port;
    dialogue_init(&client->dialogue, &config->plan);
    /* Sessions from one port: each initial sequence number above all of the session before. */
    c->iss = config->isn + client->session * 0x10000000u;
    c->rx_capacity = config->buffer + largest;
    c->rx = malloc(c->rx_capacity);
    if (c->rx == NULL)
        abort();
    client_connect(client);
    if (config->end == END_SYN_ONLY) {
        client->silent = true;
        client_end_session(client, 0);
    }
}

void client_end_session(struct client *client, uint64_t linger_ns)
{
    uint64_t now = client->node.sim->now;

    if (linger_ns > 0) {
        client->phase = CLIENT_LINGERING;
        client->phase_at = now + linger_ns;
        client->conn.rto_at = TIME_NEVER;
        return;
    }
    forget_connection(client);
    client->session++;
    if (client->session < client->config->sessions) {
        client->phase = CLIENT_WAITING;
        client->phase_at = now + SESSION_GAP_NS;
    } else {
        client->phase = CLIENT_DONE;
        client->phase_at = TIME_NEVER;
    }
}

static void ask(struct client *client)
{
    struct client_conn *c = &client->conn;
    size_t need = c->tx_len + dialogue_request_bytes(&client->dialogue);

    if (need > c->tx_capacity) {
        c->tx_capacity = 2 * need;
        c->tx = realloc(c->tx, c->tx_capacity);
        if (c->tx == NULL)
            abort();
    }
    dialogue_ask(&client->dialogue, c->tx + c->tx_len);
    c->tx_len = need;
}

/* Bytes from the end at which a simultaneous close sends its FIN: about when the server does. */
#define SIMULTANEOUS_BYTES 3000

static void choose_end(struct client *client)
{
    struct client_conn *c = &client->conn;
    struct dialogue *d = &client->dialogue;
    const struct client_config *config = client->config;
    bool complete = dialogue_complete(d);
    bool asked = d->asked == d->plan->count;

    switch (config->end) {
    case END_CLOSE:
        c->fin_wanted |= complete;
        break;
    case END_SERVER:
        c->fin_wanted |= complete && c->fin != 0 && c->rcv > c->fin;
        break;
    case END_SIMULTANEOUS:
        c->fin_wanted |= asked && dialogue_remaining(d) <= SIMULTANEOUS_BYTES;
        break;
    case END_HALF:
        c->fin_wanted |= asked;
        break;
    case END_CLOSE_EARLY:
        if (d->total >= config->end_at || complete)
            c->fin_wanted = c->gone = true;
        break;
    case END_RST:
    case END_RST_LAST:
        if (complete || (config->end == END_RST && d->total >= config->end_at)) {
            client_send_reset(client);
            client_end_session(client, 0);
        }
        break;
    case END_VANISH:
        if (d->total >= config->end_at || complete) {
            client->silent = true;
            client_end_session(client, 0);
        }
        break;
    case END_SYN_ONLY:
    case END_COUNT:
        break;
    }
}

static void check_fin(struct client *client)
{
    struct client_conn *c = &client->conn;

    if (c->fin == 0 || c->rcv <= c->fin || c->read < c->fin)
        return;
    if (!dialogue_complete(&client->dialogue) && !c->gone && !client->config->refused_ok)
        sim_fail(client->node.sim, "client %u: FIN although only %u of %u answers are complete",
                 client->index, client->dialogue.answered, client->dialogue.plan->count);
    if (!dialogue_complete(&client->dialogue) && client->config->refused_ok)
        c->fin_wanted = true;
}

void client_progress(struct client *client)
{
    struct client_conn *c = &client->conn;
    struct dialogue *d = &client->dialogue;

    if (client->phase == CLIENT_CONNECTED && c->established) {
        while (!c->fin_wanted && d->asked < d->plan->count &&
               d->asked - d->answered < client->config->pipeline)
            ask(client);
        check_fin(client);
        choose_end(client);
    }
    if (client->phase != CLIENT_CONNECTED && client->phase != CLIENT_LINGERING)
        return;
    client_flush(client);
    /* A process that is gone leaves FIN-WAIT-2 to its host, which waits for the server's FIN. */
    if (client->phase == CLIENT_CONNECTED && c->fin_acked && c->fin != 0 && c->rcv > c->fin &&
        (c->read >= c->fin || c->gone))
        client_end_session(client, client->config->linger_ns);
}

/* ------------------------------------------------------------------------------------------ ARP */

static void send_arp(struct client *client, uint16_t operation, const uint8_t to[6])
{
    struct arp arp = { .v6 = client->config->v6,
                       .operation = operation,
                       .sender_ip = client->ip,
                       .target_ip = SERVER_IP };

    memcpy(arp.src_mac, client->mac, 6);
    memcpy(arp.dst_mac, to, 6);
    memcpy(arp.sender_mac, client->mac, 6);
    if (operation == 2)
        memcpy(arp.target_mac, to, 6);
    network_from_client(client->network, packet_build_arp(&arp), client->config->delay_ns);
}

static void receive_arp(struct client *client, const struct arp *arp)
{
    if (client->silent || arp->v6 != client->config->v6)
        return;
    if (arp->operation == 1 && arp->target_ip == client->ip)
        send_arp(client, 2, arp->sender_mac);
    if (arp->operation == 2 && arp->sender_ip == SERVER_IP && client->phase == CLIENT_RESOLVING) {
        memcpy(client->server, arp->sender_mac, 6);
        start_session(client);
    }
}

/* ------------------------------------------------------------------------------------- the node */

static void start(struct client *client)
{
    const struct client_config *config = client->config;

    if (config->far || config->knows_server || client->session > 0) {
        memcpy(client->server, server_mac, 6);
        start_session(client);
        return;
    }
    client->phase = CLIENT_RESOLVING;
    client->phase_at = client->node.sim->now + ARP_RETRY_NS;
    send_arp(client, 1, broadcast_mac);
}

static void client_input(struct sim_node *node, struct packet *packet)
{
    struct client *client = (struct client *)node;
    struct segment s;
    struct arp arp;
    const char *why;

    switch (packet_parse(packet, &s, &arp, &why)) {
    case PACKET_ARP:
        receive_arp(client, &arp);
        break;
    case PACKET_TCP:
        if (client->silent)
            break;
        bool open = client->phase == CLIENT_CONNECTED || client->phase == CLIENT_LINGERING;
        if (s.v6 != client->config->v6)
            sim_fail(node->sim, "client %u: the server answers in the other family", client->index);
        if (s.dst_port == client->port && open)
            client_receive(client, &s);
        else
            client_refuse(client, &s);
        break;
    case PACKET_BAD: /* Damaged on the way; what the server sent was checked when it sent it. */
    case PACKET_OTHER:
        break;
    }
    free(packet);
}

static uint64_t client_deadline(const struct sim_node *node)
{
    const struct client *client = (const struct client *)node;
    const struct client_conn *c = &client->conn;
    uint64_t when = client->phase_at;

    if (client->phase == CLIENT_CONNECTED || client->phase == CLIENT_LINGERING) {
        when = time_min(when, time_min(c->rto_at, c->ack_at));
        if (c->read < client_readable(c))
            when = time_min(when, client->read_at);
        if (client->shrunk)
            when = time_min(when, client->shrunk_until);
    }
    return when;
}

static void run_connection(struct client *client, uint64_t now)
{
    struct client_conn *c = &client->conn;

    if (client->shrunk && now >= client->shrunk_until) {
        client->shrunk = false;
        client->buffer = client->config->buffer;
        c->ack_now = true;
    }
    if (c->ack_at <= now)
        c->ack_now = true;
    if (client->read_at <= now)
        client_read(client);
    if (c->rto_at <= now)
        client_retransmit(client);
    client_progress(client);
}

static void client_run(struct sim_node *node)
{
    struct client *client = (struct client *)node;
    uint64_t now = node->sim->now;

    if (client->phase_at > now) {
        run_connection(client, now);
        return;
    }
    switch (client->phase) {
    case CLIENT_WAITING:
    case CLIENT_RESOLVING:
        start(client);
        break;
    case CLIENT_LINGERING:
        client_end_session(client, 0);
        break;
    case CLIENT_CONNECTED:
    case CLIENT_DONE:
        break;
    }
}

void client_init(struct client *client, struct network *network, unsigned index,
                 const struct client_config *config)
{
    memset(client, 0, sizeof(*client));
    client->node = (struct sim_node){ .input = client_input,
                                      .deadline = client_deadline,
                                      .run = client_run,
                                      .sim = network->sim,
                                      .wake = TIME_NEVER };
    client->network = network;
    client->config = config;
    client->index = index;
    memcpy(client->mac, (const uint8_t[]){ 0x02, 1, 0, 0, (uint8_t)(index >> 8), (uint8_t)index },
           6);
    client->ip = (config->far ? FAR_CLIENT_IP : NEAR_CLIENT_IP) + index;
    client->prng.state = prng_next(&network->sim->prng);
    client->phase = CLIENT_WAITING;
    client->phase_at = network->sim->epoch + config->start_ns;
    client->read_at = TIME_NEVER;
    forget_connection(client);
    network->clients[index] = client;
    if (config->own)
        own_client_init(client);
}

void client_destroy(struct client *client)
{
    if (client->own != NULL)
        own_client_destroy(client);
    forget_connection(client);
}
