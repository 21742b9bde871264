/* SPDX-License-Identifier: BSD-3-Clause */
/* A run of bytes that somebody else owns: what a parsed request is made of. Not NUL-terminated. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct text {
    const char *at;
    size_t len;
};

#define TEXT(literal) ((struct text){ (literal), sizeof(literal) - 1 })

static inline struct text text_from(const char *string)
{
    return (struct text){ string, strlen(string) };
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.at, b.at, a.len) == 0;
}

/* Without regard to the case of ASCII letters: field names, schemes, tokens. */
static inline bool text_equal_nocase(struct text a, struct text b)
{
    return a.len == b.len && strncasecmp(a.at, b.at, a.len) == 0;
}

static inline bool text_starts_nocase(struct text t, struct text prefix)
{
    return t.len >= prefix.len && strncasecmp(t.at, prefix.at, prefix.len) == 0;
}

static inline struct text text_skip(struct text t, size_t n)
{
    return (struct text){ t.at + n, t.len - n };
}

/* Offset of the first c in t; t.len: there is none. */
static inline size_t text_find(struct text t, char c)
{
    const char *found = t.len != 0 ? memchr(t.at, c, t.len) : NULL;
    return found != NULL ? (size_t)(found - t.at) : t.len;
}

/* Without the optional white space at both ends (OWS, RFC 9110 section 5.6.3). */
static inline struct text text_trim(struct text t)
{
    while (t.len != 0 && (t.at[0] == ' ' || t.at[0] == '\t'))
        t = text_skip(t, 1);
    while (t.len != 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/*
 * Takes the next element off a comma-separated list whose elements hold no commas themselves; empty
 * elements are skipped (RFC 9110 section 5.6.1.2). False: the list is at its end.
 */
static inline bool text_list_next(struct text *list, struct text *element)
{
    while (list->len != 0) {
        size_t comma = text_find(*list, ',');
        *element = text_trim((struct text){ list->at, comma });
        *list = text_skip(*list, comma < list->len ? comma + 1 : comma);
        if (element->len != 0)
            return true;
    }
    return false;
}

#endif
