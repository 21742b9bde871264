/* SPDX-License-Identifier: BSD-3-Clause */
/* The suites of this folder; three programs run them: core, disk, pool. */
#ifndef TESTS_UNIT_MEMPOOL_SUITES_H
#define TESTS_UNIT_MEMPOOL_SUITES_H

#include <check.h>

#define EXIT_SKIPPED 77

Suite *prefix_sum_suite(void);
Suite *file_suite(void);
Suite *path_hash_suite(void);
Suite *catalogue_suite(void);
Suite *etag_suite(void);
Suite *extent_map_suite(void);
Suite *versions_suite(void);
Suite *s3fifo_suite(void);
Suite *chunk_cache_suite(void);

Suite *log_suite(void);
Suite *types_suite(void);
Suite *arena_plan_suite(void);
Suite *arena_suite(void);
Suite *scan_suite(void);
Suite *scopes_suite(void);
Suite *pool_index_suite(void);
Suite *keeper_suite(void);
Suite *listing_page_suite(void);
Suite *loader_suite(void);
Suite *residency_suite(void);
Suite *streamer_suite(void);
Suite *stream_threads_suite(void);

#endif
