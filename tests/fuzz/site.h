/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small site. Each extent is a block of its own, so that the sanitizer sees every access outside
 * it. No file holds the bytes "HTTP/".
 */
#ifndef FUZZ_SITE_H
#define FUZZ_SITE_H

#include "mempool/catalogue.h"

#define SITE_NOW INT64_C(1700000000) /* Unix seconds: when the fuzz targets run */

/* Files of at most size_max bytes (the larger ones are left out). Made once, never released. */
const struct catalogue *site_make(uint64_t size_max);

#endif
