/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of the access log: both formats, and what hostile requests may put into them. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "app/access_format.h"
#include "base/time.h"
#include "cli_test.h"

#define COUNT_OF(rows) (int)(sizeof(rows) / sizeof((rows)[0]))

static struct http_record record_of(const char *method, const char *target, const char *protocol,
                                    const char *referer, const char *agent)
{
    const char *texts[RECORD_TEXTS] = { method, target, protocol, "example.org", referer, agent };
    struct http_record record = {
        .wall_ns = INT64_C(1700000000) * (int64_t)NS_PER_S + 123456789,
        .duration_ns = 2 * NS_PER_S + 7 * NS_PER_MS,
        .body_bytes = 1234,
        .peer = { .ip = ip_addr_from_v4(0x0a470001), .port = 40000 },
        .status = 206,
        .complete = true,
    };
    char *at = record.text;

    for (unsigned i = 0; i < RECORD_TEXTS; i++) {
        record.len[i] = (uint16_t)strlen(texts[i]);
        at = stpcpy(at, texts[i]);
    }
    return record;
}

/* The line without its newline. */
static const char *line_of(enum config_access_format format, const struct http_record *record)
{
    static char line[ACCESS_LINE_BYTES + 1];
    size_t len = access_format(format, record, line);

    ck_assert_int_eq(line[len - 1], '\n');
    line[len - 1] = '\0';
    ck_assert_uint_eq(strlen(line), len - 1);
    ck_assert_ptr_null(strchr(line, '\n'));
    return line;
}

START_TEST(combined_is_that_of_nginx)
{
    struct http_record record =
        record_of("GET", "/a?b=c", "HTTP/1.1", "http://example.org/", "curl/7.88.1");

    setenv("TZ", "UTC", 1);
    tzset();
    ck_assert_str_eq(line_of(CONFIG_ACCESS_COMBINED, &record),
                     "10.71.0.1 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b=c HTTP/1.1\" 206 1234 "
                     "\"http://example.org/\" \"curl/7.88.1\"");
    setenv("TZ", "NST3:30", 1);
    tzset();
    ck_assert_ptr_nonnull(
        strstr(line_of(CONFIG_ACCESS_COMBINED, &record), "[14/Nov/2023:18:43:20 -0330]"));
    unsetenv("TZ");
    tzset();
}
END_TEST

START_TEST(what_is_absent_is_a_dash)
{
    struct http_record record = record_of("", "", "", "", "");

    ck_assert_ptr_nonnull(
        strstr(line_of(CONFIG_ACCESS_COMBINED, &record), "] \"-\" 206 1234 \"-\" \"-\""));
}
END_TEST

START_TEST(ipv6_peer_is_written_plainly)
{
    struct http_record record = record_of("GET", "/", "HTTP/1.1", "", "");

    ck_assert(ip_addr_parse("2001:db8::7", &record.peer.ip));
    ck_assert_int_eq(strncmp(line_of(CONFIG_ACCESS_COMBINED, &record), "2001:db8::7 - - [", 17), 0);
}
END_TEST

/* text -> in a combined line, in a JSON line */
static const struct {
    const char *text, *combined, *json;
} escapes[] = {
    { "plain ~!", "plain ~!", "plain ~!" },
    { "a\"b", "a\\x22b", "a\\\"b" },
    { "a\\b", "a\\x5Cb", "a\\\\b" },
    { "a\tb\x1b[2J", "a\\x09b\\x1B[2J", "a\\u0009b\\u001b[2J" },
    { "\x7f", "\\x7F", "\\u007f" },
    { "gr\xc3\xbc\xc3\x9f", "gr\\xC3\\xBC\\xC3\\x9F", "gr\xc3\xbc\xc3\x9f" },
    { "\xe2\x82\xac\xf0\x9f\x98\x80", "\\xE2\\x82\\xAC\\xF0\\x9F\\x98\\x80",
      "\xe2\x82\xac\xf0\x9f\x98\x80" },
    /* no UTF-8: alone, cut off, overlong, a surrogate, beyond U+10FFFF */
    { "\xff", "\\xFF", "\\u00ff" },
    { "\xc3", "\\xC3", "\\u00c3" },
    { "\xc0\xaf", "\\xC0\\xAF", "\\u00c0\\u00af" },
    { "\xe0\x80\xaf", "\\xE0\\x80\\xAF", "\\u00e0\\u0080\\u00af" },
    { "\xed\xa0\x80", "\\xED\\xA0\\x80", "\\u00ed\\u00a0\\u0080" },
    { "\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80", "\\u00f4\\u0090\\u0080\\u0080" },
};

START_TEST(bytes_that_mean_something_are_escaped)
{
    struct http_record record = record_of("GET", "/", "HTTP/1.1", "", escapes[_i].text);
    char want[256];

    snprintf(want, sizeof(want), " \"%s\"", escapes[_i].combined);
    ck_assert_msg(strstr(line_of(CONFIG_ACCESS_COMBINED, &record), want) != NULL, "want %s", want);
    snprintf(want, sizeof(want), "\"user_agent\":\"%s\"}", escapes[_i].json);
    const char *line = line_of(CONFIG_ACCESS_JSON, &record);
    ck_assert_msg(strstr(line, want) != NULL, "want %s, got %s", want, line);
    json_t *json = json_loads(line, 0, NULL);
    ck_assert_ptr_nonnull(json);
    json_decref(json);
}
END_TEST

START_TEST(json_has_a_member_for_each_value)
{
    struct http_record record = record_of("HEAD", "/x", "HTTP/1.0", "http://example.org/", "agent");
    json_t *json = json_loads(line_of(CONFIG_ACCESS_JSON, &record), 0, NULL);
    const char *time, *peer, *method, *target, *protocol, *host, *referer, *agent;
    int port, status, bytes, complete;
    double seconds;

    ck_assert_int_eq(
        json_unpack_ex(
            json, NULL, JSON_STRICT, "{s:s,s:s,s:i,s:s,s:s,s:s,s:s,s:i,s:i,s:b,s:f,s:s,s:s}",
            "time", &time, "remote_addr", &peer, "remote_port", &port, "method", &method, "target",
            &target, "protocol", &protocol, "host", &host, "status", &status, "body_bytes", &bytes,
            "complete", &complete, "seconds", &seconds, "referer", &referer, "user_agent", &agent),
        0);
    ck_assert_str_eq(time, "2023-11-14T22:13:20.123456Z");
    ck_assert_str_eq(peer, "10.71.0.1");
    ck_assert_int_eq(port, 40000);
    ck_assert_str_eq(method, "HEAD");
    ck_assert_str_eq(target, "/x");
    ck_assert_str_eq(protocol, "HTTP/1.0");
    ck_assert_str_eq(host, "example.org");
    ck_assert_int_eq(status, 206);
    ck_assert_int_eq(bytes, 1234);
    ck_assert(complete);
    ck_assert_double_eq_tol(seconds, 2.007, 1e-9);
    ck_assert_str_eq(referer, "http://example.org/");
    ck_assert_str_eq(agent, "agent");
    json_decref(json);
}
END_TEST

START_TEST(malformed_request_is_its_first_line)
{
    struct http_record record = record_of("", "GET  / HTTP/1.1", "", "", "");

    ck_assert_ptr_nonnull(
        strstr(line_of(CONFIG_ACCESS_COMBINED, &record), "] \"GET  / HTTP/1.1\" 206 "));
    ck_assert_ptr_nonnull(strstr(line_of(CONFIG_ACCESS_JSON, &record),
                                 ",\"request\":\"GET  / HTTP/1.1\",\"status\""));
}
END_TEST

START_TEST(what_was_cut_is_marked)
{
    struct http_record record = record_of("GET", "/long", "HTTP/1.1", "", "agent");

    record.cut = 1 << RECORD_TARGET | 1 << RECORD_AGENT;
    ck_assert_ptr_nonnull(
        strstr(line_of(CONFIG_ACCESS_COMBINED, &record), "\"GET /long... HTTP/1.1\""));
    ck_assert_ptr_nonnull(strstr(line_of(CONFIG_ACCESS_COMBINED, &record), "\"agent...\""));
}
END_TEST

START_TEST(longest_line_fits)
{
    struct http_record record = { .wall_ns = INT64_MAX,
                                  .duration_ns = UINT64_MAX,
                                  .body_bytes = UINT64_MAX,
                                  .status = UINT16_MAX,
                                  .cut = 0xff,
                                  .len = { RECORD_METHOD_MAX, RECORD_TARGET_MAX,
                                           RECORD_PROTOCOL_MAX, RECORD_HOST_MAX, RECORD_REFERER_MAX,
                                           RECORD_AGENT_MAX } };

    memset(&record.peer, 0xff, sizeof(record.peer));
    memset(record.text, 0xff, sizeof(record.text));
    ck_assert_uint_gt(strlen(line_of(CONFIG_ACCESS_JSON, &record)), 6 * RECORD_TEXT_BYTES);
    ck_assert_uint_gt(strlen(line_of(CONFIG_ACCESS_COMBINED, &record)), 3 * RECORD_TEXT_BYTES);
}
END_TEST

TCase *access_case(void)
{
    TCase *c = tcase_create("access log");

    tcase_add_test(c, combined_is_that_of_nginx);
    tcase_add_test(c, what_is_absent_is_a_dash);
    tcase_add_test(c, ipv6_peer_is_written_plainly);
    tcase_add_loop_test(c, bytes_that_mean_something_are_escaped, 0, COUNT_OF(escapes));
    tcase_add_test(c, json_has_a_member_for_each_value);
    tcase_add_test(c, malformed_request_is_its_first_line);
    tcase_add_test(c, what_was_cut_is_marked);
    tcase_add_test(c, longest_line_fits);
    return c;
}
