/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "docroot.h"
#include "mempool/types.h"
#include "suites.h"

static struct docroot root;

static void setup(void)
{
    docroot_create(&root);
}

static void teardown(void)
{
    docroot_remove(&root);
}

static struct types *types_from(const char *text)
{
    FILE *file = fopen(docroot_path(&root, "mime.types"), "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    return types_load(docroot_path(&root, "mime.types"), &root.log);
}

static const struct {
    const char *path, *type;
} cases[] = {
    { "a.html", "text/html" },
    { "a.HTM", "text/html" },
    { "x/y.d/a.b.html", "text/html" },
    { "a.d.html/readme", TYPES_DEFAULT },
    { "readme", TYPES_DEFAULT },
    { "", TYPES_DEFAULT },
    { "a.", TYPES_DEFAULT },
    { ".html", "text/html" }, /* as nginx has it */
    { "a.tar.gz", "application/gzip" },
    { "a.commented", TYPES_DEFAULT },
    { "a.twice", "first/type" },
    { "a.last", "without/newline" },
    { "a.bad", TYPES_DEFAULT },
    { "a.crlf", "with/crlf" },
};

START_TEST(type_of_path)
{
    struct types *types = types_from("# comment\n"
                                     "text/html\t\t\t\thtml htm shtml\n"
                                     "\n"
                                     "no/extension\n"
                                     "application/gzip gz # commented\n"
                                     "first/type twice\n"
                                     "second/type twice\n"
                                     "bad bad\n"
                                     "bad/ bad\n"
                                     "b\x01/d bad\n"
                                     "with/crlf crlf\r\n"
                                     "without/newline last");

    ck_assert_ptr_nonnull(types);
    ck_assert_str_eq(types_find(types, cases[_i].path), cases[_i].type);
    ck_assert_str_eq(root.said, "");
    types_destroy(types);
}
END_TEST

START_TEST(empty_file_knows_nothing)
{
    struct types *types = types_from("");

    ck_assert_str_eq(types_find(types, "a.html"), TYPES_DEFAULT);
    types_destroy(types);
    types_destroy(NULL);
}
END_TEST

START_TEST(missing_file_is_said_and_replaced_by_common_types)
{
    struct types *types = types_load("/nonexistent/mime.types", &root.log);

    ck_assert(docroot_said(&root, "warning: media types: cannot read /nonexistent/mime.types: No "
                                  "such file"));
    ck_assert_str_eq(types_find(types, "a.html"), "text/html");
    ck_assert_str_eq(types_find(types, "a.zip"), "application/zip");
    ck_assert_str_eq(types_find(types, "a.css"), "text/css");
    types_destroy(types);
}
END_TEST

START_TEST(directory_instead_of_a_file_is_said)
{
    struct types *types = types_load(root.path, &root.log);

    ck_assert(docroot_said(&root, "Is a directory"));
    ck_assert_str_eq(types_find(types, "a.png"), "image/png");
    types_destroy(types);
}
END_TEST

Suite *types_suite(void)
{
    Suite *suite = suite_create("media types");
    TCase *tcase = tcase_create("types");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, type_of_path, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tcase, empty_file_knows_nothing);
    tcase_add_test(tcase, missing_file_is_said_and_replaced_by_common_types);
    tcase_add_test(tcase, directory_instead_of_a_file_is_said);
    suite_add_tcase(suite, tcase);
    return suite;
}
