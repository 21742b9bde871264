/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the section `sites` of a configuration file's tree, every mistake with its line. */
#ifndef APP_SITES_FILE_H
#define APP_SITES_FILE_H

#include <stddef.h>
#include <yaml.h>

#include "app/sites.h"

struct sites_reader {
    yaml_document_t *document;
    struct config_sites *sites;
    /* Told of each mistake: "sites[0].root: expected ...". */
    void (*mistake)(void *ctx, size_t line, const char *text);
    void *ctx;
};

void sites_read(const struct sites_reader *reader, const yaml_node_t *list, size_t line);

#endif
