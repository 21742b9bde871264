/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a file costs besides its bytes: a million files of 1 to 16 KiB, of which there are only
 * sizes and names, are entered as the pool does it, and the heap is weighed after each step. The
 * arena is never touched.
 *
 *   bench_metadata [FILES [BLOCK]]      BLOCK: of the disk, for direct I/O (512)
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/extent.h"
#include "base/prng.h"
#include "mempool/catalogue.h"
#include "mempool/content.h"

static void die(const char *what)
{
    fprintf(stderr, "bench_metadata: %s\n", what);
    exit(2);
}

static uint64_t heap(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static uint64_t weighed; /* the heap at the last step */
static uint64_t files;

static void row(const char *what, uint64_t bytes)
{
    printf("%-44s %8.1f\n", what, (double)bytes / (double)files);
}

static void weigh(const char *what)
{
    uint64_t now = heap();

    row(what, now - weighed);
    weighed = now;
}

int main(int argc, char **argv)
{
    files = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint32_t block = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 512;
    /* Any address: nothing is read or written there. */
    struct arena arena = { .base = (uint8_t *)(UINT64_C(1) << 44),
                           .page_bytes = UINT64_C(1) << 30 };
    struct prng prng = { .state = 3 };
    uint64_t asked = 0;

    if (files == 0 || files > UINT64_C(100000000) || block < 512 || (block & (block - 1)) != 0)
        die("usage: bench_metadata [FILES [BLOCK]]");
    arena.bytes = (files * 13 / 12 + 1) * 12288 / (UINT64_C(1) << 30) * (UINT64_C(1) << 30) +
                  (UINT64_C(1) << 30);
    weighed = heap();
    struct contents *contents =
        contents_create(&arena, (uint16_t *)(UINT64_C(1) << 45), block, (uint32_t)files);
    if (contents == NULL)
        die("out of memory");
    printf("%" PRIu64 " files of 1 to 16 KiB, blocks of %" PRIu32 " bytes: bytes per file\n", files,
           block);
    weigh("map of the arena, and the table of contents");
    struct catalogue *catalogue = catalogue_create((uint32_t)files, 1000);
    if (catalogue == NULL)
        die("out of memory");
    weigh("look-up table");
    for (uint64_t i = 0; i < files; i++) {
        struct content_id id = { .dev = 1, .ino = i + 1000, .mtime_s = 1700000000 };
        id.size = 1024 + prng_below(&prng, 15 * 1024 + 1);
        asked += id.size;
        struct content *content = contents_add(contents, &id);
        char path[64];
        int len = snprintf(path, sizeof(path), "directory-%04" PRIu64 "/file-%06" PRIu64 ".html",
                           i / 1000, i);
        if (content == NULL)
            die("no room");
        contents_settle(contents, content, &id);
        struct file *file =
            catalogue_add_file(catalogue, path, (size_t)len, id.size, id.mtime_s, 0, "text/html");
        if (file == NULL)
            die("out of memory");
        file->extents = content->extents;
        file->extent_count = content->extent_count;
    }
    weigh("contents, files, paths, heads of responses");
    row("prefix sums", contents_sums(asked + contents_padding(contents)) * sizeof(uint16_t));
    row("pins, of each worker", files * sizeof(struct file_pin));
    struct catalogue *next = catalogue_next(catalogue);
    if (next == NULL)
        die("out of memory");
    weigh("while something changes: the next version");
    struct extent_usage usage = extent_map_usage(contents_map(contents));
    uint64_t used = usage.bytes - usage.free_bytes;
    printf("waste %.2f%%: %" PRIu64 " bytes hold %" PRIu64 "\n",
           100.0 * (double)(used - asked) / (double)used, used, asked);
    catalogue_destroy(catalogue);
    catalogue_destroy(next);
    contents_destroy(contents);
    return used - asked > used / 100 * 12 && block == 512;
}
