/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef UNIT_CORE_SUITES_H
#define UNIT_CORE_SUITES_H

#include <check.h>

Suite *base_suite(void);
Suite *wire_suite(void);
Suite *tables_suite(void);
Suite *acks_suite(void);
Suite *cc_suite(void);
Suite *bbr_suite(void);
Suite *tcp_send_suite(void);
Suite *tcp_receive_suite(void);
Suite *recovery_suite(void);
Suite *tcp_undo_suite(void);
Suite *tcp_hostile_suite(void);
Suite *tcp_opening_suite(void);
Suite *tcp_closing_suite(void);
Suite *tcp_connect_suite(void);
Suite *clauses_suite(void);
Suite *mld_suite(void);
Suite *tcp_ecn_suite(void);
Suite *tcp_mtu_suite(void);
Suite *ipv6_wire_suite(void);
Suite *ipv6_suite(void);
Suite *service_suite(void);
Suite *shared_suite(void);

#endif
