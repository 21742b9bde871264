/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/check.h"

#include <errno.h>
#include <string.h>

#include "app/config.h"

int check_run(const char *file, FILE *out, FILE *errors)
{
    struct config config;

    config_defaults(&config);
    unsigned mistakes = config_load_whole(&config, file, errors);
    if (mistakes > 0) {
        fprintf(errors, "hugewire: %s: %u mistake%s\n", file, mistakes, mistakes == 1 ? "" : "s");
        return 2;
    }
    errno = 0;
    bool printed = config_print(&config, out) && fflush(out) == 0;
    config_release(&config);
    if (!printed) {
        fprintf(errors, "hugewire: the configuration cannot be printed: %s\n",
                errno != 0 ? strerror(errno) : "memory is exhausted");
        return 2;
    }
    return 0;
}
