/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

static void log_line(struct pool_log *log, enum pool_log_level level, const char *format,
                     va_list args)
{
    char text[POOL_ERROR_BYTES];

    if (log->line == NULL)
        return;
    vsnprintf(text, sizeof(text), format, args);
    log->line(log->ctx, level, text);
}

void pool_log_info(struct pool_log *log, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(log, POOL_LOG_INFO, format, args);
    va_end(args);
}

void pool_log_warning(struct pool_log *log, const char *format, ...)
{
    va_list args;

    if (log->warnings++ >= POOL_LOG_WARNINGS_SHOWN)
        return;
    va_start(args, format);
    log_line(log, POOL_LOG_WARNING, format, args);
    va_end(args);
}

void pool_log_error(struct pool_log *log, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(log, POOL_LOG_ERROR, format, args);
    va_end(args);
}

void pool_log_debug(struct pool_log *log, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(log, POOL_LOG_DEBUG, format, args);
    va_end(args);
}

void pool_log_summary(struct pool_log *log)
{
    if (log->warnings > POOL_LOG_WARNINGS_SHOWN)
        pool_log_info(log, "%" PRIu64 " more warnings like these were not shown",
                      log->warnings - POOL_LOG_WARNINGS_SHOWN);
    log->warnings = 0;
}

int pool_error(char *error, size_t error_bytes, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, error_bytes, format, args);
    va_end(args);
    return -1;
}

const char *pool_path_text(const char *path, char text[POOL_PATH_TEXT_BYTES])
{
    static const char gap[] = "...", hex[] = "0123456789abcdef";
    const size_t tail_len = POOL_PATH_TEXT_BYTES / 8; /* escaped it is at most half of text */
    const size_t room = POOL_PATH_TEXT_BYTES - sizeof(gap) - 4 * tail_len;
    size_t len = strlen(path), n = 0;

    static_assert(POOL_PATH_TEXT_BYTES >= 64, "room for a tail");
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)path[i];
        if (n + 4 > room && n < room + sizeof(gap) && len - i > tail_len) {
            memcpy(text + n, gap, sizeof(gap) - 1);
            n += sizeof(gap) - 1;
            i = len - tail_len - 1;
            continue;
        }
        if (byte >= 0x20 && byte != 0x7f && byte != '\\') {
            text[n++] = (char)byte;
        } else {
            text[n++] = '\\';
            text[n++] = 'x';
            text[n++] = hex[byte >> 4];
            text[n++] = hex[byte & 15];
        }
    }
    text[n] = '\0';
    return text;
}

const char *pool_size_text(uint64_t bytes, char text[POOL_SIZE_TEXT_BYTES])
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = 0;
    double value = (double)bytes;

    for (; value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
        value /= 1024;
    snprintf(text, POOL_SIZE_TEXT_BYTES, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}
