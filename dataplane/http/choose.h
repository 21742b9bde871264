/* SPDX-License-Identifier: BSD-3-Clause */
/* From a request to its answer: the site it means, what that says to clients of this address, and
 * else what the catalogue has. */
#ifndef HTTP_CHOOSE_H
#define HTTP_CHOOSE_H

#include "http/answer.h"
#include "http/server.h"

/* As answer_request(). The connection is counted if its site limits how many are answered. */
void choose_answer(struct http_server *server, struct http_conn *conn,
                   const struct request *request, uint64_t now, struct answer *answer);

#endif
