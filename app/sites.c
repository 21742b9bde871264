/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/sites.h"

#include <inttypes.h>
#include <stdlib.h>

#include "app/sites_pages.h"
#include "app/values.h"
#include "base/time.h"

#define obstack_chunk_alloc malloc
#define obstack_chunk_free  free

struct config_sites *sites_new(void)
{
    struct config_sites *sites = calloc(1, sizeof(*sites));

    if (sites != NULL)
        obstack_init(&sites->memory); /* ends the program for want of memory */
    return sites;
}

/* glibc's macro reckons from a null pointer, which clang's sanitizer takes amiss. */
__attribute__((no_sanitize("undefined"))) void *sites_alloc(struct config_sites *sites,
                                                            size_t bytes)
{
    return obstack_alloc(&sites->memory, bytes);
}

void sites_free(struct config_sites *sites)
{
    if (sites == NULL)
        return;
    obstack_free(&sites->memory, NULL);
    free(sites);
}

/* ---- completion ---- */

static bool port_add(struct config_sites *sites, uint16_t port)
{
    for (uint32_t i = 0; i < sites->port_count; i++)
        if (sites->ports[i] == port)
            return true;
    if (sites->port_count == STACK_PORTS_MAX)
        return false;
    sites->ports[sites->port_count++] = port;
    return true;
}

/* The names of one site on one port. Returns whether none of them is another's. */
static bool names_add(struct config_sites *sites, uint32_t site, uint16_t port, char *error,
                      size_t error_bytes)
{
    const struct config_site *s = &sites->site[site];

    for (uint32_t h = 0; h < s->host_count; h++) {
        for (uint32_t i = 0; i < sites->name_count; i++) {
            const struct site_name *other = &sites->names[i];

            if (other->port != port || !text_equal(other->host, s->hosts[h]))
                continue;
            snprintf(error, error_bytes,
                     "expected another host than that of line %u; found \"%.*s\"",
                     sites->site[other->site].line, (int)s->hosts[h].len, s->hosts[h].at);
            return false;
        }
        sites->names[sites->name_count++] = (struct site_name){ s->hosts[h], port, site };
    }
    return true;
}

static bool serves(const struct config_site *site, uint16_t port)
{
    for (uint32_t i = 0; i < site->port_count; i++)
        if (site->ports[i] == port)
            return true;
    return false;
}

/* Who answers on port when no name fits: the default, else who has no names, else the first. 0, or
 * the line at fault. */
static unsigned default_add(struct config_sites *sites, uint16_t port, char *error,
                            size_t error_bytes)
{
    const struct config_site *chosen = NULL;

    for (uint32_t i = 0; i < sites->count; i++) {
        const struct config_site *site = &sites->site[i];
        bool says = site->is_default || site->host_count == 0;

        if (!serves(site, port))
            continue;
        if (chosen != NULL && says && (chosen->is_default || chosen->host_count == 0)) {
            snprintf(error, error_bytes,
                     "expected one site for any other host on port %u (default, or without host); "
                     "found a second one beside that of line %u",
                     port, chosen->line);
            return site->line;
        }
        if (chosen == NULL || says)
            chosen = site;
    }
    sites->names[sites->name_count++] =
        (struct site_name){ TEXT(""), port, (uint32_t)(chosen - sites->site) };
    return 0;
}

/* A root that is not below ROOT. */
static void root_add(struct config_sites *sites, struct text root)
{
    if (root.len == 0 || root.at[0] != '/')
        return;
    for (uint32_t i = 0; i < sites->root_count; i++)
        if (text_equal(root, text_from(sites->roots[i])))
            return;
    char *copy = sites_alloc(sites, root.len + 1);
    memcpy(copy, root.at, root.len);
    copy[root.len] = '\0';
    sites->roots[sites->root_count++] = copy;
}

unsigned sites_complete(struct config_sites *sites, uint16_t server_port, char *error,
                        size_t error_bytes)
{
    size_t names_max = STACK_PORTS_MAX;

    sites->name_count = sites->port_count = sites->root_count = 0;
    sites->roots = sites_alloc(sites, sites->count * sizeof(sites->roots[0]));
    for (uint32_t i = 0; i < sites->count; i++) {
        struct config_site *site = &sites->site[i];

        if (site->port_count == 0)
            site->ports[site->port_count++] = server_port;
        names_max += (size_t)site->host_count * site->port_count;
    }
    sites->http = sites_alloc(sites, sites->count * sizeof(sites->http[0]));
    sites->names = sites_alloc(sites, names_max * sizeof(sites->names[0]));
    for (uint32_t i = 0; i < sites->count; i++) {
        const struct config_site *site = &sites->site[i];

        sites->http[i] = site->http;
        root_add(sites, site->http.root);
        sites->limits_clients |= site->http.request_gap_ns != 0 || site->http.connections_max != 0;
        for (uint32_t p = 0; p < site->port_count; p++) {
            if (!port_add(sites, site->ports[p])) {
                snprintf(error, error_bytes, "expected at most %d different ports; found one more",
                         STACK_PORTS_MAX);
                return site->line;
            }
            if (!names_add(sites, i, site->ports[p], error, error_bytes))
                return site->line;
        }
    }
    sites_pages_complete(sites);
    for (uint32_t p = 0; p < sites->port_count; p++) {
        unsigned line = default_add(sites, sites->ports[p], error, error_bytes);
        if (line != 0)
            return line;
    }
    return 0;
}

/* ---- printing ---- */

void sites_print_text(FILE *out, struct text text)
{
    fputc('"', out);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == '\t') {
            fputs("\\t", out);
            continue;
        }
        if (c == '"' || c == '\\')
            fputc('\\', out);
        fputc(c, out);
    }
    fputc('"', out);
}

static void print_texts(FILE *out, const char *key, const struct text *texts, uint32_t count)
{
    fprintf(out, "%s[", key);
    for (uint32_t i = 0; i < count; i++) {
        fputs(i > 0 ? ", " : "", out);
        sites_print_text(out, texts[i]);
    }
    fputs("]\n", out);
}

/* Fields one after the other, as a name may be there twice. */
static void print_headers(FILE *out, const struct http_site *site)
{
    for (uint32_t i = 0; i < site->header_count; i++) {
        const struct site_headers *rule = &site->headers[i];

        fputs(i == 0 ? "    add_headers:\n      - path: " : "      - path: ", out);
        sites_print_text(out, rule->glob);
        fputs(rule->count != 0 ? "\n        headers:\n" : "\n", out);
        for (uint32_t j = 0; j < rule->count; j++) {
            const struct site_field *f = &rule->fields[j];
            bool again = j > 0 && site_field_same_name(f, &rule->fields[j - 1]);

            if (!again)
                fprintf(out, "          %.*s:\n", (int)f->name_len, f->line.at);
            fputs("            - ", out);
            sites_print_text(
                out, (struct text){ f->line.at + f->name_len + 2, f->line.len - f->name_len - 4 });
            fputc('\n', out);
        }
    }
}

static void print_redirects(FILE *out, const struct http_site *site)
{
    for (uint32_t i = 0; i < site->redirect_count; i++) {
        const struct site_redirect *r = &site->redirects[i];

        fprintf(out, "%s      - %s: ", i == 0 ? "    redirects:\n" : "",
                r->prefix ? "prefix" : "from");
        sites_print_text(out, r->from);
        fputs("\n        to: ", out);
        sites_print_text(out, r->to);
        fprintf(out, "\n        status: %u\n", r->status);
    }
}

static void print_access(FILE *out, const struct http_site *site)
{
    char ip[IP_ADDR_TEXT_BYTES];

    for (uint32_t i = 0; i < site->access_count; i++)
        fprintf(out, "%s      - %s: \"%s/%u\"\n", i == 0 ? "    access:\n" : "",
                site->access[i].allow ? "allow" : "deny", ip_addr_format(&site->access[i].net, ip),
                site->access[i].prefix_len);
}

static void print_limits(FILE *out, const struct http_site *site)
{
    char rate[VALUE_TEXT_BYTES];

    if (site->rate_bytes_per_s == 0 && site->request_gap_ns == 0 && site->connections_max == 0)
        return;
    fputs("    limits:\n", out);
    if (site->rate_bytes_per_s != 0)
        fprintf(out, "      rate: %s/s\n", value_size_text(site->rate_bytes_per_s, rate));
    if (site->request_gap_ns != 0)
        fprintf(out, "      requests: %" PRIu64 "/min\n      burst: %u\n",
                (60 * NS_PER_S + site->request_gap_ns / 2) / site->request_gap_ns,
                site->request_burst);
    if (site->connections_max != 0)
        fprintf(out, "      connections: %u\n", site->connections_max);
}

static void print_site(FILE *out, const struct config_site *site)
{
    print_texts(out, "  - host: ", site->hosts, site->host_count);
    for (uint32_t i = 0; i < site->port_count; i++)
        fprintf(out, "%s%u%s", i == 0 ? "    port: [" : ", ", site->ports[i],
                i + 1 == site->port_count ? "]\n" : "");
    fprintf(out, "    default: %s\n    root: ", site->is_default ? "true" : "false");
    sites_print_text(out, site->http.root);
    fputc('\n', out);
    print_texts(out, "    index: ", site->http.index, site->http.index_count);
    sites_pages_print(site, out);
    for (uint32_t i = 0; i < site->http.type_count; i++) {
        const struct site_type *type = &site->http.types[i];

        fprintf(out, "%s      %.*s: ", i == 0 ? "    types:\n" : "", (int)type->extension.len,
                type->extension.at);
        sites_print_text(out, type->type);
        fputc('\n', out);
    }
    print_headers(out, &site->http);
    print_redirects(out, &site->http);
    print_access(out, &site->http);
    print_limits(out, &site->http);
}

void sites_print(const struct config_sites *sites, FILE *out)
{
    fputs("sites:\n", out);
    for (uint32_t i = 0; i < sites->count; i++)
        print_site(out, &sites->site[i]);
}
