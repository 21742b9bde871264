/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP for IPv4 (RFC 792, RFC 1191) and IPv6 (RFC 4443). */
#ifndef WIRE_ICMP_H
#define WIRE_ICMP_H

#define ICMP_HEADER_BYTES 8

enum {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_ECHO_REQUEST = 8,
};

/* Codes of ICMP_UNREACHABLE. */
enum {
    ICMP_UNREACHABLE_PROTOCOL = 2,
    ICMP_UNREACHABLE_PORT = 3,
    ICMP_FRAGMENTATION_NEEDED = 4, /* bytes 6..7: next-hop MTU, RFC 1191 section 4 */
};

enum {
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_PACKET_TOO_BIG = 2, /* bytes 4..7: MTU */
    ICMPV6_PARAMETER_PROBLEM = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    ICMPV6_MLD_QUERY = 130,   /* RFC 3810 section 5.1 */
    ICMPV6_MLD2_REPORT = 143, /* section 5.2 */
};

enum {
    ICMPV6_UNREACHABLE_PROHIBITED = 1, /* of ICMPV6_UNREACHABLE */
    ICMPV6_UNREACHABLE_PORT = 4,       /* of ICMPV6_UNREACHABLE */
    ICMPV6_NEXT_HEADER = 1, /* of ICMPV6_PARAMETER_PROBLEM; bytes 4..7: where it stands */
};

#endif
