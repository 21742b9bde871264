/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hierarchical timing wheel (Varghese and Lauck, SOSP 1987, scheme 7): one entry per connection,
 * its earliest deadline. Four levels of 64 slots; a tick is 2^16 ns (65.5 microseconds). Deadlines
 * fire at the next tick, not early; those beyond 18 minutes are looked at again then. Of those
 * beyond 39 hours the connection's turn comes after 39 hours, too, in which it sets them again.
 */
#ifndef STACK_WHEEL_H
#define STACK_WHEEL_H

#include "tcp/conn.h"

#define WHEEL_TICK_SHIFT 16
#define WHEEL_LEVELS     4
#define WHEEL_SLOT_BITS  6
#define WHEEL_SLOTS      (1u << WHEEL_SLOT_BITS)

struct wheel {
    uint64_t tick; /* everything up to and including it has fired */
    uint64_t occupied[WHEEL_LEVELS];
    uint32_t head[WHEEL_LEVELS][WHEEL_SLOTS];
    struct tcp_conn *conn;
};

void wheel_init(struct wheel *wheel, struct tcp_conn *conn, uint64_t now);

/* Sets the deadline of c, which may be in the wheel already; TIME_NEVER takes it out. */
void wheel_set(struct wheel *wheel, struct tcp_conn *c, uint64_t deadline);
void wheel_remove(struct wheel *wheel, struct tcp_conn *c);

/* Takes out every connection whose deadline is due and puts it on the ready list. */
void wheel_advance(struct wheel *wheel, uint64_t now);

/* A time not after the next deadline at which wheel_advance() should be called; TIME_NEVER: empty.
 */
uint64_t wheel_next(const struct wheel *wheel);

#endif
