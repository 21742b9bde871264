/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a request's head ends, found byte by byte: the same whatever pieces it comes in. This is
 * the strict gate before the parser. It lets through only lines that end in CRLF and hold no
 * control characters, so that no other recipient of the same bytes can see the head end elsewhere
 * (RFC 9112 section 2.2 and 11.2), and it keeps the limits.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stddef.h>
#include <stdint.h>

struct head_limits {
    uint32_t line_max;        /* bytes of the request line, without CRLF */
    uint32_t field_bytes_max; /* bytes of all field lines, with their CRLFs */
    uint32_t fields_max;      /* field lines */
};

/* Bytes of the longest head within limits: both parts, the line's CRLF and the empty line. */
static inline size_t head_bytes_max(const struct head_limits *limits)
{
    return (size_t)limits->line_max + 2 + limits->field_bytes_max + 2;
}

/* All 0: before the first byte. */
struct head_scan {
    uint32_t line_bytes, field_bytes, fields;
    uint32_t state;
};

enum head_result {
    HEAD_PARTIAL,     /* all bytes belong to the head, and more must follow */
    HEAD_COMPLETE,    /* the head ends with byte *used - 1 */
    HEAD_EMPTY_LINE,  /* an empty line before any request, to be dropped (RFC 9112 section 2.2) */
    HEAD_MALFORMED,   /* 400 */
    HEAD_LINE_LONG,   /* 414 */
    HEAD_FIELDS_LONG, /* 431 */
};

/* Goes on with the next len > 0 bytes; *used is how many belong to this head. After anything but
 * PARTIAL the scan is over. */
enum head_result head_scan(struct head_scan *scan, const struct head_limits *limits,
                           const uint8_t *data, size_t len, size_t *used);

#endif
