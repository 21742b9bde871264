/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the ports count themselves, by telemetry:
 *
 *   /hugewire/ports        how many there are
 *   /hugewire/port,N       of the Nth: driver, link, and what was received, sent, missed
 *   /hugewire/xstats,N     all else that its driver counts, by the driver's names, if it is not 0
 *
 * Of a TAP interface the kernel counts; what it sent, we received.
 */
#ifndef APP_PORT_STATS_H
#define APP_PORT_STATS_H

#include <stdbool.h>

struct ports;

/* After EAL's start. False: telemetry does not take the commands. */
bool port_stats_register(void);

/* The ports that may be asked; NULL: none, and returns when nobody asks any more: before one of
 * them is closed. */
void port_stats_set(const struct ports *ports);

#endif
