/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration's ports. One port is what the settings of the section `server` say (device,
 * address, gateway, slaac, vlan, mtu); several are a list, `ports`, whose items have these same
 * settings. A list of one item is the same as none.
 */
#ifndef APP_CONFIG_PORTS_H
#define APP_CONFIG_PORTS_H

#include <stddef.h>
#include <yaml.h>

#include "app/config.h"

/* Its settings' defaults, but no device and no address: each item has its own. */
void config_port_defaults(struct config_port *port);

/* What is wrong with ports by themselves or beside each other; as config_conflicts(). */
bool config_ports_conflict(const struct config *config, struct config_conflict *conflict);

struct ports_reader {
    yaml_document_t *document;
    struct config *config;
    /* Told of each mistake: "ports[0].vlan: expected ...". */
    void (*mistake)(void *ctx, size_t line, const char *text);
    void *ctx;
};

/* Reads the section `ports` of a configuration file's tree. */
void ports_read(const struct ports_reader *reader, yaml_node_t *list, size_t line);

/* As the file has it: a list, also of one. */
void ports_print(const struct config *config, FILE *out);

#endif
