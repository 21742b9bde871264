/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that come from disk while they are served, to the clients of the wire (tests/bench/wire).
 * The cores: server and wire take turns on one (--single), the streamer has the other.
 *
 *     bench_stream --write DIR      writes the files (7.5 GiB) into an empty directory
 *     bench_stream --root DIR --pool MIB --cache MIB --single ...
 */
#include <stdio.h>
#include <string.h>

#include "harness/bench.h"

/* 6 GiB that no cache holds: each client is at a place of its own. What fits in the cache. And
 * more than twice what fits, of which clients that go on to the next file meet what others read. */
static const struct bench_files files[] = {
    { "miss", 32, 192 << 20 },
    { "hit", 32, 12 << 20 },
    { "mixed", 96, 12 << 20 },
};

#define LRO 45 /* segments: ACKs of 64 KiB */

static const struct bench_row rows[] = {
    { .name = "miss-32", .folder = "miss", .connections = 32, .tso = true, .ack_every = LRO },
    { .name = "hit-32", .folder = "hit", .connections = 32, .tso = true, .ack_every = LRO },
    { .name = "mixed-32", .folder = "mixed", .connections = 32, .tso = true, .ack_every = LRO },
    { .name = "miss-1",
      .folder = "miss",
      .connections = 1,
      .tso = true,
      .ack_every = LRO,
      .window = 4 << 20 },
    { .name = "miss-32-plain", .folder = "miss", .connections = 32 },
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return bench_write(argv[2], files, RTE_DIM(files)) ? 0 : 2;
    return bench_main(argc, argv, files, RTE_DIM(files), rows, RTE_DIM(rows));
}
