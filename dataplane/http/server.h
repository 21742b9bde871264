/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of http/ share: the server of one worker and its pools. Everything is allocated
 * when it is created and refers to each other by index.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/assert.h"
#include "base/date.h"
#include "base/time.h"
#include "http/answer.h"
#include "http/body.h"
#include "http/busy.h"
#include "http/head.h"
#include "http/http.h"
#include "http/rate.h"
#include "http/response.h"

#define NONE UINT32_MAX

/* Free objects of an array, by index: a stack. */
struct index_pool {
    uint32_t *free;
    uint32_t free_count;
};

static inline uint32_t pool_take(struct index_pool *pool)
{
    return pool->free_count != 0 ? pool->free[--pool->free_count] : NONE;
}

static inline void pool_give(struct index_pool *pool, uint32_t index)
{
    pool->free[pool->free_count++] = index;
}

/* A request of which a part has arrived. A head that comes in one piece and is all needs none. */
struct partial_request {
    union {
        struct head_scan scan;
        struct body_scan body; /* conn.in_body */
    };
    uint64_t due;    /* when its head, or its body, must be complete */
    uint32_t filled; /* bytes of its buffer, which holds heads only */
};

/* Why receive() took less than it was given. */
enum http_stall {
    STALL_NONE,
    STALL_PIPELINE, /* the connection has pipeline_max responses under way */
    STALL_POOL,     /* no response was free: it is, or was, in the waiting queue */
};

struct http_conn {
    struct tcp_conn *tcp;
    uint64_t stream_end; /* offset behind the last response */
    uint64_t due;        /* of what is under way: write, linger or idle timeout */

    uint32_t first, last; /* responses not acknowledged, in stream order */
    uint32_t recent;    /* the one resolved last: the next question is about it or its successor */
    uint32_t responses; /* how many */
    uint32_t extending; /* the first that TCP does not know all of; NONE: it knows all */
    uint32_t partial;   /* request begun */
    uint32_t wait_prev, wait_next;

    uint32_t busy; /* its entry in the table of busy clients; BUSY_NONE: it is not counted */

    uint8_t stall;    /* enum http_stall */
    bool in_body : 1; /* partial is a request that was answered, and its body is read */
    bool waiting : 1; /* in the queue for a response */
    bool granted : 1; /* one is set aside for it */
    bool closing : 1; /* FIN is sent or ordered, or the connection aborted: input is ignored */
    bool aborted : 1;
    bool draining : 1; /* close at the next occasion */
};

/* One cache line: the table begins at one. It is HTTP's share of an idle connection. */
static_assert(sizeof(struct http_conn) == 64, "a cache line");

#define HTTP_DATE_FIELD "\r\nDate: "
#define HTTP_COMMON_BYTES                                                                          \
    (sizeof(HTTP_DATE_FIELD "\r\nServer: \r\n") + DATE_TEXT_BYTES + HTTP_SERVER_NAME_MAX)

struct stream;

/* http/stream.h; NULL in a server without streamed files. */
struct streams {
    struct leases *leases;
    struct stream *stream;
    struct index_pool pool;
    uint32_t used;
    uint32_t starved_first, starved_last; /* they wait for a lease, oldest first */
};

struct http_server {
    struct http_config config;
    struct head_limits limits;
    size_t partial_bytes; /* of one request's buffer */

    struct http_conn *conns;
    struct partial_request *partials;
    char *partial_text;
    struct response *responses;
    struct http_record *records; /* of each response; NULL: no log */
    struct file_pin *pins;       /* under file->index */
    uint32_t pin_count;
    struct answer_scratch scratch; /* of the request being answered */
    struct site_memo site_memo;
    struct rate_table rates;
    struct busy_table busy;
    struct index_pool partial_pool, response_pool;
    struct streams *streams;

    uint32_t wait_first, wait_last; /* connections that wait for a response, oldest first */
    uint32_t granted;               /* responses of the free ones that are set aside */

    uint64_t now; /* of the latest callback that was told it */

    int64_t unix_time; /* Unix seconds from second_begin on, for one second */
    uint64_t second_begin;
    struct text common; /* in common_text: what stands behind each status line in this second */
    char common_text[HTTP_COMMON_BYTES];
};

/* Of bytes / 4 objects. False: no memory. */
bool index_pool_create(struct index_pool *pool, const struct memory *memory, size_t bytes);

/* A second begins: what is told of it. */
void server_second_begin(struct http_server *server, uint64_t now);

/* Unix seconds. */
static inline int64_t server_unix_time(struct http_server *server, uint64_t now)
{
    if (UNLIKELY(now - server->second_begin >= NS_PER_S))
        server_second_begin(server, now);
    return server->unix_time;
}

/* The end of the status line, Date, Server. */
static inline struct text server_common_fields(struct http_server *server, uint64_t now)
{
    (void)server_unix_time(server, now);
    return server->common;
}

static inline struct http_conn *server_conn(const struct http_server *server,
                                            const struct tcp_conn *tcp)
{
    return &server->conns[tcp_conn_index(tcp)];
}

static inline char *server_partial_text(const struct http_server *server, uint32_t partial)
{
    return server->partial_text + partial * server->partial_bytes;
}

#endif
