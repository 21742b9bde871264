/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "docroot.h"
#include "mempool/log.h"
#include "suites.h"

START_TEST(paths_are_shown_without_control_characters)
{
    char text[POOL_PATH_TEXT_BYTES];

    ck_assert_str_eq(pool_path_text("", text), "");
    ck_assert_str_eq(pool_path_text("gr\xc3\xbc n/a%20.html", text), "gr\xc3\xbc n/a%20.html");
    ck_assert_str_eq(pool_path_text("a\n\x1b[31mb\\c\x7f", text), "a\\x0a\\x1b[31mb\\x5cc\\x7f");
}
END_TEST

START_TEST(long_paths_keep_both_ends)
{
    char path[5000], text[POOL_PATH_TEXT_BYTES];

    for (size_t len = 0; len < sizeof(path); len++) {
        memset(path, _i == 0 ? 'x' : '\n', len);
        if (len > 2) {
            path[0] = 'a';
            path[len - 1] = 'z';
        }
        path[len] = '\0';
        pool_path_text(path, text);
        ck_assert_uint_lt(strlen(text), sizeof(text));
        if (len > 2) {
            ck_assert_int_eq(text[0], 'a');
            ck_assert_int_eq(text[strlen(text) - 1], 'z');
        }
        if (len > sizeof(text))
            ck_assert_ptr_nonnull(strstr(text, "..."));
    }
}
END_TEST

START_TEST(sizes)
{
    char text[POOL_SIZE_TEXT_BYTES];

    ck_assert_str_eq(pool_size_text(0, text), "0 bytes");
    ck_assert_str_eq(pool_size_text(1023, text), "1023 bytes");
    ck_assert_str_eq(pool_size_text(1536, text), "1.5 KiB");
    ck_assert_str_eq(pool_size_text(UINT64_C(3) << 30, text), "3.0 GiB");
    ck_assert_str_eq(pool_size_text(UINT64_MAX, text), "16.0 EiB");
}
END_TEST

START_TEST(warnings_are_shown_up_to_a_number_and_then_counted)
{
    static struct docroot said;

    said.log = (struct pool_log){ .line = docroot_log, .ctx = &said };
    for (unsigned i = 0; i < POOL_LOG_WARNINGS_SHOWN + 7; i++)
        pool_log_warning(&said.log, "number %u", i);
    pool_log_summary(&said.log);
    ck_assert_uint_eq(docroot_said_count(&said, "number"), POOL_LOG_WARNINGS_SHOWN);
    ck_assert(docroot_said(&said, "7 more warnings"));
}
END_TEST

Suite *log_suite(void)
{
    Suite *suite = suite_create("pool log");
    TCase *tcase = tcase_create("log");

    tcase_add_test(tcase, paths_are_shown_without_control_characters);
    tcase_add_loop_test(tcase, long_paths_keep_both_ends, 0, 2);
    tcase_add_test(tcase, sizes);
    tcase_add_test(tcase, warnings_are_shown_up_to_a_number_and_then_counted);
    suite_add_tcase(suite, tcase);
    return suite;
}
