/* SPDX-License-Identifier: BSD-3-Clause */
#include "run.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "app/stream_thread.h"
#include "base/assert.h"
#include "machine.h"

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

/* Notes why the run is worth nothing. */
bool run_fail(struct run *r, const char *format, ...)
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
    if (r->row->raw)
        r->raw.turn.turns.longest_ns = 0;
    else
        r->server->turn.turns.longest_ns = 0;
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

/* On the server's side. */
static void phase_begins(struct run *r, int phase)
{
    if (phase == PHASE_MEASURE)
        server_begin_measure(r);
    else if (phase == PHASE_LINGER)
        server_end_measure(r);
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
            phase_begins(r, phase);
        }
        serve_turn(r);
    }
    if (seen == PHASE_MEASURE)
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

/* Waits, with turns of its own, until all of the crew have come as far. */
static bool all_have(unsigned *count, const struct crew *crew, bool first)
{
    if (first)
        __atomic_fetch_add(count, 1, __ATOMIC_ACQ_REL);
    return __atomic_load_n(count, __ATOMIC_ACQUIRE) == crew->count;
}

static void begin_measure(struct run *r, uint64_t now)
{
    r->wire_at = *nic_stats(r->nic);
    nic_latency_clear(r->nic);
    r->measured_at = now;
    r->longest_ns = 0;
    set_phase(r, PHASE_MEASURE);
}

static void end_measure(struct run *r, uint64_t now)
{
    r->result->wire = *nic_stats(r->nic);
    wire_since(&r->result->wire, &r->wire_at);
    r->result->latency = *nic_latency(r->nic);
    r->result->wire_longest_ns = r->longest_ns;
    r->result->seconds = (double)(now - r->measured_at) / 1e9;
    set_phase(r, PHASE_LINGER);
}

/* Moves from phase to phase; false: the run is over. */
static bool schedule(struct run *r, uint64_t now)
{
    const struct wire_stats *stats = nic_stats(r->nic);
    uint64_t measure_ns = (uint64_t)(r->bench->options.seconds * 1e9);

    if (r->phase == PHASE_LINGER)
        return !all_have(&r->crew->measured, r->crew, false);
    if (r->phase == PHASE_MEASURE) {
        if (now - r->measured_at < measure_ns)
            return true;
        end_measure(r, now);
        return !all_have(&r->crew->measured, r->crew, true);
    }
    if (UNLIKELY(__atomic_load_n(&r->crew->stop, __ATOMIC_RELAXED)))
        return false;
    if (r->connected_at == 0) {
        if (!r->row->raw &&
            (stats->established < r->row->connections || stats->requests < r->row->connections))
            return now - r->started_at < CONNECT_NS + r->row->connections * CONNECT_NS_PER_CONN;
        r->connected_at = now;
    }
    if (now - r->connected_at >= warm_ns(r)) {
        bool first = !r->warm;
        r->warm = true;
        if (all_have(&r->crew->warm, r->crew, first))
            begin_measure(r, now);
    }
    return true;
}

/* The server's turn, by the wire's thread. */
static void serve_between(struct run *r)
{
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

void run_begin(struct run *r)
{
    r->started_at = r->turn_at = bench_clock_now(&r->bench->clock);
}

bool run_turn(struct run *r, bool single)
{
    const struct bench_clock *clock = &r->bench->clock;
    int before = r->phase;
    uint64_t tsc = rte_rdtsc(), now = bench_clock_now(clock);

    r->longest_ns = RTE_MAX(r->longest_ns, now - r->turn_at);
    r->turn_at = now;
    bool work = nic_turn(r->nic, now);
    nic_account(r->nic, work, rte_rdtsc() - tsc);
    if (clock->virtual_ns != NULL)
        r->bench->virtual_ns += VIRTUAL_TURN_NS;
    bool goes_on = schedule(r, bench_clock_now(clock));
    if (single && before != r->phase)
        phase_begins(r, r->phase);
    if (goes_on && single)
        serve_between(r);
    return goes_on;
}

void run_end(struct run *r)
{
    __atomic_store_n(&r->crew->stop, true, __ATOMIC_RELAXED);
    set_phase(r, PHASE_STOP);
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
        .worker = r->index,
        .node = -1,
        .mtu = r->row->mtu,
        .rx_desc = BENCH_DESCRIPTORS,
        .tx_desc = BENCH_DESCRIPTORS,
        .extents_max = TX_EXTENTS_MAX,
    };

    return io_pools_create(&r->pools, &config) || run_fail(r, "no memory for packet buffers");
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
        .seed = 1 + r->index,
    };

    r->queue = queue_create(&queue);
    nic.queue = r->queue;
    r->nic = r->queue != NULL ? nic_create(&nic) : NULL;
    return r->nic != NULL || run_fail(r, "no memory for the wire");
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
           run_fail(r, "no memory for the server: reserve more hugepages");
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
            return run_fail(r, "%llu %s", (unsigned long long)errors[i].count, errors[i].name);
    return true;
}

/* What one side says it sent, the other must have seen. */
static bool check_sums(struct run *r)
{
    const struct counters *total = &r->result->server_whole;
    const struct wire_stats *w = &r->result->wire_whole;

    if (total->tx_packets != w->packets || total->tx_bytes != w->bytes)
        return run_fail(r, "the server sent %llu packets, the wire saw %llu",
                        (unsigned long long)total->tx_packets, (unsigned long long)w->packets);
    if (r->row->raw)
        return true;
    if (w->established < r->row->connections)
        return run_fail(r, "only %llu of %u clients could connect",
                        (unsigned long long)w->established, r->row->connections);
    if (w->responses > total->http_2xx || total->http_requests > w->requests)
        return run_fail(
            r, "%llu requests and %llu responses, but the server knows of %llu and %llu",
            (unsigned long long)w->requests, (unsigned long long)w->responses,
            (unsigned long long)total->http_requests, (unsigned long long)total->http_2xx);
    if (w->body_bytes > total->payload_bytes_referenced + total->payload_bytes_copied)
        return run_fail(r, "clients received more than was sent");
    return r->result->wire.body_bytes > 0 || run_fail(r, "nothing was served");
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
        run_fail(r, "%u references to files and %u mbufs were not given back", pins.in_flight,
                 mbufs_out(&r->pools));
    io_pools_destroy(&r->pools);
}

struct run *run_create(struct bench *bench, const struct bench_row *row, struct crew *crew,
                       unsigned index, struct bench_result *result)
{
    struct run *r = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*r), 64));
    const struct bench_files *files = find_files(bench, row->folder);

    ASSERT(r != NULL);
    memset(r, 0, sizeof(*r));
    memset(result, 0, sizeof(*result));
    r->settled = *row;
    r->settled.mtu = row->mtu != 0 ? row->mtu : 1500;
    r->settled.ack_every = row->ack_every != 0 ? row->ack_every : 2;
    r->settled.window = row->window != 0 ? row->window : 1 << 20;
    r->row = &r->settled;
    r->bench = bench;
    r->crew = crew;
    r->index = index;
    r->result = result;
    r->created = create_pools(r) && create_wire(r, files) && create_server(r, files);
    return r;
}

void run_destroy(struct run *r)
{
    if (r->created)
        close_books(r);
    destroy(r);
    free(r);
}

/* The wire on this core; the server on the next one, if there is one. */
static void run_pair(struct run *r)
{
    unsigned lcore = rte_get_next_lcore(rte_lcore_id(), 1, 0);
    bool single = r->bench->options.single;

    if (!single)
        rte_eal_remote_launch(server_main, r, lcore);
    run_begin(r);
    while (run_turn(r, single))
        ;
    run_end(r);
    if (!single)
        rte_eal_wait_lcore(lcore);
}

__attribute__((noinline)) void bench_run(struct bench *bench, const struct bench_row *row,
                                         struct bench_result *result)
{
    struct crew crew = { .count = 1 };

    if (row->load != 0 && bench->served_per_s == 0) {
        memset(result, 0, sizeof(*result));
        snprintf(result->failure, sizeof(result->failure),
                 "its load is a share of what a row before it served, and there was none");
        return;
    }
    if (row->kind == BENCH_SPIN) {
        machine_spin(bench, row, result);
        return;
    }
    if (row->kind == BENCH_FLOOR) {
        machine_floor(bench, row, result);
        return;
    }
    if (row->workers != 0) {
        crew_run(bench, row, result);
        return;
    }
    struct run *r = run_create(bench, row, &crew, 0, result);
    if (r->created)
        run_pair(r);
    if (row->load == 0 && result->seconds > 0) {
        bench->served_per_s = (double)result->wire.responses / result->seconds;
        bench->busy_ns_per_response =
            (double)result->turns.busy_ns / (double)RTE_MAX(result->wire.responses, UINT64_C(1));
    }
    run_destroy(r);
}
