/* SPDX-License-Identifier: BSD-3-Clause */
/* Small files: requests a core can answer. */
#include "harness/bench.h"

static const struct bench_files files[] = {
    { "64", 256, 64 },       { "256", 256, 256 },       { "1k", 256, 1024 },
    { "4k", 256, 4 * 1024 }, { "16k", 256, 16 * 1024 }, { "64k", 256, 64 * 1024 },
};

#define CLIENTS 100

static const struct bench_row rows[] = {
    { .name = "64-100", .folder = "64", .connections = CLIENTS },
    { .name = "256-100", .folder = "256", .connections = CLIENTS },
    { .name = "1k-100", .folder = "1k", .connections = CLIENTS },
    { .name = "1k-100-50%", .folder = "1k", .connections = CLIENTS, .load = 0.5 },
    { .name = "floor-50%", .kind = BENCH_FLOOR, .load = 0.5 },
    { .name = "1k-100-80%", .folder = "1k", .connections = CLIENTS, .load = 0.8 },
    { .name = "floor-80%", .kind = BENCH_FLOOR, .load = 0.8 },
    { .name = "1k-100-95%", .folder = "1k", .connections = CLIENTS, .load = 0.95 },
    { .name = "floor-95%", .kind = BENCH_FLOOR, .load = 0.95 },
    { .name = "4k-100", .folder = "4k", .connections = CLIENTS },
    { .name = "16k-100", .folder = "16k", .connections = CLIENTS },
    { .name = "64k-100", .folder = "64k", .connections = CLIENTS },
    { .name = "1k-software-100",
      .folder = "1k",
      .connections = CLIENTS,
      .software_checksum = true },
    { .name = "1k-10k", .folder = "1k", .connections = 10000 },
    { .name = "16k-tso-100",
      .folder = "16k",
      .connections = CLIENTS,
      .tso = true,
      .ack_every = 45 },
    { .name = "64k-tso-100",
      .folder = "64k",
      .connections = CLIENTS,
      .tso = true,
      .ack_every = 45 },
    { .name = "1k-connect-100",
      .folder = "1k",
      .connections = CLIENTS,
      .one_per_connection = true },
    { .name = "1k-connect-10k", .folder = "1k", .connections = 10000, .one_per_connection = true },
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, files, RTE_DIM(files), rows, RTE_DIM(rows));
}
