/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The index of a pool that outlives its process: whatever happens to it, what is found is what was
 * entered, or nothing. A killed process is one: a child that is killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/prng.h"
#include "mempool/content.h"
#include "mempool/pool_index.h"
#include "mempool/prefix_sum.h"
#include "mempool/reader.h"
#include "suites.h"

#define RECORDS     64
#define ARENA_BYTES (UINT64_C(1) << 20)
#define FILES_MAX   40

static const struct pool_shape shape = { .page_bytes = 4096,
                                         .sum_bytes = 20480,
                                         .arena_bytes = ARENA_BYTES,
                                         .records = RECORDS,
                                         .unit = 512,
                                         .node = -1,
                                         .root = "/srv/www" };
static uint8_t *memory; /* of the index; shared with children */
static struct arena arena;
static uint16_t *sums;
static struct pool_index *index_now;
static struct contents *contents;

static uint8_t *shared(uint64_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(at, MAP_FAILED);
    return at;
}

/* A process begins: finds what there is. */
static void begin(bool (*keep)(void *ctx, const struct pool_index_entry *entry), void *ctx)
{
    index_now = pool_index_open(memory);
    contents = contents_create(&arena, sums, 512, FILES_MAX);
    contents_keep_index(contents, index_now);
    pool_index_recover(index_now, keep, ctx);
}

/* It ends without another store. */
static void end(void)
{
    contents_keep_index(contents, NULL);
    contents_destroy(contents);
    pool_index_close(index_now);
}

static bool keep_none(void *ctx, const struct pool_index_entry *entry)
{
    (void)ctx, (void)entry;
    return false;
}

static void setup(void)
{
    memory = shared(pool_index_bytes(RECORDS));
    arena = (struct arena){ .base = shared(ARENA_BYTES), .bytes = ARENA_BYTES, .page_bytes = 4096 };
    sums = (uint16_t *)(void *)shared(contents_sums(ARENA_BYTES) * sizeof(*sums));
    pool_index_format(memory, &shape, 12345);
    begin(keep_none, NULL);
}

static void teardown(void)
{
    end();
    munmap(memory, pool_index_bytes(RECORDS));
    munmap(arena.base, ARENA_BYTES);
    munmap(sums, contents_sums(ARENA_BYTES) * sizeof(*sums));
}

/* ---- contents whose bytes follow from their numbers ---- */

static uint8_t byte_of(uint64_t ino, uint64_t mtime, uint64_t at)
{
    struct prng prng = { .state = ino * 31 + mtime * 1000003 + at };

    return (uint8_t)prng_next(&prng);
}

/* As the loader would: bytes, then sums, then settled. */
static struct content *content_make(uint64_t ino, uint64_t size, int64_t mtime)
{
    const struct content_id id = { .dev = 1, .ino = ino, .size = size, .mtime_s = mtime };
    struct content *content = contents_add(contents, &id);

    struct etag_stream hash;

    if (content == NULL)
        return NULL;
    etag_stream_begin(&hash);
    for (uint32_t i = 0; i < content->extent_count; i++) {
        struct file_extent *run = &content->extents[i];
        uint64_t len = size - run->offset < run->len ? size - run->offset : run->len;
        for (uint64_t at = 0; at < len; at++)
            run->data[at] = byte_of(ino, (uint64_t)mtime, run->offset + at);
        prefix_sum_extend((uint16_t *)(uintptr_t)run->sums, 0, run->data, len);
        etag_stream_add(&hash, run->data, len);
    }
    content->read_s = 77;
    content->hash = etag_stream_end(&hash);
    contents_settle(contents, content, &id);
    return content;
}

/* Without Check's assertion for each byte, which takes its time. */
static bool bytes_are_right(const struct pool_index_entry *entry)
{
    uint64_t offset = 0, first;

    for (uint32_t i = 0; i < entry->extent_count; i++) {
        const struct extent_range *run = &entry->extents[i];
        for (uint64_t at = 0; at < run->bytes; at++)
            if (arena.base[run->offset + at] !=
                byte_of(entry->id.ino, (uint64_t)entry->id.mtime_s, offset + at))
                return false;
        if (prefix_sum_check(sums + run->offset / PREFIX_SUM_BLOCK, 0, arena.base + run->offset,
                             run->bytes, &first) != 0)
            return false;
        offset += run->bytes;
    }
    return offset == entry->id.size && entry->read_s == 77;
}

struct found {
    unsigned count;
    uint64_t inos; /* bit n: number n */
};

/* Takes whatever is there as a server would, and looks at each byte of it. */
static bool keep_checked(void *ctx, const struct pool_index_entry *entry)
{
    struct found *found = ctx;

    ck_assert(bytes_are_right(entry));
    found->count++;
    found->inos |= UINT64_C(1) << entry->id.ino;
    struct content *content = contents_adopt(contents, entry);
    ck_assert_ptr_nonnull(content); /* no two records speak of one place */
    ck_assert_uint_eq(content->hash.low, entry->hash.low);
    content_hold(content);
    return true;
}

static struct found begin_checked(void)
{
    struct found found = { 0 };

    begin(keep_checked, &found);
    ck_assert_uint_eq(pool_index_records_used(index_now) >= found.count, 1);
    return found;
}

/* ---- what is entered is found ---- */

START_TEST(a_settled_content_is_found_by_the_next_process_until_it_is_released)
{
    const struct content_id a = content_make(1, 1000, 5)->id;

    content_make(2, 70000, 6);
    content_make(3, 0, 7);
    contents_add(contents, &(struct content_id){ .ino = 4, .size = 100 }); /* never settled */
    end();
    ck_assert_uint_eq(begin_checked().inos, 0xe);
    content_release(contents, contents_find(contents, &a));
    end();
    ck_assert_uint_eq(begin_checked().inos, 0xc);
}
END_TEST

/* A pool so broken up that a file has many extents, in several records. */
START_TEST(a_content_in_many_pieces_is_found)
{
    struct content *small[RECORDS];
    unsigned n = 0;

    /* Halves the free room again and again: every second unit is taken at last. */
    while (n < 40 && (small[n] = content_make(1, 512, 5)) != NULL)
        n++;
    struct content *rest = content_make(2, ARENA_BYTES - n * 512, 5);
    ck_assert_ptr_nonnull(rest);
    for (unsigned i = 0; i < n; i += 2)
        content_release(contents, small[i]);
    struct content *pieces = content_make(3, 19 * 512 + 7, 9);
    ck_assert_ptr_nonnull(pieces);
    ck_assert_uint_eq(pieces->extent_count, 20);
    uint32_t used = pool_index_records_used(index_now);
    end();
    ck_assert_uint_eq(begin_checked().count, 20 + 1 + 1);
    ck_assert_uint_eq(pool_index_records_used(index_now), used);
    content_release(contents, contents_find(contents, &(struct content_id){
                                                          .dev = 1,
                                                          .ino = 3,
                                                          .size = 19 * 512 + 7,
                                                          .mtime_s = 9,
                                                      }));
    ck_assert_uint_eq(pool_index_records_used(index_now), used - 5); /* 1 extent, then 6 each */
}
END_TEST

START_TEST(a_full_table_leaves_contents_out)
{
    for (uint64_t i = 0; i < RECORDS + 5; i++)
        ck_assert_ptr_nonnull(content_make(i % 60, 100 + i, 5));
    ck_assert_uint_eq(pool_index_records_used(index_now), RECORDS);
    end();
    ck_assert_uint_eq(begin_checked().count, RECORDS);
}
END_TEST

START_TEST(a_damaged_content_is_found_by_nobody)
{
    struct content *a = content_make(1, 1000, 5);

    content_damaged(contents, a);
    ck_assert_ptr_null(contents_find(contents, &a->id));
    end();
    ck_assert_uint_eq(begin_checked().count, 0);
}
END_TEST

/* ---- what is damaged is not ---- */

START_TEST(a_header_is_whole_or_refused)
{
    struct pool_shape read;
    uint64_t used = 0;

    ck_assert_ptr_null(pool_index_read(memory, POOL_INDEX_HEADER_BYTES, &read));
    ck_assert_int_eq(memcmp(&read, &shape, sizeof(shape)), 0);
    for (uint64_t bytes = 0; bytes < POOL_INDEX_HEADER_BYTES; bytes++)
        if (pool_index_read(memory, bytes, &read) == NULL)
            used = used == 0 ? bytes : used; /* from here on the header is all there */
    ck_assert_uint_gt(used, sizeof(shape));
    for (uint64_t at = 0; at < used; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memory[at] ^= (uint8_t)(1u << bit);
            ck_assert_msg(pool_index_read(memory, POOL_INDEX_HEADER_BYTES, &read) != NULL,
                          "bit %u of byte %lu", bit, at);
            memory[at] ^= (uint8_t)(1u << bit);
        }
    ck_assert_ptr_null(pool_index_read(memory, POOL_INDEX_HEADER_BYTES, &read));
    /* Written to some point only. */
    uint8_t *copy = malloc(used);
    for (uint64_t whole = 0; whole < used; whole++) {
        memset(copy, 0, used);
        memcpy(copy, memory, whole);
        ck_assert(whole == used || pool_index_read(copy, used, &read) != NULL ||
                  memcmp(copy, memory, used) == 0);
    }
    free(copy);
}
END_TEST

/* Each byte of each record, in turn: what is found is still what was entered. */
START_TEST(a_record_is_whole_or_not_there)
{
    uint64_t bytes = pool_index_bytes(RECORDS);
    uint8_t *image = malloc(bytes);
    unsigned missing = 0;

    for (uint64_t i = 0; i < 8; i++)
        content_make(i, 100 * i, (int64_t)i);
    end();
    memcpy(image, memory, bytes);
    for (uint64_t at = POOL_INDEX_HEADER_BYTES; at < bytes; at++) {
        memcpy(memory, image, bytes);
        memory[at] ^= 0x40;
        struct found found = begin_checked();
        ck_assert_uint_ge(found.count, 7);
        missing += found.count == 7;
        end();
    }
    ck_assert_uint_eq(missing, 8 * POOL_INDEX_RECORD_BYTES); /* none of their bytes is unchecked */
    /* Cut off anywhere: zeros from there on. */
    for (uint64_t at = POOL_INDEX_HEADER_BYTES; at < bytes; at += 8) {
        memcpy(memory, image, bytes);
        memset(memory + at, 0, bytes - at);
        ck_assert_uint_le(begin_checked().count, 8);
        end();
    }
    memcpy(memory, image, bytes);
    ck_assert_uint_eq(begin_checked().count, 8);
    free(image);
}
END_TEST

START_TEST(a_record_in_another_place_or_of_another_pool_does_not_count)
{
    uint8_t *records = memory + POOL_INDEX_HEADER_BYTES;

    content_make(1, 1000, 5); /* in record 0 */
    end();
    memcpy(records + POOL_INDEX_RECORD_BYTES, records, POOL_INDEX_RECORD_BYTES);
    ck_assert_uint_eq(begin_checked().count, 1);
    end();
    pool_index_format(memory, &shape, 54321);
    ck_assert_uint_eq(begin_checked().count, 0);
}
END_TEST

/* ---- a process that is killed ---- */

/* Adds and releases contents for ever; where each lay another soon lies. */
static void churn(uint64_t seed)
{
    struct prng prng = { .state = seed };
    struct content *held[FILES_MAX] = { NULL };

    for (int64_t turn = 1;; turn++) {
        uint64_t i = prng_below(&prng, FILES_MAX);
        if (held[i] != NULL)
            content_release(contents, held[i]);
        held[i] = content_make(i, prng_below(&prng, 60000), turn + (int64_t)(seed << 32));
    }
}

START_TEST(a_killed_process_leaves_no_wrong_byte)
{
    struct prng prng = { .state = (uint64_t)_i };
    uint64_t found = 0;

    end();
    for (unsigned round = 0; round < 40; round++) {
        pid_t child = fork();
        if (child == 0) {
            begin(keep_none, NULL);
            churn(round + 1);
        }
        nanosleep(&(struct timespec){ .tv_nsec = (long)prng_below(&prng, 20000000) + 1000000 },
                  NULL);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        found += begin_checked().count;
        end();
    }
    begin(keep_none, NULL);
    ck_assert_uint_gt(found, 40); /* else this has shown nothing */
}
END_TEST

/* ---- reads that go on ---- */

START_TEST(a_lock_on_the_file_lasts_as_long_as_reads_may)
{
    char path[64], error[POOL_ERROR_BYTES];
    struct arena pages;
    int memfd = memfd_create("pool", MFD_CLOEXEC), one, other;

    ck_assert_int_eq(ftruncate(memfd, 1 << 20), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
    one = open(path, O_RDWR | O_CLOEXEC);
    other = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(one, LOCK_EX | LOCK_NB), 0);
    ck_assert_int_eq(arena_map_file(&pages, one, 0, 1 << 20, -1, error, sizeof(error)), 0);
    struct reader *reader = reader_create_uring(&pages, error, sizeof(error));
    if (reader == NULL) {
        fprintf(stderr, "SKIP: %s\n", error);
        return;
    }
    /* What a killed process loses at once: descriptors and mappings. */
    close(one);
    munmap(pages.base, pages.bytes);
    ck_assert_int_ne(flock(other, LOCK_EX | LOCK_NB), 0);
    reader->ops->destroy(reader);
    time_t patience = time(NULL) + 10;
    while (flock(other, LOCK_EX | LOCK_NB) != 0)
        ck_assert(time(NULL) < patience);
    close(other);
    close(memfd);
}
END_TEST

Suite *pool_index_suite(void)
{
    Suite *suite = suite_create("pool index");
    TCase *tcase = tcase_create("pool index");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_settled_content_is_found_by_the_next_process_until_it_is_released);
    tcase_add_test(tcase, a_content_in_many_pieces_is_found);
    tcase_add_test(tcase, a_full_table_leaves_contents_out);
    tcase_add_test(tcase, a_damaged_content_is_found_by_nobody);
    tcase_add_test(tcase, a_header_is_whole_or_refused);
    tcase_add_test(tcase, a_record_is_whole_or_not_there);
    tcase_add_test(tcase, a_record_in_another_place_or_of_another_pool_does_not_count);
    tcase_add_loop_test(tcase, a_killed_process_leaves_no_wrong_byte, 1, 3);
    tcase_add_test(tcase, a_lock_on_the_file_lasts_as_long_as_reads_may);
    suite_add_tcase(suite, tcase);
    return suite;
}
