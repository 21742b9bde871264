/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue of connections whose requests wait for a response of the pool, first come, first
 * served. A response that becomes free is set aside (granted) for the first in it, so that nobody
 * can overtake and everybody is woken once.
 */
#ifndef HTTP_WAIT_H
#define HTTP_WAIT_H

#include "http/server.h"

/* conn must not be waiting. */
void wait_enter(struct http_server *server, struct http_conn *conn);
/* conn must be waiting. */
void wait_leave(struct http_server *server, struct http_conn *conn);

/*
 * Grants free responses to those who wait, and resumes their input. If a request's bytes do not
 * come again within the header timeout (TCP may have had no room to keep them) its turn is lost.
 * TCP may call receive() from inside this.
 */
void wait_serve(struct http_server *server);

/* Whether conn may take a response from the pool now. */
bool response_to_be_had(const struct http_server *server, const struct http_conn *conn);
/* Gives up conn's grant, if it has one. */
void grant_drop(struct http_server *server, struct http_conn *conn);

#endif
