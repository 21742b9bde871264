/* SPDX-License-Identifier: BSD-3-Clause */
/* The command `hugewire verify`, and what the server answers to it. */
#ifndef APP_VERIFY_H
#define APP_VERIFY_H

#include <stdbool.h>
#include <stdio.h>

struct verify_options {
    int pid;             /* 0: the only server */
    const char *pattern; /* NULL: all files */
    bool disk, json;
};

/* Its exit code: 0 all is well, 1 something was damaged or differs, 2 it could not be found out. */
int verify_run(const struct verify_options *options, FILE *out, FILE *errors);

#endif
