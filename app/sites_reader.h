/* SPDX-License-Identifier: BSD-3-Clause */
/* How the list of sites is walked: mappings by tables of their keys, lists item by item, texts. */
#ifndef APP_SITES_READER_H
#define APP_SITES_READER_H

#include "app/sites_file.h"

#define SITES_PATH_BYTES 160

/* Where the reader is. */
struct in {
    const struct sites_reader *reader;
    struct config_site *site;
    size_t line; /* of the key, or of the list's item */
    char path[SITES_PATH_BYTES];
    size_t fields_len, field_count; /* of the site's add_headers so far */
    struct text field_name;
    struct site_redirect redirect;
    struct site_headers rule;
    struct text page; /* of error_pages */
};

struct key {
    const char *name; /* NULL: the end of the table */
    void (*read)(struct in *in, const yaml_node_t *value);
};

/* The scalar, or what stands for it in a message. */
const char *text_of(const yaml_node_t *node);
const yaml_node_t *node_at(const struct in *in, int index);

/* A mistake: "PATH: expected ...; found ...". */
void wrong(struct in *in, const yaml_node_t *value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Goes one step down; returns what path_up() needs. */
size_t path_down(struct in *in, const char *format, ...) __attribute__((format(printf, 2, 3)));
void path_up(struct in *in, size_t len);

/* False: said what was expected. */
bool is_mapping(struct in *in, const yaml_node_t *node, const struct key *keys);
/* Each key once, by the table. */
void mapping_read(struct in *in, const yaml_node_t *node, const struct key *keys);
/* Calls read for each item; a single value is a list of one. */
void list_read(struct in *in, const yaml_node_t *node, uint32_t max,
               void (*read)(struct in *in, const yaml_node_t *item));

/* The scalar's text, kept. False: it is none, or not min to max bytes, or holds a NUL. */
bool text_read(struct in *in, const yaml_node_t *node, size_t min, size_t max, struct text *text);
/* In place: it is a copy. */
void text_lower(struct text text);

/* No segment is empty, a dot or two: the catalogue has no such path. */
bool path_is_plain(struct text path);

bool all_of(struct text text, bool (*fits)(unsigned char c));
bool is_visible(unsigned char c);    /* ASCII, no blank */
bool is_token_char(unsigned char c); /* RFC 9110 section 5.6.2 */
bool is_value_char(unsigned char c); /* RFC 9110 section 5.5 */

#endif
