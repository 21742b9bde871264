/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How fast ROOT comes into the pool, as the server does it (mempool/pool.h), and what each file
 * costs in memory. Prints a line of JSON.
 *
 *     bench_load ROOT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include "mempool/pool.h"

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A line of /proc/self/status, in bytes. Hugepages do not count as resident. */
static uint64_t status_bytes(const char *name)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    uint64_t kib = 0;

    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), ": %" SCNu64, &kib);
    if (status != NULL)
        fclose(status);
    return kib << 10;
}

static void pool_line(void *ctx, enum pool_log_level level, const char *line)
{
    if (level == POOL_LOG_WARNING)
        fprintf(stderr, "bench_load: %s\n", line);
}

int main(int argc, char **argv)
{
    static char text[][24] = { "bench_load",   "--no-pci",       "--no-telemetry",   "--in-memory",
                               "--lcores=0@0", "--iova-mode=va", "--log-level=error" };
    char *args[RTE_DIM(text) + 1] = { NULL }, error[POOL_ERROR_BYTES];
    struct pool_config config = { .node = -1, .log = pool_line };
    struct pool_report report;

    if (argc != 2) {
        fputs("bench_load ROOT\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < RTE_DIM(text); i++)
        args[i] = text[i];
    if (rte_eal_init((int)RTE_DIM(text), args) < 0) {
        fprintf(stderr, "bench_load: DPDK does not start: %s\n", rte_strerror(rte_errno));
        return 2;
    }
    config.root = argv[1];
    uint64_t resident = status_bytes("VmRSS"), began = now_ns();
    struct pool *pool = pool_create(&config, error, sizeof(error));
    if (pool == NULL) {
        fprintf(stderr, "bench_load: %s\n", error);
        return 2;
    }
    uint64_t took = now_ns() - began;
    resident = status_bytes("VmRSS") - resident;
    pool_report(pool, &report);
    printf("{\"files\": %u, \"bytes\": %" PRIu64 ", \"load_ns\": %" PRIu64
           ", \"total_ns\": %" PRIu64 ", \"used_bytes\": %" PRIu64 ", \"sum_bytes\": %" PRIu64
           ", \"resident_bytes\": %" PRIu64 ", \"buffered\": %" PRIu64 ", \"skipped\": %" PRIu64
           ", \"reader\": \"%s\"}\n",
           report.files, report.file_bytes, report.load_ns, took, report.used_bytes,
           report.sum_bytes, resident, report.buffered, report.skipped, report.reader);
    pool_destroy(pool);
    rte_eal_cleanup();
    return 0;
}
