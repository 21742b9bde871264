/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limit: two-segment packets of headers and file bytes, made as io makes them and handed to the
 * same wire, but with a header that is copied from a template, and nobody to answer to.
 */
#ifndef BENCH_HARNESS_RAW_H
#define BENCH_HARNESS_RAW_H

#include "harness/bench_clock.h"
#include "harness/turns.h"
#include "io/pools.h"
#include "io/wire.h"
#include "mempool/pool.h"

#define RAW_HEADER_BYTES 66 /* Ethernet, IPv4, TCP with timestamps */
#define RAW_BURST        64

struct raw_config {
    struct bench_clock clock;
    struct io_wire wire;
    const struct io_pools *pools;
    const struct pool *pool;
    uint32_t first_file, files; /* of the catalogue */
    uint32_t payload;           /* bytes of each packet */
    uint16_t mss;               /* TSO; 0: not */
};

struct raw {
    struct raw_config config;
    uint8_t header[RAW_HEADER_BYTES];
    uint32_t file;
    uint64_t offset;
    struct file_pin pin;
    unsigned first, count; /* not taken yet */
    struct rte_mbuf *burst[RAW_BURST];
    struct turn_clock turn;
    uint64_t packets, bytes;
};

void raw_start(struct raw *raw, const struct raw_config *config);
void raw_end(struct raw *raw); /* frees what the wire has not taken */
void raw_turn(struct raw *raw);
void raw_account(struct raw *raw);
void raw_resume(struct raw *raw);

#endif
