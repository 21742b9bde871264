/* SPDX-License-Identifier: BSD-3-Clause */
#include "site.h"

#include <string.h>

#include "base/prng.h"
#include "fuzz.h"
#include "mempool/prefix_sum.h"

#define EXTENTS_MAX 4
#define SITE_MTIME  784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static const struct {
    const char *name;
    uint64_t size;
    unsigned extents;
    bool sums; /* has a table of prefix sums; without one its bytes are read */
} site_files[] = {
    { "index.html", 100, 1, true }, { "empty", 0, 0, true },      { "one", 1, 1, true },
    { "odd.txt", 777, 1, false },   { "medium", 5001, 3, true },  { "dir/index.html", 40, 1, true },
    { "dir/a b.txt", 20, 1, true }, { "large", 70001, 4, true },  { "plain", 9000, 2, false },
    { "100%.txt", 26, 1, true },    { "long", 200000, 2, false },
};

static const char *const site_directories[] = { "", "dir", "dir/deep" };

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

static uint8_t *block(size_t bytes)
{
    uint8_t *p = malloc(bytes != 0 ? bytes : 1);

    FUZZ_CHECK(p != NULL, "no memory for the site");
    return p;
}

static const uint16_t *sums_of(const uint8_t *data, uint64_t len)
{
    uint16_t *sums = calloc((size_t)prefix_sum_entries(len), sizeof(*sums));

    FUZZ_CHECK(sums != NULL, "no memory for the site");
    prefix_sum_extend(sums, 0, data, len);
    return sums;
}

static void add_file(struct catalogue *catalogue, unsigned index, struct prng *prng)
{
    const char *name = site_files[index].name;
    uint64_t size = site_files[index].size;
    unsigned count = site_files[index].extents;
    struct file_extent extents[EXTENTS_MAX];
    struct file *file =
        catalogue_add_file(catalogue, name, strlen(name), size, SITE_MTIME, 5, "text/plain");
    uint64_t step = count != 0 ? size / count / PREFIX_SUM_BLOCK * PREFIX_SUM_BLOCK : 0;

    FUZZ_CHECK(file != NULL, "%s", name);
    for (unsigned i = 0; i < count; i++) {
        uint64_t offset = step * i, len = i + 1 < count ? step : size - offset;
        uint8_t *data = block((size_t)len);
        for (uint64_t at = 0; at < len; at++)
            data[at] = (uint8_t)(prng_next(prng) | 0x80); /* never ASCII */
        extents[i] = (struct file_extent){ data, offset, len,
                                           site_files[index].sums ? sums_of(data, len) : NULL };
    }
    FUZZ_CHECK(catalogue_set_extents(catalogue, file, extents, count) == 0, "%s", name);
}

const struct catalogue *site_make(uint64_t size_max)
{
    struct catalogue *catalogue =
        catalogue_create(COUNT_OF(site_files), COUNT_OF(site_directories));
    struct prng prng = { .state = 1 };

    FUZZ_CHECK(catalogue != NULL, "no memory for the site");
    for (unsigned i = 0; i < COUNT_OF(site_directories); i++)
        FUZZ_CHECK(catalogue_add_directory(catalogue, site_directories[i],
                                           strlen(site_directories[i])) == 0,
                   "%s", site_directories[i]);
    for (unsigned i = 0; i < COUNT_OF(site_files); i++)
        if (site_files[i].size <= size_max)
            add_file(catalogue, i, &prng);
    return catalogue;
}
