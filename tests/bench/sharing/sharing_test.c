/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers share nothing: of two that serve at once, each with connections of its own, none writes a
 * cache line that the other reads or writes. What they both read (the pool's files, prefix sums,
 * the catalogue, code's constants) nobody writes.
 */
#include <check.h>
#include <dlfcn.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_lcore.h>

#include "harness/bench.h"
#include "harness/server.h"
#include "touched.h"

/* What meson takes for "skipped". */
#define EXIT_SKIP    77

#define SHARED_SHOWN 8

static const struct bench_files files[] = { { "small", 8, 300 }, { "large", 8, 100000 } };

static struct bench bench;
static struct bench_result result;

static const struct bench_row rows[] = {
    { .name = "large files", .folder = "large", .connections = 40 },
    { .name = "bodies copied", .folder = "small", .connections = 40 },
    { .name = "software checksum",
      .folder = "large",
      .connections = 40,
      .software_checksum = true },
    { .name = "TSO", .folder = "large", .connections = 40, .tso = true, .ack_every = 45 },
    { .name = "connections", .folder = "small", .connections = 40, .one_per_connection = true },
    { .name = "loss", .folder = "large", .connections = 40, .rtt_us = 500, .loss = 0.01 },
};

/* Each turn of a server, by the linker's --wrap. */
void __real_server_turn(struct server *server);
void __wrap_server_turn(struct server *server);

void __wrap_server_turn(struct server *server)
{
    touched_by(rte_lcore_id() + 1);
    __real_server_turn(server);
    touched_by(0);
}

static void serve(const struct bench_row *row)
{
    struct bench_row two = *row;

    two.workers = TOUCHED_WORKERS;
    touched_reset();
    bench_run(&bench, &two, &result);
    ck_assert_str_eq(result.failure, "");
    ck_assert_uint_gt(result.wire.responses, 0);
    /* A connection alone is four lines; a worker that wrote fewer was not watched. */
    for (unsigned worker = 1; worker <= TOUCHED_WORKERS; worker++)
        ck_assert_uint_gt(touched_written(worker), 200);
}

static unsigned long in_program(const void *code)
{
    Dl_info where;

    return dladdr(code, &where) != 0
               ? (unsigned long)((const char *)code - (const char *)where.dli_fbase)
               : 0;
}

START_TEST(no_worker_touches_what_another_writes)
{
    struct touched_shared shared[SHARED_SHOWN];

    serve(&rows[_i]);
    unsigned count = touched_shared(shared, SHARED_SHOWN);
    for (unsigned i = 0; i < count && i < SHARED_SHOWN; i++)
        fprintf(stderr, "%s: line %#lx is written and %s by: addr2line -fipe PROGRAM %#lx %#lx\n",
                rows[_i].name, (unsigned long)shared[i].line,
                shared[i].written ? "written" : "read", in_program(shared[i].writer),
                in_program(shared[i].other));
    ck_assert_msg(count == 0, "%s: %u lines are shared", rows[_i].name, count);
}
END_TEST

int main(void)
{
    const struct bench_options options = { .rounds = 1,
                                           .seconds = 0.1,
                                           .warm_ns = 20 * NS_PER_MS,
                                           .small_pages = true,
                                           .workers = TOUCHED_WORKERS };
    Suite *suite = suite_create("sharing");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("two workers");
    cpu_set_t cpus;

    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) < TOUCHED_WORKERS) {
        printf("needs %d CPUs, and there are %d\n", TOUCHED_WORKERS, CPU_COUNT(&cpus));
        return EXIT_SKIP;
    }
    if (!bench_start(&bench, files, RTE_DIM(files), &options))
        return EXIT_FAILURE;
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, no_worker_touches_what_another_writes, 0, RTE_DIM(rows));
    suite_add_tcase(suite, tc);
    srunner_set_fork_status(runner, CK_NOFORK); /* EAL does not survive a fork */
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    bench_stop(&bench);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
