/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/prng.h"
#include "suites.h"
#include "wire/arp.h"
#include "wire/ethernet.h"
#include "wire/tcp_segment.h"

/* Addresses. */

START_TEST(ip_addresses_parse_and_format)
{
    static const struct {
        const char *text;
        bool ok, v4;
    } rows[] = {
        { "10.71.0.2", true, true },
        { "255.255.255.255", true, true },
        { "fe80::1", true, false },
        { "2001:db8::7", true, false },
        { "2001:db8::ffff:a47:2", true, false },
        { "10.71.0", false, false },
        { "10.71.0.256", false, false },
        { "", false, false },
        { "10.71.0.2/24", false, false },
        { "hugewire", false, false },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip_addr a;
        char text[IP_ADDR_TEXT_BYTES];
        ck_assert_msg(ip_addr_parse(rows[i].text, &a) == rows[i].ok, "%s", rows[i].text);
        if (!rows[i].ok)
            continue;
        ck_assert_int_eq(ip_addr_is_v4(&a), rows[i].v4);
        ck_assert_str_eq(ip_addr_format(&a, text), rows[i].text);
    }
}
END_TEST

START_TEST(ip_nets_compare_prefix_bits)
{
    struct ip_addr a = ip_addr_from_v4(0x0a470002), b = ip_addr_from_v4(0x0a470081);
    struct ip_addr six;

    ck_assert(ip_addr_parse("2001:db8::1", &six));
    ck_assert(ip_addr_same_net(&a, &b, 24));
    ck_assert(!ip_addr_same_net(&a, &b, 25));
    ck_assert(ip_addr_same_net(&a, &b, 0));
    ck_assert(!ip_addr_same_net(&a, &b, 32));
    ck_assert(ip_addr_same_net(&a, &a, 32));
    ck_assert(!ip_addr_same_net(&a, &six, 0));
    ck_assert_uint_eq(ip_addr_v4(&a), 0x0a470002);
}
END_TEST

/* ARP. */

START_TEST(arp_emits_what_it_parses)
{
    struct arp_packet in = { .operation = ARP_REQUEST,
                             .sender_mac = { { 2, 0, 0, 0, 0, 1 } },
                             .sender_ip = ip_addr_from_v4(0x0a470001),
                             .target_ip = ip_addr_from_v4(0x0a470002) };
    struct arp_packet out;
    uint8_t p[ARP_BYTES];

    arp_emit(p, &in);
    ck_assert(arp_parse(p, sizeof(p), &out));
    ck_assert_uint_eq(out.operation, ARP_REQUEST);
    ck_assert(ip_addr_equal(&out.sender_ip, &in.sender_ip));
    ck_assert(ip_addr_equal(&out.target_ip, &in.target_ip));
    ck_assert(mac_addr_equal(&out.sender_mac, &in.sender_mac));
}
END_TEST

START_TEST(arp_rejects_every_other_kind)
{
    struct arp_packet arp = { .operation = ARP_REPLY }, out;
    uint8_t good[ARP_BYTES], bad[ARP_BYTES];
    static const struct {
        unsigned at;
        uint8_t value;
    } rows[] = { { 0, 1 }, { 1, 6 }, { 2, 9 }, { 3, 1 }, { 4, 8 }, { 5, 16 }, { 7, 3 }, { 7, 0 } };

    arp_emit(good, &arp);
    ck_assert(arp_parse(good, sizeof(good), &out));
    ck_assert(!arp_parse(good, sizeof(good) - 1, &out));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memcpy(bad, good, sizeof(bad));
        bad[rows[i].at] = rows[i].value;
        ck_assert_msg(!arp_parse(bad, sizeof(bad), &out), "row %u", i);
    }
}
END_TEST

/* IPv4. */

static const struct ip_addr *v4(uint32_t a)
{
    static struct ip_addr addr[2];
    static unsigned next;
    struct ip_addr *one = &addr[next++ % 2];
    *one = ip_addr_from_v4(a);
    return one;
}

static void ipv4_make(uint8_t *p, uint32_t total)
{
    ipv4_emit(p, v4(0x0a470001), v4(0x0a470002), IP_PROTOCOL_TCP, 0, total, false);
}

static void ipv4_fix_checksum(uint8_t *p)
{
    put_be16(p + 10, 0);
    put_be16(p + 10, (uint16_t)~checksum_bytes(p, (p[0] & 0xfu) * 4));
}

START_TEST(ipv4_parses_what_it_emits_and_cuts_padding)
{
    uint8_t p[60] = { 0 };
    struct ip_packet ip;

    ipv4_make(p, 30);
    ck_assert_int_eq(ipv4_parse(p, sizeof(p), false, &ip), IP_PARSE_OK);
    ck_assert_uint_eq(ip.payload_len, 10);
    ck_assert_ptr_eq(ip.payload, p + 20);
    ck_assert_uint_eq(ip.protocol, IP_PROTOCOL_TCP);
    ck_assert_uint_eq(ip_addr_v4(&ip.src), 0x0a470001);
    ck_assert_uint_eq(ip_addr_v4(&ip.dst), 0x0a470002);
}
END_TEST

START_TEST(ipv4_skips_options)
{
    uint8_t p[60] = { 0 };
    struct ip_packet ip;

    ipv4_make(p, 40);
    p[0] = 0x47;
    ipv4_fix_checksum(p);
    ck_assert_int_eq(ipv4_parse(p, sizeof(p), false, &ip), IP_PARSE_OK);
    ck_assert_uint_eq(ip.header_len, 28);
    ck_assert_uint_eq(ip.payload_len, 12);
}
END_TEST

START_TEST(ipv4_rejects_malformed_headers)
{
    static const struct {
        const char *what;
        unsigned at;
        uint8_t value;
        enum ip_parse_result result;
    } rows[] = {
        { "version 6", 0, 0x65, IP_PARSE_MALFORMED },
        { "version 0", 0, 0x05, IP_PARSE_MALFORMED },
        { "header of 16 bytes", 0, 0x44, IP_PARSE_MALFORMED },
        { "header longer than the packet", 0, 0x4f, IP_PARSE_MALFORMED },
        { "total length beyond the frame", 3, 61, IP_PARSE_MALFORMED },
        { "total length below the header", 3, 19, IP_PARSE_MALFORMED },
        { "more fragments", 6, 0x20, IP_PARSE_FRAGMENT },
        { "fragment offset", 7, 0x01, IP_PARSE_FRAGMENT },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t p[60] = { 0 };
        struct ip_packet ip;
        ipv4_make(p, 40);
        p[rows[i].at] = rows[i].value;
        ipv4_fix_checksum(p);
        ck_assert_msg(ipv4_parse(p, sizeof(p), false, &ip) == rows[i].result, "%s", rows[i].what);
    }
}
END_TEST

START_TEST(ipv4_checks_its_checksum_unless_the_port_did)
{
    uint8_t p[60] = { 0 };
    struct ip_packet ip;

    ipv4_make(p, 40);
    p[8]++;
    ck_assert_int_eq(ipv4_parse(p, sizeof(p), false, &ip), IP_PARSE_BAD_CHECKSUM);
    ck_assert_int_eq(ipv4_parse(p, sizeof(p), true, &ip), IP_PARSE_OK);
    for (size_t len = 0; len < 20; len++)
        ck_assert_int_eq(ipv4_parse(p, len, true, &ip), IP_PARSE_MALFORMED);
}
END_TEST

START_TEST(ipv4_checksum_is_that_of_the_header_as_written)
{
    struct prng prng = { .state = 11 };
    uint8_t p[IPV4_HEADER_BYTES];

    for (unsigned i = 0; i < 20000; i++) {
        struct ip_addr src = ip_addr_from_v4((uint32_t)prng_next(&prng));
        struct ip_addr dst = ip_addr_from_v4((uint32_t)prng_next(&prng));
        uint64_t fields = prng_next(&prng);
        ipv4_emit(p, &src, &dst, (uint8_t)fields, (uint8_t)(fields >> 8), (uint16_t)(fields >> 16),
                  false);
        ck_assert_uint_eq(checksum_bytes(p, sizeof(p)), 0xffff);
        ipv4_emit(p, &src, &dst, (uint8_t)fields, (uint8_t)(fields >> 8), (uint16_t)(fields >> 16),
                  true);
        ck_assert_uint_eq(get_be16(p + 10), 0);
    }
}
END_TEST

/* TCP. */

static struct ip_packet tcp_packet(const uint8_t *p, size_t len)
{
    return (struct ip_packet){ .src = ip_addr_from_v4(1),
                               .dst = ip_addr_from_v4(2),
                               .payload = p,
                               .payload_len = (uint32_t)len };
}

START_TEST(tcp_parses_what_it_emits)
{
    struct tcp_segment in = { .src_port = 80,
                              .dst_port = 40000,
                              .seq = 0xfffffff0,
                              .ack = 7,
                              .flags = TCP_SYN | TCP_ACK,
                              .window = 65535,
                              .has_mss = true,
                              .mss = 1460,
                              .has_window_scale = true,
                              .window_scale = 9,
                              .sack_permitted = true,
                              .has_timestamps = true,
                              .ts_value = 123,
                              .ts_echo = 456 };
    struct tcp_segment out;
    uint8_t p[TCP_HEADER_BYTES_MAX + 4];

    uint32_t len = tcp_segment_emit(p, &in);
    ck_assert_uint_eq(len % 4, 0);
    memset(p + len, 'x', 4);
    struct ip_packet ip = tcp_packet(p, len + 4);
    uint64_t sum = (uint64_t)ip_pseudo_sum(&ip.src, &ip.dst, IP_PROTOCOL_TCP) + len + 4 +
                   checksum_bytes(p, len + 4);
    tcp_checksum_put(p, (uint16_t)~checksum_fold(sum));
    ck_assert_int_eq(tcp_segment_parse(&ip, false, &out), TCP_PARSE_OK);
    ck_assert_uint_eq(out.seq, in.seq);
    ck_assert_uint_eq(out.ack, in.ack);
    ck_assert_uint_eq(out.flags, in.flags);
    ck_assert_uint_eq(out.mss, 1460);
    ck_assert_uint_eq(out.window_scale, 9);
    ck_assert(out.has_mss && out.has_window_scale && out.sack_permitted && out.has_timestamps);
    ck_assert_uint_eq(out.ts_value, 123);
    ck_assert_uint_eq(out.ts_echo, 456);
    ck_assert_uint_eq(out.payload_len, 4);
    ck_assert_uint_eq(tcp_segment_len(&out), 5);
    p[len] ^= 1;
    ck_assert_int_eq(tcp_segment_parse(&ip, false, &out), TCP_PARSE_BAD_CHECKSUM);
    ck_assert_int_eq(tcp_segment_parse(&ip, true, &out), TCP_PARSE_OK);
}
END_TEST

/* Of words as they stand (RFC 9293 section 3.1, RFC 8200 section 8.1), not what parsing and
 * emitting agree on. */
START_TEST(pseudo_header_sums_its_words)
{
    static const struct {
        const char *src, *dst;
        uint8_t protocol;
        uint16_t sum;
    } rows[] = {
        { "10.71.0.1", "10.71.0.2", 6, 0x1497 }, /* 0a47 + 0001 + 0a47 + 0002 + 6 */
        { "192.0.2.255", "198.51.100.7", 17, 0xed4b },
        { "2001:db8::1", "2001:db8::ff02", 58,
          0x5ab0 }, /* 2001 + db8 + 1 + 2001 + db8 + ff02 ... */
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip_addr src, dst;
        ck_assert(ip_addr_parse(rows[i].src, &src) && ip_addr_parse(rows[i].dst, &dst));
        ck_assert_uint_eq(ip_pseudo_sum(&src, &dst, rows[i].protocol) % 0xffff, rows[i].sum);
        ck_assert_uint_eq(checksum_fold(ip_pseudo_sum_wide(&src, &dst, rows[i].protocol)) % 0xffff,
                          rows[i].sum);
    }
}
END_TEST

START_TEST(tcp_renumbered_header_differs_by_its_numbers_sum)
{
    struct prng prng = { .state = 12 };
    uint8_t p[TCP_HEADER_BYTES_MAX];

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t number = prng_next(&prng), other = prng_next(&prng);
        struct tcp_segment seg = { .seq = (uint32_t)number,
                                   .ack = (uint32_t)prng_next(&prng),
                                   .flags = (uint8_t)(number >> 32) & (uint8_t)~TCP_SYN,
                                   .window = (uint16_t)prng_next(&prng),
                                   .has_timestamps = i % 2 != 0,
                                   .ts_value = (uint32_t)prng_next(&prng) };
        uint32_t len = tcp_segment_emit(p, &seg);
        uint64_t sum = tcp_segment_common_sum(p, len);
        tcp_segment_renumber(p, (uint32_t)other, (uint8_t)(other >> 32));
        sum += tcp_segment_number_sum((uint32_t)other, (uint8_t)(other >> 32));
        ck_assert_uint_eq(checksum_fold(sum) % 0xffff, checksum_bytes(p, len) % 0xffff);
    }
}
END_TEST

START_TEST(tcp_emits_as_many_sack_blocks_as_fit)
{
    struct tcp_segment in = { .flags = TCP_ACK, .sack_count = 4 }, out;
    uint8_t p[TCP_HEADER_BYTES_MAX];

    for (unsigned i = 0; i < 4; i++)
        in.sack[i] = (struct sack_block){ 100 * i, 100 * i + 50 };
    uint32_t len = tcp_segment_emit(p, &in);
    struct ip_packet ip = tcp_packet(p, len);
    ck_assert_int_eq(tcp_segment_parse(&ip, true, &out), TCP_PARSE_OK);
    ck_assert_uint_eq(out.sack_count, 4);
    ck_assert_uint_eq(out.sack[3].start, 300);
    in.has_timestamps = true;
    len = tcp_segment_emit(p, &in);
    ck_assert_uint_le(len, TCP_HEADER_BYTES_MAX);
    ip = tcp_packet(p, len);
    ck_assert_int_eq(tcp_segment_parse(&ip, true, &out), TCP_PARSE_OK);
    ck_assert_uint_eq(out.sack_count, 3);
}
END_TEST

/* One row: option bytes, and what becomes of the segment. */
START_TEST(tcp_options_of_every_bad_kind)
{
    static const struct {
        const char *what;
        uint8_t option[12];
        enum tcp_parse_result result;
        bool has_mss;
    } rows[] = {
        { "none", { 0 }, TCP_PARSE_OK, false },
        { "length 0", { 2, 0, 5, 180 }, TCP_PARSE_MALFORMED, false },
        { "length 1", { 2, 1, 5, 180 }, TCP_PARSE_MALFORMED, false },
        { "unknown of length 0", { 254, 0 }, TCP_PARSE_MALFORMED, false },
        { "length beyond the header", { 2, 40, 5, 180 }, TCP_PARSE_MALFORMED, false },
        { "kind in the last byte",
          { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2 },
          TCP_PARSE_MALFORMED,
          false },
        { "MSS", { 2, 4, 5, 180 }, TCP_PARSE_OK, true },
        { "MSS of wrong length", { 2, 3, 5, 0 }, TCP_PARSE_OK, false },
        { "MSS behind the end", { 0, 2, 4, 5, 180 }, TCP_PARSE_OK, false },
        { "MSS behind an unknown one", { 30, 4, 9, 9, 2, 4, 5, 180 }, TCP_PARSE_OK, true },
        { "SACK of odd length", { 5, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, TCP_PARSE_OK, false },
        { "timestamps of wrong length", { 8, 8, 0, 0, 0, 0, 0, 0 }, TCP_PARSE_OK, false },
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t p[32] = { 0 };
        struct tcp_segment seg;
        p[12] = 8 << 4;
        memcpy(p + 20, rows[i].option, 12);
        struct ip_packet ip = tcp_packet(p, sizeof(p));
        ck_assert_msg(tcp_segment_parse(&ip, true, &seg) == rows[i].result, "%s", rows[i].what);
        if (rows[i].result == TCP_PARSE_OK) {
            ck_assert_msg(seg.has_mss == rows[i].has_mss, "%s", rows[i].what);
            ck_assert(!seg.has_timestamps);
            ck_assert_uint_eq(seg.sack_count, 0);
        }
    }
}
END_TEST

START_TEST(tcp_rejects_bad_header_lengths)
{
    uint8_t p[20] = { 0 };
    struct tcp_segment seg;
    struct ip_packet ip = tcp_packet(p, sizeof(p));

    for (unsigned words = 0; words < 16; words++) {
        p[12] = (uint8_t)(words << 4);
        ck_assert_int_eq(tcp_segment_parse(&ip, true, &seg),
                         words == 5 ? TCP_PARSE_OK : TCP_PARSE_MALFORMED);
    }
    ip.payload_len = 19;
    p[12] = 5 << 4;
    ck_assert_int_eq(tcp_segment_parse(&ip, true, &seg), TCP_PARSE_MALFORMED);
}
END_TEST

START_TEST(tcp_survives_random_headers)
{
    struct prng r = { 4 };

    for (int round = 0; round < 200000; round++) {
        uint8_t p[64];
        struct tcp_segment seg;
        size_t len = prng_below(&r, sizeof(p) + 1);
        for (size_t i = 0; i < sizeof(p); i += 8) {
            uint64_t word = prng_next(&r);
            memcpy(p + i, &word, 8);
        }
        struct ip_packet ip = tcp_packet(p, len);
        if (tcp_segment_parse(&ip, true, &seg) == TCP_PARSE_OK &&
            seg.payload + seg.payload_len != p + len)
            ck_abort_msg("payload outside the packet");
    }
}
END_TEST

Suite *wire_suite(void)
{
    Suite *suite = suite_create("wire");
    TCase *t = tcase_create("wire");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, ip_addresses_parse_and_format);
    tcase_add_test(t, ip_nets_compare_prefix_bits);
    tcase_add_test(t, arp_emits_what_it_parses);
    tcase_add_test(t, arp_rejects_every_other_kind);
    tcase_add_test(t, ipv4_parses_what_it_emits_and_cuts_padding);
    tcase_add_test(t, ipv4_skips_options);
    tcase_add_test(t, ipv4_rejects_malformed_headers);
    tcase_add_test(t, ipv4_checks_its_checksum_unless_the_port_did);
    tcase_add_test(t, ipv4_checksum_is_that_of_the_header_as_written);
    tcase_add_test(t, tcp_parses_what_it_emits);
    tcase_add_test(t, pseudo_header_sums_its_words);
    tcase_add_test(t, tcp_renumbered_header_differs_by_its_numbers_sum);
    tcase_add_test(t, tcp_emits_as_many_sack_blocks_as_fit);
    tcase_add_test(t, tcp_options_of_every_bad_kind);
    tcase_add_test(t, tcp_rejects_bad_header_lengths);
    tcase_add_test(t, tcp_survives_random_headers);
    suite_add_tcase(suite, t);
    return suite;
}
