/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/conditional.h"

#include "base/date.h"

/* Takes an entity-tag off the front of t: [ W/ ] DQUOTE *etagc DQUOTE (RFC 9110 section 8.8.3). */
static bool take_etag(struct text *t, struct text *opaque, bool *weak)
{
    struct text rest = *t;

    *weak = rest.len >= 2 && rest.at[0] == 'W' && rest.at[1] == '/';
    if (*weak)
        rest = text_skip(rest, 2);
    if (rest.len < 2 || rest.at[0] != '"')
        return false;
    size_t end = 1 + text_find(text_skip(rest, 1), '"');
    if (end == rest.len)
        return false;
    *opaque = (struct text){ rest.at, end + 1 };
    *t = text_skip(rest, end + 1);
    return true;
}

/* Whether a list of entity tags, which may hold commas themselves, names etag. A malformed list
 * ends where it goes wrong. Our own tags are strong: weak ones equal them in the weak comparison
 * only. */
static bool etag_list_has(struct text list, struct text etag, bool strong)
{
    struct text opaque;
    bool weak;

    if (text_equal(list, TEXT("*")))
        return true;
    for (;;) {
        while (list.len != 0 && strchr(", \t", list.at[0]) != NULL)
            list = text_skip(list, 1);
        if (list.len == 0 || !take_etag(&list, &opaque, &weak))
            return false;
        if (text_equal(opaque, etag) && !(strong && weak))
            return true;
    }
}

/* The lines of a list field are one list (RFC 9110 section 5.3). */
static bool etag_field_has(const struct request *request, enum field_id id, const struct file *file,
                           bool strong)
{
    for (unsigned i = 0; i < request->field_count; i++)
        if (request->fields[i].id == id &&
            etag_list_has(request->fields[i].value, file_etag(file), strong))
            return true;
    return false;
}

/* False: the field is absent, or not one valid date, and so to be ignored. */
static bool date_field(const struct request *request, enum field_id id, int64_t now, int64_t *date)
{
    struct text value;

    return request_field_single(request, id, &value) && date_parse(value, now, date);
}

enum condition condition_evaluate(const struct request *request, const struct file *file,
                                  int64_t now)
{
    int64_t date;

    if (request_has(request, FIELD_IF_MATCH)) {
        if (!etag_field_has(request, FIELD_IF_MATCH, file, true))
            return CONDITION_FAILED;
    } else if (date_field(request, FIELD_IF_UNMODIFIED_SINCE, now, &date) && file->mtime_s > date) {
        return CONDITION_FAILED;
    }

    if (request_has(request, FIELD_IF_NONE_MATCH)) {
        if (etag_field_has(request, FIELD_IF_NONE_MATCH, file, false))
            return CONDITION_NOT_MODIFIED;
    } else if (date_field(request, FIELD_IF_MODIFIED_SINCE, now, &date) && file->mtime_s <= date) {
        return CONDITION_NOT_MODIFIED;
    }
    return CONDITION_PASSED;
}

bool condition_range_applies(const struct request *request, const struct file *file, int64_t now)
{
    struct text value, opaque, rest;
    int64_t date;
    bool weak;

    if (!request_has(request, FIELD_IF_RANGE))
        return true;
    if (!request_field_single(request, FIELD_IF_RANGE, &value))
        return false;
    rest = value;
    if (take_etag(&rest, &opaque, &weak))
        return rest.len == 0 && !weak && text_equal(opaque, file_etag(file));
    /* An exact match, not "since". A date less than a second old could be that of two versions
     * (RFC 9110 section 8.8.2.2) and is no strong validator. */
    return date_parse(value, now, &date) && date == file->mtime_s && now > file->mtime_s;
}
