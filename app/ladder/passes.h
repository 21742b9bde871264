/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One run of the program: every step's sender waits for clients, and each pass over them is one
 * fetch, or a few, from one of them.
 */
#ifndef LADDER_PASSES_H
#define LADDER_PASSES_H

#include <stdio.h>

#include "ladder/ladder.h"

struct ladder {
    struct options options;
    struct network network;
    char directory[PATH_BYTES], file[PATH_BYTES + 16];
    uint8_t hash[HASH_BYTES];
    struct result results[STEPS_MAX];
    unsigned count;
    char error[ERROR_BYTES];
};

/* False, with the reason in l->error. */
#define FAIL(l, ...) (snprintf((l)->error, ERROR_BYTES, __VA_ARGS__), false)

/* Makes the file in a directory of its own, and takes its hash. */
bool file_make(struct ladder *l);
void file_remove(struct ladder *l);

/* A fetch with a cold page cache; what came is compared with what is on disk. */
bool pass_verify(struct ladder *l, struct result *r, enum link link);
/* A fetch with the sender's system calls counted. */
bool pass_count(struct ladder *l, struct result *r, enum link link);
/* A fetch for the clock: one more sample. */
bool pass_time(struct ladder *l, struct result *r, enum link link);
/* Many clients of a file that no cache has: how often is it read from disk? hugewire read it when
 * it started, which counts. */
bool pass_fan_out(struct ladder *l, struct result *r, enum link link);

#endif
