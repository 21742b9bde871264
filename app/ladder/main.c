/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hugewire-ladder: the way from copies to none. Every step's sender waits for clients; a receiver
 * fetches the file from each in turn: once with a cold page cache and a hash of what came, once
 * with system calls counted, then in timed rounds that interleave all steps.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "ladder/options.h"
#include "ladder/passes.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int signo)
{
    interrupted = signo;
}

static bool runs(const struct result *r, enum link link)
{
    return r->sender.pid[link] > 0;
}

static bool for_each(struct ladder *l, const char *what,
                     bool (*pass)(struct ladder *, struct result *, enum link), bool both_links)
{
    for (unsigned link = 0; link < LINKS; link++) {
        for (unsigned i = 0; i < l->count; i++) {
            struct result *r = &l->results[i];
            bool other = link == LINK_PACKETS && runs(r, LINK_OFFLOADS) && !both_links;
            if (!runs(r, link) || other)
                continue;
            if (interrupted)
                return FAIL(l, "stopped");
            if (isatty(STDERR_FILENO))
                fprintf(stderr, "\r%s: %s\033[K", what, r->sender.step->label);
            if (!pass(l, r, (enum link)link))
                return false;
        }
    }
    return true;
}

static bool start_senders(struct ladder *l)
{
    cache_drop(l->file);
    for (unsigned i = 0; i < step_count; i++) {
        if (interrupted)
            return FAIL(l, "stopped");
        if (!options_want(&l->options, &steps[i]))
            continue;
        struct result *r = &l->results[l->count++];
        r->calls_per_mb = r->copied_by_kernel = r->fan_out.disk_copies = -1;
        if (!sender_start(&r->sender, &steps[i], &l->options, l->file, l->options.size, l->error))
            return false;
        if (r->sender.why[0] != '\0')
            fprintf(stderr, "skip %s: %s\n", steps[i].name, r->sender.why);
    }
    return true;
}

/* What the senders themselves know. */
static void ask_senders(struct ladder *l)
{
    for (unsigned i = 0; i < l->count; i++) {
        struct result *r = &l->results[i];
        const struct step_tally *tally = r->sender.tally;
        if (tally != NULL && tally->zero_copy > 0)
            r->copied_by_kernel = (double)tally->copied / (double)tally->zero_copy;
        for (unsigned link = 0; link < LINKS; link++) {
            if (r->sender.step->sender != STEP_HUGEWIRE || !runs(r, (enum link)link))
                continue;
            pid_t pid = r->sender.pid[link];
            r->hugewire_copied += hugewire_counter(&l->options, pid, "payload_bytes_copied");
            r->hugewire_referenced +=
                hugewire_counter(&l->options, pid, "payload_bytes_referenced");
        }
    }
}

static bool measure(struct ladder *l)
{
    if (!for_each(l, "verify", pass_verify, true) || !for_each(l, "count", pass_count, false))
        return false;
    for (unsigned round = 0; round < l->options.rounds; round++)
        if (!for_each(l, "time", pass_time, true))
            return false;
    if (l->options.clients > 0 && !for_each(l, "fan-out", pass_fan_out, false))
        return false;
    ask_senders(l);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    return true;
}

static bool climb(struct ladder *l)
{
    const struct options *o = &l->options;

    if (!network_make(&l->network, l->error) || !file_make(l) || !start_senders(l) || !measure(l))
        return false;
    if (o->json == NULL || strcmp(o->json, "-") != 0)
        report_print(o, l->results, l->count);
    return (o->json == NULL || report_json(o, l->results, l->count, l->error)) &&
           (o->plot == NULL || plot_svg(o, l->results, l->count, l->error));
}

int main(int argc, char **argv)
{
    static struct ladder l;
    struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };

    options_read(&l.options, argc, argv);
    if (geteuid() != 0) {
        fputs("hugewire-ladder: needs root, for network namespaces: use sudo\n", stderr);
        return 2;
    }
    if (sodium_init() < 0)
        return 2;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    bool good = climb(&l);
    for (unsigned i = 0; i < l.count; i++)
        sender_stop(&l.results[i].sender);
    network_remove(&l.network);
    file_remove(&l);
    if (!good)
        fprintf(stderr, "\nhugewire-ladder: %s\n", l.error);
    return good ? 0 : 1;
}
