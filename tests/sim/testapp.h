/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tcp_app that is not HTTP: source, echo and discard, in one connection and in any order, as the
 * records of dialogue.h say. It shows that TCP's door serves any application, and checks that TCP
 * keeps its promises on that side of it.
 */
#ifndef SIM_TESTAPP_H
#define SIM_TESTAPP_H

#include "sim.h"
#include "tcp/tcp.h"

struct testapp;

extern const struct tcp_app testapp_functions; /* their ctx is the testapp */

/* extent_max: bytes of an extent at the most; inline_max: bytes copied into a packet at the most.
 */
struct testapp *testapp_create(struct sim *sim, uint32_t connections_max, uint32_t extent_max,
                               uint32_t inline_max);
void testapp_destroy(struct testapp *app);

/* Sum over all connections. */
struct file_pin testapp_pins(const struct testapp *app);
/* Connections between open() and closed(). */
uint32_t testapp_open(const struct testapp *app);

#endif
