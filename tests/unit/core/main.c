/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(base_suite());

    srunner_add_suite(runner, wire_suite());
    srunner_add_suite(runner, tables_suite());
    srunner_add_suite(runner, cc_suite());
    srunner_add_suite(runner, acks_suite());
    srunner_add_suite(runner, bbr_suite());
    srunner_add_suite(runner, tcp_send_suite());
    srunner_add_suite(runner, tcp_receive_suite());
    srunner_add_suite(runner, recovery_suite());
    srunner_add_suite(runner, tcp_undo_suite());
    srunner_add_suite(runner, tcp_hostile_suite());
    srunner_add_suite(runner, tcp_opening_suite());
    srunner_add_suite(runner, tcp_closing_suite());
    srunner_add_suite(runner, tcp_connect_suite());
    srunner_add_suite(runner, clauses_suite());
    srunner_add_suite(runner, mld_suite());
    srunner_add_suite(runner, tcp_ecn_suite());
    srunner_add_suite(runner, tcp_mtu_suite());
    srunner_add_suite(runner, ipv6_wire_suite());
    srunner_add_suite(runner, ipv6_suite());
    srunner_add_suite(runner, service_suite());
    srunner_add_suite(runner, shared_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
