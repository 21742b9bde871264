/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of settings: how each is read from text, written as text, and explained. */
#include <ctype.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "app/settings.h"
#include "app/values.h"
#include "base/assert.h"

static void *value_at(const struct setting *s, struct config *config)
{
    return (char *)config + s->offset;
}

static const void *value_of(const struct setting *s, const struct config *config)
{
    return (const char *)config + s->offset;
}

/* Numbers, sizes, durations, words: an unsigned integer of 4 or 8 bytes. */

static void integer_store(const struct setting *s, struct config *config, uint64_t n)
{
    uint32_t narrow = (uint32_t)n;

    if (s->bytes == sizeof(n)) {
        memcpy(value_at(s, config), &n, sizeof(n));
        return;
    }
    ASSERT(s->bytes == sizeof(narrow) && n == narrow);
    memcpy(value_at(s, config), &narrow, sizeof(narrow));
}

static uint64_t integer_load(const struct setting *s, const struct config *config)
{
    uint64_t n;
    uint32_t narrow;

    if (s->bytes == sizeof(n)) {
        memcpy(&n, value_of(s, config), sizeof(n));
        return n;
    }
    ASSERT(s->bytes == sizeof(narrow));
    memcpy(&narrow, value_of(s, config), sizeof(narrow));
    return narrow;
}

static bool integer_is_zero(const struct setting *s, const struct config *config)
{
    return integer_load(s, config) == 0;
}

static void integer_zero(const struct setting *s, struct config *config)
{
    integer_store(s, config, 0);
}

static bool integer_set(const struct setting *s, struct config *config, const char *text,
                        bool (*parse)(const char *, uint64_t *))
{
    uint64_t n;

    if (!parse(text, &n) || n < s->min || n > s->max)
        return false;
    integer_store(s, config, n);
    return true;
}

static bool number_set(const struct setting *s, struct config *config, const char *text)
{
    return integer_set(s, config, text, value_number);
}

static void number_text(const struct setting *s, const struct config *config, char *text,
                        size_t text_bytes)
{
    snprintf(text, text_bytes, "%" PRIu64, integer_load(s, config));
}

static void number_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "a number from %" PRIu64 " to %" PRIu64, s->min, s->max);
}

const struct setting_kind setting_number = { number_set, number_text, number_expected,
                                             integer_is_zero, integer_zero };

static bool size_set(const struct setting *s, struct config *config, const char *text)
{
    return integer_set(s, config, text, value_size);
}

static void size_text(const struct setting *s, const struct config *config, char *text,
                      size_t text_bytes)
{
    char short_text[VALUE_TEXT_BYTES];

    snprintf(text, text_bytes, "%s", value_size_text(integer_load(s, config), short_text));
}

static void size_expected(const struct setting *s, char *text, size_t text_bytes)
{
    char low[VALUE_TEXT_BYTES], high[VALUE_TEXT_BYTES];

    snprintf(text, text_bytes, "a size from %s to %s, written as 512 or 64KiB",
             value_size_text(s->min, low), value_size_text(s->max, high));
}

const struct setting_kind setting_size = { size_set, size_text, size_expected, integer_is_zero,
                                           integer_zero };

static bool duration_set(const struct setting *s, struct config *config, const char *text)
{
    return integer_set(s, config, text, value_duration);
}

static void duration_text(const struct setting *s, const struct config *config, char *text,
                          size_t text_bytes)
{
    char short_text[VALUE_TEXT_BYTES];

    snprintf(text, text_bytes, "%s", value_duration_text(integer_load(s, config), short_text));
}

static void duration_expected(const struct setting *s, char *text, size_t text_bytes)
{
    char low[VALUE_TEXT_BYTES], high[VALUE_TEXT_BYTES];

    snprintf(text, text_bytes, "a duration from %s to %s, written as 500ms or 30s",
             value_duration_text(s->min, low), value_duration_text(s->max, high));
}

const struct setting_kind setting_duration = { duration_set, duration_text, duration_expected,
                                               integer_is_zero, integer_zero };

static bool word_set(const struct setting *s, struct config *config, const char *text)
{
    for (unsigned i = 0; s->words[i] != NULL; i++) {
        if (strcmp(text, s->words[i]) == 0) {
            integer_store(s, config, i);
            return true;
        }
    }
    return false;
}

static void word_text(const struct setting *s, const struct config *config, char *text,
                      size_t text_bytes)
{
    snprintf(text, text_bytes, "%s", s->words[integer_load(s, config)]);
}

static void word_expected(const struct setting *s, char *text, size_t text_bytes)
{
    size_t len = (size_t)snprintf(text, text_bytes, "one of");

    for (unsigned i = 0; s->words[i] != NULL && len < text_bytes; i++)
        len += (size_t)snprintf(text + len, text_bytes - len, " %s", s->words[i]);
}

const struct setting_kind setting_word = { word_set, word_text, word_expected, integer_is_zero,
                                           integer_zero };

/* Booleans. */

static bool bool_set(const struct setting *s, struct config *config, const char *text)
{
    return value_bool(text, value_at(s, config));
}

static void bool_text(const struct setting *s, const struct config *config, char *text,
                      size_t text_bytes)
{
    snprintf(text, text_bytes, "%s", *(const bool *)value_of(s, config) ? "true" : "false");
}

static void bool_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "true or false");
}

const struct setting_kind setting_bool = { .set = bool_set,
                                           .text = bool_text,
                                           .expected = bool_expected };

/* Strings: paths and devices. */

static bool path_set(const struct setting *s, struct config *config, const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len >= s->bytes)
        return false;
    memset(value_at(s, config), 0, s->bytes);
    memcpy(value_at(s, config), text, len);
    return true;
}

static void path_text(const struct setting *s, const struct config *config, char *text,
                      size_t text_bytes)
{
    snprintf(text, text_bytes, "%s", (const char *)value_of(s, config));
}

static void path_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "a path of 1 to %zu bytes", s->bytes - 1);
}

static bool path_is_zero(const struct setting *s, const struct config *config)
{
    return *(const char *)value_of(s, config) == '\0';
}

static void path_zero(const struct setting *s, struct config *config)
{
    memset(value_at(s, config), 0, s->bytes);
}

const struct setting_kind setting_path = { path_set, path_text, path_expected, path_is_zero,
                                           path_zero };

/* A user's name or number, as the system's table of users has it: that is asked when it serves. */
static bool user_set(const struct setting *s, struct config *config, const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("_-.$", *c) == NULL)
            return false;
    return path_set(s, config, text);
}

static void user_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "a user's name of 1 to %zu bytes, or a number", s->bytes - 1);
}

const struct setting_kind setting_user = { user_set, path_text, user_expected, path_is_zero,
                                           path_zero };

/* Patterns of paths: at least one, and none is empty. */
static bool globs_set(const struct setting *s, struct config *config, const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || text[0] == ',' || text[len - 1] == ',' || strstr(text, ",,") != NULL)
        return false;
    return path_set(s, config, text);
}

static void globs_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "patterns of paths below ROOT, such as *.html, at most %zu bytes",
             s->bytes - 1);
}

static bool globs_is_zero(const struct setting *s, const struct config *config)
{
    return *(const char *)value_of(s, config) == '\0';
}

static void globs_zero(const struct setting *s, struct config *config)
{
    *(char *)value_at(s, config) = '\0';
}

const struct setting_kind setting_globs = { .set = globs_set,
                                            .text = path_text,
                                            .expected = globs_expected,
                                            .is_zero = globs_is_zero,
                                            .zero = globs_zero,
                                            .list = true };

/* A field's value: words of visible ASCII (RFC 9110 section 5.5), so that none can end the line. */
static bool server_name_set(const struct setting *s, struct config *config, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return len != 0 && text[0] != ' ' && text[len - 1] != ' ' && path_set(s, config, text);
}

static void server_name_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "1 to %zu visible ASCII characters, with spaces only between them",
             s->bytes - 1);
}

static bool server_name_is_zero(const struct setting *s, const struct config *config)
{
    return config->server_name[0] == '\0';
}

static void server_name_zero(const struct setting *s, struct config *config)
{
    config->server_name[0] = '\0';
}

const struct setting_kind setting_server_name = { server_name_set, path_text, server_name_expected,
                                                  server_name_is_zero, server_name_zero };

/* What the kernel takes (dev_valid_name), and no comma: DPDK's devargs split there. */
static bool is_interface_name(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len >= IF_NAMESIZE || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    return strcspn(name, "/:, \t\n\v\f\r") == len;
}

/* [domain:]bus:device.function, in hexadecimal. */
static bool is_pci_address(const char *name)
{
    unsigned domain, bus, device, function;
    int end = -1;

    if (name[strspn(name, "0123456789abcdefABCDEF:.")] != '\0')
        return false; /* scanf would take signs, spaces and 0x */
    if (sscanf(name, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &end) != 4 &&
        sscanf(name, "%2x:%2x.%1x%n", &bus, &device, &function, &end) != 3)
        return false;
    return end > 0 && name[end] == '\0' && device < 32 && function < 8;
}

/* Visible ASCII. */
static bool is_devargs(const char *name)
{
    const char *c = name;

    while (*c > ' ' && *c <= '~')
        c++;
    return c > name && *c == '\0';
}

static const struct {
    const char *prefix;
    bool (*valid)(const char *name);
} device_kinds[] = {
    { "tap:", is_interface_name },    { "af_packet:", is_interface_name },
    { "af_xdp:", is_interface_name }, { "pci:", is_pci_address },
    { "vdev:", is_devargs },
};

static bool device_set(const struct setting *s, struct config *config, const char *text)
{
    for (size_t i = 0; i < sizeof(device_kinds) / sizeof(device_kinds[0]); i++) {
        size_t len = strlen(device_kinds[i].prefix);

        if (strncmp(text, device_kinds[i].prefix, len) == 0)
            return device_kinds[i].valid(text + len) && path_set(s, config, text);
    }
    return false;
}

static void device_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes,
             "tap:NAME, af_packet:IF, af_xdp:IF (1 to %d bytes), pci:0000:00:00.0 or vdev:DEVARGS",
             IF_NAMESIZE - 1);
}

const struct setting_kind setting_device = { .set = device_set,
                                             .text = path_text,
                                             .expected = device_expected };

/* Addresses. */

/* Calls add for each part of text, commas between them. False: it did not like one. */
static bool for_each_part(const char *text, struct config *config,
                          bool (*add)(struct config *config, const char *part))
{
    for (;;) {
        char part[CONFIG_LIST_BYTES];
        size_t len = strcspn(text, ",");

        if (len >= sizeof(part))
            return false;
        memcpy(part, text, len);
        part[len] = '\0';
        if (!add(config, part))
            return false;
        if (text[len] == '\0')
            return true;
        text += len + 1;
    }
}

static bool cidr_add(struct config *config, const char *part)
{
    struct ip_addr ip;
    uint32_t prefix_len;

    if (config->ports[0].address_count == STACK_ADDRESSES_MAX ||
        !value_cidr(part, &ip, &prefix_len))
        return false;
    for (uint32_t i = 0; i < config->ports[0].address_count; i++)
        if (ip_addr_equal(&config->ports[0].address[i].ip, &ip))
            return false;
    config->ports[0].address[config->ports[0].address_count++] =
        (struct stack_address){ ip, (uint8_t)prefix_len };
    return true;
}

static bool cidrs_set(const struct setting *s, struct config *config, const char *text)
{
    struct config changed = *config;

    changed.ports[0].address_count = 0;
    if (!for_each_part(text, &changed, cidr_add))
        return false;
    *config = changed;
    return true;
}

static void cidrs_text(const struct setting *s, const struct config *config, char *text,
                       size_t text_bytes)
{
    char address[IP_ADDR_TEXT_BYTES];
    size_t len = 0;

    for (uint32_t i = 0; i < config->ports[0].address_count && len < text_bytes; i++)
        len += (size_t)snprintf(text + len, text_bytes - len, "%s%s/%u", i > 0 ? "," : "",
                                ip_addr_format(&config->ports[0].address[i].ip, address),
                                config->ports[0].address[i].prefix_len);
}

static void cidrs_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes,
             "a host's address with the prefix of its net, such as 10.71.0.2/24 or "
             "2001:db8::2/64, or up to %d different ones",
             STACK_ADDRESSES_MAX);
}

const struct setting_kind setting_cidrs = {
    .set = cidrs_set, .text = cidrs_text, .expected = cidrs_expected, .list = true
};

/* One of each family at the most. */
static bool gateway_add(struct config *config, const char *part)
{
    struct ip_addr parsed;

    if (!ip_addr_parse(part, &parsed) || ip_addr_is_none(&parsed))
        return false;
    struct ip_addr *gateway =
        ip_addr_is_v4(&parsed) ? &config->ports[0].gateway : &config->ports[0].gateway6;
    if (!ip_addr_is_none(gateway))
        return false;
    *gateway = parsed;
    return true;
}

static void gateways_zero(const struct setting *s, struct config *config)
{
    memset(&config->ports[0].gateway, 0, sizeof(config->ports[0].gateway));
    memset(&config->ports[0].gateway6, 0, sizeof(config->ports[0].gateway6));
}

static bool gateways_set(const struct setting *s, struct config *config, const char *text)
{
    struct config changed = *config;

    gateways_zero(s, &changed);
    if (!for_each_part(text, &changed, gateway_add))
        return false;
    *config = changed;
    return true;
}

static void gateways_text(const struct setting *s, const struct config *config, char *text,
                          size_t text_bytes)
{
    char v4[IP_ADDR_TEXT_BYTES] = "", v6[IP_ADDR_TEXT_BYTES] = "";

    if (!ip_addr_is_none(&config->ports[0].gateway))
        ip_addr_format(&config->ports[0].gateway, v4);
    if (!ip_addr_is_none(&config->ports[0].gateway6))
        ip_addr_format(&config->ports[0].gateway6, v6);
    snprintf(text, text_bytes, "%s%s%s", v4, v4[0] != '\0' && v6[0] != '\0' ? "," : "", v6);
}

static void gateways_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "an address, such as 10.71.0.1 or fe80::1, or one of each family");
}

static bool gateways_is_zero(const struct setting *s, const struct config *config)
{
    return ip_addr_is_none(&config->ports[0].gateway) &&
           ip_addr_is_none(&config->ports[0].gateway6);
}

const struct setting_kind setting_gateways = { gateways_set,     gateways_text, gateways_expected,
                                               gateways_is_zero, gateways_zero, true };

/* Cores. */

static bool cores_set(const struct setting *s, struct config *config, const char *text)
{
    return value_cpu_list(text, config->cores, CONFIG_CORES_MAX, &config->core_count);
}

static void cores_text(const struct setting *s, const struct config *config, char *text,
                       size_t text_bytes)
{
    bool fits = value_cpu_list_text(config->cores, config->core_count, text, text_bytes);

    ASSERT(fits); /* CONFIG_CORES_MAX numbers of at most 5 digits */
}

static void cores_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "a list of at most %d cores, such as 1,3-5", CONFIG_CORES_MAX);
}

static bool cores_is_zero(const struct setting *s, const struct config *config)
{
    return config->core_count == 0;
}

static void cores_zero(const struct setting *s, struct config *config)
{
    config->core_count = 0;
}

const struct setting_kind setting_cores = { cores_set, cores_text, cores_expected, cores_is_zero,
                                            cores_zero };

/* NUMA nodes, in the order in which they are given: each once. */

static bool nodes_set(const struct setting *s, struct config *config, const char *text)
{
    int nodes[ARENA_NODES_MAX];
    uint32_t count = 0;

    for (const char *at = text;; at++) {
        unsigned node = 0, digits = 0;
        for (; *at >= '0' && *at <= '9' && node <= s->max; at++, digits++)
            node = node * 10 + (unsigned)(*at - '0');
        if (digits == 0 || node > s->max || count == ARENA_NODES_MAX)
            return false;
        for (uint32_t i = 0; i < count; i++)
            if (nodes[i] == (int)node)
                return false;
        nodes[count++] = (int)node;
        if (*at == '\0')
            break;
        if (*at != ',')
            return false;
    }
    memset(config->nodes, 0, sizeof(config->nodes));
    memcpy(config->nodes, nodes, count * sizeof(nodes[0]));
    config->node_count = count;
    return true;
}

static void nodes_text(const struct setting *s, const struct config *config, char *text,
                       size_t text_bytes)
{
    size_t len = 0;

    for (uint32_t i = 0; i < config->node_count && len < text_bytes; i++)
        len += (size_t)snprintf(text + len, text_bytes - len, "%s%d", i > 0 ? "," : "",
                                config->nodes[i]);
}

static void nodes_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "at most %d NUMA nodes, each once, such as 0,1", ARENA_NODES_MAX);
}

static bool nodes_is_zero(const struct setting *s, const struct config *config)
{
    return config->node_count == 0;
}

static void nodes_zero(const struct setting *s, struct config *config)
{
    config->node_count = 0;
    memset(config->nodes, 0, sizeof(config->nodes));
}

const struct setting_kind setting_nodes = { .set = nodes_set,
                                            .text = nodes_text,
                                            .expected = nodes_expected,
                                            .is_zero = nodes_is_zero,
                                            .zero = nodes_zero,
                                            .list = true };
