/* SPDX-License-Identifier: BSD-3-Clause */
/* One run: wire on one core, server or raw limit on another (or in turns with it on one); warm-up,
 * measurement, books closed. */
#ifndef BENCH_HARNESS_RUN_H
#define BENCH_HARNESS_RUN_H

#include "bench.h"
#include "raw.h"
#include "server.h"

enum phase {
    PHASE_WARM,
    PHASE_MEASURE,
    PHASE_LINGER, /* measured, and goes on until all of its crew are */
    PHASE_STOP,
};

/* Runs at the same time, that measure at the same time. */
struct crew {
    unsigned count;
    unsigned warm, measured; /* how many are */
    bool stop;               /* one has ended: who is not warm yet need not wait */
};

struct run {
    struct bench *bench;
    const struct bench_row *row; /* settled */
    struct bench_row settled;
    struct crew *crew;
    unsigned index; /* in it */
    bool created;   /* all of the following */
    struct io_pools pools;
    struct queue *queue;
    struct nic *nic;
    struct raw raw;
    struct server *server;

    bool warm;
    uint64_t started_at, connected_at, measured_at;
    uint64_t turn_at, longest_ns; /* the wire's last turn; the longest time between two */
    struct wire_stats wire_at;    /* when measuring began */
    struct counters server_at;
    struct counters streamer_at;
    struct turns turns_at;
    struct bench_result *result;
    int phase __attribute__((aligned(64)));
};

/* Notes why the run is worth nothing; false. */
__attribute__((format(printf, 2, 3))) bool run_fail(struct run *r, const char *format, ...);

/* If not r->created, result->failure says why. */
struct run *run_create(struct bench *bench, const struct bench_row *row, struct crew *crew,
                       unsigned index, struct bench_result *result);
/* Closes the books; both sides must have ended. */
void run_destroy(struct run *r);

/* The wire's thread: a turn of the wire, and, if single, one of the server. False: the run is over,
 * and run_end() comes next. */
void run_begin(struct run *r);
bool run_turn(struct run *r, bool single);
void run_end(struct run *r);

/* row->workers runs at once, each with its wire in turns on a core of its own; their sum. */
void crew_run(struct bench *bench, const struct bench_row *row, struct bench_result *result);

#endif
