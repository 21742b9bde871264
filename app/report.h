/* SPDX-License-Identifier: BSD-3-Clause */
/* What serve says on stdout. */
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include <stdint.h>

#include "app/ports.h"
#include "app/worker.h"
#include "mempool/pool.h"

struct report_ready {
    const struct ports *ports;
    const struct pool *pool;
    const uint16_t *cpus;
    unsigned worker_count;
};

/* The one line that says the server is ready, and what it has got. */
void report_ready(const struct report_ready *ready);

/* All counters, summed over the workers and more (NULL: nothing), a line "NAME VALUE" each. They
 * may be running. */
void report_counters(struct worker *const *workers, unsigned count, const struct counters *more);

#endif
