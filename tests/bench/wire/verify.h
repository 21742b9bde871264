/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking at every byte: as costly as it sounds, for tests and for proofs. */
#ifndef BENCH_WIRE_VERIFY_H
#define BENCH_WIRE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"

/* Whether the checksum fields of an IPv4 TCP packet hold what they must: the checksums, or, with
 * offload, 0 and the pseudo-header's sum. */
bool verify_checksums(const struct queue *queue, const struct device_packet *packet, bool offload);

/*
 * Whether the payload, which begins `header` bytes into the packet, is that of the file from
 * `offset` on. Bytes before the file's start (a response's head) and behind its end are not looked
 * at; adds the others to *verified.
 */
bool verify_content(const struct queue *queue, const struct device_packet *packet, uint32_t header,
                    uint32_t file, int64_t offset, uint64_t file_bytes, uint64_t *verified);

#endif
