/* SPDX-License-Identifier: BSD-3-Clause */
/* The suites of test_http, one per file. */
#ifndef TEST_HTTP_SUITES_H
#define TEST_HTTP_SUITES_H

#include <check.h>

Suite *parts_suite(void);    /* test_http_parts.c: dates, ranges, paths, heads, request lines */
Suite *plain_suite(void);    /* test_http_plain.c: heads in the usual form, beside llhttp */
Suite *requests_suite(void); /* test_http_requests.c: a request, its answer */
Suite *stream_suite(void);   /* test_http_stream.c: cuts of input and output, payload accounting */
Suite *limits_suite(void);   /* test_http_limits.c: timeouts, pools, closing */
Suite *log_suite(void);      /* test_http_log.c: records for the access log */
Suite *bodies_suite(void);   /* test_http_bodies.c: how far bodies of requests are read */
Suite *site_names_suite(void); /* test_http_site_names.c: by host and port */
Suite *sites_suite(void);      /* test_http_sites.c: several sites and what is particular to each */
Suite *streamed_suite(void); /* test_http_streamed.c: files that come through the cache of chunks */
Suite *streamed_parts_suite(void); /* test_http_streamed_parts.c: several ranges of such a file */

#endif
