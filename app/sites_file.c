/* SPDX-License-Identifier: BSD-3-Clause */
/* Each value is checked whole: what gets past can neither break a response's head nor an assertion.
 */
#include "app/sites_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "app/sites_pages.h"
#include "app/sites_reader.h"
#include "app/values.h"
#include "base/time.h"

/* ---- names and ports ---- */

static bool is_host_char(unsigned char c)
{
    return isalnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '[' || c == ']';
}

static void host_read(struct in *in, const yaml_node_t *node)
{
    struct text host, name;
    struct config_site *site = in->site;

    if (text_read(in, node, 1, SITE_HOST_LEN_MAX, &host)) {
        text_lower(host);
        name = text_starts_nocase(host, TEXT("*.")) ? text_skip(host, 2) : host;
        bool literal = name.len > 2 && name.at[0] == '[' && name.at[name.len - 1] == ']';
        if (name.len != 0 && all_of(name, is_host_char) && name.at[0] != '.' &&
            name.at[name.len - 1] != '.' && (literal || text_find(name, ':') == name.len)) {
            site->hosts[site->host_count++] = host;
            return;
        }
    }
    wrong(in, node, "a host, such as example.org, *.example.org or [2001:db8::1], without a port");
}

static void hosts_read(struct in *in, const yaml_node_t *node)
{
    in->site->hosts = sites_alloc(in->reader->sites, SITE_LIST_MAX * sizeof(struct text));
    list_read(in, node, SITE_LIST_MAX, host_read);
}

static void port_read(struct in *in, const yaml_node_t *node)
{
    uint64_t port;

    if (node->type == YAML_SCALAR_NODE && value_number(text_of(node), &port) && port >= 1 &&
        port <= 65535)
        in->site->ports[in->site->port_count++] = (uint16_t)port;
    else
        wrong(in, node, "a number from 1 to 65535");
}

static void ports_read(struct in *in, const yaml_node_t *node)
{
    list_read(in, node, STACK_PORTS_MAX, port_read);
}

static void default_read(struct in *in, const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || !value_bool(text_of(node), &in->site->is_default))
        wrong(in, node, "true or false");
}

/* ---- files ---- */

static void root_read(struct in *in, const yaml_node_t *node)
{
    struct text root;

    if (text_read(in, node, 0, SITE_ROOT_MAX, &root)) {
        while (root.len != 0 && root.at[root.len - 1] == '/')
            root.len--;
        bool absolute = root.len > 1 && root.at[0] == '/';
        if (path_is_plain(text_skip(root, absolute)) &&
            (root.len != 0 || text_of(node)[0] == '\0')) {
            in->site->http.root = root;
            return;
        }
    }
    wrong(in, node,
          "a directory below ROOT, named from there, or elsewhere, named from /, without . and .., "
          "such as example.org or /srv/example.org");
}

static void index_read(struct in *in, const yaml_node_t *node)
{
    struct text *name = (struct text *)(uintptr_t)&in->site->http.index[in->site->http.index_count];

    if (!text_read(in, node, 1, SITE_INDEX_MAX, name) || text_find(*name, '/') != name->len)
        wrong(in, node, "the name of a file, of 1 to %d bytes, without a slash", SITE_INDEX_MAX);
    else
        in->site->http.index_count++;
}

static void indexes_read(struct in *in, const yaml_node_t *node)
{
    in->site->http.index = sites_alloc(in->reader->sites, SITE_INDEXES_MAX * sizeof(struct text));
    in->site->http.index_count = 0;
    list_read(in, node, SITE_INDEXES_MAX, index_read);
}

static bool type_valid(struct text type)
{
    size_t slash = text_find(type, '/'), end = text_find(type, ';');

    return slash > 0 && slash + 1 < end && all_of(type, is_value_char) &&
           all_of((struct text){ type.at, slash }, is_token_char) &&
           all_of((struct text){ type.at + slash + 1, end - slash - 1 }, is_token_char);
}

static void types_read(struct in *in, const yaml_node_t *node)
{
    static const struct key any[] = { { "EXTENSION: TYPE", NULL }, { NULL, NULL } };
    struct site_type *types;
    uint32_t n = 0;

    if (!is_mapping(in, node, any))
        return;
    types = sites_alloc(in->reader->sites, SITE_LIST_MAX * sizeof(*types));
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(in, pair->key), *value = node_at(in, pair->value);
        struct site_type *type = &types[n];

        in->line = key->start_mark.line + 1;
        if (n == SITE_LIST_MAX) {
            wrong(in, key, "at most %d extensions", SITE_LIST_MAX);
            break;
        }
        if (!text_read(in, key, 1, 32, &type->extension) ||
            text_find(type->extension, '/') != type->extension.len) {
            wrong(in, key, "an extension of a file's name");
            continue;
        }
        text_lower(type->extension);
        if (type->extension.at[0] == '.')
            type->extension = text_skip(type->extension, 1);
        if (!text_read(in, value, 3, SITE_TYPE_MAX, &type->type) || !type_valid(type->type))
            wrong(in, value, "a media type of at most %d bytes, such as text/html; charset=utf-8",
                  SITE_TYPE_MAX);
        else
            n++;
    }
    in->site->http.types = types;
    in->site->http.type_count = n;
}

/* ---- add_headers ---- */

/* What frames a message, holds for one connection (RFC 9110 section 7.6.1), or says what the server
 * alone knows. */
static const char *const own_fields[] = {
    "Accept-Ranges",
    "Allow",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Location",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Keep-Alive",
    "Last-Modified",
    "Location",
    "Proxy-Connection",
    "Retry-After",
    "Server",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
};

static bool field_is_own(struct text name)
{
    for (size_t i = 0; i < sizeof(own_fields) / sizeof(own_fields[0]); i++)
        if (text_equal_nocase(name, text_from(own_fields[i])))
            return true;
    return false;
}

/* A line with in->field_name. */
static void field_read(struct in *in, const yaml_node_t *node)
{
    struct text name = in->field_name, value;
    struct site_field *field = (struct site_field *)(uintptr_t)&in->rule.fields[in->rule.count];

    if (!text_read(in, node, 0, SITE_FIELDS_MAX, &value) || !all_of(value, is_value_char) ||
        text_trim(value).len != value.len) {
        wrong(in, node,
              "a field's value: no line breaks or control characters, no blanks at its ends");
        return;
    }
    in->fields_len += name.len + value.len + 4;
    if (++in->field_count > SITE_HEADERS_MAX || in->fields_len > SITE_FIELDS_MAX) {
        wrong(in, node, "at most %d fields of %d bytes together in all add_headers of a site",
              SITE_HEADERS_MAX, SITE_FIELDS_MAX);
        return;
    }
    char *line = sites_alloc(in->reader->sites, name.len + value.len + 4);
    memcpy(line, name.at, name.len);
    memcpy(line + name.len, ": ", 2);
    memcpy(line + name.len + 2, value.at, value.len);
    memcpy(line + name.len + 2 + value.len, "\r\n", 2);
    field->name_len = name.len;
    field->line = (struct text){ line, name.len + value.len + 4 };
    in->rule.count++;
}

static void fields_read(struct in *in, const yaml_node_t *node)
{
    static const struct key any[] = { { "NAME: VALUE", NULL }, { NULL, NULL } };

    if (!is_mapping(in, node, any))
        return;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = node_at(in, pair->key), *value = node_at(in, pair->value);
        struct text name;

        in->line = key->start_mark.line + 1;
        if (!text_read(in, key, 1, 64, &name) || !all_of(name, is_token_char)) {
            wrong(in, key, "a field's name of at most 64 bytes");
        } else if (field_is_own(name)) {
            wrong(in, key,
                  "a field that the server does not set itself, nor one that frames a "
                  "message or holds for one connection");
        } else {
            size_t up = path_down(in, ".%.40s", name.at);
            in->field_name = name;
            list_read(in, value, SITE_HEADERS_MAX, field_read);
            path_up(in, up);
        }
    }
}

/* A path with its slash, or a glob of one: visible, decoded. */
static bool path_read(struct in *in, const yaml_node_t *node, size_t max, struct text *path,
                      const char *first)
{
    return text_read(in, node, 1, max, path) && strchr(first, path->at[0]) != NULL &&
           all_of(*path, is_value_char);
}

static void glob_read(struct in *in, const yaml_node_t *node)
{
    if (!path_read(in, node, SITE_GLOB_LEN_MAX, &in->rule.glob, "/*"))
        wrong(in, node,
              "a path that begins with / or *, of at most %d bytes; * is any bytes, ? is one",
              SITE_GLOB_LEN_MAX);
}

static const struct key rule_keys[] = {
    { "path", glob_read },
    { "headers", fields_read },
    { NULL, NULL },
};

static void rule_read(struct in *in, const yaml_node_t *node)
{
    struct http_site *http = &in->site->http;
    size_t line = in->line;

    in->rule = (struct site_headers){
        .fields = sites_alloc(in->reader->sites, SITE_HEADERS_MAX * sizeof(struct site_field))
    };
    mapping_read(in, node, rule_keys);
    in->line = line;
    if (node->type == YAML_MAPPING_NODE && in->rule.glob.len == 0)
        in->rule.glob = TEXT("/*");
    ((struct site_headers *)(uintptr_t)http->headers)[http->header_count++] = in->rule;
}

static void rules_read(struct in *in, const yaml_node_t *node)
{
    in->site->http.headers =
        sites_alloc(in->reader->sites, SITE_LIST_MAX * sizeof(struct site_headers));
    list_read(in, node, SITE_LIST_MAX, rule_read);
}

/* ---- redirects ---- */

static void from_read(struct in *in, const yaml_node_t *node)
{
    struct text path;

    if (in->redirect.from.len != 0)
        wrong(in, node, "either from or prefix");
    else if (path_read(in, node, SITE_TARGET_LEN_MAX, &path, "/"))
        in->redirect.from = path;
    else
        wrong(in, node, "a path that begins with /, not percent-encoded, of at most %d bytes",
              SITE_TARGET_LEN_MAX);
}

static void prefix_read(struct in *in, const yaml_node_t *node)
{
    from_read(in, node);
    in->redirect.prefix = true;
}

static void to_read(struct in *in, const yaml_node_t *node)
{
    struct text to;
    bool fits = text_read(in, node, 1, SITE_TARGET_LEN_MAX, &to) && all_of(to, is_visible);

    if (fits && ((to.at[0] == '/' && (to.len == 1 || to.at[1] != '/')) ||
                 (text_starts_nocase(to, TEXT("http://")) && to.len > 7) ||
                 (text_starts_nocase(to, TEXT("https://")) && to.len > 8)))
        in->redirect.to = to;
    else
        wrong(
            in, node,
            "a path that begins with one /, or a URL with http:// or https://, percent-encoded, of "
            "at most %d bytes",
            SITE_TARGET_LEN_MAX);
}

static void status_read(struct in *in, const yaml_node_t *node)
{
    uint64_t status;

    if (node->type == YAML_SCALAR_NODE && value_number(text_of(node), &status) &&
        (status == 301 || status == 302 || status == 307 || status == 308))
        in->redirect.status = (uint16_t)status;
    else
        wrong(in, node, "301, 302, 307 or 308");
}

static const struct key redirect_keys[] = {
    { "from", from_read }, { "prefix", prefix_read }, { "to", to_read }, { "status", status_read },
    { NULL, NULL },
};

/* A slash at one end only would glue the rest of a path to a host: another site's address. */
static bool slashes_agree(const struct site_redirect *r)
{
    return !r->prefix || (r->from.at[r->from.len - 1] == '/') == (r->to.at[r->to.len - 1] == '/');
}

static void redirect_read(struct in *in, const yaml_node_t *node)
{
    struct http_site *http = &in->site->http;
    size_t line = in->line;

    in->redirect = (struct site_redirect){ .status = 301 };
    mapping_read(in, node, redirect_keys);
    in->line = line;
    if (node->type != YAML_MAPPING_NODE)
        return;
    if (in->redirect.from.len == 0 || in->redirect.to.len == 0)
        wrong(in, node, "from or prefix, and to");
    else if (!slashes_agree(&in->redirect))
        wrong(in, node, "prefix and to both with a slash at their ends, or both without");
    else
        ((struct site_redirect *)(uintptr_t)http->redirects)[http->redirect_count++] = in->redirect;
}

static void redirects_read(struct in *in, const yaml_node_t *node)
{
    in->site->http.redirects =
        sites_alloc(in->reader->sites, SITE_LIST_MAX * sizeof(struct site_redirect));
    list_read(in, node, SITE_LIST_MAX, redirect_read);
}

/* ---- access ---- */

/* "10.0.0.0/8", "2001:db8::/32", "192.0.2.1". */
static bool net_parse(const char *text, struct site_access *rule)
{
    char host[IP_ADDR_TEXT_BYTES];
    size_t len = strcspn(text, "/");
    uint64_t prefix;

    if (len >= sizeof(host))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    if (!ip_addr_parse(host, &rule->net))
        return false;
    bool v4 = ip_addr_is_v4(&rule->net);
    uint64_t max = v4 ? 32 : 128;
    prefix = max;
    if (text[len] == '/' && (!value_number(text + len + 1, &prefix) || prefix > max))
        return false;
    rule->prefix_len = (uint8_t)prefix;
    for (uint64_t bit = prefix + (v4 ? 96 : 0); bit < 128; bit++)
        if (rule->net.b[bit / 8] & 0x80 >> bit % 8)
            return false;
    return true;
}

static void access_add(struct in *in, const struct site_access *rule)
{
    struct http_site *http = &in->site->http;

    ((struct site_access *)(uintptr_t)http->access)[http->access_count++] = *rule;
}

static void net_read(struct in *in, const yaml_node_t *node, bool allow)
{
    struct site_access rule = { .allow = allow };

    if (node->type == YAML_SCALAR_NODE && strcmp(text_of(node), "all") == 0) {
        access_add(in, &rule); /* ::/0 */
        rule.net = ip_addr_from_v4(0);
        access_add(in, &rule);
    } else if (node->type == YAML_SCALAR_NODE && net_parse(text_of(node), &rule)) {
        access_add(in, &rule);
    } else {
        wrong(in, node, "all, an address, or a net such as 10.0.0.0/8 or 2001:db8::/32");
    }
}

static void allow_read(struct in *in, const yaml_node_t *node)
{
    net_read(in, node, true);
}

static void deny_read(struct in *in, const yaml_node_t *node)
{
    net_read(in, node, false);
}

static const struct key access_keys[] = {
    { "allow", allow_read },
    { "deny", deny_read },
    { NULL, NULL },
};

static void access_read(struct in *in, const yaml_node_t *node)
{
    if (node->type == YAML_MAPPING_NODE &&
        node->data.mapping.pairs.top - node->data.mapping.pairs.start != 1)
        wrong(in, node, "one allow or deny in each item");
    else
        mapping_read(in, node, access_keys);
}

static void accesses_read(struct in *in, const yaml_node_t *node)
{
    in->site->http.access =
        sites_alloc(in->reader->sites, 2 * SITE_LIST_MAX * sizeof(struct site_access));
    list_read(in, node, SITE_LIST_MAX, access_read);
}

/* ---- limits ---- */

/* The number in front of "/s" or another unit of time. */
static bool per_read(const yaml_node_t *node, const char *unit, char number[VALUE_TEXT_BYTES])
{
    const char *slash = node->type == YAML_SCALAR_NODE ? strrchr(text_of(node), '/') : NULL;

    if (slash == NULL || strcmp(slash + 1, unit) != 0 || slash - text_of(node) >= VALUE_TEXT_BYTES)
        return false;
    memcpy(number, text_of(node), (size_t)(slash - text_of(node)));
    number[slash - text_of(node)] = '\0';
    return true;
}

static void rate_read(struct in *in, const yaml_node_t *node)
{
    char number[VALUE_TEXT_BYTES];
    uint64_t rate;

    if (per_read(node, "s", number) && value_size(number, &rate) && rate >= SITE_RATE_MIN &&
        rate <= UINT64_C(1) << 40)
        in->site->http.rate_bytes_per_s = rate;
    else
        wrong(in, node, "a size from 1KiB to 1TiB a second, such as 10MiB/s");
}

static void requests_read(struct in *in, const yaml_node_t *node)
{
    char number[VALUE_TEXT_BYTES];
    uint64_t n = 0, per = NS_PER_S;
    bool known = per_read(node, "s", number);

    if (!known && per_read(node, "min", number)) {
        known = true;
        per = 60 * NS_PER_S;
    }
    if (known && value_number(number, &n) && n >= 1 && n <= per / 1000)
        in->site->http.request_gap_ns = per / n;
    else
        wrong(in, node, "1 to 1000000 requests a second, such as 100/s or 30/min");
}

static void burst_read(struct in *in, const yaml_node_t *node)
{
    uint64_t burst;

    if (node->type == YAML_SCALAR_NODE && value_number(text_of(node), &burst) && burst >= 1 &&
        burst <= 1000000)
        in->site->http.request_burst = (uint32_t)burst;
    else
        wrong(in, node, "a number from 1 to 1000000");
}

static void connections_read(struct in *in, const yaml_node_t *node)
{
    uint64_t connections;

    if (node->type == YAML_SCALAR_NODE && value_number(text_of(node), &connections) &&
        connections >= 1 && connections <= 1000000)
        in->site->http.connections_max = (uint32_t)connections;
    else
        wrong(in, node, "a number from 1 to 1000000");
}

static const struct key limit_keys[] = {
    { "rate", rate_read },   { "requests", requests_read },
    { "burst", burst_read }, { "connections", connections_read },
    { NULL, NULL },
};

static void limits_read(struct in *in, const yaml_node_t *node)
{
    mapping_read(in, node, limit_keys);
}

/* ---- the list ---- */

static const struct key site_keys[] = {
    { "host", hosts_read },
    { "port", ports_read },
    { "default", default_read },
    { "root", root_read },
    { "index", indexes_read },
    { "autoindex", autoindex_read },
    { "error_pages", error_pages_read },
    { "types", types_read },
    { "add_headers", rules_read },
    { "redirects", redirects_read },
    { "access", accesses_read },
    { "limits", limits_read },
    { NULL, NULL },
};

static void site_read(struct in *in, const yaml_node_t *node)
{
    struct config_site *site = &in->reader->sites->site[in->reader->sites->count++];

    *site = (struct config_site){ .line = (unsigned)in->line, .http = site_plain };
    site->http.root = TEXT("");
    site->http.request_burst = 1;
    in->site = site;
    in->fields_len = in->field_count = 0;
    mapping_read(in, node, site_keys);
}

void sites_read(const struct sites_reader *reader, const yaml_node_t *list, size_t line)
{
    struct in in = { .reader = reader, .line = line, .path = "sites" };

    reader->sites->site = sites_alloc(reader->sites, SITES_MAX * sizeof(struct config_site));
    if (list->type != YAML_SEQUENCE_NODE ||
        list->data.sequence.items.start == list->data.sequence.items.top)
        wrong(&in, list, "a list of sites, each a mapping");
    else
        list_read(&in, list, SITES_MAX, site_read);
}
