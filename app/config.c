/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/config.h"

#include <string.h>

#include "app/config_ports.h"
#include "app/settings.h"
#include "app/sites.h"
#include "base/assert.h"

void config_defaults(struct config *config)
{
    char error[CONFIG_ERROR_BYTES];

    memset(config, 0, sizeof(*config));
    config->port_count = 1;
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

void config_release(struct config *config)
{
    sites_free(config->sites);
    config->sites = NULL;
}

bool config_conflicts(struct config *config, struct config_conflict *conflict)
{
    memset(conflict, 0, sizeof(*conflict));
    if (config_ports_conflict(config, conflict))
        return true;
    if (config->sites == NULL)
        return false;
    conflict->line = sites_complete(config->sites, (uint16_t)config->port, conflict->error,
                                    sizeof(conflict->error));
    snprintf(conflict->setting, sizeof(conflict->setting), "sites");
    return conflict->line != 0;
}
