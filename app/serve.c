/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "app/access_log.h"
#include "app/clock.h"
#include "app/eal.h"
#include "app/follow.h"
#include "app/host.h"
#include "app/log.h"
#include "app/port_stats.h"
#include "app/protect.h"
#include "app/report.h"
#include "app/site_files.h"
#include "app/sites.h"
#include "app/stream_thread.h"
#include "app/telemetry.h"
#include "app/templates.h"
#include "app/worker.h"
#include "base/assert.h"
#include "drivers_cfg/rss.h"
#include "io/pools.h"
#include "mempool/pool.h"
#include "tcp/cc.h"

#define MIB          (UINT64_C(1) << 20)

#define LINK_WAIT_MS 3000

/* Memory is reserved before the driver can be asked for its ring sizes. */
#define DESC_GUESS 1024

/* What EAL, its bus and one port's driver allocate for themselves (8 MiB were seen with net_tap).
 */
#define EAL_OVERHEAD_BYTES (16 * MIB)

/* After an abort: time for the RSTs to leave. */
#define ABORT_NS      (500 * NS_PER_MS)
#define LINK_WATCH_NS NS_PER_S
#define POLL_NS       (20 * NS_PER_MS)

struct serve {
    const struct config *config;
    struct device device;
    unsigned worker_count;
    uint16_t cpus[CONFIG_CORES_MAX];
    bool hugepages;
    struct stack_config stack; /* templates: what all workers have in common */
    struct http_config http;
    struct sites *sites; /* NULL: none configured */

    struct clock clock;
    struct port port;
    struct rss rss; /* which flows come to which worker, if the port tells */
    struct pool *pool;
    struct follow follow;
    struct access_log *access_log; /* NULL: none */
    struct stream_thread *streams; /* NULL: every file lies in the pool */
    struct io_pools pools[CONFIG_CORES_MAX];
    struct worker *workers[CONFIG_CORES_MAX];
    struct protect protect;
    sigset_t signals;
    bool removed; /* the device, by someone else */
    char error[HOST_ERROR_BYTES + PATH_MAX];
};

static_assert(sizeof(((struct serve *)NULL)->error) >= ACCESS_LOG_ERROR_BYTES,
              "room for any message");
static_assert(sizeof(((struct serve *)NULL)->error) >= DEVICE_ERROR_BYTES, "room for any message");
static_assert(sizeof(((struct serve *)NULL)->error) >= EAL_ERROR_BYTES, "room for any message");
static_assert(sizeof(((struct serve *)NULL)->error) >= POOL_ERROR_BYTES, "room for any message");
static_assert(sizeof(((struct serve *)NULL)->error) >= PROTECT_ERROR_BYTES, "room for any message");

#define FAIL(s, ...) (snprintf((s)->error, sizeof((s)->error), __VA_ARGS__), false)

/* --- what is asked for -------------------------------------------------------------------------
 */

static bool make_sites(struct serve *s)
{
    const struct config_sites *c = s->config->sites;

    if (c == NULL)
        return true;
    s->sites = sites_create(c->http, c->names, c->name_count, &memory_heap);
    s->http.sites = s->sites;
    return s->sites != NULL || FAIL(s, "no memory for the table of sites");
}

static struct io_pools_config pools_config(const struct serve *s, unsigned worker)
{
    const struct port_caps *caps = &s->port.caps;

    return (struct io_pools_config){
        .worker = worker,
        .node = caps->numa_node,
        .mtu = (uint16_t)s->config->mtu,
        .rx_desc = caps->rx_desc != 0 ? caps->rx_desc : DESC_GUESS,
        .tx_desc = caps->tx_desc != 0 ? caps->tx_desc : DESC_GUESS,
        .extents_max = caps->tx_extents_max != 0 ? caps->tx_extents_max : TX_EXTENTS_MAX,
        .page_split = device_is_pci(&s->device),
        .strays = s->worker_count > 1,
    };
}

static struct access_log_config access_log_config(const struct serve *s)
{
    return (struct access_log_config){
        .path = s->config->access_path,
        .format = s->config->access_format,
        .rings = s->worker_count,
        .records = s->config->access_ring,
    };
}

/* Hugepage memory besides the pool. */
static uint64_t memory_bytes(const struct serve *s)
{
    struct io_pools_config pools = pools_config(s, 0);
    struct access_log_config log = access_log_config(s);
    uint64_t log_bytes = s->http.log != NULL ? access_log_bytes(&log) : 0;
    uint64_t worker =
        io_pools_bytes(&pools) + stack_memory_bytes(&s->stack) + http_server_memory_bytes(&s->http);

    return EAL_OVERHEAD_BYTES + log_bytes +
           s->worker_count * (worker + worker / 8 /* malloc's own */);
}

/* What a device that does DMA needs, and what the machine needs against it. */
static bool prepare_dma(struct serve *s)
{
    if (!device_is_pci(&s->device))
        return true;
    if (!host_memlock(memory_bytes(s) + s->config->pool_bytes, s->error))
        return false;
    if (device_confined(&s->device, &device_host))
        return true;
    if (!s->config->unsafe_no_iommu)
        return FAIL(s,
                    "no IOMMU confines the DMA of %s: enable VT-d or AMD-Vi in the firmware and "
                    "boot with intel_iommu=on iommu=pt; --unsafe-no-iommu goes without",
                    s->device.name);
    log_line(CONFIG_LOG_WARNING,
             "no IOMMU confines the DMA of %s: a mistake can write to any memory", s->device.name);
    return true;
}

/* Everything that can be found wrong before DPDK starts. */
static bool prepare(struct serve *s)
{
    const struct config *config = s->config;

    templates_make(config, &s->stack, &s->http);
    if (!make_sites(s))
        return false;
    if (!host_root(config->root, s->error) || !device_parse(&s->device, config->device, s->error) ||
        !host_worker_cpus(config, s->cpus, &s->worker_count, s->error) ||
        !device_check(&s->device, &device_host, s->error) || !prepare_dma(s))
        return false;
    s->http.leases = stream_thread_leases_guess(s->config, s->worker_count);
    s->hugepages = host_hugepages(memory_bytes(s), s->error);
    if (s->hugepages)
        return true;
    if (!config->allow_small_pages)
        return false;
    if (device_is_pci(&s->device))
        return FAIL(s, "a PCI device needs hugepages: --allow-small-pages is for others");
    log_line(CONFIG_LOG_WARNING, "packets and connections are in small pages, which are slower");
    return true;
}

/* Before any thread is started, so that all inherit it: signals come to the main thread's wait. */
static void take_signals(struct serve *s)
{
    sigemptyset(&s->signals);
    sigaddset(&s->signals, SIGINT);
    sigaddset(&s->signals, SIGTERM);
    sigaddset(&s->signals, SIGHUP);
    sigaddset(&s->signals, SIGUSR1);
    sigaddset(&s->signals, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &s->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* --- bring-up, in order ------------------------------------------------------------------------
 */

static bool start_eal(struct serve *s)
{
    struct eal_config eal = {
        .device = &s->device,
        .cpus = s->cpus,
        .workers = s->worker_count,
        .memory_bytes = memory_bytes(s),
        .hugepages = s->hugepages,
        .verbose = s->config->log_level == CONFIG_LOG_DEBUG,
    };

    if (!eal_start(&eal, s->error))
        return false;
    s->clock = clock_start();
    protect_runtime(&s->protect, eal_socket(), eal_directory());
    if (!telemetry_register() || !port_stats_register())
        log_line(CONFIG_LOG_WARNING, "telemetry is not available");
    return true;
}

static bool probe_port(struct serve *s)
{
    struct port_request request = {
        .queues = (uint16_t)s->worker_count,
        .mtu = (uint16_t)s->config->mtu,
        .rx_interrupts = s->config->idle_wait == CONFIG_IDLE_AUTO,
        .iova_pa = rte_eal_iova_mode() == RTE_IOVA_PA,
        .extents_max = TX_EXTENTS_MAX,
    };

    if (s->device.kind != DEVICE_TAP && rte_eth_dev_count_avail() == 0)
        return FAIL(s, "DPDK did not make a port of %s: %s", s->config->device,
                    eal_first_error()[0] != '\0' ? eal_first_error() : "no driver takes it");
    return port_probe(&s->port, &s->device, &request, &s->config->address[0].ip, s->error);
}

static void pool_line(void *ctx, enum pool_log_level level, const char *line)
{
    static const enum config_log_level levels[] = {
        [POOL_LOG_WARNING] = CONFIG_LOG_WARNING,
        [POOL_LOG_INFO] = CONFIG_LOG_INFO,
        [POOL_LOG_DEBUG] = CONFIG_LOG_DEBUG,
        [POOL_LOG_ERROR] = CONFIG_LOG_ERROR,
    };

    log_line(levels[level], "%s", line);
}

static bool load_pool(struct serve *s)
{
    struct pool_config config = {
        .root = s->config->root,
        .bytes = s->config->pool_bytes,
        .stream_bytes = s->config->stream_cache_bytes,
        .pinned = s->config->pinned,
        .persist = s->config->persist[0] != '\0' ? s->config->persist : NULL,
        .node = s->port.caps.numa_node,
        .nodes = s->config->nodes,
        .node_count = s->config->node_count,
        .keep_bytes = memory_bytes(s),
        .allow_small_pages = s->config->allow_small_pages,
        .files = s->config->pool_files,
        .follow = true,
        .rescan_ns = s->config->rescan_ns,
        .media_types = s->config->media_types,
        .log = pool_line,
    };

    site_files_configure(s->config, &config);
    s->pool = pool_create(&config, s->error, sizeof(s->error));
    return s->pool != NULL && site_files_check(s->config, s->pool, s->error, sizeof(s->error));
}

/* Before the pool is sealed. */
static bool create_streams(struct serve *s)
{
    s->http.leases = 0;
    if (!stream_thread_open(&s->streams, s->pool, s->worker_count, !s->port.caps.tx_tcp_checksum,
                            pool_line, &s->http, s->error, sizeof(s->error)))
        return false;
    telemetry_set_streamer(s->streams != NULL ? stream_thread_counters(s->streams) : NULL);
    return true;
}

static bool map_pool(struct serve *s)
{
    switch (pool_dma_map(s->pool, s->port.info.device, s->error, sizeof(s->error))) {
    case DMA_MAPPED:
        break;
    case DMA_NOT_NEEDED:
        log_line(CONFIG_LOG_DEBUG, "driver %s needs no DMA mapping of the pool",
                 s->port.info.driver_name);
        break;
    case DMA_FAILED:
        return false;
    }
    return pool_seal(s->pool, s->error, sizeof(s->error)) == 0;
}

static void destroy_pools(struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        io_pools_destroy(&s->pools[i]);
}

static bool create_pools(struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++) {
        struct io_pools_config config = pools_config(s, i);
        if (io_pools_create(&s->pools[i], &config))
            continue;
        destroy_pools(s);
        return FAIL(s,
                    "no memory for the packet buffers of worker %u (%zu MiB): reserve more "
                    "hugepages",
                    i, io_pools_bytes(&config) >> 20);
    }
    return true;
}

static bool start_port(struct serve *s)
{
    struct rte_mempool *rx[CONFIG_CORES_MAX];
    bool link_up;

    for (unsigned i = 0; i < s->worker_count; i++)
        rx[i] = s->pools[i].rx;
    if (!port_start(&s->port, rx, LINK_WAIT_MS, &link_up, s->error))
        return false;
    if (!link_up)
        log_line(CONFIG_LOG_WARNING, "%s has no link yet: serving goes on when it comes",
                 s->config->device);
    return true;
}

/* The core's tables in hugepage memory of the device's node; ctx is the node + 1. */
static void *dpdk_alloc(void *ctx, size_t bytes, size_t align)
{
    int node = (int)(intptr_t)ctx - 1;
    return rte_zmalloc_socket("hugewire", bytes, (unsigned)align, node < 0 ? SOCKET_ID_ANY : node);
}

static void dpdk_release(void *ctx, void *block)
{
    rte_free(block);
}

static struct memory worker_memory(const struct serve *s)
{
    if (!s->hugepages)
        return memory_heap;
    return (struct memory){ .alloc = dpdk_alloc,
                            .release = dpdk_release,
                            .ctx = (void *)(intptr_t)(s->port.caps.numa_node + 1) };
}

static bool open_access_log(struct serve *s)
{
    struct access_log_config config = access_log_config(s);

    if (s->http.log == NULL)
        return true;
    s->access_log = access_log_create(&config, s->error);
    telemetry_set_access_log(s->access_log);
    return s->access_log != NULL;
}

static void close_access_log(struct serve *s)
{
    telemetry_set_access_log(NULL);
    access_log_destroy(s->access_log);
}

static void destroy_workers(struct serve *s)
{
    telemetry_set_workers(NULL, 0);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_destroy(s->workers[i]);
}

static void wake_worker(void *serve, unsigned worker)
{
    worker_wake(((struct serve *)serve)->workers[worker]);
}

static bool create_workers(struct serve *s)
{
    const struct port_caps *caps = &s->port.caps;
    struct worker_config config = {
        .clock = s->clock,
        .port = &s->port,
        .arena = pool_arena(s->pool),
        .stack = s->stack,
        .http = s->http,
        .idle_wait = s->config->idle_wait,
        .idle_spin_ns = s->config->idle_spin_ns,
        .idle_sleep_ns = s->config->idle_sleep_ns,
        .shared = s->worker_count > 1,
        .sandbox = s->config->sandbox,
        .device = s->device.kind,
        .memory = worker_memory(s),
    };

    if (caps->rss && rss_read(&s->rss, s->port.id))
        config.rss = &s->rss;
    config.http.catalogue = pool_catalogue(s->pool);
    config.stack.mac = s->port.mac;
    config.stack.tx_ip_checksum = caps->tx_ip_checksum;
    config.stack.tx_tcp_checksum = caps->tx_tcp_checksum;
    config.stack.tx_tso_bytes_max = caps->tx_tso_bytes_max;
    config.stack.tx_tso_mss_min = caps->tx_tso_mss_min;
    config.stack.tx_extents_max = caps->tx_extents_max;
    for (unsigned i = 0; i < s->worker_count; i++) {
        config.index = i;
        config.pools = &s->pools[i];
        if (s->access_log != NULL)
            config.access_log = access_log_ring(s->access_log, i);
        config.stream = s->streams != NULL ? stream_thread_link(s->streams, i) : NULL;
        s->workers[i] = worker_create(&config);
        if (s->workers[i] == NULL) {
            destroy_workers(s);
            return FAIL(s,
                        "no memory for the connections of worker %u (%zu MiB): lower "
                        "limits.connections or reserve more hugepages",
                        i,
                        (stack_memory_bytes(&s->stack) + http_server_memory_bytes(&s->http)) >> 20);
        }
    }
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_set_peers(s->workers[i], s->workers, s->worker_count);
    telemetry_set_workers(s->workers, s->worker_count);
    return true;
}

/* --- running -----------------------------------------------------------------------------------
 */

static void post_all(struct serve *s, enum worker_message_kind kind)
{
    struct worker_message message = { .kind = (uint16_t)kind };

    for (unsigned i = 0; i < s->worker_count; i++)
        while (!worker_post(s->workers[i], &message))
            rte_delay_us_sleep(100);
}

static void print_counters(const struct serve *s)
{
    struct counters more = { 0 };

    if (s->access_log != NULL)
        counters_sum(&more, access_log_counters(s->access_log));
    if (s->streams != NULL)
        counters_sum(&more, stream_thread_counters(s->streams));
    report_counters(s->workers, s->worker_count, &more);
}

static bool all_quiet(const struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        if (!worker_is_quiet(s->workers[i]))
            return false;
    return true;
}

/* Waits for a signal, at most ns. True: it was one that ends the server. */
static bool wait_signal(struct serve *s, uint64_t ns)
{
    struct timespec timeout = { .tv_sec = (time_t)(ns / NS_PER_S),
                                .tv_nsec = (long)(ns % NS_PER_S) };
    int signo = sigtimedwait(&s->signals, NULL, &timeout);

    if (signo == SIGHUP)
        pool_reload(s->pool, false);
    if (signo == SIGUSR1)
        print_counters(s);
    if (signo == SIGUSR2 && s->access_log != NULL)
        access_log_reopen(s->access_log);
    return signo == SIGINT || signo == SIGTERM;
}

/* Until no connection is left, until the time is up, or until a second signal. */
static void wait_quiet(struct serve *s, uint64_t ns)
{
    uint64_t end = clock_now(&s->clock) + ns;

    while (!all_quiet(s) && clock_now(&s->clock) < end)
        if (wait_signal(s, POLL_NS))
            return;
}

/* On a thread of EAL's. The main thread does the rest. */
static void device_removed(void *ctx)
{
    struct serve *s = ctx;

    __atomic_store_n(&s->removed, true, __ATOMIC_RELAXED);
    kill(getpid(), SIGTERM);
}

static void watch_link(struct serve *s)
{
    char text[PORT_LINK_BYTES];
    enum port_link change = port_link_change(&s->port);

    if (change != PORT_LINK_SAME)
        log_line(change == PORT_LINK_UP ? CONFIG_LOG_INFO : CONFIG_LOG_WARNING, "link %s",
                 port_link_text(&s->port, text));
}

static void drain(struct serve *s)
{
    if (__atomic_load_n(&s->removed, __ATOMIC_RELAXED)) {
        snprintf(s->error, sizeof(s->error), "%s was taken away: all connections are lost",
                 s->config->device);
        return;
    }
    log_line(CONFIG_LOG_INFO, "stopping: transfers under way have %u s to finish",
             s->config->drain_seconds);
    post_all(s, WORKER_DRAIN);
    wait_quiet(s, s->config->drain_seconds * NS_PER_S);
    if (!all_quiet(s)) {
        log_line(CONFIG_LOG_WARNING, "connections are left: they are aborted");
        post_all(s, WORKER_ABORT);
        wait_quiet(s, ABORT_NS);
    }
}

/* Without its thread the files of the start are served. */
static void follow(struct serve *s)
{
    s->follow = (struct follow){ .workers = s->workers, .count = s->worker_count };
    struct pool_readers readers = follow_readers(&s->follow);

    if (pool_follow(s->pool, &readers, s->error, sizeof(s->error)) != 0)
        log_line(CONFIG_LOG_ERROR, "%s: changes of files are not served", s->error);
    telemetry_set_pool(s->pool);
    protect_finish(&s->protect);
}

static void unfollow(struct serve *s)
{
    pool_unfollow(s->pool); /* it waits for workers, which must still turn */
    telemetry_set_pool(NULL);
}

static void run(struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        rte_eal_remote_launch(worker_main, s->workers[i], eal_worker_lcore(i));
    struct report_ready ready = {
        .config = s->config,
        .port = &s->port,
        .pool = s->pool,
        .cpus = s->cpus,
        .worker_count = s->worker_count,
    };
    report_ready(&ready);
    port_stats_set(&s->port, 1);
    follow(s);
    if (device_is_pci(&s->device) && !port_watch_removal(&s->port, device_removed, s))
        log_line(CONFIG_LOG_DEBUG, "the bus does not tell when a device is taken away");

    while (!wait_signal(s, LINK_WATCH_NS))
        watch_link(s);
    unfollow(s);
    drain(s);
    post_all(s, WORKER_STOP);
    for (unsigned i = 0; i < s->worker_count; i++)
        rte_eal_wait_lcore(eal_worker_lcore(i));
    stream_thread_stop(s->streams);
    port_stats_set(NULL, 0);
}

/* Nobody but the threads that run from now on needs rights. */
static bool drop_rights(struct serve *s)
{
    if (s->access_log != NULL && s->protect.drops)
        access_log_give(s->access_log, s->protect.uid, s->protect.gid);
    if (!protect_drop(&s->protect, s->device.kind, s->error))
        return false;
    if (s->access_log != NULL)
        access_log_check(s->access_log);
    return true;
}

/* With the port closed and the backlogs gone nobody may refer to a file's bytes as a packet. */
static void check_pins(struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++) {
        struct file_pin pins = worker_pins(s->workers[i]);
        if (pins.in_flight != 0 || pins.responses != 0)
            log_line(CONFIG_LOG_WARNING,
                     "worker %u still refers to the pool: %u packets, %u responses (a bug)", i,
                     pins.in_flight, pins.responses);
    }
}

static int serve(struct serve *s)
{
    int code = 2;

    take_signals(s);
    if (!protect_begin(&s->protect, s->config, s->error) || !prepare(s) || !start_eal(s))
        goto out;
    if (!probe_port(s))
        goto stop_eal;
    if (!load_pool(s) || !create_streams(s) || !map_pool(s) || !create_pools(s))
        goto destroy_pool;
    if (!open_access_log(s))
        goto destroy_pools;
    if (!start_port(s))
        goto close_access_log;
    if (!create_workers(s))
        goto close_port;
    if (!drop_rights(s) || !stream_thread_start(s->streams, wake_worker, s, s->error))
        goto destroy_workers;

    run(s);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_release_mbufs(s->workers[i]);
    port_close(&s->port);
    check_pins(s);
    access_log_finish(s->access_log);
    print_counters(s);
    code = s->removed ? 2 : 0;

destroy_workers:
    destroy_workers(s);
close_port:
    port_close(&s->port);
close_access_log:
    close_access_log(s);
destroy_pools:
    destroy_pools(s);
destroy_pool:
    telemetry_set_streamer(NULL);
    stream_thread_destroy(s->streams);
    pool_destroy(s->pool);
stop_eal:
    port_close(&s->port); /* a TAP interface is there since it was probed */
    eal_stop();
out:
    protect_end(&s->protect);
    sites_destroy(s->sites);
    if (code != 0)
        log_line(CONFIG_LOG_ERROR, "%s", s->error);
    return code;
}

int serve_run(const struct config *config)
{
    struct serve *s = calloc(1, sizeof(*s));

    log_set_level(config->log_level);
    if (s == NULL) {
        log_line(CONFIG_LOG_ERROR, "out of memory");
        return 2;
    }
    s->config = config;
    int code = serve(s);
    free(s);
    return code;
}
