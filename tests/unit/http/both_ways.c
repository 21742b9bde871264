/* SPDX-License-Identifier: BSD-3-Clause */
#include "both_ways.h"

#include <stdlib.h>

static const char *requests_differ(const struct request *a, const struct request *b)
{
    if (a->method != b->method)
        return "method";
    if (!text_equal(a->target, b->target) || a->target.at != b->target.at)
        return "target";
    if (a->minor_0 != b->minor_0)
        return "version";
    if (a->keep_alive != b->keep_alive)
        return "keep_alive";
    if (a->expects_continue != b->expects_continue)
        return "expectation";
    if (a->body != b->body || a->body_len != b->body_len)
        return "body";
    if (a->field_count != b->field_count || a->field_set != b->field_set)
        return "fields";
    for (unsigned i = 0; i < a->field_count; i++) {
        const struct request_field *one = &a->fields[i], *other = &b->fields[i];
        if (one->id != other->id || !text_equal(one->value, other->value))
            return "a field";
        if (one->value.len != 0 && one->value.at != other->value.at)
            return "a field's place";
    }
    return NULL;
}

static const char *differ(const uint8_t *data, size_t len, const struct head_limits *limits,
                          size_t *used)
{
    struct request plain, parsed;
    struct head_scan scan = { 0 };
    size_t scanned;

    *used = request_plain(data, len, limits, &plain);
    if (*used == 0)
        return NULL;
    if (head_scan(&scan, limits, data, len, &scanned) != HEAD_COMPLETE)
        return "the scanner finds no head";
    if (scanned != *used)
        return "the head ends elsewhere";
    if (request_parse((struct text){ (const char *)data, scanned }, &parsed) != 0)
        return "the parser refuses it";
    return requests_differ(&plain, &parsed);
}

const char *both_ways_differ(const uint8_t *data, size_t len, const struct head_limits *limits,
                             size_t *used)
{
    uint8_t *exact = malloc(len); /* so that the sanitizer sees where it ends */

    if (exact == NULL)
        return "no memory";
    memcpy(exact, data, len);
    const char *what = differ(exact, len, limits, used);
    free(exact);
    return what;
}
