/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/residency.h"
#include "suites.h"

START_TEST(the_smallest_lie_in_the_pool)
{
    struct residency files[] = { { 50, false }, { 10, false }, { 30, false }, { 20, false } };

    ck_assert_uint_eq(residency_choose(files, 4, 65), 60);
    ck_assert(!files[0].resident && files[1].resident && files[2].resident && files[3].resident);
}
END_TEST

START_TEST(pinned_ones_come_first)
{
    struct residency files[] = { { 50, true }, { 10, false }, { 30, false }, { 20, false } };

    ck_assert_uint_eq(residency_choose(files, 4, 65), 60);
    ck_assert(files[0].resident && files[1].resident && !files[2].resident && !files[3].resident);
}
END_TEST

START_TEST(pinned_ones_that_do_not_fit_are_told)
{
    struct residency files[] = { { 50, true }, { 10, false }, { 30, true } };

    ck_assert_uint_eq(residency_choose(files, 3, 65), 80);
}
END_TEST

START_TEST(patterns)
{
    static const struct {
        const char *patterns, *path;
        bool pinned;
    } rows[] = {
        { "*.html", "index.html", true },
        { "*.html", "a/b/index.html", true },
        { "css/*,*.js", "css/x.css", true },
        { "css/*,*.js", "a/x.js", true },
        { "css/*,*.js", "x.css", false },
        { "", "x", false },
        { "[ab]?", "b7", true },
        { "a.*", "b/a.txt", false },
    };

    ck_assert(!residency_is_pinned(NULL, "x"));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_msg(residency_is_pinned(rows[i].patterns, rows[i].path) == rows[i].pinned,
                      "row %u", i);
}
END_TEST

Suite *residency_suite(void)
{
    Suite *suite = suite_create("residency");
    TCase *tc = tcase_create("residency");

    tcase_add_test(tc, the_smallest_lie_in_the_pool);
    tcase_add_test(tc, pinned_ones_come_first);
    tcase_add_test(tc, pinned_ones_that_do_not_fit_are_told);
    tcase_add_test(tc, patterns);
    suite_add_tcase(suite, tc);
    return suite;
}
