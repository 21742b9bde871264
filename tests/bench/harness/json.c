/* SPDX-License-Identifier: BSD-3-Clause */
#include "json.h"

#include <rte_cycles.h>

#include "server.h"

static void put_counters(FILE *out, const char *name, const struct counters *c)
{
    fprintf(out, "\"%s\": {", name);
#define PUT_COUNTER(name, help)                                                                    \
    if (c->name != 0)                                                                              \
        fprintf(out, "\"" #name "\": %llu, ", (unsigned long long)c->name);
    COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
    fputs("\"turns\": ", out);
    fprintf(out, "%llu}", (unsigned long long)c->loop_turns);
}

static void put_wire(FILE *out, const char *name, const struct wire_stats *s)
{
    const char *separator = "";

    fprintf(out, "\"%s\": {", name);
#define PUT_STAT(name, meaning)                                                                    \
    fprintf(out, "%s\"" #name "\": %llu", separator, (unsigned long long)s->name);                 \
    separator = ", ";
    WIRE_STATS(PUT_STAT)
#undef PUT_STAT
    fputs("}", out);
}

/* Microseconds. */
static void put_latency(FILE *out, const struct latency *latency)
{
    static const struct {
        const char *name;
        double share;
    } percentiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 } };

    fputs("\"latency_us\": {", out);
    for (unsigned i = 0; i < RTE_DIM(percentiles); i++)
        fprintf(out, "\"%s\": %.1f, ", percentiles[i].name,
                (double)latency_percentile(latency, percentiles[i].share) / 1e3);
    fprintf(out, "\"max\": %.1f}, ", (double)latency->max_ns / 1e3);
}

void json_run(FILE *out, const struct bench_row *row, unsigned round,
              const struct bench_result *result)
{
    fprintf(out, "{\"row\": \"%s\", \"folder\": \"%s\", \"round\": %u, \"raw\": %s, ", row->name,
            row->folder != NULL ? row->folder : "", round, row->raw ? "true" : "false");
    fprintf(out, "\"workers\": %u, ", row->workers);
    fprintf(out, "\"connections\": %u, \"seconds\": %.6f, \"tsc_hz\": %llu, ", row->connections,
            result->seconds, (unsigned long long)rte_get_tsc_hz());
    fprintf(out, "\"idle_connection_bytes\": %.0f, ", server_connection_bytes());
    fprintf(out, "\"busy_ns\": %llu, \"idle_ns\": %llu, \"stolen_ns\": %llu, ",
            (unsigned long long)result->turns.busy_ns, (unsigned long long)result->turns.idle_ns,
            (unsigned long long)result->turns.stolen_ns);
    fprintf(out, "\"longest_us\": {\"server\": %.1f, \"wire\": %.1f}, ",
            (double)result->turns.longest_ns / 1e3, (double)result->wire_longest_ns / 1e3);
    put_latency(out, &result->latency);
    put_counters(out, "server", &result->server);
    fputs(", ", out);
    put_counters(out, "streamer", &result->streamer);
    fputs(", ", out);
    put_wire(out, "wire", &result->wire);
    fputs(", ", out);
    put_counters(out, "server_whole", &result->server_whole);
    fputs(", ", out);
    put_wire(out, "wire_whole", &result->wire_whole);
    fprintf(out, ", \"failure\": \"%s\"}\n", result->failure);
    fflush(out);
}
