/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "app/config.h"
#include "app/sites_pages.h"

/* Where ROOT is on this machine, what it should have is looked for. No mistake: files come and go.
 */
struct pages_check {
    const struct config *config;
    const char *file;
    FILE *errors;
};

static bool page_is_there(void *ctx, struct text path)
{
    const struct pages_check *check = ctx;
    char name[2 * PATH_MAX];
    struct stat st;
    const char *root = path.at[0] == '/' ? "" : check->config->root;

    if (path.at[0] != '/' && (root[0] == '\0' || stat(root, &st) != 0))
        return true;
    int len = snprintf(name, sizeof(name), "%s/%.*s", root, (int)path.len, path.at);
    return (size_t)len >= sizeof(name) || (stat(name, &st) == 0 && S_ISREG(st.st_mode));
}

static void page_missing(void *ctx, const struct config_site *site,
                         const struct site_error_page *page)
{
    const struct pages_check *check = ctx;

    fprintf(check->errors,
            "%s:%u: sites[%td].error_pages: warning: there is no file \"%.*s\" in the site's root: "
            "the server's own text will be sent with status %u\n",
            check->file, site->line, site - check->config->sites->site, (int)page->path.len,
            page->path.at, page->status);
}

int check_run(const char *file, FILE *out, FILE *errors)
{
    struct config config;

    config_defaults(&config);
    unsigned mistakes = config_load_whole(&config, file, errors);
    if (mistakes > 0) {
        fprintf(errors, "hugewire: %s: %u mistake%s\n", file, mistakes, mistakes == 1 ? "" : "s");
        return 2;
    }
    struct pages_check pages = { &config, file, errors };
    sites_pages_check(config.sites, page_is_there, page_missing, &pages);
    errno = 0;
    bool printed = config_print(&config, out) && fflush(out) == 0;
    config_release(&config);
    if (!printed) {
        fprintf(errors, "hugewire: the configuration cannot be printed: %s\n",
                errno != 0 ? strerror(errno) : "memory is exhausted");
        return 2;
    }
    return 0;
}
