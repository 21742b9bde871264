/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/wait.h"

#include "http/due.h"

void wait_enter(struct http_server *server, struct http_conn *conn)
{
    uint32_t self = (uint32_t)(conn - server->conns);

    conn->waiting = true;
    conn->wait_prev = server->wait_last;
    conn->wait_next = NONE;
    if (server->wait_last != NONE)
        server->conns[server->wait_last].wait_next = self;
    else
        server->wait_first = self;
    server->wait_last = self;
}

void wait_leave(struct http_server *server, struct http_conn *conn)
{
    conn->waiting = false;
    if (conn->wait_prev != NONE)
        server->conns[conn->wait_prev].wait_next = conn->wait_next;
    else
        server->wait_first = conn->wait_next;
    if (conn->wait_next != NONE)
        server->conns[conn->wait_next].wait_prev = conn->wait_prev;
    else
        server->wait_last = conn->wait_prev;
}

void wait_serve(struct http_server *server)
{
    while (server->wait_first != NONE && server->response_pool.free_count > server->granted) {
        struct http_conn *conn = &server->conns[server->wait_first];
        wait_leave(server, conn);
        conn->granted = true;
        server->granted++;
        if (conn->responses == 0)
            conn->due = server->now + server->config.header_timeout_ns;
        conn_arm(server, conn);
        tcp_receive_resume(conn->tcp);
    }
}

bool response_to_be_had(const struct http_server *server, const struct http_conn *conn)
{
    return conn->granted || server->response_pool.free_count > server->granted;
}

void grant_drop(struct http_server *server, struct http_conn *conn)
{
    server->granted -= conn->granted;
    conn->granted = false;
}
