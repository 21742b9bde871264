/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses. An IP address is always 16 bytes; IPv4 addresses are IPv4-mapped (::ffff:a.b.c.d,
 * RFC 4291 section 2.5.5.2), so that every table has one kind of key.
 */
#ifndef WIRE_ADDR_H
#define WIRE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mac_addr {
    uint8_t b[6];
};

struct ip_addr {
    union {
        uint8_t b[16]; /* network byte order */
        uint64_t u64[2];
    };
};

/* Bytes 8 to 11 of an IPv4 address: 0, 0, 0xff, 0xff. */
#define IP_ADDR_V4_MAPPED 0xffff0000u

/* Room for the text of any address, "[", "]" and the final NUL included. */
#define IP_ADDR_TEXT_BYTES 48

static inline bool mac_addr_equal(const struct mac_addr *a, const struct mac_addr *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool mac_addr_is_multicast(const struct mac_addr *a)
{
    return (a->b[0] & 1) != 0;
}

static inline bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->u64[0] == b->u64[0] && a->u64[1] == b->u64[1];
}

static inline bool ip_addr_is_v4(const struct ip_addr *a)
{
    return a->u64[0] == 0 && (uint32_t)a->u64[1] == IP_ADDR_V4_MAPPED;
}

/* From and to a host-order IPv4 address. */
static inline struct ip_addr ip_addr_from_v4(uint32_t v4)
{
    return (struct ip_addr){
        .u64 = { 0, (uint64_t)__builtin_bswap32(v4) << 32 | IP_ADDR_V4_MAPPED },
    };
}

static inline uint32_t ip_addr_v4(const struct ip_addr *a)
{
    return __builtin_bswap32((uint32_t)(a->u64[1] >> 32));
}

/* All bytes 0: no address given. */
static inline bool ip_addr_is_none(const struct ip_addr *a)
{
    return a->u64[0] == 0 && a->u64[1] == 0;
}

/* Writes the address's text; returns text. */
const char *ip_addr_format(const struct ip_addr *a, char text[IP_ADDR_TEXT_BYTES]);

/* Parses "a.b.c.d" (or an IPv6 address). False if the text is no address. */
bool ip_addr_parse(const char *text, struct ip_addr *a);

/* Whether a and b agree in their first prefix bits (of 32 for IPv4, of 128 for IPv6). */
bool ip_addr_same_net(const struct ip_addr *a, const struct ip_addr *b, unsigned prefix);

#endif
