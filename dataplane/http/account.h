/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps a record of each response while it is under way, if the server has a log. */
#ifndef HTTP_ACCOUNT_H
#define HTTP_ACCOUNT_H

#include "http/request.h"
#include "http/server.h"

/* The two below, where there is a log. */
void account_keep(struct http_server *server, const struct http_conn *conn, unsigned status,
                  struct text head, const struct request *request, uint64_t begun);
void account_tell(struct http_server *server, uint32_t response, uint64_t acknowledged,
                  uint64_t now);

/*
 * conn's last response was made at `now` with this status, for a head whose first byte was read at
 * `begun`; request is NULL if the head could not be parsed.
 */
static inline void account_begin(struct http_server *server, const struct http_conn *conn,
                                 unsigned status, struct text head, const struct request *request,
                                 uint64_t begun)
{
    if (server->records != NULL)
        account_keep(server, conn, status, head, request, begun);
}

/* The response, of which nothing was sent yet, has become another one. */
void account_change(struct http_server *server, uint32_t response, unsigned status);

/* The response is over: the client acknowledged the stream up to `acknowledged`. */
static inline void account_end(struct http_server *server, uint32_t response, uint64_t acknowledged,
                               uint64_t now)
{
    if (server->records != NULL)
        account_tell(server, response, acknowledged, now);
}

#endif
