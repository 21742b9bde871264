/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client says on a connection and what it must hear: a plan of requests, the bytes that make
 * them, and a check of the answering stream byte by byte.
 *
 * Two servers are spoken to: the HTTP server, and the test application (testapp.h), whose requests
 * are records of REQUEST_RECORD_BYTES.
 */
#ifndef SIM_DIALOGUE_H
#define SIM_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_kind {
    /* Test application */
    REQUEST_SOURCE = 'S',  /* answer content [position, position + len) */
    REQUEST_ECHO = 'E',    /* answer the len bytes that follow: content from position */
    REQUEST_DISCARD = 'D', /* check the len bytes that follow: content from position; no answer */
    REQUEST_WAIT = 'W',    /* go on after len nanoseconds; no answer */
    REQUEST_CLOSE = 'C',   /* close when all is answered */
    /* HTTP */
    REQUEST_GET = 'G',   /* file number `file` */
    REQUEST_RANGE = 'R', /* bytes [position, position + len) of it, len > 0 */
    REQUEST_HEAD = 'H',
};

#define REQUEST_RECORD_BYTES 24
#define REQUESTS_MAX         16

struct request {
    enum request_kind kind;
    unsigned file;
    uint64_t position, len; /* for GET and HEAD len is the file's size */
};

struct plan {
    bool http;
    bool server_closes; /* the last request asks the server to close */
    unsigned count;
    struct request request[REQUESTS_MAX];
};

struct dialogue {
    const struct plan *plan;
    unsigned asked;    /* requests written */
    unsigned answered; /* requests whose answer was heard to its end */
    uint64_t heard;    /* bytes of the current answer's body */
    bool in_body;
    char head[1024]; /* of an HTTP response */
    size_t head_len;
    uint64_t total; /* bytes heard in all */
    char why[160];  /* what is wrong with the answer */
};

void dialogue_init(struct dialogue *d, const struct plan *plan);
/* Bytes that the next request takes, and the request itself. */
size_t dialogue_request_bytes(const struct dialogue *d);
void dialogue_ask(struct dialogue *d, uint8_t *to);
/* Checks the next bytes of the answers. False: d->why says what is wrong. */
bool dialogue_hear(struct dialogue *d, const uint8_t *data, size_t len);
/* All requests were written and answered. */
bool dialogue_complete(const struct dialogue *d);
/* Bytes of bodies that are still to come if all requests are answered. */
uint64_t dialogue_remaining(const struct dialogue *d);

#endif
