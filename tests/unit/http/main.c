/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(parts_suite());

    srunner_add_suite(runner, plain_suite());
    srunner_add_suite(runner, requests_suite());
    srunner_add_suite(runner, stream_suite());
    srunner_add_suite(runner, limits_suite());
    srunner_add_suite(runner, bodies_suite());
    srunner_add_suite(runner, log_suite());
    srunner_add_suite(runner, site_names_suite());
    srunner_add_suite(runner, sites_suite());
    srunner_add_suite(runner, streamed_suite());
    srunner_add_suite(runner, streamed_parts_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
