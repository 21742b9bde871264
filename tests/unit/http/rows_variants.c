/* SPDX-License-Identifier: BSD-3-Clause */
/* Precompressed variants: which is chosen, and what its head says. */
#include "rows.h"

#define ACCEPT(value) GET("/var.txt", "Accept-Encoding: " value "\r\n")
#define BR                                                                                         \
    {                                                                                              \
        "Content-Encoding: br", "Vary: Accept-Encoding", "Content-Type: text/plain"                \
    }
#define ZSTD                                                                                       \
    {                                                                                              \
        "Content-Encoding: zstd", "Vary: Accept-Encoding", "Content-Type: text/plain"              \
    }
#define GZIP                                                                                       \
    {                                                                                              \
        "Content-Encoding: gzip", "Vary: Accept-Encoding", "Content-Type: text/plain"              \
    }
#define IDENTITY                                                                                   \
    {                                                                                              \
        "!Content-Encoding", "Vary: Accept-Encoding", "Content-Length: 400"                        \
    }

/* clang-format off */
static const struct row rows[] = {
    { "12.5.3 no field", GET("/var.txt", ""), 200, STAYS, IDENTITY, "var.txt" },
    { "12.5.3 empty", ACCEPT(""), 200, STAYS, IDENTITY, "var.txt" },
    { "12.5.3", ACCEPT("gzip"), 200, STAYS, GZIP, "var.txt.gz" },
    { "8.4.1.3", ACCEPT("x-gzip"), 200, STAYS, GZIP, "var.txt.gz" },
    { "8.4.1 case", ACCEPT("GZip"), 200, STAYS, GZIP, "var.txt.gz" },
    { "12.5.3", ACCEPT("br"), 200, STAYS, BR, "var.txt.br" },
    { "8878", ACCEPT("zstd"), 200, STAYS, ZSTD, "var.txt.zst" },
    { "12.5.3 smallest", ACCEPT("gzip, deflate, br, zstd"), 200, STAYS, ZSTD, "var.txt.zst" },
    { "12.5.3 smallest", ACCEPT("gzip, deflate, br"), 200, STAYS, BR, "var.txt.br" },
    { "12.4.2", ACCEPT("gzip;q=1.0, br;q=0.9, zstd;q=0.999"), 200, STAYS, GZIP, "var.txt.gz" },
    { "12.4.2", ACCEPT("gzip ; q=0.5 ,br;Q=0.6"), 200, STAYS, BR, "var.txt.br" },
    { "12.4.2", ACCEPT("gzip;q=0.001"), 200, STAYS, GZIP, "var.txt.gz" },
    { "12.4.2 refused", ACCEPT("gzip;q=0"), 200, STAYS, IDENTITY, "var.txt" },
    { "12.4.2 refused", ACCEPT("gzip;q=0.000, br"), 200, STAYS, BR, "var.txt.br" },
    { "12.5.3 identity", ACCEPT("gzip;q=0.5, identity"), 200, STAYS, IDENTITY, "var.txt" },
    { "12.5.3 identity", ACCEPT("gzip, identity"), 200, STAYS, GZIP, "var.txt.gz" },
    { "12.5.3 identity", ACCEPT("identity"), 200, STAYS, IDENTITY, "var.txt" },
    { "12.5.3 identity", ACCEPT("identity;q=0.5, gzip;q=0.4"), 200, STAYS, IDENTITY, "var.txt" },
    { "12.5.3 identity", ACCEPT("identity;q=0, gzip;q=0.1"), 200, STAYS, GZIP, "var.txt.gz" },
    { "12.5.3 *", ACCEPT("*"), 200, STAYS, ZSTD, "var.txt.zst" },
    { "12.5.3 *", ACCEPT("zstd;q=0, *"), 200, STAYS, BR, "var.txt.br" },
    { "12.5.3 *", ACCEPT("br;q=0.8, *;q=0.1"), 200, STAYS, BR, "var.txt.br" },
    { "12.5.3 *", ACCEPT("br, *;q=0"), 200, STAYS, BR, "var.txt.br" },
    { "12.5.3 *", ACCEPT("identity;q=1, *;q=0"), 200, STAYS, IDENTITY, "var.txt" },
    { "15.5.7", ACCEPT("identity;q=0"), 406, STAYS, { "Vary: Accept-Encoding", "!ETag" } },
    { "15.5.7", ACCEPT("*;q=0"), 406, STAYS },
    { "15.5.7", ACCEPT("deflate, *;q=0"), 406, STAYS },
    { "15.5.7", GET("/small.txt", "Accept-Encoding: identity;q=0\r\n"), 406, STAYS, { "!Vary" } },
    { "15.5.7", HEAD("/var.txt", "Accept-Encoding: *;q=0\r\n"), 406, STAYS, { 0 }, NO_BODY },
    { "12.4.2 malformed", ACCEPT("gzip;q=2"), 200, STAYS, IDENTITY, "var.txt" },
    { "12.4.2 malformed", ACCEPT("gzip;q=0.1234"), 200, STAYS, IDENTITY, "var.txt" },
    { "12.4.2 malformed", ACCEPT("gzip;q="), 200, STAYS, IDENTITY, "var.txt" },
    { "12.4.2 malformed", ACCEPT("gzip;q=1.5, br;q=x, zstd;z=1"), 200, STAYS, IDENTITY, "var.txt" },
    { "5.3", GET("/var.txt", "Accept-Encoding: br\r\nAccept-Encoding: br;q=0, gzip\r\n"), 200, STAYS,
      GZIP, "var.txt.gz" },
    { "12.5.3 unknown", ACCEPT("compress, deflate, sdch"), 200, STAYS, IDENTITY, "var.txt" },

    { "9.3.2", HEAD("/var.txt", "Accept-Encoding: br\r\n"), 200, STAYS,
      { "Content-Encoding: br", "Content-Length: 120", "Vary: Accept-Encoding" }, NO_BODY },
    { "no variants", GET("/small.txt", "Accept-Encoding: gzip\r\n"), 200, STAYS,
      { "!Vary", "!Content-Encoding" }, "small.txt" },
    { "an index", GET("/dir/", "Accept-Encoding: gzip\r\n"), 200, STAYS,
      { "Content-Encoding: gzip", "Content-Type: text/html" }, "dir/index.html.gz" },
    { "an index", GET("/dir/", ""), 200, STAYS, { "Vary: Accept-Encoding" }, "dir/index.html" },
    { "by its own name", GET("/var.txt.gz", "Accept-Encoding: gzip\r\n"), 200, STAYS,
      { "!Content-Encoding", "!Vary" }, "var.txt.gz" },
    { "older", GET("/changed.txt", "Accept-Encoding: gzip\r\n"), 200, STAYS,
      { "!Content-Encoding", "!Vary" }, "changed.txt" },
    { "no plain form", GET("/only.txt", "Accept-Encoding: gzip\r\n"), 404, STAYS, { "!Vary" } },

    { "14.2", GET("/var.txt", "Accept-Encoding: br\r\nRange: bytes=10-19\r\n"), 206, STAYS,
      { "Content-Encoding: br", "Content-Range: bytes 10-19/120", "Content-Length: 10",
        "Vary: Accept-Encoding" }, "var.txt.br", 10, 10 },
    { "15.5.17", GET("/var.txt", "Accept-Encoding: br\r\nRange: bytes=200-\r\n"), 416, STAYS,
      { "Content-Range: bytes */120", "Vary: Accept-Encoding" } },
    { "14.2 several", GET("/var.txt", "Accept-Encoding: br\r\nRange: bytes=0-1,4-5\r\n"), 200, STAYS,
      { "Content-Encoding: br", "!Content-Range", "Content-Length: 120" }, "var.txt.br" },
    { "13.1.2", GET("/var.txt", "Accept-Encoding: br\r\nIf-None-Match: *\r\n"), 304, STAYS,
      { "ETag: *", "Vary: Accept-Encoding", "!Content-Encoding" }, NO_BODY },
    { "8.8.3 of the other", GET("/var.txt", "Accept-Encoding: br\r\nIf-None-Match: " ETAG_VAR "\r\n"),
      200, STAYS, BR, "var.txt.br" },
    { "8.8.3 of the plain", GET("/var.txt", "If-None-Match: " ETAG_VAR "\r\n"), 304, STAYS,
      { "ETag: " ETAG_VAR, "Vary: Accept-Encoding" }, NO_BODY },
    { "13.1.5", GET("/var.txt", "Accept-Encoding: br\r\nRange: bytes=0-1\r\nIf-Range: " ETAG_VAR
      "\r\n"), 200, STAYS, BR, "var.txt.br" },
};
/* clang-format on */

const struct row_table rows_variants = { rows, sizeof(rows) / sizeof(rows[0]) };
