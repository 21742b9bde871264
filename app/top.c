/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/top.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "app/control.h"
#include "app/values.h"

/* ECMA-48: to the first column of the first row; clear from here to the end; cursor off and on. */
#define HOME       "\x1b[H"
#define CLEAR      "\x1b[J"
#define CURSOR_OFF "\x1b[?25l\x1b[2J"
#define CURSOR_ON  "\x1b[?25h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static long long value(const json_t *from, const char *name)
{
    return json_integer_value(json_object_get(from, name));
}

struct look {
    const json_t *before, *now;
    double seconds;
    FILE *out;
};

static double rate(const struct look *look, const char *name)
{
    return (double)(value(look->now, name) - value(look->before, name)) / look->seconds;
}

static void print_requests(const struct look *look)
{
    fprintf(look->out, "requests       %10.0f/s   2xx %.0f/s  3xx %.0f/s  4xx %.0f/s  5xx %.0f/s\n",
            rate(look, "http_requests"), rate(look, "http_2xx"), rate(look, "http_3xx"),
            rate(look, "http_4xx"), rate(look, "http_5xx"));
}

static void print_connections(const struct look *look)
{
    static const char *const ends[] = { "tcp_close_orderly", "tcp_close_reset", "tcp_close_aborted",
                                        "tcp_close_timeout" };
    long long open = value(look->now, "tcp_established");
    double ended = 0;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        open -= value(look->now, ends[i]);
        ended += rate(look, ends[i]);
    }
    fprintf(look->out, "connections    %10lld     new %.0f/s  ended %.0f/s  refused %.0f/s\n",
            open > 0 ? open : 0, rate(look, "tcp_established"), ended,
            rate(look, "tcp_refused_full"));
}

static void print_bytes(const struct look *look)
{
    double referenced = rate(look, "payload_bytes_referenced"),
           copied = rate(look, "payload_bytes_copied");

    fprintf(look->out, "sent           %10.3f Gb/s  %.0f packets/s, %.2f%% of the payload copied\n",
            rate(look, "tx_bytes") * 8e-9, rate(look, "tx_packets"),
            referenced + copied > 0 ? 100 * copied / (referenced + copied) : 0);
    fprintf(look->out, "received       %10.3f Gb/s  %.0f frames/s\n", rate(look, "rx_bytes") * 8e-9,
            rate(look, "rx_frames"));
    fprintf(look->out, "sent again     %10.0f/s     %.0f time-outs/s\n",
            rate(look, "tcp_retransmit"), rate(look, "tcp_rto"));
}

static void print_pool(const json_t *pool, FILE *out)
{
    char used[VALUE_TEXT_BYTES], pinned[VALUE_TEXT_BYTES];

    fprintf(out, "pool           %10lld files, %s of %s used, %lld being replaced\n",
            value(pool, "files"), value_size_text((uint64_t)value(pool, "used_bytes"), used),
            value_size_text((uint64_t)value(pool, "pinned_bytes"), pinned),
            value(pool, "retired_files"));
}

void top_print(const json_t *before, const json_t *now, const json_t *pool, double seconds,
               FILE *out)
{
    const struct look look = { before, now, seconds, out };

    print_requests(&look);
    print_connections(&look);
    print_bytes(&look);
    print_pool(pool, out);
}

static double clock_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Looks once a second. False: error says why it ended. */
static bool watch(const struct control *control, bool terminal, FILE *out,
                  char error[CONTROL_ERROR_BYTES])
{
    json_t *before = control_ask(control, "/hugewire/counters", error);
    double then = clock_seconds();

    while (before != NULL && !interrupted) {
        sleep(1); /* a signal ends it */
        if (interrupted)
            break;
        json_t *now = control_ask(control, "/hugewire/counters", error);
        json_t *pool = now != NULL ? control_ask(control, "/hugewire/pool", error) : NULL;
        double time = clock_seconds();
        if (pool != NULL) {
            fprintf(out, "%sserver %d\n", terminal ? HOME CLEAR : "", control->pid);
            top_print(before, now, pool, time - then, out);
            fflush(out);
        } else {
            json_decref(now);
            now = NULL;
        }
        json_decref(pool);
        json_decref(before);
        before = now;
        then = time;
    }
    json_decref(before);
    return before != NULL;
}

int top_run(int pid, FILE *out, FILE *errors)
{
    const struct sigaction action = { .sa_handler = on_interrupt };
    char directory[256], error[CONTROL_ERROR_BYTES];
    bool terminal = isatty(fileno(out)) == 1;
    struct control control;

    if (!control_open(&control, control_directory(directory, sizeof(directory)), pid, error)) {
        control_close(&control);
        fprintf(errors, "hugewire: %s\n", error);
        return 2;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    fputs(terminal ? CURSOR_OFF : "", out);
    bool told = watch(&control, terminal, out, error);
    fputs(terminal ? CURSOR_ON : "", out);
    fflush(out);
    control_close(&control);
    if (told || interrupted)
        return 0;
    fprintf(errors, "hugewire: %s\n", error);
    return 2;
}
