/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/telemetry_ports.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_telemetry.h>

#include "app/ports.h"
#include "base/counters.h"

/* Commands run on EAL's telemetry threads. */
static struct {
    pthread_mutex_t lock;
    struct ports *ports;
    struct worker *const *workers;
} source = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void add_addresses(struct rte_tel_data *answer, const struct config_port *config)
{
    char text[STACK_ADDRESSES_MAX * (IP_ADDR_TEXT_BYTES + 6)] = "", ip[IP_ADDR_TEXT_BYTES];
    size_t len = 0;

    for (uint32_t i = 0; i < config->address_count && len < sizeof(text); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s/%u", i > 0 ? " " : "",
                                ip_addr_format(&config->address[i].ip, ip),
                                config->address[i].prefix_len);
    rte_tel_data_add_dict_string(answer, "addresses", text);
}

static void add_port(struct rte_tel_data *answer, const struct server_port *p)
{
    char link[PORT_LINK_BYTES], offloads[PORT_OFFLOADS_BYTES], mac[18];
    const uint8_t *m = p->port.mac.b;

    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    rte_tel_data_add_dict_string(answer, "device", p->config->device);
    rte_tel_data_add_dict_string(answer, "mac", mac);
    add_addresses(answer, p->config);
    rte_tel_data_add_dict_string(answer, "link",
                                 p->gone ? "taken away" : port_link_text(&p->port, link));
    rte_tel_data_add_dict_string(answer, "offloads", port_offloads_text(&p->port.caps, offloads));
    rte_tel_data_add_dict_u64(answer, "mtu", p->config->mtu);
    rte_tel_data_add_dict_u64(answer, "vlan", p->config->vlan);
    rte_tel_data_add_dict_int(answer, "node", p->port.caps.numa_node);
}

static int add_counters(struct rte_tel_data *answer, unsigned port)
{
    struct counters sum = { 0 };
    const uint64_t *words = (const uint64_t *)&sum;
    int rc = 0;

    for (unsigned i = 0; i < source.ports->workers; i++)
        counters_sum(&sum, worker_port_counters(source.workers[i], port));
    for (unsigned i = 0; rc == 0 && i < counter_count; i++)
        rc = rte_tel_data_add_dict_u64(answer, counter_infos[i].name, words[i]);
    return rc;
}

/* The port that params names; or -1. With the lock. */
static int port_named(const char *params)
{
    char *end;
    unsigned long port;

    if (params == NULL || *params == '\0' || source.ports == NULL)
        return -1;
    port = strtoul(params, &end, 10);
    return *end == '\0' && port < source.ports->count ? (int)port : -1;
}

static int answer_served(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    int rc = -EINVAL;

    pthread_mutex_lock(&source.lock);
    int port = port_named(params);
    if (port >= 0) {
        rte_tel_data_start_dict(answer);
        add_port(answer, &source.ports->at[port]);
        rc = add_counters(answer, (unsigned)port);
    }
    pthread_mutex_unlock(&source.lock);
    return rc;
}

#ifdef HW_DEBUG
static int answer_remove(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    pthread_mutex_lock(&source.lock);
    int port = port_named(params);
    if (port >= 0)
        ports_pretend_removal(source.ports, (unsigned)port);
    pthread_mutex_unlock(&source.lock);
    rte_tel_data_start_dict(answer);
    return port >= 0 ? rte_tel_data_add_dict_u64(answer, "removed", (uint64_t)port) : -EINVAL;
}

static bool register_debug(void)
{
    return rte_telemetry_register_cmd("/hugewire/remove", answer_remove,
                                      "Drops a port as if its device had been taken away. "
                                      "Parameter: its number") == 0;
}
#else
static bool register_debug(void)
{
    return true;
}
#endif

bool telemetry_register_ports(void)
{
    return register_debug() &&
           rte_telemetry_register_cmd("/hugewire/served", answer_served,
                                      "What is served on a port, and its counters, summed over "
                                      "workers. Parameter: the port's number") == 0;
}

void telemetry_set_ports(struct ports *ports, struct worker *const *workers)
{
    pthread_mutex_lock(&source.lock);
    source.ports = ports;
    source.workers = workers;
    pthread_mutex_unlock(&source.lock);
}
