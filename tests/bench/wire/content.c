/* SPDX-License-Identifier: BSD-3-Clause */
#include "content.h"

#include <stdbool.h>
#include <string.h>

#include "base/prng.h"

/* Primes: files and blocks of any size begin at different places of the pattern. */
#define PERIOD    65521
#define FILE_STEP 7919

static void fill(uint8_t *pattern, uint32_t bytes)
{
    struct prng prng = { .state = 1 };

    for (uint32_t i = 0; i < PERIOD; i++)
        pattern[i] = (uint8_t)prng_next(&prng);
    for (uint32_t i = PERIOD; i < bytes; i++)
        pattern[i] = pattern[i - PERIOD];
}

const uint8_t *content_at(uint32_t file, uint64_t offset)
{
    static uint8_t pattern[PERIOD + CONTENT_RUN];
    static bool filled;

    if (!filled) {
        fill(pattern, sizeof(pattern));
        filled = true;
    }
    return &pattern[((uint64_t)file * FILE_STEP + offset) % PERIOD];
}
