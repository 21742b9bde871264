/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration's YAML side. A file is read twice: once as a tree of nodes with their lines
 * (libyaml), which finds every key that is unknown, repeated or of the wrong shape, and once into
 * text values (libcyaml), which then pass through the settings' own parsers. libcyaml alone stops
 * at the first mistake and does not tell lines for what it accepted.
 */
#include <ctype.h>
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "app/config.h"
#include "app/config_ports.h"
#include "app/settings.h"
#include "app/sites_file.h"
#include "base/assert.h"

#define FILE_BYTES_MAX (1u << 20) /* nobody writes a longer one by hand */
#define SECTIONS_MAX   16
#define SETTINGS_MAX   CONFIG_SETTINGS_MAX
#define MISTAKES_TOLD  32

/* What libcyaml reads and writes: each value as text under its setting's number, NULL where the
 * file has none. */
struct section_text {
    void *value[SETTINGS_MAX];    /* char *; of a list that is written, char ** */
    unsigned count[SETTINGS_MAX]; /* of a list */
};

struct file_text {
    struct section_text *section[SECTIONS_MAX];
};

/* What libcyaml needs to know, built from the table of settings. */
struct schema {
    cyaml_schema_field_t sections[SECTIONS_MAX + 1];
    cyaml_schema_field_t keys[SECTIONS_MAX][SETTINGS_MAX + 1];
    cyaml_schema_value_t top;
    unsigned section_of[SETTINGS_MAX];
};

struct mistake {
    size_t line; /* 0: of the whole file */
    char text[2 * CONFIG_ERROR_BYTES];
};

/* A file being read. */
struct source {
    const char *name;
    struct config *config;
    unsigned sites_line; /* 0: no such section yet */
    unsigned ports_line;
    uint8_t *bytes;
    size_t len;
    struct mistake mistakes[MISTAKES_TOLD]; /* told when all is read, in the order of their lines */
    unsigned mistake_count;                 /* those that found no room included */
    bool shape_wrong;                       /* libcyaml would refuse it */
    unsigned line_of[SETTINGS_MAX];         /* of each setting's value; 0: not in the file */
    char list[SETTINGS_MAX][CONFIG_LIST_BYTES]; /* of lists, with commas; libcyaml skips them */
};

static const cyaml_config_t cyaml_config = {
    .mem_fn = cyaml_mem,
    .flags = CYAML_CFG_IGNORE_UNKNOWN_KEYS | CYAML_CFG_NO_ALIAS | CYAML_CFG_STYLE_BLOCK,
};

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_value_t list_item = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

/* How setting i is written: a list of one as that one. Read, a list is left to tree_read(). */
static cyaml_schema_value_t value_schema(unsigned i, const unsigned *items)
{
    if (!settings[i].kind->list || (items != NULL && items[i] == 1))
        return text_value;
    if (items == NULL)
        return (cyaml_schema_value_t){ .type = CYAML_IGNORE, .flags = CYAML_FLAG_OPTIONAL };
    return (cyaml_schema_value_t){ CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER, char *, &list_item, 0,
                                                        CYAML_UNLIMITED) };
}

/* items: of each setting that is to be written, how many values it has; NULL: for reading.
 * without_ports: settings of the one port are left out, for a list of ports follows. */
static void schema_build(struct schema *schema, const unsigned *items, bool without_ports)
{
    unsigned section = 0, key = 0;

    ASSERT(setting_count <= SETTINGS_MAX);
    memset(schema, 0, sizeof(*schema));
    for (unsigned i = 0; i < setting_count; i++) {
        if (i > 0 && strcmp(settings[i].section, settings[i - 1].section) != 0) {
            section++;
            key = 0;
        }
        ASSERT(section < SECTIONS_MAX);
        schema->section_of[i] = section;
        schema->sections[section] = (cyaml_schema_field_t){
            .key = settings[i].section,
            .data_offset = (uint32_t)(section * sizeof(struct section_text *)),
            .value = { CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER_NULL | CYAML_FLAG_OPTIONAL,
                                           struct section_text, schema->keys[section]) },
        };
        if (without_ports && setting_is_of_port(&settings[i]))
            continue;
        schema->keys[section][key++] = (cyaml_schema_field_t){
            .key = settings[i].key,
            .data_offset = (uint32_t)(i * sizeof(void *)),
            .count_offset = (uint32_t)(offsetof(struct section_text, count) + i * sizeof(unsigned)),
            .count_size = sizeof(unsigned),
            .value = value_schema(i, items),
        };
    }
    schema->top = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file_text,
                                                              schema->sections) };
}

/* Notes a mistake. The message stays on one line whatever the file holds. */
__attribute__((format(printf, 3, 4))) static void mistake(struct source *src, size_t line,
                                                          const char *format, ...)
{
    va_list args;

    if (src->mistake_count++ >= MISTAKES_TOLD)
        return;
    struct mistake *m = &src->mistakes[src->mistake_count - 1];
    m->line = line;
    va_start(args, format);
    vsnprintf(m->text, sizeof(m->text), format, args);
    va_end(args);
    for (char *p = m->text; *p != '\0'; p++) {
        if (iscntrl((unsigned char)*p))
            *p = '?';
    }
}

static int by_line(const void *a, const void *b)
{
    const struct mistake *x = a, *y = b;

    return x->line < y->line ? -1 : x->line > y->line;
}

/* Tells the mistakes; returns how many there were. */
static unsigned mistakes_tell(struct source *src, FILE *errors)
{
    unsigned told = src->mistake_count < MISTAKES_TOLD ? src->mistake_count : MISTAKES_TOLD;

    qsort(src->mistakes, told, sizeof(src->mistakes[0]), by_line);
    for (unsigned i = 0; i < told; i++) {
        const struct mistake *m = &src->mistakes[i];

        if (m->line > 0)
            fprintf(errors, "%s:%zu: %s\n", src->name, m->line, m->text);
        else
            fprintf(errors, "%s: %s\n", src->name, m->text);
    }
    if (src->mistake_count > told)
        fprintf(errors, "%s: %u more\n", src->name, src->mistake_count - told);
    return src->mistake_count;
}

static size_t line_of(const yaml_node_t *node)
{
    return node->start_mark.line + 1;
}

static const char *text_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "(no text)";
}

static bool is_empty(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == 0;
}

/* The names that would have been right: of the sections (section NULL), or of one section's keys.
 */
static const char *names(const char *section, char *text, size_t text_bytes)
{
    const char *last = "";
    size_t len = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < setting_count && len < text_bytes; i++) {
        const char *name = section == NULL ? settings[i].section : settings[i].key;

        if (section != NULL ? strcmp(settings[i].section, section) != 0 : strcmp(last, name) == 0)
            continue;
        len += (size_t)snprintf(text + len, text_bytes - len, len > 0 ? ", %s" : "%s", name);
        last = name;
    }
    return text;
}

/* A list's values, or the one value: noted as text. */
static void list_read(struct source *src, yaml_document_t *document, unsigned setting,
                      const yaml_node_t *value)
{
    const yaml_node_item_t *item = NULL, *end = NULL;
    char *text = src->list[setting];
    size_t len = 0;

    if (value->type == YAML_SCALAR_NODE) {
        snprintf(text, CONFIG_LIST_BYTES, "%s", text_of(value));
        return;
    }
    if (value->type == YAML_SEQUENCE_NODE) {
        item = value->data.sequence.items.start;
        end = value->data.sequence.items.top;
    }
    for (; item < end && len < CONFIG_LIST_BYTES; item++)
        len += (size_t)snprintf(text + len, CONFIG_LIST_BYTES - len, "%s%s", len > 0 ? "," : "",
                                text_of(yaml_document_get_node(document, *item)));
}

/* One "key: value" of a section. */
static void key_check(struct source *src, yaml_document_t *document, const char *section,
                      const yaml_node_t *key, const yaml_node_t *value)
{
    char name[CONFIG_ERROR_BYTES / 4], known[CONFIG_ERROR_BYTES];

    snprintf(name, sizeof(name), "%s.%s", section, text_of(key));
    const struct setting *s = setting_find(name);
    if (s == NULL) {
        mistake(src, line_of(key), "%s: there is no such setting; %s has %s", name, section,
                names(section, known, sizeof(known)));
        src->shape_wrong |= key->type != YAML_SCALAR_NODE;
        return;
    }
    if (src->line_of[s - settings] != 0) {
        mistake(src, line_of(key), "%s: already set in line %u", name, src->line_of[s - settings]);
        src->shape_wrong = true;
        return;
    }
    src->line_of[s - settings] = (unsigned)line_of(key);
    if (s->kind->list && value->type == YAML_SEQUENCE_NODE) {
        list_read(src, document, (unsigned)(s - settings), value);
    } else if (value->type != YAML_SCALAR_NODE) {
        mistake(src, line_of(key), "%s: expected one value; found a %s", name,
                value->type == YAML_SEQUENCE_NODE ? "list" : "mapping");
        src->shape_wrong = true;
    } else if (strlen(text_of(value)) != value->data.scalar.length) {
        mistake(src, line_of(key), "%s: expected text; found a NUL byte in it", name);
        src->shape_wrong = true;
    } else if (value->start_mark.index < key->start_mark.index) {
        mistake(src, line_of(key), "%s: expected the value itself; found an alias of line %zu",
                name, line_of(value));
        src->shape_wrong = true;
    } else if (s->kind->list) {
        list_read(src, document, (unsigned)(s - settings), value);
    }
}

/* One "section:" and what is under it; first_line has the line of each section met so far. */
static void section_check(struct source *src, yaml_document_t *document, const yaml_node_t *key,
                          const yaml_node_t *value, size_t *first_line)
{
    char known[CONFIG_ERROR_BYTES];
    unsigned i = 0;

    while (i < setting_count && strcmp(settings[i].section, text_of(key)) != 0)
        i++;
    if (i == setting_count) {
        mistake(src, line_of(key), "%.64s: there is no such section; there are %s", text_of(key),
                names(NULL, known, sizeof(known)));
        src->shape_wrong |= key->type != YAML_SCALAR_NODE;
        return;
    }
    if (first_line[i] != 0) {
        mistake(src, line_of(key), "%s: this section has begun in line %zu already", text_of(key),
                first_line[i]);
        src->shape_wrong = true;
        return;
    }
    first_line[i] = line_of(key);
    if (is_empty(value))
        return;
    if (value->type != YAML_MAPPING_NODE) {
        mistake(src, line_of(key), "%s: expected settings below it (%s); found \"%.64s\"",
                text_of(key), names(text_of(key), known, sizeof(known)), text_of(value));
        src->shape_wrong = true;
        return;
    }
    for (const yaml_node_pair_t *pair = value->data.mapping.pairs.start;
         pair < value->data.mapping.pairs.top; pair++)
        key_check(src, document, text_of(key), yaml_document_get_node(document, pair->key),
                  yaml_document_get_node(document, pair->value));
}

static void list_mistake(void *ctx, size_t line, const char *text)
{
    mistake(ctx, line, "%s", text);
}

/* Whether a section that is a list begins here; *first is its line. */
static bool list_begins(struct source *src, const yaml_node_t *key, unsigned *first)
{
    if (*first != 0) {
        mistake(src, line_of(key), "%s: this section has begun in line %u already", text_of(key),
                *first);
        src->shape_wrong = true;
        return false;
    }
    *first = (unsigned)line_of(key);
    return true;
}

static void ports_check(struct source *src, yaml_document_t *document, const yaml_node_t *key,
                        yaml_node_t *value)
{
    struct ports_reader reader = {
        .document = document, .config = src->config, .mistake = list_mistake, .ctx = src
    };

    if (list_begins(src, key, &src->ports_line))
        ports_read(&reader, value, line_of(key));
}

/* One way to say it: with a list of ports, the one port's settings would have no port. */
static void ports_alone(struct source *src)
{
    for (unsigned i = 0; src->ports_line != 0 && i < setting_count; i++)
        if (setting_is_of_port(&settings[i]) && src->line_of[i] != 0)
            mistake(src, src->line_of[i],
                    "server.%s: expected it in the items of ports (line %u), which are all ports",
                    settings[i].key, src->ports_line);
}

static void sites_check(struct source *src, yaml_document_t *document, const yaml_node_t *key,
                        const yaml_node_t *value)
{
    struct sites_reader reader = { .document = document, .mistake = list_mistake, .ctx = src };

    if (!list_begins(src, key, &src->sites_line))
        return;
    config_release(src->config);
    src->config->sites = reader.sites = sites_new();
    if (reader.sites == NULL)
        mistake(src, 0, "cannot be read: memory is exhausted");
    else
        sites_read(&reader, value, line_of(key));
}

static void document_check(struct source *src, yaml_document_t *document)
{
    const yaml_node_t *root = yaml_document_get_root_node(document);
    size_t first_line[SETTINGS_MAX] = { 0 };
    char known[CONFIG_ERROR_BYTES];

    if (root == NULL)
        return;
    if (root->type != YAML_MAPPING_NODE) {
        src->shape_wrong = true;
        if (!is_empty(root))
            mistake(src, line_of(root), "expected sections (%s); found \"%.64s\"",
                    names(NULL, known, sizeof(known)), text_of(root));
        return;
    }
    for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
         pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        yaml_node_t *value = yaml_document_get_node(document, pair->value);

        if (strcmp(text_of(key), "sites") == 0)
            sites_check(src, document, key, value);
        else if (strcmp(text_of(key), "ports") == 0)
            ports_check(src, document, key, value);
        else
            section_check(src, document, key, value, first_line);
    }
    ports_alone(src);
}

/* libyaml tells some errors by line, others by their offset in the file. */
static void syntax_mistake(struct source *src, const yaml_parser_t *parser)
{
    size_t line = parser->problem_mark.line + 1;

    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < parser->problem_offset && i < src->len; i++)
            line += src->bytes[i] == '\n';
    }
    mistake(src, line, "this is no YAML: %s",
            parser->problem != NULL ? parser->problem : "memory is exhausted");
    src->shape_wrong = true;
}

/* First reading: notes where each setting is, and every mistake of shape. */
static void tree_read(struct source *src)
{
    yaml_parser_t parser;
    yaml_document_t document;

    if (!yaml_parser_initialize(&parser)) {
        mistake(src, 0, "cannot be read: memory is exhausted");
        return;
    }
    yaml_parser_set_input_string(&parser, src->bytes, src->len);
    if (!yaml_parser_load(&parser, &document)) {
        syntax_mistake(src, &parser);
        yaml_parser_delete(&parser);
        return;
    }
    document_check(src, &document);
    bool more = yaml_document_get_root_node(&document) != NULL;
    yaml_document_delete(&document);
    if (more && !yaml_parser_load(&parser, &document)) {
        syntax_mistake(src, &parser);
    } else if (more) {
        if (yaml_document_get_root_node(&document) != NULL)
            mistake(src, document.start_mark.line + 1, "expected one document; found a second one");
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
}

/* Second reading: the values, each through its setting's parser. */
static void values_read(struct source *src, struct config *config)
{
    struct schema schema;
    struct file_text *text = NULL;
    char error[CONFIG_ERROR_BYTES];

    schema_build(&schema, NULL, false);
    cyaml_err_t err = cyaml_load_data(src->bytes, src->len, &cyaml_config, &schema.top,
                                      (cyaml_data_t **)&text, NULL);
    if (err != CYAML_OK) {
        mistake(src, 0, "cannot be read: %s", cyaml_strerror(err));
        return;
    }
    for (unsigned i = 0; text != NULL && i < setting_count; i++) {
        const struct section_text *section = text->section[schema.section_of[i]];
        const char *value = section != NULL ? section->value[i] : NULL;

        if (settings[i].kind->list && src->line_of[i] != 0)
            value = src->list[i];
        if (value != NULL && !setting_set(&settings[i], config, value, error))
            mistake(src, src->line_of[i], "%s.%s: %s", settings[i].section, settings[i].key, error);
    }
    cyaml_free(&cyaml_config, &schema.top, text, 0);
}

/* Reads the whole file. False: noted as a mistake. */
static bool source_open(struct source *src, const char *name)
{
    FILE *file = fopen(name, "re");

    *src = (struct source){ .name = name };
    if (file == NULL) {
        mistake(src, 0, "cannot be opened: %s", strerror(errno));
        return false;
    }
    src->bytes = malloc(FILE_BYTES_MAX + 1);
    if (src->bytes != NULL)
        src->len = fread(src->bytes, 1, FILE_BYTES_MAX + 1, file);
    if (src->bytes == NULL || ferror(file))
        mistake(src, 0, "cannot be read: %s", strerror(errno));
    else if (src->len > FILE_BYTES_MAX)
        mistake(src, 0, "expected a file of at most %u bytes", FILE_BYTES_MAX);
    fclose(file);
    return src->mistake_count == 0;
}

static unsigned load(struct config *config, const char *file, FILE *errors, bool whole)
{
    struct source src;

    bool opened = source_open(&src, file);
    src.config = config;
    if (opened)
        tree_read(&src);
    if (opened && !src.shape_wrong)
        values_read(&src, config);
    if (whole && src.mistake_count == 0) {
        struct config_conflict conflict;
        bool conflicts = config_conflicts(config, &conflict);
        const struct setting *setting = conflicts ? setting_find(conflict.setting) : NULL;

        if (conflicts)
            mistake(&src, setting != NULL ? src.line_of[setting - settings] : conflict.line,
                    "%s: %s", conflict.setting, conflict.error);
    }
    free(src.bytes);
    if (src.mistake_count != 0)
        config_release(config);
    return mistakes_tell(&src, errors);
}

unsigned config_load(struct config *config, const char *file, FILE *errors)
{
    return load(config, file, errors, false);
}

unsigned config_load_whole(struct config *config, const char *file, FILE *errors)
{
    return load(config, file, errors, true);
}

/* Cuts text at its commas; returns how many parts there are, at most max of them in part. */
static unsigned text_split(char *text, char **part, unsigned max)
{
    unsigned n = 0;

    for (char *rest = text; rest != NULL && n < max; n++)
        part[n] = strsep(&rest, ",");
    return n;
}

/* A setting's values as text. */
struct value_text {
    char text[SETTING_TEXT_BYTES];
    char *part[STACK_ADDRESSES_MAX];
};

bool config_print(const struct config *config, FILE *out)
{
    struct schema schema;
    struct section_text sections[SECTIONS_MAX] = { 0 };
    struct file_text text = { 0 };
    struct value_text *values = calloc(setting_count, sizeof(*values));
    unsigned items[SETTINGS_MAX] = { 0 };
    char *yaml = NULL;
    size_t len = 0;
    bool written = false;

    if (values == NULL)
        return false;
    for (unsigned i = 0; i < setting_count; i++) {
        setting_text(&settings[i], config, values[i].text);
        if (settings[i].kind->list)
            items[i] = text_split(values[i].text, values[i].part, STACK_ADDRESSES_MAX);
    }
    schema_build(&schema, items, config->port_count > 1);
    for (unsigned i = 0; i < setting_count; i++) {
        struct section_text *section = &sections[schema.section_of[i]];

        section->value[i] = items[i] > 1 ? (void *)values[i].part : values[i].text;
        section->count[i] = items[i];
        text.section[schema.section_of[i]] = section;
    }
    if (cyaml_save_data(&yaml, &len, &cyaml_config, &schema.top, &text, 0) == CYAML_OK)
        written = fwrite(yaml, 1, len, out) == len;
    cyaml_mem(NULL, yaml, 0);
    free(values);
    if (config->port_count > 1)
        ports_print(config, out);
    if (config->sites != NULL)
        sites_print(config->sites, out);
    return written;
}
