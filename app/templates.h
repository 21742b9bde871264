/* SPDX-License-Identifier: BSD-3-Clause */
/* What all workers' stacks and HTTP servers have in common, as the configuration says it. */
#ifndef APP_TEMPLATES_H
#define APP_TEMPLATES_H

#include "app/config.h"
#include "http/http.h"
#include "stack/stack.h"

/* Fill in all but what the port's driver, the pool and each lane add. They keep pointers into
 * config. */
void template_stack(const struct config *config, const struct config_port *port,
                    struct stack_config *stack);
void template_http(const struct config *config, struct http_config *http);

#endif
