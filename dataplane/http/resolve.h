/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream bytes of a connection: which of its responses they belong to. */
#ifndef HTTP_RESOLVE_H
#define HTTP_RESOLVE_H

#include "http/server.h"

/* tcp_app.resolve: all responses that fit in one packet go into it. */
uint32_t http_resolve(void *ctx, struct tcp_conn *tcp, uint64_t from, uint32_t len,
                      struct tx_fill *fill);

/* tcp_app.look_ahead: first the connection, then the response that it is about. */
void http_look_ahead(void *ctx, uint32_t index, bool next);

#endif
