/* SPDX-License-Identifier: BSD-3-Clause */
#include <numa.h>
#include <numaif.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "docroot.h"
#include "mempool/arena.h"
#include "suites.h"

#define TOO_MUCH (UINT64_C(1) << 50) /* no machine has reserved that many hugepages */

static char error[POOL_ERROR_BYTES];
static struct docroot said;

static void setup(void)
{
    said.log = (struct pool_log){ .line = docroot_log, .ctx = &said };
}

/* On whatever pages there are. */
static void make(struct arena *arena, uint64_t bytes)
{
    const struct arena_config config = { .bytes = bytes, .node = -1, .allow_small_pages = true };

    ck_assert_msg(arena_create(arena, &config, &said.log, error, sizeof(error)) == 0, "%s", error);
}

START_TEST(is_at_least_as_large_as_asked_and_writable)
{
    struct arena arena;

    make(&arena, 300000);
    ck_assert_uint_ge(arena.bytes, 300000);
    ck_assert_uint_eq(arena.bytes % arena.page_bytes, 0);
    ck_assert_uint_eq(UINT64_C(1) << arena.page_shift, arena.page_bytes);
    memset(arena.base, 0x5a, arena.bytes);
    ck_assert(arena_contains(&arena, arena.base + arena.bytes - 1));
    ck_assert(!arena_contains(&arena, arena.base + arena.bytes));
    ck_assert(!arena_contains(&arena, arena.base - 1));
    arena_destroy(&arena);
    ck_assert_ptr_null(arena.base);
    arena_destroy(&arena);
}
END_TEST

/* What free pages of 1 GiB, on all nodes, would hold. */
static uint64_t on_large_pages(void)
{
    struct node_pages nodes[ARENA_NODES_MAX];
    uint64_t pages = 0;
    int absent;

    for (unsigned i = nodes_read(-1, NULL, 0, nodes, &absent); i-- > 0;)
        pages += nodes[i].size[0].usable;
    return pages * hugepage_bytes[0];
}

START_TEST(too_few_hugepages_says_how_many_are_missing_and_the_command)
{
    const struct arena_config config = { .bytes = TOO_MUCH, .node = -1 };
    struct arena arena;
    unsigned long need, have, missing, reserve;
    char *at;

    ck_assert_int_eq(arena_create(&arena, &config, &said.log, error, sizeof(error)), -1);
    ck_assert_ptr_null(arena.base);
    at = strstr(error, "need ");
    ck_assert_ptr_nonnull(at);
    ck_assert_int_eq(sscanf(at,
                            "need %lu hugepages of 2 MiB, %lu are free: %lu short; reserve them: "
                            "echo %lu | sudo tee /sys/kernel/mm/hugepages/",
                            &need, &have, &missing, &reserve),
                     4);
    ck_assert_uint_eq(need, (TOO_MUCH - on_large_pages()) >> 21);
    ck_assert_uint_eq(missing, need - have);
    ck_assert_uint_ge(reserve, missing);
    ck_assert_ptr_null(strchr(error, '\n'));
}
END_TEST

START_TEST(a_node_that_does_not_exist_is_named)
{
    const struct arena_config config = { .bytes = 1, .node = 4000 };
    struct arena arena;

    ck_assert_int_eq(arena_create(&arena, &config, &said.log, error, sizeof(error)), -1);
    ck_assert_msg(strstr(error, "NUMA node 4000") != NULL, "%s", error);
}
END_TEST

START_TEST(even_small_pages_can_be_too_few)
{
    const struct arena_config config = { .bytes = TOO_MUCH, .node = -1, .allow_small_pages = true };
    struct arena arena;

    ck_assert_int_eq(arena_create(&arena, &config, &said.log, error, sizeof(error)), -1);
    ck_assert(docroot_said(&said, "going on with small pages"));
    ck_assert_msg(strstr(error, "mmap") != NULL || strstr(error, "lock") != NULL, "%s", error);
}
END_TEST

/* In a child: 0 if it lived. */
static int signal_of_write(uint8_t *to)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not the sanitizer's */
        *(volatile uint8_t *)to = 1;
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

START_TEST(a_write_after_sealing_faults)
{
    struct arena arena;

    make(&arena, 1);
    arena.base[7] = 42;
    ck_assert_int_eq(signal_of_write(arena.base + 7), 0);
    ck_assert_int_eq(arena_seal(&arena, error, sizeof(error)), 0);
    ck_assert_int_eq(signal_of_write(arena.base + 7), SIGSEGV);
    ck_assert_int_eq(signal_of_write(arena.base + arena.bytes - 1), SIGSEGV);
    arena_destroy(&arena);
}
END_TEST

/* ---- pages of both sizes, and their node ---- */

static int node_of(void *page)
{
    int status = -1;

    return move_pages(0, 1, &page, NULL, &status, 0) == 0 ? status : -1;
}

START_TEST(each_page_lies_on_its_node)
{
    struct arena arena;
    const struct arena_config config = { .bytes = 6 << 20, .node = 0, .allow_small_pages = true };

    if (numa_available() < 0) {
        fprintf(stderr, "SKIP: the kernel knows no NUMA nodes\n");
        return;
    }
    ck_assert_msg(arena_create(&arena, &config, &said.log, error, sizeof(error)) == 0, "%s", error);
    ck_assert_int_eq(arena.node, 0);
    for (uint64_t at = 0; at < arena.bytes; at += arena.page_bytes)
        ck_assert_int_eq(node_of(arena.base + at), arena_part_at(&arena, at)->node);
    arena_destroy(&arena);
}
END_TEST

START_TEST(pages_of_both_sizes_are_one_arena)
{
    const uint64_t large = hugepage_bytes[0], small = hugepage_bytes[1];
    const struct arena_config config = { .bytes = large + small + 1, .node = -1 };
    struct node_pages nodes[ARENA_NODES_MAX];
    struct arena_locked before = arena_locked_read(), now;
    struct arena arena;
    int absent;

    nodes_read(-1, NULL, 0, nodes, &absent);
    if (nodes[0].size[0].usable < 1 || nodes[0].size[1].usable < 2) {
        fprintf(stderr, "SKIP: both sizes in one arena: a hugepage of 1 GiB is needed, "
                        "echo 1 | sudo tee "
                        "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages\n");
        return;
    }
    ck_assert_msg(arena_create(&arena, &config, &said.log, error, sizeof(error)) == 0, "%s", error);
    ck_assert_uint_eq(arena.part_count, 2);
    ck_assert_uint_eq(arena.parts[0].page_bytes, large);
    ck_assert_uint_eq(arena.parts[0].bytes, large);
    ck_assert_uint_eq(arena.parts[1].page_bytes, small);
    ck_assert_uint_eq(arena.parts[1].offset, large);
    ck_assert_uint_eq(arena.bytes, large + 2 * small);
    ck_assert_uint_eq(arena.page_bytes, small);
    ck_assert_uint_eq((uintptr_t)arena.base % large, 0);
    now = arena_locked_read();
    ck_assert_uint_eq(now.hugetlb, before.hugetlb + arena.bytes);
    memset(arena.base + large - 8, 0x5a, 16); /* across the seam */
    ck_assert_int_eq(arena_seal(&arena, error, sizeof(error)), 0);
    ck_assert_int_eq(signal_of_write(arena.base + large - 1), SIGSEGV);
    ck_assert_int_eq(signal_of_write(arena.base + large), SIGSEGV);
    ck_assert_uint_eq(arena.base[large + 7], 0x5a);
    arena_destroy(&arena);
}
END_TEST

START_TEST(a_slice_has_the_parts_within_it)
{
    uint8_t memory[1];
    struct arena slice, arena = { .base = memory, .bytes = 100, .part_count = 3 };

    arena.parts[0] = (struct arena_part){ .bytes = 40, .node = 1, .distance = 20 };
    arena.parts[1] = (struct arena_part){ .offset = 40, .bytes = 50, .node = 0, .distance = 10 };
    arena.parts[2] = (struct arena_part){ .offset = 90, .bytes = 10, .node = 1, .distance = 20 };
    slice = arena_slice(&arena, 30, 60);
    ck_assert_ptr_eq(slice.base, memory + 30);
    ck_assert_uint_eq(slice.part_count, 2);
    ck_assert_uint_eq(slice.parts[0].offset, 0);
    ck_assert_uint_eq(slice.parts[0].bytes, 10);
    ck_assert_uint_eq(slice.parts[1].offset, 10);
    ck_assert_uint_eq(slice.parts[1].bytes, 50);
    ck_assert_int_eq(arena_part_at(&slice, 9)->node, 1);
    ck_assert_int_eq(arena_part_at(&slice, 10)->node, 0);
    unsigned order[ARENA_PARTS_MAX];
    arena_parts_by_distance(&arena, order);
    ck_assert_uint_eq(order[0], 1);
    ck_assert_uint_eq(order[1], 0);
    ck_assert_uint_eq(order[2], 2);
}
END_TEST

START_TEST(device_addresses_follow_the_table_of_pages)
{
    uint8_t memory[6] = { 0 };
    const uint64_t iovas[] = { 0x40000000, 0x10000000 };
    struct arena arena = {
        .base = memory, .bytes = 2 << 21, .page_bytes = 1 << 21, .page_shift = 21
    };

    ck_assert_uint_eq(arena_iova(&arena, memory + 5), (uintptr_t)memory + 5);
    arena.iovas = iovas;
    ck_assert_uint_eq(arena_iova(&arena, memory), 0x40000000);
    arena.base = (uint8_t *)(UINT64_C(1) << 40);
    ck_assert_uint_eq(arena_iova(&arena, arena.base + (1 << 21) - 1), 0x40000000 + (1 << 21) - 1);
    ck_assert_uint_eq(arena_iova(&arena, arena.base + (1 << 21) + 3), 0x10000003);
    ck_assert_uint_eq(arena_page_room(&arena, arena.base + (1 << 21) - 1), 1);
    ck_assert_uint_eq(arena_page_room(&arena, arena.base + (1 << 21)), 1 << 21);
}
END_TEST

START_TEST(pages_of_a_file_outlive_their_mapping)
{
    int file = memfd_create("pages", MFD_CLOEXEC);
    struct arena arena;
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    ck_assert_int_gt(file, 0);
    ck_assert_int_eq(ftruncate(file, (off_t)(8 * page)), 0);
    ck_assert_int_eq(arena_map_file(&arena, file, page, 4 * page, -1, error, sizeof(error)), 0);
    ck_assert_uint_eq(arena.bytes, 4 * page);
    ck_assert_uint_eq(arena.page_bytes, page);
    ck_assert_int_eq(arena.file, file);
    ck_assert_uint_eq(arena.base[0], 0);
    memset(arena.base, 0x5a, arena.bytes);
    ck_assert_int_eq(arena_seal(&arena, error, sizeof(error)), 0);
    arena_destroy(&arena);
    ck_assert_int_eq(arena_map_file(&arena, file, 0, 8 * page, -1, error, sizeof(error)), 0);
    ck_assert_uint_eq(arena.base[page - 1], 0);
    ck_assert_uint_eq(arena.base[page], 0x5a);
    ck_assert_uint_eq(arena.base[5 * page - 1], 0x5a);
    ck_assert_uint_eq(arena.base[5 * page], 0);
    arena_destroy(&arena);
    close(file);
}
END_TEST

START_TEST(a_file_without_enough_hugepages_is_an_error)
{
    int file = memfd_create("pages", MFD_CLOEXEC | MFD_HUGETLB);
    struct arena arena;

    ck_assert_int_gt(file, 0);
    ck_assert_int_eq(ftruncate(file, INT64_C(1) << 46), 0);
    ck_assert_int_eq(arena_map_file(&arena, file, 0, UINT64_C(1) << 46, -1, error, sizeof(error)),
                     -1);
    ck_assert_msg(strstr(error, " pages are free, 33554432 are needed") != NULL, "%s", error);
    close(file);
}
END_TEST

START_TEST(locked_memory_is_what_the_kernel_counts)
{
    struct arena_locked before = arena_locked_read(), after;
    struct arena arena;

    make(&arena, 1 << 20);
    after = arena_locked_read();
    ck_assert_uint_eq(after.locked + after.hugetlb, before.locked + before.hugetlb + arena.bytes);
    arena_destroy(&arena);
    after = arena_locked_read();
    ck_assert_uint_eq(after.locked + after.hugetlb, before.locked + before.hugetlb);
}
END_TEST

Suite *arena_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("arena");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 60); /* a busy machine clears a page of 1 GiB for seconds */
    tcase_add_test(tcase, is_at_least_as_large_as_asked_and_writable);
    tcase_add_test(tcase, too_few_hugepages_says_how_many_are_missing_and_the_command);
    tcase_add_test(tcase, a_node_that_does_not_exist_is_named);
    tcase_add_test(tcase, even_small_pages_can_be_too_few);
    tcase_add_test(tcase, a_write_after_sealing_faults);
    tcase_add_test(tcase, each_page_lies_on_its_node);
    tcase_add_test(tcase, pages_of_both_sizes_are_one_arena);
    tcase_add_test(tcase, a_slice_has_the_parts_within_it);
    tcase_add_test(tcase, device_addresses_follow_the_table_of_pages);
    tcase_add_test(tcase, pages_of_a_file_outlive_their_mapping);
    tcase_add_test(tcase, a_file_without_enough_hugepages_is_an_error);
    tcase_add_test(tcase, locked_memory_is_what_the_kernel_counts);
    suite_add_tcase(suite, tcase);
    return suite;
}
