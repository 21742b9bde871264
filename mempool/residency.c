/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/residency.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int pinned_then_smallest(const void *a, const void *b)
{
    const struct residency *x = *(struct residency *const *)a, *y = *(struct residency *const *)b;

    if (x->pinned != y->pinned)
        return x->pinned ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return (x > y) - (x < y);
}

uint64_t residency_choose(struct residency *files, size_t count, uint64_t room)
{
    struct residency **order = calloc(count + 1, sizeof(struct residency *));
    uint64_t used = 0;

    if (order == NULL)
        return UINT64_MAX;
    for (size_t i = 0; i < count; i++)
        order[i] = &files[i];
    qsort(order, count, sizeof(*order), pinned_then_smallest);
    for (size_t i = 0; i < count; i++) {
        struct residency *file = order[i];
        file->resident = file->pinned || (used <= room && file->bytes <= room - used);
        if (file->resident)
            used += file->bytes;
    }
    free(order);
    return used;
}

bool residency_is_pinned(const char *patterns, const char *path)
{
    char pattern[NAME_MAX + 1];

    if (patterns == NULL)
        return false;
    for (const char *at = patterns; *at != '\0';) {
        size_t len = strcspn(at, ",");
        if (len < sizeof(pattern)) {
            memcpy(pattern, at, len);
            pattern[len] = '\0';
            if (fnmatch(pattern, path, 0) == 0)
                return true;
        }
        at += len + (at[len] == ',');
    }
    return false;
}
