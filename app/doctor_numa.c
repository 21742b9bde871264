/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor: NUMA nodes, how far they are from each other, and what of a NIC's work lies on which. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/doctor_report.h"
#include "app/sysfs.h"

#define NODES      "/sys/devices/system/node"
#define NODES_MAX  64
#define LOCAL      10 /* the firmware's distance of a node from itself (ACPI, SLIT) */
#define TEXT_BYTES 256

struct node {
    int64_t number;
    char cpus[TEXT_BYTES]; /* its cores */
    int64_t pages_free;    /* hugepages, of any size */
};

static unsigned nodes_read(const struct report *report, struct node nodes[NODES_MAX])
{
    static const char *const sizes[] = { "hugepages-2048kB", "hugepages-1048576kB" };
    struct sysfs_name *names;
    size_t count = sysfs_list(report->machine, NODES, "node", &names);
    unsigned n = 0;

    for (size_t i = 0; i < count && n < NODES_MAX; i++) {
        struct node *node = &nodes[n];

        *node = (struct node){ .number = -1 };
        if (sscanf(names[i].text, "node%" SCNd64, &node->number) != 1)
            continue;
        sysfs_line(report->machine, node->cpus, sizeof(node->cpus), NODES "/%s/cpulist",
                   names[i].text);
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            int64_t pages = 0;
            if (sysfs_number(report->machine, &pages, NODES "/%s/hugepages/%s/free_hugepages",
                             names[i].text, sizes[s]))
                node->pages_free += pages;
        }
        n++;
    }
    free(names);
    return n;
}

/* Place at of node number's row of distances; LOCAL if the kernel does not tell. */
static long distance(const struct report *report, int64_t number, unsigned at)
{
    char line[TEXT_BYTES];

    if (!sysfs_line(report->machine, line, sizeof(line), NODES "/node%" PRId64 "/distance", number))
        return LOCAL;
    char *word = line, *end;
    long value = LOCAL;
    for (unsigned i = 0; i <= at; i++, word = end) {
        value = strtol(word, &end, 10);
        if (end == word)
            return LOCAL;
    }
    return value;
}

/* A NIC on this node wants its packets, files and workers there. */
static void nic_on(struct report *report, const char *nic, const struct node nodes[],
                   unsigned count, int64_t number)
{
    unsigned at = 0, near = count;

    while (at < count && nodes[at].number != number)
        at++;
    if (at == count)
        return;
    const struct node *node = &nodes[at];
    for (unsigned i = 0; i < count; i++)
        if (i != at && nodes[i].pages_free > 0 &&
            (near == count || distance(report, number, i) < distance(report, number, near)))
            near = i;
    if (node->cpus[0] == '\0')
        report_row(report, VERDICT_WARN, "NUMA", "%s is on node %" PRId64 ", which has no cores",
                   nic, number);
    if (node->pages_free > 0) {
        report_row(report, VERDICT_OK, "NUMA",
                   "%s is on node %" PRId64 ": %" PRId64 " hugepages free there; --cores %s", nic,
                   number, node->pages_free, node->cpus[0] != '\0' ? node->cpus : "-");
        return;
    }
    if (near < count)
        report_row(report, VERDICT_WARN, "NUMA",
                   "%s is on node %" PRId64 ", free hugepages on node %" PRId64
                   ", at distance %ld (%d is its own)",
                   nic, number, nodes[near].number, distance(report, number, near), LOCAL);
    else
        report_row(report, VERDICT_WARN, "NUMA", "%s is on node %" PRId64 ", without hugepages",
                   nic, number);
    report_mend(report, "drivers_cfg/hugepages.sh --node %" PRId64 " SIZE; serve --cores %s",
                number, node->cpus[0] != '\0' ? node->cpus : "-");
}

/* Network controllers, by their class. */
static void nics(struct report *report, const struct node nodes[], unsigned count)
{
    struct sysfs_name *names;
    size_t found = sysfs_list(report->machine, "/sys/bus/pci/devices", "", &names);

    for (size_t i = 0; i < found; i++) {
        int64_t class = 0, number = -1;

        if (sysfs_number(report->machine, &class, "/sys/bus/pci/devices/%s/class", names[i].text) &&
            class >> 16 == 0x02 &&
            sysfs_number(report->machine, &number, "/sys/bus/pci/devices/%s/numa_node",
                         names[i].text) &&
            number >= 0)
            nic_on(report, names[i].text, nodes, count, number);
    }
    free(names);
}

void doctor_numa(struct report *report)
{
    struct node nodes[NODES_MAX];
    unsigned count = nodes_read(report, nodes);

    if (count <= 1) {
        report_row(report, VERDICT_OK, "NUMA", "one node");
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        char line[TEXT_BYTES] = "?";

        sysfs_line(report->machine, line, sizeof(line), NODES "/node%" PRId64 "/distance",
                   nodes[i].number);
        report_row(report, VERDICT_OK, "NUMA",
                   "node %" PRId64 ": cores %s, distances %s, %" PRId64 " hugepages free",
                   nodes[i].number, nodes[i].cpus[0] != '\0' ? nodes[i].cpus : "none", line,
                   nodes[i].pages_free);
    }
    nics(report, nodes, count);
}
