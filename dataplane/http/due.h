/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection's deadline: one, of whatever it waits for, and renewed lazily. */
#ifndef HTTP_DUE_H
#define HTTP_DUE_H

#include "http/server.h"

/* The time that counts now. A client that waits for a response of the pool is not to blame. */
uint64_t conn_due(const struct http_server *server, const struct http_conn *conn);

/* Tells TCP only of an earlier deadline; a later one is found when the earlier has passed, so that
 * acknowledgements do not move timers. */
void conn_arm(const struct http_server *server, struct http_conn *conn);

#endif
