/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Benches on the wire: a program gives tables of files and rows, bench_main() does the rest. Each
 * row is a run of its own: new rings, stack, server and clients. Rounds go over all rows, so that
 * what disturbs the machine disturbs all of them. Each run prints one line of JSON.
 */
#ifndef BENCH_HARNESS_BENCH_H
#define BENCH_HARNESS_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/memory.h"
#include "harness/bench_clock.h"
#include "harness/turns.h"
#include "http/http.h"
#include "io/pools.h"
#include "mempool/pool.h"
#include "wire/nic.h"

/* Files FOLDER/0 to FOLDER/(count - 1), of `bytes` each. */
struct bench_files {
    const char *folder;
    uint32_t count;
    uint64_t bytes;
};

enum bench_kind {
    BENCH_SERVER, /* or the raw limit: a wire and somebody who sends */
    BENCH_SPIN,   /* both of harness/machine.h: what the machine does by itself */
    BENCH_FLOOR,
};

struct bench_row {
    const char *name;
    const char *folder; /* of a struct bench_files */
    enum bench_kind kind;
    uint16_t workers; /* so many at once, each on a core of its own in turns with its own wire (all
                         rows of a program, or none); 0: one, and its wire has a core to itself */
    bool reader;      /* their counters are read a hundred times a second meanwhile */
    bool raw;         /* the limit: packets of file bytes without stack, for a wire that forgets
                         them */
    bool software_checksum;
    bool tso;
    bool one_per_connection;
    uint32_t connections;
    uint16_t mtu;       /* 0: 1500 */
    uint16_t ack_every; /* segments; 0: 2 */
    uint32_t rtt_us;
    double loss;     /* 0..1 */
    double load;     /* 0..1, of what the last row without load served; 0: as much as can be */
    uint32_t window; /* a client's, in bytes; 0: 1 MiB */
};

struct bench_options {
    unsigned rounds;
    double seconds;    /* measured, of each run */
    uint64_t warm_ns;  /* after the last handshake, before measuring */
    const char *only;  /* rows whose name contains this; NULL: all */
    const char *skip;  /* but not the row of this name; NULL: none */
    bool single;       /* server and wire in turns in one thread: for profiles */
    bool virtual_time; /* single, and a turn takes VIRTUAL_TURN_NS, however long it took: for counts
                          of instructions that repeat to the digit */
    bool verify;       /* the wire looks at every byte */
    bool small_pages;  /* do without hugepages */
    /* Where the files lie already (bench_write), on a disk; NULL: they are written to memory, and
     * all lie in the pool. With root each run has a pool of its own, of pool_bytes, of which
     * stream_bytes are the cache of chunks. */
    const char *root;
    uint64_t pool_bytes, stream_bytes;
    unsigned nic_cpu, server_cpu;
    unsigned workers; /* the most of a row: they take the CPUs that the program may use, the last
                         first */
};

/* Rings of the queue pair. */
#define BENCH_DESCRIPTORS 1024

/* What all runs share. */
struct bench {
    const struct bench_files *files;
    unsigned file_sets;
    struct bench_options options;
    struct bench_clock clock;
    uint64_t virtual_ns;
    double served_per_s;         /* requests, by the last row without load */
    double busy_ns_per_response; /* of its server */
    struct pool *pool;
    struct stream_thread *streams; /* NULL: nothing is streamed */
    struct http_config streaming;  /* what is set in it concerns streams */
    struct memory memory;          /* of the core's tables */
};

/* One run, for whoever wants numbers instead of lines. */
struct bench_result {
    double seconds;
    struct turns turns;           /* the server's time */
    struct counters server;       /* what it counted meanwhile */
    struct wire_stats wire;       /* and what the wire saw */
    struct latency latency;       /* of the answers meanwhile */
    uint64_t wire_longest_ns;     /* between two turns of the wire */
    struct counters streamer;     /* and the streamer */
    struct counters server_whole; /* both from the start of the run to its end */
    struct wire_stats wire_whole;
    char failure[256]; /* empty: none */
};

/* Brings up DPDK, files and pool. False: said why on stderr. */
bool bench_start(struct bench *bench, const struct bench_files *files, unsigned file_sets,
                 const struct bench_options *options);
void bench_stop(struct bench *bench);

/* Writes the files below root, which exists. False: said why on stderr. */
bool bench_write(const char *root, const struct bench_files *files, unsigned file_sets);

/* result->failure says whether the run is worth anything. */
void bench_run(struct bench *bench, const struct bench_row *row, struct bench_result *result);

/* Options, all rows, all rounds. Returns the exit code: 0, 1 if a run failed, 2 if none could be
 * made. */
int bench_main(int argc, char **argv, const struct bench_files *files, unsigned file_sets,
               const struct bench_row *rows, unsigned row_count);

#endif
