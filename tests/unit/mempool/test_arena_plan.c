/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages for an arena, on machines made up and on this one. */
#include <numa.h>

#include "mempool/arena_plan.h"
#include "suites.h"

#define GIB   (UINT64_C(1) << 30)
#define MIB   (UINT64_C(1) << 20)
#define LARGE GIB
#define SMALL (2 * MIB)

static struct arena_piece pieces[ARENA_PARTS_MAX];
static uint64_t missing;

static struct node_pages node(int number, uint64_t large, uint64_t small)
{
    struct node_pages node = { .node = number };

    node.size[0].usable = large;
    node.size[1].usable = small;
    return node;
}

static unsigned plan(const struct node_pages *nodes, unsigned count, uint64_t bytes)
{
    return arena_plan(nodes, count, bytes, pieces, &missing);
}

static void assert_piece(unsigned i, unsigned on, uint64_t page_bytes, uint64_t pages)
{
    ck_assert_uint_eq(pieces[i].node, on);
    ck_assert_uint_eq(pieces[i].page_bytes, page_bytes);
    ck_assert_uint_eq(pieces[i].pages, pages);
}

/* ---- one node ---- */

START_TEST(large_pages_first_and_small_ones_for_the_rest)
{
    struct node_pages n = node(0, 8, 1000);

    ck_assert_uint_eq(plan(&n, 1, 3 * GIB + 5), 2);
    assert_piece(0, 0, LARGE, 3);
    assert_piece(1, 0, SMALL, 1);
    ck_assert_uint_eq(missing, 0);
}
END_TEST

START_TEST(less_than_a_large_page_takes_small_ones)
{
    struct node_pages n = node(0, 8, 1000);

    ck_assert_uint_eq(plan(&n, 1, GIB - SMALL), 1);
    assert_piece(0, 0, SMALL, 511);
    ck_assert_uint_eq(plan(&n, 1, 1), 1);
    assert_piece(0, 0, SMALL, 1);
}
END_TEST

START_TEST(whole_large_pages_need_no_small_ones)
{
    struct node_pages n = node(0, 2, 0);

    ck_assert_uint_eq(plan(&n, 1, 2 * GIB), 1);
    assert_piece(0, 0, LARGE, 2);
    ck_assert_uint_eq(missing, 0);
}
END_TEST

START_TEST(where_large_pages_run_out_small_ones_go_on)
{
    struct node_pages n = node(0, 2, 4096);

    ck_assert_uint_eq(plan(&n, 1, 5 * GIB), 2);
    assert_piece(0, 0, LARGE, 2);
    assert_piece(1, 0, SMALL, 1536);
}
END_TEST

START_TEST(where_small_pages_are_too_few_a_large_one_holds_the_rest)
{
    struct node_pages n = node(0, 4, 10);

    ck_assert_uint_eq(plan(&n, 1, 2 * GIB + 11 * SMALL), 1);
    assert_piece(0, 0, LARGE, 3);
    ck_assert_uint_eq(missing, 0);
}
END_TEST

START_TEST(what_found_no_page_is_missing)
{
    struct node_pages n = node(0, 1, 10);

    plan(&n, 1, GIB + 15 * SMALL - 1);
    ck_assert_uint_eq(missing, 5 * SMALL);
    n = node(0, 0, 0);
    ck_assert_uint_eq(plan(&n, 1, 1), 0);
    ck_assert_uint_eq(missing, SMALL);
}
END_TEST

/* ---- several ---- */

START_TEST(a_second_node_helps_only_when_the_first_has_too_few)
{
    struct node_pages n[] = { node(1, 2, 512), node(0, 9, 9000) };

    ck_assert_uint_eq(plan(n, 2, 3 * GIB), 2);
    assert_piece(0, 0, LARGE, 2);
    assert_piece(1, 0, SMALL, 512);
    ck_assert_uint_eq(plan(n, 2, 5 * GIB + SMALL), 4);
    assert_piece(2, 1, LARGE, 2);
    assert_piece(3, 1, SMALL, 1);
    ck_assert_uint_eq(missing, 0);
}
END_TEST

START_TEST(an_empty_node_is_passed_over)
{
    struct node_pages n[] = { node(0, 0, 0), node(1, 0, 3), node(2, 0, 3) };

    ck_assert_uint_eq(plan(n, 3, 5 * SMALL), 2);
    assert_piece(0, 1, SMALL, 3);
    assert_piece(1, 2, SMALL, 2);
    plan(n, 3, 9 * SMALL);
    ck_assert_uint_eq(missing, 3 * SMALL);
}
END_TEST

START_TEST(near_pages_that_are_larger_go_before_far_ones_that_fit)
{
    struct node_pages n[] = { node(0, 1, 0), node(1, 0, 9000) };

    ck_assert_uint_eq(plan(n, 2, 100 * MIB), 1);
    assert_piece(0, 0, LARGE, 1);
}
END_TEST

START_TEST(as_many_nodes_as_there_may_be)
{
    struct node_pages n[ARENA_NODES_MAX];

    for (unsigned i = 0; i < ARENA_NODES_MAX; i++)
        n[i] = node((int)i, 1, 1);
    ck_assert_uint_eq(plan(n, ARENA_NODES_MAX, 100 * GIB), ARENA_PARTS_MAX);
    ck_assert_uint_eq(missing, 100 * GIB - ARENA_NODES_MAX * (LARGE + SMALL));
}
END_TEST

START_TEST(what_others_need_is_left_to_them)
{
    struct node_pages n[] = { node(0, 2, 100), node(1, 0, 9000) };

    node_keep(&n[0], 40 * SMALL - 1);
    ck_assert_uint_eq(n[0].size[1].usable, 60);
    node_keep(&n[0], 70 * SMALL);
    ck_assert_uint_eq(n[0].size[1].usable, 0);
    ck_assert_uint_eq(n[0].size[0].usable, 1);
    node_keep(&n[0], 90 * GIB);
    ck_assert_uint_eq(n[0].size[0].usable, 0);
    ck_assert_uint_eq(plan(n, 2, SMALL), 1);
    assert_piece(0, 1, SMALL, 1);
}
END_TEST

/* ---- this machine ---- */

START_TEST(the_first_node_is_the_one_asked_for)
{
    struct node_pages nodes[ARENA_NODES_MAX];
    int absent, here = numa_available() < 0 ? -1 : numa_max_node();

    ck_assert_uint_ge(nodes_read(here, NULL, 0, nodes, &absent), 1);
    ck_assert_int_eq(nodes[0].node, here);
    ck_assert_uint_eq(nodes[0].distance, NODE_DISTANCE_OWN);
    ck_assert_uint_ge(nodes_read(-1, NULL, 0, nodes, &absent), 1);
}
END_TEST

START_TEST(a_node_that_is_not_there_is_told)
{
    struct node_pages nodes[ARENA_NODES_MAX];
    const int wanted[] = { 0, 1000 };
    int absent;

    if (numa_available() < 0)
        return;
    ck_assert_uint_eq(nodes_read(-1, wanted, 2, nodes, &absent), 0);
    ck_assert_int_eq(absent, 1000);
    ck_assert_uint_eq(nodes_read(1001, NULL, 0, nodes, &absent), 0);
    ck_assert_int_eq(absent, 1001);
    ck_assert_uint_eq(nodes_read(-1, wanted, 1, nodes, &absent), 1);
    ck_assert_int_eq(nodes[0].node, 0);
}
END_TEST

Suite *arena_plan_suite(void)
{
    Suite *suite = suite_create("arena plan");
    TCase *tcase = tcase_create("arena plan");

    tcase_add_test(tcase, large_pages_first_and_small_ones_for_the_rest);
    tcase_add_test(tcase, less_than_a_large_page_takes_small_ones);
    tcase_add_test(tcase, whole_large_pages_need_no_small_ones);
    tcase_add_test(tcase, where_large_pages_run_out_small_ones_go_on);
    tcase_add_test(tcase, where_small_pages_are_too_few_a_large_one_holds_the_rest);
    tcase_add_test(tcase, what_found_no_page_is_missing);
    tcase_add_test(tcase, a_second_node_helps_only_when_the_first_has_too_few);
    tcase_add_test(tcase, an_empty_node_is_passed_over);
    tcase_add_test(tcase, near_pages_that_are_larger_go_before_far_ones_that_fit);
    tcase_add_test(tcase, as_many_nodes_as_there_may_be);
    tcase_add_test(tcase, what_others_need_is_left_to_them);
    tcase_add_test(tcase, the_first_node_is_the_one_asked_for);
    tcase_add_test(tcase, a_node_that_is_not_there_is_told);
    suite_add_tcase(suite, tcase);
    return suite;
}
