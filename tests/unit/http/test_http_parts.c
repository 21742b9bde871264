/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/date.h"
#include "base/prng.h"
#include "http/head.h"
#include "http/path.h"
#include "http/range.h"
#include "http/request.h"
#include "http/variant.h"
#include "suites.h"

#define COUNT_OF(array) (int)(sizeof(array) / sizeof((array)[0]))

/* ==== dates: RFC 9110 section 5.6.7 ==== */

#define NOW     INT64_C(1700000000) /* 2023 */
#define INVALID INT64_MIN

static const struct {
    const char *text;
    int64_t seconds;
} dates[] = {
    { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
    { "Sun Nov  6 08:49:37 1994", 784111777 },
    { "Wed Nov 16 08:49:37 1994", 784975777 },
    { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
    { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
    { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
    { "Mon, 01 Jan 1601 00:00:00 GMT", -11644473600 },
    { "Sat, 31 Dec 2016 23:59:60 GMT", 1483228800 }, /* leap second */
    /* two digits: never more than 50 years ahead of 2023 */
    { "Friday, 01-Jan-73 00:00:00 GMT", 3250454400 },  /* 2073 */
    { "Tuesday, 01-Jan-74 00:00:00 GMT", 126230400 },  /* 1974 */
    { "Saturday, 01-Jan-00 00:00:00 GMT", 946684800 }, /* 2000 */
    { "", INVALID },
    { "0", INVALID },
    { "Sun, 06 Nov 1994 08:49:37", INVALID },
    { "Sun, 06 Nov 1994 08:49:37 UTC", INVALID },
    { "Sun, 06 Nov 1994 08:49:37 GMT ", INVALID },
    { "Sun, 6 Nov 1994 08:49:37 GMT", INVALID },
    { "sun, 06 nov 1994 08:49:37 gmt", INVALID },
    { "Xxx, 06 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 00 Nov 1994 08:49:37 GMT", INVALID },
    { "Sun, 31 Nov 1994 08:49:37 GMT", INVALID },
    { "Wed, 29 Feb 2023 00:00:00 GMT", INVALID },
    { "Thu, 29 Feb 1900 00:00:00 GMT", INVALID },
    { "Sun, 06 Nov 1994 24:00:00 GMT", INVALID },
    { "Sun, 06 Nov 1994 08:60:00 GMT", INVALID },
    { "Sun, 06 Nov 1994 08:49:61 GMT", INVALID },
    { "Sun, 06-Nov-94 08:49:37 GMT", INVALID },
    { "Sunday, 06-Nov-1994 08:49:37 GMT", INVALID },
    { "Sun Nov 06 08:49:37 1994 GMT", INVALID },
    { "Sun, -6 Nov 1994 08:49:37 GMT", INVALID },
};

START_TEST(date_is_read)
{
    int64_t seconds = INVALID;
    bool valid = date_parse(text_from(dates[_i].text), NOW, &seconds);

    ck_assert_msg(valid == (dates[_i].seconds != INVALID), "%s", dates[_i].text);
    ck_assert_msg(seconds == dates[_i].seconds, "%s: %lld", dates[_i].text, (long long)seconds);
}
END_TEST

START_TEST(date_is_written_as_libc_would_and_read_back)
{
    struct prng prng = { 1 };

    for (unsigned i = 0; i < 200000; i++) {
        /* All years 0000..9999, with the edges. */
        int64_t t = -62167219200 + (int64_t)prng_below(&prng, 62167219200u + 253402300800u);
        t = i == 0 ? -62167219200 : i == 1 ? 253402300799 : i == 2 ? -1 : t;
        char ours[DATE_TEXT_BYTES], theirs[64];
        time_t libc_time = t;
        struct tm tm;
        int64_t back = 0;

        date_format(t, ours);
        gmtime_r(&libc_time, &tm);
        strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        if (tm.tm_year + 1900 >= 1000) /* below, glibc does not pad */
            ck_assert_int_eq(memcmp(ours, theirs, DATE_TEXT_BYTES), 0);
        ck_assert(date_parse((struct text){ ours, sizeof(ours) }, NOW, &back));
        ck_assert_int_eq(back, t);
    }
}
END_TEST

START_TEST(date_outside_four_digit_years_is_clamped)
{
    char text[DATE_TEXT_BYTES];

    date_format(INT64_MAX, text);
    ck_assert_int_eq(memcmp(text, "Fri, 31 Dec 9999 23:59:59 GMT", DATE_TEXT_BYTES), 0);
    date_format(INT64_MIN, text);
    ck_assert_int_eq(memcmp(text, "Sat, 01 Jan 0000 00:00:00 GMT", DATE_TEXT_BYTES), 0);
}
END_TEST

/* ==== ranges: RFC 9110 section 14.1 ==== */

#define IGNORED                                                                                    \
    {                                                                                              \
        RANGE_IGNORED, 0, 0                                                                        \
    }
static const struct {
    const char *value;
    uint64_t size;
    enum range_kind kind;
    struct range range[4]; /* in this order; a length of 0 ends them */
} ranges[] = {
    { "bytes=0-0", 10, RANGE_SATISFIABLE, { { 0, 1 } } },
    { "bytes=0-9", 10, RANGE_SATISFIABLE, { { 0, 10 } } },
    { "bytes=0-10", 10, RANGE_SATISFIABLE, { { 0, 10 } } },
    { "bytes=9-", 10, RANGE_SATISFIABLE, { { 9, 1 } } },
    { "bytes=0-", 10, RANGE_SATISFIABLE, { { 0, 10 } } },
    { "bytes=3-5", 10, RANGE_SATISFIABLE, { { 3, 3 } } },
    { "bytes=-1", 10, RANGE_SATISFIABLE, { { 9, 1 } } },
    { "bytes=-10", 10, RANGE_SATISFIABLE, { { 0, 10 } } },
    { "bytes=-11", 10, RANGE_SATISFIABLE, { { 0, 10 } } },
    { "BYTES=1-2", 10, RANGE_SATISFIABLE, { { 1, 2 } } },
    { "bytes= 1-2 ", 10, RANGE_SATISFIABLE, { { 1, 2 } } },
    { "bytes=,1-2, ,", 10, RANGE_SATISFIABLE, { { 1, 2 } } },
    { "bytes=1-18446744073709551615", 10, RANGE_SATISFIABLE, { { 1, 9 } } },
    { "bytes=1-99999999999999999999999", 10, RANGE_SATISFIABLE, { { 1, 9 } } },
    { "bytes=-99999999999999999999999", 10, RANGE_SATISFIABLE, { { 0, 10 } } },
    { "bytes=4294967296-4294967297",
      UINT64_C(1) << 40,
      RANGE_SATISFIABLE,
      { { UINT64_C(1) << 32, 2 } } },
    { "bytes=0-", UINT64_MAX, RANGE_SATISFIABLE, { { 0, UINT64_MAX } } },
    { "bytes=10-", 10, RANGE_UNSATISFIABLE },
    { "bytes=10-20", 10, RANGE_UNSATISFIABLE },
    { "bytes=99999999999999999999999-", 10, RANGE_UNSATISFIABLE },
    { "bytes=18446744073709551615-", UINT64_MAX, RANGE_UNSATISFIABLE },
    { "bytes=-0", 10, RANGE_UNSATISFIABLE },
    { "bytes=0-0", 0, RANGE_IGNORED },
    { "bytes=0-", 0, RANGE_IGNORED },
    { "bytes=-0", 0, RANGE_IGNORED },
    { "bytes=-5", 0, RANGE_IGNORED },
    { "bytes=5-4", 10, RANGE_IGNORED },
    /* several */
    { "bytes=0-0,2-3", 10, RANGE_SATISFIABLE, { { 0, 1 }, { 2, 2 } } },
    { "bytes=0-1,-1", 10, RANGE_SATISFIABLE, { { 0, 2 }, { 9, 1 } } },
    { "bytes=6-7 ,\t0-1", 10, RANGE_SATISFIABLE, { { 6, 2 }, { 0, 2 } } },
    { "bytes=0-1,20-,-0,4-4", 10, RANGE_SATISFIABLE, { { 0, 2 }, { 4, 1 } } },
    { "bytes=20-,4-4", 10, RANGE_SATISFIABLE, { { 4, 1 } } },
    { "bytes=20-,-0,10-10", 10, RANGE_UNSATISFIABLE },
    { "bytes=0-1,2-3", 10, RANGE_SATISFIABLE, { { 0, 4 } } },
    { "bytes=2-3,0-1", 10, RANGE_SATISFIABLE, { { 0, 4 } } },
    { "bytes=0-5,3-8", 10, RANGE_SATISFIABLE, { { 0, 9 } } },
    { "bytes=0-,0-,-10,5-", 10, RANGE_SATISFIABLE, { { 0, 10 } } },
    { "bytes=8-8,0-1,4-5,2-3", 10, RANGE_SATISFIABLE, { { 8, 1 }, { 0, 6 } } },
    { "bytes=0-1,4-5,8-8,1-7", 10, RANGE_SATISFIABLE, { { 0, 9 } } },
    { "bytes=8-9,0-0,2-2,4-4", 10, RANGE_SATISFIABLE, { { 8, 2 }, { 0, 1 }, { 2, 1 }, { 4, 1 } } },
    { "bytes=0-0,x", 10, RANGE_IGNORED },
    { "bytes=0-0,5-4", 10, RANGE_IGNORED },
    { "bytes=0-0;2-2", 10, RANGE_IGNORED },
    { "bytes=0-0,bytes=2-2", 10, RANGE_IGNORED },
    { "bytes=", 10, RANGE_IGNORED },
    { "bytes=,", 10, RANGE_IGNORED },
    { "bytes=-", 10, RANGE_IGNORED },
    { "bytes=5", 10, RANGE_IGNORED },
    { "bytes=a-b", 10, RANGE_IGNORED },
    { "bytes=1-2-3", 10, RANGE_IGNORED },
    { "bytes=--1", 10, RANGE_IGNORED },
    { "bytes=+1-2", 10, RANGE_IGNORED },
    { "bytes=1 - 2", 10, RANGE_IGNORED },
    { "bytes 1-2", 10, RANGE_IGNORED },
    { "bytes =1-2", 10, RANGE_IGNORED },
    { "items=1-2", 10, RANGE_IGNORED },
    { "", 10, RANGE_IGNORED },
};

START_TEST(range_is_read)
{
    struct ranges r;
    enum range_kind kind = ranges_parse(text_from(ranges[_i].value), ranges[_i].size, &r);
    uint32_t count = 0;

    ck_assert_msg(kind == ranges[_i].kind, "%s of %llu: %d", ranges[_i].value,
                  (unsigned long long)ranges[_i].size, kind);
    if (kind != RANGE_SATISFIABLE)
        return;
    for (; count < 4 && ranges[_i].range[count].len != 0; count++) {
        ck_assert_msg(count < r.count, "%s", ranges[_i].value);
        ck_assert_msg(r.range[count].from == ranges[_i].range[count].from &&
                          r.range[count].len == ranges[_i].range[count].len,
                      "%s: part %u", ranges[_i].value, count);
    }
    ck_assert_uint_eq(r.count, count);
}
END_TEST

/* Any set of ranges: each byte asked for is in one part, no other byte in any. */
START_TEST(ranges_cover_what_was_asked_for)
{
    struct prng prng = { 11 };

    for (unsigned round = 0; round < 20000; round++) {
        char value[1024] = "bytes=", asked[100] = { 0 };
        struct ranges r;
        unsigned count = 1 + (unsigned)prng_below(&prng, RANGES_MAX);
        for (unsigned i = 0; i < count; i++) {
            unsigned from = (unsigned)prng_below(&prng, 100);
            unsigned last = from + (unsigned)prng_below(&prng, 1 + 200 / count);
            sprintf(value + strlen(value), "%s%u-%u", i != 0 ? "," : "", from, last);
            for (unsigned at = from; at <= last && at < 100; at++)
                asked[at] = 1;
        }
        ck_assert_int_eq(ranges_parse(text_from(value), 100, &r), RANGE_SATISFIABLE);
        for (uint32_t i = 0; i < r.count; i++)
            for (uint64_t at = r.range[i].from; at < r.range[i].from + r.range[i].len; at++)
                if (asked[at]-- != 1)
                    ck_abort_msg("%s: byte %llu", value, (unsigned long long)at);
        if (memchr(asked, 1, sizeof(asked)) != NULL)
            ck_abort_msg("%s: left out", value);
    }
}
END_TEST

START_TEST(too_many_ranges_are_ignored)
{
    struct ranges r;
    char value[1024] = "bytes=0-0";

    for (unsigned i = 1; i <= RANGES_MAX; i++) {
        ck_assert_int_eq(ranges_parse(text_from(value), 1000, &r), RANGE_SATISFIABLE);
        ck_assert_uint_eq(r.count, i);
        sprintf(value + strlen(value), ",%u-%u", 3 * i, 3 * i);
    }
    ck_assert_int_eq(ranges_parse(text_from(value), 1000, &r), RANGE_IGNORED);
}
END_TEST

/* ==== targets and paths: RFC 9112 section 3.2, RFC 3986 sections 2.1, 5.2.4 ==== */

static const struct {
    const char *target, *path, *query; /* path NULL: no target of ours */
} targets[] = {
    { "/", "/", "" },
    { "/a/b?c=d", "/a/b", "?c=d" },
    { "/a??b", "/a", "??b" },
    { "/?", "/", "?" },
    { "//host/a", "//host/a", "" },
    { "http://h/a?b", "/a", "?b" },
    { "HTTP://h:80/a", "/a", "" },
    { "https://h/a", "/a", "" },
    { "http://h", "/", "" },
    { "http://h?q", "/", "?q" },
    { "http://[::1]:8080/x", "/x", "" },
    { "/http://h/a", "/http://h/a", "" },
    { "http:///a", NULL, NULL },
    { "http://:80/a", NULL, NULL },
    { "http://u@h/a", NULL, NULL },
    { "http://u:p@h/a", NULL, NULL },
    { "ftp://h/a", NULL, NULL },
    { "*", NULL, NULL },
    { "h:80", NULL, NULL },
    { "a", NULL, NULL },
    { "?a", NULL, NULL },
    { "/a#b", NULL, NULL },
    { "/a?b#c", NULL, NULL },
    { "http://h#x", NULL, NULL },
};

START_TEST(target_is_split)
{
    struct target t;
    bool ours = target_parse(text_from(targets[_i].target), &t);

    ck_assert_msg(ours == (targets[_i].path != NULL), "%s", targets[_i].target);
    if (!ours)
        return;
    ck_assert(text_equal(t.path, text_from(targets[_i].path)));
    ck_assert(text_equal(t.query, text_from(targets[_i].query)));
}
END_TEST

static const struct {
    const char *path;
    enum path_result result;
    const char *decoded;
    bool directory;
} paths[] = {
    { "/", PATH_OK, "", true },
    { "/a", PATH_OK, "a", false },
    { "/a/", PATH_OK, "a", true },
    { "/a/b.txt", PATH_OK, "a/b.txt", false },
    { "//", PATH_OK, "", true },
    { "//a//b//", PATH_OK, "a/b", true },
    /* percent-encoding, once */
    { "/a%20b", PATH_OK, "a b", false },
    { "/%61%2E%62", PATH_OK, "a.b", false },
    { "/%2541", PATH_OK, "%41", false },
    { "/%252e%252e/a", PATH_OK, "%2e%2e/a", false },
    { "/%25", PATH_OK, "%", false },
    { "/gr%C3%BC", PATH_OK, "gr\xc3\xbc", false },
    { "/gr\xc3\xbc", PATH_OK, "gr\xc3\xbc", false },
    { "/%ff%fe", PATH_OK, "\xff\xfe", false },
    { "/a+b", PATH_OK, "a+b", false },
    { "/a;b=c", PATH_OK, "a;b=c", false },
    { "/%0a", PATH_OK, "\n", false },
    /* bad encoding */
    { "/%", PATH_MALFORMED, NULL, false },
    { "/%4", PATH_MALFORMED, NULL, false },
    { "/%4/1", PATH_MALFORMED, NULL, false },
    { "/%g0", PATH_MALFORMED, NULL, false },
    { "/%%34%31", PATH_MALFORMED, NULL, false },
    { "/a%00", PATH_MALFORMED, NULL, false },
    { "/a%00.txt/b", PATH_MALFORMED, NULL, false },
    /* dot segments */
    { "/.", PATH_OK, "", true },
    { "/a/.", PATH_OK, "a", true },
    { "/./a", PATH_OK, "a", false },
    { "/a/..", PATH_OK, "", true },
    { "/a/b/..", PATH_OK, "a", true },
    { "/a/../b", PATH_OK, "b", false },
    { "/a/b/../../c", PATH_OK, "c", false },
    { "/a/%2e%2E/b", PATH_OK, "b", false },
    { "/a/.%2e/b", PATH_OK, "b", false },
    { "/%2e/a", PATH_OK, "a", false },
    { "/...", PATH_OK, "...", false },
    { "/..a/.b", PATH_OK, "..a/.b", false },
    { "/..", PATH_MALFORMED, NULL, false },
    { "/../a", PATH_MALFORMED, NULL, false },
    { "/%2e%2e/a", PATH_MALFORMED, NULL, false },
    { "/a/../../b", PATH_MALFORMED, NULL, false },
    { "/a//../../b", PATH_MALFORMED, NULL, false },
    /* what is no separator */
    { "/a%2Fb", PATH_NOWHERE, NULL, false },
    { "/..%2f..%2fetc", PATH_NOWHERE, NULL, false },
    { "/%2f%zz", PATH_MALFORMED, NULL, false },
    { "/..%5c..", PATH_OK, "..\\..", false },
    { "/..\\a", PATH_OK, "..\\a", false },
    /* overlong forms of '/' and '.' stay what they are */
    { "/%c0%af", PATH_OK, "\xc0\xaf", false },
    { "/%c0%ae%c0%ae/a", PATH_OK, "\xc0\xae\xc0\xae/a", false },
    { "/%e0%80%af", PATH_OK, "\xe0\x80\xaf", false },
};

START_TEST(path_is_decoded)
{
    struct text text = text_from(paths[_i].path);
    char *out = malloc(text.len); /* the sanitizer sees a byte too many */
    struct path decoded;
    enum path_result result = path_decode(text, out, &decoded);

    ck_assert_msg(result == paths[_i].result, "%s: %d", paths[_i].path, result);
    if (result == PATH_OK) {
        ck_assert_msg(text_equal((struct text){ out, decoded.len }, text_from(paths[_i].decoded)),
                      "%s: %.*s", paths[_i].path, (int)decoded.len, out);
        ck_assert_msg(decoded.directory == paths[_i].directory, "%s", paths[_i].path);
    }
    free(out);
}
END_TEST

START_TEST(path_never_leaves_the_root)
{
    /* Random paths of the bytes that matter: the result has no dot segment, no slash at either end
     * and none twice. */
    static const char *const pieces[] = {
        "/", ".", "..", "%2e", "%2f", "a", "%5c", "%00", "%c0%ae"
    };
    struct prng prng = { 7 };

    for (unsigned i = 0; i < 200000; i++) {
        char path[128] = "/", out[128];
        struct path decoded;
        for (uint64_t n = prng_below(&prng, 12); n > 0; n--)
            strcat(path, pieces[prng_below(&prng, sizeof(pieces) / sizeof(pieces[0]))]);
        if (path_decode(text_from(path), out + 1, &decoded) != PATH_OK)
            continue;
        out[0] = '/';
        memcpy(out + 1 + decoded.len, "/", 2);
        ck_assert_msg(decoded.len == 0 || strstr(out, "//") == NULL, "%s: %s", path, out);
        ck_assert_msg(strstr(out, "/../") == NULL && strstr(out, "/./") == NULL, "%s: %s", path,
                      out);
    }
}
END_TEST

/* A target that means itself is copied: exactly where splitting and decoding it changes nothing. */
START_TEST(plain_path_is_what_decoding_makes_of_it)
{
    static const char *const pieces[] = { "/",        "/",      "a",   "0123456789abc",
                                          "\xc3\xa4", "b.html", "/.x", "//",
                                          "/../b",    "%41",    "?q",  "#f" };
    struct prng prng = { 8 };
    unsigned plain = 0;

    for (unsigned i = 0; i < 200000; i++) {
        char text[256] = "/";
        uint64_t usual = prng_below(&prng, 4) != 0 ? 6 : sizeof(pieces) / sizeof(pieces[0]);
        for (uint64_t n = prng_below(&prng, 12); n > 0; n--)
            strcat(text, pieces[prng_below(&prng, usual)]);
        size_t len = strlen(text);
        char *copied = malloc(len + PATH_BLOCK), *out = malloc(len);
        memset(copied + len, "./%a"[i % 4], PATH_BLOCK);
        struct path decoded, copy;
        struct target target;

        bool is_plain = path_copy_plain(text_from(text), copied, &copy);
        ck_assert_msg(is_plain == (strpbrk(text, "%?#") == NULL && strstr(text, "//") == NULL &&
                                   strstr(text, "/.") == NULL),
                      "%s", text);
        if (is_plain) {
            plain++;
            ck_assert(target_parse(text_from(text), &target) && target.query.len == 0);
            ck_assert_int_eq(path_decode(target.path, out, &decoded), PATH_OK);
            ck_assert_msg(copy.directory == decoded.directory && copy.len == decoded.len &&
                              memcmp(copied + 1, out, copy.len) == 0,
                          "%s: %.*s", text, (int)copy.len, copied + 1);
        }
        free(copied);
        free(out);
    }
    ck_assert_uint_gt(plain, 20000);
}
END_TEST

START_TEST(path_is_encoded_within_bounds)
{
    char out[16];

    ck_assert_uint_eq(path_encode(TEXT("a b/\xc3\xbc%?"), out, sizeof(out)), PATH_TOO_LONG);
    ck_assert_uint_eq(path_encode(TEXT("a b/%?"), out, sizeof(out)), 12);
    ck_assert_int_eq(memcmp(out, "a%20b/%25%3F", 12), 0);
    ck_assert_uint_eq(path_encode(TEXT("a b"), out, 5), 5);
    ck_assert_uint_eq(path_encode(TEXT("a b"), out, 4), PATH_TOO_LONG);
    ck_assert_uint_eq(query_encode(TEXT("?a=%20\"/"), out, sizeof(out)), 10);
    ck_assert_int_eq(memcmp(out, "?a=%20%22/", 10), 0);
}
END_TEST

/* ==== the end of a head: RFC 9112 sections 2.2, 5 ==== */

static const struct head_limits small_limits = { .line_max = 20,
                                                 .field_bytes_max = 24,
                                                 .fields_max = 3 };

static const struct {
    const char *bytes;
    size_t len; /* 0: up to the NUL */
    enum head_result result;
    size_t used;
} heads[] = {
    { "GET / HTTP/1.1\r\n\r\n", 0, HEAD_COMPLETE, 18 },
    { "GET / HTTP/1.1\r\n\r\nGET", 0, HEAD_COMPLETE, 18 },
    { "GET / HTTP/1.1\r\nA: b\r\n\r\nx", 0, HEAD_COMPLETE, 24 },
    { "GET / HTTP/1.1\r\nA: \t\xff\r\n\r\n", 0, HEAD_COMPLETE, 25 },
    { "\r\nGET", 0, HEAD_EMPTY_LINE, 2 },
    { "\r", 0, HEAD_PARTIAL, 1 },
    { "GET / HTTP/1.1\r\nA: b\r\n", 0, HEAD_PARTIAL, 22 },
    { "GET / HTTP/1.1\r\nA: b\r\n\r", 0, HEAD_PARTIAL, 23 },
    /* line ends that others might see elsewhere */
    { "GET / HTTP/1.1\n\n", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\nA: b\n\r\n", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\rA: b\r\n\r\n", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\nA: b\r\n\rGET", 0, HEAD_MALFORMED, 0 },
    { "\n", 0, HEAD_MALFORMED, 0 },
    { "\r\r", 0, HEAD_MALFORMED, 0 },
    /* folded lines, and white space before the first field */
    { "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\n\tA: b\r\n\r\n", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\n: b\r\n\r\n", 0, HEAD_MALFORMED, 0 },
    /* control characters */
    { "GET /\0 HTTP/1.1\r\n\r\n", 19, HEAD_MALFORMED, 0 },
    { "GET\t/ HTTP/1.1\r\n\r\n", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\nA: \0\r\n\r\n", 24, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\nA: \x7f\r\n\r\n", 0, HEAD_MALFORMED, 0 },
    { "\x16\x03\x01\x02", 0, HEAD_MALFORMED, 0 }, /* TLS */
    /* limits, at them and one beyond */
    { "GET /123456 HTTP/1.1\r\n\r\n", 0, HEAD_COMPLETE, 24 },
    { "GET /1234567 HTTP/1.1\r\n\r\n", 0, HEAD_LINE_LONG, 0 },
    { "GET / HTTP/1.1\r\nA: 4567890123456789012\r\n\r\n", 0, HEAD_COMPLETE, 42 },
    { "GET / HTTP/1.1\r\nA: 45678901234567890123\r\n\r\n", 0, HEAD_FIELDS_LONG, 0 },
    { "GET / HTTP/1.1\r\nA:\r\nB:\r\nC:\r\n\r\n", 0, HEAD_COMPLETE, 30 },
    { "GET / HTTP/1.1\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n", 0, HEAD_FIELDS_LONG, 0 },
    /* limit and mistake: the first of them counts */
    { "GET /1234567890123456\n", 0, HEAD_LINE_LONG, 0 },
    { "GET /123\n123456789012345678901", 0, HEAD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\nA: 4567890123456789012345\n", 0, HEAD_FIELDS_LONG, 0 },
};

START_TEST(head_end_is_found_however_it_is_cut)
{
    size_t len = heads[_i].len != 0 ? heads[_i].len : strlen(heads[_i].bytes);
    const uint8_t *data = (const uint8_t *)heads[_i].bytes;

    for (size_t piece = 1; piece <= len; piece++) {
        struct head_scan scan = { 0 };
        enum head_result result = HEAD_PARTIAL;
        size_t at = 0, used;
        while (at < len && result == HEAD_PARTIAL) {
            result = head_scan(&scan, &small_limits, data + at, len - at < piece ? len - at : piece,
                               &used);
            at += used;
        }
        ck_assert_msg(result == heads[_i].result, "row %d, pieces of %zu: %d", _i, piece, result);
        if (heads[_i].used != 0)
            ck_assert_msg(at == heads[_i].used, "row %d, pieces of %zu: %zu", _i, piece, at);
    }
}
END_TEST

/* ==== request heads as values ==== */

START_TEST(request_survives_noise)
{
    /* Mutations of a good head, through the scanner: no access outside, and whatever is accepted
     * has the shape that the rest relies on. */
    static const char good[] = "GET /a%20b?c HTTP/1.1\r\nHost: h:80\r\nRange: bytes=0-1\r\n"
                               "Content-Length: 3\r\nIf-None-Match: \"a\", W/\"b\"\r\n"
                               "Connection: keep-alive\r\n\r\n";
    static const char bytes[] = " \t:/\\?#%*,;=-\"0159aZ\xff[]@\r\n";
    const struct head_limits limits = { 8192, 16384, 100 };
    struct prng prng = { 42 };
    unsigned accepted = 0;

    for (unsigned i = 0; i < 100000; i++) {
        size_t len = sizeof(good) - 1, used;
        char *head = malloc(len);
        struct head_scan scan = { 0 };
        struct request request;

        memcpy(head, good, len);
        for (uint64_t n = 1 + prng_below(&prng, 3); n > 0; n--)
            head[prng_below(&prng, len)] = bytes[prng_below(&prng, sizeof(bytes) - 1)];
        if (head_scan(&scan, &limits, (uint8_t *)head, len, &used) == HEAD_COMPLETE) {
            char *exact = malloc(used);
            memcpy(exact, head, used);
            if (request_parse((struct text){ exact, used }, &request) == 0) {
                accepted++;
                ck_assert(request.target.at > exact && request.target.at < exact + used);
                ck_assert_uint_le(request_field_count(&request, FIELD_HOST), 1);
                ck_assert_uint_le(request_field_count(&request, FIELD_CONTENT_LENGTH), 1);
            }
            free(exact);
        }
        free(head);
    }
    ck_assert_uint_gt(accepted, 1000);
}
END_TEST

/* ==== variants ==== */

/* Where nothing is precompressed, who wants nothing but codings is told so (RFC 9110 section
 * 12.5.3). */
START_TEST(file_without_variants_may_be_refused)
{
    struct catalogue *catalogue = catalogue_create(1, 1);
    char path[16] = "a.txt";
    const struct file *file = catalogue_add_file(catalogue, path, 5, 1, 0, 0, "text/plain");
    struct request request;

    request_init(&request);
    ck_assert_ptr_eq(variant_choose(&request, catalogue, path, 5, file).file, file);
    request_field_add(&request, FIELD_ACCEPT_ENCODING, TEXT("gzip, identity;q=0"));
    ck_assert_ptr_null(variant_choose(&request, catalogue, path, 5, file).file);
    catalogue_destroy(catalogue);
}
END_TEST

Suite *parts_suite(void)
{
    Suite *suite = suite_create("http parts");
    TCase *tc = tcase_create("date");

    tcase_add_loop_test(tc, date_is_read, 0, COUNT_OF(dates));
    tcase_add_test(tc, date_is_written_as_libc_would_and_read_back);
    tcase_add_test(tc, date_outside_four_digit_years_is_clamped);
    suite_add_tcase(suite, tc);

    tc = tcase_create("range");
    tcase_add_loop_test(tc, range_is_read, 0, COUNT_OF(ranges));
    tcase_add_test(tc, ranges_cover_what_was_asked_for);
    tcase_add_test(tc, too_many_ranges_are_ignored);
    suite_add_tcase(suite, tc);

    tc = tcase_create("path");
    tcase_add_loop_test(tc, target_is_split, 0, COUNT_OF(targets));
    tcase_add_loop_test(tc, path_is_decoded, 0, COUNT_OF(paths));
    tcase_add_test(tc, path_never_leaves_the_root);
    tcase_add_test(tc, plain_path_is_what_decoding_makes_of_it);
    tcase_add_test(tc, path_is_encoded_within_bounds);
    suite_add_tcase(suite, tc);

    tc = tcase_create("variant");
    tcase_add_test(tc, file_without_variants_may_be_refused);
    suite_add_tcase(suite, tc);

    tc = tcase_create("head");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, head_end_is_found_however_it_is_cut, 0, COUNT_OF(heads));
    tcase_add_test(tc, request_survives_noise);
    suite_add_tcase(suite, tc);
    return suite;
}
