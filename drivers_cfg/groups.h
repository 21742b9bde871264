/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Multicast for ports that are an interface of the kernel's (af_packet, af_xdp): their drivers have
 * no function for it, and the NIC below filters. IPv6 neighbours ask by multicast (RFC 4861 section
 * 7.2.2), so without it nobody finds us but by luck.
 */
#ifndef DRIVERS_CFG_GROUPS_H
#define DRIVERS_CFG_GROUPS_H

/* Has the interface take frames for all groups until the result is closed, by us or by the
 * process's end. -1: the kernel does not. */
int groups_take_all(const char *interface);

#endif
