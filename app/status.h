/* SPDX-License-Identifier: BSD-3-Clause */
/* The command `hugewire status`: what a running server counts, asked through its control door. */
#ifndef APP_STATUS_H
#define APP_STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* pid 0: the only server that runs. json: all counters at once, and the ports' own; else an
 * overview, with rates of the second that it takes. Returns the exit code: 0, or 2 after one line
 * on errors. */
int status_run(int pid, bool json, FILE *out, FILE *errors);

/* The overview, from counters that were taken `seconds` apart. */
void status_print(const json_t *before, const json_t *now, double seconds, FILE *out);

/* A line for a port, from what /hugewire/port tells. */
void status_print_port(unsigned number, const json_t *port, FILE *out);

#endif
