/* SPDX-License-Identifier: BSD-3-Clause */
/* A site's keys autoindex and error_pages: what is sent where no file was asked for. */
#ifndef APP_SITES_PAGES_H
#define APP_SITES_PAGES_H

#include "app/sites.h"
#include "app/sites_reader.h"

void autoindex_read(struct in *in, const yaml_node_t *node);
void error_pages_read(struct in *in, const yaml_node_t *node);

/* Part of sites_complete(), when the sites' roots are known and http has a copy of each site's. */
void sites_pages_complete(struct config_sites *sites);

void sites_pages_print(const struct config_site *site, FILE *out);

/* Calls missing for each page that is_there does not find; path is the catalogue's. */
void sites_pages_check(const struct config_sites *sites,
                       bool (*is_there)(void *ctx, struct text path),
                       void (*missing)(void *ctx, const struct config_site *site,
                                       const struct site_error_page *page),
                       void *ctx);

#endif
