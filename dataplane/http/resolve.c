/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/resolve.h"

#include "base/assert.h"
#include "http/stream.h"

/* The response that holds stream byte at. */
static uint32_t find_response(const struct http_server *server, struct http_conn *conn, uint64_t at)
{
    uint32_t index = conn->recent;

    if (server->responses[index].start > at)
        index = conn->first;
    for (; index != NONE; index = server->responses[index].next) {
        const struct response *response = &server->responses[index];
        if (at - response->start < response_len(response))
            break;
    }
    ASSERT(index != NONE); /* TCP asked for what is acknowledged, or not there yet */
    return index;
}

uint32_t http_resolve(void *ctx, struct tcp_conn *tcp, uint64_t from, uint32_t len,
                      struct tx_fill *fill)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);
    uint32_t provided = 0;

    ASSERT(conn->responses != 0 && from >= server->responses[conn->first].start);
    for (uint32_t index = find_response(server, conn, from); provided < len && index != NONE;
         index = server->responses[index].next) {
        const struct response *response = &server->responses[index];
        uint64_t at = from + provided - response->start;
        uint64_t left = response_len(response) - at;
        uint32_t wanted = left < len - provided ? (uint32_t)left : len - provided;
        struct file_pin *pin = response->file != NULL ? &server->pins[response->file->index] : NULL;

        uint32_t n = response->stream != NONE ? stream_resolve(server, response, at, wanted, fill)
                                              : response_resolve(response, at, wanted, pin,
                                                                 server->config.counters, fill);
        provided += n;
        conn->recent = index;
        if (n < wanted)
            break;
    }
    return provided;
}

void http_look_ahead(void *ctx, uint32_t index, bool next)
{
    const struct http_server *server = ctx;
    const struct http_conn *conn = &server->conns[index];

    if (!next) {
        __builtin_prefetch(conn);
        __builtin_prefetch((const char *)(conn + 1) - 1);
    } else if (conn->recent != NONE) {
        __builtin_prefetch(&server->responses[conn->recent]);
        __builtin_prefetch(server->responses[conn->recent].text);
    }
}
