/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_run: runs scenarios, prints one line of TAP for each, and how to run a failing one again. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content.h"
#include "goodput.h"
#include "scenario.h"
#include "trace.h"

static const char usage[] =
    "usage: sim_run [OPTION]...\n"
    "  --list            the fixed scenarios\n"
    "  --fixed           run all of them, in all variants\n"
    "  --scenario NAME   run one of them\n"
    "  --variant NAME    only in this variant (app/software, app/tso, http/software,\n"
    "                    http/checksum)\n"
    "  --skip NAME       leave that one out\n"
    "  --seed N          run the random scenario N\n"
    "  --seeds A..B,C    run all from A to B, and C\n"
    "  --goodput         a table of goodput over round-trip time and loss\n"
    "  --matrix          goodput over controller, rate, round trip and loss, as CSV\n"
    "  --matrix-check FILE   its cheap cells again, beside those of FILE\n"
    "  --pcap FILE       write what the server's port sees; a run that fails without it runs once\n"
    "                    more, and writes that to ./NAME.pcap\n"
    "  --costs           print goodput, retransmissions and counters of each run\n"
    "  -v                print each packet too\n";

#define SEED_RANGES_MAX 64

struct seed_range {
    uint64_t first, last;
};

struct options {
    const char *scenario, *variant, *skip, *pcap, *snapshot;
    struct seed_range range[SEED_RANGES_MAX];
    unsigned range_count;
    bool list, fixed, goodput, matrix, costs, verbose;
};

struct tally {
    unsigned run, failed;
};

static void print_costs(const struct result *r)
{
    double seconds = (double)r->elapsed_ns / 1e9;

    printf("# %" PRIu64 " bytes in %.3f s, %.3f Mb/s; sent %" PRIu64 ", again %" PRIu64
           "; longest gap %.3f s; whole run %.3f s, the server's end %.3f s later%s\n",
           r->bytes, seconds, seconds > 0 ? (double)r->bytes * 8 / seconds / 1e6 : 0, r->sent,
           r->retransmitted, (double)r->longest_gap_ns / 1e9, (double)r->virtual_ns / 1e9,
           (double)r->settled_ns / 1e9, r->wrapped ? "; wrapped" : "");
    const uint64_t *value = (const uint64_t *)&r->counters;
    for (unsigned i = 0; i < counter_count; i++)
        if (value[i] != 0)
            printf("#   %-26s %" PRIu64 "\n", counter_infos[i].name, value[i]);
}

static struct pcap *open_pcap(const char *path)
{
    struct pcap *pcap = pcap_open(path);

    if (pcap == NULL) {
        fprintf(stderr, "sim_run: cannot write %s: %s\n", path, strerror(errno));
        exit(2);
    }
    return pcap;
}

/* The same once more, for a packet trace. */
static void trace_failure(const struct scenario *scenario)
{
    char path[80];
    unsigned n = (unsigned)snprintf(path, sizeof(path), "%s.pcap", scenario->name);

    for (unsigned i = 0; i < n; i++)
        if (path[i] == ' ' || path[i] == '/')
            path[i] = '-';
    struct trace trace = { .pcap = open_pcap(path) };
    scenario_run(scenario, trace);
    pcap_close(trace.pcap);
    printf("# packets: %s\n", path);
}

/* What to say should an assertion end the program. */
static char aborted[320];

static void on_abort(int signo)
{
    ssize_t n = write(STDOUT_FILENO, aborted, strlen(aborted));
    (void)n;
}

static void run(const struct scenario *scenario, const struct options *options, const char *again,
                struct tally *tally)
{
    struct trace trace = { .verbose = options->verbose };

    if (options->pcap != NULL)
        trace.pcap = open_pcap(options->pcap);
    snprintf(aborted, sizeof(aborted),
             "not ok %u %s\n# aborted\n# again: tests/sim/run %s -v --pcap failed.pcap\n",
             tally->run + 1, scenario->name, again);
    struct result result = scenario_run(scenario, trace);
    pcap_close(trace.pcap);
    tally->run++;
    printf("%s %u %s\n", result.failed ? "not ok" : "ok", tally->run, scenario->name);
    if (result.failed) {
        tally->failed++;
        printf("# %s\n# again: tests/sim/run %s -v\n", result.failure, again);
        if (options->pcap == NULL)
            trace_failure(scenario);
    }
    if (options->verbose || options->costs)
        print_costs(&result);
    fflush(stdout);
}

static void run_fixed(const struct options *options, struct tally *tally)
{
    static struct scenario scenario;
    char again[160];

    for (unsigned i = 0; i < fixed_scenario_count; i++) {
        const struct fixed_scenario *fixed = &fixed_scenarios[i];
        if (options->scenario != NULL && strcmp(options->scenario, fixed->name) != 0)
            continue;
        if (options->skip != NULL && strcmp(options->skip, fixed->name) == 0)
            continue;
        for (unsigned k = 0; k < variant_count; k++) {
            if (options->variant != NULL && strcmp(options->variant, variants[k].name) != 0)
                continue;
            scenario_fixed(&scenario, fixed, &variants[k]);
            snprintf(again, sizeof(again), "--scenario %s --variant %s", fixed->name,
                     variants[k].name);
            run(&scenario, options, again, tally);
        }
    }
}

static void run_seeds(const struct options *options, struct tally *tally)
{
    static struct scenario scenario;
    char again[64];

    for (unsigned i = 0; i < options->range_count; i++) {
        for (uint64_t seed = options->range[i].first; seed <= options->range[i].last; seed++) {
            scenario_random(&scenario, seed);
            snprintf(again, sizeof(again), "--seed %" PRIu64, seed);
            run(&scenario, options, again, tally);
        }
    }
}

/* "5", "1..2000", "7,9,20..30" */
static bool parse_seeds(struct options *options, const char *text)
{
    char *end = NULL;

    for (;; text = end + 1) {
        if (options->range_count == SEED_RANGES_MAX)
            return false;
        struct seed_range *range = &options->range[options->range_count++];
        range->first = range->last = strtoull(text, &end, 10);
        if (end == text)
            return false;
        if (strncmp(end, "..", 2) == 0) {
            const char *second = end + 2;
            range->last = strtoull(second, &end, 10);
            if (end == second)
                return false;
        }
        if (*end != ',')
            return *end == '\0';
    }
}

static bool parse_options(struct options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        { "list", no_argument, NULL, 'l' },
        { "fixed", no_argument, NULL, 'f' },
        { "scenario", required_argument, NULL, 's' },
        { "variant", required_argument, NULL, 'V' },
        { "skip", required_argument, NULL, 'x' },
        { "seed", required_argument, NULL, 'n' },
        { "seeds", required_argument, NULL, 'n' },
        { "goodput", no_argument, NULL, 'g' },
        { "matrix-check", required_argument, NULL, 'M' },
        { "matrix", no_argument, NULL, 'm' },
        { "pcap", required_argument, NULL, 'p' },
        { "costs", no_argument, NULL, 'c' },
        { NULL, 0, NULL, 0 },
    };

    for (int c; (c = getopt_long(argc, argv, "v", longs, NULL)) != -1;) {
        switch (c) {
        case 'l':
            options->list = true;
            break;
        case 's':
            options->scenario = optarg;
            options->fixed = true;
            break;
        case 'f':
            options->fixed = true;
            break;
        case 'V':
            options->variant = optarg;
            break;
        case 'x':
            options->skip = optarg;
            break;
        case 'n':
            if (!parse_seeds(options, optarg))
                return false;
            break;
        case 'g':
            options->goodput = true;
            break;
        case 'm':
            options->matrix = true;
            break;
        case 'M':
            options->snapshot = optarg;
            break;
        case 'c':
            options->costs = true;
            break;
        case 'p':
            options->pcap = optarg;
            break;
        case 'v':
            options->verbose = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && (options->list || options->fixed || options->range_count > 0 ||
                              options->goodput || options->matrix || options->snapshot != NULL);
}

int main(int argc, char **argv)
{
    struct options options = { 0 };
    struct tally tally = { 0 };

    if (!parse_options(&options, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    if (options.list)
        for (unsigned i = 0; i < fixed_scenario_count; i++)
            printf("%-24s %s\n", fixed_scenarios[i].name, fixed_scenarios[i].what);
    /* Each run allocates and frees the same again: keep the memory. */
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_MMAP_THRESHOLD, 1 << 25);
    content_init();
    signal(SIGABRT, on_abort);
    if (options.goodput)
        goodput_table();
    if (options.matrix)
        goodput_matrix();
    if (options.snapshot != NULL)
        return goodput_check(options.snapshot) ? 0 : 1;
    if (options.fixed)
        run_fixed(&options, &tally);
    if (options.range_count > 0)
        run_seeds(&options, &tally);
    if (!options.fixed && options.range_count == 0)
        return 0;
    printf("1..%u\n", tally.run);
    if (tally.run == 0)
        fprintf(stderr, "sim_run: no such scenario or variant; see --list\n");
    return tally.run == 0 ? 2 : tally.failed != 0;
}
