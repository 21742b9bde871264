/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests in the form that nearly all have, read in one pass: GET or HEAD, a path, HTTP/1.1, field
 * lines, no body, the whole head there. All others are left to head.h and request.h, which know
 * every form and every mistake. What is accepted here they accept, too, with the same values: a
 * test and the fuzzer hold the two against each other.
 */
#ifndef HTTP_REQUEST_PLAIN_H
#define HTTP_REQUEST_PLAIN_H

#include "http/head.h"
#include "http/request.h"

/* Bytes of the head that data begins with, which request then describes; or 0: it is in another
 * form, malformed, over a limit or not complete. */
size_t request_plain(const uint8_t *data, size_t len, const struct head_limits *limits,
                     struct request *request);

#endif
