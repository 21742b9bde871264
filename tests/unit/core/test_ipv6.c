/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack's door over IPv6: TCP, ICMPv6, neighbours, addresses, and VLAN tags of either family.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "wire/ethernet.h"
#include "wire/icmp.h"
#include "wire/ndp.h"

static struct peer p;

/* The last frame that was no TCP: its ICMPv6 message, with addresses in *ip. */
static const uint8_t *last_icmpv6(struct ip_packet *ip)
{
    ck_assert_uint_gt(p.other_count, 0);
    ck_assert_int_eq(ipv6_parse(p.other + 14, p.other_len - 14, ip), IP_PARSE_OK);
    ck_assert_uint_eq(ip->protocol, IP_PROTOCOL_ICMPV6);
    uint64_t sum = (uint64_t)ip_pseudo_sum(&ip->src, &ip->dst, IP_PROTOCOL_ICMPV6) +
                   ip->payload_len + checksum_bytes(ip->payload, ip->payload_len);
    ck_assert_uint_eq(checksum_fold(sum), 0xffff);
    return ip->payload;
}

static bool is(const struct ip_addr *a, const char *text)
{
    struct ip_addr b = peer_address(text);

    return ip_addr_equal(a, &b);
}

static void ping(const char *to)
{
    uint8_t echo[16] = { ICMPV6_ECHO_REQUEST, 0, 0, 0, 1, 2, 3, 4, 5 };
    struct ip_addr dst = peer_address(to);

    peer_icmpv6(&p, NULL, &dst, 64, echo, sizeof(echo));
}

/* A neighbour message of the peer about target. */
static void neighbour(uint8_t type, uint8_t flags, const char *src, const char *dst,
                      const char *target, bool mac)
{
    struct ip_addr from = peer_address(src), to = peer_address(dst), about = peer_address(target);
    uint8_t message[NDP_BYTES_MAX];
    uint32_t len = ndp_emit(message, type, flags, &about, mac ? &PEER_CLIENT_MAC : NULL);

    peer_icmpv6(&p, &from, &to, NDP_HOP_LIMIT, message, len);
}

/* A router advertisement from fe80::1 with one prefix, fd00:5::/64. */
static void router(uint16_t lifetime_s, uint32_t valid_s, uint32_t mtu)
{
    struct ip_addr from = peer_address("fe80::1"), to = peer_address("ff02::1");
    struct ip_addr prefix = peer_address("fd00:5::");
    uint8_t m[16 + 8 + 8 + 32] = { 134 };

    put_be16(m + 6, lifetime_s);
    m[16] = 5;
    m[17] = 1;
    put_be32(m + 20, mtu);
    m[24] = 1;
    m[25] = 1;
    memcpy(m + 26, PEER_CLIENT_MAC.b, 6);
    m[32] = 3;
    m[33] = 4;
    m[34] = 64;
    m[35] = 0xc0;
    put_be32(m + 36, valid_s);
    put_be32(m + 40, valid_s);
    memcpy(m + 48, prefix.b, 16);
    peer_icmpv6(&p, &from, &to, NDP_HOP_LIMIT, m, sizeof(m));
}

/* A SYN of some other host. */
static void syn_from(const char *src)
{
    struct tcp_segment syn = { .src_port = 5, .dst_port = 80, .flags = TCP_SYN, .window = 1000 };
    struct ip_addr from = peer_address(src), to = peer_address(SERVER_IP6);
    uint8_t tcp[60];
    uint32_t len = tcp_segment_emit(tcp, &syn);
    uint64_t sum =
        (uint64_t)ip_pseudo_sum(&from, &to, IP_PROTOCOL_TCP) + len + checksum_bytes(tcp, len);

    tcp_checksum_put(tcp, (uint16_t)~checksum_fold(sum));
    peer_packet(&p, &from, &to, IP_PROTOCOL_TCP, 64, tcp, len);
}

/* TCP. */

START_TEST(tcp_over_ipv6)
{
    struct tcp_segment syn = PEER_DEFAULT_OPTIONS;

    syn.mss = 9000;
    peer_start_v6(&p, NULL);
    peer_send(&p, TCP_SYN, 0, 0, 0, &syn);
    ck_assert_uint_eq(peer_only(&p)->mss, 1440); /* 1500 - 40 - 20 */
    peer_send(&p, TCP_ACK, 1, 1, 0, NULL);
    peer_request(&p, 100000);
    ck_assert_uint_eq(p.out_count, 10);
    ck_assert_uint_eq(p.out[0].payload_len, 1440);
    uint32_t ack = 1 + (uint32_t)peer_payload(&p);
    p.now += PEER_RTT_NS;
    peer_send(&p, TCP_ACK, 2, ack, 0, NULL);
    ck_assert_uint_gt(p.out_count, 10);
    peer_stop(&p);
}
END_TEST

START_TEST(tcp_over_ipv6_without_mss_option)
{
    struct tcp_segment none = { 0 };

    peer_start_v6(&p, NULL);
    peer_handshake(&p, &none);
    peer_request(&p, 100000);
    ck_assert_uint_eq(p.out[0].payload_len, 1220); /* RFC 9293 section 3.7.1 */
    peer_stop(&p);
}
END_TEST

START_TEST(tcp_reset_over_ipv6)
{
    peer_start_v6(&p, NULL);
    peer_send(&p, TCP_ACK, 100, 200, 0, NULL);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_RST);
    peer_stop(&p);
}
END_TEST

static void too_big(uint32_t mtu, uint32_t seq)
{
    uint8_t m[8 + 40 + 20] = { ICMPV6_PACKET_TOO_BIG };
    struct ip_addr src = peer_address(SERVER_IP6), dst = peer_address(CLIENT_IP6);
    struct ip_addr some_router = peer_address("2001:db8:7::1");

    put_be32(m + 4, mtu);
    ipv6_emit(m + 8, &src, &dst, IP_PROTOCOL_TCP, 0, 0, 64, 1460);
    put_be16(m + 48, 80);
    put_be16(m + 50, p.port);
    put_be32(m + 52, p.server_iss + seq);
    peer_icmpv6(&p, &some_router, NULL, 64, m, sizeof(m));
}

START_TEST(packet_too_big_is_heeded_if_it_quotes_what_is_in_flight)
{
    peer_start_v6(&p, NULL);
    peer_handshake(&p, NULL);
    peer_request(&p, 100000);
    too_big(1300, 1 + 14400); /* never sent */
    too_big(1300, 0);         /* acknowledged */
    too_big(1279, 1);         /* RFC 8201 section 4: no link is that small */
    too_big(1500, 1);         /* not smaller */
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.counters.icmp_drop_stale, 4);
    too_big(1300, 1);
    ck_assert_uint_eq(p.counters.icmp_error_in, 1);
    ck_assert_uint_gt(p.out_count, 0);
    for (unsigned i = 0; i < p.out_count; i++)
        ck_assert_uint_le(p.out[i].payload_len, 1240);
    peer_stop(&p);
}
END_TEST

/* ICMPv6. */

START_TEST(echo_is_answered)
{
    struct ip_packet ip;
    uint8_t bad[8] = { ICMPV6_ECHO_REQUEST };

    peer_start_v6(&p, NULL);
    ping(SERVER_IP6);
    const uint8_t *m = last_icmpv6(&ip);
    ck_assert_uint_eq(m[0], ICMPV6_ECHO_REPLY);
    ck_assert_mem_eq(m + 4, ((uint8_t[]){ 1, 2, 3, 4, 5, 0, 0, 0 }), 8);
    ck_assert(is(&ip.src, SERVER_IP6) && is(&ip.dst, CLIENT_IP6));
    ping("fe80::ff:fe00:2"); /* made of our MAC address */
    last_icmpv6(&ip);
    ck_assert(is(&ip.src, "fe80::ff:fe00:2"));
    ping("ff02::1");
    ck_assert_uint_eq(p.other_count, 0);
    ping("2001:db8::3");
    ck_assert_uint_eq(p.other_count, 0);
    ck_assert_uint_eq(p.counters.ip_drop_not_ours, 1);
    peer_packet(&p, NULL, NULL, IP_PROTOCOL_ICMPV6, 64, bad, sizeof(bad));
    ck_assert_uint_eq(p.counters.icmp_drop_malformed, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(errors_quote_and_are_limited)
{
    static const uint8_t payload[1400];
    struct ip_packet ip;

    peer_start_v6(&p, NULL);
    peer_packet(&p, NULL, NULL, IP_PROTOCOL_UDP, 64, payload, sizeof(payload));
    const uint8_t *m = last_icmpv6(&ip);
    ck_assert(m[0] == ICMPV6_UNREACHABLE && m[1] == ICMPV6_UNREACHABLE_PORT);
    ck_assert_uint_eq(p.other_len, 14 + IPV6_MTU_MIN);
    peer_packet(&p, NULL, NULL, 132, 64, payload, 8);
    m = last_icmpv6(&ip);
    ck_assert(m[0] == ICMPV6_PARAMETER_PROBLEM && m[1] == ICMPV6_NEXT_HEADER);
    ck_assert_uint_eq(get_be32(m + 4), 6);
    peer_packet(&p, NULL, NULL, IP_PROTOCOL_NONE, 64, payload, 0);
    ck_assert_uint_eq(p.other_count, 0);
    for (unsigned i = 0; i < 200; i++)
        peer_packet(&p, NULL, NULL, IP_PROTOCOL_UDP, 64, payload, 8);
    ck_assert_uint_eq(p.counters.icmp_error_out, 100);
    peer_stop(&p);
}
END_TEST

/* Sources that nobody may have. */
static const char *const bad_sources[] = { "ff02::5", "::1",      "::ffff:10.71.0.1",
                                           "::",      SERVER_IP6, "fe80::ff:fe00:2" };

START_TEST(sources_that_nobody_may_have)
{
    peer_start_v6(&p, NULL);
    syn_from(bad_sources[_i]);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.counters.ip_drop_source, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(ipv4_mapped_destination_is_not_ours)
{
    struct ip_addr mapped = ip_addr_from_v4(SERVER_IP);
    uint8_t tcp[20] = { 0 };

    peer_start_v6(&p, NULL);
    peer_packet(&p, NULL, &mapped, IP_PROTOCOL_TCP, 64, tcp, sizeof(tcp));
    ck_assert_uint_eq(p.counters.ip_drop_not_ours, 1);
    peer_stop(&p);
}
END_TEST

/* Neighbours. */

START_TEST(solicitation_is_answered)
{
    struct ip_packet ip;
    struct ndp_message m;

    peer_start_v6(&p, NULL);
    neighbour(135, 0, CLIENT_IP6, "ff02::1:ff00:2", SERVER_IP6, true);
    last_icmpv6(&ip);
    ck_assert(ndp_parse(&ip, &m));
    ck_assert_uint_eq(m.type, NDP_NEIGHBOUR_ADVERTISEMENT);
    ck_assert_uint_eq(m.flags, NDP_FLAG_SOLICITED | NDP_FLAG_OVERRIDE);
    ck_assert(is(&m.target, SERVER_IP6) && is(&ip.dst, CLIENT_IP6));
    ck_assert(m.has_mac && mac_addr_equal(&m.mac, &PEER_SERVER_MAC));
    neighbour(135, 0, "::", "ff02::1:ff00:2", SERVER_IP6, false); /* somebody wants to have it */
    last_icmpv6(&ip);
    ck_assert(ndp_parse(&ip, &m));
    ck_assert(is(&ip.dst, "ff02::1"));
    neighbour(135, 0, CLIENT_IP6, "ff02::1:ff00:3", "2001:db8::3", true);
    ck_assert_uint_eq(p.other_count, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(unknown_neighbour_is_asked_for)
{
    struct ip_packet ip;
    struct ndp_message m;

    peer_start_v6(&p, NULL);
    syn_from("2001:db8::77");
    ck_assert_uint_eq(p.out_count, 0);
    last_icmpv6(&ip);
    ck_assert(ndp_parse(&ip, &m));
    ck_assert_uint_eq(m.type, NDP_NEIGHBOUR_SOLICITATION);
    ck_assert(is(&ip.dst, "ff02::1:ff00:77") && is(&ip.src, SERVER_IP6));
    ck_assert(is(&m.target, "2001:db8::77"));
    neighbour(136, 0, "2001:db8::77", SERVER_IP6, "2001:db8::77", false); /* says no MAC */
    ck_assert_uint_eq(p.out_count, 0);
    neighbour(136, NDP_FLAG_SOLICITED, "2001:db8::77", SERVER_IP6, "2001:db8::77", true);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_stop(&p);
}
END_TEST

START_TEST(unasked_advertisement_makes_no_neighbour)
{
    peer_start_v6(&p, NULL);
    neighbour(136, NDP_FLAG_OVERRIDE, "2001:db8::78", "ff02::1", "2001:db8::78", true);
    ck_assert_uint_eq(p.counters.ndp_ignored, 1);
    syn_from("2001:db8::78");
    ck_assert_uint_eq(p.out_count, 0);
    peer_stop(&p);
}
END_TEST

static struct stack_news told;

static void note_news(void *ctx, const struct stack_news *news)
{
    told = *news;
}

static void with_others(struct stack_config *config)
{
    config->tell = note_news;
}

/* The port may hand an answer to another worker than the one that asked. */
START_TEST(answer_to_another_worker_is_passed_on)
{
    struct ip_addr ip = peer_address("2001:db8::79");

    peer_start_v6(&p, with_others);
    neighbour(136, NDP_FLAG_SOLICITED, "2001:db8::79", SERVER_IP6, "2001:db8::79", true);
    ck_assert_uint_eq(told.kind, STACK_NEWS_ANSWER);
    ck_assert(ip_addr_equal(&told.ip, &ip) && mac_addr_equal(&told.mac, &PEER_CLIENT_MAC));
    stack_hear(p.stack, &told, p.now); /* not asked for here */
    syn_from("2001:db8::79");
    ck_assert_uint_eq(p.out_count, 0);
    stack_hear(p.stack, &told, p.now); /* but now it is */
    peer_wait(&p, 0);
    ck_assert_uint_eq(peer_only(&p)->flags, TCP_SYN | TCP_ACK);
    peer_stop(&p);
}
END_TEST

/* Addresses over time. */

static void with_probes(struct stack_config *config)
{
    config->dad_probes = 1;
}

START_TEST(addresses_are_announced)
{
    peer_start(&p, NULL);
    stack_announce(p.stack);
    peer_wait(&p, 0);
    ck_assert_uint_eq(p.arp_count, 1);
    ck_assert_uint_eq(p.other_count, 3); /* their groups, the global and the link-local one */
    peer_stop(&p);
}
END_TEST

START_TEST(address_is_used_when_nobody_else_has_it)
{
    struct ip_packet ip;
    struct ndp_message m;

    peer_start_v6(&p, with_probes);
    stack_announce(p.stack);
    peer_wait(&p, 0);
    ck_assert_uint_eq(p.counters.ndp_solicit_out, 2);
    last_icmpv6(&ip);
    ck_assert(ndp_parse(&ip, &m));
    ck_assert(ip_addr_is_none(&ip.src) && !m.has_mac);
    ping(SERVER_IP6);
    ck_assert_uint_eq(p.other_count, 0);
    peer_wait(&p, 1000 * NS_PER_MS);
    ck_assert_uint_ge(p.other_count, 2); /* now they are announced */
    ping(SERVER_IP6);
    ck_assert_uint_eq(p.other_count, 1);
    ck_assert_uint_eq(p.counters.address_duplicate, 0);
    peer_stop(&p);
}
END_TEST

/* How another host shows that it has our address. */
START_TEST(address_of_another_host_is_given_up)
{
    peer_start_v6(&p, with_probes);
    stack_announce(p.stack);
    peer_wait(&p, 0);
    if (_i == 0)
        neighbour(136, NDP_FLAG_OVERRIDE, SERVER_IP6, "ff02::1", SERVER_IP6, true);
    else
        neighbour(135, 0, "::", "ff02::1:ff00:2", SERVER_IP6, false);
    ck_assert_uint_eq(p.counters.address_duplicate, 1);
    peer_wait(&p, 5 * NS_PER_S);
    ping(SERVER_IP6);
    ck_assert_uint_eq(p.other_count, 0);
    ping("fe80::ff:fe00:2");
    ck_assert_uint_eq(p.other_count, 1);
    peer_stop(&p);
}
END_TEST

static void with_slaac(struct stack_config *config)
{
    config->slaac = true;
}

START_TEST(routers_are_solicited_until_one_answers)
{
    peer_start_v6(&p, with_slaac);
    stack_announce(p.stack);
    peer_wait(&p, 20 * NS_PER_S);
    ck_assert_uint_eq(p.counters.router_solicit_out, 3);
    peer_stop(&p);
    peer_start_v6(&p, with_slaac);
    stack_announce(p.stack);
    peer_wait(&p, NS_PER_S);
    router(1800, 3600, 1500);
    peer_wait(&p, 20 * NS_PER_S);
    ck_assert_uint_eq(p.counters.router_solicit_out, 1);
    peer_stop(&p);
}
END_TEST

START_TEST(prefix_gives_an_address_for_its_lifetime)
{
    peer_start_v6(&p, with_slaac);
    router(1800, 10000, 1500);
    ping("fd00:5::ff:fe00:2");
    ck_assert_uint_eq(p.other_count, 1);
    router(1800, 1, 1500); /* at least two hours: RFC 4862 section 5.5.3 e */
    peer_wait(&p, 7199 * NS_PER_S);
    ping("fd00:5::ff:fe00:2");
    ck_assert_uint_eq(p.other_count, 1);
    peer_wait(&p, 2 * NS_PER_S);
    ping("fd00:5::ff:fe00:2");
    ck_assert_uint_eq(p.other_count, 0);
    peer_stop(&p);
    peer_start_v6(&p, NULL); /* not asked for */
    router(1800, 10000, 1500);
    ping("fd00:5::ff:fe00:2");
    ck_assert_uint_eq(p.other_count, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(router_is_the_next_hop_for_its_lifetime)
{
    struct ip_packet ip;
    struct ndp_message m;

    peer_start_v6(&p, NULL);
    router(1800, 3600, 1400);
    syn_from("2a00::1");
    ck_assert_uint_eq(peer_only(&p)->mss, 1340); /* of the link's MTU; by way of fe80::1 */
    peer_wait(&p, 1801 * NS_PER_S);
    syn_from("2a00::2");
    last_icmpv6(&ip); /* no router is left: it must be on the link, where it came from */
    ck_assert(ndp_parse(&ip, &m));
    ck_assert(is(&m.target, "2a00::2"));
    peer_stop(&p);
}
END_TEST

/* VLAN. */

static void with_vlan(struct stack_config *config)
{
    config->vlan = 7;
}

START_TEST(vlan_tag_both_ways)
{
    peer_start(&p, with_vlan);
    p.vlan = 7;
    p.v6 = _i != 0;
    peer_handshake(&p, NULL);
    peer_request(&p, 20000);
    ck_assert_uint_eq(p.out_count, 10);
    ck_assert_uint_eq(p.out[0].payload_len, p.v6 ? 1440 : 1460);
    p.vlan = 8;
    peer_send(&p, TCP_SYN, 50, 0, 0, NULL);
    p.vlan = 0;
    peer_send(&p, TCP_SYN, 50, 0, 0, NULL);
    ck_assert_uint_eq(p.out_count, 0);
    ck_assert_uint_eq(p.counters.eth_drop_vlan, 2);
    peer_stop(&p);
}
END_TEST

START_TEST(tagged_frames_are_dropped_where_no_vlan_is_set)
{
    uint8_t frame[17] = { 0 };

    peer_start(&p, NULL);
    p.vlan = 7;
    peer_send(&p, TCP_SYN, 0, 0, 0, NULL);
    ck_assert_uint_eq(p.counters.eth_drop_vlan, 1);
    eth_emit(frame, &PEER_SERVER_MAC, &PEER_CLIENT_MAC, ETH_TYPE_VLAN);
    peer_frame(&p, frame, sizeof(frame)); /* half a tag */
    ck_assert_uint_eq(p.counters.eth_drop_vlan, 2);
    peer_stop(&p);
}
END_TEST

/* Several addresses. */

static void with_another(struct stack_config *config)
{
    config->address[config->address_count++] =
        (struct stack_address){ ip_addr_from_v4(0xc0a80505), 16 };
}

START_TEST(each_address_answers)
{
    uint8_t echo[8] = { 8, 0, 0xf7, 0xff };
    struct ip_addr second = ip_addr_from_v4(0xc0a80505), third = ip_addr_from_v4(0xc0a80506);
    struct ip_addr broadcast = ip_addr_from_v4(0xc0a8ffff);
    struct ip_packet ip;

    peer_start(&p, with_another);
    peer_packet(&p, NULL, &second, 1, 64, echo, sizeof(echo));
    ck_assert_uint_eq(p.other_count, 1);
    ck_assert_int_eq(ipv4_parse(p.other + 14, p.other_len - 14, false, &ip), IP_PARSE_OK);
    ck_assert(ip_addr_equal(&ip.src, &second));
    peer_packet(&p, NULL, NULL, 1, 64, echo, sizeof(echo));
    ck_assert_uint_eq(p.other_count, 1);
    peer_packet(&p, NULL, &third, 1, 64, echo, sizeof(echo));
    ck_assert_uint_eq(p.other_count, 0);
    peer_packet(&p, &broadcast, &second, 1, 64, echo, sizeof(echo));
    ck_assert_uint_eq(p.counters.ip_drop_source, 1);
    peer_stop(&p);
}
END_TEST

Suite *ipv6_suite(void)
{
    Suite *suite = suite_create("IPv6");
    TCase *t = tcase_create("ipv6");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, tcp_over_ipv6);
    tcase_add_test(t, tcp_over_ipv6_without_mss_option);
    tcase_add_test(t, tcp_reset_over_ipv6);
    tcase_add_test(t, packet_too_big_is_heeded_if_it_quotes_what_is_in_flight);
    tcase_add_test(t, echo_is_answered);
    tcase_add_test(t, errors_quote_and_are_limited);
    tcase_add_loop_test(t, sources_that_nobody_may_have, 0,
                        sizeof(bad_sources) / sizeof(bad_sources[0]));
    tcase_add_test(t, ipv4_mapped_destination_is_not_ours);
    tcase_add_test(t, solicitation_is_answered);
    tcase_add_test(t, unknown_neighbour_is_asked_for);
    tcase_add_test(t, unasked_advertisement_makes_no_neighbour);
    tcase_add_test(t, answer_to_another_worker_is_passed_on);
    tcase_add_test(t, addresses_are_announced);
    tcase_add_test(t, address_is_used_when_nobody_else_has_it);
    tcase_add_loop_test(t, address_of_another_host_is_given_up, 0, 2);
    tcase_add_test(t, routers_are_solicited_until_one_answers);
    tcase_add_test(t, prefix_gives_an_address_for_its_lifetime);
    tcase_add_test(t, router_is_the_next_hop_for_its_lifetime);
    tcase_add_loop_test(t, vlan_tag_both_ways, 0, 2);
    tcase_add_test(t, tagged_frames_are_dropped_where_no_vlan_is_set);
    tcase_add_test(t, each_address_answers);
    suite_add_tcase(suite, t);
    return suite;
}
