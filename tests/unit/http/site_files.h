/* SPDX-License-Identifier: BSD-3-Clause */
/* The files that requests are about, in memory or on a disk. */
#ifndef TEST_HTTP_SITE_FILES_H
#define TEST_HTTP_SITE_FILES_H

#include <stdint.h>

#define SITE_MTIME    784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define SITE_MTIME_NS 123456789

#define BIG_BYTES     300000u /* in three extents apart from each other */
#define MEDIUM_BYTES  5000u

struct site_file {
    const char *name;
    uint64_t size;
    unsigned pieces; /* extents, in memory */
    const char *type;
    unsigned older_s; /* than SITE_MTIME */
};

extern const struct site_file site_files[];  /* up to a name of NULL */
extern const char *const site_directories[]; /* up to NULL; the first is the root, "" */

/* Byte at of the file of this name. */
uint8_t site_byte(const char *name, uint64_t at);

/* There must be such a file. */
uint64_t site_file_size(const char *name);
const char *site_file_type(const char *name);

#endif
