/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests in the usual form, which are read in one pass: what llhttp would have made of them. */
#include <stdlib.h>
#include <time.h>

#include "base/prng.h"
#include "both_ways.h"
#include "http/chars.h"
#include "http/request_plain.h"
#include "suites.h"

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

static const struct head_limits usual_limits = { 8192, 16384, 100 };

#define LINE "GET /a HTTP/1.1\r\n"
#define HOST "Host: h\r\n"
#define EIGHT                                                                                      \
    "User-Agent: 1\r\nUser-Agent: 2\r\nReferer: 3\r\nReferer:\r\nRange: 5\r\nIf-Range: "           \
    "6\r\nRange: 7\r\nRange: 8\r\n"

static const struct {
    const char *bytes;
    size_t used; /* 0: not plain */
} rows[] = {
    /* ---- what is usual ---- */
    { LINE HOST "\r\n", 28 },
    { "HEAD /a HTTP/1.1\r\n" HOST "\r\n", 29 },
    { "GET / HTTP/1.1\r\n" HOST "\r\n", 27 },
    { LINE HOST "\r\n" LINE HOST "\r\n", 28 },
    { LINE HOST "\r\n" LINE "Ho", 28 },
    { "GET /a%20b?c#d//../. HTTP/1.1\r\n" HOST "\r\n", 42 },
    { LINE "hOST:\t h:80 \t\r\n\r\n", 34 },
    { LINE "Host:\r\n\r\n", 26 },
    { LINE HOST "Connection: Keep-Alive\r\n\r\n", 52 },
    { LINE HOST "connection: close\r\n\r\n", 47 },
    { LINE HOST "X-Other: \xff tab\t. \r\n\r\n", 47 },
    { LINE HOST EIGHT EIGHT EIGHT "Accept-Encoding: gzip\r\n\r\n", 336 },
    /* ---- what the scanner and llhttp decide ---- */
    { "GET /a HTTP/1.0\r\n" HOST "\r\n", 0 },
    { "GET /a HTTP/1.2\r\n" HOST "\r\n", 0 },
    { "POST /a HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "get /a HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET http://h/a HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET a HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET  /a HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET /a  HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET /a b HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET /a\x7f HTTP/1.1\r\n" HOST "\r\n", 0 },
    { "GET /a HTTP/1.1\n" HOST "\r\n", 0 },
    { "GET /a HTTP/1.1\r" HOST "\r\n", 0 },
    { "\r\n" LINE HOST "\r\n", 0 },
    { LINE "\r\n", 0 },
    { LINE HOST HOST "\r\n", 0 },
    { LINE "Host: a b\r\n\r\n", 0 },
    { LINE "Host: h:x\r\n\r\n", 0 },
    { LINE HOST "Content-Length: 0\r\n\r\n", 0 },
    { LINE HOST "Transfer-Encoding: chunked\r\n\r\n", 0 },
    { LINE HOST "Expect: 100-continue\r\n\r\n", 0 },
    { LINE HOST "Connection: upgrade\r\n\r\n", 0 },
    { LINE HOST "Connection: keep-alive, close\r\n\r\n", 0 },
    { LINE HOST "Connection:\r\n\r\n", 0 },
    { LINE HOST "X: a\r\n b\r\n\r\n", 0 },
    { LINE " " HOST "\r\n", 0 },
    { LINE HOST "X : a\r\n\r\n", 0 },
    { LINE HOST "X\r\n\r\n", 0 },
    { LINE HOST ": a\r\n\r\n", 0 },
    { LINE HOST "X: a\nY: b\r\n\r\n", 0 },
    { LINE HOST "X: a\rY: b\r\n\r\n", 0 },
    { LINE HOST "X: a\x01\r\n\r\n", 0 },
    { LINE HOST "X: a\x7f\r\n\r\n", 0 },
    { LINE HOST "X[]: a\r\n\r\n", 0 },
    { LINE HOST EIGHT EIGHT EIGHT EIGHT "\r\n", 0 },
    /* ---- not all there ---- */
    { LINE HOST "\r", 0 },
    { LINE HOST, 0 },
    { LINE, 0 },
    { "GET /a HTTP/1.1\r", 0 },
    { "GET /\r\n", 0 },
    { "\n", 0 },
    { "G", 0 },
};

START_TEST(plain_form_is_known)
{
    size_t used;
    const char *what = both_ways_differ((const uint8_t *)rows[_i].bytes, strlen(rows[_i].bytes),
                                        &usual_limits, &used);

    ck_assert_msg(what == NULL, "row %d: %s", _i, what);
    ck_assert_msg(used == rows[_i].used, "row %d: %zu", _i, used);
}
END_TEST

/* Names of fields are known in any case, and by all of their characters. */
START_TEST(field_is_known_by_its_name)
{
    static const struct {
        const char *name;
        enum field_id id;
    } fields[] = {
        { "Host", FIELD_HOST },
        { "Connection", FIELD_CONNECTION },
        { "Content-Length", FIELD_CONTENT_LENGTH },
        { "Transfer-Encoding", FIELD_TRANSFER_ENCODING },
        { "Expect", FIELD_EXPECT },
        { "Accept-Encoding", FIELD_ACCEPT_ENCODING },
        { "Range", FIELD_RANGE },
        { "If-Range", FIELD_IF_RANGE },
        { "If-Match", FIELD_IF_MATCH },
        { "If-None-Match", FIELD_IF_NONE_MATCH },
        { "If-Modified-Since", FIELD_IF_MODIFIED_SINCE },
        { "If-Unmodified-Since", FIELD_IF_UNMODIFIED_SINCE },
        { "Referer", FIELD_REFERER },
        { "User-Agent", FIELD_USER_AGENT },
    };
    static_assert(sizeof(fields) / sizeof(fields[0]) == FIELD_ID_COUNT, "each");

    for (unsigned i = 0; i < FIELD_ID_COUNT; i++) {
        const struct text known = text_from(fields[i].name);
        ck_assert_int_eq(field_id_of(known), fields[i].id);
        ck_assert_int_eq(field_id_of((struct text){ known.at, known.len - 1 }), FIELD_OTHER);
        for (size_t at = 0; at < known.len; at++) {
            char *name = malloc(known.len);
            for (unsigned c = '!'; c < 0x7f; c++) {
                if (!char_is((char)c, CHAR_TOKEN))
                    continue;
                memcpy(name, known.at, known.len);
                name[at] = (char)c;
                bool same = strncasecmp(name, known.at, known.len) == 0;
                ck_assert_msg(field_id_of((struct text){ name, known.len }) ==
                                  (same ? fields[i].id : FIELD_OTHER),
                              "%.*s", (int)known.len, name);
            }
            free(name);
        }
    }
}
END_TEST

/* A head at its limits is plain, one beyond is not. */
START_TEST(plain_form_keeps_the_limits)
{
    static const char head[] = "GET /123456 HTTP/1.1\r\nHost: h\r\nX: 1\r\n\r\n";
    const struct head_limits at = { 20, 15, 2 };
    size_t used;

    for (int i = 0; i < 4; i++) {
        const struct head_limits limits = { at.line_max - (i == 1), at.field_bytes_max - (i == 2),
                                            at.fields_max - (i == 3) };
        ck_assert_ptr_null(
            both_ways_differ((const uint8_t *)head, sizeof(head) - 1, &limits, &used));
        ck_assert_uint_eq(used, i == 0 ? sizeof(head) - 1 : 0);
    }
}
END_TEST

/* ---- what a head costs ---- */

/* Processor time that reading all heads of a buffer takes, at the best. */
static double reading_ns(const uint8_t *data, size_t len)
{
    double best = 1e12;

    for (unsigned round = 0; round < 5; round++) {
        struct timespec from, to;
        struct request request;
        size_t at = 0, used;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        while ((used = request_plain(data + at, len - at, &usual_limits, &request)) != 0)
            at += used;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
        best = ns < best ? ns : best;
    }
    return best;
}

/* Requests that wait in the receive buffer do not each pay for the long beginning of one behind
 * them: 40 times what they cost alone, if each looked at its bytes one by one. */
START_TEST(head_cut_off_costs_those_before_it_little)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    static uint8_t buffer[32768];
    size_t len = 0;

    while (len < sizeof(buffer) / 2) {
        memcpy(buffer + len, head, sizeof(head) - 1);
        len += sizeof(head) - 1;
    }
    memset(buffer + len, 'a', sizeof(buffer) - len);
    ck_assert(reading_ns(buffer, sizeof(buffer)) < 10 * reading_ns(buffer, len));
}
END_TEST

/* ---- heads drawn from parts, most of them usual ---- */

static const char *const methods[] = { "GET ", "GET ", "GET ", "HEAD ", "POST ", "GET" };
static const char *const targets[] = { "/",         "/a",
                                       "/a/b.html", "/%41?q=%zz#f",
                                       "/a//.",     "/'\"<>{}|\\^`",
                                       "/\xc3\xa4", "http://h/",
                                       "*",         "/0123456789abcdef0123456789abcdef" };
static const char *const versions[] = { " HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.1",
                                        " HTTP/1.0", "HTTP/1.1",  " HTTP/1.1 " };
static const char *const names[] = {
    "Host",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "Accept-Encoding",
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "Referer",
    "User-Agent",
    "X",
    "Upgrade",
    "Accept",
    "If-Modified-Since",
    "Keep-Alive",
    "Proxy-Connection",
    "",
    "X-0123456789abcdef-",
    "If-Unmodified-Since",
    "Cookie",
    "Sec-Fetch-Mode",
    "!#$%&'*+-.^_`|~",
};
static const char *const colons[] = { ": ", ": ", ": ", ":", ":\t", " :", "" };
static const char *const values[] = {
    "h",
    "h:80",
    "keep-alive",
    "close",
    "Upgrade",
    "0",
    "chunked",
    "gzip, br;q=0.5",
    "*",
    "",
    "\"tag\"",
    "a b\tc ",
    "\xff\x80",
    "100-continue",
    "bytes=0-1",
    "0123456789abcdef0123456789abcdef0123456789",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "[::1]",
};
static const char *const ends[] = { "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r" };

#define PICK(prng, array) (array)[prng_below((prng), (uint64_t)COUNT_OF(array))]
/* Seldom anything but the first. */
#define MOSTLY(prng, array) (prng_below((prng), 16) != 0 ? (array)[0] : PICK(prng, array))

struct drawn {
    uint8_t bytes[2048];
    size_t len;
};

static void draw(struct drawn *drawn, const char *part, struct prng *prng)
{
    for (; *part != '\0'; part++) {
        char c = *part;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter && prng_below(prng, 200) == 0)
            c ^= 0x20;
        drawn->bytes[drawn->len++] = (uint8_t)c;
    }
}

static void draw_field(struct drawn *drawn, const char *name, const char *value, struct prng *prng)
{
    draw(drawn, name, prng);
    draw(drawn, MOSTLY(prng, colons), prng);
    draw(drawn, value, prng);
    draw(drawn, MOSTLY(prng, ends), prng);
}

static void draw_head(struct drawn *drawn, struct prng *prng)
{
    uint64_t fields = prng_below(prng, 12);

    draw(drawn, MOSTLY(prng, methods), prng);
    draw(drawn, PICK(prng, targets), prng);
    draw(drawn, MOSTLY(prng, versions), prng);
    draw(drawn, MOSTLY(prng, ends), prng);
    draw_field(drawn, "Host", "h", prng);
    for (uint64_t i = 0; i < fields; i++)
        draw_field(drawn, PICK(prng, names), PICK(prng, values), prng);
    draw(drawn, MOSTLY(prng, ends), prng);
}

/* Bytes that mean something here, and some that may not be there. */
static void draw_noise(struct drawn *drawn, struct prng *prng)
{
    static const char noise[] = " \t:/\\?#%*,;=-\"0159aZ\xff\x80[]@\r\n\x01\x7f\x1f~";

    for (uint64_t n = prng_below(prng, 4); n > 0; n--)
        drawn->bytes[prng_below(prng, drawn->len)] =
            (uint8_t)noise[prng_below(prng, sizeof(noise))]; /* its NUL, too */
    if (prng_below(prng, 8) == 0)
        drawn->len = 1 + prng_below(prng, drawn->len);
}

START_TEST(plain_form_is_what_the_parser_makes_of_it)
{
    static const struct head_limits small_limits = { 30, 60, 3 };
    struct prng prng = { 2026 };
    unsigned plain = 0, others = 0;

    for (unsigned i = 0; i < 300000; i++) {
        struct drawn drawn = { .len = 0 };
        size_t used;

        for (uint64_t n = 1 + prng_below(&prng, 2); n > 0; n--)
            draw_head(&drawn, &prng);
        draw_noise(&drawn, &prng);
        const char *what = both_ways_differ(drawn.bytes, drawn.len,
                                            i % 8 == 0 ? &small_limits : &usual_limits, &used);
        ck_assert_msg(what == NULL, "head %u: %s: %.*s", i, what, (int)drawn.len,
                      (const char *)drawn.bytes);
        plain += used != 0;
        others += used == 0;
    }
    ck_assert_uint_gt(plain, 20000);
    ck_assert_uint_gt(others, 20000);
}
END_TEST

Suite *plain_suite(void)
{
    Suite *suite = suite_create("http plain");
    TCase *tc = tcase_create("plain");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, plain_form_is_known, 0, COUNT_OF(rows));
    tcase_add_test(tc, field_is_known_by_its_name);
    tcase_add_test(tc, plain_form_keeps_the_limits);
    tcase_add_test(tc, head_cut_off_costs_those_before_it_little);
    tcase_add_test(tc, plain_form_is_what_the_parser_makes_of_it);
    suite_add_tcase(suite, tc);
    return suite;
}
