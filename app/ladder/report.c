/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <jansson.h>

#include "ladder/ladder.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct summary summarize(const double *values, unsigned count)
{
    double sorted[ROUNDS_MAX];

    if (count == 0)
        return (struct summary){ 0 };
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), ascending);
    double median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
    return (struct summary){ .median = median, .low = sorted[0], .high = sorted[count - 1] };
}

/* --- table --------------------------------------------------------------------------------------
 */

static double share(uint64_t part, uint64_t rest)
{
    return part + rest > 0 ? (double)part / (double)(part + rest) : 0;
}

static void print_link(const struct samples *s)
{
    if (s->count == 0) {
        printf("  %18s %6s %5s %6s", "-", "-", "-", "-");
        return;
    }
    struct summary gbps = summarize(s->gbps, s->count);
    char text[48];
    snprintf(text, sizeof(text), "%.2f (%.2f-%.2f)", gbps.median, gbps.low, gbps.high);
    printf("  %18s %6.3f %4.0f%% %6.3f", text, summarize(s->sender_s_per_gb, s->count).median,
           100 * share(s->user_ticks, s->kernel_ticks),
           summarize(s->receiver_s_per_gb, s->count).median);
}

static void print_number(int width, int digits, double value)
{
    if (value < 0)
        printf(" %*s", width, "-");
    else
        printf(" %*.*f", width, digits, value);
}

static const struct samples *any_link(const struct result *r)
{
    return r->link[LINK_OFFLOADS].count > 0 ? &r->link[LINK_OFFLOADS] : &r->link[LINK_PACKETS];
}

static void print_row(const struct result *r)
{
    const struct samples *s = any_link(r);
    double mb = (double)s->bytes / 1e6;

    printf("%-29s", r->sender.step->label);
    if (r->sender.why[0] != '\0') {
        printf("  skip: %s\n", r->sender.why);
        return;
    }
    for (unsigned link = 0; link < LINKS; link++)
        print_link(&r->link[link]);
    print_number(7, 2, r->calls_per_mb);
    print_number(8, 2, r->calls_per_mb < 0 ? -1 : 2 * r->calls_per_mb);
    print_number(6, 2, mb > 0 ? (double)s->switches / mb : -1);
    printf(" %5.0f%% %4u %4u %4u\n", 100 * (r->cached_after - r->cached_before),
           r->sender.step->cpu_copies, r->sender.step->cpu_copies_here, r->sender.step->dma_copies);
}

static void print_kernel_said(const struct result *r)
{
    if (r->copied_by_kernel >= 0)
        printf("%s: asked to copy nothing, the kernel copied %.0f%% of the sends: this receiver's "
               "socket is in the same kernel\n",
               r->sender.step->label, 100 * r->copied_by_kernel);
    if (r->hugewire_referenced > 0)
        printf("%s: its counters say %llu bytes of the file referenced, %llu copied\n",
               r->sender.step->label, (unsigned long long)r->hugewire_referenced,
               (unsigned long long)r->hugewire_copied);
}

static void print_fan_out(const struct options *options, const struct result *results,
                          unsigned count)
{
    printf("\n%u clients of one cold file: bytes read from disk, in sizes of the file\n",
           options->clients);
    for (unsigned i = 0; i < count; i++)
        if (results[i].fan_out.disk_copies >= 0)
            printf("  %-27s %6.2f  (%.2f Gb/s in all)\n", results[i].sender.step->label,
                   results[i].fan_out.disk_copies, results[i].fan_out.gbps);
}

void report_print(const struct options *options, const struct result *results, unsigned count)
{
    printf(
        "\n%llu bytes, %u rounds; median (lowest-highest). sender, recv: CPU seconds per GB; user: "
        "share of\nthe sender's in user mode. A receiver's softirq runs on the sender's core and "
        "is "
        "the sender's. Of the\nsender, per MB: calls = system calls, counted; mode = mode "
        "switches, "
        "two a call; sched = context\nswitches. cache: of the file, what the page cache gained. "
        "Copies of the payload by the CPU, with a\nNIC that gathers and (here) between two sockets "
        "of one kernel, and by DMA.\n\n",
        (unsigned long long)options->size, options->rounds);
    printf("%-29s  %-38s  %-38s %-23s %6s %14s\n", "", "packets of up to 64 KiB (offloads)",
           "packets of 1500 bytes", "   sender, per MB", "page", "copies");
    printf("%-29s  %18s %6s %5s %6s  %18s %6s %5s %6s %7s %8s %6s %6s %4s %4s %4s\n", "step",
           "Gb/s", "sender", "user", "recv", "Gb/s", "sender", "user", "recv", "calls", "mode",
           "sched", "cache", "CPU", "here", "DMA");
    for (unsigned i = 0; i < count; i++)
        print_row(&results[i]);
    putchar('\n');
    for (unsigned i = 0; i < count; i++)
        print_kernel_said(&results[i]);
    if (options->clients > 0)
        print_fan_out(options, results, count);
    fflush(stdout);
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static json_t *numbers(const double *values, unsigned count)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, json_real(values[i]));
    return list;
}

static json_t *link_json(const struct samples *s)
{
    double gb = (double)s->bytes / 1e9;

    if (s->count == 0)
        return json_null();
    return json_pack("{so so so sf sf sf}", "gigabits_per_s", numbers(s->gbps, s->count),
                     "sender_cpu_s_per_gb", numbers(s->sender_s_per_gb, s->count),
                     "receiver_cpu_s_per_gb", numbers(s->receiver_s_per_gb, s->count),
                     "sender_user_share", share(s->user_ticks, s->kernel_ticks),
                     "receiver_user_share", share(s->receiver_user_ns, s->receiver_kernel_ns),
                     "context_switches_per_gb", (double)s->switches / gb);
}

static json_t *result_json(const struct result *r)
{
    const struct step *step = r->sender.step;
    json_t *all =
        json_pack("{ss ss si si si ss}", "step", step->name, "label", step->label, "cpu_copies",
                  (int)step->cpu_copies, "cpu_copies_here", (int)step->cpu_copies_here,
                  "dma_copies", (int)step->dma_copies, "kernel_path", step->path);

    if (r->sender.why[0] != '\0') {
        json_object_set_new(all, "skipped", json_string(r->sender.why));
        return all;
    }
    for (unsigned link = 0; link < LINKS; link++)
        json_object_set_new(all, link_names[link], link_json(&r->link[link]));
    json_object_set_new(all, "system_calls_per_mb", json_real(r->calls_per_mb));
    json_object_set_new(all, "mode_switches_per_mb", json_real(2 * r->calls_per_mb));
    json_object_set_new(all, "page_cache_before", json_real(r->cached_before));
    json_object_set_new(all, "page_cache_after", json_real(r->cached_after));
    json_object_set_new(all, "cold_gigabits_per_s_with_hash", json_real(r->cold_gbps));
    if (r->copied_by_kernel >= 0)
        json_object_set_new(all, "zero_copy_sends_copied", json_real(r->copied_by_kernel));
    if (r->hugewire_referenced > 0) {
        json_object_set_new(all, "payload_bytes_referenced",
                            json_integer((json_int_t)r->hugewire_referenced));
        json_object_set_new(all, "payload_bytes_copied",
                            json_integer((json_int_t)r->hugewire_copied));
    }
    if (r->fan_out.disk_copies >= 0)
        json_object_set_new(all, "fan_out",
                            json_pack("{sf sf}", "disk_reads_of_the_file", r->fan_out.disk_copies,
                                      "gigabits_per_s", r->fan_out.gbps));
    return all;
}

bool report_json(const struct options *options, const struct result *results, unsigned count,
                 char error[ERROR_BYTES])
{
    struct utsname system;
    json_t *list = json_array();

    uname(&system);
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, result_json(&results[i]));
    json_t *all =
        json_pack("{sI si si ss si so}", "file_bytes", (json_int_t)options->size, "buffer_bytes",
                  (int)options->buffer, "rounds", (int)options->rounds, "kernel", system.release,
                  "clients", (int)options->clients, "steps", list);
    int rc = strcmp(options->json, "-") == 0 ? json_dumpf(all, stdout, JSON_INDENT(1))
                                             : json_dump_file(all, options->json, JSON_INDENT(1));
    json_decref(all);
    if (rc != 0)
        snprintf(error, ERROR_BYTES, "%.200s cannot be written", options->json);
    return rc == 0;
}
