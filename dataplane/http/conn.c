/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection, from TCP's callbacks: bytes -> head -> answer -> response -> acknowledged.
 *
 * Input is taken head by head. A head is answered when it is complete and a response is free for
 * it; else its last piece is left with TCP, whose window then slows the client down, until
 * responses are acknowledged. A body is read to its end, which tells where the next request begins,
 * and thrown away; where that is not worth it, or not known, the connection is closed behind the
 * answer (RFC 9112 section 9.3): no byte of a body can be taken for a request.
 */
#include "http/conn.h"
#include "base/assert.h"
#include "base/time.h"
#include "http/account.h"
#include "http/choose.h"
#include "http/due.h"
#include "http/error_page.h"
#include "http/request.h"
#include "http/request_plain.h"
#include "http/resolve.h"
#include "http/server.h"
#include "http/status.h"
#include "http/stream.h"
#include "http/wait.h"

/* ---- partial requests ---- */

static void partial_drop(struct http_server *server, struct http_conn *conn)
{
    if (conn->partial != NONE)
        pool_give(&server->partial_pool, conn->partial);
    conn->partial = NONE;
    conn->in_body = false;
}

/* Keeps len bytes more of a head that came in pieces. False: no buffer is left. */
static bool partial_append(struct http_server *server, struct http_conn *conn,
                           const struct head_scan *scan, const uint8_t *data, size_t len,
                           uint64_t now)
{
    if (conn->partial == NONE) {
        conn->partial = pool_take(&server->partial_pool);
        if (conn->partial == NONE)
            return false;
        server->partials[conn->partial].due = now + server->config.header_timeout_ns;
        server->partials[conn->partial].filled = 0;
    }
    struct partial_request *partial = &server->partials[conn->partial];
    size_t room = server->partial_bytes - partial->filled;
    if (len > room) /* only of what is over the limits; it will not be parsed */
        len = room;
    memcpy(server_partial_text(server, conn->partial) + partial->filled, data, len);
    partial->filled += (uint32_t)len;
    partial->scan = *scan;
    return true;
}

/* ---- responses ---- */

static void count_status(struct counters *counters, unsigned status)
{
    COUNT(counters, http_requests);
    switch (status / 100) {
    case 2:
        COUNT(counters, http_2xx);
        break;
    case 3:
        COUNT(counters, http_3xx);
        break;
    case 4:
        COUNT(counters, http_4xx);
        break;
    default:
        COUNT(counters, http_5xx);
        break;
    }
}

static void response_free(struct http_server *server, uint32_t index, uint64_t acknowledged,
                          uint64_t now)
{
    struct response *response = &server->responses[index];

    account_end(server, index, acknowledged, now);
    stream_close(server, response);
    if (response->file != NULL)
        server->pins[response->file->index].responses--;
    pool_give(&server->response_pool, index);
}

/* Nothing is being answered: it does not count as busy. */
static void conn_rest(struct http_server *server, struct http_conn *conn)
{
    busy_leave(&server->busy, conn->busy);
    conn->busy = BUSY_NONE;
}

/* FIN behind what the stream has; what still comes in is ignored. */
static void conn_close(struct http_server *server, struct http_conn *conn, uint64_t now)
{
    if (conn->closing)
        return;
    conn->closing = true;
    partial_drop(server, conn);
    grant_drop(server, conn);
    if (conn->responses == 0)
        conn->due = now + server->config.idle_timeout_ns;
    if (conn->extending == NONE) /* else when all is there */
        tcp_close(conn->tcp);
}

static void conn_abort(struct http_server *server, struct http_conn *conn)
{
    conn->closing = conn->aborted = true;
    partial_drop(server, conn);
    tcp_abort(conn->tcp);
}

/* Closes a connection that waits for the next request, if the server is draining. */
static void close_if_drained(struct http_server *server, struct http_conn *conn, uint64_t now)
{
    if (conn->draining && conn->responses == 0 && conn->partial == NONE &&
        conn->stall == STALL_NONE)
        conn_close(server, conn, now);
}

/* Writes the answer's text. A Location that does not fit is an address too long; the rest always
 * fits, but for a media type of absurd length. */
static void write_answer(struct http_server *server, struct response *response,
                         struct answer *answer, uint64_t now)
{
    struct text common = server_common_fields(server, now);
    uint32_t copy_max = server->config.inline_bytes_max;

    answer->close |= status_find(answer->status)->close;
    if (response_write(response, answer, common, copy_max))
        return;
    if (answer->parts != NULL) { /* a Range may be ignored (RFC 9110 section 14.2) */
        answer->parts = NULL;
        answer->status = 200;
        answer->from = 0;
        answer->len = answer->file->size;
        if (response_write(response, answer, common, copy_max))
            return;
    }
    answer->status = answer->status / 100 == 3 ? 414 : 500;
    answer->close = true;
    answer->page = NULL;
    bool fits = response_write(response, answer, common, copy_max);
    ASSERT(fits);
}

/* The file of the response that is next cannot be read. True: it says so now. */
static bool conn_break(struct http_server *server, struct http_conn *conn, uint64_t now)
{
    struct response *response = &server->responses[conn->extending];
    struct answer answer = { .status = 503, .close = true };
    const struct http_site *site = response->site;

    COUNT(server->config.counters, stream_broken);
    if (stream_told(server, conn) > response->start || conn->extending != conn->last) {
        conn_abort(server, conn);
        return false;
    }
    stream_close(server, response);
    server->pins[response->file->index].responses--;
    error_page_choose(server, site, &answer);
    if (answer.page != NULL && answer.page->stream != 0) /* the disk has just failed */
        answer.page = NULL;
    write_answer(server, response, &answer, now);
    if (response->file != NULL)
        server->pins[response->file->index].responses++;
    conn->stream_end = response->start + response_len(response);
    account_change(server, conn->extending, answer.status);
    COUNT(server->config.counters, http_5xx);
    conn_close(server, conn, now);
    return true;
}

void conn_extend(struct http_server *server, struct http_conn *conn, uint64_t now)
{
    uint64_t told = stream_told(server, conn), end = told;

    if (conn->aborted)
        return;
    while (conn->extending != NONE) {
        struct response *response = &server->responses[conn->extending];
        if (response->stream != NONE)
            end = stream_ready(server, response);
        if (end == STREAM_FAILED && !conn_break(server, conn, now))
            return;
        if (response->stream == NONE)
            end = response->start + response_len(response);
        if (response->stream != NONE && end != STREAM_FAILED)
            server->streams->stream[response->stream].told = end - response->start;
        if (end < response->start + response_len(response))
            break;
        conn->extending = response->next;
    }
    if (end > told) {
        if (tcp_acknowledged(conn->tcp) == told) /* until now the disk was late */
            conn->due = now + server->config.write_timeout_ns;
        tcp_stream_extend(conn->tcp, end);
    }
    if (conn->closing && conn->extending == NONE)
        tcp_close(conn->tcp);
}

/* Puts answer behind the stream. A response must be to be had. */
static void conn_answer(struct http_server *server, struct http_conn *conn, struct answer *answer,
                        uint64_t now)
{
    grant_drop(server, conn);
    uint32_t index = pool_take(&server->response_pool);
    ASSERT(index != NONE);
    struct response *response = &server->responses[index];

    answer->close |= conn->draining;
    response->stream = NONE;
    write_answer(server, response, answer, now);
    response->start = conn->stream_end;
    response->next = NONE;
    if (response->file != NULL)
        server->pins[response->file->index].responses++;
    if (response->file != NULL && response->file->stream != 0)
        stream_open(server, conn, response);
    if (conn->responses++ == 0) {
        conn->first = conn->recent = index;
        conn->due = now + server->config.write_timeout_ns;
    } else {
        server->responses[conn->last].next = index;
    }
    conn->last = index;
    conn->stream_end += response_len(response);
    count_status(server->config.counters, answer->status);
    if (conn->extending == NONE)
        conn->extending = index;
    conn_extend(server, conn, now);
    if (answer->close)
        conn_close(server, conn, now);
}

/* When the head that is answered at `now` began to come. */
static uint64_t head_begun(const struct http_server *server, const struct http_conn *conn,
                           uint64_t now)
{
    return conn->partial == NONE
               ? now
               : server->partials[conn->partial].due - server->config.header_timeout_ns;
}

/* An answer to what is no valid request. Its first bytes still tell which method it wanted. */
static void conn_answer_error(struct http_server *server, struct http_conn *conn, unsigned status,
                              struct text head, uint64_t now)
{
    struct answer answer = {
        .status = status,
        .close = true,
        .head_only = head.len >= 5 && memcmp(head.at, "HEAD ", 5) == 0,
    };
    uint64_t begun = head_begun(server, conn, now);

    error_page_choose(server, error_page_site(server, conn), &answer);
    conn_answer(server, conn, &answer, now);
    account_begin(server, conn, answer.status, head, NULL, begun);
}

/*
 * Gets ready to read the body of a request that is about to be answered. False: it will not be
 * read. A client that waits for 100 is better told at once: the final answer may come instead
 * (RFC 9110 section 10.1.1), and as the body may come or not the connection must end.
 */
static bool body_begin(struct http_server *server, struct http_conn *conn,
                       const struct request *request, uint64_t now)
{
    const struct http_config *config = &server->config;

    if (!request->keep_alive || request->expects_continue || conn->draining ||
        (request->body == BODY_LENGTH && request->body_len > config->body_bytes_max))
        return false;
    if (conn->partial == NONE)
        conn->partial = pool_take(&server->partial_pool);
    if (conn->partial == NONE) {
        COUNT(config->counters, http_request_exhausted);
        return false;
    }
    struct partial_request *partial = &server->partials[conn->partial];
    partial->body = request->body == BODY_LENGTH
                        ? body_scan_length(request->body_len, config->body_bytes_max)
                        : body_scan_chunked(config->body_bytes_max);
    partial->due = now + config->body_timeout_ns;
    conn->in_body = true;
    return true;
}

static void conn_answer_request(struct http_server *server, struct http_conn *conn,
                                const struct request *request, struct text head, uint64_t now)
{
    uint64_t begun = head_begun(server, conn, now);
    struct answer answer;

    choose_answer(server, conn, request, now, &answer);
    if (answer.file != NULL && answer.status < 300 && !stream_to_be_had(server, answer.file))
        answer = (struct answer){ .status = 503,
                                  .head_only = answer.head_only,
                                  .site = answer.site,
                                  .site_path = answer.site_path };
    error_page_choose(server, answer.site, &answer);
    answer.close = !request->keep_alive ||
                   (request->body != BODY_NONE && !body_begin(server, conn, request, now));
    answer.keep_alive = request->minor_0;
    conn_answer(server, conn, &answer, now);
    account_begin(server, conn, answer.status, head, request, begun);
}

static void conn_answer_head(struct http_server *server, struct http_conn *conn, struct text head,
                             uint64_t now)
{
    struct request request;
    unsigned error = request_parse(head, &request);

    if (error != 0)
        conn_answer_error(server, conn, error, head, now);
    else
        conn_answer_request(server, conn, &request, head, now);
}

/* ---- input ---- */

/* Whether a complete request may be answered now; if not, its input stalls and comes again. */
static bool conn_may_answer(struct http_server *server, struct http_conn *conn)
{
    if (conn->responses >= server->config.pipeline_max) {
        conn->stall = STALL_PIPELINE;
        return false;
    }
    if (response_to_be_had(server, conn))
        return true;
    conn->stall = STALL_POOL;
    COUNT(server->config.counters, http_response_exhausted);
    if (!conn->waiting)
        wait_enter(server, conn);
    return false;
}

/* The status for input that is no head. */
static unsigned scan_error_status(enum head_result result)
{
    switch (result) {
    case HEAD_LINE_LONG:
        return 414;
    case HEAD_FIELDS_LONG:
        return 431;
    default:
        return 400;
    }
}

/* Takes the body of a request that was answered, or a part of it; at its end the next head begins.
 * There is no second answer to tell what is wrong with it. */
static size_t take_body(struct http_server *server, struct http_conn *conn, const uint8_t *data,
                        size_t len, uint64_t now)
{
    size_t used;

    switch (body_scan(&server->partials[conn->partial].body, data, len, &used)) {
    case BODY_PARTIAL:
        break;
    case BODY_COMPLETE:
        partial_drop(server, conn);
        close_if_drained(server, conn, now);
        break;
    case BODY_MALFORMED:
        COUNT(server->config.counters, http_body_malformed);
        conn_close(server, conn, now);
        break;
    case BODY_LONG:
        COUNT(server->config.counters, http_body_long);
        conn_close(server, conn, now);
        break;
    }
    return used;
}

/* Takes one head, or a part of it, in whatever form. Returns the bytes taken; 0: the input has
 * stalled. */
static size_t take_any_head(struct http_server *server, struct http_conn *conn, const uint8_t *data,
                            size_t len, uint64_t now)
{
    struct head_scan scan = { 0 };
    struct text head;
    size_t used;

    if (conn->partial != NONE)
        scan = server->partials[conn->partial].scan;
    enum head_result result = head_scan(&scan, &server->limits, data, len, &used);

    if (result == HEAD_EMPTY_LINE) {
        partial_drop(server, conn);
        return used;
    }
    if (result != HEAD_PARTIAL && !conn_may_answer(server, conn))
        return 0;
    if (result == HEAD_PARTIAL || conn->partial != NONE) {
        if (!partial_append(server, conn, &scan, data, used, now)) {
            COUNT(server->config.counters, http_request_exhausted);
            conn_abort(server, conn);
            return used;
        }
        if (result == HEAD_PARTIAL)
            return used;
    }

    head = (struct text){ (const char *)data, used };
    if (conn->partial != NONE)
        head = (struct text){ server_partial_text(server, conn->partial),
                              server->partials[conn->partial].filled };
    if (result == HEAD_COMPLETE)
        conn_answer_head(server, conn, head, now);
    else
        conn_answer_error(server, conn, scan_error_status(result), head, now);
    if (!conn->in_body)
        partial_drop(server, conn);
    return used;
}

/* As above: a head in the usual form and in one piece needs no buffer and no second look. */
static size_t take_head(struct http_server *server, struct http_conn *conn, const uint8_t *data,
                        size_t len, uint64_t now)
{
    struct request request;
    size_t used = conn->partial == NONE ? request_plain(data, len, &server->limits, &request) : 0;

    if (used == 0)
        return take_any_head(server, conn, data, len, now);
    if (!conn_may_answer(server, conn))
        return 0;
    conn_answer_request(server, conn, &request, (struct text){ (const char *)data, used }, now);
    return used;
}

static size_t http_receive(void *ctx, struct tcp_conn *tcp, const uint8_t *data, size_t len,
                           uint64_t now)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);
    size_t taken = 0;

    server->now = now;
    conn->stall = STALL_NONE;
    while (taken < len && conn->stall == STALL_NONE && !conn->closing)
        taken +=
            (conn->in_body ? take_body : take_head)(server, conn, data + taken, len - taken, now);
    if (conn->closing)
        taken = len;
    conn_arm(server, conn);
    return taken;
}

/* The client sends no more, but reads: it gets all answers (RFC 9112 section 9.6). All input was
 * taken before, so nothing waits. */
static void http_receive_end(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);

    server->now = now;
    conn_close(server, conn, now);
    conn_arm(server, conn);
    wait_serve(server); /* it may have closed without using its turn */
}

/* ---- acknowledgements ---- */

static void http_acknowledged(void *ctx, struct tcp_conn *tcp, uint64_t upto, uint64_t now)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);

    server->now = now;
    if (conn->responses == 0)
        return;
    while (conn->responses != 0) {
        uint32_t index = conn->first;
        struct response *response = &server->responses[index];
        if (response->start + response_len(response) > upto) {
            stream_acknowledged(server, response, upto);
            break;
        }
        conn->first = response->next;
        if (conn->recent == index)
            conn->recent = conn->first;
        conn->responses--;
        response_free(server, index, upto, now);
    }
    if (conn->responses == 0)
        conn_rest(server, conn);
    conn->due = now + (conn->responses != 0 ? server->config.write_timeout_ns
                                            : server->config.idle_timeout_ns);
    if (conn->extending != NONE)
        conn_extend(server, conn, now);
    close_if_drained(server, conn, now);
    conn_arm(server, conn);

    /* Last, as TCP may deliver input from inside these calls. */
    if (conn->stall == STALL_PIPELINE && conn->responses < server->config.pipeline_max)
        tcp_receive_resume(tcp);
    wait_serve(server);
}

/* ---- the rest of a connection's life ---- */

static bool http_open(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);

    ASSERT(tcp_conn_index(tcp) < server->config.connections_max && conn->tcp == NULL);
    *conn = (struct http_conn){
        .tcp = tcp,
        .due = now + server->config.idle_timeout_ns,
        .first = NONE,
        .last = NONE,
        .recent = NONE,
        .extending = NONE,
        .partial = NONE,
        .busy = BUSY_NONE,
    };
    conn_arm(server, conn);
    return true;
}

/* The head did not arrive in time: say so if that is possible (RFC 9110 section 15.5.9). */
static void header_timeout(struct http_server *server, struct http_conn *conn, uint64_t now)
{
    COUNT(server->config.counters, http_timeout_header);
    if (!response_to_be_had(server, conn)) {
        conn_close(server, conn, now);
        return;
    }
    const struct text head = { server_partial_text(server, conn->partial),
                               server->partials[conn->partial].filled };
    conn_answer_error(server, conn, 408, head, now);
}

static void http_deadline(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);

    server->now = now;
    if (stream_waits(server, conn))
        conn->due = now + server->config.write_timeout_ns;
    if (conn_due(server, conn) <= now) {
        if (conn->responses != 0 && conn->due <= now) {
            COUNT(server->config.counters, http_timeout_write);
            conn_abort(server, conn);
            return;
        }
        if (conn->closing) { /* the client does not close its side */
            conn_abort(server, conn);
            return;
        }
        if (conn->in_body) {
            COUNT(server->config.counters, http_timeout_body);
            conn_close(server, conn, now);
        } else if (conn->partial != NONE) {
            header_timeout(server, conn, now);
        } else {
            COUNT(server->config.counters, http_timeout_idle);
            conn_close(server, conn, now);
        }
    }
    conn_arm(server, conn);
    wait_serve(server); /* it may have lost its turn */
}

static void http_drain(void *ctx, struct tcp_conn *tcp, uint64_t now)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);

    conn->draining = true;
    close_if_drained(server, conn, now);
    conn_arm(server, conn);
}

static void http_closed(void *ctx, struct tcp_conn *tcp, enum tcp_close_reason reason)
{
    struct http_server *server = ctx;
    struct http_conn *conn = server_conn(server, tcp);

    (void)reason;
    uint64_t acknowledged = tcp_acknowledged(tcp), now = tcp_conn_now(tcp);
    for (uint32_t index = conn->first, next; conn->responses != 0; index = next) {
        next = server->responses[index].next;
        response_free(server, index, acknowledged, now);
        conn->responses--;
    }
    conn_rest(server, conn);
    partial_drop(server, conn);
    if (conn->waiting)
        wait_leave(server, conn);
    grant_drop(server, conn);
    conn->tcp = NULL;
    wait_serve(server);
}

const struct tcp_app http_app = {
    .open = http_open,
    .receive = http_receive,
    .receive_end = http_receive_end,
    .resolve = http_resolve,
    .acknowledged = http_acknowledged,
    .deadline = http_deadline,
    .drain = http_drain,
    .closed = http_closed,
    .look_ahead = http_look_ahead,
};
