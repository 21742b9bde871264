/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A request's head as values. Parsed in one go from the complete head (head.h found its end), so
 * that nothing is copied: all texts point into it and live as long as it does.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/text.h"

enum request_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_OPTIONS,
    METHOD_OTHER, /* known, and not allowed here */
};

/* The fields that mean something to us. */
enum field_id {
    FIELD_HOST,
    FIELD_CONNECTION,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_EXPECT,
    FIELD_ACCEPT_ENCODING,
    FIELD_RANGE,
    FIELD_IF_RANGE,
    FIELD_IF_MATCH,
    FIELD_IF_NONE_MATCH,
    FIELD_IF_MODIFIED_SINCE,
    FIELD_IF_UNMODIFIED_SINCE,
    FIELD_REFERER, /* for the log */
    FIELD_USER_AGENT,
    FIELD_ID_COUNT,
    FIELD_OTHER = FIELD_ID_COUNT,
};

struct request_field {
    enum field_id id;
    struct text value; /* without white space at its ends */
};

/* Lines of such fields that one request may have; more: 431. */
#define REQUEST_FIELDS_MAX 32

enum request_body {
    BODY_NONE,
    BODY_LENGTH,  /* body_len > 0 bytes */
    BODY_CHUNKED, /* RFC 9112 section 7.1 */
};

struct request {
    enum request_method method;
    struct text target;
    bool minor_0;           /* HTTP/1.0; false: 1.1 or later */
    bool keep_alive;        /* the client would like to send more (RFC 9112 section 9.3) */
    bool expects_continue;  /* the body comes once we have said 100 (RFC 9110 section 10.1.1) */
    enum request_body body; /* what follows the head */
    uint64_t body_len;
    uint32_t field_set; /* bit n: there is a field with id n */
    unsigned field_count;
    struct request_field fields[REQUEST_FIELDS_MAX];
};

static_assert(FIELD_ID_COUNT <= 32, "a bit for each field");

/*
 * Returns 0, or the status of the error: 400, 417, 431, 501 or 505. After an error only method and
 * minor_0 are meaningful, and how to go on behind the head is not known.
 */
unsigned request_parse(struct text head, struct request *request);

#define FIELD_BIT(id) (UINT32_C(1) << (id))

/* Any of the fields whose bits are in set. */
static inline bool request_has_any(const struct request *request, uint32_t set)
{
    return (request->field_set & set) != 0;
}

static inline bool request_has(const struct request *request, enum field_id id)
{
    return (request->field_set & FIELD_BIT(id)) != 0;
}

/* The field's only value. False: it is absent (*value is empty), or there several times. */
bool request_field_single(const struct request *request, enum field_id id, struct text *value);
unsigned request_field_count(const struct request *request, enum field_id id);

/* For those who build one. request_init() makes one without fields, of an unknown method. */
void request_init(struct request *request);
/* NULL: there is no room for it. */
struct request_field *request_field_add(struct request *request, enum field_id id,
                                        struct text value);
/* Of a token. */
enum field_id field_id_of(struct text name);
/* uri-host [ ":" port ] (RFC 9110 section 7.2), checked for its alphabet. */
bool request_host_valid(struct text host);

#endif
