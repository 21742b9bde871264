/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include <stdio.h>

/* hugewire check: the effective configuration on out and 0, or each mistake on errors and 2. */
int check_run(const char *file, FILE *out, FILE *errors);

#endif
