/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request and its answer, one row each. A row is sent whole and then once more in single bytes on
 * another connection: the replies must be the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "suites.h"

#define H                    "Host: h\r\n"
#define GET(target, fields)  "GET " target " HTTP/1.1\r\n" H fields "\r\n"
#define HEAD(target, fields) "HEAD " target " HTTP/1.1\r\n" H fields "\r\n"
#define CHUNKED              "Transfer-Encoding: chunked\r\n"
#define NEXT                 GET("/absent", "") /* a request behind the first one's body */
#define NO_BODY              .no_body = true
#define ETAG_SMALL           "\"ae1b981c3a4d715-d\"" /* of small.txt: set from its time and size */

struct row {
    const char *section; /* of RFC 9110, unless another is named */
    const char *request;
    unsigned status;
    enum { STAYS, CLOSES, ENDS } close; /* the server closes after it; having said so, or not */
    const char *lines[4]; /* of the head; one that begins with '!' is a field that must be absent */
    const char *file;     /* the body is bytes [from, from + len) of this file; else it is text */
    uint64_t from, len;   /* len 0: all of it from there on */
    bool no_body;
    const char *more; /* statuses of the replies behind it, with spaces between them */
};

/* clang-format off */
static const struct row rows[] = {
    /* ---- a file ---- */
    { "15.3.1", GET("/small.txt", ""), 200, STAYS,
      { "Content-Type: text/plain", "Content-Length: 13", "!Connection", "!Content-Range" },
      "small.txt" },
    { "8.8.2", GET("/small.txt", ""), 200, STAYS,
      { "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "Accept-Ranges: bytes",
      "Date: " SITE_NOW_TEXT, "Server: hugewire" }, "small.txt" },
    { "9.3.1", GET("/big.bin", ""), 200, STAYS, { "Content-Length: 300000" }, "big.bin" },
    { "9.3.1", GET("/medium.bin", ""), 200, STAYS, { 0 }, "medium.bin" },
    { "8.6", GET("/empty", ""), 200, STAYS, { "Content-Length: 0" }, NO_BODY },
    { "9.3.2", HEAD("/big.bin", ""), 200, STAYS,
      { "Content-Length: 300000", "Accept-Ranges: bytes" }, NO_BODY },
    { "9.3.2", HEAD("/empty", ""), 200, STAYS, { "Content-Length: 0" }, NO_BODY },
    { "9.3.2", HEAD("/absent", ""), 404, STAYS, { "Content-Type: text/plain" }, NO_BODY },
    { "4.2.3", GET("/small.txt?a=b", ""), 200, STAYS, { 0 }, "small.txt" },
    { "9112 3.2.2", GET("http://h/small.txt", ""), 200, STAYS, { 0 }, "small.txt" },
    { "9112 3.2.2", GET("http://other", ""), 200, STAYS, { 0 }, "index.html" },

    /* ---- names ---- */
    { "4.2.3", GET("/dir/a%20b.txt", ""), 200, STAYS, { 0 }, "dir/a b.txt" },
    { "3986 2.5", GET("/gr%c3%BC%c3%9fe.txt", ""), 200, STAYS, { 0 },
      "gr\xc3\xbc\xc3\x9f" "e.txt" },
    { "raw UTF-8", "GET /gr\xc3\xbc\xc3\x9f" "e.txt HTTP/1.1\r\n" H "\r\n", 200, STAYS, { 0 },
      "gr\xc3\xbc\xc3\x9f" "e.txt" },
    { "3986 2.4", GET("/100%25.txt", ""), 200, STAYS, { 0 }, "100%.txt" },
    { "3986 2.4", GET("/%2541.txt", ""), 200, STAYS, { 0 }, "%41.txt" },
    { "", GET("/back%5Cslash", ""), 200, STAYS, { 0 }, "back\\slash" },
    { "", GET("/q%3F%23", ""), 200, STAYS, { 0 }, "q?#" },
    { "", GET("/new%0Aline", ""), 200, STAYS, { 0 }, "new\nline" },
    { "", GET("/...", ""), 200, STAYS, { 0 }, "..." },
    { "3986 5.2.4", GET("/dir/../small.txt", ""), 200, STAYS, { 0 }, "small.txt" },
    { "3986 5.2.4", GET("//dir/.//a%20b.txt", ""), 200, STAYS, { 0 }, "dir/a b.txt" },
    { "", GET("/../small.txt", ""), 400, CLOSES },
    { "", GET("/%2e%2e/%2e%2e/etc/passwd", ""), 400, CLOSES },
    { "", GET("/dir%2f..%2fsmall.txt", ""), 404, STAYS },
    { "", GET("/dir%2fa%20b.txt", ""), 404, STAYS },
    { "", GET("/%c0%ae%c0%ae/small.txt", ""), 404, STAYS },
    { "", GET("/small.txt%00", ""), 400, CLOSES },
    { "3986 2.1", GET("/small%2", ""), 400, CLOSES },
    { "", GET("/SMALL.TXT", ""), 404, STAYS },
    { "", GET("/small.txt/", ""), 404, STAYS },
    { "15.5.5", GET("/absent", ""), 404, STAYS, { "Content-Type: text/plain" } },

    /* ---- directories ---- */
    { "", GET("/", ""), 200, STAYS, { "Content-Type: text/html" }, "index.html" },
    { "", GET("/dir/", ""), 200, STAYS, { 0 }, "dir/index.html" },
    { "", GET("/dir/.", ""), 200, STAYS, { 0 }, "dir/index.html" },
    { "", GET("/dir/sub%20dir/..", ""), 200, STAYS, { 0 }, "dir/index.html" },
    { "", GET("/noindex/", ""), 404, STAYS },
    { "15.4.2", GET("/dir", ""), 301, STAYS, { "Location: /dir/" } },
    { "15.4.2", HEAD("/dir", ""), 301, STAYS, { "Location: /dir/" }, NO_BODY },
    { "15.4.2", GET("/dir/sub%20dir?a=%20&b", ""), 301, STAYS,
      { "Location: /dir/sub%20dir/?a=%20&b" } },
    { "15.4.2", GET("/noindex?<\xc3\xbc>", ""), 301, STAYS,
      { "Location: /noindex/?%3C%C3%BC%3E" } },
    { "10.2.2", GET("//dir", ""), 301, STAYS, { "Location: /dir/" } },
    { "10.2.2", GET("http://evil/dir", ""), 301, STAYS, { "Location: /dir/" } },

    /* ---- ranges ---- */
    { "14.2", GET("/big.bin", "Range: bytes=0-99\r\n"), 206, STAYS,
      { "Content-Range: bytes 0-99/300000", "Content-Length: 100", "Accept-Ranges: bytes" },
      "big.bin", 0, 100 },
    { "14.2", GET("/big.bin", "Range: bytes=99990-200009\r\n"), 206, STAYS,
      { "Content-Range: bytes 99990-200009/300000", "Content-Length: 100020" }, "big.bin", 99990,
      100020 },
    { "14.1.2", GET("/big.bin", "Range: bytes=299999-\r\n"), 206, STAYS,
      { "Content-Range: bytes 299999-299999/300000", "Content-Length: 1" }, "big.bin", 299999, 1 },
    { "14.1.2", GET("/big.bin", "Range: bytes=-1000\r\n"), 206, STAYS,
      { "Content-Range: bytes 299000-299999/300000" }, "big.bin", 299000, 1000 },
    { "14.1.2", GET("/small.txt", "Range: bytes=0-1000\r\n"), 206, STAYS,
      { "Content-Range: bytes 0-12/13", "Content-Length: 13" }, "small.txt", 0, 13 },
    { "15.5.17", GET("/small.txt", "Range: bytes=13-\r\n"), 416, STAYS,
      { "Content-Range: bytes */13", "!Accept-Ranges" } },
    { "14.2 nothing", GET("/empty", "Range: bytes=0-0\r\n"), 200, STAYS,
      { "Content-Length: 0", "!Content-Range" }, NO_BODY },
    { "14.1.2", GET("/empty", "Range: bytes=-5\r\n"), 200, STAYS, { "Content-Length: 0" },
      NO_BODY },
    { "14.2 several", GET("/small.txt", "Range: bytes=0-1,3-4\r\n"), 200, STAYS,
      { "!Content-Range" }, "small.txt" },
    { "14.2 twice", GET("/small.txt", "Range: bytes=0-1\r\nRange: bytes=3-4\r\n"), 200, STAYS,
      { "!Content-Range" }, "small.txt" },
    { "14.2 invalid", GET("/small.txt", "Range: bytes=5-1\r\n"), 200, STAYS, { "!Content-Range" },
      "small.txt" },
    { "14.2 unit", GET("/small.txt", "Range: lines=0-1\r\n"), 200, STAYS, { "!Content-Range" },
      "small.txt" },
    { "14.2 GET only", HEAD("/small.txt", "Range: bytes=0-1\r\n"), 200, STAYS,
      { "Content-Length: 13", "!Content-Range" }, NO_BODY },
    { "14.2 no file", GET("/absent", "Range: bytes=0-1\r\n"), 404, STAYS, { "!Content-Range" } },
    { "13.1.5", GET("/small.txt", "Range: bytes=0-1\r\nIf-Range: " ETAG_SMALL "\r\n"), 206, STAYS,
      { 0 }, "small.txt", 0, 2 },
    { "13.1.5", GET("/small.txt", "Range: bytes=0-1\r\nIf-Range: W/" ETAG_SMALL "\r\n"), 200, STAYS,
      { 0 }, "small.txt" },
    { "13.1.5", GET("/small.txt", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n"), 200, STAYS, { 0 },
      "small.txt" },
    { "13.1.5", GET("/small.txt", "Range: bytes=0-1\r\n"
      "If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 206, STAYS, { 0 }, "small.txt", 0, 2 },
    { "13.1.5", GET("/small.txt", "Range: bytes=0-1\r\n"
      "If-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n"), 200, STAYS, { 0 }, "small.txt" },
    { "13.1.5", GET("/small.txt", "Range: bytes=99-\r\nIf-Range: \"x\"\r\n"), 200, STAYS, { 0 },
      "small.txt" },

    /* ---- conditions ---- */
    { "13.1.2", GET("/small.txt", "If-None-Match: " ETAG_SMALL "\r\n"), 304, STAYS,
      { "ETag: " ETAG_SMALL, "Date: " SITE_NOW_TEXT, "!Content-Length", "!Content-Type" },
      NO_BODY },
    { "13.1.2", HEAD("/small.txt", "If-None-Match: " ETAG_SMALL "\r\n"), 304, STAYS, { 0 },
      NO_BODY },
    { "13.1.2", GET("/small.txt", "If-None-Match: \"a,\", W/" ETAG_SMALL "\r\n"), 304, STAYS, { 0 },
      NO_BODY },
    { "13.1.2", GET("/small.txt", "If-None-Match: *\r\n"), 304, STAYS, { 0 }, NO_BODY },
    { "5.3", GET("/small.txt", "If-None-Match: \"a\"\r\nif-none-match: " ETAG_SMALL "\r\n"), 304,
      STAYS, { 0 }, NO_BODY },
    { "13.1.2", GET("/small.txt", "If-None-Match: \"a\"\r\n"), 200, STAYS, { 0 }, "small.txt" },
    { "13.1.2", GET("/small.txt", "If-None-Match: garbage\r\n"), 200, STAYS, { 0 }, "small.txt" },
    { "13.1.2", GET("/absent", "If-None-Match: *\r\n"), 404, STAYS },
    { "13.1.3", GET("/small.txt", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 304,
      STAYS, { 0 }, NO_BODY },
    { "13.1.3", GET("/small.txt", "If-Modified-Since: Sunday, 06-Nov-94 08:49:38 GMT\r\n"), 304,
      STAYS, { 0 }, NO_BODY },
    { "13.1.3", GET("/small.txt", "If-Modified-Since: Sun Nov  6 08:49:36 1994\r\n"), 200, STAYS,
      { 0 }, "small.txt" },
    { "13.1.3", GET("/small.txt", "If-Modified-Since: yesterday\r\n"), 200, STAYS, { 0 },
      "small.txt" },
    { "13.1.3", GET("/small.txt", "If-None-Match: \"a\"\r\n"
      "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 200, STAYS, { 0 }, "small.txt" },
    { "13.1.1", GET("/small.txt", "If-Match: " ETAG_SMALL "\r\n"), 200, STAYS, { 0 }, "small.txt" },
    { "13.1.1", GET("/small.txt", "If-Match: *\r\n"), 200, STAYS, { 0 }, "small.txt" },
    { "13.1.1", GET("/small.txt", "If-Match: W/" ETAG_SMALL "\r\n"), 412, STAYS },
    { "13.1.1", GET("/small.txt", "If-Match: \"a\"\r\n"), 412, STAYS },
    { "13.1.4", GET("/small.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n"), 412,
      STAYS },
    { "13.1.4", GET("/small.txt", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), 200,
      STAYS, { 0 }, "small.txt" },
    { "13.2.2", GET("/small.txt", "Range: bytes=99-\r\nIf-None-Match: " ETAG_SMALL "\r\n"), 304,
      STAYS, { 0 }, NO_BODY },
    { "13.2.2", GET("/small.txt", "If-Match: \"a\"\r\nIf-None-Match: *\r\n"), 412, STAYS },

    /* ---- persistence ---- */
    { "9112 9.3", GET("/small.txt", "Connection: close\r\n"), 200, CLOSES, { "Connection: close" },
      "small.txt" },
    { "9112 9.3", GET("/small.txt", "connection: foo ,\tCLOSE\t\r\n"), 200, CLOSES,
      { "Connection: close" }, "small.txt" },
    { "9112 9.3", GET("/small.txt", "Connection: keep-alive, close\r\n"), 200, CLOSES,
      { "Connection: close" }, "small.txt" },
    { "9112 9.3", GET("/small.txt", "Connection: closed\r\n"), 200, STAYS, { "!Connection" },
      "small.txt" },
    { "9112 9.3", "GET /small.txt HTTP/1.0\r\n\r\n", 200, CLOSES, { "Connection: close" },
      "small.txt" },
    { "9112 9.3", "GET /small.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, STAYS,
      { "Connection: keep-alive" }, "small.txt" },
    { "9112 9.3", "GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
      200, CLOSES, { "Connection: close" }, "small.txt" },
    { "2.5", "GET /small.txt HTTP/1.2\r\n" H "\r\n", 200, STAYS, { 0 }, "small.txt" },
    { "2.5", "GET /small.txt HTTP/1.9\r\n" H "\r\n" NEXT, 200, STAYS, { "!Connection" },
      "small.txt", .more = "404" },
    { "7.8 ignored", GET("/small.txt", "Connection: upgrade\r\nUpgrade: h2c, websocket\r\n"), 200,
      STAYS, { "!Upgrade" }, "small.txt" },
    { "9112 2.2", "\r\n\r\nGET /small.txt HTTP/1.1\r\n" H "\r\n", 200, STAYS, { 0 }, "small.txt" },

    /* ---- bodies: read to their end, and the next request is answered ---- */
    { "9112 6.3", GET("/small.txt", "Content-Length: 0\r\n"), 200, STAYS, { 0 }, "small.txt" },
    { "9112 9.3", GET("/small.txt", "Content-Length: 5\r\n") "12345" NEXT, 200, STAYS,
      { "!Connection" }, "small.txt", .more = "404" },
    { "9112 9.3", GET("/small.txt", "Content-Length: 00005\r\n") "12345" NEXT, 200, STAYS, { 0 },
      "small.txt", .more = "404" },
    { "9112 11.2", GET("/small.txt", "Content-Length: 61\r\n")
      "GET /big.bin HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n" NEXT, 200, STAYS,
      { 0 }, "small.txt", .more = "404" },
    { "9.3.2", HEAD("/small.txt", "Content-Length: 2\r\n") "\r\n" NEXT, 200, STAYS, { 0 }, NO_BODY,
      .more = "404" },
    { "15.5.6", "POST /small.txt HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc" NEXT, 405, STAYS,
      { "Allow: GET, HEAD, OPTIONS" }, .more = "404" },
    { "15.5.5", GET("/absent", "Content-Length: 3\r\n") "abc" NEXT, 404, STAYS, { 0 },
      .more = "404" },
    { "15.4.5", GET("/small.txt", "If-None-Match: *\r\nContent-Length: 1\r\n") "a" NEXT, 304, STAYS,
      { 0 }, NO_BODY, .more = "404" },
    { "9112 9.3", GET("/small.txt", "Content-Length: 1048577\r\n") "abc", 200, CLOSES,
      { "Connection: close" }, "small.txt" },
    { "9112 9.3", GET("/small.txt", "Content-Length: 9223372036854775807\r\n") NEXT, 200, CLOSES,
      { "Connection: close" }, "small.txt" },
    { "9112 9.6", GET("/small.txt", "Connection: close\r\nContent-Length: 3\r\n") "abc" NEXT, 200,
      CLOSES, { "Connection: close" }, "small.txt" },
    { "9112 9.3", "GET /small.txt HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", 200, CLOSES, { 0 },
      "small.txt" },
    { "9112 9.3", "GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n"
      "abc" NEXT, 200, STAYS, { "Connection: keep-alive" }, "small.txt", .more = "404" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "0\r\n\r\n" NEXT, 200, STAYS, { 0 }, "small.txt",
      .more = "404" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "5\r\n12345\r\n00A\r\n\r\n0\r\n\r\n345\r\n0\r\n\r\n"
      NEXT, 200, STAYS, { 0 }, "small.txt", .more = "404" },
    { "9112 7.1", GET("/small.txt", "transfer-encoding: CHUNKED\r\n") "f\r\n123456789012345\r\n"
      "000\r\n\r\n" NEXT, 200, STAYS, { 0 }, "small.txt", .more = "404" },
    { "9112 7.1.1", GET("/small.txt", CHUNKED) "3;a=b;c=\"d;e\"\r\nabc\r\n0 ; x\r\n\r\n" NEXT, 200,
      STAYS, { 0 }, "small.txt", .more = "404" },
    { "9112 7.1.2", GET("/small.txt", CHUNKED) "0\r\nA: b\r\nContent-Length: 9\r\n\r\n" NEXT, 200,
      STAYS, { 0 }, "small.txt", .more = "404" },
    { "9112 7.1", "PUT /new HTTP/1.1\r\n" H CHUNKED "\r\n3\r\nabc\r\n0\r\n\r\n" NEXT, 405, STAYS,
      { 0 }, .more = "404" },
    { "9112 6.1", "GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\n" CHUNKED
      "\r\n0\r\n\r\n" NEXT, 200, CLOSES, { "Connection: close" }, "small.txt" },

    /* Answered before it shows that the body is malformed; nothing behind it is a request. */
    { "9112 7.1", GET("/small.txt", CHUNKED) "\r\n" NEXT, 200, ENDS, { 0 }, "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "x\r\n" NEXT, 200, ENDS, { 0 }, "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "0x3\r\nabc\r\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "-1\r\n\r\n" NEXT, 200, ENDS, { 0 }, "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) " 3\r\nabc\r\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "3 \r\nabc\r\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "3\nabc\r\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "3;a\nabc\r\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "3\rabc\r\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "3\r\nabcd\r\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "3\r\nabc0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "3\r\nabc\n0\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "10000000000000003\r\nabc\r\n0\r\n\r\n" NEXT, 200,
      ENDS, { 0 }, "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "ffffffffffffffff\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1", GET("/small.txt", CHUNKED) "100000\r\n" NEXT, 200, ENDS, { 0 }, "small.txt" },
    { "9112 7.1.2", GET("/small.txt", CHUNKED) "0\r\nA: b\r\n c\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1.2", GET("/small.txt", CHUNKED) "0\r\n: b\r\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },
    { "9112 7.1.2", GET("/small.txt", CHUNKED) "0\r\nA: b\n\r\n" NEXT, 200, ENDS, { 0 },
      "small.txt" },

    /* ---- expectations ---- */
    { "10.1.1", GET("/small.txt", "Content-Length: 3\r\nExpect: 100-continue\r\n"), 200, CLOSES,
      { "Connection: close" }, "small.txt" },
    { "10.1.1", GET("/small.txt", CHUNKED "Expect: 100-Continue\r\n") NEXT, 200, CLOSES,
      { "Connection: close" }, "small.txt" },
    { "10.1.1", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n", 405,
      CLOSES, { "Connection: close" } },
    { "10.1.1", GET("/small.txt", "Expect: 100-continue\r\n") NEXT, 200, STAYS, { 0 }, "small.txt",
      .more = "404" },
    { "10.1.1", GET("/small.txt", "Expect: 100-continue, else\r\n"), 417, CLOSES },
    { "10.1.1", GET("/small.txt", "Expect: more\r\n"), 417, CLOSES, { "Connection: close" } },
    { "10.1.1", "GET /small.txt HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n"
      "Expect: 100-continue\r\n\r\nabc" NEXT, 200, STAYS, { 0 }, "small.txt", .more = "404" },

    /* ---- framing that others may see differently: never answered as a request ---- */
    { "9112 6.3", GET("/", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400, CLOSES,
      { "Connection: close" } },
    { "9112 6.3", GET("/", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400, CLOSES },
    { "9112 6.3", GET("/", "Content-Length: 5\r\nContent-Length: 5\r\n"), 400, CLOSES },
    { "9112 6.3", GET("/", "Content-Length: 5, 5\r\n"), 400, CLOSES },
    { "9112 6.3", GET("/", "Content-Length: -5\r\n"), 400, CLOSES },
    { "9112 6.3", GET("/", "Content-Length: +5\r\n"), 400, CLOSES },
    { "9112 6.3", GET("/", "Content-Length: 0x5\r\n"), 400, CLOSES },
    { "9112 6.3", GET("/", "Content-Length:\r\n"), 400, CLOSES },
    { "9112 6.3", GET("/", "Content-Length: 18446744073709551616\r\n"), 400, CLOSES },
    { "9112 6.1", GET("/", "Transfer-Encoding: gzip\r\n"), 400, CLOSES },
    { "9112 6.1", GET("/", "Transfer-Encoding: gzip, chunked\r\n"), 501, CLOSES },
    { "9112 6.1", GET("/", "Transfer-Encoding: chunked, gzip\r\n"), 400, CLOSES },
    { "9112 6.1", GET("/", "Transfer-Encoding: xchunked\r\n"), 400, CLOSES },
    { "9112 6.1", GET("/", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400,
      CLOSES },
    { "9112 6.1", GET("/", "Transfer-Encoding:\r\n"), 400, CLOSES },
    { "9112 5.1", GET("/", "Content-Length : 5\r\n"), 400, CLOSES },
    { "9112 5.1", GET("/", "A b: 5\r\n"), 400, CLOSES },
    { "9112 5.1", GET("/", "no colon\r\n"), 400, CLOSES },
    { "9112 5.2", GET("/", "A: b\r\n c\r\n"), 400, CLOSES },
    { "9112 2.2", GET("/", "A: b\rContent-Length: 5\r\n"), 400, CLOSES },
    { "9112 2.2", "GET / HTTP/1.1\n" "Host: h\n\n", 400, CLOSES },
    { "9112 2.2", "GET / HTTP/1.1\r\n " H "\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\n\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\n" H H "\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.0\r\n" H H "\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost: h:8x\r\n\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, CLOSES },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200, STAYS, { 0 }, "index.html" },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost: 10.71.0.2:8080\r\n\r\n", 200, STAYS, { 0 },
      "index.html" },
    { "9112 3.2", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 200, STAYS, { 0 }, "index.html" },

    /* ---- the request line ---- */
    { "9112 3", GET(" /", ""), 400, CLOSES },
    { "9112 3", GET("/ x", ""), 400, CLOSES },
    { "9112 3", "GET / HTTP/1.1 \r\n" H "\r\n", 400, CLOSES },
    { "9112 3", " GET / HTTP/1.1\r\n" H "\r\n", 400, CLOSES },
    { "9112 3", "GET /\r\n\r\n", 400, CLOSES },
    { "9112 3", "GET\r\n\r\n", 400, CLOSES },
    { "9112 3", "G@T / HTTP/1.1\r\n" H "\r\n", 400, CLOSES },
    { "9112 2.3", "GET / http/1.1\r\n" H "\r\n", 400, CLOSES },
    { "9112 2.3", "GET / HTTP/1.10\r\n" H "\r\n", 400, CLOSES },
    { "9112 2.3", "GET / HTTP/11\r\n" H "\r\n", 400, CLOSES },
    { "9112 2.3", "GET / ICE/1.0\r\n" H "\r\n", 400, CLOSES },
    { "9112 3.2", GET("*", ""), 400, CLOSES },
    { "9112 3.2", GET("small.txt", ""), 400, CLOSES },
    { "9112 3.2", GET("/small.txt#top", ""), 400, CLOSES },
    { "4.2.4", GET("http://u@h/small.txt", ""), 400, CLOSES },
    { "15.6.6", "GET / HTTP/2.0\r\n" H "\r\n", 505, CLOSES, { "Connection: close" } },
    { "15.6.6", "GET / HTTP/0.9\r\n\r\n", 505, CLOSES },
    { "9113 3.4", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, CLOSES },
    { "15.6.2", "FOO / HTTP/1.1\r\n" H "\r\n", 501, CLOSES, { "Connection: close" } },
    { "15.6.2", "get / HTTP/1.1\r\n" H "\r\n", 501, CLOSES },
    { "15.6.2", "GETX / HTTP/1.1\r\n" H "\r\n", 501, CLOSES },
    { "15.5.6", "POST / HTTP/1.1\r\n" H "\r\n", 405, STAYS, { "Allow: GET, HEAD, OPTIONS" } },
    { "15.5.6", "PUT /new HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 405, STAYS },
    { "15.5.6", "DELETE /small.txt HTTP/1.1\r\n" H "\r\n", 405, STAYS },
    { "9.3.7", "OPTIONS * HTTP/1.1\r\n" H "\r\n" NEXT, 204, STAYS,
      { "Allow: GET, HEAD, OPTIONS", "!Content-Length", "!Content-Type" }, NO_BODY, .more = "404" },
    { "9.3.7", "OPTIONS /small.txt HTTP/1.1\r\n" H "\r\n", 204, STAYS,
      { "Allow: GET, HEAD, OPTIONS", "!ETag" }, NO_BODY },
    { "9.3.7", "OPTIONS /dir HTTP/1.1\r\n" H "\r\n", 204, STAYS, { "!Location" }, NO_BODY },
    { "9.3.7", "OPTIONS /absent HTTP/1.1\r\n" H "\r\n", 404, STAYS },
    { "9.3.7", "OPTIONS /../x HTTP/1.1\r\n" H "\r\n", 400, CLOSES },
    { "15.5.6", "TRACE / HTTP/1.1\r\n" H "\r\n", 405, STAYS },
    { "15.5.6", "CONNECT h:443 HTTP/1.1\r\n" H "\r\n", 405, STAYS },
};
/* clang-format on */

static size_t request_len(const struct row *row)
{
    return strlen(row->request);
}

static void check_lines(const struct row *row, const struct reply *reply)
{
    for (unsigned i = 0; i < 4 && row->lines[i] != NULL; i++) {
        const char *line = row->lines[i];
        bool good = line[0] == '!' ? !reply_has_field(reply, line + 1) : reply_has(reply, line);
        ck_assert_msg(good, "%s: want %s in\n%.*s", row->request, line, (int)reply->head_len,
                      reply->head);
    }
}

static void check_body(const struct bench *bench, const struct row *row, const struct reply *reply)
{
    if (row->no_body) {
        ck_assert_msg(reply->body_len == 0, "%s", row->request);
        return;
    }
    if (row->file == NULL) { /* an error says its name */
        ck_assert_msg(reply->body_len > 4 && reply->body_len < 200, "%s", row->request);
        ck_assert_uint_eq(strtoul((const char *)reply->body, NULL, 10), row->status);
        return;
    }
    uint64_t len = row->len != 0 ? row->len : site_file(bench, row->file)->size - row->from;
    ck_assert_msg(reply->body_len == len, "%s: %zu", row->request, reply->body_len);
    for (uint64_t i = 0; i < len; i++)
        ck_assert_msg(reply->body[i] == site_byte(row->file, row->from + i), "%s: byte %llu",
                      row->request, (unsigned long long)i);
}

/* The replies behind the first: their statuses, and that nothing else follows. Returns how many. */
static unsigned check_more(const struct row *row, const struct tcp_conn *conn, size_t at)
{
    char statuses[64] = "";
    unsigned count = 0;

    for (; at < conn->sent; count++) {
        struct reply reply = reply_read(conn->output + at, conn->sent - at, true);
        snprintf(statuses + strlen(statuses), sizeof(statuses) - strlen(statuses), "%s%u",
                 count > 0 ? " " : "", reply.status);
        at += reply.total_len;
    }
    ck_assert_msg(strcmp(statuses, row->more != NULL ? row->more : "") == 0,
                  "%s: also answered: %s", row->request, statuses);
    return count;
}

START_TEST(request_is_answered)
{
    const struct row *row = &rows[_i];
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *whole = fake_open(&bench.tcp);
    fake_input(whole, row->request, request_len(row));
    fake_run(whole);

    bool to_head = strstr(row->request, "HEAD ") == row->request;
    struct reply reply = reply_read(whole->output, whole->sent, !to_head);
    ck_assert_msg(reply.status == row->status, "%s: %s", row->request, whole->output);
    ck_assert_msg(whole->fin == (row->close != STAYS), "%s: closed %d", row->request, whole->fin);
    ck_assert_msg(reply_has(&reply, "Connection: close") == (row->close == CLOSES), "%s",
                  row->request);
    check_lines(row, &reply);
    check_body(&bench, row, &reply);
    ck_assert_uint_eq(bench.counters.http_requests, 1 + check_more(row, whole, reply.total_len));

    struct tcp_conn *bytes = fake_open(&bench.tcp);
    for (size_t i = 0; i < request_len(row); i++)
        fake_input(bytes, row->request + i, 1);
    fake_run(bytes);
    ck_assert_msg(bytes->sent == whole->sent &&
                      memcmp(bytes->output, whole->output, whole->sent) == 0,
                  "%s: in single bytes it is answered otherwise: %s", row->request, bytes->output);
    ck_assert_int_eq(bytes->fin, whole->fin);
    bench_stop(&bench);
}
END_TEST

START_TEST(location_that_does_not_fit_is_414)
{
    struct bench bench;
    char request[DEEP_BYTES + 64];

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    snprintf(request, sizeof(request), "GET /%s HTTP/1.1\r\n" H "\r\n", bench.site.deep);
    fake_input_text(conn, request);
    fake_run(conn);
    ck_assert_uint_eq(reply_read(conn->output, conn->sent, true).status, 414);
    ck_assert(conn->fin);
    bench_stop(&bench);
}
END_TEST

START_TEST(error_to_head_has_no_body)
{
    static const char *const requests[] = { "HEAD / HTTP/1.1\r\n\r\n", "HEAD /\x01",
                                            "HEAD / HTTP/2.0\r\n\r\n" };
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_conn *conn = fake_open(&bench.tcp);
        fake_input_text(conn, requests[i]);
        fake_run(conn);
        struct reply reply = reply_read(conn->output, conn->sent, false);
        ck_assert_uint_ge(reply.status, 400);
        ck_assert_uint_eq(reply.total_len, conn->sent);
    }
    bench_stop(&bench);
}
END_TEST

START_TEST(date_follows_the_wall_clock)
{
    struct bench bench;

    bench_config(&bench);
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_advance(&bench.tcp, 2 * NS_PER_S);
    fake_input_text(conn, "HEAD / HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, false);
    ck_assert(reply_has(&reply, "Date: Tue, 14 Nov 2023 22:13:22 GMT"));

    http_server_wall_offset(bench.server, -(int64_t)bench.tcp.now);
    fake_input_text(conn, "HEAD / HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    reply = reply_read(conn->output + reply.total_len, conn->sent - reply.total_len, false);
    ck_assert(reply_has(&reply, "Date: Thu, 01 Jan 1970 00:00:00 GMT"));
    bench_stop(&bench);
}
END_TEST

START_TEST(server_field_may_be_left_out)
{
    struct bench bench;

    bench_config(&bench);
    bench.config.server_name = NULL;
    bench_start(&bench);
    struct tcp_conn *conn = fake_open(&bench.tcp);
    fake_input_text(conn, "HEAD / HTTP/1.1\r\n" H "\r\n");
    fake_run(conn);
    struct reply reply = reply_read(conn->output, conn->sent, false);
    ck_assert(!reply_has_field(&reply, "Server"));
    bench_stop(&bench);
}
END_TEST

Suite *requests_suite(void)
{
    Suite *suite = suite_create("http requests");
    TCase *tc = tcase_create("rows");

    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, request_is_answered, 0, (int)(sizeof(rows) / sizeof(rows[0])));
    suite_add_tcase(suite, tc);

    tc = tcase_create("more");
    tcase_add_test(tc, location_that_does_not_fit_is_414);
    tcase_add_test(tc, error_to_head_has_no_body);
    tcase_add_test(tc, date_follows_the_wall_clock);
    tcase_add_test(tc, server_field_may_be_left_out);
    suite_add_tcase(suite, tc);
    return suite;
}
