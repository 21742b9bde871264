/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour Discovery (RFC 4861): ICMPv6 messages about the link. */
#ifndef WIRE_NDP_H
#define WIRE_NDP_H

#include "wire/ipv6.h"

/* Prefixes of one router advertisement that are looked at. */
#define NDP_PREFIXES_MAX 8

enum {
    NDP_ROUTER_SOLICITATION = 133,
    NDP_ROUTER_ADVERTISEMENT = 134,
    NDP_NEIGHBOUR_SOLICITATION = 135,
    NDP_NEIGHBOUR_ADVERTISEMENT = 136,
    NDP_REDIRECT = 137,
};

#define NDP_HOP_LIMIT 255 /* no router has forwarded it */

/* Of a neighbour advertisement, first byte behind the checksum. */
enum {
    NDP_FLAG_ROUTER = 0x80,
    NDP_FLAG_SOLICITED = 0x40,
    NDP_FLAG_OVERRIDE = 0x20,
};

struct ndp_prefix {
    struct ip_addr prefix;
    uint8_t len;
    bool on_link, autonomous;
    uint32_t valid_s, preferred_s; /* UINT32_MAX: for ever */
};

struct ndp_message {
    uint8_t type;
    uint8_t flags; /* of a neighbour advertisement */
    bool has_mac;  /* option: source's (solicitations, router) or target's */
    struct mac_addr mac;
    struct ip_addr target; /* of neighbour messages */

    /* Router advertisements. */
    uint16_t router_lifetime_s; /* 0: not a default router */
    uint32_t mtu;               /* of the link; 0: not said */
    uint32_t prefix_count;
    struct ndp_prefix prefix[NDP_PREFIXES_MAX];
};

/* Whether an ICMPv6 type is one of these. */
static inline bool ndp_is_type(uint8_t type)
{
    return type >= NDP_ROUTER_SOLICITATION && type <= NDP_REDIRECT;
}

/*
 * False: a message that RFC 4861 sections 6.1 and 7.1 have dropped silently. ip's payload is the
 * ICMPv6 message, its checksum verified.
 */
bool ndp_parse(const struct ip_packet *ip, struct ndp_message *message);

/* Room for any message below. */
#define NDP_BYTES_MAX 32

/*
 * Writes a solicitation or a neighbour advertisement, checksum 0: type, flags, target (not for
 * router solicitations) and mac (NULL: no such option). Returns its length.
 */
uint32_t ndp_emit(uint8_t *p, uint8_t type, uint8_t flags, const struct ip_addr *target,
                  const struct mac_addr *mac);

#endif
