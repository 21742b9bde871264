/* SPDX-License-Identifier: BSD-3-Clause */
/* The text of a listing: escapes, order, sizes, and what it promises of its length. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mempool/listing_page.h"
#include "suites.h"

static char *text; /* of the latest listing */
static size_t text_len;

static const char *written(enum listing_format format, const char *path,
                           struct listing_entry *entries, size_t count)
{
    free(text);
    FILE *out = open_memstream(&text, &text_len);
    if (count > 1)
        qsort(entries, count, sizeof(*entries), listing_entry_compare);
    listing_write(out, format, text_from(path), entries, count);
    fclose(out);
    return text;
}

/* name -> its link, its text, itself in JSON (RFC 3986 section 3.3, HTML section 13.1.2.3, RFC 8259
 * section 7) */
static const struct {
    const char *name, *link, *html, *json;
} names[] = {
    { "plain-_.~09azAZ", "plain-_.~09azAZ", "plain-_.~09azAZ", "plain-_.~09azAZ" },
    { "a b", "a%20b", "a b", "a b" },
    { "<script>", "%3Cscript%3E", "&lt;script&gt;", "<script>" },
    { "a&amp;b", "a%26amp%3Bb", "a&amp;amp;b", "a&amp;b" },
    { "\"'", "%22%27", "&quot;'", "\\\"'" },
    { "javascript:x", "javascript%3Ax", "javascript:x", "javascript:x" },
    { "100%?#", "100%25%3F%23", "100%?#", "100%?#" },
    { "back\\slash", "back%5Cslash", "back\\slash", "back\\\\slash" },
    { "new\nline\x1f", "new%0Aline%1F", "new\nline\x1f", "new\\u000aline\\u001f" },
    { "gr\xc3\xbcn", "gr%C3%BCn", "gr\xc3\xbcn", "gr\xc3\xbcn" },
    { "gr\xfcn", "gr%FCn", "gr\xfcn", "gr\\u00fcn" },
    { "\xc0\xaf\xed\xa0\x80", "%C0%AF%ED%A0%80", "\xc0\xaf\xed\xa0\x80",
      "\\u00c0\\u00af\\u00ed\\u00a0\\u0080" },
    { "\xf0\x9f\x98\x80\xf4\x90\x80\x80", "%F0%9F%98%80%F4%90%80%80",
      "\xf0\x9f\x98\x80\xf4\x90\x80\x80", "\xf0\x9f\x98\x80\\u00f4\\u0090\\u0080\\u0080" },
    { "cut\xe2\x82", "cut%E2%82", "cut\xe2\x82", "cut\\u00e2\\u0082" },
};

START_TEST(name_is_escaped_where_it_stands)
{
    struct listing_entry entry = { .name = names[_i].name };
    char want[256];

    snprintf(want, sizeof(want), "<a href=\"%s\">%s</a>", names[_i].link, names[_i].html);
    ck_assert_msg(strstr(written(LISTING_HTML, "", &entry, 1), want) != NULL, "%s in %s", want,
                  strstr(text, "<tbody>"));
    snprintf(want, sizeof(want), "\"name\":\"%s\", ", names[_i].json);
    ck_assert_msg(strstr(written(LISTING_JSON, "", &entry, 1), want) != NULL, "%s in %s", want,
                  text);
}
END_TEST

START_TEST(directories_come_first_then_names_as_bytes)
{
    struct listing_entry entries[] = {
        { .name = "b" },
        { .name = "a" },
        { .name = "B" },
        { .name = "z", .is_directory = true },
        { .name = "c", .is_directory = true },
    };
    const char *at = written(LISTING_HTML, "x", entries, 5);

    static const char *const order[] = { "../", "c/", "z/", "B", "a", "b" };
    for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        char want[32];
        snprintf(want, sizeof(want), "<td><a href=\"%s\">", order[i]);
        at = strstr(at, want);
        ck_assert_msg(at != NULL, "%s", order[i]);
    }
}
END_TEST

static const struct {
    uint64_t size;
    const char *shown;
} sizes[] = {
    { 0, "<td data-n=0>0 B" },
    { 1023, "<td data-n=1023>1023 B" },
    { 1024, "<td data-n=1024>1.0 KiB" },
    { 1048575, "<td data-n=1048575>1.0 MiB" },
    { UINT64_C(5) << 30, "<td data-n=5368709120>5.0 GiB" },
    { UINT64_MAX, "<td data-n=18446744073709551615>16.0 EiB" },
};

START_TEST(size_is_shown_short_and_kept_whole)
{
    struct listing_entry entry = { .name = "a", .size = sizes[_i].size };

    ck_assert_msg(strstr(written(LISTING_HTML, "", &entry, 1), sizes[_i].shown) != NULL, "%s",
                  strstr(text, "<tbody>"));
}
END_TEST

/* As nginx 1.22 writes it. */
START_TEST(json_is_a_list_of_objects)
{
    struct listing_entry entries[] = {
        { .name = "f", .size = 5, .mtime_s = 784111777 },
        { .name = "d", .mtime_s = 784111777, .is_directory = true },
    };

    ck_assert_str_eq(
        written(LISTING_JSON, "", entries, 2),
        "[\r\n{ \"name\":\"d\", \"type\":\"directory\", \"mtime\":\"Sun, 06 Nov 1994 "
        "08:49:37 GMT\" },\r\n{ \"name\":\"f\", \"type\":\"file\", \"mtime\":\"Sun, 06 "
        "Nov 1994 08:49:37 GMT\", \"size\":5 }\r\n]");
    ck_assert_str_eq(written(LISTING_JSON, "", NULL, 0), "[\r\n]");
}
END_TEST

START_TEST(path_is_a_way_up_and_the_root_has_no_parent)
{
    ck_assert_ptr_nonnull(strstr(written(LISTING_HTML, "a<b/c", NULL, 0),
                                 "<h1>Index of <a href=\"../../\">/</a><a href=\"../\">a&lt;b/</a>"
                                 "c/</h1>"));
    ck_assert_ptr_nonnull(strstr(text, "<title>Index of /a&lt;b/c/</title>"));
    ck_assert_ptr_nonnull(strstr(written(LISTING_HTML, "", NULL, 0), "<h1>Index of /</h1>"));
    ck_assert_ptr_null(strstr(text, "../"));
    /* So deep that links would make most of the page. */
    ck_assert_ptr_nonnull(
        strstr(written(LISTING_HTML, "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", NULL, 0),
               "<h1>Index of /a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/</h1>"));
}
END_TEST

START_TEST(no_listing_is_longer_than_was_reckoned)
{
    static char worst[256], deep[600];
    struct listing_entry entry = { .name = worst, .size = UINT64_MAX, .mtime_s = INT64_MAX };

    memset(worst, '"', sizeof(worst) - 1);
    memset(deep, '"', sizeof(deep) - 1);
    for (unsigned i = 1; i < 16; i++)
        deep[i * 37] = '/';
    written(LISTING_HTML, deep, NULL, 0);
    size_t empty = text_len;
    ck_assert_uint_le(empty, listing_page_bytes(deep));
    written(LISTING_HTML, deep, &entry, 1);
    ck_assert_uint_le(text_len - empty, listing_entry_bytes(worst));
    memset(worst, '\xff', sizeof(worst) - 1);
    written(LISTING_JSON, deep, &entry, 1);
    ck_assert_uint_le(text_len - 4, listing_entry_bytes(worst));
}
END_TEST

Suite *listing_page_suite(void)
{
    Suite *suite = suite_create("listing page");
    TCase *c = tcase_create("listing page");

    tcase_add_loop_test(c, name_is_escaped_where_it_stands, 0,
                        (int)(sizeof(names) / sizeof(names[0])));
    tcase_add_test(c, directories_come_first_then_names_as_bytes);
    tcase_add_loop_test(c, size_is_shown_short_and_kept_whole, 0,
                        (int)(sizeof(sizes) / sizeof(sizes[0])));
    tcase_add_test(c, json_is_a_list_of_objects);
    tcase_add_test(c, path_is_a_way_up_and_the_root_has_no_parent);
    tcase_add_test(c, no_listing_is_longer_than_was_reckoned);
    suite_add_tcase(suite, c);
    return suite;
}
