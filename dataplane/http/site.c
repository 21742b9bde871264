/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/site.h"

#include "base/assert.h"

static const struct text plain_index[] = { TEXT("index.html") };

const struct http_site site_plain = { .index = plain_index, .index_count = 1 };

/* ---- by host and port ---- */

struct slot {
    const struct site_name *name; /* NULL: free */
};

struct sites {
    struct memory memory;
    const struct http_site *site;
    const struct site_name *names;
    uint32_t mask;
    uint32_t suffix_labels; /* of the longest suffix: further to the left nothing is looked up */
    bool one;               /* all names are one site's: whatever the host, it is the answer */
    struct slot slots[];
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* FNV-1a: the names in the table are the operator's, so nobody can make them collide. */
static uint32_t name_hash(struct text host, uint16_t port)
{
    uint32_t hash = 2166136261u ^ port;

    for (size_t i = 0; i < host.len; i++)
        hash = (hash ^ (uint8_t)lower(host.at[i])) * 16777619u;
    return hash ^ hash >> 15;
}

/* "*.example.org" is kept as ".example.org", which no host begins with. */
static struct text name_key(const struct site_name *name)
{
    return name->host.len > 1 && name->host.at[0] == '*' ? text_skip(name->host, 1) : name->host;
}

/* The slot of a name, or the free one where it would go. At most half of the slots are taken. */
static struct slot *slot_find(const struct sites *sites, struct text key, uint16_t port)
{
    for (uint32_t i = name_hash(key, port) & sites->mask;; i = (i + 1) & sites->mask) {
        const struct slot *slot = &sites->slots[i];

        if (slot->name == NULL ||
            (slot->name->port == port && text_equal_nocase(name_key(slot->name), key)))
            return (struct slot *)slot;
    }
}

static uint32_t count_of(struct text t, char c)
{
    uint32_t n = 0;

    for (size_t i = 0; i < t.len; i++)
        n += t.at[i] == c;
    return n;
}

static void name_add(struct sites *sites, const struct site_name *name)
{
    struct text key = name_key(name);
    struct slot *slot = slot_find(sites, key, name->port);

    if (slot->name == NULL)
        slot->name = name;
    if (key.len != 0 && key.at[0] == '.' && count_of(key, '.') > sites->suffix_labels)
        sites->suffix_labels = count_of(key, '.');
}

struct sites *sites_create(const struct http_site *site, const struct site_name *names,
                           uint32_t count, const struct memory *memory)
{
    uint32_t slots = 16;

    ASSERT(count > 0);
    while (slots < 4 * count) /* each name, and each port's default */
        slots *= 2;
    struct sites *sites = memory_alloc(memory, 1, sizeof(*sites) + slots * sizeof(sites->slots[0]));
    if (sites == NULL)
        return NULL;
    sites->memory = *memory;
    sites->site = site;
    sites->names = names;
    sites->mask = slots - 1;
    sites->one = true;
    for (uint32_t i = 0; i < count; i++) {
        name_add(sites, &names[i]);
        sites->one &= names[i].site == names[0].site;
    }
    return sites;
}

void sites_destroy(struct sites *sites)
{
    if (sites == NULL)
        return;
    const struct memory memory = sites->memory;

    memory_release(&memory, sites);
}

/* The name alone (RFC 9110 section 7.2), also without the dot of the root. */
static struct text host_name(struct text host)
{
    size_t end = text_find(host, host.len != 0 && host.at[0] == '[' ? ']' : ':');

    if (end < host.len && host.at[end] == ']')
        end++;
    host.len = end;
    if (host.len != 0 && host.at[host.len - 1] == '.')
        host.len--;
    return host;
}

/* ".b.c" of "a.b.c"; empty: there is no dot. */
static struct text parent_of(struct text name)
{
    size_t dot = name.len != 0 ? 1 + text_find(text_skip(name, 1), '.') : 0;

    return dot < name.len ? text_skip(name, dot) : TEXT("");
}

const struct http_site *sites_find(const struct sites *sites, struct text host, uint16_t port)
{
    if (sites->one)
        return &sites->site[sites->names[0].site];

    struct text name = host_name(host), suffix = parent_of(name);
    bool dot_first = name.len != 0 && name.at[0] == '.'; /* as suffixes are kept */
    const struct slot *slot = slot_find(sites, dot_first ? TEXT("") : name, port);

    for (uint32_t labels = count_of(suffix, '.'); slot->name == NULL && suffix.len != 0; labels--) {
        if (labels <= sites->suffix_labels)
            slot = slot_find(sites, suffix, port);
        suffix = parent_of(suffix);
    }
    if (slot->name == NULL)
        slot = slot_find(sites, TEXT(""), port);
    return &sites->site[slot->name != NULL ? slot->name->site : sites->names[0].site];
}

const struct http_site *sites_find_again(const struct sites *sites, struct site_memo *memo,
                                         struct text host, uint16_t port)
{
    if (memo->site != NULL && memo->port == port &&
        text_equal(host, (struct text){ memo->host, memo->len }))
        return memo->site;

    const struct http_site *site = sites_find(sites, host, port);
    if (host.len <= sizeof(memo->host)) {
        *memo = (struct site_memo){ .site = site, .port = port, .len = (uint8_t)host.len };
        memcpy(memo->host, host.at, host.len);
    }
    return site;
}

/* ---- what is particular to a site ---- */

bool site_admits(const struct http_site *site, const struct ip_addr *client)
{
    for (uint32_t i = 0; i < site->access_count; i++) {
        const struct site_access *rule = &site->access[i];

        if (ip_addr_same_net(client, &rule->net, rule->prefix_len))
            return rule->allow;
    }
    return true;
}

const struct site_redirect *site_redirect_find(const struct http_site *site, struct text path)
{
    for (uint32_t i = 0; i < site->redirect_count; i++) {
        const struct site_redirect *r = &site->redirects[i];

        if (path.len < r->from.len || memcmp(path.at, r->from.at, r->from.len) != 0)
            continue;
        if (path.len == r->from.len ||
            (r->prefix && (r->from.at[r->from.len - 1] == '/' || path.at[r->from.len] == '/')))
            return r;
    }
    return NULL;
}

struct text site_type_find(const struct http_site *site, struct text path)
{
    size_t at = path.len;

    if (site->type_count == 0)
        return TEXT("");
    while (at != 0 && path.at[at - 1] != '.' && path.at[at - 1] != '/')
        at--;
    if (at == 0 || path.at[at - 1] == '/')
        return TEXT("");
    for (uint32_t i = 0; i < site->type_count; i++)
        if (text_equal_nocase(site->types[i].extension, text_skip(path, at)))
            return site->types[i].type;
    return TEXT("");
}

/* One look back suffices: what the last star may take covers what earlier ones could. */
bool site_glob(struct text glob, struct text path)
{
    size_t g = 0, p = 0, star = SIZE_MAX, taken = 0;

    while (p < path.len) {
        if (g < glob.len && glob.at[g] == '*') {
            star = ++g;
            taken = p;
        } else if (g < glob.len && (glob.at[g] == '?' || glob.at[g] == path.at[p])) {
            g++;
            p++;
        } else if (star != SIZE_MAX) {
            g = star;
            p = ++taken;
        } else {
            return false;
        }
    }
    while (g < glob.len && glob.at[g] == '*')
        g++;
    return g == glob.len;
}
