/* SPDX-License-Identifier: BSD-3-Clause */
/* Versions of the catalogue: what they share, what they do not, and switching under look-ups. */
#include <pthread.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "mempool/catalogue.h"
#include "suites.h"

static struct file *add(struct catalogue *c, const char *path, uint64_t size)
{
    return catalogue_add_file(c, path, strlen(path), size, 1700000000, 0, "text/html");
}

static struct catalogue_entry find(const struct catalogue *c, const char *path)
{
    return catalogue_find(c, path, strlen(path));
}

static struct catalogue_entry take_out(struct catalogue *c, const char *path)
{
    return catalogue_remove(c, path, strlen(path));
}

/* ---- one by one ---- */

START_TEST(what_stays_the_same_is_shared)
{
    struct catalogue *old = catalogue_create(4, 2);

    add(old, "a", 1);
    catalogue_add_directory(old, "d", 1);
    struct catalogue *next = catalogue_next(old);
    ck_assert_ptr_eq(find(old, "a").file, find(next, "a").file);
    ck_assert_uint_eq(find(old, "d").directory, find(next, "d").directory);
    ck_assert_uint_eq(catalogue_files_max(next), 4);
    catalogue_destroy(old);
    ck_assert_str_eq(find(next, "a").file->type, "text/html");
    catalogue_destroy(next);
}
END_TEST

START_TEST(a_change_is_seen_in_the_next_version_only)
{
    struct catalogue *old = catalogue_create(8, 2);

    add(old, "changed", 1);
    add(old, "removed", 2);
    catalogue_add_directory(old, "d", 1);
    struct catalogue *next = catalogue_next(old);
    ck_assert_uint_eq(take_out(next, "changed").file->size, 1);
    ck_assert_uint_eq(add(next, "changed", 10)->index, 2);
    ck_assert_int_eq(take_out(next, "removed").kind, CATALOGUE_FILE);
    ck_assert_int_eq(take_out(next, "removed").kind, CATALOGUE_ABSENT);
    ck_assert_int_eq(take_out(next, "d").kind, CATALOGUE_DIRECTORY);
    ck_assert_ptr_nonnull(add(next, "d", 3)); /* a file where a directory was */

    ck_assert_uint_eq(find(old, "changed").file->size, 1);
    ck_assert_uint_eq(find(old, "removed").file->size, 2);
    ck_assert_int_eq(find(old, "d").kind, CATALOGUE_DIRECTORY);
    ck_assert_uint_eq(catalogue_files(old), 2);
    ck_assert_uint_eq(catalogue_bytes(old), 3);
    ck_assert_uint_eq(find(next, "changed").file->size, 10);
    ck_assert_int_eq(find(next, "removed").kind, CATALOGUE_ABSENT);
    ck_assert_int_eq(find(next, "d").kind, CATALOGUE_FILE);
    ck_assert_uint_eq(catalogue_files(next), 2);
    ck_assert_uint_eq(catalogue_bytes(next), 13);
    catalogue_destroy(old);
    catalogue_destroy(next);
}
END_TEST

START_TEST(an_index_is_given_out_again_when_its_file_is_dropped)
{
    struct catalogue *old = catalogue_create(2, 1);

    add(old, "a", 1);
    add(old, "b", 2);
    struct catalogue *next = catalogue_next(old);
    uint32_t index = take_out(next, "a").file->index;
    ck_assert_ptr_null(add(next, "c", 3)); /* the old version's "a" is still there */
    ck_assert_ptr_nonnull(catalogue_file(next, index));
    catalogue_destroy(old);
    catalogue_file_drop(next, index);
    ck_assert_ptr_null(catalogue_file(next, index));
    ck_assert_uint_eq(add(next, "c", 3)->index, index);

    ck_assert_int_eq(catalogue_add_directory(next, "d", 1), 0);
    ck_assert_int_eq(catalogue_add_directory(next, "e", 1), -1);
    catalogue_directory_drop(next, take_out(next, "d").directory);
    ck_assert_int_eq(catalogue_add_directory(next, "e", 1), 0);
    catalogue_destroy(next);
}
END_TEST

START_TEST(paths_are_told_by_number)
{
    struct catalogue *c = catalogue_create(2, 2);
    size_t len;

    add(c, "x/y", 1);
    catalogue_add_directory(c, "x", 1);
    ck_assert_str_eq(catalogue_file_path(c, 0, &len), "x/y");
    ck_assert_uint_eq(len, 3);
    ck_assert_ptr_null(catalogue_file_path(c, 1, &len));
    ck_assert_str_eq(catalogue_directory_path(c, find(c, "x").directory, &len), "x");
    ck_assert_ptr_null(catalogue_directory_path(c, 1, &len));
    catalogue_destroy(c);
}
END_TEST

/* ---- at random, against a list ---- */

START_TEST(any_row_of_changes_leaves_what_a_list_has)
{
    enum { PATHS = 400, VERSIONS = 300 };
    struct catalogue *c = catalogue_create(2 * PATHS, 0);
    uint64_t size[PATHS] = { 0 }; /* 0: not there */
    uint32_t removed[PATHS];
    struct prng prng = { .state = (uint64_t)_i + 1 };
    char path[16];

    for (unsigned version = 1; version < VERSIONS; version++) {
        struct catalogue *next = catalogue_next(c);
        unsigned gone = 0;
        for (unsigned n = (unsigned)prng_below(&prng, 60); n > 0; n--) {
            unsigned which = (unsigned)prng_below(&prng, PATHS);
            snprintf(path, sizeof(path), "%u", which);
            struct catalogue_entry was = take_out(next, path);
            if ((was.kind == CATALOGUE_FILE) != (size[which] != 0))
                ck_abort_msg("%s: wrong before version %u", path, version);
            if (was.kind == CATALOGUE_FILE)
                removed[gone++] = was.file->index;
            size[which] = 0;
            if (gone < PATHS - 1 && prng_below(&prng, 3) != 0) {
                size[which] = version;
                ck_assert_ptr_nonnull(add(next, path, version));
            }
        }
        catalogue_destroy(c);
        c = next;
        while (gone > 0)
            catalogue_file_drop(c, removed[--gone]);
        for (unsigned i = 0; i < PATHS; i++) {
            snprintf(path, sizeof(path), "%u", i);
            struct catalogue_entry entry = find(c, path);
            if ((entry.kind == CATALOGUE_FILE ? entry.file->size : 0) != size[i])
                ck_abort_msg("%s: wrong in version %u", path, version);
        }
    }
    catalogue_destroy(c);
}
END_TEST

/* ---- while others look up ---- */

enum { READERS = 2, FILES = 200, SWITCHES = 300 };

/* A reader takes the newest version between two look-ups, and says which one it has: as a worker
 * between two turns. */
static struct {
    const struct version {
        const struct catalogue *catalogue;
        uint64_t serial;
    } * newest;
    struct {
        uint64_t taken __attribute__((aligned(64)));
    } reader[READERS];
    bool stop;
    unsigned wrong; /* look-ups that found a mix, or nothing */
} shared;

static void *reader_main(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    struct prng prng = { .state = me + 1 };
    char path[16];

    while (!__atomic_load_n(&shared.stop, __ATOMIC_RELAXED)) {
        const struct version *v = __atomic_load_n(&shared.newest, __ATOMIC_ACQUIRE);
        __atomic_store_n(&shared.reader[me].taken, v->serial, __ATOMIC_RELEASE);
        for (unsigned n = 0; n < 20; n++) {
            snprintf(path, sizeof(path), "%u", (unsigned)prng_below(&prng, FILES));
            struct catalogue_entry entry = find(v->catalogue, path);
            /* The size says which version it is of, the time too. */
            if (entry.kind != CATALOGUE_FILE || (int64_t)entry.file->size != entry.file->mtime_s ||
                entry.file->size > v->serial)
                __atomic_fetch_add(&shared.wrong, 1, __ATOMIC_RELAXED);
        }
    }
    __atomic_store_n(&shared.reader[me].taken, UINT64_MAX, __ATOMIC_RELEASE);
    return NULL;
}

static void add_state(struct catalogue *c, unsigned which, uint64_t state)
{
    char path[16];

    snprintf(path, sizeof(path), "%u", which);
    ck_assert_ptr_nonnull(
        catalogue_add_file(c, path, strlen(path), state, (int64_t)state, 0, "a/b"));
}

START_TEST(look_ups_go_on_while_versions_change)
{
    struct catalogue *c = catalogue_create(2 * FILES, 0);
    struct prng prng = { .state = 9 };
    struct version versions[SWITCHES + 1] = { { .catalogue = c } };
    pthread_t threads[READERS];
    char path[16];

    memset(&shared, 0, sizeof(shared));
    for (unsigned i = 0; i < FILES; i++)
        add_state(c, i, 0);
    shared.newest = &versions[0];
    for (uintptr_t i = 0; i < READERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, reader_main, (void *)i), 0);
    for (uint64_t serial = 1; serial <= SWITCHES; serial++) {
        struct catalogue *next = catalogue_next(c);
        unsigned which = (unsigned)prng_below(&prng, FILES);
        snprintf(path, sizeof(path), "%u", which);
        uint32_t old = take_out(next, path).file->index;
        add_state(next, which, serial);
        versions[serial] = (struct version){ .catalogue = next, .serial = serial };
        __atomic_store_n(&shared.newest, &versions[serial], __ATOMIC_RELEASE);
        for (unsigned i = 0; i < READERS; i++)
            while (__atomic_load_n(&shared.reader[i].taken, __ATOMIC_ACQUIRE) < serial)
                nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
        catalogue_destroy(c);
        c = next;
        catalogue_file_drop(c, old);
    }
    __atomic_store_n(&shared.stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(shared.wrong, 0);
    catalogue_destroy(c);
}
END_TEST

Suite *versions_suite(void)
{
    Suite *suite = suite_create("versions of the catalogue");
    TCase *tcase = tcase_create("versions");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, what_stays_the_same_is_shared);
    tcase_add_test(tcase, a_change_is_seen_in_the_next_version_only);
    tcase_add_test(tcase, an_index_is_given_out_again_when_its_file_is_dropped);
    tcase_add_test(tcase, paths_are_told_by_number);
    tcase_add_loop_test(tcase, any_row_of_changes_leaves_what_a_list_has, 0, 3);
    tcase_add_test(tcase, look_ups_go_on_while_versions_change);
    suite_add_tcase(suite, tcase);
    return suite;
}
