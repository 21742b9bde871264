/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "mempool/catalogue.h"
#include "suites.h"

#define MANY 100000u

static struct file *add(struct catalogue *c, const char *path)
{
    return catalogue_add_file(c, path, strlen(path), 5, 1700000000, 123456789, "text/html");
}

static struct catalogue_entry find(const struct catalogue *c, const char *path)
{
    return catalogue_find(c, path, strlen(path));
}

/* ---- looking up ---- */

START_TEST(empty_catalogue_has_nothing)
{
    struct catalogue *c = catalogue_create(0, 0);

    ck_assert_int_eq(find(c, "").kind, CATALOGUE_ABSENT);
    ck_assert_int_eq(find(c, "a").kind, CATALOGUE_ABSENT);
    ck_assert_uint_eq(catalogue_files(c), 0);
    ck_assert_ptr_null(add(c, "a"));
    ck_assert_int_eq(catalogue_add_directory(c, "", 0), -1);
    catalogue_destroy(c);
    catalogue_destroy(NULL);
}
END_TEST

START_TEST(every_one_of_many_paths_is_found_and_no_other)
{
    struct catalogue *c = catalogue_create(MANY, MANY / 100 + 1);
    char path[64];

    for (unsigned i = 0; i < MANY; i++) {
        snprintf(path, sizeof(path), "directory%u/file%u", i / 100, i);
        struct file *file = catalogue_add_file(c, path, strlen(path), i, i, 0, "a/b");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(file->index, i);
        snprintf(path, sizeof(path), "directory%u", i / 100);
        ck_assert_int_eq(catalogue_add_directory(c, path, strlen(path)), i % 100 == 0 ? 0 : -1);
    }
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(path, sizeof(path), "directory%u/file%u", i / 100, i);
        struct catalogue_entry entry = find(c, path);
        ck_assert_int_eq(entry.kind, CATALOGUE_FILE);
        ck_assert_uint_eq(entry.file->size, i);
        ck_assert_ptr_eq(entry.file, catalogue_file(c, i));
        snprintf(path, sizeof(path), "directory%u/file%u", i / 100, i + MANY);
        ck_assert_int_eq(find(c, path).kind, CATALOGUE_ABSENT);
    }
    ck_assert_int_eq(find(c, "directory7").kind, CATALOGUE_DIRECTORY);
    ck_assert_int_eq(find(c, "directory7/").kind, CATALOGUE_ABSENT);
    ck_assert_int_eq(find(c, "").kind, CATALOGUE_ABSENT);
    ck_assert_uint_eq(catalogue_files(c), MANY);
    ck_assert_uint_eq(catalogue_bytes(c), (uint64_t)MANY * (MANY - 1) / 2);
    catalogue_destroy(c);
}
END_TEST

START_TEST(paths_are_bytes)
{
    static const struct {
        const char *path;
        size_t len;
    } paths[] = {
        { "a", 1 },   { "a\0b", 3 }, { "a\0", 2 }, { "\xff\xfe", 2 },
        { "\n", 1 },  { "A", 1 },    { "%41", 3 }, { "gr\xc3\xbc n", 6 },
        { "a/b", 3 }, { ".a", 2 },   { "a b", 3 }, { "a//b", 4 },
    };
    const unsigned count = sizeof(paths) / sizeof(paths[0]);
    struct catalogue *c = catalogue_create(count, 0);

    for (unsigned i = 0; i < count; i++)
        ck_assert_ptr_nonnull(
            catalogue_add_file(c, paths[i].path, paths[i].len, i, 0, 0, "text/plain"));
    for (unsigned i = 0; i < count; i++)
        ck_assert_uint_eq(catalogue_find(c, paths[i].path, paths[i].len).file->index, i);
    ck_assert_int_eq(catalogue_find(c, "a\0c", 3).kind, CATALOGUE_ABSENT);
    catalogue_destroy(c);
}
END_TEST

START_TEST(path_longer_than_a_block_of_strings)
{
    static char path[1 << 20];
    struct catalogue *c = catalogue_create(3, 0);

    memset(path, 'x', sizeof(path));
    ck_assert_ptr_nonnull(add(c, "before"));
    ck_assert_ptr_nonnull(catalogue_add_file(c, path, sizeof(path), 1, 0, 0, "a/b"));
    ck_assert_ptr_nonnull(add(c, "after"));
    ck_assert_uint_eq(catalogue_find(c, path, sizeof(path)).file->index, 1);
    ck_assert_int_eq(catalogue_find(c, path, sizeof(path) - 1).kind, CATALOGUE_ABSENT);
    ck_assert_uint_eq(find(c, "after").file->index, 2);
    catalogue_destroy(c);
}
END_TEST

/* ---- building ---- */

START_TEST(a_path_is_entered_once)
{
    struct catalogue *c = catalogue_create(4, 4);

    ck_assert_ptr_nonnull(add(c, "a"));
    ck_assert_ptr_null(add(c, "a"));
    ck_assert_int_eq(catalogue_add_directory(c, "a", 1), -1);
    ck_assert_int_eq(catalogue_add_directory(c, "", 0), 0);
    ck_assert_int_eq(catalogue_add_directory(c, "", 0), -1);
    ck_assert_ptr_null(add(c, ""));
    ck_assert_int_eq(find(c, "").kind, CATALOGUE_DIRECTORY);
    ck_assert_uint_eq(catalogue_files(c), 1);
    ck_assert_uint_eq(catalogue_bytes(c), 5);
    catalogue_destroy(c);
}
END_TEST

START_TEST(no_more_than_reserved)
{
    struct catalogue *c = catalogue_create(1, 1);

    ck_assert_ptr_nonnull(add(c, "a"));
    ck_assert_ptr_null(add(c, "b"));
    ck_assert_int_eq(catalogue_add_directory(c, "c", 1), 0);
    ck_assert_int_eq(catalogue_add_directory(c, "d", 1), -1);
    ck_assert_int_eq(find(c, "b").kind, CATALOGUE_ABSENT);
    catalogue_destroy(c);
}
END_TEST

START_TEST(extents_are_copied)
{
    struct catalogue *c = catalogue_create(1, 0);
    struct file *file = add(c, "a");
    uint8_t bytes[5];
    struct file_extent extents[] = { { bytes, 0, 2 }, { bytes + 2, 2, 3 } };

    ck_assert_int_eq(catalogue_set_extents(c, file, extents, 2), 0);
    memset(extents, 0, sizeof(extents));
    ck_assert_uint_eq(file->extent_count, 2);
    ck_assert_ptr_eq(file->extents[1].data, bytes + 2);
    ck_assert_uint_eq(file->extents[1].offset, 2);
    ck_assert_uint_eq(file->extents[1].len, 3);
    catalogue_destroy(c);
}
END_TEST

/* ---- what a response says of a file ---- */

START_TEST(head_has_the_fields_that_depend_on_the_file)
{
    struct catalogue *c = catalogue_create(1, 0);
    const struct file *file = add(c, "a");

    ck_assert_str_eq(file->type, "text/html");
    ck_assert_mem_eq(file->etag, "\"17979cfe3d85cd15-000000000000005\"", FILE_ETAG_BYTES);
    ck_assert(text_equal(file_fields(file), TEXT("Content-Type: text/html\r\n"
                                                 "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
                                                 "ETag: \"17979cfe3d85cd15-000000000000005\"\r\n"
                                                 "Accept-Ranges: bytes\r\n")));
    struct text head = file_head(file), length = TEXT("Content-Length: 5\r\n");
    ck_assert_uint_eq(head.len, length.len + file_fields(file).len + 2);
    ck_assert_mem_eq(head.at, length.at, length.len);
    ck_assert_ptr_eq(head.at + length.len, file_fields(file).at);
    ck_assert_mem_eq(head.at + head.len - 4, "\r\n\r\n", 4);
    catalogue_destroy(c);
}
END_TEST

static const struct {
    int64_t mtime_s;
    const char *date;
} dates[] = {
    { 0, "Thu, 01 Jan 1970 00:00:00 GMT" },
    { 784111777, "Sun, 06 Nov 1994 08:49:37 GMT" }, /* the example of RFC 9110 section 5.6.7 */
    { 951782399, "Mon, 28 Feb 2000 23:59:59 GMT" },
    { 951782400, "Tue, 29 Feb 2000 00:00:00 GMT" },
    { -1, "Wed, 31 Dec 1969 23:59:59 GMT" },
    { 253402300799, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT" },
    { INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT" },
};

START_TEST(last_modified_is_an_imf_fixdate)
{
    struct catalogue *c = catalogue_create(1, 0);
    const struct file *file =
        catalogue_add_file(c, "a", 1, UINT64_MAX, dates[_i].mtime_s, 999999999, "a/b");
    char field[64];

    snprintf(field, sizeof(field), "Last-Modified: %s\r\n", dates[_i].date);
    struct text fields = file_fields(file), tag = file_etag(file);
    ck_assert_msg(memmem(fields.at, fields.len, field, strlen(field)) != NULL, "%s is not in %.*s",
                  field, (int)fields.len, fields.at);
    ck_assert(tag.at[0] == '"' && text_find(text_skip(tag, 1), '"') == tag.len - 2);
    catalogue_destroy(c);
}
END_TEST

START_TEST(entity_tag_differs_when_time_or_size_differ)
{
    static const struct {
        uint64_t size;
        int64_t s;
        uint32_t ns;
    } states[] = { { 1, 1, 0 }, { 2, 1, 0 }, { 1, 2, 0 }, { 1, 1, 1 }, { 0, 1, 0 } };
    const unsigned count = sizeof(states) / sizeof(states[0]);
    struct catalogue *c = catalogue_create(count, 0);

    for (unsigned i = 0; i < count; i++) {
        char path[2] = { (char)('a' + i), '\0' };
        ck_assert_ptr_nonnull(
            catalogue_add_file(c, path, 1, states[i].size, states[i].s, states[i].ns, "a/b"));
        for (unsigned j = 0; j < i; j++)
            ck_assert_mem_ne(catalogue_file(c, i)->etag, catalogue_file(c, j)->etag,
                             FILE_ETAG_BYTES);
    }
    catalogue_destroy(c);
}
END_TEST

START_TEST(types_are_kept_once)
{
    struct catalogue *c = catalogue_create(3, 0);
    char type[] = "text/html", huge[300];

    const struct file *a = catalogue_add_file(c, "a", 1, 0, 0, 0, type);
    type[0] = 'T';
    const struct file *b = catalogue_add_file(c, "b", 1, 0, 0, 0, "text/html");
    ck_assert_ptr_eq(a->type, b->type);
    ck_assert_str_eq(a->type, "text/html");
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    ck_assert_ptr_null(catalogue_add_file(c, "c", 1, 0, 0, 0, huge));
    catalogue_destroy(c);
}
END_TEST

Suite *catalogue_suite(void)
{
    Suite *suite = suite_create("catalogue");
    TCase *find_case = tcase_create("find"), *build = tcase_create("build");
    TCase *head = tcase_create("head");

    tcase_set_timeout(find_case, 60);
    tcase_add_test(find_case, empty_catalogue_has_nothing);
    tcase_add_test(find_case, every_one_of_many_paths_is_found_and_no_other);
    tcase_add_test(find_case, paths_are_bytes);
    tcase_add_test(find_case, path_longer_than_a_block_of_strings);
    suite_add_tcase(suite, find_case);
    tcase_add_test(build, a_path_is_entered_once);
    tcase_add_test(build, no_more_than_reserved);
    tcase_add_test(build, extents_are_copied);
    suite_add_tcase(suite, build);
    tcase_add_test(head, head_has_the_fields_that_depend_on_the_file);
    tcase_add_loop_test(head, last_modified_is_an_imf_fixdate, 0, sizeof(dates) / sizeof(dates[0]));
    tcase_add_test(head, entity_tag_differs_when_time_or_size_differ);
    tcase_add_test(head, types_are_kept_once);
    suite_add_tcase(suite, head);
    return suite;
}
