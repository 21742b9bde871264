/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/site_files.h"

#include "app/log.h"
#include "app/sites_pages.h"

static const enum scan_symlinks policies[] = {
    [CONFIG_SYMLINKS_WITHIN_ROOT] = SCAN_SYMLINKS_WITHIN_ROOT,
    [CONFIG_SYMLINKS_SAME_OWNER] = SCAN_SYMLINKS_SAME_OWNER,
    [CONFIG_SYMLINKS_NEVER] = SCAN_SYMLINKS_NEVER,
    [CONFIG_SYMLINKS_FOLLOW] = SCAN_SYMLINKS_FOLLOW,
};

void site_files_configure(const struct config *config, struct pool_config *pool)
{
    const struct config_sites *sites = config->sites;

    pool->policy.symlinks = policies[config->symlinks];
    if (sites == NULL)
        return;
    pool->policy.roots = sites->roots;
    pool->policy.root_count = sites->root_count;
    pool->listings = sites->listings;
    pool->listing_count = sites->listing_count;
}

struct check {
    const struct config *config;
    const struct pool *pool;
};

static bool roots_are_there(const struct check *check, char *error, size_t error_bytes)
{
    const struct config_sites *sites = check->config->sites;

    for (uint32_t i = 0; i < sites->count; i++) {
        struct text root = sites->site[i].http.root;
        bool absolute = root.len > 0 && root.at[0] == '/';

        if (catalogue_find(pool_catalogue(check->pool), root.at, root.len).kind ==
            CATALOGUE_DIRECTORY)
            continue;
        snprintf(error, error_bytes, "sites[%u].root: expected a directory%s%s; found no \"%.*s\"",
                 i, absolute ? "" : " below ROOT ", absolute ? "" : check->config->root,
                 (int)root.len, root.at);
        return false;
    }
    return true;
}

static bool page_is_there(void *ctx, struct text path)
{
    const struct check *check = ctx;

    return catalogue_find(pool_catalogue(check->pool), path.at, path.len).kind == CATALOGUE_FILE;
}

static void page_missing(void *ctx, const struct config_site *site,
                         const struct site_error_page *page)
{
    const struct check *check = ctx;

    log_line(CONFIG_LOG_WARNING,
             "sites[%td].error_pages: there is no file \"%.*s\" in the site's root: the server's "
             "own text is sent with status %u",
             site - check->config->sites->site, (int)page->path.len, page->path.at, page->status);
}

bool site_files_check(const struct config *config, const struct pool *pool, char *error,
                      size_t error_bytes)
{
    struct check check = { config, pool };

    if (config->sites == NULL)
        return true;
    if (!roots_are_there(&check, error, error_bytes))
        return false;
    sites_pages_check(config->sites, page_is_there, page_missing, &check);
    return true;
}
