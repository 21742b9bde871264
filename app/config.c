/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/config.h"

#include <string.h>

#include "app/settings.h"
#include "app/sites.h"
#include "base/assert.h"
#include "wire/ipv6.h"

void config_defaults(struct config *config)
{
    char error[CONFIG_ERROR_BYTES];

    memset(config, 0, sizeof(*config));
    for (unsigned i = 0; i < setting_count; i++) {
        bool known = setting_set(&settings[i], config, settings[i].fallback, error);

        ASSERT(known);
    }
}

bool config_set(struct config *config, const char *setting, const char *text,
                char error[CONFIG_ERROR_BYTES])
{
    const struct setting *s = setting_find(setting);

    if (s == NULL) {
        snprintf(error, CONFIG_ERROR_BYTES, "there is no such setting");
        return false;
    }
    return setting_set(s, config, text, error);
}

/* Whether ip is in the net of one of our addresses. */
static bool is_connected(const struct config *config, const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < config->address_count; i++)
        if (ip_addr_same_net(ip, &config->address[i].ip, config->address[i].prefix_len))
            return true;
    return !ip_addr_is_v4(ip) && ip_addr_is_link_local(ip);
}

static bool is_ours(const struct config *config, const struct ip_addr *ip)
{
    for (uint32_t i = 0; i < config->address_count; i++)
        if (ip_addr_equal(ip, &config->address[i].ip))
            return true;
    return false;
}

static bool gateway_wrong(const struct config *config, const struct ip_addr *gateway,
                          char error[CONFIG_ERROR_BYTES])
{
    char addresses[SETTING_TEXT_BYTES], text[IP_ADDR_TEXT_BYTES];

    if (ip_addr_is_none(gateway))
        return false;
    ip_addr_format(gateway, text);
    setting_text(setting_find("server.address"), config, addresses);
    if (!is_connected(config, gateway)) {
        snprintf(error, CONFIG_ERROR_BYTES,
                 "expected an address in the net of server.address (%.256s); found \"%s\"",
                 addresses, text);
        return true;
    }
    if (is_ours(config, gateway)) {
        snprintf(error, CONFIG_ERROR_BYTES,
                 "expected another host than server.address; found \"%s\"", text);
        return true;
    }
    return false;
}

static bool wants_ipv6(const struct config *config)
{
    for (uint32_t i = 0; i < config->address_count; i++)
        if (!ip_addr_is_v4(&config->address[i].ip))
            return true;
    return config->slaac || !ip_addr_is_none(&config->gateway6);
}

void config_release(struct config *config)
{
    sites_free(config->sites);
    config->sites = NULL;
}

const char *config_conflict(struct config *config, unsigned *line, char error[CONFIG_ERROR_BYTES])
{
    unsigned site_line = 0;

    if (gateway_wrong(config, &config->gateway, error) ||
        gateway_wrong(config, &config->gateway6, error))
        return "server.gateway";
    if (config->mtu < IPV6_MTU_MIN && wants_ipv6(config)) {
        snprintf(error, CONFIG_ERROR_BYTES, "expected at least %d, for IPv6; found \"%u\"",
                 IPV6_MTU_MIN, config->mtu);
        return "server.mtu";
    }
    if (config->sites != NULL)
        site_line =
            sites_complete(config->sites, (uint16_t)config->port, error, CONFIG_ERROR_BYTES);
    if (site_line != 0) {
        *line = site_line;
        return "sites";
    }
    return NULL;
}
