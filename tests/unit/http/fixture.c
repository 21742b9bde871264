/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mempool/etag.h"
#include "mempool/prefix_sum.h"

#define ARENA_BYTES (1u << 20)

/* A file in `pieces` extents with gaps between them. */
static void add_file(struct site *site, const char *name, uint64_t size, unsigned pieces,
                     const char *type, unsigned older_s)
{
    struct file *file = catalogue_add_file(site->catalogue, name, strlen(name), size,
                                           SITE_MTIME - older_s, SITE_MTIME_NS, type);
    struct file_extent extents[4];
    unsigned count = 0;
    uint8_t *plain = malloc(size + 1);

    ck_assert_ptr_nonnull(file);
    for (uint64_t i = 0; i < size; i++)
        plain[i] = site_byte(name, i);
    uint64_t step = size / pieces / PREFIX_SUM_BLOCK * PREFIX_SUM_BLOCK;
    for (uint64_t at = 0; at < size;) {
        uint64_t len = count + 1 < pieces && step != 0 ? step : size - at;
        ck_assert_uint_le(site->arena_used + len + 4096, ARENA_BYTES);
        uint16_t *sums = calloc(prefix_sum_entries(len), sizeof(*sums));
        prefix_sum_extend(sums, 0, plain + at, len);
        site->sums[site->sums_count++] = sums;
        extents[count++] = (struct file_extent){ site->arena + site->arena_used, at, len, sums };
        memcpy(site->arena + site->arena_used, plain + at, len);
        site->arena_used += (len + 4095) / 4096 * 4096;
        at += len;
    }
    ck_assert_int_eq(catalogue_set_extents(site->catalogue, file, extents, count), 0);
    etag_from_content(file);
    free(plain);
}

static void add_directory(struct site *site, const char *name)
{
    ck_assert_int_eq(catalogue_add_directory(site->catalogue, name, strlen(name)), 0);
}

static void site_build(struct site *site)
{
    site->catalogue = catalogue_create(64, 8);
    site->arena = malloc(ARENA_BYTES);
    for (size_t i = 0; i < DEEP_BYTES; i++)
        site->deep[i] = (char)(i % 2 != 0 ? 0xa4 : 0xc3); /* U+00E4 */

    for (unsigned i = 0; site_directories[i] != NULL; i++)
        add_directory(site, site_directories[i]);
    add_directory(site, site->deep);
    for (const struct site_file *file = site_files; file->name != NULL; file++)
        add_file(site, file->name, file->size, file->pieces, file->type, file->older_s);
    /* Listings, as the pool makes them: of ROOT and of a directory without index file. */
    add_file(site, "//0", 700, 1, "text/html; charset=utf-8", 0);
    add_file(site, "noindex//0", 710, 1, "text/html; charset=utf-8", 0);
    add_file(site, "noindex//1", 720, 1, "application/json", 0);
}

void bench_config(struct bench *bench)
{
    memset(bench, 0, sizeof(*bench));
    site_build(&bench->site);
    http_config_defaults(&bench->config);
    bench->config.catalogue = bench->site.catalogue;
    bench->config.connections_max = FAKE_CONNS_MAX;
    bench->config.requests_max = 8;
    bench->config.responses_max = 64;
    bench->config.counters = &bench->counters;
    bench->config.memory = memory_heap;
    /* The stack's clock starts anywhere. */
    bench->config.wall_offset_ns = SITE_NOW * (int64_t)NS_PER_S - 5 * (int64_t)NS_PER_S;
}

void bench_start(struct bench *bench)
{
    bench->server = http_server_create(&bench->config);
    ck_assert_ptr_nonnull(bench->server);
    fake_tcp_init(&bench->tcp, &http_app, bench->server, 5 * NS_PER_S);
}

void bench_stop(struct bench *bench)
{
    fake_tcp_destroy(&bench->tcp);
    ck_assert_uint_eq(http_server_pins(bench->server).responses, 0);
    http_server_destroy(bench->server);
    catalogue_destroy(bench->site.catalogue);
    for (unsigned i = 0; i < bench->site.sums_count; i++)
        free(bench->site.sums[i]);
    free(bench->site.arena);
}

const struct file *site_file(const struct bench *bench, const char *name)
{
    struct catalogue_entry entry = catalogue_find(bench->site.catalogue, name, strlen(name));

    ck_assert_int_eq(entry.kind, CATALOGUE_FILE);
    return entry.file;
}

/* ---- replies ---- */

/* The value of a field, up to its CRLF; NULL: absent. */
static const char *field_value(const struct reply *reply, const char *name, size_t *len)
{
    const char *line = reply->head, *end = reply->head + reply->head_len;
    size_t name_len = strlen(name);

    while (line < end) {
        const char *line_end = memmem(line, (size_t)(end - line), "\r\n", 2);
        ck_assert_ptr_nonnull(line_end);
        size_t line_len = (size_t)(line_end - line);
        if (line_len > name_len && strncasecmp(line, name, name_len) == 0 &&
            line[name_len] == ':') {
            const char *value = line + name_len + 1;
            while (*value == ' ')
                value++;
            *len = (size_t)(line_end - value);
            return value;
        }
        line = line_end + 2;
    }
    return NULL;
}

struct reply reply_read(const uint8_t *data, size_t len, bool body_expected)
{
    struct reply reply = { .head = (const char *)data };
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    size_t value_len;

    ck_assert_msg(end != NULL, "no whole head in %zu bytes", len);
    reply.head_len = (size_t)(end - reply.head) + 4;
    ck_assert_int_eq(memcmp(reply.head, "HTTP/1.1 ", 9), 0);
    reply.status = (unsigned)strtoul(reply.head + 9, NULL, 10);

    const char *value = field_value(&reply, "Content-Length", &value_len);
    if (value != NULL && body_expected && reply.status != 304)
        reply.body_len = strtoull(value, NULL, 10);
    ck_assert(value != NULL || reply.status == 304 || reply.status == 204);
    reply.body = data + reply.head_len;
    reply.total_len = reply.head_len + reply.body_len;
    ck_assert_uint_le(reply.total_len, len);
    return reply;
}

bool reply_has(const struct reply *reply, const char *line)
{
    size_t len = strlen(line);
    const char *at = reply->head, *end = reply->head + reply->head_len;

    while ((at = memmem(at, (size_t)(end - at), line, len)) != NULL) {
        if (at > reply->head && at[-1] == '\n' && at[len] == '\r')
            return true;
        at++;
    }
    return false;
}

bool reply_has_field(const struct reply *reply, const char *name)
{
    size_t len;

    return field_value(reply, name, &len) != NULL;
}

unsigned count_replies(const struct tcp_conn *conn)
{
    unsigned count = 0;

    for (size_t at = 0; at < conn->sent; count++) {
        struct reply reply = reply_read(conn->output + at, conn->sent - at, true);
        ck_assert_uint_eq(reply.status, 200);
        at += reply.total_len;
    }
    return count;
}
