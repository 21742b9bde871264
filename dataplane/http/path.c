/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/path.h"

#include <emmintrin.h>

bool target_parse(struct text text, struct target *target)
{
    const struct text schemes[] = { TEXT("http://"), TEXT("https://") };
    struct text rest = text;

    target->authority = TEXT("");
    for (unsigned i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!text_starts_nocase(text, schemes[i]))
            continue;
        rest = text_skip(text, schemes[i].len);
        size_t authority_len = 0;
        while (authority_len < rest.len && strchr("/?#", rest.at[authority_len]) == NULL)
            authority_len++;
        /* An empty host is invalid, and user information an error (RFC 9110 section 4.2). */
        if (authority_len == 0 || rest.at[0] == ':' ||
            text_find((struct text){ rest.at, authority_len }, '@') != authority_len)
            return false;
        target->authority = (struct text){ rest.at, authority_len };
        rest = text_skip(rest, authority_len);
        if (rest.len == 0)
            rest = TEXT("/");
        break;
    }
    /* A fragment is never sent (RFC 9112 section 3.2). */
    if (text_find(rest, '#') != rest.len)
        return false;
    size_t path_len = text_find(rest, '?');
    target->path = (struct text){ rest.at, path_len };
    target->query = text_skip(rest, path_len);
    if (path_len == 0 && rest.at != text.at) /* http://host?query (RFC 3986 section 6.2.3) */
        target->path = TEXT("/");
    return target->path.len != 0 && target->path.at[0] == '/';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one segment to out. */
static enum path_result segment_decode(struct text segment, char *out, size_t *out_len)
{
    enum path_result result = PATH_OK;
    size_t n = 0;

    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.at[i];
        if (c == '%') {
            int high = i + 2 < segment.len ? hex_digit(segment.at[i + 1]) : -1;
            int low = i + 2 < segment.len ? hex_digit(segment.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return PATH_MALFORMED;
            c = (char)(high << 4 | low);
            i += 2;
            if (c == '/')
                result = PATH_NOWHERE;
        }
        if (c == '\0')
            return PATH_MALFORMED;
        out[n++] = c;
    }
    *out_len = n;
    return result;
}

/* Length of out without its last segment. False: there is none. */
static bool segment_drop(const char *out, size_t *len)
{
    if (*len == 0)
        return false;
    while (*len != 0 && out[*len - 1] != '/')
        --*len;
    if (*len != 0)
        --*len; /* the slash before it */
    return true;
}

enum path_result path_decode(struct text path, char *out, struct path *decoded)
{
    enum path_result result = PATH_OK;
    size_t len = 0; /* of out: never behind the bytes read, as a slash precedes each segment */
    bool directory = true;

    while (path.len != 0) {
        path = text_skip(path, 1); /* the slash */
        struct text segment = { path.at, text_find(path, '/') };
        path = text_skip(path, segment.len);

        size_t at = len != 0 ? len + 1 : 0, n = 0;
        enum path_result one = segment_decode(segment, out + at, &n);
        if (one == PATH_MALFORMED)
            return PATH_MALFORMED;
        if (one == PATH_NOWHERE) /* go on: the rest may be malformed */
            result = PATH_NOWHERE;
        struct text name = { out + at, n };

        directory = true;
        if (n == 0 || text_equal(name, TEXT(".")))
            continue;
        if (text_equal(name, TEXT(".."))) {
            if (!segment_drop(out, &len))
                return PATH_MALFORMED;
            continue;
        }
        directory = false;
        if (len != 0)
            out[len] = '/';
        len = at + n;
    }
    *decoded = (struct path){ .len = len, .directory = directory };
    return result;
}

/* Bit n: byte n of the block is c. */
static uint32_t block_find(__m128i block, char c)
{
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, _mm_set1_epi8(c)));
}

bool path_copy_plain(struct text target, char *out, struct path *decoded)
{
    if (target.len == 0 || target.at[0] != '/')
        return false;
    memcpy(out, target.at, target.len);
    /* Blocks overlap by a byte, for a slash and what follows it. */
    for (size_t at = 0; at < target.len; at += PATH_BLOCK - 1) {
        __m128i block = _mm_loadu_si128((const __m128i *)(out + at));
        size_t left = target.len - at;
        uint32_t ours = left < PATH_BLOCK ? (1u << left) - 1 : 0xffff;
        uint32_t slash = block_find(block, '/') & ours, dot = block_find(block, '.') & ours;
        uint32_t meaning = block_find(block, '%') | block_find(block, '?') | block_find(block, '#');
        if (((meaning & ours) | (slash & (slash | dot) >> 1)) != 0)
            return false;
    }
    decoded->directory = out[target.len - 1] == '/';
    decoded->len = target.len - 1 - (decoded->directory && target.len > 1);
    return true;
}

static size_t percent_encode(struct text in, const char *kept, char *out, size_t max)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;

    for (size_t i = 0; i < in.len; i++) {
        unsigned char c = (unsigned char)in.at[i];
        bool keep = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
                    (c != 0 && strchr(kept, c) != NULL);
        if (max - n < (keep ? 1 : 3))
            return PATH_TOO_LONG;
        if (keep) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    return n;
}

/* RFC 3986 section 3.3: unreserved, sub-delims, ':' and '@'; and the slash. */
size_t path_encode(struct text path, char *out, size_t max)
{
    return percent_encode(path, "-._~!$&'()*+,;=:@/", out, max);
}

/* Section 3.4: '?' too. */
size_t query_encode(struct text query, char *out, size_t max)
{
    return percent_encode(query, "-._~!$&'()*+,;=:@/?%", out, max);
}
