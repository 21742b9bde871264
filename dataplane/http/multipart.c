/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/multipart.h"

#include "base/assert.h"
#include "http/writer.h"

/* Without quotes: an entity tag of ours holds no character that a boundary may not. */
struct text multipart_boundary(const struct file *file)
{
    struct text etag = file_etag(file);

    return (struct text){ etag.at + 1, etag.len - 2 };
}

static uint32_t digits(uint64_t value)
{
    uint32_t n = 1;

    for (; value >= 10; value /= 10)
        n++;
    return n;
}

#define BOUNDARY_BEFORE TEXT("\r\n--")
#define BOUNDARY_LAST   TEXT("--\r\n")
#define TYPE_BEFORE     TEXT("\r\nContent-Type: ")
#define RANGE_BEFORE    TEXT("\r\nContent-Range: bytes ")
#define HEAD_END        TEXT("\r\n\r\n")

uint32_t multipart_text(const struct file *file, const struct range *part,
                        char text[MULTIPART_TEXT_MAX])
{
    struct writer w = { .at = text, .end = text + MULTIPART_TEXT_MAX };

    put(&w, BOUNDARY_BEFORE);
    put(&w, multipart_boundary(file));
    if (part == NULL) {
        put(&w, BOUNDARY_LAST);
    } else {
        put(&w, TYPE_BEFORE);
        put(&w, text_from(file->type));
        put(&w, RANGE_BEFORE);
        put_number(&w, part->from);
        put(&w, TEXT("-"));
        put_number(&w, part->from + part->len - 1);
        put(&w, TEXT("/"));
        put_number(&w, file->size);
        put(&w, HEAD_END);
    }
    ASSERT(!w.full);
    return (uint32_t)(w.at - text);
}

uint32_t multipart_text_len(const struct file *file, const struct range *part)
{
    size_t len = BOUNDARY_BEFORE.len + multipart_boundary(file).len;

    if (part == NULL)
        return (uint32_t)(len + BOUNDARY_LAST.len);
    len += TYPE_BEFORE.len + strlen(file->type) + RANGE_BEFORE.len + digits(part->from) + 1 +
           digits(part->from + part->len - 1) + 1 + digits(file->size) + HEAD_END.len;
    return (uint32_t)len;
}

uint64_t multipart_len(const struct file *file, const struct range *part, uint32_t count)
{
    uint64_t len = multipart_text_len(file, NULL);

    for (uint32_t i = 0; i < count; i++)
        len += multipart_text_len(file, &part[i]) + part[i].len;
    return len;
}
