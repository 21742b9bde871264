/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers at once: what each does of what one does alone. */
#include <sched.h>
#include <stdio.h>

#include "harness/bench.h"

#define LARGE   "1m"
#define SMALL   "1k"
#define CLIENTS 100 /* of each worker */

static const struct bench_files files[] = { { LARGE, 256, 1 << 20 }, { SMALL, 256, 1024 } };

/* For each number of workers: 1, 2, 4 and so on, and as many as there are CPUs. */
static const struct bench_row kinds[] = {
    { .name = "spin", .kind = BENCH_SPIN },
    { .name = "raw", .folder = LARGE, .raw = true },
    { .name = "scale", .folder = LARGE, .connections = CLIENTS },
    { .name = "scale-software",
      .folder = LARGE,
      .connections = CLIENTS,
      .software_checksum = true },
    { .name = "scale-1k", .folder = SMALL, .connections = CLIENTS },
    { .name = "scale-read", .folder = LARGE, .connections = CLIENTS, .reader = true },
    { .name = "scale-1k-read", .folder = SMALL, .connections = CLIENTS, .reader = true },
};

#define COUNTS_MAX 12
static struct bench_row rows[COUNTS_MAX * RTE_DIM(kinds)];
static char names[COUNTS_MAX * RTE_DIM(kinds)][24];

static unsigned cpus(void)
{
    cpu_set_t set;
    unsigned count = sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;

    return RTE_MIN(count, (unsigned)RTE_MAX_LCORE);
}

int main(int argc, char **argv)
{
    unsigned max = cpus(), n = 0;

    for (unsigned kind = 0; kind < RTE_DIM(kinds); kind++) {
        for (unsigned workers = 1;; workers = RTE_MIN(2 * workers, max)) {
            snprintf(names[n], sizeof(names[n]), "%s-%u", kinds[kind].name, workers);
            rows[n] = kinds[kind];
            rows[n].name = names[n];
            rows[n++].workers = (uint16_t)workers;
            if (workers == max)
                break;
        }
    }
    return bench_main(argc, argv, files, RTE_DIM(files), rows, n);
}
