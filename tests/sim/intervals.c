/* SPDX-License-Identifier: BSD-3-Clause */
#include "intervals.h"

#include <stdlib.h>
#include <string.h>

unsigned intervals_beyond(const struct intervals *set, int64_t position)
{
    unsigned low = 0, high = set->count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (set->at[middle].end > position)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void note_recent(struct intervals *set, int64_t position)
{
    unsigned i = 0;

    while (i < set->recent_count && set->recent[i] != position)
        i++;
    if (i == set->recent_count) {
        if (i < INTERVALS_RECENT)
            set->recent_count++;
        else
            i--;
    }
    memmove(&set->recent[1], &set->recent[0], i * sizeof(set->recent[0]));
    set->recent[0] = position;
}

static void reserve(struct intervals *set)
{
    if (set->count < set->capacity)
        return;
    set->capacity = set->capacity != 0 ? 2 * set->capacity : 64;
    set->at = realloc(set->at, set->capacity * sizeof(set->at[0]));
    if (set->at == NULL)
        abort();
}

void intervals_add(struct intervals *set, int64_t start, int64_t end)
{
    unsigned first = intervals_beyond(set, start - 1), last = first;

    while (last < set->count && set->at[last].start <= end) {
        start = set->at[last].start < start ? set->at[last].start : start;
        end = set->at[last].end > end ? set->at[last].end : end;
        last++;
    }
    reserve(set);
    memmove(&set->at[first + 1], &set->at[last], (set->count - last) * sizeof(set->at[0]));
    set->count = set->count + 1 - (last - first);
    set->at[first] = (struct interval){ start, end };
    note_recent(set, start);
}

void intervals_drop_below(struct intervals *set, int64_t limit)
{
    unsigned n = intervals_beyond(set, limit);

    if (n == 0)
        return; /* at[] may not be there yet */
    memmove(&set->at[0], &set->at[n], (set->count - n) * sizeof(set->at[0]));
    set->count -= n;
}

static bool among(const struct interval *list, unsigned count, int64_t start)
{
    for (unsigned i = 0; i < count; i++)
        if (list[i].start == start)
            return true;
    return false;
}

unsigned intervals_recent(const struct intervals *set, struct interval *out, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < set->recent_count && n < max; i++) {
        unsigned at = intervals_beyond(set, set->recent[i]);
        if (at < set->count && set->at[at].start <= set->recent[i] &&
            !among(out, n, set->at[at].start))
            out[n++] = set->at[at];
    }
    return n;
}

void intervals_clear(struct intervals *set)
{
    set->count = set->recent_count = 0;
}

void intervals_free(struct intervals *set)
{
    free(set->at);
    *set = (struct intervals){ 0 };
}
