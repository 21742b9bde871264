/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Delivery rate estimation (draft-cheng-iccrg-delivery-rate-estimation): with each transmission
 * goes a note of what had been delivered by then, and when; its ACK then says how much the network
 * carried in between. For algorithms that are driven by it (cc_ops.control); others pay nothing.
 *
 * Times are 32 bits of 64 ns, which wrap after 274 s: nothing that is compared lies so far apart.
 */
#ifndef TCP_RATE_H
#define TCP_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_conn;
struct tcp_range;
struct ack_info;

#define RATE_TICK_NS     64u
#define RATE_TICKS_PER_S (1000000000u / RATE_TICK_NS)

/* Of a connection. */
struct rate {
    uint32_t delivered;    /* bytes, modulo 2^32 */
    uint32_t delivered_at; /* time of the last delivery */
    uint32_t first_sent;   /* when what was delivered last had been sent */
    uint32_t limited_end;  /* delivered, once what the application left short is through ... */
    bool limited;          /* ... where it did */
};

/* Of a transmission; kept beside each range (ranges.h). */
struct rate_mark {
    uint32_t delivered, delivered_at, first_sent;
    bool limited;
};

/* What one ACK says; `seen` false: nothing. */
struct rate_sample {
    uint64_t sent_ns; /* of the newest transmission delivered */
    uint32_t prior_delivered, prior_at, send_ticks;
    bool seen, limited;
};

static inline uint32_t rate_clock(uint64_t ns)
{
    return (uint32_t)(ns / RATE_TICK_NS);
}

/* Range `index` was sent now, first or again; idle: nothing was in flight. */
void rate_sent(struct tcp_conn *c, uint32_t index, bool idle);
/* bytes of the range, not delivered before, were. */
void rate_delivered(struct tcp_conn *c, const struct tcp_range *range, uint32_t bytes,
                    struct ack_info *info);
/* Something else than the path holds the sender back: all that the application has was sent, or the
 * peer's window is full. No effect where cwnd is full, too, or nobody measures. */
void rate_limited(struct tcp_conn *c);
/* After an ACK: bytes per second; 0: it says nothing. */
uint64_t rate_bytes_per_s(struct tcp_conn *c, const struct ack_info *info);

#endif
