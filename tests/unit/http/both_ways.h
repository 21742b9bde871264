/* SPDX-License-Identifier: BSD-3-Clause */
/* A request's head read in both ways: in one pass (http/request_plain.h), and by scanner and
 * llhttp. */
#ifndef TEST_BOTH_WAYS_H
#define TEST_BOTH_WAYS_H

#include "http/request_plain.h"

/*
 * NULL: what is plain is the same to both; else what differs. *used: bytes of the plain head that
 * data begins with, or 0: it is none.
 */
const char *both_ways_differ(const uint8_t *data, size_t len, const struct head_limits *limits,
                             size_t *used);

#endif
