/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/values.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/time.h"
#include "wire/ipv6.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Reads digits; returns what follows them, or NULL: there were none or the number overflows. */
static const char *digits_read(const char *text, uint64_t *out)
{
    uint64_t n = 0;
    const char *p = text;

    for (; isdigit((unsigned char)*p); p++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *p - '0', &n))
            return NULL;
    }
    if (p == text)
        return NULL;
    *out = n;
    return p;
}

bool value_number(const char *text, uint64_t *out)
{
    uint64_t n;
    const char *rest = digits_read(text, &n);

    if (rest == NULL || *rest != '\0')
        return false;
    *out = n;
    return true;
}

bool value_bool(const char *text, bool *out)
{
    static const char *const words[][2] = {
        { "false", "true" },
        { "no", "yes" },
        { "off", "on" },
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int value = 0; value < 2; value++) {
            if (strcasecmp(text, words[i][value]) == 0) {
                *out = value;
                return true;
            }
        }
    }
    return false;
}

/* A number and one of the units; the list ends with an empty name. */
static bool united_read(const char *text, const struct unit *units, uint64_t *out)
{
    uint64_t n;
    const char *rest = digits_read(text, &n);

    if (rest == NULL)
        return false;
    for (; units->name != NULL; units++) {
        if (strcasecmp(rest, units->name) == 0)
            return !__builtin_mul_overflow(n, units->factor, out);
    }
    return false;
}

static const struct unit size_units[] = {
    { "", 1 },
    { "B", 1 },
    { "K", UINT64_C(1) << 10 },
    { "KB", UINT64_C(1) << 10 },
    { "KiB", UINT64_C(1) << 10 },
    { "M", UINT64_C(1) << 20 },
    { "MB", UINT64_C(1) << 20 },
    { "MiB", UINT64_C(1) << 20 },
    { "G", UINT64_C(1) << 30 },
    { "GB", UINT64_C(1) << 30 },
    { "GiB", UINT64_C(1) << 30 },
    { "T", UINT64_C(1) << 40 },
    { "TB", UINT64_C(1) << 40 },
    { "TiB", UINT64_C(1) << 40 },
    { NULL, 0 },
};

bool value_size(const char *text, uint64_t *bytes)
{
    uint64_t n;

    if (!united_read(text, size_units, &n))
        return false;
    *bytes = n;
    return true;
}

static const struct unit duration_units[] = {
    { "ns", 1 },       { "us", NS_PER_US },      { "ms", NS_PER_MS },
    { "s", NS_PER_S }, { "min", 60 * NS_PER_S }, { NULL, 0 },
};

bool value_duration(const char *text, uint64_t *ns)
{
    uint64_t n;

    if (value_number(text, &n) && n == 0) {
        *ns = 0;
        return true;
    }
    if (!united_read(text, duration_units, &n))
        return false;
    *ns = n;
    return true;
}

/* Keeps cores ascending and unique. False: full. */
static bool core_insert(uint16_t *cores, uint32_t max, uint32_t *count, uint16_t core)
{
    uint32_t at = *count;

    while (at > 0 && cores[at - 1] > core)
        at--;
    if (at > 0 && cores[at - 1] == core)
        return true;
    if (*count == max)
        return false;
    memmove(&cores[at + 1], &cores[at], (*count - at) * sizeof(cores[0]));
    cores[at] = core;
    (*count)++;
    return true;
}

bool value_cpu_list(const char *text, uint16_t *cores, uint32_t max, uint32_t *count)
{
    uint16_t found[1024];
    uint32_t found_count = 0;

    if (max > sizeof(found) / sizeof(found[0]))
        max = sizeof(found) / sizeof(found[0]);
    for (const char *p = text;; p++) {
        uint64_t first, last;

        p = digits_read(p, &first);
        if (p == NULL)
            return false;
        last = first;
        if (*p == '-' && (p = digits_read(p + 1, &last)) == NULL)
            return false;
        if (first > last || last > UINT16_MAX)
            return false;
        for (uint64_t core = first; core <= last; core++) {
            if (!core_insert(found, max, &found_count, (uint16_t)core))
                return false;
        }
        if (*p == '\0')
            break;
        if (*p != ',')
            return false;
    }
    memcpy(cores, found, found_count * sizeof(found[0]));
    *count = found_count;
    return true;
}

/* Whether a host may have this address (RFC 6890): no multicast, loopback, "this network", and
 * neither the first nor the last of its net. */
static bool host_address_v4(uint32_t v4, uint32_t prefix_len)
{
    uint32_t host_mask = UINT32_MAX >> prefix_len;
    uint32_t host = v4 & host_mask;

    return v4 >> 24 != 0 && v4 >> 24 != 127 && v4 >> 28 < 14 && host != 0 && host != host_mask;
}

/* The same for IPv6 (RFC 4291): no multicast, loopback, unspecified one, and not the router's
 * anycast address (section 2.6.1). */
static bool host_address_v6(const struct ip_addr *ip, uint32_t prefix_len)
{
    struct ip_addr net = *ip;

    if (ip_addr_is_multicast_v6(ip) || ip_addr_is_none(ip) || ip_addr_equal(ip, &IPV6_LOOPBACK))
        return false;
    for (uint32_t bit = prefix_len; bit < 128; bit++)
        net.b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return prefix_len >= 127 || !ip_addr_equal(&net, ip);
}

bool value_cidr(const char *text, struct ip_addr *address, uint32_t *prefix_len)
{
    char host[IP_ADDR_TEXT_BYTES];
    const char *slash = strchr(text, '/');
    struct ip_addr parsed;
    uint64_t prefix;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(host))
        return false;
    memcpy(host, text, (size_t)(slash - text));
    host[slash - text] = '\0';
    if (!ip_addr_parse(host, &parsed) || !value_number(slash + 1, &prefix) || prefix < 1)
        return false;
    bool v4 = ip_addr_is_v4(&parsed);
    if (prefix > (v4 ? 30 : 128))
        return false;
    if (v4 ? !host_address_v4(ip_addr_v4(&parsed), (uint32_t)prefix)
           : !host_address_v6(&parsed, (uint32_t)prefix))
        return false;
    *address = parsed;
    *prefix_len = (uint32_t)prefix;
    return true;
}

/* The largest unit that divides n; the smallest one has factor 1. */
static const char *united_text(uint64_t n, const struct unit *units, char text[VALUE_TEXT_BYTES])
{
    const struct unit *best = NULL;

    for (; units->name != NULL; units++) {
        if (n % units->factor == 0 && (best == NULL || units->factor >= best->factor))
            best = units;
        if (n == 0)
            break;
    }
    snprintf(text, VALUE_TEXT_BYTES, "%" PRIu64 "%s", n / best->factor, best->name);
    return text;
}

const char *value_size_text(uint64_t bytes, char text[VALUE_TEXT_BYTES])
{
    return united_text(bytes, size_units, text);
}

const char *value_duration_text(uint64_t ns, char text[VALUE_TEXT_BYTES])
{
    return united_text(ns, duration_units, text);
}

bool value_cpu_list_text(const uint16_t *cores, uint32_t count, char *text, size_t text_bytes)
{
    size_t len = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        uint32_t last = i;

        while (last + 1 < count && cores[last + 1] == cores[last] + 1)
            last++;
        int n = snprintf(text + len, text_bytes - len, last > i ? "%s%u-%u" : "%s%u",
                         i > 0 ? "," : "", cores[i], cores[last]);
        if (n < 0 || (size_t)n >= text_bytes - len)
            return false;
        len += (size_t)n;
        i = last;
    }
    return true;
}
