/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the pool has to say while it is built and when files change. Lines go to the caller's
 * function, one line each, without newline. Names of files in them have control characters and
 * backslashes escaped: they come from whoever may write to ROOT.
 */
#ifndef MEMPOOL_LOG_H
#define MEMPOOL_LOG_H

#include <stddef.h>
#include <stdint.h>

enum pool_log_level {
    POOL_LOG_WARNING, /* something is not served, or served less well; the line says why */
    POOL_LOG_INFO,
    POOL_LOG_DEBUG,
    POOL_LOG_ERROR, /* something is wrong that never should be */
};

/* Warnings shown; a docroot may have a million files that cannot be read. */
#define POOL_LOG_WARNINGS_SHOWN 50

struct pool_log {
    void (*line)(void *ctx, enum pool_log_level level, const char *text); /* NULL: silence */
    void *ctx;
    uint64_t warnings; /* so far, shown or not */
};

/* Room for an error message with two long paths in it. */
#define POOL_ERROR_BYTES 1024

__attribute__((format(printf, 2, 3))) void pool_log_info(struct pool_log *log, const char *format,
                                                         ...);
__attribute__((format(printf, 2, 3))) void pool_log_warning(struct pool_log *log,
                                                            const char *format, ...);
__attribute__((format(printf, 2, 3))) void pool_log_error(struct pool_log *log, const char *format,
                                                          ...);
__attribute__((format(printf, 2, 3))) void pool_log_debug(struct pool_log *log, const char *format,
                                                          ...);
/* Says how many warnings were not shown, if any, and counts from 0 again. */
void pool_log_summary(struct pool_log *log);

/* Writes an error message; always returns -1, so that `return pool_error(...)` is a way out. */
__attribute__((format(printf, 3, 4))) int pool_error(char *error, size_t error_bytes,
                                                     const char *format, ...);

#define POOL_PATH_TEXT_BYTES 480
/* path as it may be shown, shortened in the middle if it does not fit; returns text. */
const char *pool_path_text(const char *path, char text[POOL_PATH_TEXT_BYTES]);

#define POOL_SIZE_TEXT_BYTES 32
/* "1.5 GiB", "17 bytes"; returns text. */
const char *pool_size_text(uint64_t bytes, char text[POOL_SIZE_TEXT_BYTES]);

#endif
