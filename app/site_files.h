/* SPDX-License-Identifier: BSD-3-Clause */
/* What sites want of the pool: roots, listings, symlinks; and whether it has what they name. */
#ifndef APP_SITE_FILES_H
#define APP_SITE_FILES_H

#include "app/config.h"
#include "mempool/pool.h"

/* config must outlive the pool. */
void site_files_configure(const struct config *config, struct pool_config *pool);

/* False: a site's root is missing, error says which. Pages for errors that are missing are warned
 * of. */
bool site_files_check(const struct config *config, const struct pool *pool, char *error,
                      size_t error_bytes);

#endif
