/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor: hugepages, locked memory, cores. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/doctor_report.h"
#include "app/sysfs.h"
#include "app/values.h"

#define PAGE_2M      (UINT64_C(2) << 20)
#define HUGEPAGES_2M "hugepages-2048kB"
#define HUGEPAGES_1G "hugepages-1048576kB"
/* Packet buffers, connections, and what DPDK takes: 114 MiB were seen with one worker. */
#define BESIDE_FILES (UINT64_C(128) << 20)
/* What it asks for when it does not know the files. */
#define FILES_UNKNOWN (UINT64_C(1) << 30)

struct pages {
    int64_t reserved, free;
};

static bool pages_read(const struct report *report, const char *size, struct pages *pages)
{
    return sysfs_number(report->machine, &pages->reserved,
                        "/sys/kernel/mm/hugepages/%s/nr_hugepages", size) &&
           sysfs_number(report->machine, &pages->free, "/sys/kernel/mm/hugepages/%s/free_hugepages",
                        size);
}

/* " (node 0: 12 of 64 free, node 1: ...)" where there is more than one node. */
static void pages_by_node(const struct report *report, const char *size, char *text,
                          size_t text_bytes)
{
    struct sysfs_name *nodes;
    size_t count = sysfs_list(report->machine, "/sys/devices/system/node", "node", &nodes);
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; count > 1 && i < count && len < text_bytes; i++) {
        struct pages pages;

        if (!sysfs_number(report->machine, &pages.reserved,
                          "/sys/devices/system/node/%s/hugepages/%s/nr_hugepages", nodes[i].text,
                          size) ||
            !sysfs_number(report->machine, &pages.free,
                          "/sys/devices/system/node/%s/hugepages/%s/free_hugepages", nodes[i].text,
                          size))
            continue;
        len += (size_t)snprintf(text + len, text_bytes - len, "%s%s: %" PRId64 " of %" PRId64,
                                len == 0 ? " (" : ", ", nodes[i].text, pages.free, pages.reserved);
    }
    if (len > 0 && len < text_bytes)
        snprintf(text + len, text_bytes - len, ")");
    free(nodes);
}

static void hugepages_2m(struct report *report)
{
    uint64_t files = report->root_bytes > 0 ? report->root_bytes : FILES_UNKNOWN;
    int64_t wanted = (int64_t)((files + BESIDE_FILES + PAGE_2M - 1) / PAGE_2M);
    struct pages pages;
    char by_node[256];

    if (!pages_read(report, HUGEPAGES_2M, &pages)) {
        report_row(report, VERDICT_MISSING, "2 MiB hugepages", "this kernel has none");
        report_mend(report, "boot a kernel with CONFIG_HUGETLBFS=y");
        return;
    }
    pages_by_node(report, HUGEPAGES_2M, by_node, sizeof(by_node));
    bool enough = report->root_bytes > 0 ? pages.free >= wanted : pages.free > 0;
    enum verdict verdict = pages.free == 0 ? VERDICT_MISSING : enough ? VERDICT_OK : VERDICT_WARN;
    report_row(report, verdict, "2 MiB hugepages", "%" PRId64 " of %" PRId64 " free%s", pages.free,
               pages.reserved, by_node);
    if (verdict != VERDICT_OK)
        report_mend(report,
                    "echo %" PRId64 " > /sys/kernel/mm/hugepages/" HUGEPAGES_2M "/nr_hugepages",
                    pages.reserved - pages.free + wanted);
}

static void hugepages_1g(struct report *report)
{
    struct pages pages;
    char by_node[256];

    if (!pages_read(report, HUGEPAGES_1G, &pages)) {
        report_row(report, VERDICT_OK, "1 GiB hugepages",
                   "this CPU or kernel has none; 2 MiB pages "
                   "are used");
        return;
    }
    pages_by_node(report, HUGEPAGES_1G, by_node, sizeof(by_node));
    report_row(report, VERDICT_OK, "1 GiB hugepages", "%" PRId64 " of %" PRId64 " free%s%s",
               pages.free, pages.reserved, by_node,
               pages.free == 0 ? "; 2 MiB pages are used" : "");
}

void doctor_hugepages(struct report *report)
{
    hugepages_2m(report);
    hugepages_1g(report);
}

void doctor_memlock(struct report *report)
{
    struct rlimit limit;
    char text[VALUE_TEXT_BYTES];

    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return;
    if (limit.rlim_cur == RLIM_INFINITY || geteuid() == 0) {
        report_row(report, VERDICT_OK, "locked memory", "%s",
                   geteuid() == 0 ? "root has no limit" : "no limit");
        return;
    }
    report_row(report, VERDICT_WARN, "locked memory", "at most %s",
               value_size_text(limit.rlim_cur, text));
    report_mend(report, "run as root, or: ulimit -l unlimited");
}

void doctor_cores(struct report *report)
{
    char online[256] = "?", isolated[256] = "";

    sysfs_line(report->machine, online, sizeof(online), "/sys/devices/system/cpu/online");
    sysfs_line(report->machine, isolated, sizeof(isolated), "/sys/devices/system/cpu/isolated");
    if (strcmp(online, "0") == 0)
        report_row(report, VERDICT_WARN, "cores", "one: the worker shares it with everything else");
    else
        report_row(report, VERDICT_OK, "cores", "%s online, %s isolated", online,
                   isolated[0] != '\0' ? isolated : "none");
}
