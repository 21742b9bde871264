/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration's list of sites: read from the file's section `sites`, completed when all else
 * is known, and handed to HTTP as its table (http/site.h).
 */
#ifndef APP_SITES_H
#define APP_SITES_H

#include <obstack.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "http/site.h"
#include "mempool/listings.h"
#include "stack/stack.h"

#define SITES_MAX           1024
#define SITE_LIST_MAX       256 /* of anything that a site has a list of */
#define SITE_INDEXES_MAX    8
#define SITE_RATE_MIN       UINT64_C(1024) /* bytes a second */
#define SITE_HOST_LEN_MAX   253
#define SITE_GLOB_LEN_MAX   255
#define SITE_TARGET_LEN_MAX 512

struct config;

/* What is sent for a directory without index file. */
enum config_autoindex {
    AUTOINDEX_OFF,
    AUTOINDEX_HTML,
    AUTOINDEX_JSON,
};

struct config_site {
    unsigned line; /* in the file */
    struct text *hosts;
    uint32_t host_count; /* 0: any */
    uint16_t ports[STACK_PORTS_MAX];
    uint32_t port_count; /* 0: server.port */
    bool is_default;     /* of its ports */
    enum config_autoindex autoindex;
    struct site_error_page *error_pages; /* paths within the site, with their slash */
    uint32_t error_page_count;
    struct http_site http;
};

struct config_sites {
    struct obstack memory; /* of all that follows */
    struct config_site *site;
    uint32_t count;

    /* What sites_complete() makes of it. */
    struct http_site *http;
    struct site_name *names;
    uint32_t name_count;
    uint16_t ports[STACK_PORTS_MAX];
    uint32_t port_count;
    const char **roots; /* absolute ones, of all sites, each once */
    uint32_t root_count;
    struct listing_rule *listings; /* of all sites, each once */
    uint32_t listing_count;
    bool limits_clients; /* some site limits requests or connections of a client address */
};

struct config_sites *sites_new(void);
/* Memory that goes with the sites. */
void *sites_alloc(struct config_sites *sites, size_t bytes);
/* NULL is allowed. */
void sites_free(struct config_sites *sites);

/*
 * Gives names and ports what server.port says where a site says nothing, and finds what no single
 * site can show. 0; or the line of the site at fault, and error says what was expected and found.
 */
unsigned sites_complete(struct config_sites *sites, uint16_t server_port, char *error,
                        size_t error_bytes);

/* In double quotes, as YAML and JSON have them. */
void sites_print_text(FILE *out, struct text text);

/* As the file has it. */
void sites_print(const struct config_sites *sites, FILE *out);

#endif
