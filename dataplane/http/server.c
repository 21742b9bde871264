/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/server.h"

#include "base/assert.h"
#include "base/time.h"
#include "http/stream.h"

void http_config_defaults(struct http_config *config)
{
    *config = (struct http_config){
        .server_name = "hugewire",
        .connections_max = 16384,
        .requests_max = 1024,
        .responses_max = 16384,
        .streams_max = 1024,
        .pipeline_max = 16,
        .inline_bytes_max = 512,
        .header_timeout_ns = 10 * NS_PER_S,
        .body_timeout_ns = 30 * NS_PER_S,
        .idle_timeout_ns = 60 * NS_PER_S,
        .write_timeout_ns = 60 * NS_PER_S,
        .request_line_max = 8192,
        .header_bytes_max = 32768,
        .header_fields_max = 100,
        .body_bytes_max = 1u << 20,
        .precompressed = true,
        .memory = memory_heap,
    };
}

static struct head_limits limits_of(const struct http_config *config)
{
    return (struct head_limits){ .line_max = config->request_line_max,
                                 .field_bytes_max = config->header_bytes_max,
                                 .fields_max = config->header_fields_max };
}

/* The server's tables: how many of which size. */
struct table_sizes {
    size_t conns, partials, partial_text, responses, records, pins, path, rates, busy, partial_free,
        response_free;
};

static struct table_sizes table_sizes(const struct http_config *config)
{
    struct head_limits limits = limits_of(config);
    uint32_t files = config->catalogue != NULL ? catalogue_files_max(config->catalogue) : 0;

    return (struct table_sizes){
        .conns = config->connections_max * sizeof(struct http_conn),
        .partials = config->requests_max * sizeof(struct partial_request),
        .partial_text = config->requests_max * head_bytes_max(&limits),
        .responses = config->responses_max * sizeof(struct response),
        .records = config->log != NULL ? config->responses_max * sizeof(struct http_record) : 0,
        .pins = (files != 0 ? files : 1) * sizeof(struct file_pin),
        .path = answer_path_bytes(config->request_line_max),
        .rates = config->clients_max != 0
                     ? rate_entries(config->clients_max) * sizeof(struct rate_entry)
                     : 0,
        .busy = config->clients_max != 0
                    ? busy_entries(config->clients_max) * sizeof(struct busy_entry)
                    : 0,
        .partial_free = config->requests_max * sizeof(uint32_t),
        .response_free = config->responses_max * sizeof(uint32_t),
    };
}

size_t http_server_memory_bytes(const struct http_config *config)
{
    struct table_sizes sizes = table_sizes(config);

    return sizeof(struct http_server) + sizes.conns + sizes.partials + sizes.partial_text +
           sizes.responses + sizes.records + sizes.pins + sizes.path + sizes.rates + sizes.busy +
           sizes.partial_free + sizes.response_free + streams_memory_bytes(config);
}

bool index_pool_create(struct index_pool *pool, const struct memory *memory, size_t bytes)
{
    pool->free = memory_alloc(memory, 1, bytes);
    if (pool->free == NULL)
        return false;
    /* The first to be taken is number 0: what is used stays close together. */
    for (uint32_t i = (uint32_t)(bytes / sizeof(uint32_t)); i-- > 0;)
        pool_give(pool, i);
    return true;
}

/* All but the date, which is written each second. */
static void common_set(struct http_server *server, const char *name)
{
    char *end = stpcpy(server->common_text, HTTP_DATE_FIELD) + DATE_TEXT_BYTES;

    end = stpcpy(end, "\r\n");
    if (name != NULL) {
        ASSERT(strlen(name) <= HTTP_SERVER_NAME_MAX);
        end = stpcpy(stpcpy(stpcpy(end, "Server: "), name), "\r\n");
    }
    server->common = (struct text){ server->common_text, (size_t)(end - server->common_text) };
}

struct http_server *http_server_create(const struct http_config *config)
{
    const struct memory *memory = &config->memory;
    struct table_sizes sizes = table_sizes(config);

    ASSERT(config->connections_max > 0 && config->requests_max > 0 && config->responses_max > 0 &&
           config->pipeline_max > 0);
    struct http_server *server = memory_alloc(memory, 1, sizeof(*server));
    if (server == NULL)
        return NULL;
    server->config = *config;
    server->limits = limits_of(config);
    server->partial_bytes = head_bytes_max(&server->limits);
    server->wait_first = server->wait_last = NONE;
    common_set(server, config->server_name);
    server_second_begin(server, 0);

    server->conns = memory_alloc(memory, 1, sizes.conns);
    server->partials = memory_alloc(memory, 1, sizes.partials);
    server->partial_text = memory_alloc(memory, 1, sizes.partial_text);
    server->responses = memory_alloc(memory, 1, sizes.responses);
    if (sizes.records != 0)
        server->records = memory_alloc(memory, 1, sizes.records);
    server->pins = memory_alloc(memory, 1, sizes.pins);
    server->pin_count = config->catalogue != NULL ? catalogue_files_max(config->catalogue) : 0;
    server->scratch.path = memory_alloc(memory, 1, sizes.path);
    if (server->conns == NULL || server->partials == NULL || server->partial_text == NULL ||
        server->responses == NULL || (sizes.records != 0 && server->records == NULL) ||
        server->pins == NULL || server->scratch.path == NULL ||
        (sizes.rates != 0 &&
         (!rate_create(&server->rates, config->clients_max, config->seed, memory) ||
          !busy_create(&server->busy, config->clients_max, config->seed, memory))) ||
        !index_pool_create(&server->partial_pool, memory, sizes.partial_free) ||
        !index_pool_create(&server->response_pool, memory, sizes.response_free) ||
        !streams_create(server)) {
        http_server_destroy(server);
        return NULL;
    }
    return server;
}

void http_server_destroy(struct http_server *server)
{
    if (server == NULL)
        return;
    const struct memory memory = server->config.memory;

    streams_destroy(server);
    memory_release(&memory, server->response_pool.free);
    memory_release(&memory, server->partial_pool.free);
    busy_destroy(&server->busy, &memory);
    rate_destroy(&server->rates, &memory);
    memory_release(&memory, server->scratch.path);
    memory_release(&memory, server->pins);
    memory_release(&memory, server->records);
    memory_release(&memory, server->responses);
    memory_release(&memory, server->partial_text);
    memory_release(&memory, server->partials);
    memory_release(&memory, server->conns);
    memory_release(&memory, server);
}

void http_server_wall_offset(struct http_server *server, int64_t wall_offset_ns)
{
    server->config.wall_offset_ns = wall_offset_ns;
    server_second_begin(server, server->now);
}

void server_second_begin(struct http_server *server, uint64_t now)
{
    int64_t wall_ns = (int64_t)now + server->config.wall_offset_ns;
    int64_t second = (int64_t)NS_PER_S, rest = wall_ns % second;

    if (rest < 0)
        rest += second;
    server->unix_time = (wall_ns - rest) / second;
    server->second_begin = now - (uint64_t)rest; /* modulo 2^64: it may be before the clock's 0 */
    date_format(server->unix_time, server->common_text + sizeof(HTTP_DATE_FIELD) - 1);
}

void http_server_catalogue(struct http_server *server, const struct catalogue *catalogue)
{
    ASSERT(catalogue_files_max(catalogue) == server->pin_count);
    server->config.catalogue = catalogue;
}

struct file_pin http_server_file_pin(const struct http_server *server, uint32_t index)
{
    ASSERT(index < server->pin_count);
    return file_pin_read(&server->pins[index]);
}

struct file_pin http_server_pins(const struct http_server *server)
{
    struct file_pin sum = { 0 };

    for (uint32_t i = 0; i < server->pin_count; i++) {
        struct file_pin pin = file_pin_read(&server->pins[i]);
        sum.in_flight += pin.in_flight;
        sum.responses += pin.responses;
    }
    if (server->streams != NULL) {
        struct leases_usage usage = leases_usage(server->streams->leases);
        sum.in_flight += usage.in_flight;
        sum.responses += usage.users;
    }
    return sum;
}
