/* SPDX-License-Identifier: BSD-3-Clause */
/* The streamer on a reader that fails, reads too little, and takes its time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "docroot.h"
#include "mempool/prefix_sum.h"
#include "mempool/scan.h"
#include "mempool/streamer.h"
#include "suites.h"

#define FRAMES     8
#define LEASES     6
#define FILES      3
#define FILE_BYTES (3 * CHUNK_BYTES + 1000)
#define ANSWERS    64

/* ---- a block layer of our own, on top of pread ---- */

static struct slow_reader {
    struct reader head;
    struct read_op *ops[READER_DEPTH];
    unsigned count;
    unsigned reads;     /* ever */
    bool held;          /* nothing finishes */
    int fail_errno;     /* of the read number fail_at (from 1 on) */
    unsigned fail_at;   /* 0: none */
    uint32_t len_max;   /* short reads of whole blocks; 0: none */
    bool refuse_direct; /* as some file systems do */
    bool destroyed;
} slow;

static void slow_start(struct reader *head, struct read_op *op)
{
    uint32_t len = slow.len_max != 0 && op->len > slow.len_max ? slow.len_max : op->len;

    ck_assert_uint_lt(slow.count, READER_DEPTH);
    slow.ops[slow.count++] = op;
    if (++slow.reads == slow.fail_at) {
        op->result = -slow.fail_errno;
    } else if (slow.refuse_direct && (fcntl(op->fd, F_GETFL) & O_DIRECT) != 0) {
        op->result = -EINVAL;
    } else {
        ssize_t n = pread(op->fd, op->to, len, (off_t)op->offset);
        op->result = n < 0 ? -errno : (int32_t)n;
    }
}

static struct read_op *slow_wait(struct reader *head)
{
    return slow.ops[--slow.count];
}

static struct read_op *slow_poll(struct reader *head, uint64_t timeout_ns)
{
    return slow.held || slow.count == 0 ? NULL : slow_wait(head);
}

static void slow_destroy(struct reader *head)
{
    slow.destroyed = true;
}

static const struct reader_ops slow_ops = { .name = "slow",
                                            .start = slow_start,
                                            .wait = slow_wait,
                                            .poll = slow_poll,
                                            .destroy = slow_destroy };

/* ---- fixture ---- */

static struct docroot root;
static struct scan scan;
static struct stream_file files[FILES];
static struct streamer *streamer;
static uint8_t *region;
static struct chunk_message answers[ANSWERS];
static unsigned answer_count;
static char error[POOL_ERROR_BYTES];

static const char *const names[FILES] = { "a", "b", "dir/c" };

static void tell(void *ctx, uint32_t worker, const struct chunk_message *message)
{
    ck_assert_uint_lt(answer_count, ANSWERS);
    answers[answer_count++] = *message;
}

static void start(void)
{
    ck_assert_int_eq(scan_root(&scan, root.path, &root.log, error, sizeof(error)), 0);
    for (size_t i = 0; i < scan.file_count; i++) {
        const struct scan_file *file = &scan.files[i];
        for (unsigned n = 0; n < FILES; n++)
            if (strcmp(scan_string(&scan, file->path), names[n]) == 0)
                files[n] = (struct stream_file){ .real_path = scan_string(&scan, file->real_path),
                                                 .dev = file->dev,
                                                 .ino = file->ino,
                                                 .size = file->size,
                                                 .mtime_s = file->mtime_s,
                                                 .mtime_ns = file->mtime_ns };
    }
    const struct streamer_config config = {
        .files = files,
        .file_count = FILES,
        .root_fd = scan.root_fd,
        .direct_align = scan.direct_align,
        .region = { .base = region, .bytes = (uint64_t)FRAMES << CHUNK_SHIFT },
        .reader = &slow.head,
        .want_sums = true,
        .leases = LEASES,
        .tell = tell,
        .log = root.log,
    };
    streamer = streamer_create(&config);
    ck_assert_ptr_nonnull(streamer);
}

static void setup(void)
{
    docroot_create(&root);
    for (unsigned i = 0; i < FILES; i++)
        docroot_write(&root, names[i], FILE_BYTES + i);
    memset(&slow, 0, sizeof(slow));
    slow.head.ops = &slow_ops;
    answer_count = 0;
    region = mmap(NULL, (size_t)FRAMES << CHUNK_SHIFT, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(region, MAP_FAILED);
    start();
}

static void teardown(void)
{
    streamer_destroy(streamer);
    ck_assert(slow.destroyed && slow.count == 0);
    scan_destroy(&scan);
    munmap(region, (size_t)FRAMES << CHUNK_SHIFT);
    docroot_remove(&root);
}

static void ask(uint32_t lease, uint32_t file, uint32_t chunk)
{
    struct chunk_message m = { .kind = CHUNK_ASK, .lease = lease, .file = file, .chunk = chunk };
    streamer_input(streamer, 0, &m);
}

static void release(uint32_t frame)
{
    struct chunk_message m = { .kind = CHUNK_RELEASE, .frame = frame };
    streamer_input(streamer, 0, &m);
}

static void finish(void)
{
    while (streamer_poll(streamer, 0) != 0)
        ;
}

static uint64_t count_of(const char *name)
{
    const uint64_t *words = (const uint64_t *)streamer_counters(streamer);

    for (unsigned i = 0; i < counter_count; i++)
        if (strcmp(counter_infos[i].name, name) == 0)
            return words[i];
    ck_abort_msg("no counter %s", name);
    return 0;
}

/* Whether the frame holds this chunk, and its sums are right. */
static void expect_chunk(uint32_t frame, unsigned file, uint32_t chunk)
{
    size_t size = FILE_BYTES + file, start_at = (size_t)chunk << CHUNK_SHIFT;
    size_t len = size - start_at < CHUNK_BYTES ? size - start_at : CHUNK_BYTES;
    const uint8_t *data = region + ((size_t)frame << CHUNK_SHIFT);
    uint8_t *whole = malloc(size);
    FILE *f = fopen(docroot_path(&root, names[file]), "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(whole, 1, size, f), size);
    fclose(f);
    ck_assert_int_eq(memcmp(whole + start_at, data, len), 0);
    free(whole);
    const uint16_t *sums = streamer_frames(streamer).sums + (size_t)frame * CHUNK_SUMS;
    const struct prefix_run run = { data, len, sums };
    ck_assert_uint_eq(prefix_sum_between(0, prefix_sum_before(&run, len), 0) % 0xffff,
                      checksum_bytes(data, len) % 0xffff);
}

/* ---- reading ---- */

START_TEST(every_chunk_of_every_file)
{
    for (unsigned file = 0; file < FILES; file++) {
        for (uint32_t chunk = 0; chunk < 4; chunk++) {
            answer_count = 0;
            ask(1, file, chunk);
            finish();
            ck_assert_uint_eq(answer_count, 1);
            ck_assert_uint_eq(answers[0].kind, CHUNK_READY);
            expect_chunk(answers[0].frame, file, chunk);
            release(answers[0].frame);
        }
    }
    ck_assert_uint_eq(count_of("stream_miss"), 12);
    ck_assert_uint_eq(count_of("stream_evicted"), 4);
    ck_assert_uint_eq(count_of("stream_opened"), FILES);
}
END_TEST

START_TEST(short_reads_go_on)
{
    slow.len_max = 4096 * 5;
    ask(1, 0, 3);
    ask(2, 1, 0);
    finish();
    ck_assert_uint_eq(answer_count, 2);
    for (unsigned i = 0; i < 2; i++)
        expect_chunk(answers[i].frame, answers[i].lease - 1, answers[i].lease == 1 ? 3 : 0);
}
END_TEST

START_TEST(a_file_system_without_direct_io)
{
    slow.refuse_direct = true;
    ask(1, 0, 0);
    finish();
    ck_assert_uint_eq(answers[0].kind, CHUNK_READY);
    expect_chunk(answers[0].frame, 0, 0);
}
END_TEST

START_TEST(those_who_ask_while_it_is_read_share_the_read)
{
    slow.held = true;
    for (uint32_t lease = 0; lease < LEASES; lease++)
        ask(lease, 0, 1);
    streamer_poll(streamer, 0);
    ck_assert_uint_eq(answer_count, 0);
    slow.held = false;
    finish();
    ck_assert_uint_eq(slow.reads, 1);
    ck_assert_uint_eq(answer_count, LEASES);
    ck_assert_uint_eq(count_of("stream_shared"), LEASES - 1);
}
END_TEST

START_TEST(a_chunk_in_the_cache_is_not_read_again)
{
    ask(1, 0, 0);
    finish();
    release(answers[0].frame);
    ask(2, 0, 0);
    ck_assert_uint_eq(answer_count, 2);
    ck_assert_uint_eq(answers[1].frame, answers[0].frame);
    ck_assert_uint_eq(slow.reads, 1);
    ck_assert_uint_eq(count_of("stream_hit"), 1);
}
END_TEST

START_TEST(it_ends_while_reads_are_under_way)
{
    slow.held = true;
    for (uint32_t lease = 0; lease < LEASES; lease++)
        ask(lease, lease % FILES, lease / FILES);
    ck_assert_uint_eq(slow.count, LEASES);
}
END_TEST

/* ---- errors ---- */

static void expect_given_up(unsigned file, const char *why)
{
    unsigned before = slow.reads;

    ck_assert_msg(docroot_said(&root, why), "not said: %s; said: %s", why, root.said);
    answer_count = 0;
    ask(5, file, 2);
    finish();
    ck_assert_uint_eq(answer_count, 1);
    ck_assert_uint_eq(answers[0].kind, CHUNK_FAILED);
    ck_assert_uint_eq(slow.reads, before);
}

START_TEST(a_disk_error_fails_the_file_and_no_other)
{
    slow.fail_at = 2;
    slow.fail_errno = EIO;
    ask(1, 0, 0);
    finish();
    ck_assert_uint_eq(answers[0].kind, CHUNK_READY);
    ask(2, 0, 1);
    finish();
    ck_assert_uint_eq(answers[1].kind, CHUNK_FAILED);
    ck_assert_uint_eq(count_of("stream_read_failed"), 1);
    expect_chunk(answers[0].frame, 0, 0); /* held: still there */
    expect_given_up(0, "no longer served: a: Input/output error");
    ask(1, 1, 0);
    finish();
    ck_assert_uint_eq(answers[1].kind, CHUNK_READY);
    ck_assert_uint_eq(docroot_said_count(&root, "no longer served"), 1);
}
END_TEST

START_TEST(an_interrupted_read_is_tried_again)
{
    slow.fail_at = 1;
    slow.fail_errno = EINTR;
    ask(1, 0, 0);
    finish();
    ck_assert_uint_eq(answers[0].kind, CHUNK_READY);
    ck_assert_uint_eq(slow.reads, 2);
}
END_TEST

static void overwrite(const char *name, size_t at)
{
    int fd = open(docroot_path(&root, name), O_WRONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, "changed", 7, (off_t)at), 7);
    struct timespec times[2] = { { 1000, 0 }, { 1000, 0 } }; /* a clock's tick may be coarse */
    ck_assert_int_eq(futimens(fd, times), 0);
    close(fd);
}

START_TEST(a_file_that_is_overwritten_fails_at_the_next_read)
{
    ask(1, 0, 0);
    finish();
    overwrite("a", CHUNK_BYTES + 5);
    ask(2, 0, 1);
    finish();
    ck_assert_uint_eq(answers[1].kind, CHUNK_FAILED);
    expect_given_up(0, "no longer served: a: it has changed");
}
END_TEST

START_TEST(a_change_between_read_and_answer_is_seen)
{
    slow.held = true;
    ask(1, 0, 0);
    overwrite("a", 5);
    slow.held = false;
    finish();
    ck_assert_uint_eq(answers[0].kind, CHUNK_FAILED);
}
END_TEST

/* One look at a file is behind all reads that finish together, but not behind the next ones. */
START_TEST(a_change_is_seen_for_each_batch_of_reads)
{
    ask(1, 0, 2);
    finish();
    ck_assert_uint_eq(answers[0].kind, CHUNK_READY);
    slow.held = true;
    ask(2, 0, 0);
    ask(3, 1, 0);
    ask(4, 0, 1);
    overwrite("a", 5);
    slow.held = false;
    ck_assert_uint_eq(streamer_poll(streamer, 0), 3);
    ck_assert_uint_eq(answer_count, 4);
    for (unsigned i = 1; i < 4; i++)
        ck_assert_uint_eq(answers[i].kind, answers[i].lease == 3 ? CHUNK_READY : CHUNK_FAILED);
}
END_TEST

START_TEST(a_truncated_file_fails)
{
    ask(1, 0, 0);
    finish();
    ck_assert_int_eq(truncate(docroot_path(&root, "a"), CHUNK_BYTES + 100), 0);
    ask(2, 0, 1);
    finish();
    ck_assert_uint_eq(answers[1].kind, CHUNK_FAILED);
    expect_given_up(0, "no longer served: a: it has become shorter");
}
END_TEST

START_TEST(another_file_in_its_place_fails_if_it_was_not_open)
{
    docroot_write(&root, "new", FILE_BYTES);
    char from[PATH_MAX];
    snprintf(from, sizeof(from), "%s", docroot_path(&root, "new"));
    ck_assert_int_eq(rename(from, docroot_path(&root, "a")), 0);
    ask(1, 0, 0);
    finish();
    ck_assert_uint_eq(answers[0].kind, CHUNK_FAILED);
    expect_given_up(0, "no longer served: a: another file has taken its place");
}
END_TEST

START_TEST(a_file_renamed_over_while_open_is_read_to_its_end)
{
    ask(1, 0, 0);
    finish();
    char from[PATH_MAX];
    snprintf(from, sizeof(from), "%s", docroot_path(&root, "b"));
    ck_assert_int_eq(rename(from, docroot_path(&root, "a")), 0);
    ask(2, 0, 1);
    finish();
    ck_assert_uint_eq(answers[1].kind, CHUNK_READY);
}
END_TEST

START_TEST(a_file_that_is_gone_fails)
{
    ck_assert_int_eq(unlink(docroot_path(&root, "dir/c")), 0);
    ask(1, 2, 0);
    finish();
    ck_assert_uint_eq(answers[0].kind, CHUNK_FAILED);
    expect_given_up(2, "no longer served: dir/c: No such file");
}
END_TEST

Suite *streamer_suite(void)
{
    Suite *suite = suite_create("streamer");
    TCase *tc = tcase_create("reads");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_chunk_of_every_file);
    tcase_add_test(tc, short_reads_go_on);
    tcase_add_test(tc, a_file_system_without_direct_io);
    tcase_add_test(tc, those_who_ask_while_it_is_read_share_the_read);
    tcase_add_test(tc, a_chunk_in_the_cache_is_not_read_again);
    tcase_add_test(tc, it_ends_while_reads_are_under_way);
    suite_add_tcase(suite, tc);

    tc = tcase_create("errors");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_disk_error_fails_the_file_and_no_other);
    tcase_add_test(tc, an_interrupted_read_is_tried_again);
    tcase_add_test(tc, a_file_that_is_overwritten_fails_at_the_next_read);
    tcase_add_test(tc, a_change_between_read_and_answer_is_seen);
    tcase_add_test(tc, a_change_is_seen_for_each_batch_of_reads);
    tcase_add_test(tc, a_truncated_file_fails);
    tcase_add_test(tc, another_file_in_its_place_fails_if_it_was_not_open);
    tcase_add_test(tc, a_file_renamed_over_while_open_is_read_to_its_end);
    tcase_add_test(tc, a_file_that_is_gone_fails);
    suite_add_tcase(suite, tc);
    return suite;
}
