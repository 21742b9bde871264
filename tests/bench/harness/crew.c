/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers at once. Each has a core, on which it takes turns with a wire of its own; only its own
 * turns are measured. What they share is what the server's workers share: the pool, its catalogue
 * and prefix sums, the memory of a node, and whoever reads their counters.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "base/assert.h"
#include "run.h"

#define READ_INTERVAL_NS (10 * NS_PER_MS)

struct workers {
    struct crew crew;
    struct run **run;
    struct bench_result *result;
    pthread_t reader;
    bool reads, stop_reading;
    uint64_t readings;
};

/* --- who reads counters ------------------------------------------------------------------------
 */

/* As telemetry does when `hugewire top` asks, a hundred times as often. */
static void *read_main(void *arg)
{
    struct workers *w = arg;
    const struct timespec pause = { .tv_nsec = READ_INTERVAL_NS };

    while (!__atomic_load_n(&w->stop_reading, __ATOMIC_RELAXED)) {
        struct counters sum = { 0 };

        for (unsigned i = 0; i < w->crew.count; i++)
            counters_sum(&sum, &w->run[i]->server->counters);
        w->readings += sum.loop_turns != 0;
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void start_reader(struct workers *w)
{
    w->reads = rte_ctrl_thread_create(&w->reader, "bench-reader", NULL, read_main, w) == 0;
    if (!w->reads)
        run_fail(w->run[0], "no thread to read counters");
}

static void stop_reader(struct workers *w)
{
    __atomic_store_n(&w->stop_reading, true, __ATOMIC_RELAXED);
    pthread_join(w->reader, NULL);
    if (w->readings == 0)
        run_fail(w->run[0], "nobody read the counters");
}

/* --- the loops ---------------------------------------------------------------------------------
 */

static int worker_main(void *arg)
{
    struct run *r = arg;

    run_begin(r);
    while (run_turn(r, true))
        ;
    run_end(r);
    return 0;
}

static void run_on_cores(struct workers *w)
{
    unsigned lcore = rte_lcore_id();

    for (unsigned i = 1; i < w->crew.count; i++) {
        lcore = rte_get_next_lcore(lcore, 1, 0);
        rte_eal_remote_launch(worker_main, w->run[i], lcore);
    }
    worker_main(w->run[0]);
    rte_eal_mp_wait_lcore();
}

/* Fewer cores than workers, or virtual time: a turn each, in one thread. */
static void run_in_turns(struct workers *w)
{
    unsigned going = w->crew.count;
    bool over[RTE_MAX_LCORE] = { false };

    for (unsigned i = 0; i < w->crew.count; i++)
        run_begin(w->run[i]);
    while (going > 0) {
        for (unsigned i = 0; i < w->crew.count; i++) {
            if (over[i] || run_turn(w->run[i], true))
                continue;
            run_end(w->run[i]);
            over[i] = true;
            going--;
        }
    }
}

/* --- their sum ---------------------------------------------------------------------------------
 */

static void words_add(void *into, const void *from, size_t bytes)
{
    uint64_t *to_word = into;
    const uint64_t *word = from;

    for (size_t i = 0; i < bytes / sizeof(*word); i++)
        to_word[i] += word[i];
}

static void latency_sum(struct latency *into, const struct latency *from)
{
    uint64_t max_ns = RTE_MAX(into->max_ns, from->max_ns);

    words_add(into, from, sizeof(*into));
    into->max_ns = max_ns;
}

/* Times and counts are those of all; seconds are the shortest. */
static void result_add(struct bench_result *sum, const struct bench_result *one)
{
    sum->seconds = sum->seconds == 0 ? one->seconds : RTE_MIN(sum->seconds, one->seconds);
    uint64_t longest_ns = RTE_MAX(sum->turns.longest_ns, one->turns.longest_ns);
    words_add(&sum->turns, &one->turns, sizeof(sum->turns));
    sum->turns.longest_ns = longest_ns;
    sum->wire_longest_ns = RTE_MAX(sum->wire_longest_ns, one->wire_longest_ns);
    words_add(&sum->server, &one->server, sizeof(sum->server));
    words_add(&sum->wire, &one->wire, sizeof(sum->wire));
    latency_sum(&sum->latency, &one->latency);
    words_add(&sum->server_whole, &one->server_whole, sizeof(sum->server_whole));
    words_add(&sum->wire_whole, &one->wire_whole, sizeof(sum->wire_whole));
    if (sum->failure[0] == '\0')
        memcpy(sum->failure, one->failure, sizeof(sum->failure));
}

static void run_all(struct workers *w, bool reader)
{
    if (reader)
        start_reader(w);
    if (rte_lcore_count() >= w->crew.count)
        run_on_cores(w);
    else
        run_in_turns(w);
    if (w->reads)
        stop_reader(w);
}

void crew_run(struct bench *bench, const struct bench_row *row, struct bench_result *result)
{
    struct workers w = { .crew.count = row->workers };
    bool created = true;

    ASSERT(row->workers <= RTE_MAX_LCORE);
    memset(result, 0, sizeof(*result));
    w.run = calloc(row->workers, sizeof(*w.run));
    w.result = calloc(row->workers, sizeof(*w.result));
    ASSERT(w.run != NULL && w.result != NULL);
    for (unsigned i = 0; i < row->workers; i++) {
        w.run[i] = run_create(bench, row, &w.crew, i, &w.result[i]);
        created &= w.run[i]->created;
    }
    if (created)
        run_all(&w, row->reader);
    for (unsigned i = 0; i < row->workers; i++) {
        run_destroy(w.run[i]);
        result_add(result, &w.result[i]);
    }
    free(w.run);
    free(w.result);
}
