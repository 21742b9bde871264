/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/scopes.h"

#include <stdlib.h>
#include <string.h>

bool path_is_within(const char *path, const char *top)
{
    size_t len = strlen(top);

    return len == 0 || (strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0'));
}

void scopes_clear(struct scopes *s)
{
    while (s->count > 0)
        free(s->list[--s->count].path);
    s->all = false;
}

void scopes_destroy(struct scopes *s)
{
    scopes_clear(s);
    free(s->list);
    *s = (struct scopes){ 0 };
}

void scopes_add_all(struct scopes *s)
{
    scopes_clear(s);
    s->all = true;
}

void scopes_add(struct scopes *s, const char *path, bool complete, unsigned tries)
{
    if (s->all)
        return;
    if (s->count == s->max && s->max < SCOPES_MAX) {
        size_t max = s->max == 0 ? 64 : 2 * s->max;
        struct scope *list = realloc(s->list, max * sizeof(*list));
        if (list != NULL) {
            s->list = list;
            s->max = max;
        }
    }
    char *copy = path[0] != '\0' && s->count < s->max ? strdup(path) : NULL;
    if (copy == NULL) {
        scopes_add_all(s);
        return;
    }
    s->list[s->count++] = (struct scope){ .path = copy, .complete = complete, .tries = tries };
}

bool scopes_empty(const struct scopes *s)
{
    return s->count == 0 && !s->all;
}

/* The end before a slash, and both before all other bytes. */
static unsigned rank(char byte)
{
    if (byte == '\0')
        return 0;
    return byte == '/' ? 1 : (unsigned char)byte + 1u;
}

/* By components: what is below a directory follows it at once, before "directory.txt". */
static int path_compare(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return (rank(*a) > rank(*b)) - (rank(*a) < rank(*b));
}

static int by_path(const void *a, const void *b)
{
    return path_compare(((const struct scope *)a)->path, ((const struct scope *)b)->path);
}

void scopes_sort(struct scopes *s)
{
    size_t kept = 0;

    if (s->count > 1)
        qsort(s->list, s->count, sizeof(*s->list), by_path);
    for (size_t i = 0; i < s->count; i++) {
        struct scope *last = kept > 0 ? &s->list[kept - 1] : NULL;
        if (last == NULL || strcmp(last->path, s->list[i].path) != 0) {
            s->list[kept++] = s->list[i];
            continue;
        }
        last->complete |= s->list[i].complete;
        if (s->list[i].tries < last->tries) /* it has changed again */
            last->tries = s->list[i].tries;
        free(s->list[i].path);
    }
    s->count = kept;
}

size_t scopes_next(const struct scopes *s, size_t i)
{
    const char *top = s->list[i].path;

    while (++i < s->count && path_is_within(s->list[i].path, top))
        ;
    return i;
}

const struct scope *scopes_find(const struct scopes *s, const char *path)
{
    const struct scope key = { .path = (char *)(uintptr_t)path };

    return s->count > 0 ? bsearch(&key, s->list, s->count, sizeof(key), by_path) : NULL;
}
