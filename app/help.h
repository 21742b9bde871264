/* SPDX-License-Identifier: BSD-3-Clause */
/* What --help and --version print. */
#ifndef APP_HELP_H
#define APP_HELP_H

extern const char help_all[];
extern const char help_serve[];
extern const char help_check[];
extern const char help_doctor[];
extern const char help_pool[];
extern const char help_verify[];
extern const char help_reload[];
extern const char help_status[];
extern const char help_top[];
extern const char help_reopen[];
extern const char help_version[];

#endif
