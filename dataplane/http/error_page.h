/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A site's own pages for errors: files of its root that stand for the text which the server makes
 * for a status. The status, and what belongs to it (Allow, Retry-After, Content-Range), stay; the
 * page's tag and date are not sent, as it is not what was asked for.
 */
#ifndef HTTP_ERROR_PAGE_H
#define HTTP_ERROR_PAGE_H

#include "http/response.h"
#include "http/server.h"

/* Sets answer->page, if its status is an error and the site has a page for it that is there. One
 * look-up: a page that is missing has no page of its own. */
void error_page_choose(struct http_server *server, const struct http_site *site,
                       struct answer *answer);

/* The site that answers for requests that name none, being malformed: the port's default. */
const struct http_site *error_page_site(const struct http_server *server,
                                        const struct http_conn *conn);

#endif
