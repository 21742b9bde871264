/* SPDX-License-Identifier: BSD-3-Clause */
#include "dialogue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"

/* ------------------------------------------------------------------------------------- speaking */

static bool uploads(const struct request *r)
{
    return r->kind == REQUEST_ECHO || r->kind == REQUEST_DISCARD;
}

static bool last_request(const struct dialogue *d)
{
    return d->asked + 1 == d->plan->count;
}

static size_t http_request(const struct dialogue *d, char *text, size_t size)
{
    const struct request *r = &d->plan->request[d->asked];
    char range[80] = "";

    if (r->kind == REQUEST_RANGE)
        snprintf(range, sizeof(range), "Range: bytes=%" PRIu64 "-%" PRIu64 "\r\n", r->position,
                 r->position + r->len - 1);
    int n = snprintf(text, size, "%s /f%u.bin HTTP/1.1\r\nHost: simulator\r\n%s%s\r\n",
                     r->kind == REQUEST_HEAD ? "HEAD" : "GET", r->file, range,
                     last_request(d) && d->plan->server_closes ? "Connection: close\r\n" : "");
    return (size_t)n;
}

size_t dialogue_request_bytes(const struct dialogue *d)
{
    const struct request *r = &d->plan->request[d->asked];
    char text[512];

    if (d->plan->http)
        return http_request(d, text, sizeof(text));
    return REQUEST_RECORD_BYTES + (uploads(r) ? (size_t)r->len : 0);
}

static void advance(struct dialogue *d);

void dialogue_ask(struct dialogue *d, uint8_t *to)
{
    const struct request *r = &d->plan->request[d->asked];
    char text[512];

    if (d->plan->http) {
        size_t n = http_request(d, text, sizeof(text));
        memcpy(to, text, n);
    } else {
        memset(to, 0, REQUEST_RECORD_BYTES);
        to[0] = (uint8_t)r->kind;
        memcpy(to + 8, &r->position, 8);
        memcpy(to + 16, &r->len, 8);
        if (uploads(r))
            content_copy(r->position, to + REQUEST_RECORD_BYTES, (size_t)r->len);
    }
    d->asked++;
    advance(d);
}

/* ------------------------------------------------------------------------------------ listening */

/* Content position and length of the answer's body. */
static void answer_body(const struct request *r, uint64_t *position, uint64_t *len)
{
    bool in_file = r->kind == REQUEST_GET || r->kind == REQUEST_RANGE;

    *position = (in_file ? content_of_file(r->file) : 0) + r->position;
    *len = in_file || r->kind == REQUEST_SOURCE || r->kind == REQUEST_ECHO ? r->len : 0;
}

/* Steps over answers that are complete. */
static void advance(struct dialogue *d)
{
    uint64_t position, len;

    while (d->answered < d->asked) {
        answer_body(&d->plan->request[d->answered], &position, &len);
        if (d->plan->http ? !d->in_body || d->heard < len : d->heard < len)
            return;
        d->answered++;
        d->heard = 0;
        d->in_body = false;
        d->head_len = 0;
    }
}

void dialogue_init(struct dialogue *d, const struct plan *plan)
{
    memset(d, 0, sizeof(*d));
    d->plan = plan;
}

static bool wrong(struct dialogue *d, const char *what)
{
    snprintf(d->why, sizeof(d->why),
             "answer %u, %" PRIu64 " bytes into its body, byte %" PRIu64 " of the stream: %s",
             d->answered, d->heard, d->total, what);
    return false;
}

static bool check_head(struct dialogue *d)
{
    const struct request *r = &d->plan->request[d->answered];
    const char *status = r->kind == REQUEST_RANGE ? "HTTP/1.1 206 " : "HTTP/1.1 200 ";

    if (strncmp(d->head, status, strlen(status)) != 0)
        return wrong(d, "unexpected status line");
    const char *field = strcasestr(d->head, "\r\ncontent-length:");
    if (field == NULL)
        return wrong(d, "no Content-Length");
    if (strtoull(field + 17, NULL, 10) != r->len)
        return wrong(d, "wrong Content-Length");
    return true;
}

/* Takes bytes up to the end of the response head. */
static bool hear_head(struct dialogue *d, const uint8_t *data, size_t len, size_t *taken)
{
    for (*taken = 0; *taken < len && !d->in_body;) {
        if (d->head_len + 1 >= sizeof(d->head))
            return wrong(d, "response head too long");
        d->head[d->head_len++] = (char)data[(*taken)++];
        d->head[d->head_len] = '\0';
        if (d->head_len >= 4 && memcmp(d->head + d->head_len - 4, "\r\n\r\n", 4) == 0)
            d->in_body = true;
    }
    return !d->in_body || check_head(d);
}

bool dialogue_hear(struct dialogue *d, const uint8_t *data, size_t len)
{
    while (len > 0) {
        uint64_t position, body;
        size_t taken;

        if (d->answered == d->asked)
            return wrong(d, "bytes that nobody asked for");
        answer_body(&d->plan->request[d->answered], &position, &body);
        if (d->plan->http && !d->in_body) {
            if (!hear_head(d, data, len, &taken))
                return false;
        } else {
            taken = len < body - d->heard ? len : (size_t)(body - d->heard);
            if (!content_equal(position + d->heard, data, taken))
                return wrong(d, "content differs");
            d->heard += taken;
        }
        d->total += taken;
        data += taken;
        len -= taken;
        advance(d);
    }
    return true;
}

bool dialogue_complete(const struct dialogue *d)
{
    return d->answered == d->plan->count;
}

uint64_t dialogue_remaining(const struct dialogue *d)
{
    uint64_t position, len, sum = 0;

    for (unsigned i = d->answered; i < d->plan->count; i++) {
        answer_body(&d->plan->request[i], &position, &len);
        sum += len;
    }
    return sum - d->heard;
}
