/* SPDX-License-Identifier: BSD-3-Clause */
/* What the common paths cost in instructions: few files, so that a run under callgrind is short. */
#include "harness/bench.h"

#define CLIENTS 100
#define LRO     45 /* segments: 64 KiB */

static const struct bench_files files[] = { { "1m", 16, 1 << 20 }, { "1k", 16, 1024 } };

static const struct bench_row rows[] = {
    { .name = "offload", .folder = "1m", .connections = CLIENTS },
    { .name = "software", .folder = "1m", .connections = CLIENTS, .software_checksum = true },
    { .name = "tso", .folder = "1m", .connections = CLIENTS, .tso = true, .ack_every = LRO },
    { .name = "loss-1%", .folder = "1m", .connections = CLIENTS, .rtt_us = 1000, .loss = 0.01 },
    { .name = "1k", .folder = "1k", .connections = CLIENTS },
    { .name = "1k-connect", .folder = "1k", .connections = CLIENTS, .one_per_connection = true },
    { .name = "raw", .folder = "1m", .raw = true },
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, files, RTE_DIM(files), rows, RTE_DIM(rows));
}
