/* SPDX-License-Identifier: BSD-3-Clause */
/* From a request's target to a path of the catalogue, and back to a Location. */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct target {
    struct text authority; /* of absolute-form: a host and perhaps a port; else empty */
    struct text path;      /* still encoded, begins with '/' */
    struct text query;     /* with its '?'; empty: there is none */
};

/*
 * Splits a target in origin-form or absolute-form with http or https (RFC 9112 section 3.2).
 * False: no such form (400).
 */
bool target_parse(struct text text, struct target *target);

enum path_result {
    PATH_OK,
    PATH_MALFORMED, /* 400: bad percent-encoding, NUL, or above the root */
    PATH_NOWHERE,   /* 404: no file can have this name */
};

struct path {
    size_t len;     /* of the decoded path, without slash at either end */
    bool directory; /* it ended in a slash */
};

/*
 * Decodes path exactly once and removes "." and ".." segments (RFC 3986 sections 2.1 and 5.2.4) and
 * empty ones. Bytes are bytes: no character set is decoded, so that no overlong form can become a
 * slash or a dot. An encoded slash does not separate segments, and as no name holds a slash it
 * leads nowhere; a backslash is a byte like others. ".." above the root is refused rather than cut
 * off. out has room for path.len bytes.
 */
enum path_result path_decode(struct text path, char *out, struct path *decoded);

/*
 * The usual case in one go: copies target to out, with its slash. False: it is no path that means
 * itself, but has a query, a percent sign, an empty segment or one that begins with a dot, and out
 * is of no use. decoded is as above. out has room for target.len + PATH_BLOCK bytes, all of which
 * may be read.
 */
#define PATH_BLOCK 16
bool path_copy_plain(struct text target, char *out, struct path *decoded);

/* Does not fit. */
#define PATH_TOO_LONG SIZE_MAX

/* Percent-encodes a decoded path for a header field: slashes stay. Returns the length, or
 * PATH_TOO_LONG if it is more than max. */
size_t path_encode(struct text path, char *out, size_t max);
/* Encodes only what may not stand in a query; percent signs stay, it is encoded already. */
size_t query_encode(struct text query, char *out, size_t max);

#endif
