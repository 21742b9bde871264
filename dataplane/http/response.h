/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A response: generated text (the head, and for errors the body), then bytes of a file. It is built
 * once and kept until it is acknowledged to its end, as any part of it may be sent again. Of a
 * multipart/byteranges body (RFC 9110 section 14.6) only the ranges are kept: the heads of its
 * parts are written each time that they are sent, the parts are references like all else.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/counters.h"
#include "base/text.h"
#include "http/range.h"
#include "http/site.h"
#include "mempool/file.h"
#include "tcp/tcp.h"

#define RESPONSE_BYTES       1536
#define RESPONSE_FIXED_BYTES 72 /* of it, before the text */

struct response {
    uint64_t start;          /* stream offset of its first byte */
    uint64_t body_from;      /* offset in the file */
    uint64_t body_len;       /* bytes behind the text; 0: none */
    const struct file *file; /* pinned; NULL: none */
    uint32_t next;           /* of the connection, in stream order */
    uint32_t stream;         /* a streamed file's (http/stream.h); NONE: it is resident */
    uint16_t text_len;
    uint16_t copy_max;   /* bodies and parts of at most so many bytes are copied beside a head */
    uint16_t part_count; /* of a multipart body; 0: it is none */
    uint16_t fields_at;  /* where in the text the site's fields go */
    uint32_t fields_len; /* bytes of them; 0: there are none */
    const struct http_site *site; /* the text's rest is from there (http/site_fields.h); or NULL */
    uint64_t fields;              /* which of its fields */
    /* A usual head is some 300 bytes; the rest is for the Location of a long name, or holds the
     * ranges of the parts, at its end. */
    union {
        char text[RESPONSE_BYTES - RESPONSE_FIXED_BYTES];
        struct {
            char head[RESPONSE_BYTES - RESPONSE_FIXED_BYTES - RANGES_MAX * sizeof(struct range)];
            struct range part[RANGES_MAX];
        };
    };
};

static_assert(sizeof(struct response) == RESPONSE_BYTES, "no hole");
static_assert(offsetof(struct response, text) == RESPONSE_FIXED_BYTES, "as reckoned");

/* Bytes before the body: the text and what is put into it. */
static inline uint64_t response_text_len(const struct response *response)
{
    return response->text_len + response->fields_len;
}

static inline uint64_t response_len(const struct response *response)
{
    return response_text_len(response) + response->body_len;
}

/* What to answer, before it is text. */
struct answer {
    unsigned status;
    bool head_only;          /* to HEAD: no body, but the fields as if (RFC 9110 section 9.3.2) */
    bool close;              /* we close after it */
    bool keep_alive;         /* HTTP/1.0 asked for it and gets it */
    const struct file *file; /* 200, 206, 304, 416: the file; else NULL */
    uint64_t from, len;      /* 206: the bytes */
    const struct ranges *parts; /* 206: several; NULL: one */
    struct text coding;         /* of file, if it is a variant; empty: identity */
    const char *type;           /* with coding: the media type of what is encoded */
    bool varies;                /* Accept-Encoding has had a say */
    struct text path;  /* 301: decoded, without slashes at its ends; of a redirect: the rest */
    struct text query; /* 301, redirect: with its '?' */
    const struct http_site *site; /* NULL: not known yet */
    struct text site_path;        /* decoded, with its slash; empty: the site adds nothing */
    const struct site_redirect *redirect;
    uint64_t retry_after_s;  /* 429 */
    const struct file *page; /* an error's body (http/error_page.h); NULL: the text made for it */
};

/*
 * Sets text, file, body of response from answer; common is what stands behind each status
 * line: its CRLF, and field lines with theirs. Takes no pin. False: the head does not fit.
 */
bool response_write(struct response *response, const struct answer *answer, struct text common,
                    uint32_t copy_max);

/*
 * Provides bytes [from, from + len) of the response as tcp_app.resolve does; from is relative to
 * its start, from + len within it. Returns how many; 0: nothing fits behind what is in fill
 * already.
 */
uint32_t response_resolve(const struct response *response, uint64_t from, uint32_t len,
                          struct file_pin *pin, struct counters *counters, struct tx_fill *fill);
/* Generated text, beside a packet's header; as above. */
uint32_t response_text(const char *text, uint32_t len, struct counters *counters,
                       struct tx_fill *fill);
/* Bytes [from, from + len) of what is before the body, which has them: the text, with the site's
 * fields in their place. */
uint32_t response_resolve_head(const struct response *response, uint32_t from, uint32_t len,
                               struct counters *counters, struct tx_fill *fill);

#endif
