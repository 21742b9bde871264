/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Multicast listener discovery, version 2 (RFC 3810, RFC 9777): switches that snoop learn from our
 * reports which groups to pass on. Ours are the solicited-node groups of our IPv6 addresses, from
 * any source; of ff02::1 nobody reports. One stack speaks for the port (autoconf.c).
 */
#include "base/checksum.h"
#include "stack/internal.h"
#include "wire/icmp.h"

enum {
    HOP_BY_HOP_BYTES = 8, /* with the Router Alert option (RFC 2711) */
    REPORT_BYTES = 8,
    RECORD_BYTES = 20, /* without sources */
    QUERY_V1_BYTES = 24,
    HOP_LIMIT = 1,
    ROBUSTNESS = 2,                 /* RFC 3810 section 9.1 */
    UNSOLICITED_INTERVAL_MS = 1000, /* section 9.11 */
};

/* Section 5.2.12. */
enum record_type {
    MODE_IS_EXCLUDE = 2,
    CHANGE_TO_EXCLUDE = 4, /* of none: joined */
};

static const struct ip_addr all_routers = { .b = { 0xff, 0x02, [15] = 0x16 } }; /* MLDv2's */

struct groups {
    uint32_t count;
    struct ip_addr group[ADDRESSES_MAX];
};

static bool has_group(const struct groups *g, const struct ip_addr *group)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (ip_addr_equal(&g->group[i], group))
            return true;
    return false;
}

/* Addresses of one MAC address share a group. */
static struct groups groups_of(const struct stack *s)
{
    struct groups g = { 0 };

    for (uint32_t i = 0; i < s->addresses.used; i++) {
        const struct address *a = &s->addresses.entry[i];
        struct ip_addr group = ipv6_solicited_node(&a->ip);
        if (a->state != ADDRESS_FREE && !ip_addr_is_v4(&a->ip) && !has_group(&g, &group))
            g.group[g.count++] = group;
    }
    return g;
}

static void report(struct stack *s, enum record_type type, const struct groups *g)
{
    static const struct ip_addr unspecified;
    static const uint8_t options[HOP_BY_HOP_BYTES] = { IP_PROTOCOL_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
    const struct address *source = addresses_source(&s->addresses, &all_routers);
    /* Section 5.2.13; RFC 3590 while there is no link-local address yet. */
    bool local = source != NULL && ip_addr_is_link_local(&source->ip);
    const struct ip_addr *src = local ? &source->ip : &unspecified;
    struct mac_addr mac = ipv6_multicast_mac(&all_routers);
    uint32_t len = REPORT_BYTES + g->count * RECORD_BYTES;

    if (g->count == 0)
        return;
    uint8_t *p = control_push_ip(s, &mac, src, &all_routers, IP_PROTOCOL_HOP_BY_HOP, HOP_LIMIT,
                                 HOP_BY_HOP_BYTES + len);
    if (p == NULL)
        return;
    memcpy(p, options, sizeof(options));
    p += HOP_BY_HOP_BYTES;
    memset(p, 0, len);
    p[0] = ICMPV6_MLD2_REPORT;
    put_be16(p + 6, (uint16_t)g->count);
    for (uint32_t i = 0; i < g->count; i++) {
        uint8_t *record = p + REPORT_BYTES + i * RECORD_BYTES;
        record[0] = (uint8_t)type;
        memcpy(record + 4, g->group[i].b, 16);
    }
    icmpv6_checksum_put(p, len, src, &all_routers);
    COUNT(s->config.counters, mld_report_out);
}

void mld_joined(struct stack *s)
{
    s->mld_left = ROBUSTNESS;
    s->mld_ns = s->tcp.now;
    s->autoconf_ns = 0;
}

uint64_t mld_run(struct stack *s)
{
    uint64_t now = s->tcp.now;

    if (!s->speaker)
        return TIME_NEVER;
    struct groups g = groups_of(s);
    if (s->mld_left != 0 && now >= s->mld_ns) {
        s->mld_left--;
        s->mld_ns = now + prng_below(&s->tcp.prng, UNSOLICITED_INTERVAL_MS * NS_PER_MS);
        report(s, CHANGE_TO_EXCLUDE, &g);
    }
    if (now >= s->mld_answer_ns) {
        s->mld_answer_ns = TIME_NEVER;
        report(s, MODE_IS_EXCLUDE, &g);
    }
    return time_min(s->mld_left != 0 ? s->mld_ns : TIME_NEVER, s->mld_answer_ns);
}

/* Section 5.1.3. */
static uint32_t response_ms(uint16_t code)
{
    uint32_t mantissa = code & 0xfff, exponent = code >> 12 & 7;

    return code < 0x8000 ? code : (mantissa | 0x1000) << (exponent + 3);
}

void mld_query(struct stack *s, uint32_t within_ms)
{
    uint64_t when = s->tcp.now + prng_below(&s->tcp.prng, within_ms * NS_PER_MS + 1);

    if (!s->speaker || when >= s->mld_answer_ns) /* section 6.2 rule 1 */
        return;
    s->mld_answer_ns = when;
    s->autoconf_ns = time_min(s->autoconf_ns, when);
}

void mld_input(struct stack *s, const struct ip_packet *ip)
{
    struct groups g = groups_of(s);
    struct ip_addr group;

    /* Section 6.2: routers of this link alone may ask. A Router Alert stands in hop-by-hop options.
     */
    if (ip->payload_len < QUERY_V1_BYTES || ip->ttl != HOP_LIMIT ||
        !ip_addr_is_link_local(&ip->src) || ip->header[6] != IP_PROTOCOL_HOP_BY_HOP) {
        COUNT(s->config.counters, icmp_drop_malformed);
        return;
    }
    memcpy(group.b, ip->payload + 8, sizeof(group.b));
    if (!ip_addr_is_none(&group) && !has_group(&g, &group)) {
        COUNT(s->config.counters, icmp_drop_stale);
        return;
    }
    struct stack_news news = { .kind = STACK_NEWS_MLD_QUERY,
                               .lifetime_s = response_ms(get_be16(ip->payload + 4)) };
    COUNT(s->config.counters, mld_query_in);
    mld_query(s, news.lifetime_s);
    stack_tell(s, &news);
}
