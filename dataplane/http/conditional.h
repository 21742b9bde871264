/* SPDX-License-Identifier: BSD-3-Clause */
/* Conditional requests (RFC 9110 section 13). */
#ifndef HTTP_CONDITIONAL_H
#define HTTP_CONDITIONAL_H

#include <stdbool.h>
#include <stdint.h>

#include "http/request.h"
#include "mempool/file.h"

enum condition {
    CONDITION_PASSED,
    CONDITION_NOT_MODIFIED, /* 304 */
    CONDITION_FAILED,       /* 412 */
};

/* Evaluates all preconditions of a GET or HEAD but If-Range, in the order of section 13.2.2. now is
 * Unix seconds. */
enum condition condition_evaluate(const struct request *request, const struct file *file,
                                  int64_t now);
/* The fields it looks at: without any of them the outcome is CONDITION_PASSED. */
#define CONDITION_FIELDS                                                                           \
    (FIELD_BIT(FIELD_IF_MATCH) | FIELD_BIT(FIELD_IF_NONE_MATCH) |                                  \
     FIELD_BIT(FIELD_IF_MODIFIED_SINCE) | FIELD_BIT(FIELD_IF_UNMODIFIED_SINCE))

/* Whether Range is to be honoured: there is no If-Range, or it holds (section 13.1.5). */
bool condition_range_applies(const struct request *request, const struct file *file, int64_t now);

#endif
