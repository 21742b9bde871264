/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 and neighbour discovery as bytes: what is emitted, and what is refused. */
#include <string.h>

#include "base/bytes.h"
#include "peer.h"
#include "suites.h"
#include "wire/ethernet.h"
#include "wire/ndp.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Headers. */

START_TEST(ipv6_parses_what_it_emits_and_cuts_padding)
{
    struct ip_addr src = peer_address("2001:db8::1"), dst = peer_address("fe80::2");
    uint8_t p[100] = { 0 };
    struct ip_packet ip;

    ipv6_emit(p, &src, &dst, IP_PROTOCOL_TCP, 0xa5, 0x12345, 77, 30);
    ck_assert_uint_eq(get_be32(p), 0x6a512345);
    ck_assert_int_eq(ipv6_parse(p, sizeof(p), &ip), IP_PARSE_OK);
    ck_assert(ip_addr_equal(&ip.src, &src) && ip_addr_equal(&ip.dst, &dst));
    ck_assert_uint_eq(ip.payload_len, 30);
    ck_assert_ptr_eq(ip.payload, p + 40);
    ck_assert_uint_eq(ip.protocol, IP_PROTOCOL_TCP);
    ck_assert_uint_eq(ip.traffic_class, 0xa5);
    ck_assert_uint_eq(ip.ttl, 77);
    ck_assert_int_eq(ipv6_parse(p, 70, &ip), IP_PARSE_OK);
    ck_assert_int_eq(ipv6_parse(p, 69, &ip), IP_PARSE_MALFORMED); /* shorter than it says */
    ck_assert_int_eq(ipv6_parse(p, 39, &ip), IP_PARSE_MALFORMED);
    p[0] = 0x45;
    ck_assert_int_eq(ipv6_parse(p, sizeof(p), &ip), IP_PARSE_MALFORMED);
}
END_TEST

/* Extension headers: the fixed header's next header, then bytes; TCP is 6. */
static const struct {
    const char *what;
    uint8_t first;
    uint8_t len;
    uint8_t bytes[64];
    enum ip_parse_result result;
} chains[] = {
    { "none", 6, 0, { 0 }, IP_PARSE_OK },
    { "hop-by-hop, PadN", 0, 8, { 6, 0, 1, 4 }, IP_PARSE_OK },
    { "hop-by-hop of Pad1 alone", 0, 8, { 6, 0, 0, 0, 0, 0, 0, 0 }, IP_PARSE_OK },
    { "two units", 60, 16, { 6, 1, 1, 12 }, IP_PARSE_OK },
    { "hop-by-hop, routing, destination",
      0,
      24,
      { 43, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1, 4 },
      IP_PARSE_OK },
    { "unknown option to be skipped", 60, 8, { 6, 0, 0x05, 2, 0, 0, 0, 0 }, IP_PARSE_OK },
    { "unknown option to be refused", 60, 8, { 6, 0, 0x45, 4 }, IP_PARSE_EXTENSION },
    { "unknown option to be refused, with an error", 0, 8, { 6, 0, 0xc2, 4 }, IP_PARSE_EXTENSION },
    { "hop-by-hop twice", 0, 16, { 0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4 }, IP_PARSE_EXTENSION },
    { "hop-by-hop not first", 60, 16, { 0, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4 }, IP_PARSE_EXTENSION },
    { "routing type 0 with segments left", 43, 8, { 6, 0, 0, 1 }, IP_PARSE_EXTENSION },
    { "six",
      60,
      48,
      { 60, 0, 1,  4, 0, 0, 0, 0, 60, 0, 1,  4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0,
        0,  0, 60, 0, 1, 4, 0, 0, 0,  0, 60, 0, 1, 4, 0, 0, 0,  0, 6, 0, 1, 4 },
      IP_PARSE_OK },
    { "seven",
      60,
      56,
      { 60, 0, 1, 4, 0, 0, 0,  0, 60, 0, 1, 4, 0, 0, 0,  0, 60, 0, 1, 4, 0, 0, 0, 0, 60, 0,
        1,  4, 0, 0, 0, 0, 60, 0, 1,  4, 0, 0, 0, 0, 60, 0, 1,  4, 0, 0, 0, 0, 6, 0, 1,  4 },
      IP_PARSE_EXTENSION },
    { "fragment", 44, 8, { 6, 0, 0, 1 }, IP_PARSE_FRAGMENT },
    { "fragment behind options", 0, 16, { 44, 0, 1, 4, 0, 0, 0, 0, 6 }, IP_PARSE_FRAGMENT },
    { "nothing behind", 0, 0, { 0 }, IP_PARSE_MALFORMED },
    { "half a unit", 60, 4, { 6, 0, 1, 0 }, IP_PARSE_MALFORMED },
    { "longer than the packet", 60, 8, { 6, 1, 1, 4 }, IP_PARSE_MALFORMED },
    { "option longer than its header", 60, 8, { 6, 0, 1, 5 }, IP_PARSE_MALFORMED },
    { "option without length", 60, 8, { 6, 0, 1, 3, 0, 0, 0, 1 }, IP_PARSE_MALFORMED },
};

START_TEST(ipv6_extension_headers)
{
    struct ip_addr a = peer_address("2001:db8::1");
    uint8_t p[40 + 64];
    struct ip_packet ip;
    uint32_t len = chains[_i].len;

    ipv6_emit(p, &a, &a, chains[_i].first, 0, 0, 64, len);
    memcpy(p + 40, chains[_i].bytes, len);
    ck_assert_msg(ipv6_parse(p, 40 + len, &ip) == chains[_i].result, "%s", chains[_i].what);
    if (chains[_i].result != IP_PARSE_OK)
        return;
    ck_assert_uint_eq(ip.protocol, IP_PROTOCOL_TCP);
    ck_assert_uint_eq(ip.payload_len, 0);
    ck_assert_uint_eq(ip.header_len, 40 + len);
    ck_assert_uint_eq(p[ip.protocol_at], IP_PROTOCOL_TCP);
}
END_TEST

START_TEST(ipv6_addresses_are_made)
{
    struct ip_addr a = peer_address("2001:db8::12:3456:789a");
    struct ip_addr group = ipv6_solicited_node(&a), want = peer_address("ff02::1:ff56:789a");
    struct mac_addr mac = ipv6_multicast_mac(&group);
    struct mac_addr own = { { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 } };

    ck_assert(ip_addr_equal(&group, &want));
    ck_assert_mem_eq(mac.b, ((uint8_t[]){ 0x33, 0x33, 0xff, 0x56, 0x78, 0x9a }), 6);
    a = ipv6_from_mac(&a, &own);
    want = peer_address("2001:db8::11:22ff:fe33:4455");
    ck_assert(ip_addr_equal(&a, &want));
    ck_assert(ip_addr_is_link_local(&(struct ip_addr){ .b = { 0xfe, 0xbf } }));
    ck_assert(!ip_addr_is_link_local(&(struct ip_addr){ .b = { 0xfe, 0xc0 } }));
}
END_TEST

/* Neighbour discovery. */

static bool parse(const char *src, const char *dst, uint8_t hop_limit, const uint8_t *p,
                  uint32_t len, struct ndp_message *m)
{
    struct ip_packet ip = { .src = peer_address(src),
                            .dst = peer_address(dst),
                            .payload = p,
                            .payload_len = len,
                            .protocol = IP_PROTOCOL_ICMPV6,
                            .ttl = hop_limit };
    return ndp_parse(&ip, m);
}

START_TEST(ndp_parses_what_it_emits)
{
    struct ip_addr target = peer_address("2001:db8::2");
    struct mac_addr mac = { { 2, 0, 0, 0, 0, 9 } };
    struct ndp_message m;
    uint8_t p[NDP_BYTES_MAX];

    uint32_t len = ndp_emit(p, NDP_NEIGHBOUR_SOLICITATION, 0, &target, &mac);
    ck_assert_uint_eq(len, 32);
    ck_assert(parse("fe80::1", "ff02::1:ff00:2", 255, p, len, &m));
    ck_assert(ip_addr_equal(&m.target, &target) && m.has_mac && mac_addr_equal(&m.mac, &mac));
    len = ndp_emit(p, NDP_NEIGHBOUR_ADVERTISEMENT, NDP_FLAG_OVERRIDE, &target, &mac);
    ck_assert(parse("fe80::1", "ff02::1", 255, p, len, &m));
    ck_assert_uint_eq(m.flags, NDP_FLAG_OVERRIDE);
    ck_assert(m.has_mac);
    len = ndp_emit(p, NDP_ROUTER_SOLICITATION, 0, NULL, NULL);
    ck_assert_uint_eq(len, 8);
    ck_assert(parse("::", "ff02::2", 255, p, len, &m));
}
END_TEST

/* A valid message, and one thing changed in it. */
static const struct {
    const char *what, *src, *dst;
    uint8_t type, flags;
    bool mac;
    uint8_t hop_limit;
    int at, value; /* at < 0: none; else this byte is changed */
    int len;       /* > 0: cut to it */
    bool ok;
} messages[] = {
    { "solicitation", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, -1, 0, 0, true },
    { "forwarded", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 254, -1, 0, 0, false },
    { "code", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, 1, 1, 0, false },
    { "short", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, -1, 0, 23, false },
    { "no option", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, -1, 0, 24, true },
    { "half an option", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, -1, 0, 28, false },
    { "option of length 0", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, 25, 0, 0, false },
    { "option too long", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, 25, 2, 0, false },
    { "unknown option", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, 24, 99, 0, true },
    { "multicast target", "fe80::1", "ff02::1:ff00:2", 135, 0, true, 255, 8, 0xff, 0, false },
    { "probe", "::", "ff02::1:ff00:2", 135, 0, false, 255, -1, 0, 0, true },
    { "probe with MAC", "::", "ff02::1:ff00:2", 135, 0, true, 255, -1, 0, 0, false },
    { "probe to one host", "::", "2001:db8::2", 135, 0, false, 255, -1, 0, 0, false },
    { "advertisement", "fe80::1", "fe80::2", 136, 0x60, true, 255, -1, 0, 0, true },
    { "solicited by all", "fe80::1", "ff02::1", 136, 0x60, true, 255, -1, 0, 0, false },
    { "of nobody", "::", "ff02::1", 136, 0x20, true, 255, -1, 0, 0, false },
    { "router solicitation", "fe80::1", "ff02::2", 133, 0, true, 255, -1, 0, 0, true },
    { "of nobody with MAC", "::", "ff02::2", 133, 0, true, 255, -1, 0, 0, false },
    { "no such type", "fe80::1", "ff02::2", 133, 0, true, 255, 0, 138, 0, false },
};

START_TEST(ndp_refuses_what_the_rfc_does)
{
    struct ip_addr target = peer_address("2001:db8::2");
    struct mac_addr mac = { { 2, 0, 0, 0, 0, 9 } };
    struct ndp_message m;
    uint8_t p[NDP_BYTES_MAX];
    uint32_t len =
        ndp_emit(p, messages[_i].type, messages[_i].flags, &target, messages[_i].mac ? &mac : NULL);

    if (messages[_i].at >= 0)
        p[messages[_i].at] = (uint8_t)messages[_i].value;
    if (messages[_i].len > 0)
        len = (uint32_t)messages[_i].len;
    ck_assert_msg(parse(messages[_i].src, messages[_i].dst, messages[_i].hop_limit, p, len, &m) ==
                      messages[_i].ok,
                  "%s", messages[_i].what);
}
END_TEST

START_TEST(ndp_router_advertisement_is_read)
{
    uint8_t p[16 + 8 + 32 * (NDP_PREFIXES_MAX + 1)] = { 134, 0, 0, 0, 64, 0, 0x07, 0x08 };
    struct ndp_message m;
    uint8_t *mtu = p + 16;

    mtu[0] = 5;
    mtu[1] = 1;
    put_be32(mtu + 4, 1400);
    for (unsigned i = 0; i <= NDP_PREFIXES_MAX; i++) {
        uint8_t *prefix = p + 24 + 32 * i;
        prefix[0] = 3;
        prefix[1] = 4;
        prefix[2] = 64;
        prefix[3] = 0xc0;
        put_be32(prefix + 4, 3600);
        put_be32(prefix + 8, 1800);
        prefix[16] = 0xfd;
        prefix[17] = (uint8_t)i;
    }
    ck_assert(parse("fe80::1", "ff02::1", 255, p, sizeof(p), &m));
    ck_assert_uint_eq(m.router_lifetime_s, 1800);
    ck_assert_uint_eq(m.mtu, 1400);
    ck_assert_uint_eq(m.prefix_count, NDP_PREFIXES_MAX); /* more are not looked at */
    ck_assert(m.prefix[1].on_link && m.prefix[1].autonomous);
    ck_assert_uint_eq(m.prefix[1].prefix.b[1], 1);
    ck_assert_uint_eq(m.prefix[1].valid_s, 3600);
    ck_assert_uint_eq(m.prefix[1].preferred_s, 1800);
    ck_assert(!parse("2001:db8::1", "ff02::1", 255, p, sizeof(p), &m)); /* not link-local */
    ck_assert(!parse("fe80::1", "ff02::1", 255, p, sizeof(p) - 8, &m));
}
END_TEST

Suite *ipv6_wire_suite(void)
{
    Suite *suite = suite_create("IPv6, wire");
    TCase *t = tcase_create("ipv6 wire");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, ipv6_parses_what_it_emits_and_cuts_padding);
    tcase_add_loop_test(t, ipv6_extension_headers, 0, COUNT_OF(chains));
    tcase_add_test(t, ipv6_addresses_are_made);
    tcase_add_test(t, ndp_parses_what_it_emits);
    tcase_add_loop_test(t, ndp_refuses_what_the_rfc_does, 0, COUNT_OF(messages));
    tcase_add_test(t, ndp_router_advertisement_is_read);
    suite_add_tcase(suite, t);
    return suite;
}
