/* SPDX-License-Identifier: BSD-3-Clause */
/* The goodput matrix (docs/GOODPUT.md): round trip x loss x rate x congestion control, one seeded
 * run each, beside what theory allows. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "goodput.h"
#include "scenario.h"
#include "tcp/cc.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#define MSS_BYTES   1448.0 /* timestamps taken off */
#define FRAME_BYTES 1538.0 /* preamble, checksum and gap of the frame included */
/* A cell lasts as long as its bound needs for so much, within these times, or until its file has
 * arrived: slow start must not be all that is seen, nor the fast cells take hours. */
#define BITS_WANTED     5e8
#define RUN_MIN_NS      1e9
#define ROUND_TRIPS_MIN 60
#define RUN_MAX_NS      60e9
#define FILE_MAX        (UINT64_C(300) << 20)
#define QUEUE_MIN       100000.0

/* The cheap cells are compared with the snapshot. The same source gives the same numbers; a change
 * elsewhere in the stack shifts which packets are lost, and that moves a cell by some percent. */
#define CHECK_RATE_MBPS  100.0
#define CHECK_RTT_MS_MIN 10.0
#define CHECK_RTT_MS_MAX 50.0
#define CHECK_TOLERANCE  0.2

#define HEADING          "controller,rate_mbps,rtt_ms,loss_percent,goodput_mbps,bound_mbps"

static const double rtts_ms[] = { 0.1, 1, 10, 50, 100, 200 };
static const double losses[] = { 0, 0.0001, 0.001, 0.01, 0.03 };
static const double rates_bps[] = { 10e6, 100e6, 1e9, 10e9 };

static const struct cc_ops *const controllers[] = { &cc_cubic, &cc_bbr, &cc_newreno };

/* What the controller's average window carries when packets are lost at random, in Mb/s. */
static double bound_mbps(const struct cc_ops *cc, double rate_bps, double rtt_s, double loss)
{
    double line = rate_bps / 1e6 * MSS_BYTES / FRAME_BYTES;

    if (cc == &cc_bbr) /* losses are repaired, and tell it nothing */
        return line * (1 - loss);
    if (loss <= 0)
        return line;
    double reno = 1.22 / sqrt(loss); /* Mathis et al., without delayed ACKs */
    double window = reno;
    if (cc == &cc_cubic) /* RFC 9438 figure 5: C = 0.4, beta = 0.7; section 4.3 for short paths */
        window = fmax(reno, 1.054 * pow(rtt_s, 0.75) / pow(loss, 0.75));
    return fmin(line, window * MSS_BYTES * 8 / rtt_s / 1e6);
}

static double measure(const struct cc_ops *cc, double rate_bps, double rtt_ms, double loss)
{
    static struct scenario s;
    double product = rate_bps / 8 * rtt_ms / 1e3;
    double run_ns = BITS_WANTED * 1e3 / bound_mbps(cc, rate_bps, rtt_ms / 1e3, loss);

    scenario_defaults(&s, false, NIC_CHECKSUM);
    s.server.cc = cc;
    s.server.nic.rate_bps = rate_bps;
    s.server.poll_ns = 2 * NS_PER_US;
    s.server.ranges_max = 65536; /* as a server's default */
    run_ns = fmax(run_ns, fmax(RUN_MIN_NS, ROUND_TRIPS_MIN * rtt_ms * 1e6));
    s.stop_ns = (uint64_t)fmin(run_ns, RUN_MAX_NS);
    s.down.rate_bps = s.up.rate_bps = rate_bps;
    s.down.delay_ns = s.up.delay_ns = (uint64_t)(rtt_ms * 1e6 / 2);
    s.down.loss = loss;
    s.down.queue_bytes = s.up.queue_bytes = (uint64_t)fmax(product, QUEUE_MIN);
    struct client_config *client = scenario_add_client(&s);
    client->buffer = (uint32_t)fmax(4e6, 4 * product);
    client->wscale = 14;
    scenario_request(&s, client, FILE_MAX);
    struct result r = scenario_run(&s, (struct trace){ 0 });
    if (r.failed || r.elapsed_ns == 0)
        return 0;
    return (double)r.bytes * 8e3 / (double)r.elapsed_ns;
}

static void print_cell(const struct cc_ops *cc, double rate_bps, double rtt_ms, double loss)
{
    printf("%s,%g,%g,%g,%.4g,%.4g\n", cc->name, rate_bps / 1e6, rtt_ms, 100 * loss,
           measure(cc, rate_bps, rtt_ms, loss), bound_mbps(cc, rate_bps, rtt_ms / 1e3, loss));
    fflush(stdout);
}

void goodput_matrix(void)
{
    puts(HEADING);
    for (unsigned c = 0; c < COUNT_OF(controllers); c++)
        for (unsigned rate = 0; rate < COUNT_OF(rates_bps); rate++)
            for (unsigned i = 0; i < COUNT_OF(rtts_ms); i++)
                for (unsigned k = 0; k < COUNT_OF(losses); k++)
                    print_cell(controllers[c], rates_bps[rate], rtts_ms[i], losses[k]);
}

/* One line of the snapshot; false: it is not as it was. */
static bool check_cell(const char *line, unsigned *checked)
{
    char name[16];
    double rate_mbps, rtt_ms, loss, mbps, bound;

    if (sscanf(line, "%15[^,],%lf,%lf,%lf,%lf,%lf", name, &rate_mbps, &rtt_ms, &loss, &mbps,
               &bound) != 6 ||
        cc_find(name) == NULL) {
        printf("not ok %u a line of the snapshot: %s", ++*checked, line);
        return false;
    }
    if (rate_mbps != CHECK_RATE_MBPS || rtt_ms < CHECK_RTT_MS_MIN || rtt_ms > CHECK_RTT_MS_MAX)
        return true;
    double now = measure(cc_find(name), rate_mbps * 1e6, rtt_ms, loss / 100);
    bool same = fabs(now - mbps) <= CHECK_TOLERANCE * mbps;
    printf("%s %u %s, %g Mb/s, %g ms, %g%% loss: %.4g Mb/s, was %.4g\n", same ? "ok" : "not ok",
           ++*checked, name, rate_mbps, rtt_ms, loss, now, mbps);
    fflush(stdout);
    return same;
}

bool goodput_check(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256];
    unsigned checked = 0;
    bool same = true;

    if (file == NULL) {
        fprintf(stderr, "sim_run: cannot read %s: %s\n", path, strerror(errno));
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, HEADING, strlen(HEADING)) != 0)
            same &= check_cell(line, &checked);
    fclose(file);
    printf("1..%u\n", checked);
    return same && checked > 0;
}
