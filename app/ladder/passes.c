/* SPDX-License-Identifier: BSD-3-Clause */
#include "ladder/passes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS_MAX 64

/* One fetch; around it what it cost the sender. */
static bool fetch(struct ladder *l, struct result *r, enum link link, bool hash,
                  struct receipt *receipt, struct cost *before, struct cost *after)
{
    struct receiver receiver;

    if (!receiver_open(&receiver, &l->network, &r->sender, link, l->options.receiver_cpu, hash)) {
        (void)receiver_close(&receiver, receipt);
        return FAIL(l, "%s: no connection to its sender", r->sender.step->name);
    }
    *before = cost_now(r->sender.pid[link]);
    receiver_go(&receiver);
    bool good = receiver_close(&receiver, receipt);
    *after = cost_now(r->sender.pid[link]);
    if (!good)
        return FAIL(l, "%s over %s: %llu bytes of %llu came: %s", r->sender.step->name,
                    link_names[link], (unsigned long long)receipt->bytes,
                    (unsigned long long)l->options.size, strerror(receipt->error));
    return true;
}

bool pass_verify(struct ladder *l, struct result *r, enum link link)
{
    double pages = (double)((l->options.size + 4095) / 4096);
    struct receipt receipt;
    struct cost before, after;

    cache_drop(l->file);
    double cached = (double)cache_pages(l->file, l->options.size) / pages;
    if (!fetch(l, r, link, true, &receipt, &before, &after))
        return false;
    if (receipt.bytes != l->options.size || memcmp(receipt.hash, l->hash, HASH_BYTES) != 0)
        return FAIL(l, "%s over %s: what came is not what is on disk", r->sender.step->name,
                    link_names[link]);
    r->cached_before = cached;
    r->cached_after = (double)cache_pages(l->file, l->options.size) / pages;
    r->cold_gbps = (double)receipt.bytes * 8 / (double)receipt.ns;
    return true;
}

bool pass_count(struct ladder *l, struct result *r, enum link link)
{
    struct receiver receiver;
    struct receipt receipt;
    struct calls calls;

    bool open =
        receiver_open(&receiver, &l->network, &r->sender, link, l->options.receiver_cpu, false);
    if (!open || !calls_start(&calls, r->sender.pid[link], l->error)) {
        close(receiver.go);
        (void)receiver_close(&receiver, &receipt);
        return open ? false : FAIL(l, "%s: no connection to its sender", r->sender.step->name);
    }
    receiver_go(&receiver);
    bool good = receiver_close(&receiver, &receipt);
    uint64_t sum = calls_stop(&calls);
    if (!good || sum == UINT64_MAX)
        return FAIL(l, "%s: the transfer with strace failed", r->sender.step->name);
    r->calls_per_mb = (double)sum / ((double)receipt.bytes / 1e6);
    return true;
}

bool pass_time(struct ladder *l, struct result *r, enum link link)
{
    struct samples *s = &r->link[link];
    struct receipt receipt;
    struct cost before, after;

    if (!fetch(l, r, link, false, &receipt, &before, &after))
        return false;
    double gb = (double)receipt.bytes / 1e9;
    s->gbps[s->count] = (double)receipt.bytes * 8 / (double)receipt.ns;
    s->sender_s_per_gb[s->count] = (double)(after.cpu_ns - before.cpu_ns) / 1e9 / gb;
    s->receiver_s_per_gb[s->count] = (double)(receipt.user_ns + receipt.kernel_ns) / 1e9 / gb;
    s->user_ticks += after.user - before.user;
    s->kernel_ticks += after.kernel - before.kernel;
    s->receiver_user_ns += receipt.user_ns;
    s->receiver_kernel_ns += receipt.kernel_ns;
    s->switches += after.voluntary + after.taken - before.voluntary - before.taken;
    s->bytes += receipt.bytes;
    s->count++;
    return true;
}

bool pass_fan_out(struct ladder *l, struct result *r, enum link link)
{
    struct receiver receivers[CLIENTS_MAX];
    struct receipt receipt;
    unsigned n = l->options.clients, opened = 0;
    uint64_t bytes = 0, start;
    bool good = true;

    cache_drop(l->file);
    struct cost before = cost_now(r->sender.pid[link]);
    if (r->sender.step->sender == STEP_HUGEWIRE)
        before.disk_bytes = 0;
    for (; good && opened < n; opened++)
        good = receiver_open(&receivers[opened], &l->network, &r->sender, link,
                             l->options.receiver_cpu, false);
    start = clock_ns();
    for (unsigned i = 0; i < opened; i++)
        receiver_go(&receivers[i]);
    for (unsigned i = 0; i < opened; i++) {
        good = receiver_close(&receivers[i], &receipt) && good;
        bytes += receipt.bytes;
    }
    struct cost after = cost_now(r->sender.pid[link]);
    if (!good || bytes != n * l->options.size)
        return FAIL(l, "%s: fan-out to %u clients failed", r->sender.step->name, n);
    r->fan_out.disk_copies =
        (double)(after.disk_bytes - before.disk_bytes) / (double)l->options.size;
    r->fan_out.gbps = (double)bytes * 8 / (double)(clock_ns() - start);
    return true;
}
