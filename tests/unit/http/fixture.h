/* SPDX-License-Identifier: BSD-3-Clause */
/* A small site, an HTTP server for it on the fake TCP, and a client's view of responses. */
#ifndef TEST_HTTP_FIXTURE_H
#define TEST_HTTP_FIXTURE_H

#include <check.h>

#include "base/time.h"
#include "fake_tcp.h"
#include "http/http.h"
#include "site_files.h"

#define SITE_NOW      INT64_C(1700000000)
#define SITE_NOW_TEXT "Tue, 14 Nov 2023 22:13:20 GMT"

#define DEEP_BYTES    600u /* length of a directory's name whose Location does not fit */

struct site {
    struct catalogue *catalogue;
    uint8_t *arena;
    size_t arena_used;
    uint16_t *sums[128]; /* of each extent */
    unsigned sums_count;
    char deep[DEEP_BYTES + 1];
};

struct bench {
    struct site site;
    struct counters counters;
    struct http_config config;
    struct http_server *server;
    struct fake_tcp tcp;
};

/* config may have been changed after bench_config(). */
void bench_config(struct bench *bench);
void bench_start(struct bench *bench);
/* Checks that nothing is pinned once all connections are gone. */
void bench_stop(struct bench *bench);

const struct file *site_file(const struct bench *bench, const char *name);

/* One response as the client reads it. */
struct reply {
    unsigned status;
    const char *head; /* with the empty line */
    size_t head_len;
    const uint8_t *body;
    size_t body_len;
    size_t total_len;
};

/* Reads the reply at the start of data; body_expected: the request was no HEAD. The whole of it
 * must be there. */
struct reply reply_read(const uint8_t *data, size_t len, bool body_expected);
/* How many there are in what was sent; each must be a 200. */
unsigned count_replies(const struct tcp_conn *conn);
/* Whether the head has this line (without CRLF). */
bool reply_has(const struct reply *reply, const char *line);
bool reply_has_field(const struct reply *reply, const char *name);

#endif
