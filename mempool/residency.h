/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which files lie in the pool from start to end, and which are streamed through the cache of
 * chunks, when not all fit: first those that are to be pinned, then the smallest, as many as there
 * is room for. Small files are what seeks and round trips are lost on; a large one is read at the
 * disk's full rate.
 */
#ifndef MEMPOOL_RESIDENCY_H
#define MEMPOOL_RESIDENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct residency {
    uint64_t bytes; /* of the pool, sums included */
    bool pinned;    /* must lie in it */
    bool resident;  /* set by residency_choose() */
};

/* Sets resident of each file so that together they need at most room bytes; returns how many they
 * need. More than room: that is what the pinned ones alone need. UINT64_MAX: out of memory. */
uint64_t residency_choose(struct residency *files, size_t count, uint64_t room);

/* Whether path fits one of the patterns, which stand with commas between them (fnmatch(3); a star
 * also stands for slashes). */
bool residency_is_pinned(const char *patterns, const char *path);

#endif
