/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of settings: the one list of what can be configured. Defaults, the file's keys, the
 * flags, range checks, error texts and the effective configuration all derive from it.
 */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include <stddef.h>

#include "app/config.h"

struct setting;

/* How settings of one kind are read, written and explained. */
struct setting_kind {
    /* False: text is no such value; config is unchanged. Not asked about the zero word. */
    bool (*set)(const struct setting *setting, struct config *config, const char *text);
    /* The value as text that set() takes. */
    void (*text)(const struct setting *setting, const struct config *config, char *text,
                 size_t text_bytes);
    /* What set() expects. */
    void (*expected)(const struct setting *setting, char *text, size_t text_bytes);
    bool (*is_zero)(const struct setting *setting, const struct config *config);
    void (*zero)(const struct setting *setting, struct config *config);
    /* As text values with commas between them; a YAML list; an option that may be repeated. */
    bool list;
};

/* uint32_t or uint64_t in struct config: a plain number, bytes, nanoseconds. */
extern const struct setting_kind setting_number, setting_size, setting_duration;
extern const struct setting_kind setting_bool;        /* bool */
extern const struct setting_kind setting_word;        /* an enum: index into words */
extern const struct setting_kind setting_path;        /* char[PATH_MAX] */
extern const struct setting_kind setting_server_name; /* config.server_name */
extern const struct setting_kind setting_user;        /* config.user */
extern const struct setting_kind setting_globs;       /* char[]: patterns of paths, with commas */
extern const struct setting_kind setting_device;      /* char[]: of config.ports[0] */
extern const struct setting_kind setting_cidrs;    /* address, address_count of config.ports[0] */
extern const struct setting_kind setting_gateways; /* its gateway and gateway6 */
extern const struct setting_kind setting_nodes;    /* config.nodes and config.node_count */
extern const struct setting_kind setting_cores;    /* config.cores and config.core_count */

struct setting {
    const char *section; /* of the YAML file */
    const char *key;     /* in that section */
    const char *option;  /* long option of serve, without dashes; NULL: none */
    const struct setting_kind *kind;
    size_t offset, bytes;     /* of the value in struct config */
    uint64_t min, max;        /* of a number, size or duration; the zero word aside */
    const char *fallback;     /* the default, as text */
    const char *zero_word;    /* stands for 0, none or empty; NULL: there is no such word */
    const char *const *words; /* setting_word: in the order of the enum, NULL at the end */
};

extern const struct setting settings[];
extern const unsigned setting_count;

/* Room for the text of any setting. */
#define SETTING_TEXT_BYTES PATH_MAX

/* The setting "section.key", or of that option; NULL: none. */
const struct setting *setting_find(const char *name);
const struct setting *setting_of_option(const char *option);

/* As config_set(). */
bool setting_set(const struct setting *setting, struct config *config, const char *text,
                 char error[CONFIG_ERROR_BYTES]);

/* Settings of a port, which an item of the list `ports` may have; and their number among these. */
bool setting_is_of_port(const struct setting *setting);
unsigned setting_port_key(const struct setting *setting);

/* As setting_set() and setting_text(), of that port (they take the first). */
bool setting_set_port(const struct setting *setting, struct config *config, uint32_t port,
                      const char *text, char error[CONFIG_ERROR_BYTES]);
const char *setting_text_port(const struct setting *setting, const struct config *config,
                              uint32_t port, char text[SETTING_TEXT_BYTES]);

/* The value in config, as setting_set() takes it; returns text. */
const char *setting_text(const struct setting *setting, const struct config *config,
                         char text[SETTING_TEXT_BYTES]);

#endif
