/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/types.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS   " \t\r\n"
#define TYPE_LEN_MAX 255 /* RFC 6838 section 4.2: two names of at most 127 and a slash */

struct type {
    const char *extension;
    const char *type;
    size_t line; /* of two lines for one extension the first counts */
};

struct types {
    struct type *table; /* sorted by extension */
    size_t count, max;
    char *text; /* the file's, cut into strings */
};

/* Stands in for a missing file: what browsers do not forgive. */
static const struct type builtin[] = {
    { "css", "text/css", 0 },          { "gif", "image/gif", 0 },
    { "gz", "application/gzip", 0 },   { "htm", "text/html", 0 },
    { "html", "text/html", 0 },        { "jpeg", "image/jpeg", 0 },
    { "jpg", "image/jpeg", 0 },        { "js", "text/javascript", 0 },
    { "json", "application/json", 0 }, { "mjs", "text/javascript", 0 },
    { "mp4", "video/mp4", 0 },         { "pdf", "application/pdf", 0 },
    { "png", "image/png", 0 },         { "svg", "image/svg+xml", 0 },
    { "txt", "text/plain", 0 },        { "wasm", "application/wasm", 0 },
    { "webm", "video/webm", 0 },       { "webp", "image/webp", 0 },
    { "woff2", "font/woff2", 0 },      { "xml", "application/xml", 0 },
    { "zip", "application/zip", 0 },
};

/* The whole file, NUL-terminated; NULL with errno. */
static char *file_text(const char *name)
{
    FILE *file = fopen(name, "re");
    char *text = NULL;
    size_t bytes = 0;

    if (file == NULL)
        return NULL;
    errno = 0;
    if (getdelim(&text, &bytes, '\0', file) < 0) {
        int failed = errno;
        free(text);
        text = failed == 0 ? strdup("") : NULL; /* end of an empty file */
        errno = failed != 0 ? failed : errno;
    }
    fclose(file);
    return text;
}

static int table_add(struct types *types, const char *extension, const char *type, size_t line)
{
    if (types->count == types->max) {
        size_t max = types->max * 2 + 256;
        struct type *table = realloc(types->table, max * sizeof(*table));
        if (table == NULL)
            return -1;
        types->table = table;
        types->max = max;
    }
    types->table[types->count++] =
        (struct type){ .extension = extension, .type = type, .line = line };
    return 0;
}

/* A type goes into a response head as it is: it must be a visible word with one slash. */
static bool type_valid(const char *type)
{
    const char *slash = strchr(type, '/');

    if (slash == NULL || slash == type || slash[1] == '\0' || strlen(type) > TYPE_LEN_MAX)
        return false;
    for (const char *p = type; *p != '\0'; p++)
        if (!isgraph((unsigned char)*p))
            return false;
    return true;
}

static int line_parse(struct types *types, char *line, size_t number)
{
    char *rest, *type, *extension;

    line[strcspn(line, "#")] = '\0';
    type = strtok_r(line, SEPARATORS, &rest);
    if (type == NULL || !type_valid(type))
        return 0;
    while ((extension = strtok_r(NULL, SEPARATORS, &rest)) != NULL)
        if (table_add(types, extension, type, number) != 0)
            return -1;
    return 0;
}

static int by_extension(const void *a, const void *b)
{
    return strcasecmp(((const struct type *)a)->extension, ((const struct type *)b)->extension);
}

static int by_extension_and_line(const void *a, const void *b)
{
    const struct type *x = a, *y = b;
    int order = by_extension(a, b);

    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* Sorted, and of each extension only the first line. */
static void table_finish(struct types *types)
{
    size_t kept = 0;

    if (types->count != 0)
        qsort(types->table, types->count, sizeof(*types->table), by_extension_and_line);
    for (size_t i = 0; i < types->count; i++)
        if (kept == 0 || by_extension(&types->table[kept - 1], &types->table[i]) != 0)
            types->table[kept++] = types->table[i];
    types->count = kept;
}

struct types *types_load(const char *file, struct pool_log *log)
{
    struct types *types = calloc(1, sizeof(*types));

    if (types == NULL)
        return NULL;
    types->text = file_text(file);
    if (types->text == NULL) {
        pool_log_warning(log,
                         "media types: cannot read %s: %s; only common file extensions are known "
                         "(remedy: apt-get install media-types)",
                         file, strerror(errno));
        for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
            if (table_add(types, builtin[i].extension, builtin[i].type, i) != 0)
                goto no_memory;
    } else {
        char *next = types->text;
        for (size_t number = 1; next != NULL; number++) {
            char *line = strsep(&next, "\n");
            if (line_parse(types, line, number) != 0)
                goto no_memory;
        }
    }
    table_finish(types);
    return types;

no_memory:
    types_destroy(types);
    return NULL;
}

const char *types_find(const struct types *types, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');

    if (dot == NULL || types->count == 0)
        return TYPES_DEFAULT;
    struct type key = { .extension = dot + 1 };
    const struct type *found =
        bsearch(&key, types->table, types->count, sizeof(*types->table), by_extension);
    return found != NULL ? found->type : TYPES_DEFAULT;
}

void types_destroy(struct types *types)
{
    if (types == NULL)
        return;
    free(types->table);
    free(types->text);
    free(types);
}
