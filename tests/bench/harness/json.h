/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_HARNESS_JSON_H
#define BENCH_HARNESS_JSON_H

#include <stdio.h>

#include "bench.h"

/* One line with everything that was counted. */
void json_run(FILE *out, const struct bench_row *row, unsigned round,
              const struct bench_result *result);

#endif
