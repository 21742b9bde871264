/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/port_stats.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <rte_ethdev.h>
#include <rte_telemetry.h>

#include "app/ports.h"
#include "app/sysfs.h"

/* What rte_tel_data takes in one dictionary. */
#define ENTRIES_MAX 256

/* Commands run on EAL's telemetry threads. */
static struct {
    pthread_mutex_t lock;
    const struct ports *ports;
} source = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The port whose number params has; NULL: there is none, or its device was taken away. */
static const struct port *port_of(const char *params)
{
    char none[1] = "", *end = none;
    unsigned long number = params != NULL ? strtoul(params, &end, 10) : 0;

    if (source.ports == NULL || *end != '\0' || number >= source.ports->count ||
        source.ports->at[number].gone)
        return NULL;
    return &source.ports->at[number].port;
}

static uint64_t interface_counter(const struct port *port, const char *name)
{
    int64_t value = 0;

    sysfs_number("", &value, "/sys/class/net/%s/statistics/%s", port->tap.name, name);
    return value > 0 ? (uint64_t)value : 0;
}

/* The kernel drops what finds no room in our queue. */
static struct rte_eth_stats tap_stats(const struct port *port)
{
    return (struct rte_eth_stats){
        .ipackets = interface_counter(port, "tx_packets"),
        .ibytes = interface_counter(port, "tx_bytes"),
        .imissed = interface_counter(port, "tx_dropped"),
        .ierrors = interface_counter(port, "tx_errors"),
        .opackets = interface_counter(port, "rx_packets"),
        .obytes = interface_counter(port, "rx_bytes"),
        .oerrors = interface_counter(port, "rx_errors") + interface_counter(port, "rx_dropped"),
    };
}

static int add_port(const struct port *port, struct rte_tel_data *answer)
{
    struct rte_eth_stats stats = { 0 };
    int rc = 0;

    if (port->tap.queues > 0)
        stats = tap_stats(port);
    else
        rc = rte_eth_stats_get(port->id, &stats);
    if (rc != 0)
        return rc;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "link_up", port->link_up },
        { "link_mbps", port->link_mbps },
        { "rx_interrupts", port->caps.rx_interrupts },
        { "rx_packets", stats.ipackets },
        { "rx_bytes", stats.ibytes },
        { "rx_missed", stats.imissed },
        { "rx_errors", stats.ierrors },
        { "rx_no_mbuf", stats.rx_nombuf },
        { "tx_packets", stats.opackets },
        { "tx_bytes", stats.obytes },
        { "tx_errors", stats.oerrors },
    };

    rte_tel_data_add_dict_string(answer, "driver", port->driver);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        rte_tel_data_add_dict_u64(answer, rows[i].name, rows[i].value);
    return 0;
}

/* Drivers count some thousand things, most of them never. */
static int add_xstats(const struct port *port, struct rte_tel_data *answer)
{
    uint16_t id = port->id;
    int entries = 0;

    if (port->tap.queues > 0)
        return 0;
    int count = rte_eth_xstats_get(id, NULL, 0);

    if (count <= 0)
        return count;
    struct rte_eth_xstat *values = calloc((size_t)count, sizeof(*values));
    struct rte_eth_xstat_name *names = calloc((size_t)count, sizeof(*names));
    if (values != NULL && names != NULL &&
        rte_eth_xstats_get(id, values, (unsigned)count) == count &&
        rte_eth_xstats_get_names(id, names, (unsigned)count) == count)
        for (int i = 0; i < count && entries < ENTRIES_MAX; i++)
            if (values[i].value != 0)
                entries += rte_tel_data_add_dict_u64(answer, names[values[i].id].name,
                                                     values[i].value) == 0;
    free(names);
    free(values);
    return 0;
}

static int answer_with(const char *params, struct rte_tel_data *answer,
                       int (*add)(const struct port *port, struct rte_tel_data *answer))
{
    rte_tel_data_start_dict(answer);
    pthread_mutex_lock(&source.lock);
    const struct port *port = port_of(params);
    int rc = port != NULL ? add(port, answer) : -ENOENT;
    pthread_mutex_unlock(&source.lock);
    return rc;
}

static int answer_port(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    return answer_with(params, answer, add_port);
}

static int answer_xstats(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    return answer_with(params, answer, add_xstats);
}

static int answer_ports(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    rte_tel_data_start_dict(answer);
    pthread_mutex_lock(&source.lock);
    unsigned count = source.ports != NULL ? source.ports->count : 0;
    pthread_mutex_unlock(&source.lock);
    return rte_tel_data_add_dict_u64(answer, "ports", count);
}

bool port_stats_register(void)
{
    return rte_telemetry_register_cmd("/hugewire/ports", answer_ports,
                                      "Number of ports. No parameters") == 0 &&
           rte_telemetry_register_cmd("/hugewire/port", answer_port,
                                      "A port's link and counters. Parameter: its number") == 0 &&
           rte_telemetry_register_cmd("/hugewire/xstats", answer_xstats,
                                      "What a port's driver counts. Parameter: its number") == 0;
}

void port_stats_set(const struct ports *ports)
{
    pthread_mutex_lock(&source.lock);
    source.ports = ports;
    pthread_mutex_unlock(&source.lock);
}
