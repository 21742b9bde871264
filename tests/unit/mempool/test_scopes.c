/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "mempool/scopes.h"
#include "suites.h"

static struct scopes scopes;

static void teardown(void)
{
    scopes_destroy(&scopes);
}

START_TEST(a_path_is_looked_at_once_with_all_that_is_known_of_it)
{
    scopes_add(&scopes, "b", false, 3);
    scopes_add(&scopes, "a", false, 0);
    scopes_add(&scopes, "b", true, 1);
    scopes_sort(&scopes);
    ck_assert_uint_eq(scopes.count, 2);
    ck_assert_str_eq(scopes.list[1].path, "b");
    ck_assert(scopes.list[1].complete);
    ck_assert_uint_eq(scopes.list[1].tries, 1);
    ck_assert_ptr_eq(scopes_find(&scopes, "b"), &scopes.list[1]);
    ck_assert_ptr_null(scopes_find(&scopes, "c"));
}
END_TEST

START_TEST(what_is_below_a_directory_is_looked_at_with_it)
{
    static const char *const paths[] = { "d.txt", "d/x", "d", "d/x/y", "d!", "e", "d\x01", "c/d" };
    static const char *const tops[] = { "c/d", "d", "d\x01", "d!", "d.txt", "e" };
    unsigned n = 0;

    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        scopes_add(&scopes, paths[i], false, 0);
    scopes_sort(&scopes);
    for (size_t i = 0; i < scopes.count; i = scopes_next(&scopes, i))
        ck_assert_str_eq(scopes.list[i].path, tops[n++]);
    ck_assert_uint_eq(n, sizeof(tops) / sizeof(tops[0]));
    for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        ck_assert_str_eq(scopes_find(&scopes, paths[i])->path, paths[i]);
}
END_TEST

START_TEST(too_many_are_all)
{
    char path[16];

    for (unsigned i = 0; i <= SCOPES_MAX; i++) {
        ck_assert(!scopes.all);
        snprintf(path, sizeof(path), "%u", i);
        scopes_add(&scopes, path, false, 0);
    }
    ck_assert(scopes.all);
    ck_assert_uint_eq(scopes.count, 0);
    scopes_add(&scopes, "a", false, 0);
    ck_assert_uint_eq(scopes.count, 0);
    ck_assert(!scopes_empty(&scopes));
    scopes_clear(&scopes);
    ck_assert(scopes_empty(&scopes));
    scopes_add(&scopes, "", false, 0);
    ck_assert(scopes.all);
}
END_TEST

START_TEST(within_is_by_components)
{
    ck_assert(path_is_within("a/b", ""));
    ck_assert(path_is_within("a/b", "a"));
    ck_assert(path_is_within("a/b", "a/b"));
    ck_assert(!path_is_within("ab", "a"));
    ck_assert(!path_is_within("a", "a/b"));
}
END_TEST

Suite *scopes_suite(void)
{
    Suite *suite = suite_create("scopes");
    TCase *tcase = tcase_create("scopes");

    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, a_path_is_looked_at_once_with_all_that_is_known_of_it);
    tcase_add_test(tcase, what_is_below_a_directory_is_looked_at_with_it);
    tcase_add_test(tcase, too_many_are_all);
    tcase_add_test(tcase, within_is_by_components);
    suite_add_tcase(suite, tcase);
    return suite;
}
