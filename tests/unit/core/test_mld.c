/* SPDX-License-Identifier: BSD-3-Clause */
/* Multicast listener reports (RFC 3810, RFC 9777). */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "peer.h"
#include "suites.h"
#include "wire/icmp.h"
#include "wire/ndp.h"

enum { IS_EXCLUDE = 2, TO_EXCLUDE = 4 };

static struct peer p;

/* The last frame is a report of one record of this type for this group, as RFC 3810 section 5.2
 * asks. */
static void reported(uint8_t type, const char *group)
{
    struct ip_addr to = peer_address("ff02::16"), about = peer_address(group);
    struct ip_packet ip;

    ck_assert_uint_gt(p.other_count, 0);
    ck_assert_int_eq(ipv6_parse(p.other + 14, p.other_len - 14, &ip), IP_PARSE_OK);
    const uint8_t *options = p.other + 14 + IPV6_HEADER_BYTES, *m = ip.payload;
    ck_assert_uint_eq(p.other[14 + 6], 0); /* hop-by-hop options, with a Router Alert for MLD */
    ck_assert(memcmp(options, (const uint8_t[]){ 58, 0, 5, 2, 0, 0, 1, 0 }, 8) == 0);
    ck_assert_uint_eq(ip.ttl, 1);
    ck_assert(ip_addr_equal(&ip.dst, &to));
    ck_assert_uint_eq(p.other[0], 0x33);
    ck_assert_uint_eq(p.other[5], 0x16);
    ck_assert_uint_eq(m[0], ICMPV6_MLD2_REPORT);
    ck_assert_uint_eq(ip.payload_len, 8 + 20);
    ck_assert_uint_eq(get_be16(m + 6), 1);
    ck_assert_uint_eq(m[8], type);
    ck_assert(memcmp(m + 12, about.b, 16) == 0);
    uint64_t sum = (uint64_t)ip_pseudo_sum(&ip.src, &ip.dst, IP_PROTOCOL_ICMPV6) + ip.payload_len +
                   checksum_bytes(m, ip.payload_len);
    ck_assert_uint_eq(checksum_fold(sum), 0xffff);
}

/* Our addresses end in the same three bytes: they share this group. */
#define OUR_GROUP "ff02::1:ff00:2"

struct query {
    const char *src, *group;
    uint8_t hop_limit;
    bool router_alert;
    uint16_t max_response; /* code */
};

static void ask(struct query q)
{
    uint8_t packet[8 + 28] = { 58, 0, 5, 2, 0, 0, 1, 0 }, *m = packet + 8;
    struct ip_addr src = peer_address(q.src), dst = peer_address("ff02::1");
    struct ip_addr group = peer_address(q.group);
    uint32_t len = 28;

    m[0] = ICMPV6_MLD_QUERY;
    put_be16(m + 4, q.max_response);
    memcpy(m + 8, group.b, 16);
    uint64_t sum =
        (uint64_t)ip_pseudo_sum(&src, &dst, IP_PROTOCOL_ICMPV6) + len + checksum_bytes(m, len);
    put_be16(m + 2, (uint16_t)~checksum_fold(sum));
    if (q.router_alert)
        peer_packet(&p, &src, &dst, 0, q.hop_limit, packet, sizeof(packet));
    else
        peer_packet(&p, &src, &dst, IP_PROTOCOL_ICMPV6, q.hop_limit, m, len);
}

static void speaking(void)
{
    peer_start_v6(&p, NULL);
    stack_announce(p.stack);
    peer_wait(&p, 10 * NS_PER_S);
}

START_TEST(groups_are_reported_twice)
{
    peer_start_v6(&p, NULL);
    stack_announce(p.stack);
    peer_wait(&p, 0);
    ck_assert_uint_eq(p.counters.mld_report_out, 1);
    for (unsigned i = 0; i < 100 && p.counters.mld_report_out < 2; i++)
        peer_wait(&p, 10 * NS_PER_MS);
    reported(TO_EXCLUDE, OUR_GROUP);
    peer_wait(&p, 100 * NS_PER_S);
    ck_assert_uint_eq(p.counters.mld_report_out, 2);
    peer_stop(&p);
}
END_TEST

START_TEST(only_the_speaker_reports)
{
    struct stack_news query = { .kind = STACK_NEWS_MLD_QUERY, .lifetime_s = 1 };

    peer_start_v6(&p, NULL);
    ask((struct query){ "fe80::1", "::", 1, true, 1000 });
    stack_hear(p.stack, &query, p.now);
    peer_wait(&p, 100 * NS_PER_S);
    ck_assert_uint_eq(p.counters.mld_query_in, 1);
    ck_assert_uint_eq(p.counters.mld_report_out, 0);
    peer_stop(&p);
}
END_TEST

START_TEST(query_is_answered_in_time)
{
    static const struct query rows[] = {
        { "fe80::1", "::", 1, true, 1000 },
        { "fe80::1", OUR_GROUP, 1, true, 1000 },
        { "fe80::1", "::", 1, true, 0 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        speaking();
        ask(rows[i]);
        ask(rows[i]); /* one answer is enough for what is asked while it waits */
        for (uint64_t end = p.now + rows[i].max_response * NS_PER_MS;
             p.counters.mld_report_out == 2;) {
            ck_assert_uint_le(stack_deadline(p.stack), end);
            peer_wait(&p, NS_PER_MS);
        }
        reported(IS_EXCLUDE, OUR_GROUP);
        peer_wait(&p, 20 * NS_PER_S);
        ck_assert_uint_eq(p.counters.mld_report_out, rows[i].max_response != 0 ? 3 : 4);
        peer_stop(&p);
    }
}
END_TEST

START_TEST(query_heard_by_another_worker_is_answered)
{
    struct stack_news query = { .kind = STACK_NEWS_MLD_QUERY, .lifetime_s = 1000 };

    speaking();
    stack_hear(p.stack, &query, p.now);
    peer_wait(&p, 1001 * NS_PER_MS);
    ck_assert_uint_eq(p.counters.mld_report_out, 3);
    peer_stop(&p);
}
END_TEST

START_TEST(queries_that_are_none)
{
    static const struct query rows[] = {
        { "fe80::1", "::", 64, true, 1000 },            /* from beyond the link */
        { "2001:db8::1", "::", 1, true, 1000 },         /* not link-local */
        { "fe80::1", "::", 1, false, 1000 },            /* no Router Alert */
        { "fe80::1", "ff02::1:ff00:3", 1, true, 1000 }, /* not our group */
    };

    speaking();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        ask(rows[i]);
    peer_wait(&p, 20 * NS_PER_S);
    ck_assert_uint_eq(p.counters.mld_query_in, 0);
    ck_assert_uint_eq(p.counters.mld_report_out, 2);
    peer_stop(&p);
}
END_TEST

START_TEST(long_response_times_are_floating_point)
{
    speaking();
    ask((struct query){ "fe80::1", "::", 1, true, 0x8000 }); /* 0x1000 << 3: 32.8 s */
    peer_wait(&p, 33 * NS_PER_S);
    ck_assert_uint_eq(p.counters.mld_report_out, 3);
    peer_stop(&p);
}
END_TEST

/* An address of its own group, whose lifetime ends. */
static void with_slaac(struct stack_config *config)
{
    config->slaac = true;
    config->address_count = 1; /* IPv4 only: the link-local and the advertised one remain */
}

START_TEST(group_is_kept_while_another_address_is_in_it)
{
    struct stack_news prefix = { .kind = STACK_NEWS_PREFIX,
                                 .ip = peer_address("fd00:5::"),
                                 .prefix_len = 64,
                                 .on_link = true,
                                 .autonomous = true,
                                 .lifetime_s = 100 };

    peer_start_v6(&p, with_slaac);
    stack_announce(p.stack);
    peer_wait(&p, 20 * NS_PER_S);
    stack_hear(p.stack, &prefix, p.now);
    peer_wait(&p, 20 * NS_PER_S);
    ck_assert_uint_eq(p.counters.mld_report_out, 4); /* told again when it came */
    peer_wait(&p, 200 * NS_PER_S);
    ck_assert_uint_eq(p.counters.mld_report_out, 4); /* the link-local one is still in the group */
    peer_stop(&p);
}
END_TEST

Suite *mld_suite(void)
{
    Suite *suite = suite_create("mld");
    TCase *t = tcase_create("mld");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, groups_are_reported_twice);
    tcase_add_test(t, only_the_speaker_reports);
    tcase_add_test(t, query_is_answered_in_time);
    tcase_add_test(t, query_heard_by_another_worker_is_answered);
    tcase_add_test(t, queries_that_are_none);
    tcase_add_test(t, long_response_times_are_floating_point);
    tcase_add_test(t, group_is_kept_while_another_address_is_in_it);
    suite_add_tcase(suite, t);
    return suite;
}
