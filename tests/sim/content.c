/* SPDX-License-Identifier: BSD-3-Clause */
#include "content.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mempool/prefix_sum.h"
#include "sim.h"

static uint8_t content[CONTENT_PERIOD] __attribute__((aligned(CONTENT_PAGE)));

void content_init(void)
{
    struct prng prng = { .state = 1 };

    for (size_t i = 0; i < sizeof(content); i += 8) {
        uint64_t word = prng_next(&prng);
        memcpy(content + i, &word, 8);
    }
}

const uint8_t *content_at(uint64_t position, uint32_t len, uint32_t *run)
{
    uint64_t start = position % CONTENT_PERIOD;

    *run = len < CONTENT_PERIOD - start ? len : (uint32_t)(CONTENT_PERIOD - start);
    return content + start;
}

bool content_equal(uint64_t position, const uint8_t *data, size_t len)
{
    while (len > 0) {
        uint32_t run;
        const uint8_t *expected = content_at(position, (uint32_t)len, &run);
        if (memcmp(expected, data, run) != 0)
            return false;
        position += run;
        data += run;
        len -= run;
    }
    return true;
}

void content_copy(uint64_t position, uint8_t *to, size_t len)
{
    while (len > 0) {
        uint32_t run;
        const uint8_t *from = content_at(position, (uint32_t)len, &run);
        memcpy(to, from, run);
        position += run;
        to += run;
        len -= run;
    }
}

uint64_t content_of_file(unsigned index)
{
    return (uint64_t)index * 7 * CONTENT_PAGE;
}

static const uint16_t *sums_of(const uint8_t *data, uint64_t len)
{
    uint16_t *sums = calloc((size_t)prefix_sum_entries(len), sizeof(sums[0]));

    if (sums == NULL)
        abort();
    prefix_sum_extend(sums, 0, data, len);
    return sums;
}

/* Extents are whole pages but for the last, as those of the pool are. */
static void add_extents(struct catalogue *catalogue, struct file *file, uint64_t position,
                        struct prng *prng)
{
    uint64_t pages = file->size / CONTENT_PAGE + 2;
    struct file_extent *extents = malloc((size_t)pages * sizeof(extents[0]));
    uint32_t count = 0;

    if (extents == NULL)
        abort();
    for (uint64_t at = 0; at < file->size; count++) {
        uint64_t len = CONTENT_PAGE << sim_between(prng, 0, 8);
        uint64_t start = (position + at) % CONTENT_PERIOD;
        if (len > CONTENT_PERIOD - start)
            len = CONTENT_PERIOD - start;
        if (len > file->size - at)
            len = file->size - at;
        extents[count] = (struct file_extent){
            .data = content + start, .offset = at, .len = len, .sums = sums_of(content + start, len)
        };
        at += len;
    }
    if (catalogue_set_extents(catalogue, file, extents, count) != 0)
        abort();
    free(extents);
}

struct catalogue *content_catalogue(const uint64_t *sizes, unsigned count, struct prng *prng)
{
    struct catalogue *catalogue = catalogue_create(count, 1);

    if (catalogue == NULL || catalogue_add_directory(catalogue, "", 0) != 0)
        abort();
    for (unsigned i = 0; i < count; i++) {
        char path[32];
        int len = snprintf(path, sizeof(path), "f%u.bin", i);
        struct file *file = catalogue_add_file(catalogue, path, (size_t)len, sizes[i], 1700000000,
                                               0, "application/octet-stream");
        if (file == NULL)
            abort();
        add_extents(catalogue, file, content_of_file(i), prng);
    }
    return catalogue;
}

void content_catalogue_destroy(struct catalogue *catalogue)
{
    for (uint32_t i = 0; i < catalogue_files(catalogue); i++) {
        const struct file *file = catalogue_file(catalogue, i);
        for (uint32_t j = 0; j < file->extent_count; j++)
            free((void *)(uintptr_t)file->extents[j].sums);
    }
    catalogue_destroy(catalogue);
}
