/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/answer.h"

#include "base/assert.h"
#include "http/conditional.h"
#include "http/path.h"
#include "http/variant.h"

size_t answer_path_bytes(size_t request_line_max)
{
    return SITE_ROOT_MAX + 1 + request_line_max + 1 + SITE_INDEX_MAX + VARIANT_SUFFIX_MAX;
}

/* RFC 9110 section 13.2.2: conditions first, then the range. */
static void answer_file(const struct request *request, const struct file *file, int64_t now,
                        struct ranges *ranges, struct answer *answer)
{
    struct text value;

    answer->file = file;
    answer->status = 200;
    answer->len = file->size;
    if (LIKELY(!request_has_any(request, CONDITION_FIELDS | FIELD_BIT(FIELD_RANGE))))
        return;
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

/* A request's path in the scratch buffer: the site's root, a slash, the decoded path. */
struct place {
    char *text;
    size_t root_len, len; /* len: of the whole */
};

static struct catalogue_entry place_find(const struct catalogue *catalogue, const struct place *at)
{
    size_t from = at->root_len == 0; /* the catalogue's paths begin without a slash */

    return catalogue_find(catalogue, at->text + from, at->len - from);
}

/* The path as the client sees it, with its slash. */
static struct text place_path(const struct place *at)
{
    return (struct text){ at->text + at->root_len, at->len - at->root_len };
}

/* The first file that stands for the directory; at is then its place. */
static struct catalogue_entry find_index(const struct catalogue *catalogue,
                                         const struct http_site *site, struct place *at)
{
    size_t len = at->len;

    for (uint32_t i = 0; i < site->index_count; i++) {
        const struct text *name = &site->index[i];

        at->len = len;
        if (at->text[len - 1] != '/')
            at->text[at->len++] = '/';
        memcpy(at->text + at->len, name->at, name->len);
        at->len += name->len;
        struct catalogue_entry entry = place_find(catalogue, at);
        if (entry.kind == CATALOGUE_FILE)
            return entry;
    }
    at->len = len;
    return (struct catalogue_entry){ .kind = CATALOGUE_ABSENT };
}

/* The directory's listing; at is then the directory's path with its slash. */
static struct catalogue_entry find_listing(const struct catalogue *catalogue,
                                           const struct http_site *site, struct place *at)
{
    size_t len = at->len;

    if (len > 1 && at->text[len - 1] == '/') /* else it is all of ROOT */
        len--;
    memcpy(at->text + len, site->listing.at, site->listing.len);
    at->len = len + site->listing.len;
    struct catalogue_entry entry = place_find(catalogue, at);
    if (at->text[len - 1] != '/') /* the listing's name begins with it */
        len++;
    at->len = len;
    return entry;
}

/* The file or a variant of it. False: none is acceptable. */
static bool answer_variant(const struct request *request, const struct catalogue *catalogue,
                           const struct place *at, const struct file **file, struct answer *answer)
{
    size_t from = at->root_len == 0;
    struct variant variant =
        variant_choose(request, catalogue, at->text + from, at->len - from, *file);

    answer->varies = variant.varies;
    answer->coding = variant.coding;
    answer->type = (*file)->type;
    if (variant.file != NULL)
        *file = variant.file;
    else
        answer->status = 406;
    return variant.file != NULL;
}

/* Whether the site sends this path elsewhere. A slash at its end counts for the match. */
static bool answer_redirect(const struct http_site *site, struct place *at, bool directory,
                            struct text query, struct answer *answer)
{
    struct text path = place_path(at);

    if (site->redirect_count == 0)
        return false;
    if (directory && path.len > 1) {
        at->text[at->len] = '/';
        path.len++;
    }
    const struct site_redirect *redirect = site_redirect_find(site, path);
    if (redirect == NULL)
        return false;
    answer->status = redirect->status;
    answer->redirect = redirect;
    answer->path = text_skip(path, redirect->from.len);
    answer->query = query;
    return true;
}

/* The path that the request is about, behind the site's root. */
static enum path_result place_set(struct place *at, const struct target *target, bool *directory)
{
    struct path decoded = { 0 };

    at->text[at->root_len] = '/';
    enum path_result result = path_decode(target->path, at->text + at->root_len + 1, &decoded);
    at->len = at->root_len + 1 + decoded.len;
    *directory = decoded.directory;
    return result;
}

static_assert(SITE_INDEX_MAX >= PATH_BLOCK, "room behind the path");

/* The same, if the target is a path that means itself. */
static bool place_set_plain(struct place *at, struct text target, bool *directory)
{
    struct path decoded;

    if (!path_copy_plain(target, at->text + at->root_len, &decoded))
        return false;
    at->len = at->root_len + 1 + decoded.len;
    *directory = decoded.directory;
    return true;
}

void answer_request(const struct request *request, const struct http_site *site,
                    const struct catalogue *catalogue, bool precompressed,
                    struct answer_scratch *scratch, int64_t now, struct answer *answer)
{
    struct place at = { .text = scratch->path, .root_len = site->root.len };
    enum path_result result = PATH_OK;
    struct target target = { 0 };
    struct catalogue_entry entry;
    bool directory;

    answer->status = 404;
    /* The server as a whole (RFC 9110 section 9.3.7). */
    if (request->method == METHOD_OPTIONS && text_equal(request->target, TEXT("*"))) {
        answer->status = 204;
        return;
    }
    if (site->root.len != 0)
        memcpy(at.text, site->root.at, site->root.len);
    if (!place_set_plain(&at, request->target, &directory)) {
        if (!target_parse(request->target, &target)) {
            answer->status = request->method == METHOD_OTHER ? 405 : 400;
            return;
        }
        result = place_set(&at, &target, &directory);
    }
    if (result == PATH_OK && answer_redirect(site, &at, directory, target.query, answer))
        return;
    if (request->method == METHOD_OTHER) {
        answer->status = 405;
        return;
    }
    if (result != PATH_OK) {
        answer->status = result == PATH_MALFORMED ? 400 : 404;
        return;
    }

    entry = directory ? find_index(catalogue, site, &at) : place_find(catalogue, &at);
    if (directory && entry.kind == CATALOGUE_ABSENT && site->listing.len != 0) {
        entry = find_listing(catalogue, site, &at);
        precompressed = false;
    }
    answer->site_path = place_path(&at);
    if (request->method == METHOD_OPTIONS) {
        if (entry.kind != CATALOGUE_ABSENT)
            answer->status = 204;
    } else if (entry.kind == CATALOGUE_FILE) {
        if (!precompressed || answer_variant(request, catalogue, &at, &entry.file, answer))
            answer_file(request, entry.file, now, &scratch->ranges, answer);
    } else if (entry.kind == CATALOGUE_DIRECTORY && !directory) {
        answer->status = 301;
        answer->path = text_skip(answer->site_path, 1);
        answer->query = target.query;
    }
}
