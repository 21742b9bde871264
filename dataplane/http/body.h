/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The body of a request, read only to find where it ends: no file is changed by a request, and the
 * next request begins behind it (RFC 9112 sections 6.3, 7.1 and 9.3). As strict as the head: what
 * another recipient could see end elsewhere is malformed.
 */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stddef.h>
#include <stdint.h>

struct body_scan {
    uint64_t left;   /* bytes of the body, or of the chunk, still to come */
    uint64_t budget; /* bytes of all kinds that are still worth reading */
    uint32_t state;
    uint32_t digits; /* of the chunk's size */
};

enum body_result {
    BODY_PARTIAL,   /* all bytes belong to the body, and more must follow */
    BODY_COMPLETE,  /* it ends with byte *used - 1 */
    BODY_MALFORMED, /* chunked coding that is none: where it ends is not known */
    BODY_LONG,      /* over the budget */
};

/* A body of len > 0 bytes, or a chunked one; at most bytes_max are read. */
struct body_scan body_scan_length(uint64_t len, uint64_t bytes_max);
struct body_scan body_scan_chunked(uint64_t bytes_max);

/* Goes on with the next len > 0 bytes; *used is how many belong to this body. After anything but
 * PARTIAL the scan is over. */
enum body_result body_scan(struct body_scan *scan, const uint8_t *data, size_t len, size_t *used);

#endif
