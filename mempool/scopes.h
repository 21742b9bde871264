/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths that are to be looked at: together, once each, what is below another one with it. */
#ifndef MEMPOOL_SCOPES_H
#define MEMPOOL_SCOPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More become one: all of ROOT. */
#define SCOPES_MAX 8192

struct scope {
    char *path;    /* of a file or a directory and all below it; "": ROOT */
    bool complete; /* a file there is not being written (struct watch_event) */
    unsigned tries;
};

struct scopes {
    struct scope *list;
    size_t count, max;
    bool all; /* ROOT, instead of the list */
};

/* Copies path. For want of memory or room: all. */
void scopes_add(struct scopes *scopes, const char *path, bool complete, unsigned tries);
void scopes_add_all(struct scopes *scopes);
bool scopes_empty(const struct scopes *scopes);
/* Sorts by path and makes one of those with the same path. */
void scopes_sort(struct scopes *scopes);
/* After scopes_sort(): the one behind number i that is not below it. */
size_t scopes_next(const struct scopes *scopes, size_t i);
/* After scopes_sort(): NULL: this path is not named. */
const struct scope *scopes_find(const struct scopes *scopes, const char *path);
/* Forgets all. */
void scopes_clear(struct scopes *scopes);
void scopes_destroy(struct scopes *scopes);

/* Whether path is top or below it ("": all is). */
bool path_is_within(const char *path, const char *top);

#endif
