/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor: privileges, TUN, DPDK's drivers, IOMMU, VFIO, NICs. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/doctor_report.h"
#include "app/host.h"
#include "app/sysfs.h"

void doctor_privileges(struct report *report)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needed[] = {
        { CAP_NET_ADMIN, "CAP_NET_ADMIN" }, /* to make the TAP device */
        { CAP_IPC_LOCK, "CAP_IPC_LOCK" },   /* to pin the pool */
        { CAP_SYS_ADMIN, "CAP_SYS_ADMIN" }, /* EAL: physical addresses of hugepages */
    };
    uint64_t have = host_capabilities();
    char lacking[128] = "";
    size_t len = 0;

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if ((have >> needed[i].bit & 1) == 0)
            len += (size_t)snprintf(lacking + len, sizeof(lacking) - len, " %s", needed[i].name);
    }
    if (len == 0) {
        report_row(report, VERDICT_OK, "privileges", "may make a TAP device and pin memory");
        return;
    }
    report_row(report, VERDICT_MISSING, "privileges", "without%s", lacking);
    report_mend(report, "run hugewire as root (sudo)");
}

void doctor_tun(struct report *report)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/dev/net/tun", report->machine);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        report_row(report, VERDICT_OK, "/dev/net/tun", "opens");
        return;
    }
    report_row(report, VERDICT_MISSING, "/dev/net/tun", "%s", strerror(errno));
    if (errno == ENOENT)
        report_mend(report, "modprobe tun; mkdir -p /dev/net; mknod /dev/net/tun c 10 200");
    else if (errno == EACCES || errno == EPERM)
        report_mend(report, "run hugewire as root (sudo); in a container, pass the device in");
    else
        report_mend(report, "modprobe tun");
}

void doctor_drivers(struct report *report)
{
    char pattern[PATH_MAX];
    glob_t found;

    snprintf(pattern, sizeof(pattern), "%s/usr/lib/*/dpdk/pmds-*/librte_net_*.so", report->machine);
    if (glob(pattern, 0, NULL, &found) == 0) {
        report_row(report, VERDICT_OK, "DPDK drivers", "%zu of NICs", found.gl_pathc);
        globfree(&found);
        return;
    }
    report_row(report, VERDICT_MISSING, "DPDK drivers", "no librte_net_*.so below /usr/lib");
    report_mend(report, "apt-get install libdpdk-dev");
}

void doctor_iommu(struct report *report)
{
    struct sysfs_name *units;
    size_t count = sysfs_list(report->machine, "/sys/class/iommu", "", &units);

    free(units);
    if (count > 0) {
        report_row(report, VERDICT_OK, "IOMMU", "%zu units", count);
        return;
    }
    report_row(report, VERDICT_WARN, "IOMMU",
               "none active: nothing confines the DMA of a pci: "
               "device (a TAP device needs none)");
    report_mend(report, "enable VT-d or AMD-Vi in the firmware; boot with intel_iommu=on iommu=pt");
}

void doctor_vfio(struct report *report)
{
    struct sysfs_name *groups;
    char noiommu[8] = "N";

    if (!sysfs_exists(report->machine, "/sys/bus/pci/drivers/vfio-pci")) {
        report_row(report, VERDICT_WARN, "VFIO",
                   "vfio-pci is not loaded: no pci: device (a TAP "
                   "device needs none)");
        report_mend(report, "modprobe vfio-pci");
        return;
    }
    size_t count = sysfs_list(report->machine, "/dev/vfio", "", &groups);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(groups[i].text, "vfio") == 0) {
            count--; /* the control node, not a group */
            break;
        }
    }
    free(groups);
    sysfs_line(report->machine, noiommu, sizeof(noiommu),
               "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
    report_row(report, VERDICT_OK, "VFIO", "vfio-pci is loaded, %zu groups bound%s", count,
               noiommu[0] == 'Y' ? ", unsafe no-IOMMU mode on" : "");
}

/* Interfaces that the kernel drives: name, driver, node. False: it is not hardware. */
static bool nic_row(struct report *report, const char *interface)
{
    char driver[64] = "?", address[64] = "?", state[32] = "?";
    int64_t node = -1;

    if (!sysfs_exists(report->machine, "/sys/class/net/%s/device", interface))
        return false;
    sysfs_link(report->machine, driver, sizeof(driver), "/sys/class/net/%s/device/driver",
               interface);
    sysfs_link(report->machine, address, sizeof(address), "/sys/class/net/%s/device", interface);
    sysfs_line(report->machine, state, sizeof(state), "/sys/class/net/%s/operstate", interface);
    sysfs_number(report->machine, &node, "/sys/class/net/%s/device/numa_node", interface);
    report_row(report, VERDICT_OK, "NIC", "%s (%s), kernel driver %s, %s, NUMA node %" PRId64,
               interface, address, driver, state, node < 0 ? 0 : node);
    return true;
}

/* PCI network controllers that no kernel network driver holds. */
static bool pci_row(struct report *report, const char *address)
{
    char driver[64] = "none";
    int64_t class = 0, node = -1;

    if (!sysfs_number(report->machine, &class, "/sys/bus/pci/devices/%s/class", address) ||
        class >> 16 != 0x02 || /* network controller */
        sysfs_exists(report->machine, "/sys/bus/pci/devices/%s/net", address))
        return false;
    sysfs_link(report->machine, driver, sizeof(driver), "/sys/bus/pci/devices/%s/driver", address);
    if (strcmp(driver, "virtio-pci") == 0)
        return false; /* its interface hangs below a virtio device and has its row already */
    sysfs_number(report->machine, &node, "/sys/bus/pci/devices/%s/numa_node", address);
    report_row(report, VERDICT_OK, "NIC", "%s, no interface, driver %s, NUMA node %" PRId64,
               address, driver, node < 0 ? 0 : node);
    if (strcmp(driver, "vfio-pci") == 0)
        report_mend(report, "ready: hugewire serve --device pci:%s ROOT", address);
    return true;
}

void doctor_nics(struct report *report)
{
    struct sysfs_name *names;
    size_t count = sysfs_list(report->machine, "/sys/class/net", "", &names);
    unsigned found = 0;

    for (size_t i = 0; i < count; i++)
        found += nic_row(report, names[i].text);
    free(names);
    count = sysfs_list(report->machine, "/sys/bus/pci/devices", "", &names);
    for (size_t i = 0; i < count; i++)
        found += pci_row(report, names[i].text);
    free(names);
    if (found == 0)
        report_row(report, VERDICT_OK, "NIC", "no hardware: TAP, af_packet and vdev devices only");
}
