/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the server serves: an endless stream of pseudo-random bytes that repeats every
 * CONTENT_PERIOD. The period divides no power of two but its page size, so that a position wrong by
 * 2^16 or 2^32 shows.
 */
#ifndef SIM_CONTENT_H
#define SIM_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/extent.h"
#include "base/prng.h"
#include "mempool/catalogue.h"

#define CONTENT_PAGE   4096
#define CONTENT_PERIOD (1021 * CONTENT_PAGE) /* 1021 is a prime */

/* Fills the content; the same in every run. */
void content_init(void);
/* The bytes at a position, and how many are contiguous there (at most len). */
const uint8_t *content_at(uint64_t position, uint32_t len, uint32_t *run);
/* Whether data equals the content from position on. */
bool content_equal(uint64_t position, const uint8_t *data, size_t len);
void content_copy(uint64_t position, uint8_t *to, size_t len);

/* Where file number index lies in the content. */
uint64_t content_of_file(unsigned index);
/* "f0.bin", "f1.bin"... of the given sizes, cut into extents of random length, with prefix sums. */
struct catalogue *content_catalogue(const uint64_t *sizes, unsigned count, struct prng *prng);
void content_catalogue_destroy(struct catalogue *catalogue);

#endif
