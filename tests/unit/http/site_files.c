/* SPDX-License-Identifier: BSD-3-Clause */
#include "site_files.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/prng.h"

/* clang-format off */
const struct site_file site_files[] = {
    { "index.html", 100, 1, "text/html" },
    { "small.txt", 13, 1, "text/plain" },
    { "empty", 0, 1, "application/octet-stream" },
    { "medium.bin", MEDIUM_BYTES, 2, "application/octet-stream" },
    { "big.bin", BIG_BYTES, 3, "application/octet-stream" },
    { "dir/index.html", 120, 1, "text/html" },
    { "dir/a b.txt", 20, 1, "text/plain" },
    { "dir/sub dir/index.html", 40, 1, "text/html" },
    { "noindex/x", 30, 1, "application/octet-stream" },
    { "gr\xc3\xbc\xc3\x9f" "e.txt", 25, 1, "text/plain" },
    { "100%.txt", 26, 1, "text/plain" },
    { "%41.txt", 27, 1, "text/plain" },
    { "back\\slash", 28, 1, "application/octet-stream" },
    { "q?#", 29, 1, "application/octet-stream" },
    { "new\nline", 31, 1, "application/octet-stream" },
    { "...", 32, 1, "application/octet-stream" },
    { "var.txt", 400, 1, "text/plain" },
    { "var.txt.br", 120, 1, "application/octet-stream" },
    { "var.txt.zst", 110, 1, "application/zstd" },
    { "var.txt.gz", 300, 1, "application/gzip" },
    { "dir/index.html.gz", 60, 1, "application/gzip" },
    { "changed.txt", 50, 1, "text/plain" },
    { "changed.txt.gz", 40, 1, "application/gzip", 1 },
    { "only.txt.gz", 33, 1, "application/gzip" },
    { NULL },
};
/* clang-format on */

const char *const site_directories[] = { "", "dir", "dir/sub dir", "noindex", NULL };

static uint64_t name_seed(const char *name)
{
    uint64_t seed = 14695981039346656037u;

    for (; *name != '\0'; name++)
        seed = (seed ^ (unsigned char)*name) * 1099511628211u;
    return seed;
}

uint8_t site_byte(const char *name, uint64_t at)
{
    struct prng prng = { name_seed(name) + at };

    return (uint8_t)prng_next(&prng);
}

static const struct site_file *find(const char *name)
{
    const struct site_file *file = site_files;

    while (file->name != NULL && strcmp(file->name, name) != 0)
        file++;
    ASSERT(file->name != NULL);
    return file;
}

uint64_t site_file_size(const char *name)
{
    return find(name)->size;
}

const char *site_file_type(const char *name)
{
    return find(name)->type;
}
