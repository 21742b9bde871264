/* SPDX-License-Identifier: BSD-3-Clause */
#include "io_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers_cfg/device.h"

/* --- what a user may write -----------------------------------------------------------------------
 */

static const struct {
    const char *spec;
    const char *option, *arg;
} good[] = {
    { "tap:hw0", NULL, "" },
    { "tap:fifteen-letters", NULL, "" },
    { "af_packet:eth0", "--vdev", "net_af_packet0,iface=eth0,qpairs=3" },
    { "af_xdp:eth0.7", "--vdev", "net_af_xdp0,iface=eth0.7,start_queue=0,queue_count=3" },
    { "pci:0000:03:00.1", "-a", "0000:03:00.1" },
    { "pci:03:00.1", "-a", "0000:03:00.1" },
    { "pci:ABCD:ef:1f.7", "-a", "abcd:ef:1f.7" },
    { "vdev:net_null0,size=64", "--vdev", "net_null0,size=64" },
    { "vdev:virtio_user0,path=/dev/vhost-net", "--vdev", "virtio_user0,path=/dev/vhost-net" },
};

START_TEST(a_good_device_becomes_an_eal_argument)
{
    struct device device = { 0 };
    char error[DEVICE_ERROR_BYTES] = "", arg[DEVICE_ARG_BYTES];
    const char *option;

    ck_assert_msg(device_parse(&device, good[_i].spec, error), "%s: %s", good[_i].spec, error);
    device_eal_argument(&device, 3, &option, arg);
    ck_assert_pstr_eq(option, good[_i].option);
    ck_assert_str_eq(arg, good[_i].arg);
}
END_TEST

/* Of several devices of one kind each has its name; large packets have frames that hold them. */
static const struct {
    const char *spec;
    unsigned number;
    uint16_t mtu;
    const char *name, *arg;
    uint32_t frame_bytes;
} numbered[] = {
    { "tap:a", 2, 9000, "tap:a", "", 0 },
    { "af_xdp:a", 1, 3000, "net_af_xdp1", "net_af_xdp1,iface=a,start_queue=0,queue_count=1", 0 },
    { "af_packet:a", 7, 1500, "net_af_packet7", "net_af_packet7,iface=a,qpairs=1", 0 },
    { "af_packet:a", 0, 1501, "net_af_packet0",
      "net_af_packet0,iface=a,qpairs=1,framesz=4096,blocksz=4096", 4096 },
    { "af_packet:a", 0, 9216, "net_af_packet0",
      "net_af_packet0,iface=a,qpairs=1,framesz=12288,blocksz=12288", 12288 },
    { "pci:03:00.1", 3, 9000, "0000:03:00.1", "0000:03:00.1", 0 },
    { "vdev:net_null4,size=64", 1, 9000, "net_null4", "net_null4,size=64", 0 },
};

START_TEST(each_device_has_a_name_and_room_for_its_mtu)
{
    struct device device = { .number = numbered[_i].number, .mtu = numbered[_i].mtu };
    char error[DEVICE_ERROR_BYTES] = "", arg[DEVICE_ARG_BYTES], name[DEVICE_NAME_BYTES];
    const char *option;

    ck_assert_msg(device_parse(&device, numbered[_i].spec, error), "%s", error);
    device_eal_argument(&device, 1, &option, arg);
    ck_assert_str_eq(arg, numbered[_i].arg);
    ck_assert_str_eq(device_dpdk_name(&device, name), numbered[_i].name);
    ck_assert_uint_eq(device_frame_bytes(&device), numbered[_i].frame_bytes);
}
END_TEST

/* The loopback interface is there everywhere; its MTU is 65536. */
START_TEST(an_interface_is_looked_for)
{
    struct device device = { .mtu = 9000 };
    char error[DEVICE_ERROR_BYTES] = "";

    ck_assert(device_parse(&device, "af_packet:lo", error));
    ck_assert_msg(device_check(&device, &device_host, error), "%s", error);
    device.mtu = UINT16_MAX;
    ck_assert(device_check(&device, &device_host, error));
    ck_assert(device_parse(&device, "af_packet:no-such-one", error));
    ck_assert(!device_check(&device, &device_host, error));
    ck_assert_ptr_nonnull(strstr(error, "no interface 'no-such-one'"));
}
END_TEST

static const struct {
    const char *spec;
    const char *says;
} bad[] = {
    { "", "tap:NAME" },
    { "hw0", "tap:NAME" },
    { "floppy:0", "'floppy:0'" },
    { "tap:", "missing" },
    { "tap:sixteen-letters-", "15 are the most" },
    { "tap:a b", "not allowed" },
    { "tap:a/b", "not allowed" },
    { "tap:a,persist", "not allowed" },
    { "tap:hw%d", "not allowed" },
    { "tap:..", "cannot be" },
    { "af_packet:", "missing" },
    { "af_xdp:eth0,a=1", "not allowed" },
    { "pci:", "0000:03:00.0" },
    { "pci:03:00", "0000:03:00.0" },
    { "pci:03:00.8", "0000:03:00.0" },
    { "pci:03:20.0", "0000:03:00.0" },
    { "pci:03:00.00", "0000:03:00.0" },
    { "pci:0000-03:00.0", "0000:03:00.0" },
    { "pci:0000:03:00.0,x=1", "0000:03:00.0" },
    { "pci:zz:00.0", "0000:03:00.0" },
    { "vdev:", "net_null0" },
    { "vdev:crypto_null0", "net_null0" },
};

START_TEST(a_bad_device_is_refused_with_a_reason)
{
    struct device device;
    char error[DEVICE_ERROR_BYTES] = "";

    ck_assert_msg(!device_parse(&device, bad[_i].spec, error), "%s", bad[_i].spec);
    ck_assert_msg(strstr(error, bad[_i].says) != NULL, "%s: %s", bad[_i].spec, error);
    ck_assert_ptr_null(strchr(error, '\n'));
}
END_TEST

START_TEST(a_device_of_any_length_is_refused_without_harm)
{
    struct device device;
    char error[DEVICE_ERROR_BYTES] = "", spec[2000];
    static const char *const kinds[] = { "tap:", "pci:", "vdev:net_", "" };

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        memset(spec, 'a', sizeof(spec));
        memcpy(spec, kinds[i], strlen(kinds[i]));
        spec[sizeof(spec) - 1] = '\0';
        ck_assert(!device_parse(&device, spec, error));
        ck_assert_uint_lt(strlen(error), 400);
    }
}
END_TEST

/* --- what the host has ---------------------------------------------------------------------------
 */

static bool check(const char *spec, const struct device_host *host, char error[DEVICE_ERROR_BYTES])
{
    struct device device;

    ck_assert(device_parse(&device, spec, error));
    return device_check(&device, host, error);
}

START_TEST(interfaces_are_looked_up)
{
    char error[DEVICE_ERROR_BYTES];
    struct device_host host = { .tun = "/dev/null", .pci_devices = "/nowhere" };

    ck_assert(check("tap:hwabsent0", &host, error));
    ck_assert(!check("tap:lo", &host, error));
    ck_assert_ptr_nonnull(strstr(error, "'lo' exists already"));
    ck_assert(check("af_packet:lo", &host, error));
    ck_assert(!check("af_packet:hwabsent0", &host, error));
    ck_assert_ptr_nonnull(strstr(error, "'hwabsent0'"));
    ck_assert(!check("af_xdp:hwabsent0", &host, error));
}
END_TEST

START_TEST(a_tap_needs_the_clone_device)
{
    char error[DEVICE_ERROR_BYTES];
    struct device_host host = { .tun = "/nowhere/tun", .pci_devices = "/nowhere" };

    ck_assert(!check("tap:hwabsent0", &host, error));
    ck_assert_ptr_nonnull(strstr(error, "modprobe tun"));
}
END_TEST

START_TEST(a_pci_function_must_exist_and_be_bound_for_user_space)
{
    char error[DEVICE_ERROR_BYTES], base[] = "/tmp/hugewire-io-XXXXXX", function[64], driver[80];
    struct device_host host = { .tun = "/dev/null", .pci_devices = base };

    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(function, sizeof(function), "%s/0000:03:00.0", base);
    snprintf(driver, sizeof(driver), "%s/driver", function);

    ck_assert(!check("pci:03:00.0", &host, error));
    ck_assert_ptr_nonnull(strstr(error, "no PCI device 0000:03:00.0"));

    ck_assert_int_eq(mkdir(function, 0700), 0);
    ck_assert(!check("pci:03:00.0", &host, error));
    ck_assert_ptr_nonnull(strstr(error, "no driver"));

    ck_assert_int_eq(symlink("../../drivers/e1000e", driver), 0);
    ck_assert(!check("pci:03:00.0", &host, error));
    ck_assert_ptr_nonnull(strstr(error, "bound to e1000e"));
    ck_assert_ptr_nonnull(strstr(error, "drivers_cfg/bind.sh 0000:03:00.0"));

    unlink(driver);
    ck_assert_int_eq(symlink("../../drivers/vfio-pci", driver), 0);
    ck_assert(check("pci:03:00.0", &host, error));

    unlink(driver);
    rmdir(function);
    rmdir(base);
}
END_TEST

START_TEST(an_iommu_confines_a_device_in_a_group)
{
    static const struct {
        const char *name; /* of its IOMMU group; NULL: it has no such file */
        bool group, confined;
    } rows[] = {
        { NULL, false, false },
        { NULL, true, true },
        { "DMA-FQ\n", true, true },
        { "vfio-noiommu\n", true, false },
    };
    char base[] = "/tmp/hugewire-io-XXXXXX", function[64], group[96], name[128],
         error[DEVICE_ERROR_BYTES];
    struct device_host host = { .pci_devices = base };
    struct device pci, tap;

    ck_assert(device_parse(&pci, "pci:03:00.0", error) && device_parse(&tap, "tap:hw0", error));
    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(function, sizeof(function), "%s/0000:03:00.0", base);
    snprintf(group, sizeof(group), "%s/iommu_group", function);
    snprintf(name, sizeof(name), "%s/name", group);
    ck_assert_int_eq(mkdir(function, 0700), 0);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].group)
            ck_assert_int_eq(mkdir(group, 0700), 0);
        if (rows[i].name != NULL) {
            FILE *file = fopen(name, "we");
            ck_assert_ptr_nonnull(file);
            fputs(rows[i].name, file);
            fclose(file);
        }
        ck_assert_int_eq(device_confined(&pci, &host), rows[i].confined);
        unlink(name);
        rmdir(group);
    }
    ck_assert(device_confined(&tap, &host));
    rmdir(function);
    rmdir(base);
}
END_TEST

TCase *device_case(void)
{
    TCase *tc = tcase_create("device");

    tcase_add_loop_test(tc, a_good_device_becomes_an_eal_argument, 0,
                        sizeof(good) / sizeof(good[0]));
    tcase_add_loop_test(tc, each_device_has_a_name_and_room_for_its_mtu, 0,
                        sizeof(numbered) / sizeof(numbered[0]));
    tcase_add_test(tc, an_interface_is_looked_for);
    tcase_add_loop_test(tc, a_bad_device_is_refused_with_a_reason, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, a_device_of_any_length_is_refused_without_harm);
    tcase_add_test(tc, interfaces_are_looked_up);
    tcase_add_test(tc, a_tap_needs_the_clone_device);
    tcase_add_test(tc, a_pci_function_must_exist_and_be_bound_for_user_space);
    tcase_add_test(tc, an_iommu_confines_a_device_in_a_group);
    return tc;
}
