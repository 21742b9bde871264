/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool as a whole, on DPDK and hugepages. Without a fork per test: EAL is initialised once. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_memory.h>

#include "base/checksum.h"
#include "base/prng.h"
#include "docroot.h"
#include "mempool/pool.h"
#include "mempool/prefix_sum.h"
#include "suites.h"

static struct docroot root;
static char error[POOL_ERROR_BYTES];
static struct arena_locked at_start;

static void setup(void)
{
    docroot_create(&root);
    at_start = arena_locked_read();
}

/* Whatever a test did, nothing stays pinned or mapped. */
static void teardown(void)
{
    struct arena_locked at_end = arena_locked_read();

    docroot_remove(&root);
    ck_assert_uint_eq(at_end.hugetlb, at_start.hugetlb);
    ck_assert_uint_eq(at_end.pinned, at_start.pinned);
    ck_assert_uint_eq(at_end.locked, at_start.locked);
}

static struct pool_config config_for_root(void)
{
    return (struct pool_config){ .root = root.path, .node = -1, .log = docroot_log, .ctx = &root };
}

static struct pool *pool_make(void)
{
    const struct pool_config config = config_for_root();
    struct pool *pool = pool_create(&config, error, sizeof(error));

    ck_assert_msg(pool != NULL, "%s", error);
    return pool;
}

static const struct file *file_named(const struct pool *pool, const char *path)
{
    struct catalogue_entry entry = catalogue_find(pool_catalogue(pool), path, strlen(path));

    ck_assert_msg(entry.kind == CATALOGUE_FILE, "%s is not there:\n%s", path, root.said);
    return entry.file;
}

static void assert_served(const struct pool *pool, const char *path, uint64_t size)
{
    const struct file *file = file_named(pool, path);

    ck_assert_uint_eq(file->size, size);
    ck_assert_uint_eq(file->extent_count, size != 0);
    ck_assert(size == 0 || docroot_content_is(path, file->extents[0].data, size));
}

static struct pool_report report_of(const struct pool *pool)
{
    struct pool_report report;

    pool_report(pool, &report);
    return report;
}

/* ---- what is in it ---- */

START_TEST(files_and_directories_are_in_the_catalogue)
{
    docroot_write(&root, "index.html", 1000);
    docroot_write(&root, "d/large.bin", 3 << 20);
    docroot_write(&root, "d/empty.txt", 0);
    struct pool *pool = pool_make();

    assert_served(pool, "index.html", 1000);
    assert_served(pool, "d/large.bin", 3 << 20);
    assert_served(pool, "d/empty.txt", 0);
    ck_assert_str_eq(file_named(pool, "index.html")->type, "text/html");
    ck_assert_int_eq(catalogue_find(pool_catalogue(pool), "d", 1).kind, CATALOGUE_DIRECTORY);
    ck_assert_int_eq(catalogue_find(pool_catalogue(pool), "", 0).kind, CATALOGUE_DIRECTORY);
    pool_destroy(pool);
}
END_TEST

START_TEST(sums_are_those_of_the_bytes)
{
    struct prng prng = { .state = 8 };
    struct file_pin pin = { 0 };

    docroot_write(&root, "a", 2000003);
    struct pool *pool = pool_make();
    const struct file *file = file_named(pool, "a");
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t from = prng_below(&prng, file->size - 1500);
        uint32_t len = (uint32_t)prng_below(&prng, 1500) + 1;
        struct tx_extent out;
        struct tx_fill fill = { .extent = &out, .extents_max = 1, .want_sums = true };
        ck_assert_uint_eq(file_resolve(file, from, len, &pin, &fill), len);
        ck_assert_uint_eq(out.sum % 0xffff, checksum_bytes(out.data, len) % 0xffff);
    }
    pool_destroy(pool);
}
END_TEST

START_TEST(names_of_one_file_share_its_bytes)
{
    docroot_write(&root, "real/a.txt", 600);
    docroot_symlink(&root, "current", "real");
    ck_assert_int_eq(link(docroot_path(&root, "real/a.txt"), "hard-link"), 0);
    ck_assert_int_eq(rename("hard-link", docroot_path(&root, "b.html")), 0);
    struct pool *pool = pool_make();
    const struct file *a = file_named(pool, "real/a.txt"), *b = file_named(pool, "b.html");
    const struct file *c = file_named(pool, "current/a.txt");

    ck_assert_ptr_eq(a->extents[0].data, b->extents[0].data);
    ck_assert_ptr_eq(a->extents[0].data, c->extents[0].data);
    ck_assert_mem_eq(a->etag, c->etag, FILE_ETAG_BYTES);
    ck_assert_str_eq(a->type, "text/plain");
    ck_assert_str_eq(b->type, "text/html");
    ck_assert_uint_eq(report_of(pool).files, 3);
    ck_assert_uint_eq(report_of(pool).file_bytes, 1800);
    ck_assert_uint_lt(report_of(pool).used_bytes, 1200);
    pool_destroy(pool);
}
END_TEST

START_TEST(no_file_is_newer_than_now)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = INT64_C(1) << 33 } };

    docroot_write(&root, "a", 1);
    ck_assert_int_eq(utimensat(AT_FDCWD, docroot_path(&root, "a"), times, 0), 0);
    struct pool *pool = pool_make();
    ck_assert_int_le(file_named(pool, "a")->mtime_s, time(NULL));
    pool_destroy(pool);
}
END_TEST

START_TEST(empty_root_is_an_empty_pool)
{
    struct pool *pool = pool_make();

    ck_assert_uint_eq(report_of(pool).files, 0);
    pool_destroy(pool);
}
END_TEST

/* ---- its memory ---- */

START_TEST(report_shows_what_the_kernel_pinned)
{
    docroot_write(&root, "a", 3 << 20);
    struct pool *pool = pool_make();
    struct pool_report report = report_of(pool);

    ck_assert_uint_eq(report.files, 1);
    ck_assert_uint_eq(report.file_bytes, 3 << 20);
    ck_assert_uint_ge(report.page_bytes, 2 << 20);
    ck_assert_uint_ge(report.arena_bytes, report.used_bytes);
    ck_assert_uint_ge(report.sum_bytes, 2 * prefix_sum_entries(report.arena_bytes));
    ck_assert_uint_eq(report.vm_hugetlb, at_start.hugetlb + report.arena_bytes + report.sum_bytes);
    if (strcmp(report.reader, "io_uring") == 0)
        ck_assert_uint_ge(report.vm_pinned, at_start.pinned + report.arena_bytes);
    else
        fprintf(stderr, "SKIP: growth of VmPin: %s", root.said);
    pool_destroy(pool);
}
END_TEST

START_TEST(eal_knows_the_arena)
{
    docroot_write(&root, "a", 3 << 20);
    struct pool *pool = pool_make();
    const struct arena *arena = pool_arena(pool);
    const struct rte_memseg *segment = rte_mem_virt2memseg(arena->base + 5, NULL);

    ck_assert_ptr_nonnull(segment);
    ck_assert_ptr_eq(segment->addr, arena->base);
    ck_assert_uint_eq(segment->iova, arena_iova(arena, arena->base));
    ck_assert_uint_eq(arena_iova(arena, arena->base + arena->page_bytes - 1),
                      segment->iova + arena->page_bytes - 1);
    pool_destroy(pool);
    ck_assert_ptr_null(rte_mem_virt2memseg(segment, NULL));
}
END_TEST

/* The physical address of p, as the kernel tells it; 0: it does not. */
static uint64_t physical(const uint8_t *p)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY);

    if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)p / 4096 * 8)) != 8)
        entry = 0;
    if (fd >= 0)
        close(fd);
    return (entry & ((UINT64_C(1) << 55) - 1)) * 4096 + ((uintptr_t)p & 4095);
}

START_TEST(device_addresses_are_of_the_kind_that_eal_uses)
{
    docroot_write(&root, "a", 9 << 20);
    struct pool *pool = pool_make();
    const struct arena *arena = pool_arena(pool);
    const struct pool_report report = report_of(pool);
    bool is_physical = rte_eal_iova_mode() == RTE_IOVA_PA;

    ck_assert_int_eq(report.iova_physical, is_physical);
    for (uint64_t at = 0; at < arena->bytes; at += arena->page_bytes / 2 + 4096) {
        const uint8_t *p = arena->base + at;
        uint64_t wanted = is_physical ? physical(p) : (uintptr_t)p;
        ck_assert_uint_ne(wanted, 0);
        ck_assert_uint_eq(arena_iova(arena, p), wanted);
        ck_assert(wanted >= report.iova_first && wanted < report.iova_end);
        ck_assert_uint_eq(arena_page_room(arena, p), arena->page_bytes - at % arena->page_bytes);
    }
    pool_destroy(pool);
}
END_TEST

START_TEST(pages_of_both_sizes_are_one_pool)
{
    const uint64_t large = hugepage_bytes[0], small = hugepage_bytes[1];
    struct pool_config config = config_for_root();
    struct node_pages nodes[ARENA_NODES_MAX];
    int absent;

    docroot_write(&root, "a", 3 << 20);
    config.bytes = large + 5 * small;
    nodes_read(-1, NULL, 0, nodes, &absent);
    if (nodes[0].size[0].usable < 1) {
        fprintf(stderr, "SKIP: both sizes in one pool: a hugepage of 1 GiB is needed\n");
        return;
    }
    struct pool *pool = pool_create(&config, error, sizeof(error));
    ck_assert_msg(pool != NULL, "%s", error);
    const struct arena *arena = pool_arena(pool);
    ck_assert_uint_eq(arena->part_count, 2);
    assert_served(pool, "a", 3 << 20); /* from the end downward: across the smaller pages */
    for (unsigned i = 0; i < 2; i++) {
        const struct arena_part *part = &arena->parts[i];
        const struct rte_memseg *segment = rte_mem_virt2memseg(arena->base + part->offset, NULL);
        ck_assert_ptr_nonnull(segment);
        ck_assert_uint_eq(segment->hugepage_sz, part->page_bytes);
        for (uint64_t at = part->offset; at < part->offset + part->bytes; at += small) {
            segment = rte_mem_virt2memseg(arena->base + at, NULL);
            ck_assert_uint_eq(segment->iova +
                                  (uint64_t)(arena->base + at - (uint8_t *)segment->addr),
                              arena_iova(arena, arena->base + at));
        }
    }
    if (strcmp(report_of(pool).reader, "io_uring") == 0)
        ck_assert_uint_ge(report_of(pool).vm_pinned, at_start.pinned + arena->bytes);
    pool_destroy(pool);
}
END_TEST

static int signal_of_write(const uint8_t *to)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not the sanitizer's */
        *(volatile uint8_t *)(uintptr_t)to = 1;
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

START_TEST(a_stray_write_to_a_sealed_pool_faults)
{
    docroot_write(&root, "a", 1000);
    struct pool *pool = pool_make();
    const struct file *file = file_named(pool, "a");

    ck_assert_int_eq(pool_seal(pool, error, sizeof(error)), 0);
    ck_assert_int_eq(signal_of_write(file->extents[0].data), SIGSEGV);
    assert_served(pool, "a", 1000);
    pool_destroy(pool);
}
END_TEST

START_TEST(a_device_without_mappings_needs_none)
{
    struct rte_eth_dev_info info;

    docroot_write(&root, "a", 1);
    struct pool *pool = pool_make();
    ck_assert_int_eq(rte_eth_dev_info_get(0, &info), 0);
    ck_assert_int_eq(pool_dma_map(pool, info.device, error, sizeof(error)), DMA_NOT_NEEDED);
    pool_destroy(pool);
}
END_TEST

/* ---- what goes wrong ---- */

static void assert_refused(const struct pool_config *config, const char *const *parts)
{
    ck_assert_ptr_null(pool_create(config, error, sizeof(error)));
    for (; *parts != NULL; parts++)
        ck_assert_msg(strstr(error, *parts) != NULL, "no '%s' in: %s", *parts, error);
    ck_assert_ptr_null(strchr(error, '\n'));
}

START_TEST(too_small_a_pool_says_by_how_much)
{
    struct pool_config config = config_for_root();
    const uint64_t needed = (3 << 20) + 512;
    char short_by[64], at_least[64];

    docroot_write(&root, "a", 3 << 20);
    docroot_write(&root, "b", 5);
    config.bytes = 1 << 20;
    snprintf(short_by, sizeof(short_by), "%lu bytes short", needed - config.bytes);
    snprintf(at_least, sizeof(at_least), "at least %lu bytes", needed);
    assert_refused(&config, (const char *const[]){ "2 files", "3.0 MiB", "1.0 MiB", short_by,
                                                   at_least, "--pool", NULL });
    config.bytes = needed;
    struct pool *pool = pool_create(&config, error, sizeof(error));
    ck_assert_msg(pool != NULL, "%s", error);
    assert_served(pool, "a", 3 << 20);
    pool_destroy(pool);
}
END_TEST

START_TEST(too_few_hugepages_says_how_to_get_them)
{
    struct pool_config config = config_for_root();

    config.bytes = UINT64_C(1) << 50;
    assert_refused(&config, (const char *const[]){ "1.0 PiB need 53687", " hugepages of 2 MiB",
                                                   "short", "| sudo tee /sys/", NULL });
}
END_TEST

START_TEST(missing_root_is_named)
{
    struct pool_config config = config_for_root();

    config.root = "/nonexistent/www";
    assert_refused(&config, (const char *const[]){ "ROOT /nonexistent/www: No such file", NULL });
}
END_TEST

START_TEST(files_that_cannot_be_served_are_left_out)
{
    docroot_write(&root, "a", 10);
    ck_assert_int_eq(mkfifo(docroot_path(&root, "pipe"), 0644), 0);
    docroot_symlink(&root, "out", "/etc/passwd");
    struct pool *pool = pool_make();

    assert_served(pool, "a", 10);
    ck_assert_uint_eq(report_of(pool).files, 1);
    ck_assert_uint_eq(report_of(pool).skipped, 2);
    ck_assert_int_eq(catalogue_find(pool_catalogue(pool), "out", 3).kind, CATALOGUE_ABSENT);
    pool_destroy(pool);
    pool_destroy(NULL);
}
END_TEST

static Suite *pool_suite(void)
{
    Suite *suite = suite_create("pool");
    TCase *tcase = tcase_create("pool");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, files_and_directories_are_in_the_catalogue);
    tcase_add_test(tcase, sums_are_those_of_the_bytes);
    tcase_add_test(tcase, names_of_one_file_share_its_bytes);
    tcase_add_test(tcase, no_file_is_newer_than_now);
    tcase_add_test(tcase, empty_root_is_an_empty_pool);
    tcase_add_test(tcase, report_shows_what_the_kernel_pinned);
    tcase_add_test(tcase, eal_knows_the_arena);
    tcase_add_test(tcase, device_addresses_are_of_the_kind_that_eal_uses);
    tcase_add_test(tcase, pages_of_both_sizes_are_one_pool);
    tcase_add_test(tcase, a_stray_write_to_a_sealed_pool_faults);
    tcase_add_test(tcase, a_device_without_mappings_needs_none);
    tcase_add_test(tcase, too_small_a_pool_says_by_how_much);
    tcase_add_test(tcase, too_few_hugepages_says_how_to_get_them);
    tcase_add_test(tcase, missing_root_is_named);
    tcase_add_test(tcase, files_that_cannot_be_served_are_left_out);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* mempool_pool_test [va|pa]: what EAL gives devices as addresses */
int main(int argc, char **argv)
{
    /* 32 pages for EAL, at most 8 for a test's pool. */
    const unsigned long pages_needed = 40;
    char texts[][32] = { "mempool_pool_test",
                         "--no-pci",
                         "--in-memory",
                         "--no-telemetry",
                         "-m",
                         "64",
                         "-l",
                         "0",
                         "--vdev=net_null0",
                         "--log-level=error",
                         "--iova-mode=va" };
    enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
    char *args[COUNT + 1] = { NULL };

    for (unsigned i = 0; i < COUNT; i++)
        args[i] = texts[i];
    if (argc > 1)
        snprintf(texts[COUNT - 1], sizeof(texts[0]), "--iova-mode=%s", argv[1]);
    const uint64_t usable = hugepages_usable(hugepage_bytes[1]);
    if (usable < pages_needed) {
        fprintf(stderr,
                "SKIP: %lu hugepages of 2 MiB are free, %lu are needed: echo %lu | sudo tee "
                "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages\n",
                usable, pages_needed, pages_needed);
        return EXIT_SKIPPED;
    }
    if (rte_eal_init(COUNT, args) < 0) {
        fprintf(stderr, "SKIP: EAL did not start: %s (are you root?)\n", rte_strerror(rte_errno));
        return EXIT_SKIPPED;
    }
    SRunner *runner = srunner_create(pool_suite());
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    rte_eal_cleanup();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
