/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/ipv4.h"

#include "base/bytes.h"
#include "base/checksum.h"

enum {
    IPV4_DONT_FRAGMENT = 0x4000,
    IPV4_TTL = 64,
};

enum ip_parse_result ipv4_parse(const uint8_t *p, size_t len, bool checksum_good,
                                struct ip_packet *ip)
{
    if (len < IPV4_HEADER_BYTES || p[0] >> 4 != 4)
        return IP_PARSE_MALFORMED;

    uint32_t header_len = (p[0] & 0xfu) * 4;
    uint32_t total_len = get_be16(p + 2);
    if (header_len < IPV4_HEADER_BYTES || total_len < header_len || total_len > len)
        return IP_PARSE_MALFORMED;
    /* A header that includes its own checksum sums to 0xffff. */
    if (!checksum_good &&
        checksum_fold(checksum_native_usual(p, header_len, IPV4_HEADER_BYTES)) != 0xffff)
        return IP_PARSE_BAD_CHECKSUM;
    if ((get_be16(p + 6) & IPV4_FRAGMENT) != 0)
        return IP_PARSE_FRAGMENT;

    *ip = (struct ip_packet){
        .src = ip_addr_from_v4(get_be32(p + 12)),
        .dst = ip_addr_from_v4(get_be32(p + 16)),
        .header = p,
        .payload = p + header_len,
        .header_len = header_len,
        .payload_len = total_len - header_len,
        .protocol_at = 9,
        .protocol = p[9],
        .traffic_class = p[1],
        .ttl = p[8],
    };
    return IP_PARSE_OK;
}

void ipv4_emit(uint8_t *p, const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
               uint8_t traffic_class, uint32_t total_len, bool checksum_offload)
{
    p[0] = 0x45;
    p[1] = traffic_class;
    put_be16(p + 2, (uint16_t)total_len);
    put_be16(p + 4, 0);
    put_be16(p + 6, IPV4_DONT_FRAGMENT);
    p[8] = IPV4_TTL;
    p[9] = protocol;
    memcpy(p + 12, &src->b[12], 4);
    memcpy(p + 16, &dst->b[12], 4);
    uint16_t checksum = 0;
    if (!checksum_offload) /* from what was written, word by word: reading it back would wait */
        checksum = (uint16_t)~checksum_fold(UINT64_C(0x4500) + traffic_class + (uint16_t)total_len +
                                            IPV4_DONT_FRAGMENT + (IPV4_TTL << 8) + protocol +
                                            ip_addr_v4(src) + ip_addr_v4(dst));
    put_be16(p + 10, checksum);
}

uint16_t ip_pseudo_sum(const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol)
{
    return checksum_fold(ip_pseudo_sum_wide(src, dst, protocol));
}
