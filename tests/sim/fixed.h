/* SPDX-License-Identifier: BSD-3-Clause */
/* The fixed scenarios of all files; fixed.c lists them. */
#ifndef SIM_FIXED_H
#define SIM_FIXED_H

#include "scenario.h"

/* The client most scenarios have: one file, then FIN. */
struct client_config *one_client(struct scenario *s, uint64_t bytes);

/* fixed_mtu.c */
void bbr_loss(struct scenario *s);
void bbr_small_queue(struct scenario *s);
void bbr_pauses(struct scenario *s);
void black_hole(struct scenario *s);
void black_hole_midway(struct scenario *s);
void black_hole_upward(struct scenario *s);
void black_hole_narrow(struct scenario *s);
void black_hole_loss(struct scenario *s);
void black_hole_jumbo(struct scenario *s);
void black_hole_no_sack(struct scenario *s);
void black_hole_healed(struct scenario *s);

/* fixed_ecn.c */
void ecn_queue(struct scenario *s);
void ecn_random(struct scenario *s);
void ecn_all(struct scenario *s);
void ecn_and_loss(struct scenario *s);
void ecn_upload(struct scenario *s);

/* fixed_ipv6.c */
void ipv6(struct scenario *s);
void ipv6_unknown_neighbours(struct scenario *s);
void ipv6_no_options(struct scenario *s);
void ipv6_damaged(struct scenario *s);
void dual_stack(struct scenario *s);
void vlan(struct scenario *s);
/* fixed_own.c */
void own_client(struct scenario *s);
void own_client_loss(struct scenario *s);
void own_client_upload(struct scenario *s);
void own_client_ends(struct scenario *s);
void own_client_black_hole(struct scenario *s);
void simultaneous_open(struct scenario *s);
void simultaneous_open_loss(struct scenario *s);

#endif
