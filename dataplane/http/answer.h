/* SPDX-License-Identifier: BSD-3-Clause */
/* From a request to what is answered: the target's way through the catalogue, conditions, ranges.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http/range.h"
#include "http/request.h"
#include "http/response.h"
#include "http/site.h"
#include "mempool/catalogue.h"

/* Scratch bytes that a path needs: a site's root, the longest target's, a name of an index, and a
 * variant's suffix. */
size_t answer_path_bytes(size_t request_line_max);

/* What is needed while one request is answered; the answer may refer to it. */
struct answer_scratch {
    char *path; /* answer_path_bytes() */
    struct ranges ranges;
};

/*
 * Answers a request that request_parse() accepted. Does not set close and keep_alive, which are the
 * connection's business. precompressed: variants are looked for. now is Unix seconds. answer is all
 * 0 but for head_only and site.
 */
void answer_request(const struct request *request, const struct http_site *site,
                    const struct catalogue *catalogue, bool precompressed,
                    struct answer_scratch *scratch, int64_t now, struct answer *answer);

#endif
