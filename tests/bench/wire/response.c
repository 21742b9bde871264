/* SPDX-License-Identifier: BSD-3-Clause */
#include "response.h"

#include <string.h>

#define LENGTH_FIELD "Content-Length: "

static bool holds(const char *text, uint32_t len, uint32_t at, const char *what, size_t what_len)
{
    return at + what_len <= len && memcmp(text + at, what, what_len) == 0;
}

/* The long way: once per file. */
static uint32_t find(struct response_shape *shape, const char *text, uint32_t len)
{
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    const char *length = memmem(text, len, LENGTH_FIELD, strlen(LENGTH_FIELD));

    if (end == NULL || length == NULL || length > end)
        return 0;
    shape->head_len = (uint32_t)(end - text) + 4;
    shape->length_at = (uint32_t)(length - text);
    return shape->head_len;
}

uint32_t response_head(struct clients *cs, uint32_t file, const char *text, uint32_t len)
{
    struct response_shape *shape = &cs->shape[file];
    static const char status[] = "HTTP/1.1 200 ";

    if (!holds(text, len, 0, status, strlen(status)))
        return 0;
    if (shape->head_len == 0 && find(shape, text, len) == 0)
        return 0;
    if (!holds(text, len, shape->head_len - 4, "\r\n\r\n", 4) ||
        !holds(text, len, shape->length_at, cs->length_field, cs->length_field_len))
        return 0;
    return shape->head_len;
}
