/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/serve.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
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
#include "app/ports.h"
#include "app/protect.h"
#include "app/report.h"
#include "app/site_files.h"
#include "app/sites.h"
#include "app/stream_thread.h"
#include "app/telemetry.h"
#include "app/telemetry_ports.h"
#include "app/templates.h"
#include "app/worker.h"
#include "base/assert.h"
#include "mempool/pool.h"

#define MIB (UINT64_C(1) << 20)

/* What EAL, its bus and one port's driver allocate for themselves (8 MiB were seen with net_tap).
 */
#define EAL_OVERHEAD_BYTES (16 * MIB)

/* After an abort: time for the RSTs to leave. */
#define ABORT_NS      (500 * NS_PER_MS)
#define LINK_WATCH_NS NS_PER_S
/* Ends a wait when a device was taken away. */
#define REMOVED_SIGNAL SIGIO
#define POLL_NS        (20 * NS_PER_MS)

struct serve {
    const struct config *config;
    unsigned worker_count;
    uint16_t cpus[CONFIG_CORES_MAX];
    bool hugepages;
    struct http_config http; /* what all lanes have in common */
    struct sites *sites;     /* NULL: none configured */

    struct clock clock;
    struct ports ports;
    struct pool *pool;
    struct follow follow;
    struct access_log *access_log; /* NULL: none */
    struct stream_thread *streams; /* NULL: every file lies in the pool */
    struct worker *workers[CONFIG_CORES_MAX];
    struct protect protect;
    sigset_t signals;
    bool removed; /* the last device, by someone else */
    char error[HOST_ERROR_BYTES + PATH_MAX];
};

static_assert(sizeof(((struct serve *)NULL)->error) >= ACCESS_LOG_ERROR_BYTES,
              "room for any message");
static_assert(sizeof(((struct serve *)NULL)->error) >= PORTS_ERROR_BYTES, "room for any message");
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
    struct access_log_config log = access_log_config(s);
    uint64_t log_bytes = s->http.log != NULL ? access_log_bytes(&log) : 0;

    return s->config->port_count * EAL_OVERHEAD_BYTES + log_bytes +
           ports_memory_bytes(&s->ports, &s->http);
}

/* What devices that do DMA need, and what the machine needs against them. */
static bool prepare_dma(struct serve *s)
{
    return !ports_dma(&s->ports) ||
           (host_memlock(memory_bytes(s) + s->config->pool_bytes, s->error) &&
            ports_confined(&s->ports, s->error));
}

static unsigned lane_count(const struct serve *s)
{
    return s->worker_count * s->ports.count;
}

/* Everything that can be found wrong before DPDK starts. */
static bool prepare(struct serve *s)
{
    const struct config *config = s->config;

    template_http(config, &s->http);
    if (!make_sites(s))
        return false;
    if (!host_root(config->root, s->error) ||
        !host_worker_cpus(config, s->cpus, &s->worker_count, s->error) ||
        !ports_prepare(&s->ports, config, s->worker_count, s->error) || !prepare_dma(s))
        return false;
    s->http.leases = stream_thread_leases_guess(s->config, lane_count(s));
    s->hugepages = host_hugepages(memory_bytes(s), s->error);
    if (s->hugepages)
        return true;
    if (!config->allow_small_pages)
        return false;
    if (ports_dma(&s->ports))
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
    sigaddset(&s->signals, REMOVED_SIGNAL);
    pthread_sigmask(SIG_BLOCK, &s->signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* --- bring-up, in order ------------------------------------------------------------------------
 */

static bool start_eal(struct serve *s)
{
    const struct device *devices[CONFIG_PORTS_MAX];
    struct eal_config eal = {
        .devices = devices,
        .device_count = s->ports.count,
        .cpus = s->cpus,
        .workers = s->worker_count,
        .memory_bytes = memory_bytes(s),
        .hugepages = s->hugepages,
        .verbose = s->config->log_level == CONFIG_LOG_DEBUG,
    };

    ports_devices(&s->ports, devices);
    if (!eal_start(&eal, s->error))
        return false;
    s->clock = clock_start();
    protect_runtime(&s->protect, eal_socket(), eal_directory());
    if (!telemetry_register() || !port_stats_register() || !telemetry_register_ports())
        log_line(CONFIG_LOG_WARNING, "telemetry is not available");
    return true;
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
        .node = ports_node(&s->ports),
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
    if (!stream_thread_open(&s->streams, s->pool, lane_count(s), ports_want_sums(&s->ports),
                            pool_line, &s->http, s->error, sizeof(s->error)))
        return false;
    telemetry_set_streamer(s->streams != NULL ? stream_thread_counters(s->streams) : NULL);
    return true;
}

static bool map_pool(struct serve *s)
{
    return ports_map_pool(&s->ports, s->pool, s->error, sizeof(s->error)) &&
           pool_seal(s->pool, s->error, sizeof(s->error)) == 0;
}

/* The core's tables in hugepage memory of a port's node; ctx is the node + 1. */
static void *dpdk_alloc(void *ctx, size_t bytes, size_t align)
{
    int node = (int)(intptr_t)ctx - 1;
    return rte_zmalloc_socket("hugewire", bytes, (unsigned)align, node < 0 ? SOCKET_ID_ANY : node);
}

static void dpdk_release(void *ctx, void *block)
{
    rte_free(block);
}

static struct memory lane_memory(const struct serve *s, unsigned port)
{
    if (!s->hugepages)
        return memory_heap;
    return (struct memory){ .alloc = dpdk_alloc,
                            .release = dpdk_release,
                            .ctx = (void *)(intptr_t)(s->ports.at[port].port.caps.numa_node + 1) };
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
    telemetry_set_ports(NULL, NULL);
    telemetry_set_workers(NULL, 0);
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_destroy(s->workers[i]);
}

static void wake_lane(void *serve, unsigned lane)
{
    struct serve *s = serve;

    worker_wake(s->workers[lane / s->ports.count]);
}

static struct worker *create_worker(struct serve *s, unsigned index)
{
    struct lane_config lanes[CONFIG_PORTS_MAX];
    struct worker_config config = {
        .index = index,
        .clock = s->clock,
        .lanes = lanes,
        .lane_count = s->ports.count,
        .idle_wait = s->config->idle_wait,
        .idle_spin_ns = s->config->idle_spin_ns,
        .idle_sleep_ns = s->config->idle_sleep_ns,
        .sandbox = s->config->sandbox,
        .devices = ports_kinds(&s->ports),
        .memory = lane_memory(s, 0),
    };

    for (unsigned i = 0; i < s->ports.count; i++) {
        struct lane_config *lane = &lanes[i];

        *lane = ports_lane(&s->ports, i, index);
        lane->arena = pool_arena(s->pool);
        lane->http = s->http;
        lane->http.catalogue = pool_catalogue(s->pool);
        lane->memory = lane_memory(s, i);
        if (s->access_log != NULL)
            lane->access_log = access_log_ring(s->access_log, index);
        if (s->streams != NULL)
            lane->stream = stream_thread_link(s->streams, index * s->ports.count + i);
    }
    return worker_create(&config);
}

static bool create_workers(struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++) {
        s->workers[i] = create_worker(s, i);
        if (s->workers[i] == NULL) {
            destroy_workers(s);
            return FAIL(s,
                        "no memory for the connections of worker %u (%" PRIu64 " MiB for all): "
                        "lower limits.connections or reserve more hugepages",
                        i, ports_memory_bytes(&s->ports, &s->http) >> 20);
        }
    }
    for (unsigned i = 0; i < s->worker_count; i++)
        worker_set_peers(s->workers[i], s->workers, s->worker_count);
    telemetry_set_workers(s->workers, s->worker_count);
    telemetry_set_ports(&s->ports, s->workers);
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

static void drain(struct serve *s)
{
    if (s->removed)
        return;
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

/* Ports whose device was taken away. False: no other is left. */
static bool drop_removed(struct serve *s)
{
    int port;

    while ((port = ports_removed(&s->ports)) >= 0) {
        const char *device = s->config->ports[port].device;

        if (ports_left(&s->ports) == 1) {
            snprintf(s->error, sizeof(s->error), "%s was taken away: all connections are lost",
                     device);
            s->removed = true;
            return false;
        }
        log_line(CONFIG_LOG_WARNING,
                 "%s was taken away: its connections are lost, other ports go on", device);
        telemetry_set_pool(NULL); /* which reports the devices */
        port_stats_set(NULL);
        ports_drop(&s->ports, (unsigned)port, s->workers, s->pool);
        telemetry_set_pool(s->pool);
        port_stats_set(&s->ports);
    }
    return true;
}

static void run(struct serve *s)
{
    for (unsigned i = 0; i < s->worker_count; i++)
        rte_eal_remote_launch(worker_main, s->workers[i], eal_worker_lcore(i));
    struct report_ready ready = {
        .ports = &s->ports,
        .pool = s->pool,
        .cpus = s->cpus,
        .worker_count = s->worker_count,
    };
    report_ready(&ready);
    port_stats_set(&s->ports);
    follow(s);
    ports_watch_removal(&s->ports, REMOVED_SIGNAL);

    while (!wait_signal(s, LINK_WATCH_NS) && drop_removed(s))
        ports_watch_links(&s->ports);
    unfollow(s);
    drain(s);
    post_all(s, WORKER_STOP);
    for (unsigned i = 0; i < s->worker_count; i++)
        rte_eal_wait_lcore(eal_worker_lcore(i));
    stream_thread_stop(s->streams);
    port_stats_set(NULL);
}

/* Nobody but the threads that run from now on needs rights. */
static bool drop_rights(struct serve *s)
{
    if (s->access_log != NULL && s->protect.drops)
        access_log_give(s->access_log, s->protect.uid, s->protect.gid);
    if (!protect_drop(&s->protect, ports_kinds(&s->ports), s->error))
        return false;
    if (s->access_log != NULL)
        access_log_check(s->access_log);
    return true;
}

/* With the ports closed and the backlogs gone nobody may refer to a file's bytes as a packet. */
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
    if (!ports_probe(&s->ports, s->error))
        goto stop_eal;
    if (!load_pool(s) || !create_streams(s) || !map_pool(s) ||
        !ports_create_pools(&s->ports, s->error))
        goto destroy_pool;
    if (!open_access_log(s))
        goto destroy_pools;
    if (!ports_start(&s->ports, s->error))
        goto close_access_log;
    if (!create_workers(s))
        goto close_ports;
    if (!drop_rights(s) || !stream_thread_start(s->streams, wake_lane, s, s->error))
        goto destroy_workers;

    run(s);
    for (unsigned i = 0; i < s->worker_count; i++)
        for (unsigned port = 0; port < s->ports.count; port++)
            worker_release_mbufs(s->workers[i], port);
    ports_close(&s->ports);
    check_pins(s);
    access_log_finish(s->access_log);
    print_counters(s);
    code = s->removed ? 2 : 0;

destroy_workers:
    destroy_workers(s);
close_ports:
    ports_close(&s->ports);
close_access_log:
    close_access_log(s);
destroy_pools:
    ports_destroy_pools(&s->ports);
destroy_pool:
    telemetry_set_streamer(NULL);
    stream_thread_destroy(s->streams);
    pool_destroy(s->pool);
stop_eal:
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
