/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/sysfs.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* False: too long for a path, which then does not exist. */
static bool path_make(char path[PATH_MAX], const char *root, const char *format, va_list args)
{
    int len = snprintf(path, PATH_MAX, "%s", root);

    if (len < 0 || len >= PATH_MAX)
        return false;
    int more = vsnprintf(path + len, PATH_MAX - (size_t)len, format, args);
    return more >= 0 && more < PATH_MAX - len;
}

bool sysfs_exists(const char *root, const char *format, ...)
{
    char path[PATH_MAX];
    va_list args;

    va_start(args, format);
    bool fits = path_make(path, root, format, args);
    va_end(args);
    return fits && access(path, F_OK) == 0;
}

static bool line_read(const char *path, char *line, size_t line_bytes)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return false;
    bool found = fgets(line, (int)line_bytes, file) != NULL;
    fclose(file);
    if (found)
        line[strcspn(line, "\n")] = '\0';
    return found;
}

bool sysfs_line(const char *root, char *line, size_t line_bytes, const char *format, ...)
{
    char path[PATH_MAX];
    va_list args;

    va_start(args, format);
    bool fits = path_make(path, root, format, args);
    va_end(args);
    return fits && line_read(path, line, line_bytes);
}

bool sysfs_number(const char *root, int64_t *number, const char *format, ...)
{
    char path[PATH_MAX], line[64], *end;
    va_list args;

    va_start(args, format);
    bool fits = path_make(path, root, format, args);
    va_end(args);
    if (!fits || !line_read(path, line, sizeof(line)))
        return false;
    long long n = strtoll(line, &end, 0);
    if (end == line)
        return false;
    *number = n;
    return true;
}

bool sysfs_link(const char *root, char *name, size_t name_bytes, const char *format, ...)
{
    char path[PATH_MAX], target[PATH_MAX];
    va_list args;

    va_start(args, format);
    bool fits = path_make(path, root, format, args);
    va_end(args);
    ssize_t len = fits ? readlink(path, target, sizeof(target) - 1) : -1;
    if (len < 0)
        return false;
    target[len] = '\0';
    const char *slash = strrchr(target, '/');
    int n = snprintf(name, name_bytes, "%s", slash != NULL ? slash + 1 : target);
    return n > 0 && (size_t)n < name_bytes;
}

size_t sysfs_list(const char *root, const char *directory, const char *prefix,
                  struct sysfs_name **names)
{
    char path[PATH_MAX];
    struct dirent **entries;
    size_t count = 0;

    *names = NULL;
    if (snprintf(path, sizeof(path), "%s%s", root, directory) >= (int)sizeof(path))
        return 0;
    int found = scandir(path, &entries, NULL, versionsort);
    if (found < 0)
        return 0;
    *names = calloc((size_t)found + 1, sizeof(**names));
    for (int i = 0; i < found; i++) {
        const char *name = entries[i]->d_name;

        if (*names != NULL && name[0] != '.' && strncmp(name, prefix, strlen(prefix)) == 0)
            memcpy((*names)[count++].text, name, strlen(name) + 1);
        free(entries[i]);
    }
    free(entries);
    return count;
}
