/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is told of a request when its response is over: a line of an access log. A record is a value
 * of fixed size without pointers, so that it can be copied to whoever writes the log.
 */
#ifndef HTTP_RECORD_H
#define HTTP_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "tcp/tcp.h"

enum http_record_text {
    RECORD_METHOD,   /* empty: the request was malformed, and the target is its first line */
    RECORD_TARGET,   /* as it was sent */
    RECORD_PROTOCOL, /* "HTTP/1.1" */
    RECORD_HOST,
    RECORD_REFERER,
    RECORD_AGENT,
    RECORD_TEXTS,
};

/* Bytes of each that are kept. */
enum {
    RECORD_METHOD_MAX = 16,
    RECORD_TARGET_MAX = 384,
    RECORD_PROTOCOL_MAX = 8,
    RECORD_HOST_MAX = 64,
    RECORD_REFERER_MAX = 160,
    RECORD_AGENT_MAX = 192,
    RECORD_TEXT_BYTES = RECORD_METHOD_MAX + RECORD_TARGET_MAX + RECORD_PROTOCOL_MAX +
                        RECORD_HOST_MAX + RECORD_REFERER_MAX + RECORD_AGENT_MAX,
};

struct http_record {
    int64_t wall_ns;      /* Unix time when the response was over */
    uint64_t duration_ns; /* until then, from the first byte of the request's head that was read */
    uint64_t body_bytes;  /* of the response's body; those that the client acknowledged */
    struct tcp_peer peer;
    uint16_t status;
    uint16_t head_len; /* of the response */
    bool complete;     /* the client acknowledged the whole response */
    uint8_t cut;       /* bit 1 << text: it was longer than what is kept */
    uint16_t len[RECORD_TEXTS];
    char text[RECORD_TEXT_BYTES]; /* one after the other */
};

static inline struct text http_record_text(const struct http_record *record,
                                           enum http_record_text which)
{
    size_t at = 0;

    for (unsigned i = 0; i < which; i++)
        at += record->len[i];
    return (struct text){ record->text + at, record->len[which] };
}

#endif
