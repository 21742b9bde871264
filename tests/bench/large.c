/* SPDX-License-Identifier: BSD-3-Clause */
/* Large files: what a core can send, and how close that is to the limit of the packets' path. */
#include "harness/bench.h"

#define FOLDER "1m"

/* More than any cache: payload that were read would show. */
static const struct bench_files files[] = { { FOLDER, 256, 1 << 20 } };

#define LRO 45 /* segments: 64 KiB */

static const struct bench_row rows[] = {
    { .name = "raw", .folder = FOLDER, .raw = true },
    { .name = "offload-100", .folder = FOLDER, .connections = 100 },
    { .name = "offload-100-lro", .folder = FOLDER, .connections = 100, .ack_every = LRO },
    { .name = "software-100", .folder = FOLDER, .connections = 100, .software_checksum = true },
    { .name = "raw-tso", .folder = FOLDER, .raw = true, .tso = true },
    { .name = "tso-100-lro", .folder = FOLDER, .connections = 100, .tso = true, .ack_every = LRO },
    { .name = "tso-100", .folder = FOLDER, .connections = 100, .tso = true },
    { .name = "offload-1", .folder = FOLDER, .connections = 1, .window = 4 << 20 },
    { .name = "offload-10k", .folder = FOLDER, .connections = 10000 },
    { .name = "tso-10k-lro",
      .folder = FOLDER,
      .connections = 10000,
      .tso = true,
      .ack_every = LRO },
    { .name = "mtu9000-100", .folder = FOLDER, .connections = 100, .mtu = 9000 },
    { .name = "loss-0%", .folder = FOLDER, .connections = 100, .rtt_us = 1000 },
    { .name = "loss-0.1%", .folder = FOLDER, .connections = 100, .rtt_us = 1000, .loss = 0.001 },
    { .name = "loss-1%", .folder = FOLDER, .connections = 100, .rtt_us = 1000, .loss = 0.01 },
    { .name = "loss-5%", .folder = FOLDER, .connections = 100, .rtt_us = 1000, .loss = 0.05 },
    { .name = "offload-100k", .folder = FOLDER, .connections = 100000 },
    { .name = "offload-1m", .folder = FOLDER, .connections = 1000000 },
};

int main(int argc, char **argv)
{
    return bench_main(argc, argv, files, RTE_DIM(files), rows, RTE_DIM(rows));
}
