/* SPDX-License-Identifier: BSD-3-Clause */
/* What check.h's macros call, for test code (the fake TCP) that runs outside a test: a failed check
 * is a finding. libcheck itself is not linked. */
#include <check.h>
#include <stdarg.h>

#include "fuzz.h"

void _ck_assert_failed(const char *file, int line, const char *expr, const char *msg, ...)
{
    va_list args;

    fprintf(stderr, "%s:%d: %s: ", file, line, expr);
    if (msg != NULL) {
        va_start(args, msg);
        vfprintf(stderr, msg, args);
        va_end(args);
    }
    fputc('\n', stderr);
    abort();
}

void _mark_point(const char *file, int line)
{
    (void)file;
    (void)line;
}
