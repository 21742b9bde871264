/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef APP_POOL_PRINT_H
#define APP_POOL_PRINT_H

#include <stdbool.h>
#include <stdio.h>

/* The command `hugewire pool`: its exit code. */
int pool_print(int pid, bool json, FILE *out, FILE *errors);

#endif
