/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP for IPv4 (RFC 792, RFC 1191). */
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

#endif
