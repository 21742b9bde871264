/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/access_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/time.h"

static const char hex[] = "0123456789abcdef";
static const char hex_upper[] = "0123456789ABCDEF";

/* ---- texts ---- */

static char *put(char *at, struct text text)
{
    memcpy(at, text.at, text.len);
    return at + text.len;
}

/* As nginx's escape=default. */
static char *put_combined_text(char *at, struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if (c >= 0x20 && c <= 0x7e && c != '"' && c != '\\') {
            *at++ = (char)c;
            continue;
        }
        *at++ = '\\';
        *at++ = 'x';
        *at++ = hex_upper[c >> 4];
        *at++ = hex_upper[c & 15];
    }
    return at;
}

/* Bytes of the UTF-8 sequence at the start of text (RFC 3629 section 4); 0: it is none. */
static size_t utf8_len(struct text text)
{
    const unsigned char *b = (const unsigned char *)text.at;
    size_t len = b[0] < 0x80 ? 1 : b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    unsigned char low = 0x80, high = 0xbf;

    if (len == 0 || b[0] > 0xf4 || len > text.len)
        return 0;
    if (b[0] == 0xe0)
        low = 0xa0; /* overlong */
    if (b[0] == 0xed)
        high = 0x9f; /* surrogates */
    if (b[0] == 0xf0)
        low = 0x90;
    if (b[0] == 0xf4)
        high = 0x8f; /* above U+10FFFF */
    for (size_t i = 1; i < len; i++, low = 0x80, high = 0xbf)
        if (b[i] < low || b[i] > high)
            return 0;
    return len;
}

static char *put_json_text(char *at, struct text text)
{
    while (text.len != 0) {
        unsigned char c = (unsigned char)text.at[0];
        size_t len = utf8_len(text);

        if (c == '"' || c == '\\') {
            *at++ = '\\';
            *at++ = (char)c;
            len = 1;
        } else if (len == 0 || c < 0x20 || c == 0x7f) {
            at = put(at, TEXT("\\u00"));
            *at++ = hex[c >> 4];
            *at++ = hex[c & 15];
            len = 1;
        } else {
            at = put(at, (struct text){ text.at, len });
        }
        text = text_skip(text, len);
    }
    return at;
}

static char *put_text(char *at, const struct http_record *record, enum http_record_text which,
                      char *(*escape)(char *at, struct text text))
{
    at = escape(at, http_record_text(record, which));
    return record->cut & 1u << which ? put(at, TEXT("...")) : at;
}

/* ---- combined ---- */

/* The request line as it was; it is put together again, for its target may have been cut. */
static char *put_request_line(char *at, const struct http_record *record)
{
    if (record->len[RECORD_TARGET] == 0)
        return put(at, TEXT("-"));
    if (record->len[RECORD_METHOD] == 0)
        return put_text(at, record, RECORD_TARGET, put_combined_text);
    at = put_text(at, record, RECORD_METHOD, put_combined_text);
    *at++ = ' ';
    at = put_text(at, record, RECORD_TARGET, put_combined_text);
    *at++ = ' ';
    return put_text(at, record, RECORD_PROTOCOL, put_combined_text);
}

static char *put_field(char *at, const struct http_record *record, enum http_record_text which)
{
    at = put(at, TEXT(" \""));
    if (record->len[which] == 0)
        *at++ = '-';
    else
        at = put_text(at, record, which, put_combined_text);
    *at++ = '"';
    return at;
}

/* "[22/Nov/2026:12:45:25 +0000]": the names of the months are English whatever the locale. */
static char *put_local_time(char *at, int64_t wall_ns)
{
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    time_t seconds = (time_t)(wall_ns / (int64_t)NS_PER_S);
    struct tm tm = { 0 };

    localtime_r(&seconds, &tm);
    long east = tm.tm_gmtoff / 60, minutes = east < 0 ? -east : east;
    return at + sprintf(at, "[%02d/%s/%d:%02d:%02d:%02d %c%02ld%02ld]", tm.tm_mday,
                        months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
                        east < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static char *put_combined(char *at, const struct http_record *record)
{
    char ip[IP_ADDR_TEXT_BYTES];

    at += sprintf(at, "%s - - ", ip_addr_format(&record->peer.ip, ip));
    at = put_local_time(at, record->wall_ns);
    at = put(at, TEXT(" \""));
    at = put_request_line(at, record);
    at += sprintf(at, "\" %u %" PRIu64, record->status, record->body_bytes);
    at = put_field(at, record, RECORD_REFERER);
    return put_field(at, record, RECORD_AGENT);
}

/* ---- JSON ---- */

static char *put_member(char *at, const struct http_record *record, enum http_record_text which,
                        struct text name)
{
    at = put(at, TEXT(",\""));
    at = put(at, name);
    at = put(at, TEXT("\":\""));
    at = put_text(at, record, which, put_json_text);
    *at++ = '"';
    return at;
}

static char *put_json(char *at, const struct http_record *record)
{
    time_t seconds = (time_t)(record->wall_ns / (int64_t)NS_PER_S);
    int micros = (int)(record->wall_ns % (int64_t)NS_PER_S / (int64_t)NS_PER_US);
    char ip[IP_ADDR_TEXT_BYTES];
    struct tm tm = { 0 };

    gmtime_r(&seconds, &tm);
    at += sprintf(at,
                  "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06dZ\",\"remote_addr\":\"%s\","
                  "\"remote_port\":%u",
                  tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                  micros, ip_addr_format(&record->peer.ip, ip), record->peer.port);
    if (record->len[RECORD_METHOD] == 0) {
        at = put_member(at, record, RECORD_TARGET, TEXT("request"));
    } else {
        at = put_member(at, record, RECORD_METHOD, TEXT("method"));
        at = put_member(at, record, RECORD_TARGET, TEXT("target"));
        at = put_member(at, record, RECORD_PROTOCOL, TEXT("protocol"));
        at = put_member(at, record, RECORD_HOST, TEXT("host"));
    }
    at += sprintf(at,
                  ",\"status\":%u,\"body_bytes\":%" PRIu64 ",\"complete\":%s,"
                  "\"seconds\":%" PRIu64 ".%06" PRIu64,
                  record->status, record->body_bytes, record->complete ? "true" : "false",
                  record->duration_ns / NS_PER_S, record->duration_ns % NS_PER_S / NS_PER_US);
    at = put_member(at, record, RECORD_REFERER, TEXT("referer"));
    at = put_member(at, record, RECORD_AGENT, TEXT("user_agent"));
    *at++ = '}';
    return at;
}

size_t access_format(enum config_access_format format, const struct http_record *record,
                     char line[ACCESS_LINE_BYTES])
{
    char *end = format == CONFIG_ACCESS_JSON ? put_json(line, record) : put_combined(line, record);

    *end++ = '\n';
    ASSERT(end - line <= ACCESS_LINE_BYTES);
    return (size_t)(end - line);
}
