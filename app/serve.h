/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "app/config.h"

/*
 * Serves until SIGINT or SIGTERM; SIGUSR1 prints the counters on the way. Returns the exit code: 0,
 * or 2 after one line on stderr that says why it could not start.
 */
int serve_run(const struct config *config);

#endif
