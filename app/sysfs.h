/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading /sys, /proc and /dev below any root directory ("" for the machine's own), so that tests
 * can show doctor another machine. Paths are printf formats and begin with a slash.
 */
#ifndef APP_SYSFS_H
#define APP_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sysfs_name {
    char text[256]; /* as in struct dirent */
};

bool sysfs_exists(const char *root, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* First line of a file without its end. False: no such file, or it cannot be read. */
bool sysfs_line(const char *root, char *line, size_t line_bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The number with which a file begins (decimal, or hexadecimal after 0x). */
bool sysfs_number(const char *root, int64_t *number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Last part of the path to which a symbolic link points. */
bool sysfs_link(const char *root, char *name, size_t name_bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Names in a directory that begin with prefix, in version order. The caller frees *names. Returns
 * how many; 0 with *names NULL if there are none or there is no such directory. */
size_t sysfs_list(const char *root, const char *directory, const char *prefix,
                  struct sysfs_name **names);

#endif
