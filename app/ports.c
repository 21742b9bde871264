/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/ports.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "app/eal.h"
#include "app/log.h"
#include "app/templates.h"
#include "base/tx_slot.h"

/* For the links of all ports together. */
#define LINK_WAIT_MS 3000

/* Memory is reserved before the drivers can be asked for their ring sizes. */
#define DESC_GUESS       1024

#define FAIL(error, ...) (snprintf((error), PORTS_ERROR_BYTES, __VA_ARGS__), false)

#define FOR_EACH_PORT(ports, p)                                                                    \
    for (struct server_port *p = (ports)->at; p < (ports)->at + (ports)->count; p++)
#define FOR_EACH_PORT_CONST(ports, p)                                                              \
    for (const struct server_port *p = (ports)->at; p < (ports)->at + (ports)->count; p++)

/* --- before DPDK starts ------------------------------------------------------------------------
 */

/* One device under two names ("pci:03:00.0", "pci:0000:03:00.0"), or a vdev that has a name of
 * ours. */
static bool names_differ(const struct ports *ports, char error[PORTS_ERROR_BYTES])
{
    char name[DEVICE_NAME_BYTES], other[DEVICE_NAME_BYTES];

    FOR_EACH_PORT_CONST (ports, p)
        FOR_EACH_PORT_CONST (ports, q)
            if (p < q && strcmp(device_dpdk_name(&p->device, name),
                                device_dpdk_name(&q->device, other)) == 0)
                return FAIL(error, "%s and %s are the same to DPDK (%s): give each port its own",
                            p->config->device, q->config->device, name);
    return true;
}

bool ports_prepare(struct ports *ports, const struct config *config, unsigned workers,
                   char error[PORTS_ERROR_BYTES])
{
    ports->config = config;
    ports->count = config->port_count;
    ports->workers = workers;
    for (unsigned i = 0; i < ports->count; i++) {
        struct server_port *p = &ports->at[i];

        p->config = &config->ports[i];
        p->device.number = i;
        p->device.mtu = (uint16_t)p->config->mtu;
        template_stack(config, p->config, &p->stack);
        p->stack.shared = workers > 1;
        if (!device_parse(&p->device, p->config->device, error) ||
            !device_check(&p->device, &device_host, error))
            return false;
    }
    return names_differ(ports, error);
}

bool ports_dma(const struct ports *ports)
{
    FOR_EACH_PORT_CONST (ports, p)
        if (device_is_pci(&p->device))
            return true;
    return false;
}

unsigned ports_kinds(const struct ports *ports)
{
    unsigned kinds = 0;

    FOR_EACH_PORT_CONST (ports, p)
        kinds |= DEVICE_BIT(p->device.kind);
    return kinds;
}

bool ports_confined(const struct ports *ports, char error[PORTS_ERROR_BYTES])
{
    FOR_EACH_PORT_CONST (ports, p) {
        if (device_confined(&p->device, &device_host))
            continue;
        if (!ports->config->unsafe_no_iommu)
            return FAIL(
                error,
                "no IOMMU confines the DMA of %s: enable VT-d or AMD-Vi in the firmware and "
                "boot with intel_iommu=on iommu=pt; --unsafe-no-iommu goes without",
                p->device.name);
        log_line(CONFIG_LOG_WARNING,
                 "no IOMMU confines the DMA of %s: a mistake can write to any memory",
                 p->device.name);
    }
    return true;
}

static struct io_pools_config pools_config(const struct ports *ports, const struct server_port *p,
                                           unsigned worker)
{
    const struct port_caps *caps = &p->port.caps;

    return (struct io_pools_config){
        .port = p->device.number,
        .worker = worker,
        .node = caps->numa_node,
        .mtu = (uint16_t)p->config->mtu,
        .frame_bytes = (uint16_t)device_frame_bytes(&p->device),
        .rx_desc = caps->rx_desc != 0 ? caps->rx_desc : DESC_GUESS,
        .tx_desc = caps->tx_desc != 0 ? caps->tx_desc : DESC_GUESS,
        .extents_max = caps->tx_extents_max != 0 ? caps->tx_extents_max : TX_EXTENTS_MAX,
        .page_split = device_is_pci(&p->device),
        .strays = ports->workers > 1,
    };
}

uint64_t ports_memory_bytes(const struct ports *ports, const struct http_config *http)
{
    uint64_t worker = 0;

    FOR_EACH_PORT_CONST (ports, p) {
        struct io_pools_config pools = pools_config(ports, p, 0);

        worker +=
            io_pools_bytes(&pools) + stack_memory_bytes(&p->stack) + http_server_memory_bytes(http);
    }
    return ports->workers * (worker + worker / 8 /* malloc's own */);
}

void ports_devices(const struct ports *ports, const struct device **devices)
{
    FOR_EACH_PORT_CONST (ports, p)
        *devices++ = &p->device;
}

/* --- bring-up, in order ------------------------------------------------------------------------
 */

static void take_caps(struct server_port *p)
{
    const struct port_caps *caps = &p->port.caps;

    p->stack.mac = p->port.mac;
    p->stack.tx_ip_checksum = caps->tx_ip_checksum;
    p->stack.tx_tcp_checksum = caps->tx_tcp_checksum;
    p->stack.tx_tso_bytes_max = caps->tx_tso_bytes_max;
    p->stack.tx_tso_mss_min = caps->tx_tso_mss_min;
    p->stack.tx_extents_max = caps->tx_extents_max;
}

static void warn_of_nodes(const struct ports *ports)
{
    FOR_EACH_PORT_CONST (ports, p) {
        int node = p->port.caps.numa_node;

        if (node >= 0 && ports_node(ports) >= 0 && node != ports_node(ports))
            log_line(CONFIG_LOG_WARNING,
                     "%s is on NUMA node %d, and the pool on node %d, the first port's: it reads "
                     "files across nodes",
                     p->config->device, node, ports_node(ports));
    }
}

bool ports_probe(struct ports *ports, char error[PORTS_ERROR_BYTES])
{
    struct port_request request = {
        .queues = (uint16_t)ports->workers,
        .rx_interrupts = ports->config->idle_wait == CONFIG_IDLE_AUTO,
        .iova_pa = rte_eal_iova_mode() == RTE_IOVA_PA,
        .extents_max = TX_EXTENTS_MAX,
    };

    FOR_EACH_PORT (ports, p) {
        if (p->device.kind != DEVICE_TAP && rte_eth_dev_count_avail() == 0)
            return FAIL(error, "DPDK did not make a port of %s: %s", p->config->device,
                        eal_first_error()[0] != '\0' ? eal_first_error() : "no driver takes it");
        request.mtu = (uint16_t)p->config->mtu;
        if (!port_probe(&p->port, &p->device, &request, &p->config->address[0].ip, error))
            return false;
        take_caps(p);
    }
    warn_of_nodes(ports);
    return true;
}

int ports_node(const struct ports *ports)
{
    return ports->at[0].port.caps.numa_node;
}

bool ports_want_sums(const struct ports *ports)
{
    FOR_EACH_PORT_CONST (ports, p)
        if (!p->port.caps.tx_tcp_checksum)
            return true;
    return false;
}

bool ports_map_pool(const struct ports *ports, struct pool *pool, char *error, size_t error_bytes)
{
    FOR_EACH_PORT_CONST (ports, p) {
        switch (pool_dma_map(pool, p->port.info.device, error, error_bytes)) {
        case DMA_MAPPED:
            break;
        case DMA_NOT_NEEDED:
            log_line(CONFIG_LOG_DEBUG, "driver %s needs no DMA mapping of the pool",
                     p->port.info.driver_name);
            break;
        case DMA_FAILED:
            return false;
        }
    }
    return true;
}

void ports_destroy_pools(struct ports *ports)
{
    FOR_EACH_PORT (ports, p)
        for (unsigned i = 0; i < ports->workers; i++)
            io_pools_destroy(&p->pools[i]);
}

bool ports_create_pools(struct ports *ports, char error[PORTS_ERROR_BYTES])
{
    FOR_EACH_PORT (ports, p) {
        for (unsigned i = 0; i < ports->workers; i++) {
            struct io_pools_config config = pools_config(ports, p, i);

            if (io_pools_create(&p->pools[i], &config))
                continue;
            ports_destroy_pools(ports);
            return FAIL(error,
                        "no memory for the packet buffers of worker %u and %s (%zu MiB): reserve "
                        "more hugepages",
                        i, p->config->device, io_pools_bytes(&config) >> 20);
        }
    }
    return true;
}

/* Which queue gets which flow, if that is told. */
static void know_spreading(struct server_port *p)
{
    if (p->port.tap.queues > 1) {
        rss_of_tap(&p->rss, p->port.tap.queues);
        p->rss_known = true;
    } else {
        p->rss_known = p->port.caps.rss && rss_read(&p->rss, p->port.id);
    }
}

bool ports_start(struct ports *ports, char error[PORTS_ERROR_BYTES])
{
    struct rte_mempool *rx[CONFIG_CORES_MAX];
    unsigned wait_ms = LINK_WAIT_MS;

    FOR_EACH_PORT (ports, p) {
        for (unsigned i = 0; i < ports->workers; i++)
            rx[i] = p->pools[i].rx;
        if (!port_start(&p->port, rx, error)) {
            ports_close(ports);
            return false;
        }
        know_spreading(p);
    }
    FOR_EACH_PORT (ports, p)
        if (!port_wait_link(&p->port, &wait_ms))
            log_line(CONFIG_LOG_WARNING, "%s has no link yet: serving goes on when it comes",
                     p->config->device);
    return true;
}

void ports_close(struct ports *ports)
{
    FOR_EACH_PORT (ports, p)
        port_close(&p->port);
}

struct lane_config ports_lane(const struct ports *ports, unsigned port, unsigned worker)
{
    const struct server_port *p = &ports->at[port];

    return (struct lane_config){ .port = &p->port,
                                 .pools = &p->pools[worker],
                                 .rss = p->rss_known ? &p->rss : NULL,
                                 .stack = p->stack };
}

/* --- while they run ----------------------------------------------------------------------------
 */

void ports_watch_links(struct ports *ports)
{
    char text[PORT_LINK_BYTES];

    FOR_EACH_PORT (ports, p) {
        enum port_link change = p->gone ? PORT_LINK_SAME : port_link_change(&p->port);

        if (change != PORT_LINK_SAME)
            log_line(change == PORT_LINK_UP ? CONFIG_LOG_INFO : CONFIG_LOG_WARNING, "%s%slink %s",
                     ports->count > 1 ? p->config->device : "", ports->count > 1 ? ": " : "",
                     port_link_text(&p->port, text));
    }
}

static int removal_signal;

/* On a thread of EAL's. The main thread does the rest. */
static void device_removed(void *ctx)
{
    struct server_port *p = ctx;

    __atomic_store_n(&p->removed, true, __ATOMIC_RELEASE);
    kill(getpid(), removal_signal);
}

void ports_watch_removal(struct ports *ports, int signo)
{
    removal_signal = signo;
    FOR_EACH_PORT (ports, p)
        if (device_is_pci(&p->device) && !port_watch_removal(&p->port, device_removed, p))
            log_line(CONFIG_LOG_DEBUG, "the bus does not tell when %s is taken away",
                     p->config->device);
}

#ifdef HW_DEBUG
void ports_pretend_removal(struct ports *ports, unsigned port)
{
    device_removed(&ports->at[port]);
}
#endif

int ports_removed(const struct ports *ports)
{
    FOR_EACH_PORT_CONST (ports, p)
        if (__atomic_load_n(&p->removed, __ATOMIC_ACQUIRE) && !p->gone)
            return (int)(p - ports->at);
    return -1;
}

unsigned ports_left(const struct ports *ports)
{
    unsigned left = 0;

    FOR_EACH_PORT_CONST (ports, p)
        left += !p->gone;
    return left;
}

/* The workers let go first: from then on this thread alone touches the port's mbufs. */
void ports_drop(struct ports *ports, unsigned port, struct worker *const *workers,
                struct pool *pool)
{
    const struct worker_message message = { .kind = WORKER_PORT_GONE, .port = (uint16_t)port };
    struct server_port *p = &ports->at[port];

    for (unsigned i = 0; i < ports->workers; i++)
        while (!worker_post(workers[i], &message))
            rte_delay_us_sleep(100);
    for (unsigned i = 0; i < ports->workers; i++)
        while (!worker_port_ended(workers[i], port))
            rte_delay_us_sleep(100);
    for (unsigned i = 0; i < ports->workers; i++)
        worker_release_mbufs(workers[i], port);
    pool_dma_forget(pool, p->port.info.device);
    port_detach(&p->port);
    p->gone = true;
}
