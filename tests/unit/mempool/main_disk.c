/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(log_suite());

    srunner_add_suite(runner, types_suite());
    srunner_add_suite(runner, arena_plan_suite());
    srunner_add_suite(runner, arena_suite());
    srunner_add_suite(runner, scan_suite());
    srunner_add_suite(runner, scopes_suite());
    srunner_add_suite(runner, pool_index_suite());
    srunner_add_suite(runner, keeper_suite());
    srunner_add_suite(runner, listing_page_suite());
    srunner_add_suite(runner, loader_suite());
    srunner_add_suite(runner, residency_suite());
    srunner_add_suite(runner, streamer_suite());
    srunner_add_suite(runner, stream_threads_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
