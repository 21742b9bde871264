/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is connected to what: the server at one end of a pair of links, all clients at the other,
 * some in its own net, some behind a gateway.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "link.h"
#include "watch.h"

#define SERVER_IP      UINT32_C(0x0a470002) /* 10.71.0.2/16, and fd00:71::a47:2/64 */
#define SERVER_PREFIX  16
#define SERVER_PREFIX6 64
#define SERVER_PORT    80
#define GATEWAY_IP     UINT32_C(0x0a470001)
#define NEAR_CLIENT_IP UINT32_C(0x0a470100) /* + index: in the server's net */
#define FAR_CLIENT_IP  UINT32_C(0xc0a80100) /* + index: behind the gateway */

#define CLIENTS_MAX    128

struct client;

struct network {
    struct sim *sim;
    struct link down, up; /* from the server, to the server */
    struct sim_node *server;
    struct sim_node gateway;
    struct client *clients[CLIENTS_MAX];
    unsigned client_count;
};

extern const uint8_t server_mac[6];
extern const uint8_t gateway_mac[6];
extern const uint8_t broadcast_mac[6];

void network_init(struct network *network, struct sim *sim, const struct link_config *down,
                  const struct link_config *up);
/* Both take the packet over. */
void network_from_server(struct network *network, struct packet *packet);
void network_from_client(struct network *network, struct packet *packet, uint64_t delay_ns);

/* What is known of the connection of that peer, or NULL. */
struct watch *network_watch(struct network *network, uint32_t client_ip, uint16_t client_port);

#endif
