/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "mempool/catalogue.h"
#include "mempool/etag.h"
#include "suites.h"

/* A file of these bytes, in two extents if cut is not 0. */
static struct file *file_of(struct catalogue *c, const char *name, char *bytes, size_t cut,
                            int64_t mtime_s)
{
    size_t len = strlen(bytes);
    struct file *file = catalogue_add_file(c, name, strlen(name), len, mtime_s, 0, "a/b");
    const struct file_extent extents[2] = {
        { (uint8_t *)bytes, 0, cut != 0 ? cut : len },
        { (uint8_t *)bytes + cut, cut, len - cut },
    };

    ck_assert_int_eq(catalogue_set_extents(c, file, extents, len == 0 ? 0 : cut != 0 ? 2 : 1), 0);
    return file;
}

START_TEST(tag_is_that_of_the_bytes)
{
    struct catalogue *c = catalogue_create(4, 0);
    char bytes[] = "hello, world", other[] = "hello, World";
    struct file *a = file_of(c, "a", bytes, 0, 1), *b = file_of(c, "b", bytes, 5, 2);
    struct file *d = file_of(c, "d", other, 0, 1);

    ck_assert_mem_ne(a->etag, b->etag, FILE_ETAG_BYTES);
    etag_from_content(a);
    etag_from_content(b);
    etag_from_content(d);
    ck_assert_mem_eq(a->etag, "\"11c83d9c1ee368164c0abe17b55db69c\"", FILE_ETAG_BYTES);
    ck_assert_mem_eq(b->etag, a->etag, FILE_ETAG_BYTES);
    ck_assert_mem_ne(d->etag, a->etag, FILE_ETAG_BYTES);
    catalogue_destroy(c);
}
END_TEST

START_TEST(pieces_have_the_hash_of_the_whole)
{
    uint8_t *bytes = malloc(100000);

    ck_assert_ptr_nonnull(bytes);
    for (uint32_t i = 0; i < 100000; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    for (uint32_t len = 0; len <= 100000; len = 3 * len + 1) {
        const struct file_extent whole = { bytes, 0, len };
        struct etag_hash want = etag_hash(&whole, len != 0, len);
        struct etag_stream stream;
        etag_stream_begin(&stream);
        for (uint32_t at = 0, piece = 1; at < len; at += piece, piece = 2 * piece + 7)
            etag_stream_add(&stream, bytes + at, piece < len - at ? piece : len - at);
        struct etag_hash got = etag_stream_end(&stream);
        ck_assert_uint_eq(got.high, want.high);
        ck_assert_uint_eq(got.low, want.low);
    }
    free(bytes);
}
END_TEST

START_TEST(tag_stands_in_the_head)
{
    struct catalogue *c = catalogue_create(1, 0);
    char bytes[] = "hello, world";
    struct file *a = file_of(c, "a", bytes, 0, 784111777);

    etag_from_content(a);
    ck_assert(text_equal(file_fields(a), TEXT("Content-Type: a/b\r\n"
                                              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                              "ETag: \"11c83d9c1ee368164c0abe17b55db69c\"\r\n"
                                              "Accept-Ranges: bytes\r\n")));
    catalogue_destroy(c);
}
END_TEST

START_TEST(empty_file_has_a_tag_and_one_without_bytes_keeps_its_own)
{
    struct catalogue *c = catalogue_create(2, 0);
    char none[] = "";
    struct file *empty = file_of(c, "empty", none, 0, 1);
    struct file *elsewhere = catalogue_add_file(c, "x", 1, 5, 1700000000, 0, "a/b");

    etag_from_content(empty);
    etag_from_content(elsewhere);
    ck_assert_mem_eq(empty->etag, "\"99aa06d3014798d86001c324468d497f\"", FILE_ETAG_BYTES);
    ck_assert_mem_eq(elsewhere->etag, "\"17979cfe362a0000-000000000000005\"", FILE_ETAG_BYTES);
    catalogue_destroy(c);
}
END_TEST

Suite *etag_suite(void)
{
    Suite *suite = suite_create("etag");
    TCase *tc = tcase_create("etag");

    tcase_add_test(tc, tag_is_that_of_the_bytes);
    tcase_add_test(tc, pieces_have_the_hash_of_the_whole);
    tcase_add_test(tc, tag_stands_in_the_head);
    tcase_add_test(tc, empty_file_has_a_tag_and_one_without_bytes_keeps_its_own);
    suite_add_tcase(suite, tc);
    return suite;
}
