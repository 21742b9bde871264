/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN cookies (RFC 4987 section 3.6): a SYN-ACK whose sequence number is proof enough, so that
 * nothing is kept until the peer's ACK brings it back. Used only while the backlog is full.
 *
 *   31       30        28 27                          0
 *   | period | MSS index | SipHash of all of it       |
 *
 * A period is 64 s; a cookie is good in its own period and the next. The key of each period is
 * derived from the boot's secret, so that keys are never used for longer. Window scale and
 * SACK-permitted travel in the lowest bits of our timestamp, which the peer echoes; a peer without
 * timestamps has neither.
 */
#ifndef TCP_COOKIE_H
#define TCP_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/tcp_segment.h"

struct tcp_ctx;
struct tcp_key;
struct tcp_conn;

struct cookies {
    uint8_t secret[16];
    uint8_t key[2][16];     /* of the last two periods, by their lowest bit */
    uint32_t key_period[2]; /* whose keys these are; 0: none yet */
    bool sent;              /* one ever was */
    uint64_t sent_ns;       /* the last one */
};

void cookies_init(struct cookies *cookies, const uint64_t seed[2]);

/* Fills in the SYN-ACK that answers syn, ports excepted. */
void cookie_syn_ack(struct tcp_ctx *ctx, const struct tcp_key *key, const struct tcp_segment *syn,
                    struct tcp_segment *syn_ack);

/* Whether cookies were sent so recently that ACKs of them may still come. */
bool cookies_expected(const struct tcp_ctx *ctx);

/*
 * Whether seg, an ACK for no connection, acknowledges a cookie. Then syn is the SYN that the peer
 * must have sent, and ts_offset that of our timestamps (0: none).
 */
bool cookie_check(struct tcp_ctx *ctx, const struct tcp_key *key, const struct tcp_segment *seg,
                  struct tcp_segment *syn, uint32_t *ts_offset);

#endif
