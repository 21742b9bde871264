/* SPDX-License-Identifier: BSD-3-Clause */
/* What all workers' stacks and HTTP servers have in common, as the configuration says it. */
#ifndef APP_TEMPLATES_H
#define APP_TEMPLATES_H

#include "app/config.h"
#include "http/http.h"
#include "stack/stack.h"

/* Fills both in, but for what the port, the pool and each worker add. They keep pointers into
 * config. */
void templates_make(const struct config *config, struct stack_config *stack,
                    struct http_config *http);

#endif
