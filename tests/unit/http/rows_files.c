/* SPDX-License-Identifier: BSD-3-Clause */
/* Files, names, directories. */
#include "rows.h"

/* clang-format off */
static const struct row rows[] = {
    /* ---- a file ---- */
    { "15.3.1", GET("/small.txt", ""), 200, STAYS,
      { "Content-Type: text/plain", "Content-Length: 13", "!Connection", "!Content-Range" },
      "small.txt" },
    { "8.8.2", GET("/small.txt", ""), 200, STAYS,
      { "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", "Accept-Ranges: bytes",
      "Date: *", "Server: hugewire" }, "small.txt" },
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
};
/* clang-format on */

const struct row_table rows_files = { rows, sizeof(rows) / sizeof(rows[0]) };
