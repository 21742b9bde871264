/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum config_log_level shown = CONFIG_LOG_INFO;

static const char *const prefixes[] = {
    [CONFIG_LOG_ERROR] = "",
    [CONFIG_LOG_WARNING] = "warning: ",
    [CONFIG_LOG_INFO] = "",
    [CONFIG_LOG_DEBUG] = "",
};

void log_set_level(enum config_log_level level)
{
    shown = level;
}

void log_line(enum config_log_level level, const char *format, ...)
{
    char line[4096];
    va_list args;

    if (level > shown)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    fprintf(stderr, "hugewire: %s%s\n", prefixes[level], line);
}
