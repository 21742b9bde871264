/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/config_ports.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "app/settings.h"
#include "base/assert.h"
#include "wire/ipv6.h"

void config_port_defaults(struct config_port *port)
{
    struct config config;

    config_defaults(&config);
    *port = config.ports[0];
    memset(port->device, 0, sizeof(port->device));
    port->address_count = 0;
}

/* --- conflicts ---------------------------------------------------------------------------------
 */

struct check {
    const struct config *config;
    uint32_t port;
    struct config_conflict *conflict;
};

static const struct config_port *port_of(const struct check *check)
{
    return &check->config->ports[check->port];
}

/* "server" or "ports[1]". */
static void name_of(const struct check *check, uint32_t port, char text[16])
{
    if (check->config->port_count == 1 && port_of(check)->line == 0)
        snprintf(text, 16, "server");
    else
        snprintf(text, 16, "ports[%u]", port % CONFIG_PORTS_MAX);
}

/* Notes the fault; returns true. */
__attribute__((format(printf, 3, 4))) static bool fault(const struct check *check, const char *key,
                                                        const char *format, ...)
{
    struct config_conflict *conflict = check->conflict;
    char of[16], setting[32];
    va_list args;

    name_of(check, check->port, of);
    snprintf(conflict->setting, sizeof(conflict->setting), "%s.%s", of, key);
    snprintf(setting, sizeof(setting), "server.%s", key);
    conflict->line = port_of(check)->key_line[setting_port_key(setting_find(setting))];
    if (conflict->line == 0)
        conflict->line = port_of(check)->line;
    va_start(args, format);
    vsnprintf(conflict->error, sizeof(conflict->error), format, args);
    va_end(args);
    return true;
}

/* Whether ip is in the net of one of the port's addresses. */
static bool is_connected(const struct config_port *port, const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < port->address_count; i++)
        if (ip_addr_same_net(ip, &port->address[i].ip, port->address[i].prefix_len))
            return true;
    return !ip_addr_is_v4(ip) && ip_addr_is_link_local(ip);
}

static bool has_address(const struct config_port *port, const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < port->address_count; i++)
        if (ip_addr_equal(ip, &port->address[i].ip))
            return true;
    return false;
}

static bool gateway_wrong(const struct check *check, const struct ip_addr *gateway)
{
    char addresses[SETTING_TEXT_BYTES], text[IP_ADDR_TEXT_BYTES], of[16];

    if (ip_addr_is_none(gateway))
        return false;
    ip_addr_format(gateway, text);
    name_of(check, check->port, of);
    setting_text_port(setting_find("server.address"), check->config, check->port, addresses);
    if (!is_connected(port_of(check), gateway))
        return fault(check, "gateway",
                     "expected an address in the net of %s.address (%.256s); found \"%s\"", of,
                     addresses, text);
    return has_address(port_of(check), gateway) &&
           fault(check, "gateway", "expected another host than %s.address; found \"%s\"", of, text);
}

static bool mtu_wrong(const struct check *check)
{
    const struct config_port *port = port_of(check);
    bool ipv6 = port->slaac || !ip_addr_is_none(&port->gateway6);

    for (uint32_t i = 0; i < port->address_count; i++)
        ipv6 |= !ip_addr_is_v4(&port->address[i].ip);
    return ipv6 && port->mtu < IPV6_MTU_MIN &&
           fault(check, "mtu", "expected at least %d, for IPv6; found \"%u\"", IPV6_MTU_MIN,
                 port->mtu);
}

/* A link-local address means another host on each link. */
static bool is_taken(const struct check *check, uint32_t other)
{
    const struct config_port *port = port_of(check), *first = &check->config->ports[other];
    char text[IP_ADDR_TEXT_BYTES], of[16];

    name_of(check, other, of);
    if (strcmp(port->device, first->device) == 0)
        return fault(check, "device", "expected another device than that of %s; found \"%.256s\"",
                     of, port->device);
    for (uint32_t i = 0; i < port->address_count; i++)
        if (!ip_addr_is_link_local(&port->address[i].ip) &&
            has_address(first, &port->address[i].ip))
            return fault(check, "address",
                         "expected other addresses than those of %s; found \"%s\"", of,
                         ip_addr_format(&port->address[i].ip, text));
    return false;
}

static bool port_wrong(const struct check *check)
{
    const struct config_port *port = port_of(check);

    if (port->device[0] == '\0')
        return fault(check, "device", "expected a device, such as tap:hw0; found none");
    if (port->address_count == 0)
        return fault(check, "address", "expected the server's address on %.256s; found none",
                     port->device);
    for (uint32_t i = 0; i < check->port; i++)
        if (is_taken(check, i))
            return true;
    return gateway_wrong(check, &port->gateway) || gateway_wrong(check, &port->gateway6) ||
           mtu_wrong(check);
}

bool config_ports_conflict(const struct config *config, struct config_conflict *conflict)
{
    struct check check = { .config = config, .conflict = conflict };

    for (; check.port < config->port_count; check.port++)
        if (port_wrong(&check))
            return true;
    return false;
}

/* --- the file's list ---------------------------------------------------------------------------
 */

struct in {
    const struct ports_reader *reader;
    uint32_t port;
    size_t line;
};

__attribute__((format(printf, 3, 4))) static void wrong(const struct in *in, const char *key,
                                                        const char *format, ...)
{
    char text[2 * CONFIG_ERROR_BYTES];
    va_list args;
    int len;

    if (key != NULL)
        len = snprintf(text, sizeof(text), "ports[%u].%.64s: ", in->port, key);
    else
        len = snprintf(text, sizeof(text), "ports[%u]: ", in->port);
    va_start(args, format);
    vsnprintf(text + len, sizeof(text) - (size_t)len, format, args);
    va_end(args);
    in->reader->mistake(in->reader->ctx, in->line, text);
}

static const char *scalar_text(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE     ? (const char *)node->data.scalar.value
           : node->type == YAML_SEQUENCE_NODE ? "(a list)"
                                              : "(a mapping)";
}

/* "device, address, ..." */
static const char *key_names(char *text, size_t text_bytes)
{
    size_t len = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < setting_count && len < text_bytes; i++)
        if (setting_is_of_port(&settings[i]))
            len += (size_t)snprintf(text + len, text_bytes - len, len > 0 ? ", %s" : "%s",
                                    settings[i].key);
    return text;
}

/* A list becomes text with commas, as setting_set() takes it. False: it is too long, or no list. */
static bool value_text(const struct in *in, const struct setting *s, const yaml_node_t *value,
                       char text[CONFIG_LIST_BYTES])
{
    size_t len = 0;

    if (value->type == YAML_SCALAR_NODE) {
        snprintf(text, CONFIG_LIST_BYTES, "%s", scalar_text(value));
        return strlen(scalar_text(value)) == value->data.scalar.length &&
               value->data.scalar.length < CONFIG_LIST_BYTES;
    }
    if (value->type != YAML_SEQUENCE_NODE || !s->kind->list)
        return false;
    text[0] = '\0';
    for (const yaml_node_item_t *item = value->data.sequence.items.start;
         item < value->data.sequence.items.top && len < CONFIG_LIST_BYTES; item++)
        len += (size_t)snprintf(text + len, CONFIG_LIST_BYTES - len, "%s%s", len > 0 ? "," : "",
                                scalar_text(yaml_document_get_node(in->reader->document, *item)));
    return len < CONFIG_LIST_BYTES;
}

static void key_read(struct in *in, const yaml_node_t *key, const yaml_node_t *value)
{
    struct config *config = in->reader->config;
    struct config_port *port = &config->ports[in->port];
    char setting[80], text[CONFIG_LIST_BYTES], error[CONFIG_ERROR_BYTES];

    snprintf(setting, sizeof(setting), "server.%.64s", scalar_text(key));
    const struct setting *s = setting_find(setting);
    in->line = key->start_mark.line + 1;
    if (s == NULL || !setting_is_of_port(s)) {
        wrong(in, scalar_text(key), "there is no such setting of a port; there are %s",
              key_names(error, sizeof(error)));
        return;
    }
    unsigned *line = &port->key_line[setting_port_key(s)];
    if (*line != 0) {
        wrong(in, s->key, "already set in line %u", *line);
        return;
    }
    *line = (unsigned)in->line;
    if (!value_text(in, s, value, text))
        wrong(in, s->key, "expected %s; found \"%.64s\"", s->kind->list ? "values" : "one value",
              scalar_text(value));
    else if (!setting_set_port(s, config, in->port, text, error))
        wrong(in, s->key, "%s", error);
}

static void port_read(struct in *in, const yaml_node_t *item)
{
    struct config_port *port = &in->reader->config->ports[in->port];
    char names[CONFIG_ERROR_BYTES / 2];

    config_port_defaults(port);
    in->line = item->start_mark.line + 1;
    port->line = (unsigned)in->line;
    if (item->type != YAML_MAPPING_NODE) {
        wrong(in, NULL, "expected settings (%s); found \"%.64s\"", key_names(names, sizeof(names)),
              scalar_text(item));
        return;
    }
    for (const yaml_node_pair_t *pair = item->data.mapping.pairs.start;
         pair < item->data.mapping.pairs.top; pair++)
        key_read(in, yaml_document_get_node(in->reader->document, pair->key),
                 yaml_document_get_node(in->reader->document, pair->value));
}

void ports_read(const struct ports_reader *reader, yaml_node_t *list, size_t line)
{
    struct in in = { .reader = reader, .line = line };
    long items = 0;

    if (list->type == YAML_SEQUENCE_NODE)
        items = list->data.sequence.items.top - list->data.sequence.items.start;
    if (items < 1 || items > CONFIG_PORTS_MAX) {
        reader->mistake(reader->ctx, line,
                        items == 0 ? "ports: expected a list of ports, each a mapping"
                                   : "ports: expected at most 8 ports");
        return;
    }
    static_assert(CONFIG_PORTS_MAX == 8, "as the message says");
    reader->config->port_count = (uint32_t)items;
    for (; in.port < (uint32_t)items; in.port++)
        port_read(&in, yaml_document_get_node(reader->document,
                                              list->data.sequence.items.start[in.port]));
}

/* --- printing ----------------------------------------------------------------------------------
 */

/* In double quotes where it is not a plain word; of a list, each part. */
static void print_value(FILE *out, const char *text, bool list)
{
    const char *c = text;

    while (isalnum((unsigned char)*c))
        c++;
    if (*c == '\0') {
        fprintf(out, "%s\n", text);
        return;
    }
    fputs(list ? "[\"" : "\"", out);
    for (; *text != '\0'; text++) {
        if (list && *text == ',') {
            fputs("\", \"", out);
            continue;
        }
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputs(list ? "\"]\n" : "\"\n", out);
}

void ports_print(const struct config *config, FILE *out)
{
    char text[SETTING_TEXT_BYTES];

    fputs("ports:\n", out);
    for (uint32_t i = 0; i < config->port_count; i++) {
        for (unsigned k = 0; k < setting_count; k++) {
            const struct setting *s = &settings[k];

            if (!setting_is_of_port(s))
                continue;
            fprintf(out, "  %s %s: ", setting_port_key(s) == 0 ? "-" : " ", s->key);
            print_value(out, setting_text_port(s, config, i, text), s->kind->list);
        }
    }
}
