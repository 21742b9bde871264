/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that change while they are served: a directory on disk, the keeper's thread, and the test
 * as the one worker. What must come about is waited for; what must not is provoked first.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "docroot.h"
#include "mempool/keeper.h"
#include "suites.h"

#define ARENA_BYTES (UINT64_C(4) << 20)
#define FILES_MAX   64
#define PATIENCE_S  20

static struct docroot root;
static struct arena arena;
static struct updater updater;
static struct keeper *keeper;
static char error[POOL_ERROR_BYTES];

/* The worker: takes versions when the test lets it, has the pins that the test sets. */
static struct {
    const struct catalogue *catalogue;
    uint64_t serial;
    bool slow; /* it does not take what is posted */
    struct file_pin pins[FILES_MAX];
    const struct catalogue *posted;
    uint64_t posted_serial;
    pthread_mutex_t turn; /* held during a look-up: versions are taken between two */
} worker;

static void worker_take(void)
{
    pthread_mutex_lock(&worker.turn);
    __atomic_store_n(&worker.catalogue, worker.posted, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&worker.turn);
    __atomic_store_n(&worker.serial, __atomic_load_n(&worker.posted_serial, __ATOMIC_ACQUIRE),
                     __ATOMIC_RELEASE);
}

static void publish(void *ctx, const struct catalogue *catalogue, uint64_t serial)
{
    (void)ctx;
    worker.posted = catalogue;
    __atomic_store_n(&worker.posted_serial, serial, __ATOMIC_RELEASE);
    if (!__atomic_load_n(&worker.slow, __ATOMIC_ACQUIRE))
        worker_take();
}

static bool taken(void *ctx, uint64_t serial)
{
    (void)ctx;
    return __atomic_load_n(&worker.serial, __ATOMIC_ACQUIRE) == serial;
}

static struct file_pin pins(void *ctx, uint32_t index)
{
    (void)ctx;
    return file_pin_read(&worker.pins[index]);
}

/* ---- fixture ---- */

static void setup(void)
{
    docroot_create(&root);
    arena =
        (struct arena){ .bytes = ARENA_BYTES, .page_bytes = 4096, .page_shift = 12, .node = -1 };
    arena.base =
        mmap(NULL, arena.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(arena.base, MAP_FAILED);
    memset(&worker, 0, sizeof(worker));
    pthread_mutex_init(&worker.turn, NULL);
}

static uint16_t *sums;
static struct types *types;

/* Loads what is there and follows it from then on. */
static void follow(uint64_t rescan_ns, bool inotify)
{
    struct scopes all = { .all = true };
    struct update_changes changes;

    sums = calloc(contents_sums(arena.bytes), sizeof(*sums));
    types = types_load("/nonexistent", &root.log);
    updater = (struct updater){
        .root = root.path,
        .contents = contents_create(&arena, sums, 512, FILES_MAX),
        .reader = reader_create_pread(),
        .types = types,
        .watch = inotify ? watch_create(&root.log) : NULL,
        .log = &root.log,
        .catalogue = catalogue_create(FILES_MAX, 16),
        .content_of = calloc(FILES_MAX, sizeof(struct content *)),
    };
    ck_assert_int_eq(update_open(&updater, error, sizeof(error)), 0);
    ck_assert_int_eq(update_scan(&updater, &all, error, sizeof(error)), 0);
    ck_assert_int_eq(update_apply(&updater, &all, true, 0, &changes), 0);
    catalogue_destroy(updater.catalogue);
    updater.catalogue = changes.next;
    update_changes_free(&changes);
    updater.counts = (struct update_counts){ 0 };
    worker.catalogue = updater.catalogue;
    const struct keeper_config config = {
        .updater = &updater,
        .readers = { .publish = publish, .taken = taken, .pins = pins },
        .rescan_ns = rescan_ns,
    };
    keeper = keeper_start(&config, error, sizeof(error));
    ck_assert_msg(keeper != NULL, "%s", error);
}

static void teardown(void)
{
    keeper_stop(keeper);
    keeper_destroy(keeper);
    keeper = NULL;
    update_close(&updater);
    catalogue_destroy(updater.catalogue);
    contents_destroy(updater.contents);
    watch_destroy(updater.watch);
    updater.reader->ops->destroy(updater.reader);
    free(updater.content_of);
    types_destroy(types);
    free(sums);
    munmap(arena.base, arena.bytes);
    docroot_remove(&root);
}

/* ---- what is served ---- */

static struct keeper_report report(void)
{
    struct keeper_report r;

    keeper_report(keeper, &r);
    return r;
}

/* Looks a path up, within a turn or while nothing changes; the same version may be posted again. */
static const struct file *served(const char *path)
{
    const struct catalogue *catalogue = __atomic_load_n(&worker.catalogue, __ATOMIC_ACQUIRE);
    struct catalogue_entry entry = catalogue_find(catalogue, path, strlen(path));

    return entry.kind == CATALOGUE_FILE ? entry.file : NULL;
}

/* -1: it is not served. */
static int64_t served_size(const char *path)
{
    pthread_mutex_lock(&worker.turn);
    const struct file *file = served(path);
    int64_t size = file != NULL ? (int64_t)file->size : -1;
    pthread_mutex_unlock(&worker.turn);
    return size;
}

static void moment(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        time_t end = time(NULL) + PATIENCE_S;                                                      \
        while (!(condition)) {                                                                     \
            ck_assert_msg(time(NULL) < end, "in vain: %s\n%s", #condition, root.said);             \
            moment();                                                                              \
        }                                                                                          \
    } while (0)

/* Until the keeper has looked at all that happened so far. */
static void reload(void)
{
    ck_assert(keeper_reload(keeper, true));
}

static bool served_is(const char *path, const char *name, size_t size)
{
    uint8_t *bytes = malloc(size + 1);

    pthread_mutex_lock(&worker.turn);
    const struct file *file = served(path);
    bool same = file != NULL && file->size == size;

    if (same) {
        file_copy(file, 0, (uint32_t)size, bytes);
        same = docroot_content_is(name, bytes, size);
    }
    pthread_mutex_unlock(&worker.turn);
    free(bytes);
    return same;
}

/* Content as of `name`, put where `path` is, at once: as editors and rsync do. */
static void replace(const char *path, const char *name, size_t size)
{
    char from[PATH_MAX];

    docroot_write(&root, name, size);
    snprintf(from, sizeof(from), "%s", docroot_path(&root, name));
    ck_assert_int_eq(rename(from, docroot_path(&root, path)), 0);
}

static void move(const char *from, const char *to)
{
    char old[PATH_MAX];

    snprintf(old, sizeof(old), "%s", docroot_path(&root, from));
    ck_assert_int_eq(rename(old, docroot_path(&root, to)), 0);
}

/* ---- what is noticed ---- */

START_TEST(files_are_added_changed_and_removed)
{
    docroot_write(&root, "a", 1000);
    follow(0, true);
    docroot_write(&root, "b", 2000);
    WAIT_FOR(report().counts.added == 1);
    ck_assert(served_is("b", "b", 2000));
    docroot_write(&root, "a", 3000);
    WAIT_FOR(report().counts.changed == 1);
    ck_assert(served_is("a", "a", 3000));
    unlink(docroot_path(&root, "b"));
    WAIT_FOR(report().counts.removed == 1);
    ck_assert_int_eq(served_size("b"), -1);
    ck_assert_uint_eq(report().rescans, 0);
}
END_TEST

START_TEST(a_file_renamed_over_another_takes_its_place)
{
    docroot_write(&root, "d/a", 1000);
    follow(0, true);
    replace("d/a", "d/.a.new", 5000);
    WAIT_FOR(report().counts.changed == 1);
    ck_assert(served_is("d/a", "d/.a.new", 5000));
    ck_assert_int_eq(served_size("d/.a.new"), -1);
}
END_TEST

START_TEST(a_directory_moves_with_all_that_is_in_it_and_nothing_is_read_again)
{
    docroot_write(&root, "d/e/a", 1000);
    docroot_write(&root, "d/b", 2000);
    follow(0, true);
    const uint8_t *a = served("d/e/a")->extents[0].data, *b = served("d/b")->extents[0].data;
    move("d", "moved");
    WAIT_FOR(report().counts.removed == 2);
    ck_assert_int_eq(served_size("d/e/a"), -1);
    ck_assert_ptr_eq(served("moved/e/a")->extents[0].data, a);
    ck_assert_ptr_eq(served("moved/b")->extents[0].data, b);
    /* It is watched where it is now. */
    docroot_write(&root, "moved/e/c", 300);
    WAIT_FOR(served_is("moved/e/c", "moved/e/c", 300));
    ck_assert_int_eq(served_size("d/e/c"), -1);
}
END_TEST

START_TEST(new_directories_are_watched)
{
    follow(0, true);
    docroot_write(&root, "x/y/z/a", 100); /* makes them one by one */
    WAIT_FOR(served_is("x/y/z/a", "x/y/z/a", 100));
    docroot_write(&root, "x/y/z/b", 100);
    WAIT_FOR(served_is("x/y/z/b", "x/y/z/b", 100));
    ck_assert_uint_eq(report().watched, 4);
}
END_TEST

START_TEST(a_symlink_that_is_turned_shows_the_other_directory_at_once)
{
    docroot_write(&root, "releases/1/a", 100);
    docroot_write(&root, "releases/1/only", 100);
    docroot_write(&root, "releases/2/a", 200);
    docroot_symlink(&root, "current", "releases/1");
    follow(0, true);
    ck_assert(served_is("current/a", "releases/1/a", 100));
    docroot_symlink(&root, "next", "releases/2");
    move("next", "current");
    WAIT_FOR(served_is("current/a", "releases/2/a", 200));
    ck_assert_int_eq(served_size("current/only"), -1);
    /* A change is seen by both of its names. */
    docroot_write(&root, "releases/2/b", 300);
    WAIT_FOR(served_is("current/b", "releases/2/b", 300));
    ck_assert(served_is("releases/2/b", "releases/2/b", 300));
}
END_TEST

START_TEST(a_symlink_to_a_file_follows_it)
{
    docroot_write(&root, "there/target", 100);
    docroot_symlink(&root, "here/link", "../there/target");
    follow(0, true);
    replace("there/target", "new", 700);
    WAIT_FOR(served_is("here/link", "new", 700));
    ck_assert(served_is("there/target", "new", 700));
}
END_TEST

START_TEST(a_hard_link_is_a_name_more)
{
    docroot_write(&root, "a", 100);
    follow(0, true);
    ck_assert_int_eq(link(docroot_path(&root, "a"), "hard-link"), 0);
    ck_assert_int_eq(rename("hard-link", docroot_path(&root, "b")), 0);
    WAIT_FOR(served_size("b") == 100);
    reload();
    ck_assert_ptr_eq(served("a")->extents[0].data, served("b")->extents[0].data);
}
END_TEST

START_TEST(without_inotify_the_tree_is_looked_through)
{
    docroot_write(&root, "d/a", 100);
    follow(50000000, false);
    replace("d/a", "new", 700);
    docroot_write(&root, "d/b", 100);
    WAIT_FOR(served_is("d/a", "new", 700) && served_size("d/b") == 100);
    unlink(docroot_path(&root, "d/b"));
    WAIT_FOR(served_size("d/b") == -1);
}
END_TEST

START_TEST(reload_returns_when_it_is_served)
{
    follow(0, false);
    docroot_write(&root, "a", 100);
    reload();
    ck_assert(served_is("a", "a", 100));
    reload();
    ck_assert_uint_eq(report().rescans, 2);
    ck_assert_uint_eq(report().versions, 2);
}
END_TEST

START_TEST(root_that_is_gone_leaves_what_was_served)
{
    char aside[PATH_MAX + 8];

    docroot_write(&root, "a", 100);
    follow(0, false);
    snprintf(aside, sizeof(aside), "%s.aside", root.path);
    ck_assert_int_eq(rename(root.path, aside), 0);
    reload();
    ck_assert(served_is("a", "a", 100));
    WAIT_FOR(docroot_said(&root, "what was served before is served on"));
    ck_assert_int_eq(rename(aside, root.path), 0);
}
END_TEST

/* ---- what is not published ---- */

START_TEST(a_file_that_is_being_written_is_served_when_its_writer_is_done)
{
    static const char bytes[1000];

    docroot_write(&root, "a", 500);
    follow(0, true);
    int fd = open(docroot_path(&root, "a"), O_WRONLY | O_TRUNC);
    for (unsigned i = 0; i < 10; i++) {
        char name[16];
        ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
        snprintf(name, sizeof(name), "other%u", i); /* something else happens beside it */
        docroot_write(&root, name, 1);
        WAIT_FOR(served_size(name) == 1);
        ck_assert_int_eq(served_size("a"), 500);
    }
    close(fd);
    WAIT_FOR(served_size("a") == 10000);
}
END_TEST

START_TEST(a_new_file_that_nobody_is_known_to_write_waits_until_it_has_settled)
{
    follow(20000000, false);
    docroot_write(&root, "a", 100);
    struct stat st;
    ck_assert_int_eq(stat(docroot_path(&root, "a"), &st), 0);
    WAIT_FOR(served_size("a") == 100);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ns =
        (now.tv_sec - st.st_ctim.tv_sec) * 1000000000 + now.tv_nsec - st.st_ctim.tv_nsec;
    ck_assert_int_ge(age_ns, (int64_t)UPDATE_SETTLE_NS);
}
END_TEST

/* ---- old states ---- */

START_TEST(an_old_state_stays_as_long_as_somebody_refers_to_it)
{
    docroot_write(&root, "a", 100000);
    follow(0, true);
    uint64_t free_before = report().usage.free_bytes;
    const struct file *old = served("a");
    struct file_pin *pin = &worker.pins[old->index];
    static uint8_t bytes[100000];

    __atomic_store_n(&pin->responses, 1, __ATOMIC_RELAXED);
    replace("a", "new", 100000);
    WAIT_FOR(report().retired == 1);
    ck_assert(served_is("a", "new", 100000));
    ck_assert_uint_eq(report().retired_bytes, 100000);
    for (unsigned i = 0; i < 20; i++) { /* others come and go meanwhile */
        char name[16];
        snprintf(name, sizeof(name), "new%u", i);
        replace("b", name, 100000);
        WAIT_FOR(served_is("b", name, 100000));
    }
    file_copy(old, 0, sizeof(bytes), bytes);
    ck_assert(docroot_content_is("a", bytes, sizeof(bytes)));
    /* The last response ends; packets are still in flight. */
    __atomic_store_n(&pin->in_flight, 3, __ATOMIC_RELAXED);
    __atomic_store_n(&pin->responses, 0, __ATOMIC_RELAXED);
    WAIT_FOR(report().retired == 1);
    reload();
    ck_assert_uint_eq(report().retired, 1);
    file_copy(old, 0, sizeof(bytes), bytes);
    ck_assert(docroot_content_is("a", bytes, sizeof(bytes)));
    __atomic_store_n(&pin->in_flight, 0, __ATOMIC_RELAXED);
    WAIT_FOR(report().retired == 0);
    unlink(docroot_path(&root, "b"));
    WAIT_FOR(report().usage.free_bytes == free_before);
}
END_TEST

START_TEST(a_worker_that_has_not_taken_the_version_keeps_all_of_the_old_one)
{
    docroot_write(&root, "a", 1000);
    follow(0, true);
    __atomic_store_n(&worker.slow, true, __ATOMIC_RELEASE);
    unlink(docroot_path(&root, "a"));
    WAIT_FOR(__atomic_load_n(&worker.posted_serial, __ATOMIC_ACQUIRE) == 1);
    for (unsigned i = 0; i < 50; i++) {
        ck_assert(served_is("a", "a", 1000));
        moment();
    }
    __atomic_store_n(&worker.slow, false, __ATOMIC_RELEASE);
    worker_take();
    WAIT_FOR(report().usage.free_bytes == ARENA_BYTES);
    ck_assert_int_eq(served_size("a"), -1);
}
END_TEST

START_TEST(a_thousand_replacements_leave_no_trace)
{
    docroot_write(&root, "a", 30000);
    follow(0, true);
    uint64_t free_before = report().usage.free_bytes;

    for (unsigned i = 0; i < 1000; i++)
        replace("a", i % 2 == 0 ? "even" : "odd", 30000);
    WAIT_FOR(report().retired == 0 && served_is("a", "odd", 30000));
    reload();
    WAIT_FOR(report().retired == 0);
    ck_assert_uint_eq(report().usage.free_bytes, free_before);
    ck_assert_uint_eq(report().files, 1);
}
END_TEST

/* ---- at the maximum ---- */

START_TEST(without_room_the_old_state_is_served_until_there_is_room)
{
    docroot_write(&root, "a", 1000);
    docroot_write(&root, "large", 3 << 20);
    follow(0, true);
    replace("a", "new", 2 << 20);
    WAIT_FOR(report().counts.full == 1);
    ck_assert(served_is("a", "a", 1000));
    /* Said after it is counted. */
    WAIT_FOR(
        docroot_said(&root, "its old state is served: a: the pool has no room for its 2.0 MiB"));
    unlink(docroot_path(&root, "large"));
    WAIT_FOR(served_is("a", "new", 2 << 20));
}
END_TEST

START_TEST(more_files_than_there_is_room_for_are_not_served)
{
    char name[16];

    follow(0, false);
    for (unsigned i = 0; i < FILES_MAX + 3; i++) {
        snprintf(name, sizeof(name), "%u", i);
        docroot_write(&root, name, 10);
    }
    reload();
    ck_assert_uint_eq(report().files, FILES_MAX);
    ck_assert_uint_eq(report().counts.refused, 3);
    WAIT_FOR(docroot_said(&root, "pool.files"));
    for (unsigned i = 0; i < FILES_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        unlink(docroot_path(&root, name));
    }
    reload();
    WAIT_FOR(report().retired == 0);
    reload(); /* there are indices again */
    ck_assert_uint_eq(report().files, 3);
}
END_TEST

/* ---- verification ---- */

static struct verify_report verify(const char *pattern, bool disk)
{
    struct verify_request request = { .disk = disk };
    struct verify_report r;

    snprintf(request.pattern, sizeof(request.pattern), "%s", pattern);
    uint64_t serial = keeper_verify(keeper, &request);
    ck_assert_uint_ne(serial, 0);
    do {
        moment();
        ck_assert(keeper_verify_report(keeper, &r));
    } while (r.running);
    ck_assert_uint_eq(r.serial, serial);
    return r;
}

START_TEST(what_is_as_it_was_read_is_found_so)
{
    docroot_write(&root, "d/a", 1000);
    docroot_write(&root, "d/large", 2 << 20);
    docroot_write(&root, "empty", 0);
    ck_assert_int_eq(link(docroot_path(&root, "d/a"), "hard-link"), 0);
    ck_assert_int_eq(rename("hard-link", docroot_path(&root, "b")), 0);
    follow(0, true);
    struct verify_report r = verify("", false);
    ck_assert_uint_eq(r.files, 4);
    ck_assert_uint_eq(r.bytes, 1000 + (2 << 20));
    ck_assert_uint_eq(r.damaged + r.differing + r.disk_files, 0);
    r = verify("", true);
    ck_assert_uint_eq(r.disk_files, 3);
    ck_assert_uint_eq(r.disk_bytes, 1000 + (2 << 20));
    ck_assert_uint_eq(r.damaged + r.differing + r.changed + r.unread, 0);
    ck_assert_uint_eq(verify("d", false).files, 2);
    ck_assert_uint_eq(verify("d/a", false).files, 1);
    ck_assert_uint_eq(verify("*a*", false).files, 2);
    ck_assert_uint_eq(verify("nothing", false).files, 0);
}
END_TEST

static uint8_t *byte_of(const char *path, size_t at)
{
    return served(path)->extents[0].data + at;
}

START_TEST(a_damaged_byte_is_found_and_mended)
{
    static const size_t places[] = { 0, 127, 128, 70000, 299999 };

    docroot_write(&root, "a", 300000);
    docroot_write(&root, "other", 300000);
    ck_assert_int_eq(link(docroot_path(&root, "a"), "hard-link"), 0);
    ck_assert_int_eq(rename("hard-link", docroot_path(&root, "b")), 0);
    follow(0, true);
    const uint8_t *other = byte_of("other", 0);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const uint8_t *before = byte_of("a", 0);
        *byte_of("a", places[i]) ^= 4;
        struct verify_report r = verify("", false);
        ck_assert_uint_eq(r.damaged, 1);
        ck_assert_uint_eq(r.finding_count, 1);
        ck_assert_int_eq(r.findings[0].fault, VERIFY_DAMAGED);
        WAIT_FOR(served_is("a", "a", 300000) && served_is("b", "a", 300000));
        WAIT_FOR(report().retired == 0);
        ck_assert_ptr_ne(byte_of("a", 0), before);
        ck_assert_ptr_eq(byte_of("a", 0), byte_of("b", 0));
        ck_assert_uint_eq(verify("", false).damaged, 0);
    }
    ck_assert_ptr_eq(byte_of("other", 0), other);
    ck_assert_uint_eq(report().files, 3);
    WAIT_FOR(docroot_said(&root, "is damaged in the pool, in 1 blocks of 128 bytes, the first at "
                                 "byte 69888"));
}
END_TEST

/* Their sum stays what it was. */
START_TEST(words_that_changed_places_are_found)
{
    docroot_write(&root, "a", 300000);
    follow(0, true);
    uint8_t *bytes = byte_of("a", 1000), word[2];
    memcpy(word, bytes, 2);
    memcpy(bytes, bytes + 2, 2);
    memcpy(bytes + 2, word, 2);
    ck_assert_int_ne(memcmp(bytes, bytes + 2, 2), 0);
    ck_assert_uint_eq(verify("a", false).damaged, 1);
    WAIT_FOR(docroot_said(&root, "its hash is another"));
    WAIT_FOR(served_is("a", "a", 300000));
}
END_TEST

START_TEST(a_damaged_file_that_finds_no_room_is_not_served_until_it_does)
{
    docroot_write(&root, "large", 3 << 20);
    follow(0, true);
    const struct file *file = served("large");
    struct file_pin *pin = &worker.pins[file->index];
    __atomic_store_n(&pin->responses, 1, __ATOMIC_RELAXED); /* keeps its room */
    *byte_of("large", 77) ^= 1;
    ck_assert_uint_eq(verify("", false).damaged, 1);
    WAIT_FOR(served_size("large") == -1);
    __atomic_store_n(&pin->responses, 0, __ATOMIC_RELAXED);
    WAIT_FOR(served_is("large", "large", 3 << 20));
}
END_TEST

START_TEST(a_file_with_other_bytes_at_the_same_times_is_read_again)
{
    struct stat st;

    docroot_write(&root, "a", 5000);
    docroot_write(&root, "new", 5000);
    follow(0, false);
    char new[PATH_MAX];
    snprintf(new, sizeof(new), "%s", docroot_path(&root, "new"));
    int to = open(docroot_path(&root, "a"), O_WRONLY), from = open(new, O_RDONLY);
    uint8_t bytes[5000];
    ck_assert_int_eq(read(from, bytes, sizeof(bytes)), 5000);
    ck_assert_int_eq(write(to, bytes, sizeof(bytes)), 5000);
    ck_assert_int_eq(fstat(to, &st), 0);
    close(to);
    close(from);
    ck_assert_uint_eq(verify("a", true).changed, 1); /* it is told apart by its times */
    /* As if the clock had not ticked in between. */
    struct content_id *id = &updater.content_of[served("a")->index]->id;
    id->mtime_s = st.st_mtim.tv_sec;
    id->mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
    id->ctime_s = st.st_ctim.tv_sec;
    id->ctime_ns = (uint32_t)st.st_ctim.tv_nsec;
    ck_assert_uint_eq(verify("", false).damaged, 0);
    struct verify_report r = verify("", true);
    ck_assert_uint_eq(r.differing, 1);
    ck_assert_str_eq(r.findings[0].path, "a");
    WAIT_FOR(served_is("a", "new", 5000));
}
END_TEST

Suite *keeper_suite(void)
{
    Suite *suite = suite_create("keeper");
    TCase *tcase = tcase_create("keeper");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, files_are_added_changed_and_removed);
    tcase_add_test(tcase, a_file_renamed_over_another_takes_its_place);
    tcase_add_test(tcase, a_directory_moves_with_all_that_is_in_it_and_nothing_is_read_again);
    tcase_add_test(tcase, new_directories_are_watched);
    tcase_add_test(tcase, a_symlink_that_is_turned_shows_the_other_directory_at_once);
    tcase_add_test(tcase, a_symlink_to_a_file_follows_it);
    tcase_add_test(tcase, a_hard_link_is_a_name_more);
    tcase_add_test(tcase, without_inotify_the_tree_is_looked_through);
    tcase_add_test(tcase, reload_returns_when_it_is_served);
    tcase_add_test(tcase, root_that_is_gone_leaves_what_was_served);
    tcase_add_test(tcase, a_file_that_is_being_written_is_served_when_its_writer_is_done);
    tcase_add_test(tcase, a_new_file_that_nobody_is_known_to_write_waits_until_it_has_settled);
    tcase_add_test(tcase, an_old_state_stays_as_long_as_somebody_refers_to_it);
    tcase_add_test(tcase, a_worker_that_has_not_taken_the_version_keeps_all_of_the_old_one);
    tcase_add_test(tcase, a_thousand_replacements_leave_no_trace);
    tcase_add_test(tcase, without_room_the_old_state_is_served_until_there_is_room);
    tcase_add_test(tcase, more_files_than_there_is_room_for_are_not_served);
    tcase_add_test(tcase, what_is_as_it_was_read_is_found_so);
    tcase_add_test(tcase, a_damaged_byte_is_found_and_mended);
    tcase_add_test(tcase, words_that_changed_places_are_found);
    tcase_add_test(tcase, a_damaged_file_that_finds_no_room_is_not_served_until_it_does);
    tcase_add_test(tcase, a_file_with_other_bytes_at_the_same_times_is_read_again);
    suite_add_tcase(suite, tcase);
    return suite;
}
