/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs to find a path in the catalogue, in cycles of the time stamp counter, and what a
 * file's metadata costs in memory. Prints a line of JSON for each size: paths in random order
 * ("cold", as far as the table exceeds the caches), 64 paths over and over ("hot"), and paths that
 * are not there.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include "base/prng.h"
#include "mempool/catalogue.h"

enum { LOOKUPS = 1000000, HOT = 64, PATH_BYTES = 48, ROUNDS = 5 };

static const uint32_t sizes[] = { 1000, 100000, 1000000 };

static size_t path_of(char path[PATH_BYTES], uint32_t file, const char *suffix)
{
    return (size_t)snprintf(path, PATH_BYTES, "assets/%u/picture-%u.%s", file / 1000, file, suffix);
}

static struct catalogue *build(uint32_t files)
{
    struct catalogue *catalogue = catalogue_create(files, 1);
    char path[PATH_BYTES];

    for (uint32_t i = 0; catalogue != NULL && i < files; i++) {
        size_t len = path_of(path, i, "jpeg");
        struct file *file =
            catalogue_add_file(catalogue, path, len, 1000 + i, 1700000000, i, "image/jpeg");
        struct file_extent extent = { .data = (uint8_t *)path, .len = 1000 + i };
        if (file == NULL || catalogue_set_extents(catalogue, file, &extent, 1) != 0)
            return NULL;
    }
    return catalogue;
}

struct paths {
    char (*text)[PATH_BYTES];
    uint8_t *len;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Median of the rounds, in cycles per look-up. */
static double measure(const struct catalogue *catalogue, const struct paths *paths, uint32_t count,
                      enum catalogue_kind kind)
{
    double cycles[ROUNDS];

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t begin = __rdtsc();
        uint32_t right = 0;
        for (uint32_t i = 0, n = 0; i < LOOKUPS; i++, n = n + 1 < count ? n + 1 : 0)
            right += catalogue_find(catalogue, paths->text[n], paths->len[n]).kind == kind;
        cycles[round] = (double)(__rdtsc() - begin) / LOOKUPS;
        if (right != LOOKUPS) {
            fprintf(stderr, "bench_lookup: %u of %d look-ups went wrong\n", LOOKUPS - right,
                    LOOKUPS);
            exit(1);
        }
    }
    qsort(cycles, ROUNDS, sizeof(cycles[0]), compare);
    return cycles[ROUNDS / 2];
}

int main(void)
{
    struct paths paths = { malloc(LOOKUPS * sizeof(*paths.text)), malloc(LOOKUPS) };

    for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        struct prng prng = { .state = 7 };
        size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
        struct catalogue *catalogue = build(sizes[s]);
        size_t bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
        if (catalogue == NULL || paths.text == NULL || paths.len == NULL) {
            fputs("bench_lookup: out of memory\n", stderr);
            return 2;
        }
        for (uint32_t i = 0; i < LOOKUPS; i++)
            paths.len[i] =
                (uint8_t)path_of(paths.text[i], (uint32_t)prng_below(&prng, sizes[s]), "jpeg");
        double cold = measure(catalogue, &paths, LOOKUPS, CATALOGUE_FILE);
        double hot = measure(catalogue, &paths, HOT, CATALOGUE_FILE);
        for (uint32_t i = 0; i < LOOKUPS; i++)
            paths.len[i] =
                (uint8_t)path_of(paths.text[i], (uint32_t)prng_below(&prng, sizes[s]), "gone");
        double absent = measure(catalogue, &paths, LOOKUPS, CATALOGUE_ABSENT);
        printf("{\"files\": %u, \"cold_cycles\": %.1f, \"hot_cycles\": %.1f, "
               "\"absent_cycles\": %.1f, \"bytes_per_file\": %.1f}\n",
               sizes[s], cold, hot, absent, (double)bytes / sizes[s]);
        catalogue_destroy(catalogue);
    }
    free(paths.text);
    free(paths.len);
    return 0;
}
