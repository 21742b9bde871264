/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/answer.h"

#include "http/conditional.h"
#include "http/path.h"
#include "http/variant.h"

#define INDEX_NAME "index.html"

size_t answer_path_bytes(size_t request_line_max)
{
    return request_line_max + sizeof("/" INDEX_NAME) + VARIANT_SUFFIX_MAX;
}

/* RFC 9110 section 13.2.2: conditions first, then the range. */
static void answer_file(const struct request *request, const struct file *file, int64_t now,
                        struct ranges *ranges, struct answer *answer)
{
    struct text value;

    answer->file = file;
    answer->status = 200;
    answer->len = file->size;
    switch (condition_evaluate(request, file, now)) {
    case CONDITION_NOT_MODIFIED:
        answer->status = 304;
        return;
    case CONDITION_FAILED:
        answer->status = 412;
        return;
    case CONDITION_PASSED:
        break;
    }

    /* Range means something with GET only (section 14.2). */
    if (request->method != METHOD_GET || !request_field_single(request, FIELD_RANGE, &value) ||
        !condition_range_applies(request, file, now))
        return;
    switch (ranges_parse(value, file->size, ranges)) {
    case RANGE_IGNORED:
        break;
    case RANGE_UNSATISFIABLE:
        answer->status = 416;
        break;
    case RANGE_SATISFIABLE:
        answer->status = 206;
        answer->from = ranges->range[0].from;
        answer->len = ranges->range[0].len;
        /* One that is left of several is answered as if it had been asked for alone (section
         * 15.3.7.2). Several of an encoded form are answered with the whole of it: whether the
         * coding is that of the parts or of what holds them is for nobody to guess. */
        if (ranges->count > 1 && answer->coding.len != 0) {
            answer->status = 200;
            answer->from = 0;
            answer->len = file->size;
        } else if (ranges->count > 1) {
            answer->parts = ranges;
        }
        break;
    }
}

/* The file or a variant of it; its path has len bytes. False: none is acceptable. */
static bool answer_variant(const struct request *request, const struct catalogue *catalogue,
                           char *path, size_t len, const struct file **file, struct answer *answer)
{
    struct variant variant = variant_choose(request, catalogue, path, len, *file);

    answer->varies = variant.varies;
    answer->coding = variant.coding;
    answer->type = (*file)->type;
    if (variant.file != NULL)
        *file = variant.file;
    else
        answer->status = 406;
    return variant.file != NULL;
}

/* The file "index.html" of the directory whose path has len bytes. */
static struct catalogue_entry find_index(const struct catalogue *catalogue, char *path, size_t *len)
{
    const char *name = *len != 0 ? "/" INDEX_NAME : INDEX_NAME;

    strcpy(path + *len, name);
    *len += strlen(name);
    return catalogue_find(catalogue, path, *len);
}

struct answer answer_request(const struct request *request, const struct catalogue *catalogue,
                             bool precompressed, struct answer_scratch *scratch, int64_t now)
{
    char *path = scratch->path;
    struct answer answer = { .status = 404, .head_only = request->method == METHOD_HEAD };
    struct target target;
    struct path decoded;
    struct catalogue_entry entry;

    if (request->method == METHOD_OTHER) {
        answer.status = 405;
        return answer;
    }
    /* The server as a whole (RFC 9110 section 9.3.7). */
    if (request->method == METHOD_OPTIONS && text_equal(request->target, TEXT("*"))) {
        answer.status = 204;
        return answer;
    }
    if (!target_parse(request->target, &target)) {
        answer.status = 400;
        return answer;
    }
    enum path_result result = path_decode(target.path, path, &decoded);
    if (result != PATH_OK) {
        answer.status = result == PATH_MALFORMED ? 400 : 404;
        return answer;
    }

    if (decoded.directory)
        entry = find_index(catalogue, path, &decoded.len);
    else
        entry = catalogue_find(catalogue, path, decoded.len);
    if (request->method == METHOD_OPTIONS) {
        if (entry.kind != CATALOGUE_ABSENT)
            answer.status = 204;
    } else if (entry.kind == CATALOGUE_FILE) {
        if (!precompressed ||
            answer_variant(request, catalogue, path, decoded.len, &entry.file, &answer))
            answer_file(request, entry.file, now, &scratch->ranges, &answer);
    } else if (entry.kind == CATALOGUE_DIRECTORY && !decoded.directory) {
        answer.status = 301;
        answer.path = (struct text){ path, decoded.len };
        answer.query = target.query;
    }
    return answer;
}
