/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What no observer on the wire can see: the sender's own numbers. Looked at around each call of
 * stack_output, so that whatever it sends is held against the windows it had.
 */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

#include <stdbool.h>

#include "stack/stack.h"

struct inside;

struct inside *inside_create(uint32_t connections_max);
void inside_destroy(struct inside *inside);
/* Notes how far each connection has sent. */
void inside_before(struct inside *inside, const struct stack *stack);
/* NULL, or what is wrong. Checks that snd_una <= snd_nxt <= snd_max <= the end of the stream, and
 * that what was sent since is within the peer's window and cwnd, probes excepted; now and then,
 * that all tables are whole and, if nothing more is to be sent now, that no connection waits
 * without a timer. */
const char *inside_after(struct inside *inside, const struct stack *stack, bool quiet);

#endif
