/* SPDX-License-Identifier: BSD-3-Clause */
#include "ladder/options.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: hugewire-ladder [options]            (as root)\n"
    "\n"
    "Sends one file to a receiver in every way from two copies by the CPU to none, measures each,\n"
    "and prints a table. All of it happens in network namespaces that end with the program.\n"
    "\n"
    "  --size N[K|M|G]     of the file (default 256M)\n"
    "  --rounds N          timed transfers of each step and kind of link, interleaved (default 5)\n"
    "  --steps LIST        only these, with commas; --list names them\n"
    "  --buffer N[K|M]     of one call, where a call has a buffer (default 64K)\n"
    "  --clients N         of the fan-out at the end; 0: none (default 8)\n"
    "  --directory DIR     where the file is made; on a disk that takes O_DIRECT (default "
    "/var/tmp)\n"
    "  --hugewire PROGRAM  the server (default: beside this program)\n"
    "  --sender-cpu N      (default 0)\n"
    "  --receiver-cpu N    (default 1; 0 where there is one CPU only)\n"
    "  --json FILE         write every sample there, too; - is stdout\n"
    "  --plot FILE         draw an SVG (gnuplot)\n"
    "  --list              names of the steps\n"
    "  -h, --help          this\n"
    "\n"
    "docs/ZEROCOPY.md explains the steps and the columns.\n";

static _Noreturn void bad(const char *option, const char *value, const char *want)
{
    fprintf(stderr, "hugewire-ladder: --%s %s: give %s\n", option, value, want);
    exit(2);
}

static uint64_t bytes_of(const char *option, const char *text, uint64_t low, uint64_t high)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10), unit = 1;
    const char *at = *end != '\0' ? strchr("KMG", *end) : NULL;

    if (at != NULL) {
        unit = UINT64_C(1024) << (10 * (*end == 'M') + 20 * (*end == 'G'));
        end++;
    }
    if (end == text || *end != '\0' || value > high / unit || value * unit < low)
        bad(option, text, "a number of bytes that makes sense, such as 64K or 1G");
    return value * unit;
}

static unsigned number_of(const char *option, const char *text, unsigned low, unsigned high)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || value < low || value > high)
        bad(option, text, "a smaller whole number");
    return (unsigned)value;
}

/* The server lies beside this program, the Java source beside this one's, or where the build says.
 */
static void defaults(struct options *options)
{
    char self[PATH_BYTES - 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    self[n > 0 ? n : 0] = '\0';
    *options = (struct options){ .size = UINT64_C(256) << 20,
                                 .buffer = 64 << 10,
                                 .rounds = 5,
                                 .clients = 8,
                                 .receiver_cpu = cpus > 1 ? 1 : 0 };
    snprintf(options->directory, PATH_BYTES, "/var/tmp");
    snprintf(options->hugewire, PATH_BYTES, "%s/hugewire", dirname(self));
    snprintf(options->java_source, PATH_BYTES, "%s", LADDER_JAVA);
}

static void check_steps(const struct options *options)
{
    char names[1024], *rest = names;

    snprintf(names, sizeof(names), "%s", options->only);
    for (const char *name; (name = strsep(&rest, ",")) != NULL;)
        if (step_find(name) == NULL)
            bad("steps", name, "names that --list prints");
}

bool options_want(const struct options *options, const struct step *step)
{
    char names[1024], *rest = names;

    if (options->only == NULL)
        return true;
    snprintf(names, sizeof(names), "%s", options->only);
    for (const char *name; (name = strsep(&rest, ",")) != NULL;)
        if (strcmp(name, step->name) == 0)
            return true;
    return false;
}

static _Noreturn void list_steps(void)
{
    for (unsigned i = 0; i < step_count; i++)
        printf("%-14s %s\n", steps[i].name, steps[i].label);
    exit(0);
}

static void take(struct options *o, const char *name, int letter, const char *value)
{
    switch (letter) {
    case 's':
        o->size = bytes_of(name, value, 1, UINT64_C(16) << 30);
        break;
    case 'r':
        o->rounds = number_of(name, value, 1, ROUNDS_MAX);
        break;
    case 'o':
        o->only = value;
        check_steps(o);
        break;
    case 'b':
        o->buffer = (uint32_t)bytes_of(name, value, 4096, 1 << 20);
        break;
    case 'c':
        o->clients = number_of(name, value, 0, 64);
        break;
    case 'd':
        snprintf(o->directory, PATH_BYTES, "%s", value);
        break;
    case 'w':
        snprintf(o->hugewire, PATH_BYTES, "%s", value);
        break;
    case 'S':
        o->sender_cpu = (int)number_of(name, value, 0, 1023);
        break;
    case 'R':
        o->receiver_cpu = (int)number_of(name, value, 0, 1023);
        break;
    case 'j':
        o->json = value;
        break;
    case 'p':
        o->plot = value;
        break;
    }
}

void options_read(struct options *options, int argc, char **argv)
{
    static const struct option longs[] = {
        { "size", required_argument, NULL, 's' },
        { "rounds", required_argument, NULL, 'r' },
        { "steps", required_argument, NULL, 'o' },
        { "buffer", required_argument, NULL, 'b' },
        { "clients", required_argument, NULL, 'c' },
        { "directory", required_argument, NULL, 'd' },
        { "hugewire", required_argument, NULL, 'w' },
        { "sender-cpu", required_argument, NULL, 'S' },
        { "receiver-cpu", required_argument, NULL, 'R' },
        { "json", required_argument, NULL, 'j' },
        { "plot", required_argument, NULL, 'p' },
        { "list", no_argument, NULL, 'l' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int letter, index = 0;

    defaults(options);
    while ((letter = getopt_long(argc, argv, "h", longs, &index)) != -1) {
        if (letter == 'h') {
            fputs(help, stdout);
            exit(0);
        }
        if (letter == 'l')
            list_steps();
        if (letter == '?')
            exit(2);
        take(options, longs[index].name, letter, optarg);
    }
    if (optind < argc)
        bad("", argv[optind], "options only");
}
