/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/head.h"

#include <string.h>

enum {
    AT_START,       /* before the request line */
    AT_START_LF,    /* CR seen there */
    AT_LINE,        /* in the request line */
    AT_LINE_LF,     /* CR seen at its end */
    AT_FIELD_START, /* at the start of a field line, or of the empty line */
    AT_FIELD,       /* in a field line */
    AT_FIELD_LF,    /* CR seen at its end */
    AT_END_LF,      /* CR of the empty line seen */
};

/*
 * Bytes of a request line: no controls. Bytes above 0x7f are no legal target (RFC 3986), but
 * clients send file names in UTF-8 raw; they mean themselves.
 */
static int is_line_byte(uint8_t c)
{
    return c >= 0x20 && c != 0x7f;
}

/* RFC 9110 section 5.5: field-content is visible bytes, space and tab. */
static int is_field_byte(uint8_t c)
{
    return is_line_byte(c) || c == '\t';
}

/* The first byte from p on that is no line byte, or one of the last seven: eight at a time, by the
 * carries of subtractions that stay within bytes up to the first hit. */
static const uint8_t *skip_words(const uint8_t *p, const uint8_t *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t word;

    for (; end - p >= 8; p += 8) {
        memcpy(&word, p, sizeof(word));
        uint64_t is_delete = word ^ ones * 0x7f; /* a byte that becomes 0 */
        uint64_t hits = ((word - ones * 0x20) & ~word) | ((is_delete - ones) & ~is_delete);
        if ((hits & tops) != 0)
            break;
    }
    return p;
}

static const uint8_t *skip_line(struct head_scan *scan, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;

    p = skip_words(p, end);
    while (p < end && is_line_byte(*p))
        p++;
    scan->line_bytes += (uint32_t)(p - start);
    return p;
}

static const uint8_t *skip_field(struct head_scan *scan, const uint8_t *p, const uint8_t *end)
{
    const uint8_t *start = p;

    p = skip_words(p, end);
    while (p < end && is_field_byte(*p))
        p++;
    scan->field_bytes += (uint32_t)(p - start);
    return p;
}

static enum head_result check_limits(const struct head_scan *scan, const struct head_limits *limits)
{
    if (scan->line_bytes > limits->line_max)
        return HEAD_LINE_LONG;
    return scan->field_bytes > limits->field_bytes_max ? HEAD_FIELDS_LONG : HEAD_PARTIAL;
}

/* The first byte of a field line. */
static enum head_result field_start(struct head_scan *scan, const struct head_limits *limits,
                                    uint8_t c)
{
    /* White space would fold the line into the one before (obs-fold, RFC 9112 section 5.2) or,
     * after the request line, hide a field (section 2.2); a colon leaves the field without a name.
     */
    if (c == ' ' || c == '\t' || c == ':')
        return HEAD_MALFORMED;
    scan->state = AT_FIELD;
    return ++scan->fields > limits->fields_max ? HEAD_FIELDS_LONG : HEAD_PARTIAL;
}

/* What is not a run of text: CR, LF, and what may not be there. */
static enum head_result special_byte(struct head_scan *scan, uint8_t c)
{
    static const uint8_t after_cr[] = {
        [AT_START] = AT_START_LF,
        [AT_LINE] = AT_LINE_LF,
        [AT_FIELD_START] = AT_END_LF,
        [AT_FIELD] = AT_FIELD_LF,
    };

    switch (scan->state) {
    case AT_START_LF:
        return c == '\n' ? HEAD_EMPTY_LINE : HEAD_MALFORMED;
    case AT_END_LF:
        return c == '\n' ? HEAD_COMPLETE : HEAD_MALFORMED;
    case AT_LINE_LF:
    case AT_FIELD_LF:
        if (c != '\n')
            return HEAD_MALFORMED;
        scan->field_bytes += scan->state == AT_FIELD_LF ? 2 : 0;
        scan->state = AT_FIELD_START;
        return HEAD_PARTIAL;
    default:
        if (c != '\r')
            return HEAD_MALFORMED;
        scan->state = after_cr[scan->state];
        return HEAD_PARTIAL;
    }
}

enum head_result head_scan(struct head_scan *scan, const struct head_limits *limits,
                           const uint8_t *data, size_t len, size_t *used)
{
    const uint8_t *p = data, *end = data + len;
    enum head_result result = HEAD_PARTIAL;

    while (p < end && result == HEAD_PARTIAL) {
        if (scan->state == AT_START && is_line_byte(*p))
            scan->state = AT_LINE;
        if (scan->state == AT_FIELD_START && is_field_byte(*p)) {
            result = field_start(scan, limits, *p);
            if (result != HEAD_PARTIAL)
                break;
        }
        if (scan->state == AT_LINE)
            p = skip_line(scan, p, end);
        else if (scan->state == AT_FIELD)
            p = skip_field(scan, p, end);
        /* Limits first: so the answer does not depend on how the bytes were cut. */
        result = check_limits(scan, limits);
        if (result != HEAD_PARTIAL || p == end)
            break;
        result = special_byte(scan, *p++);
        if (result == HEAD_PARTIAL)
            result = check_limits(scan, limits);
    }
    *used = (size_t)(p - data);
    return result;
}
