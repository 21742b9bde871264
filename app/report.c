/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "app/log.h"
#include "app/sites.h"
#include "app/values.h"
#include "base/counters.h"
#include "mempool/log.h"

static void print_url(const struct config *config, const struct config_port *on)
{
    const struct ip_addr *ip = &on->address[0].ip;
    uint32_t port = config->sites != NULL ? config->sites->ports[0] : config->port;
    char address[IP_ADDR_TEXT_BYTES];

    printf(ip_addr_is_v4(ip) ? "http://%s" : "http://[%s]", ip_addr_format(ip, address));
    if (port != 80)
        printf(":%u", port);
    printf("/");
}

static void print_urls(const struct ports *ports)
{
    for (unsigned i = 0; i < ports->count; i++) {
        printf("%s", i > 0 ? " " : "");
        print_url(ports->config, ports->at[i].config);
    }
}

/* "tap:hw0 by net_tap, offloads none; " of each */
static void print_ports(const struct ports *ports)
{
    char offloads[PORT_OFFLOADS_BYTES];

    for (unsigned i = 0; i < ports->count; i++) {
        const struct server_port *p = &ports->at[i];

        printf("%s by %s, ", p->config->device, p->port.info.driver_name);
        if (p->config->vlan != 0)
            printf("VLAN %u, ", p->config->vlan);
        printf("offloads %s; ", port_offloads_text(&p->port.caps, offloads));
    }
}

static void print_cores(const struct report_ready *ready)
{
    char cores[1024];

    if (!value_cpu_list_text(ready->cpus, ready->worker_count, cores, sizeof(cores)))
        cores[0] = '\0';
    printf("%u worker%s on core%s %s", ready->worker_count, ready->worker_count == 1 ? "" : "s",
           ready->worker_count == 1 ? "" : "s", cores);
}

/* Not all files fit: how many do, and what the others have. */
static void report_streamed(const struct pool_report *pool)
{
    char streamed[POOL_SIZE_TEXT_BYTES], cache[POOL_SIZE_TEXT_BYTES],
        resident[POOL_SIZE_TEXT_BYTES];

    if (pool->streamed == 0)
        return;
    log_line(
        CONFIG_LOG_INFO,
        "%" PRIu32 " files (%s) lie in the pool, %" PRIu32 " (%s) are streamed through %s of it",
        pool->files - pool->streamed,
        pool_size_text(pool->file_bytes - pool->streamed_bytes, resident), pool->streamed,
        pool_size_text(pool->streamed_bytes, streamed), pool_size_text(pool->stream_bytes, cache));
}

void report_ready(const struct report_ready *ready)
{
    struct pool_report pool;
    char files[POOL_SIZE_TEXT_BYTES], pinned[POOL_SIZE_TEXT_BYTES], page[POOL_SIZE_TEXT_BYTES];
    char node[16] = "any";

    pool_report(ready->pool, &pool);
    if (pool.node >= 0)
        snprintf(node, sizeof(node), "%d", pool.node);
    printf("hugewire: serving ");
    print_urls(ready->ports);
    printf(": %" PRIu32 " files, %s, in %s pinned in pages of %s on NUMA node %s; ", pool.files,
           pool_size_text(pool.file_bytes, files), pool_size_text(pool.arena_bytes, pinned),
           pool_size_text(pool.page_bytes, page), node);
    print_ports(ready->ports);
    print_cores(ready);
    printf("\n");
    fflush(stdout);
    report_streamed(&pool);
    log_line(CONFIG_LOG_DEBUG,
             "the kernel counts %" PRIu64 " KiB locked, %" PRIu64 " KiB pinned, %" PRIu64
             " KiB of hugepages",
             pool.vm_locked >> 10, pool.vm_pinned >> 10, pool.vm_hugetlb >> 10);
}

void report_counters(struct worker *const *workers, unsigned count, const struct counters *more)
{
    struct counters sum = { 0 };
    const uint64_t *words = (const uint64_t *)&sum;

    for (unsigned i = 0; i < count; i++)
        worker_counters_sum(workers[i], &sum);
    if (more != NULL)
        counters_sum(&sum, more);
    for (unsigned i = 0; i < counter_count; i++)
        printf("%s %" PRIu64 "\n", counter_infos[i].name, words[i]);
    fflush(stdout);
}
