/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/sites_reader.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"

/* ---- mistakes ---- */

const char *text_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE     ? (const char *)node->data.scalar.value
           : node->type == YAML_SEQUENCE_NODE ? "(a list)"
                                              : "(a mapping)";
}

void wrong(struct in *in, const yaml_node_t *value, const char *format, ...)
{
    char text[2 * CONFIG_ERROR_BYTES], expected[CONFIG_ERROR_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(expected, sizeof(expected), format, args);
    va_end(args);
    snprintf(text, sizeof(text), "%s: expected %s; found \"%.64s\"", in->path, expected,
             text_of(value));
    in->reader->mistake(in->reader->ctx, in->line, text);
}

/* ---- walking ---- */

const yaml_node_t *node_at(const struct in *in, int index)
{
    return yaml_document_get_node(in->reader->document, index);
}

size_t path_down(struct in *in, const char *format, ...)
{
    size_t len = strlen(in->path);
    va_list args;

    va_start(args, format);
    vsnprintf(in->path + len, sizeof(in->path) - len, format, args);
    va_end(args);
    return len;
}

void path_up(struct in *in, size_t len)
{
    in->path[len] = '\0';
}

static const char *key_names(const struct key *keys, char *text, size_t text_bytes)
{
    size_t len = 0;

    for (; keys->name != NULL && len < text_bytes; keys++)
        len += (size_t)snprintf(text + len, text_bytes - len, len > 0 ? ", %s" : "%s", keys->name);
    return text;
}

bool is_mapping(struct in *in, const yaml_node_t *node, const struct key *keys)
{
    char names[CONFIG_ERROR_BYTES / 2];

    if (node->type == YAML_MAPPING_NODE)
        return true;
    wrong(in, node, "settings below it (%s)", key_names(keys, names, sizeof(names)));
    return false;
}

void mapping_read(struct in *in, const yaml_node_t *node, const struct key *keys)
{
    unsigned seen = 0;
    char names[CONFIG_ERROR_BYTES / 2];

    if (!is_mapping(in, node, keys))
        return;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(in, pair->key), *value = node_at(in, pair->value);
        unsigned i = 0;
        size_t up;

        in->line = key->start_mark.line + 1;
        while (keys[i].name != NULL && strcmp(keys[i].name, text_of(key)) != 0)
            i++;
        if (keys[i].name == NULL) {
            wrong(in, key, "one of %s", key_names(keys, names, sizeof(names)));
            continue;
        }
        up = path_down(in, ".%s", keys[i].name);
        if (seen & 1u << i)
            wrong(in, value, "this setting once");
        else
            keys[i].read(in, value);
        seen |= 1u << i;
        path_up(in, up);
    }
}

void list_read(struct in *in, const yaml_node_t *node, uint32_t max,
               void (*read)(struct in *in, const yaml_node_t *item))
{
    uint32_t n = 0;

    if (node->type != YAML_SEQUENCE_NODE) {
        read(in, node);
        return;
    }
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++, n++) {
        size_t up = path_down(in, "[%u]", n);

        in->line = node_at(in, *item)->start_mark.line + 1;
        if (n == max)
            wrong(in, node_at(in, *item), "at most %u of them", max);
        else if (n < max)
            read(in, node_at(in, *item));
        path_up(in, up);
    }
}

/* ---- texts ---- */

bool text_read(struct in *in, const yaml_node_t *node, size_t min, size_t max, struct text *text)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.length < min ||
        node->data.scalar.length > max || strlen(text_of(node)) != node->data.scalar.length)
        return false;
    text->len = node->data.scalar.length;
    char *copy = sites_alloc(in->reader->sites, text->len + 1);
    memcpy(copy, text_of(node), text->len + 1);
    text->at = copy;
    return true;
}

void text_lower(struct text text)
{
    char *at = (char *)(uintptr_t)text.at;

    for (size_t i = 0; i < text.len; i++)
        at[i] = (char)tolower((unsigned char)at[i]);
}

bool path_is_plain(struct text path)
{
    while (path.len != 0) {
        size_t end = text_find(path, '/');

        if (end == 0 || (end == 1 && path.at[0] == '.') ||
            (end == 2 && memcmp(path.at, "..", 2) == 0))
            return false;
        path = text_skip(path, end < path.len ? end + 1 : end);
    }
    return true;
}

bool all_of(struct text text, bool (*fits)(unsigned char c))
{
    for (size_t i = 0; i < text.len; i++)
        if (!fits((unsigned char)text.at[i]))
            return false;
    return true;
}

bool is_visible(unsigned char c)
{
    return c > 0x20 && c < 0x7f;
}

bool is_token_char(unsigned char c)
{
    return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool is_value_char(unsigned char c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}
