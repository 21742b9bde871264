/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(prefix_sum_suite());

    srunner_add_suite(runner, etag_suite());
    srunner_add_suite(runner, file_suite());
    srunner_add_suite(runner, path_hash_suite());
    srunner_add_suite(runner, catalogue_suite());
    srunner_add_suite(runner, versions_suite());
    srunner_add_suite(runner, extent_map_suite());
    srunner_add_suite(runner, s3fifo_suite());
    srunner_add_suite(runner, chunk_cache_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
