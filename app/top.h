/* SPDX-License-Identifier: BSD-3-Clause */
/* The command `hugewire top`: what a running server does, a new look each second. */
#ifndef APP_TOP_H
#define APP_TOP_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Until the user interrupts it (0), or the server is gone (2, after one line on errors). On a
 * terminal each look takes the place of the one before. pid 0: the only server that runs. */
int top_run(int pid, FILE *out, FILE *errors);

/* One look, from counters that were taken `seconds` apart, and the pool. */
void top_print(const json_t *before, const json_t *now, const json_t *pool, double seconds,
               FILE *out);

#endif
