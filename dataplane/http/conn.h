/* SPDX-License-Identifier: BSD-3-Clause */
/* What other files of http/ ask of a connection. */
#ifndef HTTP_CONN_H
#define HTTP_CONN_H

#include "http/server.h"

/*
 * Tells TCP of all that is there now of the responses under way; closes behind the last of them if
 * that is due. A streamed response that cannot be had becomes a 503 if none of it was sent, else
 * the connection is aborted: a length that was promised is kept or seen to be broken.
 */
void conn_extend(struct http_server *server, struct http_conn *conn, uint64_t now);

#endif
