/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/sites_pages.h"

#include <string.h>

#include "app/values.h"
#include "http/status.h"

static const char *const autoindex_names[] = {
    [AUTOINDEX_OFF] = "off",
    [AUTOINDEX_HTML] = "html",
    [AUTOINDEX_JSON] = "json",
};

/* ---- reading ---- */

void autoindex_read(struct in *in, const yaml_node_t *node)
{
    for (unsigned i = 0; i < sizeof(autoindex_names) / sizeof(autoindex_names[0]); i++) {
        if (strcmp(text_of(node), autoindex_names[i]) == 0) {
            in->site->autoindex = (enum config_autoindex)i;
            return;
        }
    }
    wrong(in, node, "off, html or json");
}

static void status_read(struct in *in, const yaml_node_t *node)
{
    struct config_site *site = in->site;
    uint64_t status;

    if (node->type != YAML_SCALAR_NODE || !value_number(text_of(node), &status) || status > 599 ||
        !status_is_error((unsigned)status))
        wrong(in, node, "a status of an error that the server answers with, such as 404");
    else if (site->error_page_count == SITE_LIST_MAX)
        wrong(in, node, "at most %d statuses", SITE_LIST_MAX);
    else
        site->error_pages[site->error_page_count++].status = (uint16_t)status;
}

static void statuses_read(struct in *in, const yaml_node_t *node)
{
    list_read(in, node, SITE_LIST_MAX, status_read);
}

static void page_read(struct in *in, const yaml_node_t *node)
{
    struct text page;

    if (text_read(in, node, 2, SITE_TARGET_LEN_MAX, &page) && page.at[0] == '/' &&
        page.at[page.len - 1] != '/' && path_is_plain(text_skip(page, 1)))
        in->page = page;
    else
        wrong(in, node,
              "a file's path within the site, not percent-encoded, such as /errors/404.html");
}

static const struct key page_keys[] = {
    { "status", statuses_read },
    { "page", page_read },
    { NULL, NULL },
};

static void rule_read(struct in *in, const yaml_node_t *node)
{
    struct config_site *site = in->site;
    uint32_t first = site->error_page_count;
    size_t line = in->line;

    in->page = TEXT("");
    mapping_read(in, node, page_keys);
    in->line = line;
    if (node->type != YAML_MAPPING_NODE)
        return;
    if (in->page.len == 0 || site->error_page_count == first)
        wrong(in, node, "status and page");
    for (uint32_t i = first; i < site->error_page_count; i++) {
        for (uint32_t j = 0; j < i; j++)
            if (site->error_pages[j].status == site->error_pages[i].status)
                wrong(in, node, "one page for status %u", site->error_pages[i].status);
        site->error_pages[i].path = in->page;
    }
}

void error_pages_read(struct in *in, const yaml_node_t *node)
{
    in->site->error_pages =
        sites_alloc(in->reader->sites, SITE_LIST_MAX * sizeof(struct site_error_page));
    list_read(in, node, SITE_LIST_MAX, rule_read);
}

/* ---- completion ---- */

static bool rules_equal(const struct listing_rule *a, const struct listing_rule *b)
{
    if (a->format != b->format || !text_equal(a->root, b->root) || a->index_count != b->index_count)
        return false;
    for (uint32_t i = 0; i < a->index_count; i++)
        if (!text_equal(a->index[i], b->index[i]))
            return false;
    return true;
}

/* Sites that list the same in the same way share the listings. */
static void listing_complete(struct config_sites *sites, const struct config_site *site,
                             struct http_site *http)
{
    const struct listing_rule rule = {
        .root = http->root,
        .index = http->index,
        .index_count = http->index_count,
        .format = site->autoindex == AUTOINDEX_JSON ? LISTING_JSON : LISTING_HTML,
    };
    uint32_t n = 0;

    if (site->autoindex == AUTOINDEX_OFF)
        return;
    while (n < sites->listing_count && !rules_equal(&sites->listings[n], &rule))
        n++;
    if (n == sites->listing_count)
        sites->listings[sites->listing_count++] = rule;
    char *name = sites_alloc(sites, LISTING_NAME_MAX);
    int len = snprintf(name, LISTING_NAME_MAX, "//%u", n);
    http->listing = (struct text){ name, (size_t)len };
}

static void errors_complete(struct config_sites *sites, const struct config_site *site,
                            struct http_site *http)
{
    struct site_error_page *pages =
        sites_alloc(sites, site->error_page_count * sizeof(struct site_error_page));

    for (uint32_t i = 0; i < site->error_page_count; i++) {
        struct text page = text_skip(site->error_pages[i].path, http->root.len == 0);
        char *path = sites_alloc(sites, http->root.len + page.len);

        memcpy(path, http->root.at, http->root.len);
        memcpy(path + http->root.len, page.at, page.len);
        pages[i].status = site->error_pages[i].status;
        pages[i].path = (struct text){ path, http->root.len + page.len };
    }
    http->error_pages = pages;
    http->error_page_count = site->error_page_count;
}

void sites_pages_complete(struct config_sites *sites)
{
    sites->listings = sites_alloc(sites, sites->count * sizeof(struct listing_rule));
    sites->listing_count = 0;
    for (uint32_t i = 0; i < sites->count; i++) {
        listing_complete(sites, &sites->site[i], &sites->http[i]);
        errors_complete(sites, &sites->site[i], &sites->http[i]);
    }
}

void sites_pages_check(const struct config_sites *sites,
                       bool (*is_there)(void *ctx, struct text path),
                       void (*missing)(void *ctx, const struct config_site *site,
                                       const struct site_error_page *page),
                       void *ctx)
{
    for (uint32_t i = 0; sites != NULL && i < sites->count; i++)
        for (uint32_t j = 0; j < sites->http[i].error_page_count; j++)
            if (!is_there(ctx, sites->http[i].error_pages[j].path))
                missing(ctx, &sites->site[i], &sites->site[i].error_pages[j]);
}

/* ---- printing ---- */

void sites_pages_print(const struct config_site *site, FILE *out)
{
    fprintf(out, "    autoindex: %s\n", autoindex_names[site->autoindex]);
    for (uint32_t i = 0; i < site->error_page_count; i++) {
        fprintf(out, "%s      - status: %u\n        page: ", i == 0 ? "    error_pages:\n" : "",
                site->error_pages[i].status);
        sites_print_text(out, site->error_pages[i].path);
        fputc('\n', out);
    }
}
