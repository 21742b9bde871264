/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media types by file extension, from the system's mime.types (package media-types). No charset is
 * added: like nginx by default, we do not know how a file is encoded, and a wrong charset would
 * override a right one inside the file.
 */
#ifndef MEMPOOL_TYPES_H
#define MEMPOOL_TYPES_H

#include <stddef.h>

#include "mempool/log.h"

#define TYPES_SYSTEM_FILE "/etc/mime.types"
#define TYPES_DEFAULT     "application/octet-stream"

struct types;

/*
 * Reads a mime.types file (lines of a type and its extensions, # begins a comment). A file that
 * cannot be read is warned about; a built-in table of common types stands in. NULL: out of memory.
 */
struct types *types_load(const char *file, struct pool_log *log);

/* The type of what follows the last dot of the path's last component, whatever its case;
 * TYPES_DEFAULT if unknown. Valid as long as types. */
const char *types_find(const struct types *types, const char *path);

void types_destroy(struct types *types);

#endif
