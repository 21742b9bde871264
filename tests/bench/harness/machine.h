/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the machine itself does to whoever runs on it: rows without a server, beside those with one.
 */
#ifndef BENCH_HARNESS_MACHINE_H
#define BENCH_HARNESS_MACHINE_H

#include "bench.h"

/*
 * row->workers cores at once do arithmetic that needs no memory, each in steps (counted as packets)
 * of always as many multiplications. Cores that share nothing are as fast together as alone;
 * hardware threads of one core are not, whatever the machine says that they are.
 */
void machine_spin(struct bench *bench, const struct bench_row *row, struct bench_result *result);

/*
 * Requests come as in a row with this load, from the wire's core, and are answered by the server's,
 * which keeps them waiting for as long as the row without load took on the average, in order, and
 * does nothing else. What its latencies are, no server could be better than on this machine at this
 * time: whatever exceeds its time of service came from a core that somebody else had.
 */
void machine_floor(struct bench *bench, const struct bench_row *row, struct bench_result *result);

#endif
