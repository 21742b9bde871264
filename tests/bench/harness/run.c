/* SPDX-License-Identifier: BSD-3-Clause */
/* One run: wire on one core, server or raw limit on another; warm-up, measurement, books closed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "app/stream_thread.h"
#include "base/assert.h"
#include "bench.h"
#include "raw.h"
#include "server.h"

#define SERVER_IP  0x0a000001u /* 10.0.0.1 */
#define GATEWAY_IP 0x0a0000feu /* 10.0.0.254 */
#define CLIENT_IP  0x0b000000u /* 11.0.0.0 and on, one address each */
#define PORT       80

/* All handshakes, at the worst. */
#define CONNECT_NS          (60 * NS_PER_S)
#define CONNECT_NS_PER_CONN (100 * NS_PER_US)
/* A turn of 16 packets takes some 2 us. */
#define WARM_NS_PER_CONN (4 * NS_PER_US)

#define MSS              1448
#define TSO_BYTES        (45 * MSS) /* fits 64 KiB with its headers */

/* A burst of 64 packets in it is a busy NIC. */
#define VIRTUAL_TURN_NS (10 * NS_PER_US)

enum phase {
    PHASE_WARM,
    PHASE_MEASURE,
    PHASE_STOP,
};

struct run {
    struct bench *bench;
    const struct bench_row *row;
    struct io_pools pools;
    struct queue *queue;
    struct nic *nic;
    struct raw raw;
    struct server *server;
    struct wire_stats wire_at; /* when measuring began */
    struct counters server_at;
    struct counters streamer_at;
    struct turns turns_at;
    uint64_t measured_at;
    struct bench_result *result;
    int phase __attribute__((aligned(64)));
};

/* Notes why the run is worth nothing. */
__attribute__((format(printf, 2, 3))) static bool fail(struct run *r, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(r->result->failure, sizeof(r->result->failure), format, values);
    va_end(values);
    return false;
}

/* --- the two sides -------------------------------------------------------------------------------
 */

static void serve_turn(struct run *r)
{
    if (r->row->raw)
        raw_turn(&r->raw);
    else
        server_turn(r->server);
}

/* What is measured and nothing else, by a name that profilers find. */
__attribute__((noinline)) static void measured_turn(struct run *r)
{
    serve_turn(r);
}

/* Counters that only the server's side writes, by the server's side. */
static struct turns server_mark(const struct run *r, struct counters *counters)
{
    if (r->row->raw) {
        memset(counters, 0, sizeof(*counters));
        counters->tx_packets = r->raw.packets;
        counters->tx_bytes = r->raw.bytes;
        return r->raw.turn.turns;
    }
    *counters = r->server->counters;
    return r->server->turn.turns;
}

static void counters_since(struct counters *c, const struct counters *then)
{
    uint64_t *now_word = (uint64_t *)c;
    const uint64_t *then_word = (const uint64_t *)then;

    for (size_t i = 0; i < sizeof(*c) / sizeof(uint64_t); i++)
        now_word[i] -= then_word[i];
}

static void streamer_mark(const struct run *r, struct counters *counters)
{
    memset(counters, 0, sizeof(*counters));
    if (r->bench->streams != NULL)
        *counters = *stream_thread_counters(r->bench->streams);
}

static void server_begin_measure(struct run *r)
{
    streamer_mark(r, &r->streamer_at);
    r->turns_at = server_mark(r, &r->server_at);
}

static void server_end_measure(struct run *r)
{
    struct bench_result *result = r->result;

    result->turns = turns_since(server_mark(r, &result->server), r->turns_at);
    counters_since(&result->server, &r->server_at);
    streamer_mark(r, &result->streamer);
    counters_since(&result->streamer, &r->streamer_at);
}

static int server_main(void *arg)
{
    struct run *r = arg;
    int seen = PHASE_WARM, phase;

    if (r->row->raw)
        raw_resume(&r->raw);
    else
        server_resume(r->server);
    while ((phase = __atomic_load_n(&r->phase, __ATOMIC_RELAXED)) != PHASE_STOP) {
        if (UNLIKELY(phase != seen)) {
            seen = phase;
            server_begin_measure(r);
        }
        serve_turn(r);
    }
    server_end_measure(r);
    return 0;
}

static void wire_since(struct wire_stats *s, const struct wire_stats *then)
{
#define WIRE_STAT_SINCE(name, meaning) s->name -= then->name;
    WIRE_STATS(WIRE_STAT_SINCE)
#undef WIRE_STAT_SINCE
}

static void set_phase(struct run *r, enum phase phase)
{
    __atomic_store_n(&r->phase, phase, __ATOMIC_RELEASE);
}

/* From the last client's first request on: each is to have had a turn or two. */
static uint64_t warm_ns(const struct run *r)
{
    uint64_t of_all = r->row->connections * WARM_NS_PER_CONN;

    return r->bench->options.warm_ns > of_all ? r->bench->options.warm_ns : of_all;
}

/* Moves from phase to phase; false: the run is over. */
static bool schedule(struct run *r, uint64_t now, uint64_t started, uint64_t *connected)
{
    const struct wire_stats *stats = nic_stats(r->nic);
    uint64_t measure_ns = (uint64_t)(r->bench->options.seconds * 1e9);

    if (r->phase == PHASE_MEASURE) {
        if (now - r->measured_at < measure_ns)
            return true;
        r->result->wire = *stats;
        wire_since(&r->result->wire, &r->wire_at);
        r->result->latency = *nic_latency(r->nic);
        r->result->seconds = (double)(now - r->measured_at) / 1e9;
        set_phase(r, PHASE_STOP);
        return false;
    }
    if (*connected == 0) {
        if (!r->row->raw &&
            (stats->established < r->row->connections || stats->requests < r->row->connections))
            return now - started < CONNECT_NS + r->row->connections * CONNECT_NS_PER_CONN;
        *connected = now;
    }
    if (now - *connected >= warm_ns(r)) {
        r->wire_at = *stats;
        nic_latency_clear(r->nic);
        r->measured_at = now;
        set_phase(r, PHASE_MEASURE);
    }
    return true;
}

/* The wire's loop; with a server to drive, too, if single. */
static void wire_main(struct run *r, bool single)
{
    const struct bench_clock *clock = &r->bench->clock;
    uint64_t started = bench_clock_now(clock), now = started, connected = 0;

    for (;;) {
        int before = r->phase;
        uint64_t tsc = rte_rdtsc();
        bool work = nic_turn(r->nic, now);

        nic_account(r->nic, work, rte_rdtsc() - tsc);
        r->bench->virtual_ns += VIRTUAL_TURN_NS;
        now = bench_clock_now(clock);
        if (!schedule(r, now, started, &connected))
            break;
        if (!single)
            continue;
        if (before != r->phase)
            server_begin_measure(r);
        if (r->row->raw)
            raw_resume(&r->raw);
        else
            server_resume(r->server);
        if (r->phase == PHASE_MEASURE)
            measured_turn(r);
        else
            serve_turn(r);
        if (r->row->raw) /* so that the turn just made is counted, and the wire's is not */
            raw_account(&r->raw);
        else
            server_account(r->server);
    }
    set_phase(r, PHASE_STOP);
    if (single)
        server_end_measure(r);
}

/* --- set-up --------------------------------------------------------------------------------------
 */

static const struct bench_files *find_files(const struct bench *bench, const char *folder)
{
    for (unsigned i = 0; i < bench->file_sets; i++)
        if (strcmp(bench->files[i].folder, folder) == 0)
            return &bench->files[i];
    ASSERT(!"a row names files that are not there");
    return NULL;
}

static bool create_pools(struct run *r)
{
    struct io_pools_config config = {
        .node = -1,
        .mtu = r->row->mtu,
        .rx_desc = BENCH_DESCRIPTORS,
        .tx_desc = BENCH_DESCRIPTORS,
        .extents_max = TX_EXTENTS_MAX,
    };

    return io_pools_create(&r->pools, &config) || fail(r, "no memory for packet buffers");
}

static bool create_wire(struct run *r, const struct bench_files *files)
{
    const struct bench_row *row = r->row;
    struct queue_config queue = { .tx_descriptors = BENCH_DESCRIPTORS,
                                  .rx_descriptors = BENCH_DESCRIPTORS,
                                  .rx_pool = r->pools.rx,
                                  .checksum_offload = !row->software_checksum };
    struct nic_config nic = {
        .sink = row->raw,
        .server_mac = { { 2, 0, 0, 0, 0, 2 } },
        .server_ip = SERVER_IP,
        .gateway_ip = GATEWAY_IP,
        .client_ip = CLIENT_IP,
        .server_port = PORT,
        .mtu = row->mtu,
        .checksum_offload = !row->software_checksum,
        .verify = r->bench->options.verify,
        .folder = row->folder,
        .files = files->count,
        .file_bytes = files->bytes,
        .clients = row->connections,
        .ack_every = row->ack_every,
        .ack_delay_ns = 200 * NS_PER_US,
        .rtt_ns = row->rtt_us * NS_PER_US,
        .request_interval_ns = row->load != 0 ? 1e9 / (row->load * r->bench->served_per_s) : 0,
        .loss = row->loss,
        .window = row->window,
        .one_per_connection = row->one_per_connection,
        .seed = 1,
    };

    r->queue = queue_create(&queue);
    nic.queue = r->queue;
    r->nic = r->queue != NULL ? nic_create(&nic) : NULL;
    return r->nic != NULL || fail(r, "no memory for the wire");
}

/* The number of the folder's first file in the catalogue, whose files of a folder lie together. */
static uint32_t first_file(const struct bench *bench, const struct bench_files *files)
{
    const struct catalogue *catalogue = pool_catalogue(bench->pool);
    uint32_t first = UINT32_MAX;
    char path[64];

    for (uint32_t i = 0; i < files->count; i++) {
        int len = snprintf(path, sizeof(path), "%s/%u", files->folder, i);
        struct catalogue_entry entry = catalogue_find(catalogue, path, (size_t)len);
        ASSERT(entry.kind == CATALOGUE_FILE);
        if (entry.file->index < first)
            first = entry.file->index;
    }
    return first;
}

static bool create_server(struct run *r, const struct bench_files *files)
{
    const struct bench_row *row = r->row;
    struct io_wire wire = queue_wire(r->queue);

    if (row->raw) {
        struct raw_config raw = { .clock = r->bench->clock,
                                  .wire = wire,
                                  .pools = &r->pools,
                                  .pool = r->bench->pool,
                                  .first_file = first_file(r->bench, files),
                                  .files = files->count,
                                  .payload = row->tso ? TSO_BYTES : row->mtu - 52u,
                                  .mss = row->tso ? MSS : 0 };
        raw_start(&r->raw, &raw);
        return true;
    }
    struct server_config server = {
        .clock = r->bench->clock,
        .wire = wire,
        .pools = &r->pools,
        .pool = r->bench->pool,
        .stream = r->bench->streams != NULL ? stream_thread_link(r->bench->streams, 0) : NULL,
        .streaming = &r->bench->streaming,
        .memory = r->bench->memory,
        .mac = { { 2, 0, 0, 0, 0, 2 } },
        .ip = SERVER_IP,
        .gateway = GATEWAY_IP,
        .mtu = row->mtu,
        .connections = row->connections,
        .closes = row->one_per_connection,
        .checksum_offload = !row->software_checksum,
        .tso_bytes = row->tso ? TSO_BYTES : 0,
    };
    r->server = aligned_alloc(64, sizeof(*r->server));
    return (r->server != NULL && server_start(r->server, &server)) ||
           fail(r, "no memory for the server: reserve more hugepages");
}

/* --- closing the books ---------------------------------------------------------------------------
 */

static bool check_errors(struct run *r)
{
    const struct wire_stats *w = &r->result->wire_whole;
    const struct {
        const char *name;
        uint64_t count;
    } errors[] = {
        { "malformed packets", w->error_frame },  { "wrong checksums", w->error_checksum },
        { "wrong bytes", w->error_content },      { "wrong responses", w->error_response },
        { "wrong sequences", w->error_sequence }, { "resets", w->error_reset },
    };

    for (unsigned i = 0; i < RTE_DIM(errors); i++)
        if (errors[i].count != 0)
            return fail(r, "%llu %s", (unsigned long long)errors[i].count, errors[i].name);
    return true;
}

/* What one side says it sent, the other must have seen. */
static bool check_sums(struct run *r)
{
    const struct counters *total = &r->result->server_whole;
    const struct wire_stats *w = &r->result->wire_whole;

    if (total->tx_packets != w->packets || total->tx_bytes != w->bytes)
        return fail(r, "the server sent %llu packets, the wire saw %llu",
                    (unsigned long long)total->tx_packets, (unsigned long long)w->packets);
    if (r->row->raw)
        return true;
    if (w->established < r->row->connections)
        return fail(r, "only %llu of %u clients could connect", (unsigned long long)w->established,
                    r->row->connections);
    if (w->responses > total->http_2xx || total->http_requests > w->requests)
        return fail(r, "%llu requests and %llu responses, but the server knows of %llu and %llu",
                    (unsigned long long)w->requests, (unsigned long long)w->responses,
                    (unsigned long long)total->http_requests, (unsigned long long)total->http_2xx);
    if (w->body_bytes > total->payload_bytes_referenced + total->payload_bytes_copied)
        return fail(r, "clients received more than was sent");
    return r->result->wire.body_bytes > 0 || fail(r, "nothing was served");
}

static void close_books(struct run *r)
{
    nic_drain(r->nic);
    r->result->wire_whole = *nic_stats(r->nic);
    server_mark(r, &r->result->server_whole);
    if (check_errors(r))
        check_sums(r);
}

static unsigned mbufs_out(const struct io_pools *pools)
{
    return rte_mempool_in_use_count(pools->rx) + rte_mempool_in_use_count(pools->heads) +
           rte_mempool_in_use_count(pools->extents);
}

/* Gives everything back; who kept a reference is told off. */
static void destroy(struct run *r)
{
    struct file_pin pins = { 0, 0 };

    if (r->row->raw)
        raw_end(&r->raw);
    else if (r->server != NULL)
        server_release(r->server);
    queue_destroy(r->queue);
    nic_destroy(r->nic);
    if (r->server != NULL) {
        if (r->server->http != NULL)
            pins = http_server_pins(r->server->http);
        server_end(r->server);
        free(r->server);
    } else {
        pins = r->raw.pin;
    }
    if (r->pools.rx != NULL && r->result->failure[0] == '\0' &&
        (pins.in_flight != 0 || mbufs_out(&r->pools) != 0))
        fail(r, "%u references to files and %u mbufs were not given back", pins.in_flight,
             mbufs_out(&r->pools));
    io_pools_destroy(&r->pools);
}

__attribute__((noinline)) void bench_run(struct bench *bench, const struct bench_row *row,
                                         struct bench_result *result)
{
    struct bench_row settled = *row;
    struct run *r = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*r), 64));
    const struct bench_files *files = find_files(bench, row->folder);

    ASSERT(r != NULL);
    memset(r, 0, sizeof(*r));
    memset(result, 0, sizeof(*result));
    settled.mtu = row->mtu != 0 ? row->mtu : 1500;
    settled.ack_every = row->ack_every != 0 ? row->ack_every : 2;
    settled.window = row->window != 0 ? row->window : 1 << 20;
    r->bench = bench;
    if (row->load != 0 && bench->served_per_s == 0) {
        r->result = result;
        fail(r, "its load is a share of what a row before it served, and there was none");
        free(r);
        return;
    }
    r->row = &settled;
    r->result = result;
    if (create_pools(r) && create_wire(r, files) && create_server(r, files)) {
        unsigned lcore = rte_get_next_lcore(rte_lcore_id(), 1, 0);
        bool single = lcore >= RTE_MAX_LCORE;
        if (!single)
            rte_eal_remote_launch(server_main, r, lcore);
        wire_main(r, single);
        if (!single)
            rte_eal_wait_lcore(lcore);
        close_books(r);
    }
    if (row->load == 0 && result->seconds > 0)
        bench->served_per_s = (double)result->wire.responses / result->seconds;
    destroy(r);
    free(r);
}
