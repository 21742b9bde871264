/* SPDX-License-Identifier: BSD-3-Clause */
#include "goodput.h"

#include <inttypes.h>
#include <stdio.h>

#include "scenario.h"

#define LINE_BPS   100e6
#define RUN_NS     (20 * NS_PER_S)
#define RUNS       3
#define FILE_BYTES (UINT64_C(1) << 30) /* more than a run can carry */

static const unsigned rtts_ms[] = { 1, 10, 50, 100 };
static const double losses[] = { 0, 0.001, 0.01, 0.03 };

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static struct result measure(unsigned rtt_ms, double loss, uint64_t seed)
{
    static struct scenario s;
    struct client_config *client;
    double product = LINE_BPS / 8 * rtt_ms / 1e3;

    scenario_defaults(&s, false, NIC_CHECKSUM);
    s.seed = seed;
    s.stop_ns = RUN_NS;
    s.down.rate_bps = s.up.rate_bps = LINE_BPS;
    s.down.delay_ns = s.up.delay_ns = rtt_ms * NS_PER_MS / 2;
    s.down.loss = loss;
    /* A queue of one bandwidth-delay product, but room for some bursts at least. */
    s.down.queue_bytes = s.up.queue_bytes = product > 100000 ? (uint64_t)product : 100000;
    client = scenario_add_client(&s);
    client->buffer = 8 << 20;
    client->wscale = 9;
    scenario_request(&s, client, FILE_BYTES);
    return scenario_run(&s, (struct trace){ 0 });
}

static void print_cell(unsigned rtt_ms, double loss)
{
    double mbps = 0, retransmitted = 0;
    uint64_t timeouts = 0;

    for (uint64_t seed = 1; seed <= RUNS; seed++) {
        struct result r = measure(rtt_ms, loss, seed);
        if (r.failed)
            printf("  [%s]", r.failure);
        mbps += (double)r.bytes * 8 / (double)RUN_NS * 1e3 / RUNS;
        retransmitted += r.sent > 0 ? 100.0 * (double)r.retransmitted / (double)r.sent / RUNS : 0;
        timeouts += r.counters.tcp_rto;
    }
    printf("  %6.2f %5.2f%% %3" PRIu64, mbps, retransmitted, timeouts);
    fflush(stdout);
}

void goodput_table(void)
{
    printf("Goodput in Mb/s, retransmitted bytes, time-outs; one file over 100 Mb/s for 20 s,\n"
           "mean of %d runs (time-outs: sum); loss from the server to the client\n\n%8s",
           RUNS, "RTT");
    for (unsigned k = 0; k < COUNT_OF(losses); k++)
        printf("  %12.1f%% loss", 100 * losses[k]);
    printf("\n");
    for (unsigned i = 0; i < COUNT_OF(rtts_ms); i++) {
        printf("%5u ms", rtts_ms[i]);
        for (unsigned k = 0; k < COUNT_OF(losses); k++)
            print_cell(rtts_ms[i], losses[k]);
        printf("\n");
    }
}
