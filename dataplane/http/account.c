/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/account.h"

static const uint16_t text_max[RECORD_TEXTS] = {
    [RECORD_METHOD] = RECORD_METHOD_MAX,     [RECORD_TARGET] = RECORD_TARGET_MAX,
    [RECORD_PROTOCOL] = RECORD_PROTOCOL_MAX, [RECORD_HOST] = RECORD_HOST_MAX,
    [RECORD_REFERER] = RECORD_REFERER_MAX,   [RECORD_AGENT] = RECORD_AGENT_MAX,
};

/* The texts of a request line; one without method or version is a target as a whole. */
static void line_split(struct text head, const struct request *request, struct text *texts)
{
    size_t end = text_find(head, '\r'), newline = text_find(head, '\n');
    struct text line = { head.at, end < newline ? end : newline };

    texts[RECORD_TARGET] = line;
    if (request == NULL)
        return;
    const char *target_end = request->target.at + request->target.len;
    texts[RECORD_METHOD] = (struct text){ line.at, (size_t)(request->target.at - line.at) - 1 };
    texts[RECORD_TARGET] = request->target;
    texts[RECORD_PROTOCOL] = text_skip(line, (size_t)(target_end - line.at) + 1);
}

static void texts_keep(struct http_record *record, const struct text *texts)
{
    char *at = record->text;

    record->cut = 0;
    for (unsigned i = 0; i < RECORD_TEXTS; i++) {
        size_t len = texts[i].len;

        if (len > text_max[i]) {
            len = text_max[i];
            record->cut |= (uint8_t)(1u << i);
        }
        memcpy(at, texts[i].at, len);
        record->len[i] = (uint16_t)len;
        at += len;
    }
}

void account_keep(struct http_server *server, const struct http_conn *conn, unsigned status,
                  struct text head, const struct request *request, uint64_t begun)
{
    struct text texts[RECORD_TEXTS];

    for (unsigned i = 0; i < RECORD_TEXTS; i++)
        texts[i] = TEXT("");
    line_split(head, request, texts);
    if (request != NULL) {
        (void)request_field_single(request, FIELD_HOST, &texts[RECORD_HOST]);
        (void)request_field_single(request, FIELD_REFERER, &texts[RECORD_REFERER]);
        (void)request_field_single(request, FIELD_USER_AGENT, &texts[RECORD_AGENT]);
    }

    struct http_record *record = &server->records[conn->last];

    record->duration_ns = begun;
    record->peer = tcp_conn_peer(conn->tcp);
    account_change(server, conn->last, status);
    texts_keep(record, texts);
}

void account_change(struct http_server *server, uint32_t index, unsigned status)
{
    if (server->records == NULL)
        return;
    const struct response *response = &server->responses[index];
    const char *head_end = memmem(response->text, response->text_len, "\r\n\r\n", 4);

    server->records[index].status = (uint16_t)status;
    server->records[index].head_len =
        (uint16_t)(head_end + 4 - response->text + response->fields_len);
}

void account_tell(struct http_server *server, uint32_t index, uint64_t acknowledged, uint64_t now)
{
    const struct response *response = &server->responses[index];
    struct http_record *record = &server->records[index];
    uint64_t len = response_len(response);
    uint64_t taken = acknowledged > response->start ? acknowledged - response->start : 0;

    if (taken > len)
        taken = len;
    record->wall_ns = (int64_t)now + server->config.wall_offset_ns;
    record->duration_ns = now - record->duration_ns;
    record->complete = taken == len;
    record->body_bytes = taken > record->head_len ? taken - record->head_len : 0;
    server->config.log(server->config.log_ctx, record);
}
