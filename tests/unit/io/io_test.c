/* SPDX-License-Identifier: BSD-3-Clause */
#include "io_test.h"

#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>

/* An environment that leaves nothing and needs nothing: heap memory, no devices, no files. */
static void eal_start(void)
{
    static char text[][20] = { "io_test",           "--no-huge", "--no-shconf", "--no-pci",
                               "--no-telemetry",    "-m",        "64",          "--iova-mode=va",
                               "--log-level=error", "--lcores=0" };
    static char *args[sizeof(text) / sizeof(text[0]) + 1];
    int count = sizeof(text) / sizeof(text[0]);

    for (int i = 0; i < count; i++)
        args[i] = text[i];
    if (rte_eal_init(count, args) < 0) {
        fprintf(stderr, "io_test: DPDK does not start\n");
        exit(EXIT_FAILURE);
    }
}

int main(void)
{
    Suite *suite = suite_create("io");
    SRunner *runner = srunner_create(suite);

    eal_start();
    suite_add_tcase(suite, device_case());
    suite_add_tcase(suite, port_case());
    suite_add_tcase(suite, rss_case());
    suite_add_tcase(suite, rx_case());
    suite_add_tcase(suite, steer_case());
    suite_add_tcase(suite, strays_case());
    suite_add_tcase(suite, tap_case());
    suite_add_tcase(suite, tx_case());
    srunner_set_fork_status(runner, CK_NOFORK); /* EAL does not survive a fork */
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    rte_eal_cleanup();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
