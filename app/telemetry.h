/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK telemetry commands (dpdk-telemetry.py, or the socket in EAL's runtime directory):
 *
 *   /hugewire/counters        sums over the workers
 *   /hugewire/counters,N      of worker N
 *   /hugewire/workers         how many workers there are
 */
#ifndef APP_TELEMETRY_H
#define APP_TELEMETRY_H

#include <stdbool.h>

struct worker;

/* After EAL's start. False: telemetry does not take the commands. */
bool telemetry_register(void);

/* What the commands answer from; NULL, 0: nothing, before the workers are destroyed. */
void telemetry_set_workers(struct worker *const *workers, unsigned count);

#endif
