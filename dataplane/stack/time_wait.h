/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIME-WAIT (RFC 9293 section 3.6.1): what is left of a connection once both FINs are acknowledged,
 * in one cache line instead of a struct tcp_conn. All wait equally long, so a list in the order of
 * their ends is all the timer there is. A full table forgets the oldest.
 */
#ifndef STACK_TIME_WAIT_H
#define STACK_TIME_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "wire/addr.h"

#define TIME_WAIT_NONE UINT32_MAX

struct time_wait {
    struct ip_addr remote, local;
    uint16_t remote_port, local_port;
    uint32_t snd_nxt, rcv_nxt; /* sequence numbers behind both FINs */
    uint32_t ts_recent;
    uint32_t ts_offset;  /* of our timestamps; 0: none were agreed on */
    uint32_t end_ms;     /* in the worker's milliseconds, which wrap */
    uint32_t next, prev; /* the one that ends later, earlier; next also chains what is free */
};

_Static_assert(sizeof(struct time_wait) == 64, "one cache line each");

struct time_waits {
    struct time_wait *entry;
    uint32_t count, used;
    uint32_t oldest, newest, free;
};

bool time_waits_init(struct time_waits *t, uint32_t count, const struct memory *memory);
void time_waits_release(struct time_waits *t, const struct memory *memory);

/* Index of an unused entry, now the newest; TIME_WAIT_NONE: all are used. */
uint32_t time_waits_take(struct time_waits *t);
void time_waits_give(struct time_waits *t, uint32_t i);
/* An entry in use becomes the newest. */
void time_waits_renew(struct time_waits *t, uint32_t i);

#endif
