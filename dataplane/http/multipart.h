/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * multipart/byteranges (RFC 9110 section 14.6): the text around the parts. It is a function of file
 * and range, so that none of it need be kept. The boundary is made from the entity tag: a file can
 * hold its own only by intent, and then nobody else's download is harmed.
 */
#ifndef HTTP_MULTIPART_H
#define HTTP_MULTIPART_H

#include "http/range.h"
#include "mempool/file.h"

/* Longest text before a part: boundary (RFC 2046: 70), type (255), three numbers, field names. */
#define MULTIPART_TEXT_MAX 480

struct text multipart_boundary(const struct file *file);

/* The text before a part, from the CRLF on that belongs to the boundary; part NULL: the end.
 * Returns its length. */
uint32_t multipart_text(const struct file *file, const struct range *part,
                        char text[MULTIPART_TEXT_MAX]);
/* Its length alone. */
uint32_t multipart_text_len(const struct file *file, const struct range *part);

/* Bytes of the whole body. */
uint64_t multipart_len(const struct file *file, const struct range *part, uint32_t count);

#endif
