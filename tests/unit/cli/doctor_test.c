/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor, shown machines that are made of files in a temporary directory. */
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/doctor.h"
#include "app/doctor_report.h"
#include "cli_test.h"

static char machine[TEMP_PATH_BYTES];

static void machine_begin(void)
{
    snprintf(machine, sizeof(machine), "%s/hugewire-machine-XXXXXX", temp_directory());
    ck_assert_ptr_nonnull(mkdtemp(machine));
}

static int entry_remove(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    return remove(path);
}

static void machine_end(void)
{
    nftw(machine, entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the directories of path below the machine; full gets the whole path. */
static void parents_make(char full[PATH_MAX], const char *path)
{
    snprintf(full, PATH_MAX, "%s%s", machine, path);
    for (char *slash = full + strlen(machine) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
}

static void file_make(const char *path, const char *text)
{
    char full[PATH_MAX];

    parents_make(full, path);
    FILE *file = fopen(full, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void link_make(const char *path, const char *target)
{
    char full[PATH_MAX];

    parents_make(full, path);
    ck_assert_int_eq(symlink(target, full), 0);
}

/* What one check says of the machine, with the columns' spaces. */
static const char *check_says(void (*check)(struct report *), struct report *report,
                              struct said *said)
{
    said_open(said);
    report->out = said->stream;
    report->machine = machine;
    check(report);
    return said_text(said);
}

#define PAGES_2M "/sys/kernel/mm/hugepages/hugepages-2048kB/"

START_TEST(no_free_hugepages_is_missing_and_the_command_keeps_those_in_use)
{
    struct report report = { .root_bytes = UINT64_C(100) << 20 };
    struct said said;

    file_make(PAGES_2M "nr_hugepages", "10\n");
    file_make(PAGES_2M "free_hugepages", "0\n");
    const char *text = check_says(doctor_hugepages, &report, &said);
    ck_assert_ptr_nonnull(strstr(text, "missing  2 MiB hugepages  0 of 10 free\n"));
    /* 10 in use, 100 MiB for files, 128 MiB beside them */
    ck_assert_ptr_nonnull(strstr(text, "-> echo 124 > /sys/kernel/mm/hugepages/"));
    ck_assert_uint_eq(report.missing, 1);
    said_free(&said);
}
END_TEST

START_TEST(too_few_hugepages_for_root_is_a_warning)
{
    struct report report = { .root_bytes = UINT64_C(100) << 20 };
    struct said said;

    file_make(PAGES_2M "nr_hugepages", "113\n");
    file_make(PAGES_2M "free_hugepages", "113\n");
    check_says(doctor_hugepages, &report, &said);
    ck_assert_uint_eq(report.warnings, 1);
    said_free(&said);
    file_make(PAGES_2M "nr_hugepages", "114\n");
    file_make(PAGES_2M "free_hugepages", "114\n");
    report.warnings = 0;
    check_says(doctor_hugepages, &report, &said);
    ck_assert_uint_eq(report.warnings + report.missing, 0);
    said_free(&said);
}
END_TEST

START_TEST(hugepages_are_told_by_node)
{
    struct report report = { 0 };
    struct said said;

    file_make(PAGES_2M "nr_hugepages", "30\n");
    file_make(PAGES_2M "free_hugepages", "20\n");
    file_make("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "10\n");
    file_make("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "5\n");
    file_make("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "20\n");
    file_make("/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "15\n");
    ck_assert_ptr_nonnull(strstr(check_says(doctor_hugepages, &report, &said),
                                 "20 of 30 free (node0: 5 of 10, node1: 15 of 20)"));
    said_free(&said);
}
END_TEST

START_TEST(missing_tun_has_its_remedy)
{
    struct report report = { 0 };
    struct said said;

    ck_assert_ptr_nonnull(
        strstr(check_says(doctor_tun, &report, &said),
               "-> modprobe tun; mkdir -p /dev/net; mknod /dev/net/tun c 10 200"));
    ck_assert_uint_eq(report.missing, 1);
    said_free(&said);
}
END_TEST

START_TEST(missing_driver_and_media_types_name_their_packages)
{
    struct report report = { 0 };
    struct said said;

    ck_assert_ptr_nonnull(
        strstr(check_says(doctor_drivers, &report, &said), "-> apt-get install libdpdk-dev"));
    said_free(&said);
    ck_assert_ptr_nonnull(
        strstr(check_says(doctor_types, &report, &said), "-> apt-get install media-types"));
    said_free(&said);
    ck_assert_uint_eq(report.missing, 1);
    ck_assert_uint_eq(report.warnings, 1);
}
END_TEST

START_TEST(nics_are_told_with_driver_and_node)
{
    struct report report = { 0 };
    struct said said;

    file_make("/sys/devices/pci/0000:03:00.0/numa_node", "1\n");
    file_make("/sys/devices/pci/0000:03:00.0/net/eth7/x", "");
    file_make("/sys/devices/pci/0000:03:00.0/class", "0x020000\n");
    link_make("/sys/devices/pci/0000:03:00.0/driver", "../../bus/pci/drivers/ixgbe");
    file_make("/sys/class/net/eth7/operstate", "up\n");
    link_make("/sys/class/net/eth7/device", "../../../devices/pci/0000:03:00.0");
    file_make("/sys/class/net/lo/operstate", "unknown\n");
    link_make("/sys/bus/pci/devices/0000:03:00.0", "../../../devices/pci/0000:03:00.0");
    file_make("/sys/bus/pci/devices/0000:03:00.1/class", "0x020000\n");
    link_make("/sys/bus/pci/devices/0000:03:00.1/driver", "../../drivers/vfio-pci");
    file_make("/sys/bus/pci/devices/0000:04:00.0/class", "0x010802\n");
    const char *text = check_says(doctor_nics, &report, &said);
    ck_assert_str_eq(text, "ok       NIC              eth7 (0000:03:00.0), kernel driver ixgbe, "
                           "up, NUMA node 1\n"
                           "ok       NIC              0000:03:00.1, no interface, driver "
                           "vfio-pci, NUMA node 0\n"
                           "                          -> ready: hugewire serve --device "
                           "pci:0000:03:00.1 ROOT\n");
    said_free(&said);
}
END_TEST

#define NODE(n) "/sys/devices/system/node/node" n

/* Two nodes with a NIC on the second. */
static void two_nodes(const char *pages0, const char *pages1)
{
    file_make(NODE("0") "/cpulist", "0-7\n");
    file_make(NODE("0") "/distance", "10 21\n");
    file_make(NODE("0") "/hugepages/hugepages-2048kB/free_hugepages", pages0);
    file_make(NODE("1") "/cpulist", "8-15\n");
    file_make(NODE("1") "/distance", "21 10\n");
    file_make(NODE("1") "/hugepages/hugepages-2048kB/free_hugepages", pages1);
    file_make("/sys/bus/pci/devices/0000:81:00.0/class", "0x020000\n");
    file_make("/sys/bus/pci/devices/0000:81:00.0/numa_node", "1\n");
    file_make("/sys/bus/pci/devices/0000:02:00.0/class", "0x010802\n"); /* a disk */
    file_make("/sys/bus/pci/devices/0000:02:00.0/numa_node", "0\n");
}

START_TEST(nic_and_hugepages_on_one_node_are_well)
{
    struct report report = { 0 };
    struct said said;

    two_nodes("100\n", "50\n");
    ck_assert_str_eq(
        check_says(doctor_numa, &report, &said),
        "ok       NUMA             node 0: cores 0-7, distances 10 21, 100 hugepages "
        "free\n"
        "ok       NUMA             node 1: cores 8-15, distances 21 10, 50 hugepages "
        "free\n"
        "ok       NUMA             0000:81:00.0 is on node 1: 50 hugepages free there; "
        "--cores 8-15\n");
    ck_assert_uint_eq(report.warnings, 0);
    said_free(&said);
}
END_TEST

START_TEST(hugepages_on_another_node_than_the_nic_are_warned_of)
{
    struct report report = { 0 };
    struct said said;

    two_nodes("100\n", "0\n");
    const char *text = check_says(doctor_numa, &report, &said);
    ck_assert_ptr_nonnull(strstr(text, "warn     NUMA             0000:81:00.0 is on node 1, free "
                                       "hugepages on node 0, at distance 21 (10 is its own)\n"));
    ck_assert_ptr_nonnull(
        strstr(text, "-> drivers_cfg/hugepages.sh --node 1 SIZE; serve --cores 8-15\n"));
    ck_assert_uint_eq(report.warnings, 1);
    ck_assert_uint_eq(report.missing, 0);
    said_free(&said);
}
END_TEST

START_TEST(machine_of_one_node_has_no_distances)
{
    struct report report = { 0 };
    struct said said;

    file_make(NODE("0") "/cpulist", "0-7\n");
    ck_assert_str_eq(check_says(doctor_numa, &report, &said),
                     "ok       NUMA             one node\n");
    said_free(&said);
}
END_TEST

START_TEST(iommu_and_vfio_are_only_warned_of)
{
    struct report report = { 0 };
    struct said said;

    check_says(doctor_iommu, &report, &said);
    said_free(&said);
    check_says(doctor_vfio, &report, &said);
    said_free(&said);
    ck_assert_uint_eq(report.missing, 0);
    ck_assert_uint_eq(report.warnings, 2);
    file_make("/sys/class/iommu/dmar0/x", "");
    file_make("/sys/bus/pci/drivers/vfio-pci/x", "");
    file_make("/dev/vfio/vfio", "");
    file_make("/dev/vfio/12", "");
    check_says(doctor_iommu, &report, &said);
    said_free(&said);
    ck_assert_ptr_nonnull(strstr(check_says(doctor_vfio, &report, &said), "1 groups bound"));
    said_free(&said);
    ck_assert_uint_eq(report.warnings, 2);
}
END_TEST

START_TEST(root_is_measured_in_pages)
{
    struct report report = { .root = machine };
    struct said said;

    file_make("/a/one", "x");
    file_make("/a/none", "");
    link_make("/a/link", "one");
    ck_assert_ptr_nonnull(
        strstr(check_says(doctor_root, &report, &said), "2 files, 4KiB in pages of 4 KiB"));
    /* With room for changes, a 64th for sums, and the rest of two pages. */
    ck_assert_uint_eq(report.root_bytes, 4608 + 72 + (4 << 20));
    said_free(&said);
}
END_TEST

static void mode_set(const char *path, mode_t mode)
{
    char full[PATH_MAX];

    snprintf(full, sizeof(full), "%s%s", machine, path);
    ck_assert_int_eq(chmod(full, mode), 0);
}

/* The directory above the machine is the tester's own, and may be closed. */
static unsigned long closed_entries(struct report *report, struct said *said)
{
    unsigned long n;
    const char *at = strstr(check_says(doctor_user, report, said), "may not read ");

    return at != NULL && sscanf(at, "may not read %lu", &n) == 1 ? n : 0;
}

START_TEST(what_nobody_may_not_read_is_counted)
{
    struct report report = { .root = machine };
    struct said said;

    file_make("/a/one", "x");
    file_make("/a/two", "x");
    mode_set("", 0755);
    mode_set("/a", 0755);
    unsigned long above = closed_entries(&report, &said);
    said_free(&said);
    mode_set("/a/two", 0640);
    ck_assert_uint_eq(closed_entries(&report, &said), above + 1);
    ck_assert_ptr_nonnull(strstr(said.text, "-> chmod -R a+rX "));
    said_free(&said);
    mode_set("/a", 0711);
    ck_assert_uint_eq(closed_entries(&report, &said), above + 2);
    said_free(&said);
    ck_assert_uint_ge(report.warnings, 2);
    ck_assert_uint_eq(report.missing, 0);
}
END_TEST

START_TEST(bare_machine_gets_a_verdict_and_exit_status_1)
{
    struct said said;

    said_open(&said);
    ck_assert_int_eq(doctor_run(machine, "/nowhere/at/all", said.stream), 1);
    const char *text = said_text(&said);
    ck_assert_ptr_nonnull(strstr(text, "missing  ROOT             /nowhere/at/all: No such file"));
    ck_assert_ptr_nonnull(strstr(text, "hugewire serve on a TAP device would not work here: "));
    said_free(&said);
}
END_TEST

TCase *doctor_case(void)
{
    TCase *c = tcase_create("doctor");

    tcase_add_checked_fixture(c, machine_begin, machine_end);
    tcase_add_test(c, no_free_hugepages_is_missing_and_the_command_keeps_those_in_use);
    tcase_add_test(c, too_few_hugepages_for_root_is_a_warning);
    tcase_add_test(c, hugepages_are_told_by_node);
    tcase_add_test(c, missing_tun_has_its_remedy);
    tcase_add_test(c, missing_driver_and_media_types_name_their_packages);
    tcase_add_test(c, nics_are_told_with_driver_and_node);
    tcase_add_test(c, nic_and_hugepages_on_one_node_are_well);
    tcase_add_test(c, hugepages_on_another_node_than_the_nic_are_warned_of);
    tcase_add_test(c, machine_of_one_node_has_no_distances);
    tcase_add_test(c, iommu_and_vfio_are_only_warned_of);
    tcase_add_test(c, root_is_measured_in_pages);
    tcase_add_test(c, what_nobody_may_not_read_is_counted);
    tcase_add_test(c, bare_machine_gets_a_verdict_and_exit_status_1);
    return c;
}
