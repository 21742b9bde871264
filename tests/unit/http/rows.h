/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests and their answers, one row each: for the server on the fake TCP (test_http_requests.c)
 * and, the same rows, for a running one (tests/net/http_rows.c).
 */
#ifndef TEST_HTTP_ROWS_H
#define TEST_HTTP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define H                    "Host: h\r\n"
#define GET(target, fields)  "GET " target " HTTP/1.1\r\n" H fields "\r\n"
#define HEAD(target, fields) "HEAD " target " HTTP/1.1\r\n" H fields "\r\n"
#define CHUNKED              "Transfer-Encoding: chunked\r\n"
#define NEXT                 GET("/absent", "") /* a request behind the first one's body */
#define NO_BODY              .no_body = true
#define ETAG_SMALL           "\"0ae2f46f936e4ba153ef399b031e0bdf\"" /* XXH3 of small.txt */

#define ETAG_VAR             "\"0dedf20cafb501304c289f7771b4e3d4\""

#define ROW_PARTS_MAX        6

struct row {
    const char *section; /* of RFC 9110, unless another is named */
    const char *request;
    unsigned status;
    enum { STAYS, CLOSES, ENDS } close; /* the server closes after it; having said so, or not */
    const char *lines[4]; /* of the head; "!Name": such a field must be absent; one that ends in '*'
                             may go on */
    const char *file;     /* the body is bytes [from, from + len) of this file; else it is text */
    uint64_t from, len;   /* len 0: all of it from there on */
    bool no_body;
    struct {
        uint64_t from, len;
    } parts[ROW_PARTS_MAX]; /* of file: the body is multipart/byteranges of these */
    const char *more;       /* statuses of the replies behind it, with spaces between them */
};

struct row_table {
    const struct row *row;
    size_t count;
};

extern const struct row_table rows_files, rows_ranges, rows_variants, rows_framing;

/* Number i of all tables together; NULL: there are less. */
const struct row *row_number(size_t i);

/* What is sent behind each row: it is answered with 404, unless the connection has ended. */
#define ROW_PROBE       GET("/no-such-file", "")

#define ROW_ERROR_BYTES 1024

/* What the server sent for the row and the probe, as a whole. False: error says what is wrong. */
bool row_check(const struct row *row, const char *out, size_t len, char error[ROW_ERROR_BYTES]);

#endif
