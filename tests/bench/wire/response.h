/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_WIRE_RESPONSE_H
#define BENCH_WIRE_RESPONSE_H

#include "clients.h"

/* Checks the response head that text begins with: status 200, the length of `file`. Returns its
 * length; 0: it is not what it should be, or not all there. */
uint32_t response_head(struct clients *clients, uint32_t file, const char *text, uint32_t len);

#endif
