/* SPDX-License-Identifier: BSD-3-Clause */
/* What serve says on stderr: lines that begin with "hugewire: ". Not for workers. */
#ifndef APP_LOG_H
#define APP_LOG_H

#include "app/config.h"

/* Lines above this level are left out. */
void log_set_level(enum config_log_level level);

void log_line(enum config_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
