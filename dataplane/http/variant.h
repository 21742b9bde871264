/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Precompressed variants: beside the file "page.html" may lie "page.html.br", ".zst" and ".gz", and
 * who asks for page.html gets the one that Accept-Encoding prefers (RFC 9110 section 12.5.3): the
 * highest weight, of equal ones the smallest. A variant older than its file, in whole seconds, is
 * what was compressed before the last change, and is not used.
 */
#ifndef HTTP_VARIANT_H
#define HTTP_VARIANT_H

#include <stdbool.h>

#include "http/request.h"
#include "mempool/catalogue.h"

/* The longest name of a variant is so much longer than its file's. */
#define VARIANT_SUFFIX_MAX 4

struct variant {
    const struct file *file; /* to be sent; NULL: nothing that is acceptable (406) */
    struct text coding;      /* of file; empty: identity */
    bool varies;             /* there are others: the answer depends on Accept-Encoding */
};

/* Chooses for base, whose path has len bytes and room for VARIANT_SUFFIX_MAX more. */
struct variant variant_choose(const struct request *request, const struct catalogue *catalogue,
                              char *path, size_t len, const struct file *base);

#endif
