/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/templates.h"

#include <string.h>

#include "app/lane.h"
#include "app/sites.h"
#include "base/tx_slot.h"
#include "tcp/cc.h"

static const struct cc_ops *const congestion_controls[] = {
    [CONFIG_CUBIC] = &cc_cubic,
    [CONFIG_NEWRENO] = &cc_newreno,
    [CONFIG_BBR] = &cc_bbr,
};

void template_stack(const struct config *c, const struct config_port *port,
                    struct stack_config *stack)
{
    stack_config_defaults(stack);
    stack->address_count = port->address_count;
    memcpy(stack->address, port->address, sizeof(port->address));
    stack->gateway = port->gateway;
    stack->gateway6 = port->gateway6;
    stack->slaac = port->slaac;
    stack->vlan = (uint16_t)port->vlan;
    stack->mtu = (uint16_t)port->mtu;
    stack->port[0] = (uint16_t)c->port;
    if (c->sites != NULL) {
        memcpy(stack->port, c->sites->ports, sizeof(stack->port));
        stack->port_count = c->sites->port_count;
    }
    stack->connections_max = c->connections_max;
    stack->tx_extents_max = TX_EXTENTS_MAX;
    /* Strangers' half-open connections leave half of the table to true ones. */
    stack->tcp.syn_backlog = c->syn_backlog;
    if (c->syn_backlog > (c->connections_max + 1) / 2)
        stack->tcp.syn_backlog = (c->connections_max + 1) / 2;
    stack->time_waits_max = c->time_waits_max;
    stack->tcp.user_timeout_ns = c->user_timeout_ns;
    stack->tcp.keepalive_idle_ns = c->keepalive_idle_ns;
    stack->tcp.keepalive_interval_ns = c->keepalive_interval_ns;
    stack->tcp.keepalive_probes = (uint8_t)c->keepalive_probes;
    stack->tcp.fin_wait_2_ns = c->fin_wait_2_ns;
    stack->tcp.time_wait_ns = c->time_wait_ns;
    stack->tcp.challenge_acks_per_s = c->challenge_acks_max;
    stack->tcp.cc = congestion_controls[c->congestion];
    stack->tcp.pacing = c->pacing;
    stack->tcp.mtu_probing = c->mtu_probing;
    stack->tcp.ecn = c->ecn;
}

void template_http(const struct config *c, struct http_config *http)
{
    http_config_defaults(http);
    http->server_name = c->server_name[0] != '\0' ? c->server_name : NULL;
    http->connections_max = c->connections_max;
    if (c->requests_max != 0)
        http->requests_max = c->requests_max;
    if (c->responses_max != 0)
        http->responses_max = c->responses_max;
    http->streams_max = c->streams_max;
    http->pipeline_max = c->pipeline_max;
    http->inline_bytes_max = c->inline_bytes_max;
    http->header_timeout_ns = c->header_timeout_ns;
    http->body_timeout_ns = c->body_timeout_ns;
    http->idle_timeout_ns = c->idle_timeout_ns;
    http->write_timeout_ns = c->write_timeout_ns;
    http->request_line_max = c->request_line_max;
    http->header_bytes_max = c->header_bytes_max;
    http->header_fields_max = c->header_fields_max;
    http->body_bytes_max = c->body_bytes_max;
    http->precompressed = c->precompressed;
    http->clients_max = c->sites != NULL && c->sites->limits_clients ? c->clients_max : 0;
    http->log = c->access_path[0] != '\0' ? lane_log : NULL;
}
