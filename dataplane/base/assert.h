/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Assertions. They guard only what a bug of our own can break; what a peer sends never reaches one,
 * it reaches a counter (counters.h).
 *
 *   ASSERT(cond)        always on; must be cheap.
 *   DEBUG_ASSERT(cond)  on when HW_DEBUG is defined (sanitizer and simulator builds); may be
 * costly.
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

__attribute__((noreturn, cold)) static inline void assert_fail(const char *cond, const char *file,
                                                               int line)
{
    fprintf(stderr, "hugewire: internal error: assertion '%s' failed at %s:%d\n", cond, file, line);
    abort();
}

#define ASSERT(cond) (LIKELY(cond) ? (void)0 : assert_fail(#cond, __FILE__, __LINE__))

#ifdef HW_DEBUG
#define DEBUG_ASSERT(cond) ASSERT(cond)
#else
#define DEBUG_ASSERT(cond) ((void)sizeof(cond))
#endif

#endif
