/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK telemetry commands (dpdk-telemetry.py, or the socket in EAL's runtime directory):
 *
 *   /hugewire/counters        sums over the workers
 *   /hugewire/counters,N      of worker N
 *   /hugewire/workers         how many workers there are
 *   /hugewire/reopen          opens the access log's file anew
 *   /hugewire/pool            the pool: memory, files, versions, references
 *   /hugewire/verify,WHAT     begins to verify; WHAT: pool:PATTERN or disk:PATTERN
 *   /hugewire/verify_report   how far that is, and what it found
 *   /hugewire/reload          looks through ROOT; answers when that is done
 *   /hugewire/wild            debug builds: worker 0 sends from outside of the pool (wild.h)
 */
#ifndef APP_TELEMETRY_H
#define APP_TELEMETRY_H

#include <stdbool.h>

struct access_log;
struct pool;
struct counters;
struct worker;

/* After EAL's start. False: telemetry does not take the commands. */
bool telemetry_register(void);

/* What the commands answer from; NULL, 0: nothing, before the workers are destroyed. */
void telemetry_set_workers(struct worker *const *workers, unsigned count);
/* Returns when no command uses the one before. NULL: none any more. */
void telemetry_set_pool(struct pool *pool);
/* NULL: there is none, or none any more. */
void telemetry_set_access_log(struct access_log *log);
/* The streamer's counters; NULL: there is none, or none any more. */
void telemetry_set_streamer(const struct counters *streamer);

#endif
