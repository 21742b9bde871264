/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/device.h"

#include <ctype.h>
#include <libgen.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

const struct device_host device_host = {
    .tun = "/dev/net/tun",
    .pci_devices = "/sys/bus/pci/devices",
};

static const struct {
    const char *prefix;
    enum device_kind kind;
} kinds[] = {
    { "tap:", DEVICE_TAP }, { "af_packet:", DEVICE_AF_PACKET }, { "af_xdp:", DEVICE_AF_XDP },
    { "pci:", DEVICE_PCI }, { "vdev:", DEVICE_VDEV },
};

/* User-space drivers, and those that keep the kernel's beside DPDK's (bifurcated). */
static const char *const pci_drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core",
                                           "mlx5_core" };

#define FAIL(error, ...) (snprintf((error), DEVICE_ERROR_BYTES, __VA_ARGS__), false)

/* Stricter than the kernel (dev_valid_name): ',' and '=' would end the name inside DPDK's devargs,
 * and '%' asks the kernel to choose a number. */
static bool interface_name_valid(const char *name, char error[DEVICE_ERROR_BYTES])
{
    size_t len = strlen(name);
    if (len == 0)
        return FAIL(error, "interface name missing");
    if (len >= IFNAMSIZ)
        return FAIL(error, "interface name '%.64s' has %zu bytes; %d are the most", name, len,
                    IFNAMSIZ - 1);
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return FAIL(error, "'%s' cannot be an interface name", name);
    for (const char *c = name; *c != '\0'; c++)
        if (!isgraph((unsigned char)*c) || strchr("/:,=%[]", *c) != NULL)
            return FAIL(error, "interface name '%s' has a character that is not allowed: '%c'",
                        name, isprint((unsigned char)*c) ? *c : '?');
    return true;
}

/* Reads exactly `digits` hexadecimal digits. */
static const char *hex_digits(const char *text, unsigned digits, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < digits; i++, text++) {
        if (!isxdigit((unsigned char)*text))
            return NULL;
        unsigned digit = isdigit((unsigned char)*text) ? (unsigned)(*text - '0')
                                                       : (unsigned)((*text | 0x20) - 'a') + 10;
        *value = *value * 16 + digit;
    }
    return text;
}

/* Parses "[DDDD:]BB:DD.F" and writes it in full. */
static bool bdf_parse(const char *text, char full[DEVICE_NAME_BYTES])
{
    unsigned domain = 0, bus, slot, function;
    const char *at = text;

    if (strlen(text) > 7) {
        at = hex_digits(at, 4, &domain);
        if (at == NULL || *at++ != ':')
            return false;
    }
    at = hex_digits(at, 2, &bus);
    if (at == NULL || *at++ != ':')
        return false;
    at = hex_digits(at, 2, &slot);
    if (at == NULL || slot > 0x1f || *at++ != '.')
        return false;
    at = hex_digits(at, 1, &function);
    if (at == NULL || function > 7 || *at != '\0')
        return false;
    snprintf(full, DEVICE_NAME_BYTES, "%04x:%02x:%02x.%x", domain, bus, slot, function);
    return true;
}

bool device_parse(struct device *device, const char *spec, char error[DEVICE_ERROR_BYTES])
{
    const char *name = NULL;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].prefix);
        if (strncmp(spec, kinds[i].prefix, len) != 0)
            continue;
        device->kind = kinds[i].kind;
        name = spec + len;
        break;
    }
    if (name == NULL)
        return FAIL(error,
                    "device '%.64s': give tap:NAME, af_packet:IF, af_xdp:IF, pci:BDF or "
                    "vdev:DEVARGS",
                    spec);
    if (strlen(name) >= DEVICE_NAME_BYTES)
        return FAIL(error, "device '%.32s...' is longer than %d bytes", spec,
                    DEVICE_NAME_BYTES - 1);

    switch (device->kind) {
    case DEVICE_TAP:
    case DEVICE_AF_PACKET:
    case DEVICE_AF_XDP:
        if (!interface_name_valid(name, error))
            return false;
        break;
    case DEVICE_PCI:
        if (!bdf_parse(name, device->name))
            return FAIL(error, "PCI address '%.64s' is not of the form 0000:03:00.0", name);
        return true;
    case DEVICE_VDEV:
        if (strncmp(name, "net_", 4) != 0 && strncmp(name, "eth_", 4) != 0 &&
            strncmp(name, "virtio_user", 11) != 0)
            return FAIL(error,
                        "virtual device '%.64s' is no network driver's; for example net_null0",
                        name);
        break;
    }
    strcpy(device->name, name);
    return true;
}

static bool check_tap(const struct device *device, const struct device_host *host,
                      char error[DEVICE_ERROR_BYTES])
{
    if (access(host->tun, F_OK) != 0)
        return FAIL(error,
                    "%s is missing: load the module (modprobe tun) or make the node "
                    "(mkdir -p /dev/net && mknod /dev/net/tun c 10 200)",
                    host->tun);
    if (access(host->tun, R_OK | W_OK) != 0)
        return FAIL(error, "%s cannot be opened: run as root", host->tun);
    if (if_nametoindex(device->name) != 0)
        return FAIL(error,
                    "interface '%s' exists already: choose another name or remove it "
                    "(ip link delete %s)",
                    device->name, device->name);
    return true;
}

static bool check_pci(const struct device *device, const struct device_host *host,
                      char error[DEVICE_ERROR_BYTES])
{
    char path[PATH_MAX], target[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", host->pci_devices, device->name);
    if (access(path, F_OK) != 0)
        return FAIL(error, "there is no PCI device %s: see lspci -D", device->name);

    snprintf(path, sizeof(path), "%s/%s/driver", host->pci_devices, device->name);
    ssize_t len = readlink(path, target, sizeof(target) - 1);
    target[len > 0 ? len : 0] = '\0';
    const char *driver = len > 0 ? basename(target) : "no driver";
    for (unsigned i = 0; i < sizeof(pci_drivers) / sizeof(pci_drivers[0]); i++)
        if (strcmp(driver, pci_drivers[i]) == 0)
            return true;
    return FAIL(error,
                "PCI device %s is bound to %.64s: bind it to a user-space driver "
                "(drivers_cfg/bind.sh %s)",
                device->name, driver, device->name);
}

/* The interface's MTU is the kernel's business: what is larger it would not send. */
static bool check_interface(const struct device *device, char error[DEVICE_ERROR_BYTES])
{
    struct ifreq request = { 0 };

    if (if_nametoindex(device->name) == 0)
        return FAIL(error, "there is no interface '%s' in this network namespace: see ip link",
                    device->name);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%.*s", IFNAMSIZ - 1, device->name);
    bool known = fd >= 0 && ioctl(fd, SIOCGIFMTU, &request) == 0;
    if (fd >= 0)
        close(fd);
    if (known && request.ifr_mtu < device->mtu)
        return FAIL(error,
                    "interface '%s' has an MTU of %d: ip link set %s mtu %u, or give --mtu %d",
                    device->name, request.ifr_mtu, device->name, device->mtu, request.ifr_mtu);
    return true;
}

bool device_check(const struct device *device, const struct device_host *host,
                  char error[DEVICE_ERROR_BYTES])
{
    switch (device->kind) {
    case DEVICE_TAP:
        return check_tap(device, host, error);
    case DEVICE_AF_PACKET:
    case DEVICE_AF_XDP:
        return check_interface(device, error);
    case DEVICE_PCI:
        return check_pci(device, host, error);
    case DEVICE_VDEV:
        return true;
    }
    return false;
}

/* The group of a device that VFIO takes without an IOMMU is made up, and says so in its name. */
bool device_confined(const struct device *device, const struct device_host *host)
{
    char path[PATH_MAX], name[32] = "";

    if (!device_is_pci(device))
        return true;
    snprintf(path, sizeof(path), "%s/%s/iommu_group", host->pci_devices, device->name);
    if (access(path, F_OK) != 0)
        return false;
    strcat(path, "/name");
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return true;
    if (fgets(name, sizeof(name), file) == NULL)
        name[0] = '\0';
    fclose(file);
    return strncmp(name, "vfio-noiommu", strlen("vfio-noiommu")) != 0;
}

/* Of net_af_packet's rings, whose frames are 2 KiB if nothing is said. The kernel puts its header
 * and an address in front (TPACKET_ALIGN(TPACKET2_HDRLEN + 16) = 80), then Ethernet's header with a
 * tag. The driver finds frame n at n times this, so a block, of whole pages, is one frame. */
#define RING_FRAME_HEADERS 98
#define RING_BLOCK_BYTES   4096u
#define RING_FRAME_MTU     1500

uint32_t device_frame_bytes(const struct device *device)
{
    if (device->kind != DEVICE_AF_PACKET || device->mtu <= RING_FRAME_MTU)
        return 0;
    return (device->mtu + RING_FRAME_HEADERS + RING_BLOCK_BYTES - 1) / RING_BLOCK_BYTES *
           RING_BLOCK_BYTES;
}

/* Its argument for frames of that size, or nothing; returns text. */
static const char *frame_argument(const struct device *device, char text[64])
{
    uint32_t bytes = device_frame_bytes(device);

    text[0] = '\0';
    if (bytes != 0)
        snprintf(text, 64, ",framesz=%u,blocksz=%u", bytes, bytes);
    return text;
}

const char *device_dpdk_name(const struct device *device, char text[DEVICE_NAME_BYTES])
{
    switch (device->kind) {
    case DEVICE_TAP:
        snprintf(text, DEVICE_NAME_BYTES, "tap:%.32s", device->name);
        break;
    case DEVICE_AF_PACKET:
        snprintf(text, DEVICE_NAME_BYTES, "net_af_packet%u", device->number);
        break;
    case DEVICE_AF_XDP:
        snprintf(text, DEVICE_NAME_BYTES, "net_af_xdp%u", device->number);
        break;
    case DEVICE_PCI:
    case DEVICE_VDEV:
        snprintf(text, DEVICE_NAME_BYTES, "%.*s", (int)strcspn(device->name, ","), device->name);
        break;
    }
    return text;
}

void device_eal_argument(const struct device *device, uint16_t queues, const char **option,
                         char arg[DEVICE_ARG_BYTES])
{
    char name[DEVICE_NAME_BYTES], frames[64];

    device_dpdk_name(device, name);
    *option = device_is_pci(device) ? "-a" : device->kind == DEVICE_TAP ? NULL : "--vdev";
    switch (device->kind) {
    case DEVICE_TAP:
        arg[0] = '\0'; /* ours: drivers_cfg/tap.c */
        break;
    case DEVICE_AF_PACKET:
        snprintf(arg, DEVICE_ARG_BYTES, "%.32s,iface=%s,qpairs=%u%s", name, device->name, queues,
                 frame_argument(device, frames));
        break;
    case DEVICE_AF_XDP:
        snprintf(arg, DEVICE_ARG_BYTES, "%.32s,iface=%s,start_queue=0,queue_count=%u", name,
                 device->name, queues);
        break;
    case DEVICE_PCI:
    case DEVICE_VDEV:
        snprintf(arg, DEVICE_ARG_BYTES, "%s", device->name);
        break;
    }
}
