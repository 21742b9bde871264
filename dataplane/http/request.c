/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The request line is split here, the fields are llhttp's work (in its strict mode). What llhttp
 * lets through and RFC 9112 does not is checked before (head.c) and after: where both must agree,
 * they do, or the answer is 400 and the connection ends.
 */
#include "http/request.h"

#include <llhttp.h>

#include "base/assert.h"
#include "http/chars.h"

/* At most two have the same length: they are found by it. */
#define FIELD_NAME_MAX 19

static const struct field_name {
    struct text name;
    enum field_id id;
} field_names[FIELD_NAME_MAX + 1][2] = {
    [4] = { { TEXT("Host"), FIELD_HOST } },
    [5] = { { TEXT("Range"), FIELD_RANGE } },
    [6] = { { TEXT("Expect"), FIELD_EXPECT } },
    [7] = { { TEXT("Referer"), FIELD_REFERER } },
    [8] = { { TEXT("If-Match"), FIELD_IF_MATCH }, { TEXT("If-Range"), FIELD_IF_RANGE } },
    [10] = { { TEXT("User-Agent"), FIELD_USER_AGENT }, { TEXT("Connection"), FIELD_CONNECTION } },
    [13] = { { TEXT("If-None-Match"), FIELD_IF_NONE_MATCH } },
    [14] = { { TEXT("Content-Length"), FIELD_CONTENT_LENGTH } },
    [15] = { { TEXT("Accept-Encoding"), FIELD_ACCEPT_ENCODING } },
    [17] = { { TEXT("If-Modified-Since"), FIELD_IF_MODIFIED_SINCE },
             { TEXT("Transfer-Encoding"), FIELD_TRANSFER_ENCODING } },
    [19] = { { TEXT("If-Unmodified-Since"), FIELD_IF_UNMODIFIED_SINCE } },
};

static uint32_t lower4(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word | 0x20202020;
}

/* Whether two names of one length, at least 4, are the same but for case. As both are tokens, and
 * one of them has letters and '-' only, the bit of the case tells nothing else apart. */
static bool name_equal(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i + 4 < len; i += 4)
        if (lower4(a + i) != lower4(b + i))
            return false;
    return lower4(a + len - 4) == lower4(b + len - 4);
}

enum field_id field_id_of(struct text name)
{
    if (name.len > FIELD_NAME_MAX)
        return FIELD_OTHER;
    for (unsigned i = 0; i < 2; i++) {
        const struct field_name *known = &field_names[name.len][i];
        if (known->name.len == 0)
            break;
        if (name_equal(name.at, known->name.at, name.len))
            return known->id;
    }
    return FIELD_OTHER;
}

void request_init(struct request *request)
{
    request->method = METHOD_OTHER;
    request->target = TEXT("");
    request->minor_0 = false;
    request->keep_alive = false;
    request->expects_continue = false;
    request->body = BODY_NONE;
    request->body_len = 0;
    request->field_set = 0;
    request->field_count = 0;
}

struct request_field *request_field_add(struct request *request, enum field_id id,
                                        struct text value)
{
    if (request->field_count == REQUEST_FIELDS_MAX)
        return NULL;
    struct request_field *field = &request->fields[request->field_count++];
    *field = (struct request_field){ .id = id, .value = value };
    request->field_set |= FIELD_BIT(id);
    return field;
}

/* What the parser's callbacks see. */
struct parse {
    struct request *request;
    struct request_field *field; /* the one whose value comes next; NULL: not of interest */
    bool too_many;
    bool complete;
};

/* ---- llhttp's callbacks; the head is in one piece and unfolded, so each span comes whole ---- */

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct parse *parse = parser->data;

    enum field_id id = field_id_of((struct text){ at, len });
    parse->field = NULL;
    if (id == FIELD_OTHER)
        return 0;
    parse->field = request_field_add(parse->request, id, (struct text){ at + len, 0 });
    if (parse->field == NULL) {
        parse->too_many = true;
        return HPE_USER;
    }
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct parse *parse = parser->data;

    if (parse->field != NULL)
        parse->field->value = text_trim((struct text){ at, len });
    parse->field = NULL;
    return 0;
}

/* Stops the parser behind the head: bodies are body.c's. */
static int on_headers_complete(llhttp_t *parser)
{
    struct parse *parse = parser->data;

    parse->complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
};

/* ---- request line ---- */

struct request_line {
    struct text method, target;
    char major, minor;
};

/* method SP request-target SP "HTTP/" DIGIT "." DIGIT, and no other space (RFC 9112 section 3) */
static bool split_line(struct text head, struct request_line *line)
{
    struct text rest = { head.at, text_find(head, '\r') };
    const struct text version = TEXT(" HTTP/");

    size_t space = text_find(rest, ' ');
    if (space == 0 || space == rest.len)
        return false;
    line->method = (struct text){ rest.at, space };
    rest = text_skip(rest, space + 1);

    space = text_find(rest, ' ');
    line->target = (struct text){ rest.at, space };
    rest = text_skip(rest, space);
    if (space == 0 || rest.len != version.len + 3 || memcmp(rest.at, version.at, version.len) != 0)
        return false;
    rest = text_skip(rest, version.len);
    line->major = rest.at[0];
    line->minor = rest.at[2];
    return line->major >= '0' && line->major <= '9' && rest.at[1] == '.' && line->minor >= '0' &&
           line->minor <= '9';
}

static enum request_method method_of(struct text name)
{
    if (text_equal(name, TEXT("GET")))
        return METHOD_GET;
    if (text_equal(name, TEXT("HEAD")))
        return METHOD_HEAD;
    return text_equal(name, TEXT("OPTIONS")) ? METHOD_OPTIONS : METHOD_OTHER;
}

/* ---- fields ---- */

unsigned request_field_count(const struct request *request, enum field_id id)
{
    unsigned count = 0;

    for (unsigned i = 0; i < request->field_count; i++)
        count += request->fields[i].id == id;
    return count;
}

bool request_field_single(const struct request *request, enum field_id id, struct text *value)
{
    unsigned count = 0;

    *value = TEXT("");
    if (!request_has(request, id))
        return false;
    for (unsigned i = 0; i < request->field_count; i++) {
        if (request->fields[i].id != id)
            continue;
        *value = request->fields[i].value;
        count++;
    }
    return count == 1;
}

/* Whether the comma-separated lists of the field's lines hold token. */
static bool field_has_token(const struct request *request, enum field_id id, struct text token)
{
    for (unsigned i = 0; i < request->field_count; i++) {
        struct text list = request->fields[i].value, element;
        if (request->fields[i].id != id)
            continue;
        while (text_list_next(&list, &element))
            if (text_equal_nocase(element, token))
                return true;
    }
    return false;
}

static bool digits_only(struct text t)
{
    while (t.len != 0 && t.at[0] >= '0' && t.at[0] <= '9')
        t = text_skip(t, 1);
    return t.len == 0;
}

bool request_host_valid(struct text host)
{
    size_t name_len;

    if (host.len != 0 && host.at[0] == '[') { /* an IP literal */
        name_len = text_find(host, ']');
        for (size_t i = 1; i < name_len; i++)
            if (strchr("0123456789abcdefABCDEF:.", host.at[i]) == NULL)
                return false;
        if (name_len == host.len)
            return false;
        name_len++;
    } else {
        name_len = chars_span(host, CHAR_HOST);
    }
    struct text port = text_skip(host, name_len);
    return port.len == 0 || (port.at[0] == ':' && digits_only(text_skip(port, 1)));
}

/* Exactly one valid Host; HTTP/1.0 may do without (RFC 9112 section 3.2). */
static bool check_host(const struct request *request)
{
    struct text host;

    if (!request_has(request, FIELD_HOST))
        return request->minor_0;
    return request_field_single(request, FIELD_HOST, &host) && request_host_valid(host);
}

/* Whether a body follows (RFC 9112 section 6.3). llhttp has checked Content-Length. */
static unsigned check_body(struct request *request, uint64_t content_length)
{
    struct text coding, list, last = TEXT("");

    request->body = content_length != 0 ? BODY_LENGTH : BODY_NONE;
    request->body_len = content_length;
    if (!request_has(request, FIELD_TRANSFER_ENCODING))
        return 0;
    request->body = BODY_CHUNKED;
    if (request->minor_0) /* its framing is faulty: close behind it (RFC 9112 section 6.1) */
        request->keep_alive = false;
    if (request_has(request, FIELD_CONTENT_LENGTH) ||
        !request_field_single(request, FIELD_TRANSFER_ENCODING, &coding))
        return 400;
    if (text_equal_nocase(coding, TEXT("chunked")))
        return 0;
    for (list = coding; text_list_next(&list, &last);)
        continue;
    /* Without chunked at its end the length of the body is unknown; before it, a coding that we do
     * not know (RFC 9112 sections 6.1, 6.3). */
    return text_equal_nocase(last, TEXT("chunked")) ? 501 : 400;
}

/* The one expectation there is (RFC 9110 section 10.1.1); HTTP/1.0 has none, and is not told 417
 * about what its proxy may have added. */
static unsigned check_expect(struct request *request)
{
    request->expects_continue = false;
    if (request->minor_0)
        return 0;
    for (unsigned i = 0; i < request->field_count; i++) {
        struct text list = request->fields[i].value, element;
        if (request->fields[i].id != FIELD_EXPECT)
            continue;
        while (text_list_next(&list, &element)) {
            if (!text_equal_nocase(element, TEXT("100-continue")))
                return 417;
            request->expects_continue = true;
        }
    }
    return 0;
}

/* Runs llhttp over the whole head. */
static enum llhttp_errno run_parser(struct parse *parse, struct text head,
                                    const struct request_line *line, uint64_t *content_length)
{
    llhttp_t parser;
    enum llhttp_errno error;
    size_t before = (size_t)(line->target.at - head.at);
    struct text rest = text_skip(head, before + line->target.len);
    bool ascii = true;

    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = parse;
    parser.lenient_flags |= LENIENT_VERSION; /* HTTP/1.2 is to be treated as 1.1; checked here */

    /* In strict mode llhttp refuses targets with bytes above 0x7f: show it another one. */
    for (size_t i = 0; i < line->target.len; i++)
        ascii &= (unsigned char)line->target.at[i] < 0x80;
    error = llhttp_execute(&parser, head.at, before);
    if (error == HPE_OK)
        error = ascii ? llhttp_execute(&parser, line->target.at, line->target.len)
                      : llhttp_execute(&parser, "/", 1);
    if (error == HPE_OK)
        error = llhttp_execute(&parser, rest.at, rest.len);
    /* Both must have found the same end. */
    if (parse->complete && parser.error_pos != head.at + head.len)
        parse->complete = false;
    *content_length = parser.content_length;
    return error;
}

unsigned request_parse(struct text head, struct request *request)
{
    struct request_line line;
    struct parse parse = { .request = request };
    uint64_t content_length;

    request_init(request);
    if (!split_line(head, &line) || chars_span(line.method, CHAR_TOKEN) != line.method.len)
        return 400;
    request->method = method_of(line.method);
    request->minor_0 = line.minor == '0';
    request->target = line.target;
    if (line.major != '1')
        return 505;

    enum llhttp_errno error = run_parser(&parse, head, &line, &content_length);
    if (parse.too_many)
        return 431;
    if (error == HPE_INVALID_METHOD)
        return 501;
    if (error != HPE_PAUSED || !parse.complete || !check_host(request))
        return 400;

    /* RFC 9112 section 9.3 */
    request->keep_alive =
        !field_has_token(request, FIELD_CONNECTION, TEXT("close")) &&
        (!request->minor_0 || field_has_token(request, FIELD_CONNECTION, TEXT("keep-alive")));
    unsigned status = check_body(request, content_length);
    return status != 0 ? status : check_expect(request);
}
