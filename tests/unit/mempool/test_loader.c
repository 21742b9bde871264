/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/prng.h"
#include "docroot.h"
#include "mempool/loader.h"
#include "mempool/prefix_sum.h"
#include "mempool/scan.h"
#include "suites.h"

#define ALIGN       512u
#define ITEMS_MAX   2000
#define EXTENTS_MAX 16
#define CANARY      0xa5

static struct docroot root;
static struct arena arena;
static int root_fd;
static struct loader_item items[ITEMS_MAX];
static char names[ITEMS_MAX][64];
static struct file_extent places[ITEMS_MAX][EXTENTS_MAX];
static size_t count;
static uint64_t used;
static struct loader_result result;
static char error[POOL_ERROR_BYTES];

/* ---- a reader that misbehaves, on top of pread ---- */

struct faults {
    int errno_every; /* this error ... */
    unsigned every;  /* ... on each every-th read; 0: never */
    bool refuse_direct;
    uint32_t len_max; /* short reads: whole blocks, never more than this; 0: no limit */
    bool shuffle;     /* finish in any order */
    void (*on_start)(const struct read_op *op);
};

struct faulty_reader {
    struct reader head;
    struct faults faults;
    struct prng prng;
    struct read_op *ops[READER_DEPTH];
    unsigned count, most;
    uint64_t starts;
};

static void faulty_start(struct reader *head, struct read_op *op)
{
    struct faulty_reader *reader = (struct faulty_reader *)head;
    const struct faults *faults = &reader->faults;
    uint32_t len = faults->len_max != 0 && op->len > faults->len_max ? faults->len_max : op->len;

    ck_assert_uint_lt(reader->count, READER_DEPTH);
    reader->ops[reader->count++] = op;
    if (reader->count > reader->most)
        reader->most = reader->count;
    if (faults->on_start != NULL)
        faults->on_start(op);
    if (faults->every != 0 && ++reader->starts % faults->every == 0) {
        op->result = -faults->errno_every;
    } else if (faults->refuse_direct && (fcntl(op->fd, F_GETFL) & O_DIRECT) != 0) {
        op->result = -EINVAL;
    } else {
        ssize_t n = pread(op->fd, op->to, len, (off_t)op->offset);
        op->result = n < 0 ? -errno : (int32_t)n;
    }
}

static struct read_op *faulty_wait(struct reader *head)
{
    struct faulty_reader *reader = (struct faulty_reader *)head;
    unsigned i = reader->faults.shuffle ? (unsigned)prng_below(&reader->prng, reader->count)
                                        : reader->count - 1;
    struct read_op *op = reader->ops[i];

    reader->ops[i] = reader->ops[--reader->count];
    return op;
}

static const struct reader_ops faulty_ops = { .name = "faulty",
                                              .start = faulty_start,
                                              .wait = faulty_wait };

static struct faulty_reader faulty_reader(struct faults faults)
{
    return (
        struct faulty_reader){ .head.ops = &faulty_ops, .faults = faults, .prng = { .state = 7 } };
}

/* ---- fixture ---- */

static void setup(void)
{
    docroot_create(&root);
    root_fd = open(root.path, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(root_fd, 0);
    /* Plain memory: what the loader does is the same, and any machine has it. */
    arena = (struct arena){ .bytes = 16 << 20, .page_bytes = 4096, .page_shift = 12, .node = -1 };
    arena.base =
        mmap(NULL, arena.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(arena.base, MAP_FAILED);
    memset(arena.base, CANARY, arena.bytes);
}

static void teardown(void)
{
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < items[i].extent_count; j++)
            free((void *)(uintptr_t)places[i][j].sums);
    munmap(arena.base, arena.bytes);
    close(root_fd);
    docroot_remove(&root);
}

static void place_add(struct loader_item *item, uint64_t len)
{
    places[count][item->extent_count++] = (struct file_extent){
        .data = arena.base + used,
        .offset = item->capacity,
        .len = len,
        .sums = calloc(prefix_sum_entries(len), sizeof(uint16_t)),
    };
    item->capacity += len;
    used += len;
    ck_assert_uint_le(used, arena.bytes);
}

/* A file to be loaded, at the next place in the arena, which the next file follows at once; in
 * several runs with gaps between them if run is not 0. */
static struct loader_item *item_add_in_runs(const char *name, size_t size, uint64_t run)
{
    struct loader_item *item = &items[count];
    uint64_t left = (size + ALIGN - 1) / ALIGN * ALIGN;

    snprintf(names[count], sizeof(names[count]), "%s", name);
    docroot_write(&root, name, size);
    item->real_path = names[count];
    item->extents = places[count];
    for (; run != 0 && left > run; left -= run) {
        place_add(item, run);
        used += ALIGN;
    }
    if (left > 0)
        place_add(item, left);
    count++;
    return item;
}

static struct loader_item *item_add(const char *name, size_t size)
{
    return item_add_in_runs(name, size, 0);
}

static void load(struct reader *reader)
{
    ck_assert_int_eq(
        loader_run(reader, root_fd, items, count, ALIGN, NULL, NULL, &root.log, &result), 0);
}

static void assert_loaded(const struct loader_item *item)
{
    static uint16_t wanted[(8 << 20) / PREFIX_SUM_BLOCK + 2];
    static uint8_t content[8 << 20];

    ck_assert_msg(item->loaded, "%s was not loaded:\n%s", item->real_path, root.said);
    for (uint32_t i = 0; i < item->extent_count; i++) {
        const struct file_extent *run = &item->extents[i];
        uint64_t len = item->size > run->offset ? item->size - run->offset : 0;
        if (len > run->len)
            len = run->len;
        memcpy(content + run->offset, run->data, len);
        prefix_sum_extend(wanted, 0, run->data, len);
        ck_assert_mem_eq(run->sums + 1, wanted + 1,
                         (prefix_sum_entries(len) - 1) * sizeof(wanted[0]));
    }
    ck_assert_msg(docroot_content_is(item->real_path, content, item->size), "%s differs",
                  item->real_path);
    const struct file_extent whole = { content, 0, item->size };
    struct etag_hash hash = etag_hash(&whole, item->size != 0, item->size);
    ck_assert_uint_eq(item->hash.high, hash.high);
    ck_assert_uint_eq(item->hash.low, hash.low);
}

static void assert_all_loaded(void)
{
    for (size_t i = 0; i < count; i++)
        assert_loaded(&items[i]);
    ck_assert_uint_eq(result.loaded, count);
    ck_assert_uint_eq(result.skipped, 0);
    for (uint64_t i = used; i < used + 4096; i++)
        ck_assert_uint_eq(arena.base[i], CANARY);
}

static const size_t sizes[] = {
    0,
    1,
    511,
    512,
    513,
    4095,
    4096,
    4097,
    65535,
    (1 << 20) - 1,
    1 << 20,
    (1 << 20) + 1,
    (33 << 20) / 10,
    0,
    1,
};

static void add_all_sizes(void)
{
    char name[32];

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        snprintf(name, sizeof(name), "size%u-%zu", i, sizes[i]);
        ck_assert_uint_eq(item_add(name, sizes[i])->capacity % ALIGN, 0);
    }
}

static struct reader *uring_or_skip(void)
{
    struct reader *reader = reader_create_uring(&arena, error, sizeof(error));

    if (reader == NULL)
        fprintf(stderr, "SKIP: a test of the io_uring reader: %s\n", error);
    return reader;
}

/* ---- byte for byte ---- */

START_TEST(every_size_by_io_uring)
{
    struct reader *reader = uring_or_skip();

    if (reader == NULL)
        return;
    add_all_sizes();
    load(reader);
    assert_all_loaded();
    reader->ops->destroy(reader);
}
END_TEST

START_TEST(files_in_several_runs)
{
    struct reader *reader = uring_or_skip();

    if (reader == NULL)
        reader = reader_create_pread();
    item_add_in_runs("a", 5 << 20, 3 * ALIGN + (1 << 20));
    item_add_in_runs("b", 4001, ALIGN);
    item_add_in_runs("c", (2 << 20) + 1, 1 << 20);
    load(reader);
    for (size_t i = 0; i < count; i++)
        assert_loaded(&items[i]);
    /* The gaps are as they were. */
    for (size_t i = 0; i < count; i++)
        for (uint32_t j = 0; j + 1 < items[i].extent_count; j++)
            for (uint64_t at = 0; at < ALIGN; at++)
                ck_assert_uint_eq(places[i][j].data[places[i][j].len + at], CANARY);
    reader->ops->destroy(reader);
}
END_TEST

START_TEST(every_size_by_pread)
{
    struct reader *reader = reader_create_pread();

    add_all_sizes();
    load(reader);
    assert_all_loaded();
    reader->ops->destroy(reader);
}
END_TEST

/* From now on the kernel refuses io_uring to this process, as containers and sysctl do. */
static void io_uring_forbid(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(without_io_uring_files_are_read_all_the_same_and_the_log_says_why)
{
    io_uring_forbid();
    struct reader *reader = reader_create(&arena, &root.log);

    ck_assert_str_eq(reader->ops->name, "pread");
    ck_assert(docroot_said(&root, "io_uring is not available: Operation not permitted"));
    add_all_sizes();
    load(reader);
    assert_all_loaded();
    reader->ops->destroy(reader);
}
END_TEST

START_TEST(many_small_files)
{
    struct reader *reader = reader_create(&arena, &root.log);
    char name[32];

    for (unsigned i = 0; i < ITEMS_MAX; i++) {
        snprintf(name, sizeof(name), "d%u/f%u", i % 7, i);
        item_add(name, i * 5);
    }
    load(reader);
    assert_all_loaded();
    reader->ops->destroy(reader);
}
END_TEST

START_TEST(nothing_to_load)
{
    struct reader *reader = reader_create_pread();

    load(reader);
    ck_assert_uint_eq(result.loaded + result.skipped, 0);
    reader->ops->destroy(reader);
}
END_TEST

START_TEST(io_uring_pins_the_arena_and_gives_it_back)
{
    uint64_t before = arena_locked_read().pinned;
    struct reader *reader = uring_or_skip();

    if (reader == NULL)
        return;
    ck_assert_uint_ge(arena_locked_read().pinned, before + arena.bytes);
    reader->ops->destroy(reader);
    ck_assert_uint_eq(arena_locked_read().pinned, before);
}
END_TEST

START_TEST(io_uring_still_fills_a_sealed_arena)
{
    struct reader *reader = uring_or_skip();
    struct read_op op = { .to = arena.base, .len = 512 };

    if (reader == NULL)
        return;
    docroot_write(&root, "a", 512);
    op.fd = openat(root_fd, "a", O_RDONLY | O_DIRECT);
    ck_assert_int_ge(op.fd, 0);
    ck_assert_int_eq(arena_seal(&arena, error, sizeof(error)), 0);
    reader->ops->start(reader, &op);
    ck_assert_ptr_eq(reader->ops->wait(reader), &op);
    ck_assert_int_eq(op.result, 512);
    ck_assert(docroot_content_is("a", arena.base, 512));
    close(op.fd);
    reader->ops->destroy(reader);
}
END_TEST

/* Fills [0, bytes) of the arena with one and the same memory, over and over. */
static void arena_fill_cheaply(uint64_t bytes)
{
    const size_t piece = 4 << 20;
    int fd = memfd_create("filler", MFD_CLOEXEC);

    ck_assert_int_eq(ftruncate(fd, piece), 0);
    for (uint64_t at = 0; at < bytes; at += piece) {
        void *mapped =
            mmap(arena.base + at, piece, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
        ck_assert_ptr_eq(mapped, arena.base + at);
    }
    close(fd);
}

/* A fixed buffer of io_uring ends at 1 GiB; a file may lie across that border. */
START_TEST(a_file_across_two_fixed_buffers)
{
    const uint64_t border = UINT64_C(1) << 30;
    struct reader *reader;

    munmap(arena.base, arena.bytes);
    arena.bytes = border + (8 << 20);
    arena.base = mmap(NULL, arena.bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(arena.base, MAP_FAILED);
    arena_fill_cheaply(border - (4 << 20));
    reader = uring_or_skip();
    if (reader == NULL)
        return;
    used = border - 3 * ALIGN;
    item_add("across", 3 << 20);
    item_add("behind", 100);
    load(reader);
    for (size_t i = 0; i < count; i++)
        assert_loaded(&items[i]);
    reader->ops->destroy(reader);
}
END_TEST

/* ---- reads that go wrong ---- */

static const struct faults survivable[] = {
    { .shuffle = true },
    { .shuffle = true, .len_max = 512 * 7 },
    { .errno_every = EINTR, .every = 3, .shuffle = true },
    { .errno_every = EAGAIN, .every = 2, .shuffle = true, .len_max = 65536 },
    { .refuse_direct = true },
    { .refuse_direct = true, .shuffle = true, .len_max = 1000 },
};

START_TEST(survives)
{
    struct faulty_reader reader = faulty_reader(survivable[_i]);

    add_all_sizes();
    load(&reader.head);
    assert_all_loaded();
    ck_assert_uint_gt(reader.most, 4);
    if (survivable[_i].refuse_direct) {
        ck_assert_uint_gt(result.buffered, 0);
        ck_assert_uint_eq(docroot_said_count(&root, "through the page cache"), 1);
    }
}
END_TEST

static void file_of(const struct read_op *op, char path[PATH_MAX])
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", op->fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    ck_assert_int_gt(len, 0);
    path[len] = '\0';
}

START_TEST(an_io_error_costs_only_its_file)
{
    struct faulty_reader reader = faulty_reader((struct faults){ .errno_every = EIO, .every = 9 });

    add_all_sizes();
    load(&reader.head);
    ck_assert_uint_gt(result.skipped, 0);
    ck_assert_uint_gt(result.loaded, 0);
    ck_assert_uint_eq(result.loaded + result.skipped, count);
    ck_assert_uint_eq(docroot_said_count(&root, "Input/output error"), result.skipped);
    for (size_t i = 0; i < count; i++)
        if (items[i].loaded)
            assert_loaded(&items[i]);
}
END_TEST

START_TEST(files_that_are_gone_or_no_files_any_more_are_skipped)
{
    struct reader *reader = reader_create_pread();

    item_add("kept", 100);
    item_add("gone", 100);
    item_add("pipe", 100);
    item_add("link", 100);
    unlink(docroot_path(&root, "gone"));
    unlink(docroot_path(&root, "pipe"));
    ck_assert_int_eq(mkfifo(docroot_path(&root, "pipe"), 0644), 0);
    unlink(docroot_path(&root, "link"));
    docroot_symlink(&root, "link", "/etc/passwd");
    load(reader);
    assert_loaded(&items[0]);
    ck_assert_uint_eq(result.skipped, 3);
    ck_assert(docroot_said(&root, "gone: No such file"));
    ck_assert(docroot_said(&root, "pipe: no longer a file"));
    ck_assert(docroot_said(&root, "link: Too many levels"));
    reader->ops->destroy(reader);
}
END_TEST

/* ---- files that change ---- */

START_TEST(a_file_that_shrank_since_the_scan_is_loaded_as_it_is)
{
    struct reader *reader = reader_create_pread();
    struct loader_item *item = item_add("a", 5000);

    docroot_write(&root, "a", 700);
    load(reader);
    ck_assert_uint_eq(item->size, 700);
    assert_loaded(item);
    docroot_write(&root, "a", 0);
    load(reader);
    ck_assert_uint_eq(item->size, 0);
    reader->ops->destroy(reader);
}
END_TEST

START_TEST(a_file_that_grew_since_the_scan_is_loaded_if_it_fits)
{
    struct reader *reader = reader_create_pread();
    struct loader_item *fits = item_add("fits", 5), *large = item_add("large", 5);

    docroot_write(&root, "fits", 512);
    docroot_write(&root, "large", 513);
    load(reader);
    ck_assert_uint_eq(fits->size, 512);
    assert_loaded(fits);
    ck_assert(!large->loaded);
    ck_assert(docroot_said(&root, "large: it grew since ROOT was scanned"));
    ck_assert_uint_eq(arena.base[used], CANARY);
    reader->ops->destroy(reader);
}
END_TEST

static unsigned changes_left;

static void touch_while_read(const struct read_op *op)
{
    char path[PATH_MAX];
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000 + changes_left } };

    file_of(op, path);
    if (strstr(path, "restless") != NULL && changes_left > 0) {
        changes_left--;
        ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    }
}

START_TEST(a_file_that_changes_while_it_is_read_is_read_again)
{
    struct faulty_reader reader = faulty_reader((struct faults){ .on_start = touch_while_read });

    changes_left = LOADER_RETRIES;
    item_add("restless", 800);
    item_add("still", 100000);
    load(&reader.head);
    assert_all_loaded();
    ck_assert_int_eq(items[0].mtime_s, 1001); /* as of the last change */
}
END_TEST

START_TEST(a_file_that_keeps_changing_is_skipped)
{
    struct faulty_reader reader = faulty_reader((struct faults){ .on_start = touch_while_read });

    changes_left = UINT32_MAX;
    item_add("restless", 800);
    item_add("still", 100000);
    load(&reader.head);
    ck_assert(!items[0].loaded);
    assert_loaded(&items[1]);
    ck_assert(docroot_said(&root, "restless: it changes while it is read"));
}
END_TEST

static void truncate_while_read(const struct read_op *op)
{
    char path[PATH_MAX];

    file_of(op, path);
    if (changes_left > 0 && op->offset != 0) {
        changes_left--;
        ck_assert_int_eq(truncate(path, 1000), 0);
    }
}

START_TEST(a_file_that_is_cut_while_it_is_read_is_read_again)
{
    struct faulty_reader reader = faulty_reader((struct faults){ .on_start = truncate_while_read });
    struct loader_item *item = item_add("a", 5 << 20);

    changes_left = 1;
    load(&reader.head);
    ck_assert(item->loaded);
    ck_assert_uint_eq(item->size, 1000);
}
END_TEST

/* ---- progress ---- */

static uint64_t reported_items, reported_bytes;

static void note_progress(void *ctx, uint64_t items_done, uint64_t bytes_done)
{
    ck_assert_uint_ge(items_done, reported_items);
    ck_assert_uint_ge(bytes_done, reported_bytes);
    reported_items = items_done;
    reported_bytes = bytes_done;
}

START_TEST(progress_ends_at_everything)
{
    struct reader *reader = reader_create_pread();
    const struct loader_progress progress = { .report = note_progress };
    uint64_t bytes = 0;

    add_all_sizes();
    for (size_t i = 0; i < count; i++)
        bytes += sizes[i];
    ck_assert_int_eq(
        loader_run(reader, root_fd, items, count, ALIGN, &progress, NULL, &root.log, &result), 0);
    ck_assert_uint_eq(reported_items, count);
    ck_assert_uint_eq(reported_bytes, bytes);
    reader->ops->destroy(reader);
}
END_TEST

Suite *loader_suite(void)
{
    Suite *suite = suite_create("loader");
    TCase *tcase = tcase_create("loader");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_size_by_io_uring);
    tcase_add_test(tcase, every_size_by_pread);
    tcase_add_test(tcase, files_in_several_runs);
    tcase_add_test(tcase, without_io_uring_files_are_read_all_the_same_and_the_log_says_why);
    tcase_add_test(tcase, many_small_files);
    tcase_add_test(tcase, nothing_to_load);
    tcase_add_test(tcase, io_uring_pins_the_arena_and_gives_it_back);
    tcase_add_test(tcase, io_uring_still_fills_a_sealed_arena);
    tcase_add_test(tcase, a_file_across_two_fixed_buffers);
    tcase_add_loop_test(tcase, survives, 0, sizeof(survivable) / sizeof(survivable[0]));
    tcase_add_test(tcase, an_io_error_costs_only_its_file);
    tcase_add_test(tcase, files_that_are_gone_or_no_files_any_more_are_skipped);
    tcase_add_test(tcase, a_file_that_shrank_since_the_scan_is_loaded_as_it_is);
    tcase_add_test(tcase, a_file_that_grew_since_the_scan_is_loaded_if_it_fits);
    tcase_add_test(tcase, a_file_that_changes_while_it_is_read_is_read_again);
    tcase_add_test(tcase, a_file_that_keeps_changing_is_skipped);
    tcase_add_test(tcase, a_file_that_is_cut_while_it_is_read_is_read_again);
    tcase_add_test(tcase, progress_ends_at_everything);
    suite_add_tcase(suite, tcase);
    return suite;
}
