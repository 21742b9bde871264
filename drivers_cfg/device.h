/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device a user names, and what DPDK must be told to get it:
 *
 *   tap:NAME         a new TAP interface (drivers_cfg/tap.h)
 *   af_packet:IF     an interface of the kernel's, through AF_PACKET rings
 *   af_xdp:IF        the same, through AF_XDP
 *   pci:BDF          a PCI function bound to a user-space driver ("0000:03:00.0" or "03:00.0")
 *   vdev:DEVARGS     any virtual device in DPDK's own words
 */
#ifndef DRIVERS_CFG_DEVICE_H
#define DRIVERS_CFG_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#define DEVICE_NAME_BYTES  256
#define DEVICE_ARG_BYTES   (DEVICE_NAME_BYTES + 192)
#define DEVICE_ERROR_BYTES 1024

enum device_kind {
    DEVICE_TAP,
    DEVICE_AF_PACKET,
    DEVICE_AF_XDP,
    DEVICE_PCI,
    DEVICE_VDEV,
};
#define DEVICE_KINDS     (DEVICE_VDEV + 1)
#define DEVICE_BIT(kind) (1u << (kind)) /* in a set of kinds */

struct device {
    enum device_kind kind;
    unsigned number;              /* of several: DPDK's names for them differ by it */
    uint16_t mtu;                 /* that its port shall have; 0: no more than 1500 */
    char name[DEVICE_NAME_BYTES]; /* interface name, full BDF, or devargs */
};

/* Where device_check() looks; device_host is this machine. */
struct device_host {
    const char *tun;         /* the clone device of TUN/TAP */
    const char *pci_devices; /* directory with an entry per PCI function */
};
extern const struct device_host device_host;

/* Reads spec. False: error says what is wrong with it and what it should look like. */
bool device_parse(struct device *device, const char *spec, char error[DEVICE_ERROR_BYTES]);

/* Whether the device can be had on this host, as far as can be seen without trying. False: error
 * says what is missing or in the way, and the remedy. */
bool device_check(const struct device *device, const struct device_host *host,
                  char error[DEVICE_ERROR_BYTES]);

/* Whether an IOMMU confines the device's DMA to what is mapped for it. Without, a mistake of ours
 * or of the device can write to any memory. Always true of devices that do none. */
bool device_confined(const struct device *device, const struct device_host *host);

/* What a received packet's buffer must have room for besides the MTU's need: a whole frame of the
 * driver's ring; 0: nothing. */
uint32_t device_frame_bytes(const struct device *device);

/* What DPDK calls the device, if it has to do with it; returns text. */
const char *device_dpdk_name(const struct device *device, char text[DEVICE_NAME_BYTES]);

/*
 * DPDK's argument for the device with this many queue pairs: *option is "--vdev" or "-a", arg its
 * value; NULL: DPDK has nothing to do with it. The caller adds "--no-pci" unless some device is one
 * of PCI.
 */
void device_eal_argument(const struct device *device, uint16_t queues, const char **option,
                         char arg[DEVICE_ARG_BYTES]);

static inline bool device_is_pci(const struct device *device)
{
    return device->kind == DEVICE_PCI;
}

#endif
