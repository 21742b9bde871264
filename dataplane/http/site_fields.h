/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fields that a site adds to a response. Their lines are the configuration's and do not change,
 * so a response remembers which of them it has, a bit for each of the site's, in their order, and
 * not their text: however long they are, a response costs no more.
 */
#ifndef HTTP_SITE_FIELDS_H
#define HTTP_SITE_FIELDS_H

#include "base/assert.h"
#include "http/site.h"

static_assert(SITE_HEADERS_MAX <= 64, "a bit for each field");

/* Those for a response with the file at this path: of all rules that match, but each name once, the
 * first rule's. */
uint64_t site_fields_select(const struct http_site *site, struct text path);
/* Bytes of their lines. */
uint32_t site_fields_len(const struct http_site *site, uint64_t selected);
/* Copies bytes [from, from + len) of their lines, which are there. */
void site_fields_copy(const struct http_site *site, uint64_t selected, uint32_t from, uint32_t len,
                      uint8_t *to);

#endif
