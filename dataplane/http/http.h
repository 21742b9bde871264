/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HTTP/1.1 server (RFC 9110, RFC 9112) for the files of a catalogue: a tcp_app. One per worker.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include "base/counters.h"
#include "base/memory.h"
#include "http/record.h"
#include "http/site.h"
#include "mempool/catalogue.h"
#include "mempool/leases.h"
#include "tcp/tcp.h"

struct http_server;

#define HTTP_SERVER_NAME_MAX 64

struct http_config {
    const struct catalogue *catalogue;
    const struct sites *sites; /* NULL: all of the catalogue is one site */
    uint32_t clients_max;      /* client addresses that are counted, each of their requests and
                                  connections; 0: no site limits them */
    uint64_t seed[2];          /* secret, random: of their table */
    const char *server_name;   /* Server header, at most HTTP_SERVER_NAME_MAX bytes; NULL: none */
    uint32_t connections_max;  /* as the stack's */
    uint32_t requests_max;     /* partial requests (a parser and its buffers each) at a time */
    uint32_t responses_max;    /* responses not yet acknowledged, of all connections */
    uint32_t streams_max;      /* of these, streamed files' ones; beyond: 503 */
    uint32_t leases;           /* chunks of streamed files held at a time; 0: no file is streamed */
    uint32_t stream_files;     /* numbers of streamed files are below (struct file: stream) */
    struct chunk_frames frames; /* where their chunks are */
    uint32_t pipeline_max;      /* of one connection; further requests wait in the receive buffer */
    uint32_t inline_bytes_max;  /* bodies up to this size are copied beside the header */
    uint64_t header_timeout_ns; /* from the first byte of a request to the end of its head */
    uint64_t body_timeout_ns;   /* from the end of a request's head to the end of its body */
    uint64_t idle_timeout_ns;   /* keep-alive without a request */
    uint64_t write_timeout_ns;  /* a response under way of which nothing more is acknowledged */
    uint32_t request_line_max;  /* bytes; beyond: 414 */
    uint32_t header_bytes_max;  /* bytes of all header fields; beyond: 431 */
    uint32_t header_fields_max; /* beyond: 431 */
    uint64_t body_bytes_max;    /* of a body, read to reach the next request; beyond: closed */
    bool precompressed; /* variants beside files are sent to who accepts them (http/variant.h) */
    int64_t wall_offset_ns; /* Unix time in ns minus the stack's clock */
    /* Called when a response is over, whole or not; the record is read, not kept. NULL: no log. */
    void (*log)(void *ctx, const struct http_record *record);
    void *log_ctx;
    struct counters *counters;
    struct memory memory;
};

void http_config_defaults(struct http_config *config);

/* NULL: out of memory. */
struct http_server *http_server_create(const struct http_config *config);
void http_server_destroy(struct http_server *server);
/* Bytes that http_server_create() takes; without a catalogue, without what each file costs. */
size_t http_server_memory_bytes(const struct http_config *config);

/* What is looked up from now on: a version of the same catalogue. Responses under way keep the
 * files they have. */
void http_server_catalogue(struct http_server *server, const struct catalogue *catalogue);

/* The functions to hand to the stack, with the server as their ctx. */
extern const struct tcp_app http_app;

/* Corrects the clock used for Date (the wall clock may be stepped). */
void http_server_wall_offset(struct http_server *server, int64_t wall_offset_ns);

/*
 * Streamed files: what the server has to say to the streamer (false: nothing more), and the
 * streamer's answers. The stack must know the time (stack_time) when an answer is handed in.
 */
bool http_stream_output(struct http_server *server, struct chunk_message *message);
void http_stream_input(struct http_server *server, const struct chunk_message *message,
                       uint64_t now);
/* Chunks are not given back because packets are in flight: the port should say what it has sent. */
bool http_stream_ending(const struct http_server *server);

/* Sums over this worker's pins, for shutdown checks and statistics: both are 0 when all is quiet.
 * Any thread. */
struct file_pin http_server_pins(const struct http_server *server);
/* Its pins of one file. Any thread. */
struct file_pin http_server_file_pin(const struct http_server *server, uint32_t index);

#endif
