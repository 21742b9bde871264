/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#define FILES_MAX (sizeof(((struct server_config *)0)->file_size) / sizeof(uint64_t))

void scenario_defaults(struct scenario *scenario, bool http, enum nic_mode mode)
{
    struct link_config link = { .rate_bps = 100e6,
                                .delay_ns = 10 * NS_PER_MS,
                                .queue_bytes = 256000 };

    *scenario = (struct scenario){
        .seed = 1,
        .epoch = 1000 * NS_PER_S,
        .down = link,
        .up = link,
        .finish_ns = 300 * NS_PER_S,
        .settle_ns = 600 * NS_PER_S,
        .server = {
            .http = http,
            .nic = { .mode = mode,
                     .ring = 512,
                     .rate_bps = 1e9,
                     .complete_ns = 100 * NS_PER_US,
                     .tso_bytes_max = 65000,
                     .extents_max = 8,
                     .burst = 32 },
            .mtu = 1500,
            .poll_ns = 20 * NS_PER_US,
            .connections_max = 64,
            .ranges_max = 8192,
            .rx_buffers_max = 512,
            .neighbours_max = 2 * CLIENTS_MAX,
            .extent_max = 16384,
            .inline_max = 64,
            .seed = { 0x1234567890abcdef, 0xfedcba0987654321 },
        },
    };
}

struct client_config *scenario_add_client(struct scenario *scenario)
{
    if (scenario->client_count == CLIENTS_MAX)
        abort();

    unsigned index = scenario->client_count++;
    struct client_config *client = &scenario->client[index];
    *client = (struct client_config){
        .start_ns = NS_PER_MS,
        .port = (uint16_t)(40000 + 10 * index),
        .isn = 0x10000000,
        .mss = 1460,
        .wscale = 7,
        .timestamps = true,
        .sack = true,
        .dsack = true,
        .aligned = true,
        .ts_base = 1000000,
        .ts_tick_ns = NS_PER_MS,
        .buffer = 1 << 20,
        .ack_every = 2,
        .ack_delay_ns = 40 * NS_PER_MS,
        .pipeline = 1,
        .end = END_CLOSE,
        .linger_ns = NS_PER_S,
        .sessions = 1,
        .plan = { .http = scenario->server.http },
    };
    return client;
}

static unsigned find_file(struct server_config *server, uint64_t size)
{
    for (unsigned i = 0; i < server->file_count; i++)
        if (server->file_size[i] == size)
            return i;
    if (server->file_count == FILES_MAX)
        abort();
    server->file_size[server->file_count] = size;
    return server->file_count++;
}

void scenario_request_kind(struct scenario *scenario, struct client_config *client,
                           enum request_kind kind, uint64_t position, uint64_t len)
{
    struct plan *plan = &client->plan;
    struct request request = { .kind = kind, .position = position, .len = len };

    if (plan->count == REQUESTS_MAX)
        abort();
    if (kind == REQUEST_GET || kind == REQUEST_HEAD)
        request.file = find_file(&scenario->server, len);
    else if (kind == REQUEST_RANGE)
        request.file = find_file(&scenario->server, position + len + 1000);
    plan->request[plan->count++] = request;
}

void scenario_request(struct scenario *scenario, struct client_config *client, uint64_t len)
{
    scenario_request_kind(scenario, client, client->plan.http ? REQUEST_GET : REQUEST_SOURCE, 0,
                          len);
}

void scenario_end(struct scenario *scenario, struct client_config *client, enum client_end end,
                  uint64_t end_at)
{
    client->end = end;
    client->end_at = end_at;
    if (end != END_SERVER && end != END_SIMULTANEOUS)
        return;
    client->plan.server_closes = true;
    if (!client->plan.http)
        scenario_request_kind(scenario, client, REQUEST_CLOSE, 0, 0);
    /* The request to close must not wait for an answer before it. */
    if (!client->plan.http)
        client->pipeline = REQUESTS_MAX;
}
