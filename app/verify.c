/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/verify.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/control.h"

#define PATIENCE_S  60 /* the keeper may be reading changed files */
#define POLL_MS     50
#define COMMAND_MAX 1000 /* DPDK takes 1023 bytes */

static unsigned long long number(const json_t *answer, const char *name)
{
    return (unsigned long long)json_integer_value(json_object_get(answer, name));
}

/* In units of the eye, not of the file. */
static double gib_per_s(const json_t *answer, const char *name)
{
    double ns = (double)number(answer, "ns");

    return ns > 0 ? (double)number(answer, name) / ns * 1e9 / (1 << 30) : 0;
}

static void print_progress(const json_t *answer, FILE *errors)
{
    fprintf(errors, "\r%llu files, %.2f GiB, %.2f GiB/s ", number(answer, "files"),
            (double)number(answer, "bytes") / (1 << 30), gib_per_s(answer, "bytes"));
    fflush(errors);
}

/* Asks until it is done. NULL: error says why not. */
static json_t *wait_until_done(const struct verify_options *options, unsigned long long serial,
                               FILE *errors, char error[CONTROL_ERROR_BYTES])
{
    const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
    bool progress = !options->json && isatty(fileno(errors)) != 0;

    for (;;) {
        json_t *answer =
            control_ask_server(options->pid, "/hugewire/verify_report", PATIENCE_S, error);
        if (answer == NULL)
            return NULL;
        if (number(answer, "serial") != serial) {
            snprintf(error, CONTROL_ERROR_BYTES, "the server has ended its work");
            json_decref(answer);
            return NULL;
        }
        if (progress)
            print_progress(answer, errors);
        if (number(answer, "running") == 0) {
            if (progress)
                fputc('\n', errors);
            return answer;
        }
        json_decref(answer);
        nanosleep(&pause, NULL);
    }
}

/* NULL: error says why. */
static json_t *verify(const struct verify_options *options, FILE *errors,
                      char error[CONTROL_ERROR_BYTES])
{
    const char *pattern = options->pattern != NULL ? options->pattern : "";
    char command[COMMAND_MAX];

    while (*pattern == '/') /* as in a URL */
        pattern++;
    int len = snprintf(command, sizeof(command), "/hugewire/verify,%s%s",
                       options->disk ? "disk:" : "pool:", pattern);
    if (len >= (int)sizeof(command)) {
        snprintf(error, CONTROL_ERROR_BYTES, "the pattern is longer than %d bytes", COMMAND_MAX);
        return NULL;
    }
    json_t *started = control_ask_server(options->pid, command, PATIENCE_S, error);
    if (started == NULL)
        return NULL;
    unsigned long long serial = number(started, "serial");
    json_decref(started);
    if (serial != 0)
        return wait_until_done(options, serial, errors, error);
    snprintf(error, CONTROL_ERROR_BYTES, "the server verifies already, or is about to end");
    return NULL;
}

static void print(const json_t *answer, bool disk, FILE *out)
{
    const json_t *findings = json_object_get(answer, "findings");
    const json_t *finding;
    size_t i;

    fprintf(out, "checked      %llu files, %llu bytes in %.3f s, %.2f GiB/s\n",
            number(answer, "files"), number(answer, "bytes"), (double)number(answer, "ns") / 1e9,
            gib_per_s(answer, "bytes"));
    if (disk)
        fprintf(out,
                "on disk      %llu files, %llu bytes; %llu changed just now, %llu not to be read\n",
                number(answer, "disk_files"), number(answer, "disk_bytes"),
                number(answer, "changed"), number(answer, "unread"));
    if (number(answer, "streamed") > 0)
        fprintf(out, "streamed     %llu files: their bytes do not lie in the pool\n",
                number(answer, "streamed"));
    fprintf(out, "damaged      %llu\n", number(answer, "damaged"));
    if (disk)
        fprintf(out, "differing    %llu\n", number(answer, "differing"));
    json_array_foreach(findings, i, finding) fprintf(out, "  %s\n", json_string_value(finding));
    if (number(answer, "damaged") + number(answer, "differing") > json_array_size(findings))
        fprintf(out, "  and more\n");
}

int verify_run(const struct verify_options *options, FILE *out, FILE *errors)
{
    char error[CONTROL_ERROR_BYTES];
    json_t *answer = verify(options, errors, error);

    if (answer != NULL && number(answer, "files") + number(answer, "streamed") == 0 &&
        options->pattern != NULL) {
        snprintf(error, sizeof(error), "no file fits %.200s", options->pattern);
        json_decref(answer);
        answer = NULL;
    }
    if (answer == NULL) {
        fprintf(errors, "hugewire: %s\n", error);
        return 2;
    }
    bool wrong = number(answer, "damaged") + number(answer, "differing") > 0;
    bool unread = number(answer, "unread") > 0;
    if (options->json) {
        json_dumpf(answer, out, JSON_INDENT(2));
        fputc('\n', out);
    } else {
        print(answer, options->disk, out);
    }
    json_decref(answer);
    if (fflush(out) != 0)
        return 2;
    return wrong ? 1 : unread ? 2 : 0;
}
