/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/due.h"

#include "base/time.h"

uint64_t conn_due(const struct http_server *server, const struct http_conn *conn)
{
    uint64_t due = conn->due;
    bool begun = conn->partial != NONE && conn->stall == STALL_NONE;

    if (conn->responses == 0 && !conn->closing && (conn->waiting || begun))
        due = TIME_NEVER;
    if (begun)
        due = time_min(due, server->partials[conn->partial].due);
    return due;
}

void conn_arm(const struct http_server *server, struct http_conn *conn)
{
    uint64_t due = conn_due(server, conn);

    if (due < tcp_app_deadline_set(conn->tcp))
        tcp_app_deadline(conn->tcp, due);
}
