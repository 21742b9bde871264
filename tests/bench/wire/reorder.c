/* SPDX-License-Identifier: BSD-3-Clause */
#include "reorder.h"

#include <string.h>

#include "base/seq.h"

static void remove_at(struct reorder *r, uint32_t at, uint32_t n)
{
    memmove(&r->interval[at], &r->interval[at + n], (r->count - at - n) * sizeof(r->interval[0]));
    r->count -= n;
}

bool reorder_insert(struct reorder *r, uint32_t start, uint32_t end)
{
    uint32_t i = r->count;

    while (i > 0 && seq_leq(start, r->interval[i - 1].end)) /* mostly it belongs to the end */
        i--;
    if (i == r->count || seq_lt(end, r->interval[i].start)) {
        if (r->count == REORDER_MAX)
            return false;
        memmove(&r->interval[i + 1], &r->interval[i], (r->count - i) * sizeof(r->interval[0]));
        r->interval[i] = (struct sack_block){ start, end };
        r->count++;
        r->newest = i;
        return true;
    }

    struct sack_block *v = &r->interval[i];
    uint32_t last = i;
    if (seq_lt(start, v->start))
        v->start = start;
    while (last + 1 < r->count && seq_leq(r->interval[last + 1].start, end))
        last++;
    v->end = seq_lt(end, r->interval[last].end) ? r->interval[last].end : end;
    remove_at(r, i + 1, last - i);
    r->newest = i;
    return true;
}

uint32_t reorder_advance(struct reorder *r, uint32_t next)
{
    uint32_t n = 0;

    while (n < r->count && seq_leq(r->interval[n].start, next)) {
        if (seq_lt(next, r->interval[n].end))
            next = r->interval[n].end;
        n++;
    }
    remove_at(r, 0, n);
    r->newest = r->newest > n ? r->newest - n : 0;
    return next;
}

unsigned reorder_sack(const struct reorder *r, struct sack_block *blocks, unsigned max)
{
    unsigned n;

    for (n = 0; n < max && n < r->count; n++)
        blocks[n] = r->interval[(r->newest + r->count - n) % r->count];
    return n;
}
