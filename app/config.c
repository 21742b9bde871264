/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/config.h"

#include <string.h>

#include "app/settings.h"
#include "base/assert.h"

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

const char *config_conflict(const struct config *config, char error[CONFIG_ERROR_BYTES])
{
    char address[IP_ADDR_TEXT_BYTES], gateway[IP_ADDR_TEXT_BYTES];

    if (ip_addr_is_none(&config->gateway))
        return NULL;
    ip_addr_format(&config->address, address);
    ip_addr_format(&config->gateway, gateway);
    if (!ip_addr_same_net(&config->gateway, &config->address, config->prefix_len)) {
        snprintf(error, CONFIG_ERROR_BYTES,
                 "expected an address in the net of server.address (%s/%u); found \"%s\"", address,
                 config->prefix_len, gateway);
        return "server.gateway";
    }
    if (ip_addr_equal(&config->gateway, &config->address)) {
        snprintf(error, CONFIG_ERROR_BYTES,
                 "expected another host than server.address; found \"%s\"", gateway);
        return "server.gateway";
    }
    return NULL;
}
