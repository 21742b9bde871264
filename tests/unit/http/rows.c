/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "site_files.h"

#define FAIL(...) (snprintf(error, ROW_ERROR_BYTES, __VA_ARGS__), false)

const struct row *row_number(size_t i)
{
    const struct row_table *tables[] = { &rows_files, &rows_ranges, &rows_variants, &rows_framing };

    for (unsigned t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        if (i < tables[t]->count)
            return &tables[t]->row[i];
        i -= tables[t]->count;
    }
    return NULL;
}

struct answered {
    unsigned status;
    const char *head, *body;
    size_t head_len, body_len;
};

/* The start of the field's value; NULL: there is none. */
static const char *field(const struct answered *a, const char *name)
{
    const char *end = a->head + a->head_len - 2;
    size_t name_len = strlen(name);

    for (const char *line = strchr(a->head, '\n') + 1; line < end; line = strchr(line, '\n') + 1)
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':')
            return line + name_len + 1 + strspn(line + name_len + 1, " ");
    return NULL;
}

/* Whether the head has this line, to its end, or the start of it before a '*'. */
static bool has_line(const struct answered *a, const char *wanted)
{
    const char *end = a->head + a->head_len - 2;
    size_t len = strlen(wanted);
    bool open = wanted[len - 1] == '*';

    len -= open;
    for (const char *line = a->head; line < end; line = strchr(line, '\n') + 1)
        if (strncmp(line, wanted, len) == 0 && (open || line[len] == '\r'))
            return true;
    return false;
}

/* Takes one reply off the front of out. */
static bool take_reply(const char **out, const char *end, bool to_head, struct answered *a,
                       char error[ROW_ERROR_BYTES])
{
    const char *head_end = memmem(*out, (size_t)(end - *out), "\r\n\r\n", 4);

    if (head_end == NULL || strncmp(*out, "HTTP/1.1 ", 9) != 0)
        return FAIL("no reply: %.60s", *out);
    *a = (struct answered){ .status = (unsigned)strtoul(*out + 9, NULL, 10), .head = *out };
    a->head_len = (size_t)(head_end - *out) + 4;
    a->body = a->head + a->head_len;
    const char *length = field(a, "Content-Length");
    bool never = a->status == 304 || a->status == 204 || a->status < 200;
    if ((length == NULL) != never)
        return FAIL("%u %s Content-Length", a->status, never ? "with" : "without");
    if (length != NULL && !to_head)
        a->body_len = strtoull(length, NULL, 10);
    if (a->body_len > (size_t)(end - a->body))
        return FAIL("body of %zu bytes is cut to %zu", a->body_len, (size_t)(end - a->body));
    *out = a->body + a->body_len;
    return true;
}

static bool check_file(const struct row *row, const char *body, uint64_t from, uint64_t len,
                       char error[ROW_ERROR_BYTES])
{
    for (uint64_t i = 0; i < len; i++)
        if ((uint8_t)body[i] != site_byte(row->file, from + i))
            return FAIL("byte %" PRIu64 " of %s is wrong", from + i, row->file);
    return true;
}

/* RFC 9110 section 14.6: the body to the byte, with the boundary that the head names. */
static bool check_parts(const struct row *row, const struct answered *a, uint64_t size,
                        char error[ROW_ERROR_BYTES])
{
    const char *type = field(a, "Content-Type"), *at = a->body, *end = a->body + a->body_len;
    const char *boundary = type != NULL ? strstr(type, "boundary=") : NULL;
    char before[512];

    if (boundary == NULL)
        return FAIL("no boundary");
    boundary += strlen("boundary=");
    int boundary_len = (int)strcspn(boundary, "\r");
    for (unsigned i = 0; i < ROW_PARTS_MAX && row->parts[i].len != 0; i++) {
        uint64_t from = row->parts[i].from, len = row->parts[i].len;
        int n =
            snprintf(before, sizeof(before),
                     "\r\n--%.*s\r\nContent-Type: %s\r\nContent-Range: bytes %" PRIu64 "-%" PRIu64
                     "/%" PRIu64 "\r\n\r\n",
                     boundary_len, boundary, site_file_type(row->file), from, from + len - 1, size);
        if ((size_t)(end - at) < (size_t)n + len || memcmp(at, before, (size_t)n) != 0)
            return FAIL("part %u: want %.300s got %.200s", i, before, at);
        if (!check_file(row, at + n, from, len, error))
            return false;
        at += (size_t)n + len;
    }
    int n = snprintf(before, sizeof(before), "\r\n--%.*s--\r\n", boundary_len, boundary);
    if (end - at != n || memcmp(at, before, (size_t)n) != 0)
        return FAIL("end: want %.300s got %.200s", before, at);
    return true;
}

static bool check_body(const struct row *row, const struct answered *a, char error[ROW_ERROR_BYTES])
{
    if (row->no_body)
        return a->body_len == 0 || FAIL("body of %zu bytes", a->body_len);
    if (row->file == NULL) { /* an error says its name */
        if (a->body_len <= 4 || a->body_len >= 200 || strtoul(a->body, NULL, 10) != row->status)
            return FAIL("body: %.200s", a->body);
        return true;
    }
    uint64_t size = site_file_size(row->file);
    if (row->parts[0].len != 0)
        return check_parts(row, a, size, error);
    uint64_t len = row->len != 0 ? row->len : size - row->from;
    if (a->body_len != len)
        return FAIL("body of %zu bytes, not %" PRIu64, a->body_len, len);
    return check_file(row, a->body, row->from, len, error);
}

static bool check_head(const struct row *row, const struct answered *a, char error[ROW_ERROR_BYTES])
{
    if (a->status != row->status)
        return FAIL("status %u, not %u", a->status, row->status);
    if (has_line(a, "Connection: close") != (row->close == CLOSES))
        return FAIL("Connection: close %s", row->close == CLOSES ? "is missing" : "is there");
    for (unsigned i = 0; i < 4 && row->lines[i] != NULL; i++) {
        const char *line = row->lines[i];
        if (line[0] == '!' ? field(a, line + 1) != NULL : !has_line(a, line))
            return FAIL("want %s in\n%.*s", line, (int)a->head_len, a->head);
    }
    return true;
}

bool row_check(const struct row *row, const char *out, size_t len, char error[ROW_ERROR_BYTES])
{
    const char *end = out + len;
    bool to_head = strncmp(row->request + strspn(row->request, "\r\n"), "HEAD ", 5) == 0;
    char statuses[64] = "", wanted[64];
    struct answered a;

    if (!take_reply(&out, end, to_head, &a, error) || !check_head(row, &a, error) ||
        !check_body(row, &a, error))
        return false;
    while (out < end && strlen(statuses) < sizeof(statuses) - 8) {
        if (!take_reply(&out, end, false, &a, error))
            return false;
        snprintf(statuses + strlen(statuses), 8, "%s%u", statuses[0] != '\0' ? " " : "", a.status);
    }
    snprintf(wanted, sizeof(wanted), "%s%s%s", row->more != NULL ? row->more : "",
             row->more != NULL && row->close == STAYS ? " " : "", row->close == STAYS ? "404" : "");
    if (strcmp(statuses, wanted) != 0)
        return FAIL("then '%s', not '%s'", statuses, wanted);
    return true;
}
