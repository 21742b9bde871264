/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/body.h"

enum {
    AT_LENGTH,        /* in a body of known length */
    AT_SIZE,          /* in a chunk's size */
    AT_EXT_SPACE,     /* in white space behind it, which only an extension may follow */
    AT_EXT,           /* in a chunk's extensions */
    AT_SIZE_LF,       /* CR seen at the end of the chunk's first line */
    AT_DATA,          /* in its bytes */
    AT_DATA_CR,       /* behind them */
    AT_DATA_LF,       /* CR seen there */
    AT_TRAILER_START, /* at the start of a trailer field, or of the empty line */
    AT_TRAILER,       /* in a trailer field */
    AT_TRAILER_LF,    /* CR seen at its end */
    AT_END_LF,        /* CR of the empty line seen */
};

#define SIZE_DIGITS_MAX 16 /* of 64 bits (RFC 9112 section 7.1: anticipate large numerals) */

struct body_scan body_scan_length(uint64_t len, uint64_t bytes_max)
{
    return (struct body_scan){ .left = len, .budget = bytes_max, .state = AT_LENGTH };
}

struct body_scan body_scan_chunked(uint64_t bytes_max)
{
    return (struct body_scan){ .budget = bytes_max, .state = AT_SIZE };
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Extensions and trailers: visible bytes, space and tab, as in a head. */
static int is_text_byte(uint8_t c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/* A digit of the chunk's size, or what ends it. */
static enum body_result size_byte(struct body_scan *scan, uint8_t c)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        scan->left = scan->left << 4 | (unsigned)digit;
        return ++scan->digits > SIZE_DIGITS_MAX ? BODY_MALFORMED : BODY_PARTIAL;
    }
    if (scan->digits == 0)
        return BODY_MALFORMED;
    if (c == '\r')
        scan->state = AT_SIZE_LF;
    else if (c == ';')
        scan->state = AT_EXT;
    else if (c == ' ' || c == '\t')
        scan->state = AT_EXT_SPACE;
    else
        return BODY_MALFORMED;
    return BODY_PARTIAL;
}

/* The chunk's first line is over: its bytes follow, or behind the last chunk the trailers. */
static enum body_result size_end(struct body_scan *scan)
{
    scan->digits = 0;
    scan->state = scan->left != 0 ? AT_DATA : AT_TRAILER_START;
    return scan->left > scan->budget ? BODY_LONG : BODY_PARTIAL;
}

/* Goes to next if c is what must stand here. */
static enum body_result expect(struct body_scan *scan, uint8_t c, uint8_t expected, uint32_t next)
{
    scan->state = next;
    return c == expected ? BODY_PARTIAL : BODY_MALFORMED;
}

/* In text that a CR ends. */
static enum body_result text_byte(struct body_scan *scan, uint8_t c, uint32_t after_cr)
{
    if (c == '\r')
        scan->state = after_cr;
    else if (!is_text_byte(c))
        return BODY_MALFORMED;
    return BODY_PARTIAL;
}

/* A byte of the chunked coding around the chunks' bytes. */
static enum body_result frame_byte(struct body_scan *scan, uint8_t c)
{
    switch (scan->state) {
    case AT_SIZE:
        return size_byte(scan, c);
    case AT_EXT_SPACE: /* bad white space before ';' (RFC 9112 section 7.1.1), and no other */
        if (c == ' ' || c == '\t')
            return BODY_PARTIAL;
        return expect(scan, c, ';', AT_EXT);
    case AT_EXT:
        return text_byte(scan, c, AT_SIZE_LF);
    case AT_SIZE_LF:
        return c == '\n' ? size_end(scan) : BODY_MALFORMED;
    case AT_DATA_CR:
        return expect(scan, c, '\r', AT_DATA_LF);
    case AT_DATA_LF:
        return expect(scan, c, '\n', AT_SIZE);
    case AT_TRAILER_START:
        scan->state = c == '\r' ? AT_END_LF : AT_TRAILER;
        if (c == ' ' || c == '\t' || c == ':') /* folded, or without a name */
            return BODY_MALFORMED;
        return c == '\r' || is_text_byte(c) ? BODY_PARTIAL : BODY_MALFORMED;
    case AT_TRAILER:
        return text_byte(scan, c, AT_TRAILER_LF);
    case AT_TRAILER_LF:
        return expect(scan, c, '\n', AT_TRAILER_START);
    default: /* AT_END_LF */
        return c == '\n' ? BODY_COMPLETE : BODY_MALFORMED;
    }
}

/* Skips what of the body's or chunk's bytes is there. */
static size_t skip_data(struct body_scan *scan, size_t len)
{
    size_t n = scan->left < len ? (size_t)scan->left : len;

    scan->left -= n;
    scan->budget -= n;
    return n;
}

enum body_result body_scan(struct body_scan *scan, const uint8_t *data, size_t len, size_t *used)
{
    enum body_result result = BODY_PARTIAL;
    size_t at = 0;

    if (scan->state == AT_LENGTH) {
        if (scan->left > scan->budget)
            result = BODY_LONG;
        else
            at = skip_data(scan, len);
        *used = at;
        return result == BODY_PARTIAL && scan->left == 0 ? BODY_COMPLETE : result;
    }
    while (at < len && result == BODY_PARTIAL) {
        if (scan->state == AT_DATA) {
            at += skip_data(scan, len - at);
            if (scan->left == 0)
                scan->state = AT_DATA_CR;
            continue;
        }
        if (scan->budget == 0)
            result = BODY_LONG;
        else {
            scan->budget--;
            result = frame_byte(scan, data[at++]);
        }
    }
    *used = at;
    return result;
}
