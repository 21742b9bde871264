/* SPDX-License-Identifier: BSD-3-Clause */
/* The files' bytes: known everywhere without being kept anywhere. */
#ifndef BENCH_WIRE_CONTENT_H
#define BENCH_WIRE_CONTENT_H

#include <stdint.h>

/* Bytes that content_at() shows at a time. */
#define CONTENT_RUN 65536

/* Bytes [offset, offset + CONTENT_RUN) of file number `file` (as far as it goes). */
const uint8_t *content_at(uint32_t file, uint64_t offset);

#endif
