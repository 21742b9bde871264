/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streamed files: those that do not lie in the pool but come through the cache of chunks
 * (mempool/leases.h). A response of one extends the stream only as far as its chunks are there;
 * from the first byte that is not acknowledged to the last that TCP knows of they are held, so that
 * any of them can be sent again. TCP never waits: it has nothing more to send until the next chunk
 * is there.
 *
 * Chunks are those of the body, as http/parts.h counts them.
 *
 * The next chunks are asked for ahead: twice what is in flight, or as many as the disk needs to
 * keep up (two, and twice as many whenever it was late), at most the stream's share of the worker's
 * leases. When no lease is left, streams wait for one, first come, first served, for one chunk at a
 * time.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "http/server.h"

/* Chunks of one response that are held or asked for at the most: its window, and what is read
 * ahead. */
#define STREAM_CHUNKS_MAX 64

enum stream_wait {
    STREAM_RUNS,
    STREAM_WAITS_CHUNK, /* in the list of the lease of chunk ready_end */
    STREAM_WAITS_LEASE, /* in the server's queue */
};

struct stream {
    uint64_t told; /* bytes of the response that TCP knows of */
    uint32_t conn, response;
    uint32_t file;                 /* its number among the streamed ones */
    uint32_t first;                /* chunks of the body: the first that is held, */
    uint32_t ready_end, asked_end; /* behind the last that is there, that is asked for, */
    uint32_t end;                  /* and how many there are */
    uint32_t ahead;                /* chunks to read ahead: doubled whenever they did not suffice */
    uint32_t wait_prev, wait_next;
    uint8_t waits;                     /* enum stream_wait */
    uint32_t lease[STREAM_CHUNKS_MAX]; /* of chunk n at n % STREAM_CHUNKS_MAX */
};

/* server->leases and what goes with it; false: out of memory. */
bool streams_create(struct http_server *server);
void streams_destroy(struct http_server *server);
size_t streams_memory_bytes(const struct http_config *config);

/* Whether the file's bytes can be had: it is resident, or can be read and a stream is free. */
bool stream_to_be_had(struct http_server *server, const struct file *file);

/* Gives a response with a streamed file's body, of that connection, its stream. */
void stream_open(struct http_server *server, struct http_conn *conn, struct response *response);
/* The response goes: so do its stream and all its leases. */
void stream_close(struct http_server *server, struct response *response);

/* What TCP knows of the connection's stream: less than stream_end while chunks are missing. */
uint64_t stream_told(const struct http_server *server, const struct http_conn *conn);

/* Offset of the connection's stream up to which the response is there. Asks for what is missing.
 * STREAM_FAILED: the next chunk cannot be had, ever. */
#define STREAM_FAILED UINT64_MAX
uint64_t stream_ready(struct http_server *server, struct response *response);

/* Everything of the connection below upto is acknowledged: chunks below are let go. */
void stream_acknowledged(struct http_server *server, struct response *response, uint64_t upto);

/* As response_resolve(). */
uint32_t stream_resolve(struct http_server *server, const struct response *response, uint64_t from,
                        uint32_t len, struct tx_fill *fill);

/* The connection has sent all there is and waits for the disk or its turn: no fault of the
 * client's. */
bool stream_waits(const struct http_server *server, const struct http_conn *conn);

#endif
