/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/response.h"

#include "base/assert.h"
#include "base/date.h"
#include "http/multipart.h"
#include "http/parts.h"
#include "http/path.h"
#include "http/site_fields.h"
#include "http/status.h"
#include "http/writer.h"

/* ---- building the text ---- */

static void put_content_length(struct writer *w, uint64_t len)
{
    put(w, TEXT("Content-Length: "));
    put_number(w, len);
    put(w, CRLF);
}

/* RFC 9110 section 14.4: which bytes of the file these are, or its size after a 416. */
static void put_content_range(struct writer *w, const struct answer *answer)
{
    put(w, TEXT("Content-Range: bytes "));
    if (answer->status == 206) {
        put_number(w, answer->from);
        put(w, TEXT("-"));
        put_number(w, answer->from + answer->len - 1);
    } else {
        put(w, TEXT("*"));
    }
    put(w, TEXT("/"));
    put_number(w, answer->file->size);
    put(w, CRLF);
}

static void put_encoded(struct writer *w, struct text t,
                        size_t (*encode)(struct text, char *out, size_t max))
{
    size_t len = encode(t, w->at, (size_t)(w->end - w->at));

    if (len == PATH_TOO_LONG)
        w->full = true;
    else
        w->at += len;
}

/* The directory's own address, made from the decoded path: never "//host", which would be another
 * site's. */
static void put_location(struct writer *w, const struct answer *answer)
{
    if (answer->redirect != NULL) {
        put(w, TEXT("Location: "));
        put(w, answer->redirect->to);
        put_encoded(w, answer->path, path_encode);
        if (text_find(answer->redirect->to, '?') == answer->redirect->to.len)
            put_encoded(w, answer->query, query_encode);
        put(w, CRLF);
        return;
    }
    put(w, TEXT("Location: /"));
    put_encoded(w, answer->path, path_encode);
    put(w, TEXT("/"));
    put_encoded(w, answer->query, query_encode);
    put(w, CRLF);
}

/* What the site adds, at this place of the text. */
static void take_site_fields(struct response *response, const struct answer *answer)
{
    response->site = answer->site;
    response->fields = 0;
    response->fields_len = 0;
    if (answer->site == NULL || answer->site->header_count == 0 || answer->site_path.len == 0 ||
        answer->status / 100 > 3)
        return;
    response->fields = site_fields_select(answer->site, answer->site_path);
    response->fields_len = site_fields_len(answer->site, response->fields);
}

static void put_common(struct writer *w, const struct status *status, const struct answer *answer,
                       struct text common)
{
    put(w, status->line);
    put(w, common);
    if (answer->varies)
        put(w, TEXT("Vary: Accept-Encoding\r\n"));
    if (answer->close)
        put(w, TEXT("Connection: close\r\n"));
    else if (answer->keep_alive)
        put(w, TEXT("Connection: keep-alive\r\n"));
}

/* The rest of an answer whose body, if any, is generated. */
static void put_generated(struct writer *w, const struct status *status,
                          const struct answer *answer)
{
    put(w, status->fields);
    if (answer->status / 100 == 3 && answer->status != 304)
        put_location(w, answer);
    if (answer->status == 429) {
        put(w, TEXT("Retry-After: "));
        put_number(w, answer->retry_after_s);
        put(w, CRLF);
    }
    if (answer->status == 416)
        put_content_range(w, answer);
    if (answer->status == 304) { /* RFC 9110 section 15.4.5: no more than tells the version */
        put(w, TEXT("ETag: "));
        put(w, file_etag(answer->file));
        put(w, TEXT("\r\n\r\n"));
        return;
    }
    if (answer->page != NULL) {
        put_content_length(w, answer->page->size);
        put(w, TEXT("Content-Type: "));
        put(w, text_from(answer->page->type));
        put(w, TEXT("\r\n\r\n"));
        return;
    }
    if (status->body.len == 0) { /* 204: neither body nor length (section 8.6) */
        put(w, CRLF);
        return;
    }
    put(w, TEXT("Content-Type: text/plain\r\n"));
    put_content_length(w, status_reason(status).len + status->body.len + 2);
    put(w, CRLF);
    if (answer->head_only)
        return;
    put(w, status_reason(status));
    put(w, TEXT("\n"));
    put(w, status->body);
    put(w, TEXT("\n"));
}

/* Several ranges: the file's fields but Content-Type, its first, which stands in each part. */
static void put_multipart(struct writer *w, const struct answer *answer)
{
    struct text fields = file_fields(answer->file);

    put_content_length(w, multipart_len(answer->file, answer->parts->range, answer->parts->count));
    put(w, TEXT("Content-Type: multipart/byteranges; boundary="));
    put(w, multipart_boundary(answer->file));
    put(w, CRLF);
    put(w, text_skip(fields, text_find(fields, '\n') + 1));
    put(w, CRLF);
}

/* The fields of the file's own; a variant has the type of what it encodes, and the site has its
 * say. */
static void put_file_fields(struct writer *w, const struct answer *answer, struct text type)
{
    struct text fields = file_fields(answer->file);

    if (answer->coding.len != 0) {
        put(w, TEXT("Content-Encoding: "));
        put(w, answer->coding);
        put(w, CRLF);
    }
    if (type.len == 0 && answer->coding.len != 0)
        type = text_from(answer->type);
    if (type.len != 0) {
        put(w, TEXT("Content-Type: "));
        put(w, type);
        put(w, CRLF);
        fields = text_skip(fields, text_find(fields, '\n') + 1);
    }
    put(w, fields);
}

static void put_file(struct writer *w, const struct answer *answer)
{
    struct text type = TEXT(""); /* that the site gives */

    if (answer->parts != NULL) {
        put_multipart(w, answer);
        return;
    }
    if (answer->site != NULL && answer->site->type_count != 0)
        type = site_type_find(answer->site, answer->site_path);
    if (answer->status == 200 && answer->coding.len == 0 && type.len == 0) {
        put(w, file_head(answer->file));
        return;
    }
    if (answer->status == 206)
        put_content_range(w, answer);
    put_content_length(w, answer->len);
    put_file_fields(w, answer, type);
    put(w, CRLF);
}

bool response_write(struct response *response, const struct answer *answer, struct text common,
                    uint32_t copy_max)
{
    const struct status *status = status_find(answer->status);
    bool sends_file = answer->status == 200 || answer->status == 206;
    bool multipart = sends_file && answer->parts != NULL;
    size_t room = multipart ? sizeof(response->head) : sizeof(response->text);
    struct writer w = { .at = response->text, .end = response->text + room };

    put_common(&w, status, answer, common);
    take_site_fields(response, answer);
    response->fields_at = (uint16_t)(w.at - response->text);
    if (sends_file)
        put_file(&w, answer);
    else
        put_generated(&w, status, answer);

    response->text_len = (uint16_t)(w.at - response->text);
    const struct file *file = sends_file ? answer->file : answer->page;
    uint64_t len = sends_file || file == NULL ? answer->len : file->size;
    response->file = !answer->head_only && len != 0 ? file : NULL;
    response->body_from = sends_file ? answer->from : 0;
    response->body_len = response->file != NULL ? len : 0;
    response->copy_max = (uint16_t)copy_max;
    response->part_count = 0;
    if (multipart) {
        response->part_count = (uint16_t)answer->parts->count;
        response->body_len =
            multipart_len(answer->file, answer->parts->range, answer->parts->count);
        memcpy(response->part, answer->parts->range, response->part_count * sizeof(struct range));
    }
    return !w.full;
}

/* ---- handing it to TCP ---- */

/* Room for bytes beside the header, which no extent may precede. */
static uint32_t inline_room(const struct tx_fill *fill, uint64_t wanted)
{
    uint32_t room = fill->extent_count == 0 ? fill->inline_capacity - fill->inline_len : 0;
    return wanted < room ? (uint32_t)wanted : room;
}

uint32_t response_text(const char *text, uint32_t len, struct counters *counters,
                       struct tx_fill *fill)
{
    uint32_t n = inline_room(fill, len);

    memcpy(fill->inline_data + fill->inline_len, text, n);
    tx_fill_inline(fill, n);
    COUNT_N(counters, response_head_bytes, n);
    return n;
}

static uint32_t resolve_site_fields(const struct response *response, uint32_t from, uint32_t len,
                                    struct counters *counters, struct tx_fill *fill)
{
    uint32_t n = inline_room(fill, len);

    site_fields_copy(response->site, response->fields, from, n,
                     fill->inline_data + fill->inline_len);
    fill->inline_len += n;
    COUNT_N(counters, response_head_bytes, n);
    return n;
}

uint32_t response_resolve_head(const struct response *response, uint32_t from, uint32_t len,
                               struct counters *counters, struct tx_fill *fill)
{
    const uint32_t begin = response->fields_at, end = begin + response->fields_len;
    uint32_t done = 0;

    if (LIKELY(response->fields_len == 0))
        return response_text(response->text + from, len, counters, fill);
    while (done < len) {
        uint32_t at = from + done, n, wanted = len - done;
        if (at < begin) {
            wanted = wanted < begin - at ? wanted : begin - at;
            n = response_text(response->text + at, wanted, counters, fill);
        } else if (at < end) {
            wanted = wanted < end - at ? wanted : end - at;
            n = resolve_site_fields(response, at - begin, wanted, counters, fill);
        } else {
            n = response_text(response->text + (at - response->fields_len), wanted, counters, fill);
        }
        done += n;
        if (n < wanted)
            break;
    }
    return done;
}

/* Bytes [from, from + len) of the file, of a body or part of body_len bytes. */
static uint32_t resolve_file(const struct response *response, uint64_t body_len, uint64_t from,
                             uint32_t len, struct file_pin *pin, struct counters *counters,
                             struct tx_fill *fill)
{
    uint32_t n;

    if (body_len <= response->copy_max) {
        n = inline_room(fill, len);
        file_copy(response->file, from, n, fill->inline_data + fill->inline_len);
        tx_fill_inline(fill, n);
        COUNT_N(counters, payload_bytes_copied, n);
        return n;
    }
    n = file_resolve(response->file, from, len, pin, fill);
    COUNT_N(counters, payload_bytes_referenced, n);
    return n;
}

struct resident {
    struct file_pin *pin;
    struct counters *counters;
};

static uint32_t resolve_part(const void *ctx, const struct response *response,
                             const struct part *part, uint64_t from, uint32_t len,
                             struct tx_fill *fill)
{
    const struct resident *resident = ctx;

    return resolve_file(response, part->range.len, part->range.from + from, len, resident->pin,
                        resident->counters, fill);
}

static uint32_t resolve_body(const struct response *response, uint64_t from, uint32_t len,
                             struct file_pin *pin, struct counters *counters, struct tx_fill *fill)
{
    struct resident resident = { pin, counters };

    if (response->part_count != 0)
        return parts_resolve(response, from, len, resolve_part, &resident, counters, fill);
    return resolve_file(response, response->body_len, response->body_from + from, len, pin,
                        counters, fill);
}

uint32_t response_resolve(const struct response *response, uint64_t from, uint32_t len,
                          struct file_pin *pin, struct counters *counters, struct tx_fill *fill)
{
    uint32_t n = 0;

    DEBUG_ASSERT(from + len <= response_len(response));
    if (from < response_text_len(response)) {
        uint64_t left = response_text_len(response) - from;
        uint32_t wanted = left < len ? (uint32_t)left : len;
        n = response_resolve_head(response, (uint32_t)from, wanted, counters, fill);
        if (n < wanted)
            return n;
    }
    if (n < len)
        n += resolve_body(response, from + n - response_text_len(response), len - n, pin, counters,
                          fill);
    return n;
}
