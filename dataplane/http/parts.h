/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A response's body, part by part: which bytes of it are text, which the file's. A body that is not
 * multipart/byteranges is one part without text.
 */
#ifndef HTTP_PARTS_H
#define HTTP_PARTS_H

#include "http/response.h"

struct part {
    uint32_t index;     /* the text that ends a multipart body counts as its last part */
    uint32_t text_len;  /* before its bytes */
    struct range range; /* its bytes of the file; of the end: len 0 */
    uint64_t at;        /* where its text begins, in the body */
    uint32_t chunk;     /* the first of its chunks (mempool/leases.h), see below */
    uint32_t chunks;
};

struct part part_first(const struct response *response);
/* False: there is none behind it. */
bool part_next(const struct response *response, struct part *part);
/* The part that has byte `at` of the body; at the body's end the last one. */
struct part part_at(const struct response *response, uint64_t at);

/*
 * The chunks of the body, counted from 0 in the order in which they are sent: part by part. One
 * that two parts share counts twice.
 */
/* The chunk that holds the first of the file's bytes from byte `at` of the body on; from behind the
 * last one on: how many chunks there are. */
uint32_t body_chunk_at(const struct response *response, uint64_t at);
/* Which chunk of the file it is. */
uint32_t body_chunk_in_file(const struct response *response, uint32_t chunk);
/* How much of the body there is when all chunks before this one are: all text before its bytes
 * waits for it. */
uint64_t body_before_chunk(const struct response *response, uint32_t chunk);

/* Bytes [from, from + len) of the part's file bytes; returns how many fit in fill. */
typedef uint32_t part_bytes(const void *ctx, const struct response *response,
                            const struct part *part, uint64_t from, uint32_t len,
                            struct tx_fill *fill);

/* Bytes [from, from + len) of the body, as far as one packet can hold them in this order: the text
 * of a part after bytes by reference begins the next packet. Returns how many. */
uint32_t parts_resolve(const struct response *response, uint64_t from, uint32_t len,
                       part_bytes *bytes, const void *ctx, struct counters *counters,
                       struct tx_fill *fill);

#endif
