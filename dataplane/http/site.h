/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites: which part of the catalogue a request means, by its Host and the port it came to, and what
 * is particular to it. All is given when the table is made, is immutable then, and is shared by all
 * workers; texts and arrays stay the caller's and must outlive it.
 */
#ifndef HTTP_SITE_H
#define HTTP_SITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/text.h"
#include "tcp/tcp.h" /* struct ip_addr */

/* A field line with its CRLF; the name is its first name_len bytes. */
struct site_field {
    struct text line;
    size_t name_len;
};

static inline bool site_field_same_name(const struct site_field *a, const struct site_field *b)
{
    return text_equal_nocase((struct text){ a->line.at, a->name_len },
                             (struct text){ b->line.at, b->name_len });
}

/* Fields of responses with status 2xx or 3xx for paths that match the glob. */
struct site_headers {
    struct text
        glob; /* of the path of the file that is sent, with its slash; * is any bytes, ? one */
    const struct site_field *fields;
    uint32_t count;
};

struct site_type {
    struct text extension; /* lower case, without dot */
    struct text type;
};

struct site_redirect {
    struct text from; /* decoded path, with its slash; a prefix ends at a segment's end */
    bool prefix;      /* what follows is appended to `to` */
    struct text to;   /* a path or a URL, encoded */
    uint16_t status;  /* 301, 302, 307 or 308 */
};

/* The first that holds the client's address decides; none: allowed. */
struct site_access {
    struct ip_addr net;
    uint8_t prefix_len;
    bool allow;
};

/* What is sent in place of the server's own text for a status. */
struct site_error_page {
    uint16_t status;  /* 400 to 599 */
    struct text path; /* of a file: the catalogue's, with the site's root */
};

struct http_site {
    struct text root;    /* catalogue path of its root, without slashes at its ends; empty: ROOT */
    struct text listing; /* what leads from a directory's path to its listing
                            (mempool/listings.h): "//0"; empty: there are none */
    const struct site_error_page *error_pages; /* of two for a status the first counts */
    uint32_t error_page_count;
    const struct text *index; /* names of the files that stand for a directory, in order */
    uint32_t index_count;
    const struct site_headers *headers;
    uint32_t header_count;
    const struct site_type *types;
    uint32_t type_count;
    const struct site_redirect *redirects;
    uint32_t redirect_count;
    const struct site_access *access;
    uint32_t access_count;
    uint64_t rate_bytes_per_s; /* of a connection; 0: no limit */
    uint64_t request_gap_ns;   /* of one client address, on average; 0: no limit */
    uint32_t request_burst;    /* so many may come at once, > 0 */
    uint32_t connections_max;  /* of one client address, being answered; 0: no limit */
};

#define SITE_ROOT_MAX  1024
#define SITE_INDEX_MAX 64 /* bytes of a name in index, or of listing */
/* Bytes of all field lines of a site: what clients and proxies take of one line, and more. */
#define SITE_FIELDS_MAX  16384
#define SITE_HEADERS_MAX 64 /* fields of all rules of a site */
#define SITE_TYPE_MAX    127

/* Which site answers: the exact name, else the longest suffix, else the one without name. */
struct site_name {
    struct text host; /* lower case: "example.org", "*.example.org"; empty: any other */
    uint16_t port;
    uint32_t site;
};

struct sites;

/* Of two equal names the first counts. Each port should have an empty name. NULL: out of memory. */
struct sites *sites_create(const struct http_site *sites, const struct site_name *names,
                           uint32_t count, const struct memory *memory);
void sites_destroy(struct sites *sites);

/* host as in a Host field: case, port part and a dot at its end do not count. The first name's site
 * if there is none for the port. O(1) in the number of sites. */
const struct http_site *sites_find(const struct sites *sites, struct text host, uint16_t port);

/* The answer given last: requests of one client, and of one burst, mostly name the same host. All
 * 0: none yet. */
struct site_memo {
    const struct http_site *site;
    uint16_t port;
    uint8_t len;
    char host[53];
};

/* As sites_find(), of the same sites with each call. */
const struct http_site *sites_find_again(const struct sites *sites, struct site_memo *memo,
                                         struct text host, uint16_t port);

/* The site of a server without sites. */
extern const struct http_site site_plain;

/* Whether it matters to the site who the client is. */
static inline bool site_minds_clients(const struct http_site *site)
{
    return site->access_count != 0 || site->connections_max != 0 || site->request_gap_ns != 0;
}

bool site_admits(const struct http_site *site, const struct ip_addr *client);
/* NULL: none. path is decoded and begins with a slash. */
const struct site_redirect *site_redirect_find(const struct http_site *site, struct text path);
/* The type that the site gives the path's extension; empty: none. */
struct text site_type_find(const struct http_site *site, struct text path);
bool site_glob(struct text glob, struct text path);

#endif
