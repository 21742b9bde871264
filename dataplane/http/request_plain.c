/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes are classified sixteen at a time (SSE2, which every x86-64 has). What is looked at ends
 * with the input's last LF: no class that is skipped here holds it, so that no loop runs beyond the
 * end.
 */
#include "http/request_plain.h"

#include <emmintrin.h>

#include "http/chars.h"

#define BLOCK 16 /* bytes looked at together; shorter input is none of ours */

struct input {
    const char *at, *end;
};

/* ---- where runs of text end ---- */

static __m128i block_load(const char *at)
{
    return _mm_loadu_si128((const __m128i *)at);
}

/* Bit n: byte n may not stand in a target: not 0x21 to 0x7e, as signed numbers. */
static uint32_t target_ends(const char *at)
{
    __m128i bytes = block_load(at);
    __m128i inside = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)),
                                      _mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x20)));

    return ~(uint32_t)_mm_movemask_epi8(inside) & 0xffff;
}

/* Bit n: byte n may not stand in a field's value: a control that is no tab. */
static uint32_t value_ends(const char *at)
{
    __m128i bytes = block_load(at);
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i control =
        _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')), low),
                     _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));

    return (uint32_t)_mm_movemask_epi8(control);
}

/* The first byte from at on that ends a run; the LF at the end does. The last block overlaps the
 * one before. */
static inline const char *run_end(const char *at, const char *end, uint32_t (*ends)(const char *))
{
    uint32_t bits;

    for (; end - at > BLOCK; at += BLOCK) {
        bits = ends(at);
        if (bits != 0)
            return at + __builtin_ctz(bits);
    }
    bits = ends(end - BLOCK) >> (BLOCK - (end - at));
    return at + __builtin_ctz(bits);
}

/* ---- the parts of a head: each is taken off the front, or false ---- */

static bool take_literal(struct input *in, const char *literal, size_t len)
{
    if ((size_t)(in->end - in->at) < len || memcmp(in->at, literal, len) != 0)
        return false;
    in->at += len;
    return true;
}

#define TAKE(in, literal) take_literal((in), (literal), sizeof(literal) - 1)

static bool take_line(struct input *in, struct request *request)
{
    if (TAKE(in, "GET /"))
        request->method = METHOD_GET;
    else if (TAKE(in, "HEAD /"))
        request->method = METHOD_HEAD;
    else
        return false;
    const char *target = in->at - 1;
    in->at = run_end(in->at, in->end, target_ends);
    request->target = (struct text){ target, (size_t)(in->at - target) };
    return TAKE(in, " HTTP/1.1\r\n");
}

/* Only the two that are usual. */
static bool take_connection(struct request *request, struct text value)
{
    if (text_equal_nocase(value, TEXT("close")))
        request->keep_alive = false;
    else if (!text_equal_nocase(value, TEXT("keep-alive")))
        return false;
    return true;
}

/* What the value means for the message, or for its form. */
static bool value_plain(struct request *request, enum field_id id, struct text value)
{
    switch (id) {
    case FIELD_HOST:
        return !request_has(request, FIELD_HOST) && request_host_valid(value);
    case FIELD_CONNECTION:
        return take_connection(request, value);
    case FIELD_CONTENT_LENGTH:
    case FIELD_TRANSFER_ENCODING:
    case FIELD_EXPECT:
        return false;
    default:
        return true;
    }
}

static bool take_field(struct input *in, struct request *request)
{
    const char *name = in->at;

    while (char_is(*in->at, CHAR_TOKEN))
        in->at++;
    enum field_id id = field_id_of((struct text){ name, (size_t)(in->at - name) });
    if (in->at == name || *in->at != ':')
        return false;
    const char *from = ++in->at;
    in->at = run_end(from, in->end, value_ends);
    struct text value = text_trim((struct text){ from, (size_t)(in->at - from) });
    if (!TAKE(in, "\r\n"))
        return false;
    return id == FIELD_OTHER ||
           (value_plain(request, id, value) && request_field_add(request, id, value) != NULL);
}

size_t request_plain(const uint8_t *data, size_t len, const struct head_limits *limits,
                     struct request *request)
{
    struct input in = { (const char *)data, (const char *)data + len };
    uint32_t fields = 0;

    /* Pipelined: the next head, cut off. It may be long, and behind many. */
    if (len != 0 && in.end[-1] != '\n') {
        const char *last = memrchr(data, '\n', len);
        in.end = last != NULL ? last + 1 : in.at;
    }
    if (in.end - in.at < BLOCK)
        return 0;
    request_init(request);
    request->keep_alive = true;
    if (!take_line(&in, request))
        return 0;
    const char *lines = in.at;
    for (; in.at != in.end && *in.at != '\r'; fields++)
        if (!take_field(&in, request))
            return 0;
    size_t line_bytes = (size_t)(lines - (const char *)data) - 2;
    if (line_bytes > limits->line_max || (size_t)(in.at - lines) > limits->field_bytes_max ||
        fields > limits->fields_max || !request_has(request, FIELD_HOST) || !TAKE(&in, "\r\n"))
        return 0;
    return (size_t)((const uint8_t *)in.at - data);
}
