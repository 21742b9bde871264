/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks into the stack's and the server's tables and checks that they agree with each other: lists
 * are whole, sums right, nothing lost and nothing used twice, no timer forgotten. May be called
 * between any two calls of the stack; quiet: the stack said that it has nothing more to send now.
 */
#ifndef FUZZ_AUDIT_H
#define FUZZ_AUDIT_H

#include "http/http.h"
#include "stack/stack.h"

void audit_stack(const struct stack *stack, bool quiet);
void audit_http(const struct http_server *server, uint32_t open_count);

#endif
