/* SPDX-License-Identifier: BSD-3-Clause */
/* The kinds of settings: how each is read from text, written as text, and explained. */
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
    memcpy(value_at(s, config), text, len + 1);
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

const struct setting_kind setting_path = { .set = path_set,
                                           .text = path_text,
                                           .expected = path_expected };

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

static bool is_not_empty(const char *name)
{
    return name[0] != '\0';
}

static const struct {
    const char *prefix;
    bool (*valid)(const char *name);
} device_kinds[] = {
    { "tap:", is_interface_name },    { "af_packet:", is_interface_name },
    { "af_xdp:", is_interface_name }, { "pci:", is_pci_address },
    { "vdev:", is_not_empty },
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

static bool cidr_set(const struct setting *s, struct config *config, const char *text)
{
    return value_cidr(text, &config->address, &config->prefix_len);
}

static void cidr_text(const struct setting *s, const struct config *config, char *text,
                      size_t text_bytes)
{
    char address[IP_ADDR_TEXT_BYTES];

    snprintf(text, text_bytes, "%s/%u", ip_addr_format(&config->address, address),
             config->prefix_len);
}

static void cidr_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes,
             "a host's IPv4 address with a prefix of 1 to 30 bits, such as 10.71.0.2/24");
}

const struct setting_kind setting_cidr = { .set = cidr_set,
                                           .text = cidr_text,
                                           .expected = cidr_expected };

static bool address_set(const struct setting *s, struct config *config, const char *text)
{
    struct ip_addr parsed;

    if (!ip_addr_parse(text, &parsed) || !ip_addr_is_v4(&parsed))
        return false;
    memcpy(value_at(s, config), &parsed, sizeof(parsed));
    return true;
}

static void address_text(const struct setting *s, const struct config *config, char *text,
                         size_t text_bytes)
{
    char address[IP_ADDR_TEXT_BYTES];

    snprintf(text, text_bytes, "%s", ip_addr_format(value_of(s, config), address));
}

static void address_expected(const struct setting *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "an IPv4 address, such as 10.71.0.1");
}

static bool address_is_zero(const struct setting *s, const struct config *config)
{
    return ip_addr_is_none(value_of(s, config));
}

static void address_zero(const struct setting *s, struct config *config)
{
    memset(value_at(s, config), 0, sizeof(struct ip_addr));
}

const struct setting_kind setting_address = { address_set, address_text, address_expected,
                                              address_is_zero, address_zero };

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
