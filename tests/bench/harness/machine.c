/* SPDX-License-Identifier: BSD-3-Clause */
#include "machine.h"

#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "base/assert.h"

/* --- arithmetic --------------------------------------------------------------------------------
 */

#define SPIN_MULTIPLICATIONS 4096 /* a step: some microseconds */

struct spinner {
    const struct bench *bench;
    unsigned *waiting; /* for all to begin at once */
    struct turn_clock turn;
    uint64_t steps;
} __attribute__((aligned(64)));

/* Chains side by side, so that the multiplier is what limits them. */
static uint64_t spin_step(uint64_t seed)
{
    uint64_t chain[4] = { seed, seed + 1, seed + 2, seed + 3 };

    for (unsigned i = 0; i < SPIN_MULTIPLICATIONS / 4; i++) {
        for (unsigned k = 0; k < 4; k++) {
            chain[k] = chain[k] * UINT64_C(6364136223846793005) + 1;
            __asm__ volatile("" : "+r"(chain[k])); /* neither vector nor shortcut */
        }
    }
    return chain[0] ^ chain[1] ^ chain[2] ^ chain[3];
}

static int spin_main(void *arg)
{
    struct spinner *s = arg;
    const struct bench_clock *clock = &s->bench->clock;
    uint64_t value = 1;

    __atomic_fetch_sub(s->waiting, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(s->waiting, __ATOMIC_ACQUIRE) > 0)
        rte_pause();
    uint64_t now = bench_clock_now(clock);
    uint64_t end = now + (uint64_t)(s->bench->options.seconds * 1e9);
    s->turn.last = now;
    s->turn.worked = true;
    while (now < end) {
        uint64_t stolen = s->turn.turns.stolen_ns;

        value = spin_step(value);
        now = bench_clock_now(clock);
        turn_clock_mark(&s->turn, now);
        s->steps += s->turn.turns.stolen_ns == stolen;
    }
    __asm__ volatile("" : : "r"(value));
    return 0;
}

void machine_spin(struct bench *bench, const struct bench_row *row, struct bench_result *result)
{
    static struct spinner spinners[RTE_MAX_LCORE];
    unsigned waiting = row->workers, lcore = rte_lcore_id();

    memset(result, 0, sizeof(*result));
    if (row->workers > rte_lcore_count()) {
        snprintf(result->failure, sizeof(result->failure), "needs %u cores", row->workers);
        return;
    }
    for (unsigned i = 0; i < row->workers; i++)
        spinners[i] = (struct spinner){ .bench = bench, .waiting = &waiting };
    for (unsigned i = 1; i < row->workers; i++) {
        lcore = rte_get_next_lcore(lcore, 1, 0);
        rte_eal_remote_launch(spin_main, &spinners[i], lcore);
    }
    spin_main(&spinners[0]);
    rte_eal_mp_wait_lcore();
    result->seconds = bench->options.seconds;
    for (unsigned i = 0; i < row->workers; i++) {
        result->server.tx_packets += spinners[i].steps;
        result->turns.busy_ns += spinners[i].turn.turns.busy_ns;
        result->turns.stolen_ns += spinners[i].turn.turns.stolen_ns;
    }
}

/* --- requests without a server -----------------------------------------------------------------
 */

struct floor {
    struct bench_clock clock;
    uint64_t service_ns;
    bool stop;
    struct turns turns;
    /* Each written by one core. */
    uint64_t asked __attribute__((aligned(64)));
    uint64_t answered __attribute__((aligned(64)));
};

/* The server's core. */
static int floor_answer(void *arg)
{
    struct floor *f = arg;
    uint64_t answered = 0, now = bench_clock_now(&f->clock);
    struct turn_clock turn = { .last = now };

    while (!__atomic_load_n(&f->stop, __ATOMIC_RELAXED)) {
        bool work = __atomic_load_n(&f->asked, __ATOMIC_ACQUIRE) != answered;
        uint64_t done = now + f->service_ns;

        turn.worked = work;
        do
            now = bench_clock_now(&f->clock);
        while (work && now < done);
        if (work)
            __atomic_store_n(&f->answered, ++answered, __ATOMIC_RELEASE);
        turn_clock_mark(&turn, now);
    }
    f->turns = turn.turns;
    return 0;
}

/* The wire's core: asks when requests are due, notes how long answers took. */
static void floor_ask(struct floor *f, double interval_ns, uint64_t measure_ns,
                      struct bench_result *result)
{
    uint64_t start = bench_clock_now(&f->clock), now = start, heard = 0;

    while (now - start < measure_ns) {
        uint64_t due = (uint64_t)((double)(now - start) / interval_ns), before = now;
        uint64_t answered = __atomic_load_n(&f->answered, __ATOMIC_ACQUIRE);

        if (due != f->asked)
            __atomic_store_n(&f->asked, due, __ATOMIC_RELEASE);
        now = bench_clock_now(&f->clock);
        result->wire_longest_ns = RTE_MAX(result->wire_longest_ns, now - before);
        for (; heard < answered; heard++) /* request n is due when n + 1 intervals are over */
            latency_add(&result->latency,
                        now - start - (uint64_t)((double)(heard + 1) * interval_ns));
    }
    result->wire.requests = f->asked;
    result->wire.responses = heard;
    result->seconds = (double)(now - start) / 1e9;
}

void machine_floor(struct bench *bench, const struct bench_row *row, struct bench_result *result)
{
    static struct floor floor;
    unsigned lcore = rte_get_next_lcore(rte_lcore_id(), 1, 0);

    memset(result, 0, sizeof(*result));
    if (lcore >= RTE_MAX_LCORE) {
        snprintf(result->failure, sizeof(result->failure), "needs two cores");
        return;
    }
    floor = (struct floor){ .clock = bench->clock,
                            .service_ns = (uint64_t)bench->busy_ns_per_response };
    rte_eal_remote_launch(floor_answer, &floor, lcore);
    floor_ask(&floor, 1e9 / (row->load * bench->served_per_s),
              (uint64_t)(bench->options.seconds * 1e9), result);
    __atomic_store_n(&floor.stop, true, __ATOMIC_RELAXED);
    rte_eal_wait_lcore(lcore);
    result->turns = floor.turns;
}
