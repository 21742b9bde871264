/* SPDX-License-Identifier: BSD-3-Clause */
/* Stands between TCP and the HTTP server and holds TCP to what tcp.h promises its applications. */
#ifndef FUZZ_CONTRACT_H
#define FUZZ_CONTRACT_H

#include "http/http.h"
#include "tcp/tcp.h"

#define CONTRACT_CONNS_MAX 16

struct contract {
    struct http_server *http;
    uint64_t now;
    uint32_t open_count;
    struct contract_conn {
        bool open, ended;
        uint64_t acknowledged;
    } conn[CONTRACT_CONNS_MAX];
};

/* With a struct contract as ctx. */
extern const struct tcp_app contract_app;

#endif
