/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the table of prefix sums costs and saves: nanoseconds per segment of 1448 bytes, for files
 * that lie in memory but in no cache, as file_resolve() is called in a transfer. Built once for
 * each size of block (bench_prefix_sum_32, _64, _128), with mempool/prefix_sum.c and file.c
 * compiled for it. A row is the best of many short rounds, for a machine that does other things,
 * and in brackets their best tenth and median.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/checksum.h"
#include "base/prng.h"
#include "base/tx_fill.h"
#include "mempool/file.h"
#include "mempool/prefix_sum.h"

enum { SEGMENT = 1448, BURST = 16, FLOWS = 100, SEGMENTS = 40000, ROUNDS = 201 };
#define BYTES (UINT64_C(512) << 20)

static struct file_extent extent = { .len = BYTES };
static struct file file = { .size = BYTES, .extent_count = 1, .extents = &extent };
static uint64_t at[FLOWS];
static uint64_t sink; /* so that nothing is optimised away */

static void *memory(uint64_t bytes)
{
    const size_t page = 2 << 20;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *p = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE,
                   flags | MAP_HUGETLB | MAP_POPULATE, -1, 0);

    if (p == MAP_FAILED)
        p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (p == MAP_FAILED) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    madvise(p, bytes, MADV_HUGEPAGE);
    memset(p, 1, bytes); /* present, and out of the caches again by the end */
    return p;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Each flow goes through the file from a place of its own; a turn is a run of BURST segments. */
static void flows_resolve(bool want_sums)
{
    struct tx_extent out[BURST];
    struct file_pin pin = { 0 };

    for (unsigned n = 0; n < SEGMENTS; n += BURST) {
        uint64_t *from = &at[n / BURST % FLOWS];
        struct tx_fill fill = { .extents_max = BURST,
                                .extent = out,
                                .want_sums = want_sums,
                                .packet_bytes = SEGMENT,
                                .extent_bytes = SEGMENT,
                                .packet_extents_max = 1 };
        if (*from + BURST * SEGMENT > BYTES)
            *from = 0;
        *from += file_resolve(&file, *from, BURST * SEGMENT, &pin, &fill);
        for (unsigned i = 0; i < BURST; i++)
            sink += out[i].sum;
    }
}

static void with_table(void)
{
    flows_resolve(true);
}

static void without_sums(void)
{
    flows_resolve(false);
}

static void reading_the_payload(void)
{
    extent.sums = NULL;
    flows_resolve(true);
}

static void building(void)
{
    const uint64_t bytes = (uint64_t)SEGMENTS * SEGMENT / 8;

    prefix_sum_extend((uint16_t *)(uintptr_t)extent.sums, 0, extent.data, bytes / 4096 * 4096);
}

static const struct {
    const char *name;
    void (*run)(void);
    unsigned segments;
} rows[] = {
    { "with the table", with_table, SEGMENTS },
    { "no sums wanted", without_sums, SEGMENTS },
    { "reading the payload", reading_the_payload, SEGMENTS },
    { "building the table", building, SEGMENTS / 8 },
};

int main(void)
{
    struct prng prng = { .state = 1 };
    uint16_t *sums = memory((BYTES / PREFIX_SUM_BLOCK + 1) * sizeof(*sums));

    extent.data = memory(BYTES);
    for (uint64_t i = 0; i < BYTES; i += sizeof(uint64_t)) {
        uint64_t word = prng_next(&prng);
        memcpy(extent.data + i, &word, sizeof(word));
    }
    prefix_sum_extend(sums, 0, extent.data, BYTES);
    printf("block %d: table %.2f%% of the files\n", PREFIX_SUM_BLOCK, 200.0 / PREFIX_SUM_BLOCK);
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        double ns[ROUNDS];
        for (unsigned round = 0; round < ROUNDS; round++) {
            extent.sums = sums;
            for (unsigned i = 0; i < FLOWS; i++)
                at[i] = prng_below(&prng, BYTES - SEGMENT);
            uint64_t start = now_ns();
            rows[row].run();
            ns[round] = (double)(now_ns() - start) / rows[row].segments;
        }
        qsort(ns, ROUNDS, sizeof(ns[0]), by_value);
        printf("%-20s %7.1f ns a segment (%.1f, %.1f)\n", rows[row].name, ns[0], ns[ROUNDS / 10],
               ns[ROUNDS / 2]);
    }
    return sink == 42; /* never */
}
