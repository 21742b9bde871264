/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "app/access_log.h"
#include "app/log.h"
#include "app/wild.h"
#include "app/worker.h"
#include "base/counters.h"
#include "mempool/pool.h"

/* Commands run on EAL's telemetry threads. */
static struct {
    pthread_mutex_t lock;
    struct worker *const *workers;
    unsigned count;
    struct access_log *access_log;
    const struct counters *streamer;
} source = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* A reload takes its time: others need not wait for it. */
static struct {
    pthread_mutex_t lock;
    struct pool *pool;
} pool_source = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Adds up what params asks for: everything, or one worker. */
static int sum_counters(const char *params, struct counters *sum)
{
    unsigned first = 0, last = source.count;
    bool all = params == NULL || *params == '\0';

    if (!all) {
        char *end;
        unsigned long index = strtoul(params, &end, 10);
        if (*end != '\0' || index >= source.count)
            return -EINVAL;
        first = (unsigned)index;
        last = first + 1;
    }
    for (unsigned i = first; i < last; i++)
        worker_counters_sum(source.workers[i], sum);
    if (last - first == source.count && source.access_log != NULL)
        counters_sum(sum, access_log_counters(source.access_log));
    if (all && source.streamer != NULL)
        counters_sum(sum, source.streamer);
    return 0;
}

static int answer_counters(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    struct counters sum = { 0 };
    const uint64_t *words = (const uint64_t *)&sum;

    pthread_mutex_lock(&source.lock);
    int rc = sum_counters(params, &sum);
    pthread_mutex_unlock(&source.lock);
    if (rc != 0)
        return rc;

    rte_tel_data_start_dict(answer);
    for (unsigned i = 0; rc == 0 && i < counter_count; i++)
        rc = rte_tel_data_add_dict_u64(answer, counter_infos[i].name, words[i]);
    return rc;
}

static int answer_workers(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    pthread_mutex_lock(&source.lock);
    unsigned count = source.count;
    pthread_mutex_unlock(&source.lock);
    rte_tel_data_start_dict(answer);
    return rte_tel_data_add_dict_u64(answer, "workers", count);
}

static int answer_reopen(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    pthread_mutex_lock(&source.lock);
    bool there = source.access_log != NULL;
    if (there)
        access_log_reopen(source.access_log);
    pthread_mutex_unlock(&source.lock);
    rte_tel_data_start_dict(answer);
    return rte_tel_data_add_dict_u64(answer, "reopened", there);
}

static void add_keeper(struct rte_tel_data *answer, const struct keeper_report *r)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "files", r->files },
        { "added", r->counts.added },
        { "changed", r->counts.changed },
        { "removed", r->counts.removed },
        { "full", r->counts.full },
        { "refused", r->counts.refused },
        { "failed", r->counts.failed },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        rte_tel_data_add_dict_u64(answer, rows[i].name, rows[i].value);
}

/* What all workers together refer to. */
static struct file_pin pins_sum(void)
{
    struct file_pin sum = { 0 };

    pthread_mutex_lock(&source.lock);
    for (unsigned i = 0; i < source.count; i++) {
        struct file_pin pins = worker_pins(source.workers[i]);
        sum.in_flight += pins.in_flight;
        sum.responses += pins.responses;
    }
    pthread_mutex_unlock(&source.lock);
    return sum;
}

static void add_memory(struct rte_tel_data *answer, const struct pool_report *r,
                       const struct keeper_report *k)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "page_bytes", r->page_bytes },
        { "pages", r->arena_bytes / r->page_bytes },
        { "pinned_bytes", r->arena_bytes },
        { "sum_table_bytes", r->sum_bytes },
        { "process_locked_bytes", r->vm_locked },
        { "process_pinned_bytes", r->vm_pinned },
        { "process_hugetlb_bytes", r->vm_hugetlb },
        { "iova_first", r->iova_first },
        { "iova_end", r->iova_end },
        { "used_bytes", r->used_bytes },
        { "padding_bytes", k->padding },
        { "free_bytes", k->usage.free_bytes },
        { "largest_free_bytes", k->usage.largest_free },
        { "retired_bytes", k->retired_bytes },
        { "retired_files", k->retired },
        { "file_bytes", k->file_bytes },
        { "listings", k->listings },
        { "listing_bytes", k->listing_bytes },
        { "listings_made", k->listings_made },
        { "versions", k->versions },
        { "rescans", k->rescans },
        { "watched_directories", k->watched },
        { "adopted_files", r->adopted.files },
        { "adopted_bytes", r->adopted.bytes },
    };

    rte_tel_data_add_dict_int(answer, "node", r->node);
    rte_tel_data_add_dict_string(answer, "iova_mode", r->iova_physical ? "physical" : "virtual");
    rte_tel_data_add_dict_string(answer, "devices", r->devices);
    rte_tel_data_add_dict_string(answer, "reader", r->reader);
    rte_tel_data_add_dict_string(answer, "persist", r->persist != NULL ? r->persist : "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        rte_tel_data_add_dict_u64(answer, rows[i].name, rows[i].value);
}

/* An answer within an answer; false: no memory. */
static bool add_node(struct rte_tel_data *nodes, const struct node_report *n)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "distance", n->distance },
        { "pages_1g", n->pages_1g },
        { "pages_2m", n->pages_2m },
        { "pages_4k", n->pages_4k },
        { "pinned_bytes", n->usage.bytes },
        { "iova_first", n->iova_first },
        { "iova_end", n->iova_end },
        { "used_bytes", n->usage.bytes - n->usage.free_bytes },
        { "free_bytes", n->usage.free_bytes },
        { "largest_free_bytes", n->usage.largest_free },
        { "retired_bytes", n->retired_bytes },
    };
    struct rte_tel_data *answer = rte_tel_data_alloc();
    char name[16];

    if (answer == NULL)
        return false;
    rte_tel_data_start_dict(answer);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        rte_tel_data_add_dict_u64(answer, rows[i].name, rows[i].value);
    /* A name has no sign. */
    snprintf(name, sizeof(name), n->node < 0 ? "any" : "%d", n->node);
    if (rte_tel_data_add_dict_container(nodes, name, answer, 0) == 0)
        return true;
    rte_tel_data_free(answer);
    return false;
}

/* By node: an object in which each has its number as its name. */
static void add_nodes(struct rte_tel_data *answer, const struct pool_report *r)
{
    struct rte_tel_data *nodes = rte_tel_data_alloc();

    if (nodes == NULL)
        return;
    rte_tel_data_start_dict(nodes);
    for (unsigned i = 0; i < r->node_count && add_node(nodes, &r->nodes[i]); i++)
        ;
    if (rte_tel_data_add_dict_container(answer, "nodes", nodes, 0) != 0)
        rte_tel_data_free(nodes);
}

static int answer_pool(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    struct file_pin pins = pins_sum();
    struct keeper_report keeper = { 0 };
    struct pool_report report;

    rte_tel_data_start_dict(answer);
    pthread_mutex_lock(&pool_source.lock);
    bool there = pool_source.pool != NULL;
    if (there) {
        pool_report(pool_source.pool, &report);
        pool_keeper_report(pool_source.pool, &keeper);
        add_memory(answer, &report, &keeper);
        add_nodes(answer, &report);
        add_keeper(answer, &keeper);
    }
    pthread_mutex_unlock(&pool_source.lock);
    rte_tel_data_add_dict_u64(answer, "responses", pins.responses);
    rte_tel_data_add_dict_u64(answer, "packets_in_flight", pins.in_flight);
    return there ? 0 : -ENOENT;
}

static int answer_reload(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    struct keeper_report report = { 0 };

    pthread_mutex_lock(&pool_source.lock);
    bool done = pool_source.pool != NULL && pool_reload(pool_source.pool, true);
    if (done)
        pool_keeper_report(pool_source.pool, &report);
    pthread_mutex_unlock(&pool_source.lock);
    rte_tel_data_start_dict(answer);
    rte_tel_data_add_dict_u64(answer, "reloaded", done);
    add_keeper(answer, &report);
    return 0;
}

#ifdef HW_DEBUG
/* Answers with the address that the device is told to read. */
static int answer_wild(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    struct worker_message message = { .kind = WORKER_WILD };

    pthread_mutex_lock(&source.lock);
    bool posted = source.count > 0 && worker_post(source.workers[0], &message);
    pthread_mutex_unlock(&source.lock);
    if (!posted)
        return -EAGAIN;
    log_line(CONFIG_LOG_WARNING,
             "the device is told to send from %p, outside of the pool, as asked",
             (const void *)wild_page());
    rte_tel_data_start_dict(answer);
    return rte_tel_data_add_dict_u64(answer, "address", (uintptr_t)wild_page());
}

static bool register_debug(void)
{
    return rte_telemetry_register_cmd("/hugewire/wild", answer_wild,
                                      "Sends a frame from outside of the pool. No parameters") == 0;
}
#else
static bool register_debug(void)
{
    return true;
}
#endif
/* "pool:PATTERN" or "disk:PATTERN". */
static int answer_verify(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    struct verify_request request = { .disk = params != NULL && strncmp(params, "disk:", 5) == 0 };

    if (params == NULL || (!request.disk && strncmp(params, "pool:", 5) != 0) ||
        strlen(params + 5) >= sizeof(request.pattern))
        return -EINVAL;
    snprintf(request.pattern, sizeof(request.pattern), "%s", params + 5);
    pthread_mutex_lock(&pool_source.lock);
    uint64_t serial = pool_source.pool != NULL ? pool_verify(pool_source.pool, &request) : 0;
    pthread_mutex_unlock(&pool_source.lock);
    rte_tel_data_start_dict(answer);
    return rte_tel_data_add_dict_u64(answer, "serial", serial);
}

static int add_findings(struct rte_tel_data *answer, const struct verify_report *r)
{
    struct rte_tel_data *list = rte_tel_data_alloc();

    if (list == NULL)
        return -ENOMEM;
    rte_tel_data_start_array(list, RTE_TEL_STRING_VAL);
    for (unsigned i = 0; i < r->finding_count; i++) {
        char text[RTE_TEL_MAX_STRING_LEN];
        snprintf(text, sizeof(text), "%s %s",
                 r->findings[i].fault == VERIFY_DAMAGED ? "damaged" : "differs",
                 r->findings[i].path);
        rte_tel_data_add_array_string(list, text);
    }
    return rte_tel_data_add_dict_container(answer, "findings", list, 0);
}

static int answer_verify_report(const char *cmd, const char *params, struct rte_tel_data *answer)
{
    struct verify_report r = { 0 };

    pthread_mutex_lock(&pool_source.lock);
    if (pool_source.pool == NULL || !pool_verify_report(pool_source.pool, &r))
        r = (struct verify_report){ 0 };
    pthread_mutex_unlock(&pool_source.lock);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        { "serial", r.serial },
        { "running", r.running },
        { "files", r.files },
        { "bytes", r.bytes },
        { "ns", r.ns },
        { "disk_files", r.disk_files },
        { "disk_bytes", r.disk_bytes },
        { "streamed", r.streamed },
        { "changed", r.changed },
        { "unread", r.unread },
        { "damaged", r.damaged },
        { "differing", r.differing },
    };

    rte_tel_data_start_dict(answer);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        rte_tel_data_add_dict_u64(answer, rows[i].name, rows[i].value);
    return add_findings(answer, &r);
}

bool telemetry_register(void)
{
    return register_debug() &&
           rte_telemetry_register_cmd(
               "/hugewire/counters", answer_counters,
               "Counters summed over workers. Parameter: one worker's number") == 0 &&
           rte_telemetry_register_cmd("/hugewire/workers", answer_workers,
                                      "Number of workers. No parameters") == 0 &&
           rte_telemetry_register_cmd("/hugewire/pool", answer_pool,
                                      "The pool's memory and files. No parameters") == 0 &&
           rte_telemetry_register_cmd("/hugewire/reload", answer_reload,
                                      "Looks through ROOT. No parameters") == 0 &&
           rte_telemetry_register_cmd("/hugewire/verify", answer_verify,
                                      "Begins to verify. Parameter: pool:PATTERN or "
                                      "disk:PATTERN") == 0 &&
           rte_telemetry_register_cmd("/hugewire/verify_report", answer_verify_report,
                                      "What is verified so far. No parameters") == 0 &&
           rte_telemetry_register_cmd("/hugewire/reopen", answer_reopen,
                                      "Opens the access log's file anew. No parameters") == 0;
}

void telemetry_set_pool(struct pool *pool)
{
    pthread_mutex_lock(&pool_source.lock);
    pool_source.pool = pool;
    pthread_mutex_unlock(&pool_source.lock);
}

void telemetry_set_access_log(struct access_log *log)
{
    pthread_mutex_lock(&source.lock);
    source.access_log = log;
    pthread_mutex_unlock(&source.lock);
}

void telemetry_set_streamer(const struct counters *streamer)
{
    pthread_mutex_lock(&source.lock);
    source.streamer = streamer;
    pthread_mutex_unlock(&source.lock);
}

void telemetry_set_workers(struct worker *const *workers, unsigned count)
{
    pthread_mutex_lock(&source.lock);
    source.workers = workers;
    source.count = count;
    pthread_mutex_unlock(&source.lock);
}
