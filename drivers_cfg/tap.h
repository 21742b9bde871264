/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TAP interface of our own making: one file per queue, each frame behind a virtio-net header
 * (struct virtio_net_hdr), which tells the kernel what a NIC's descriptor would: where the checksum
 * belongs, and how long the segments of a super-segment are. So one write takes 64 KiB.
 *
 * DPDK's net_tap has no such header and writes each packet of the MTU by itself; it can still be
 * had as vdev:net_tap0,iface=NAME.
 */
#ifndef DRIVERS_CFG_TAP_H
#define DRIVERS_CFG_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers_cfg/device.h"

/* The kernel's own limit (MAX_TAP_QUEUES in drivers/net/tun.c). */
#define TAP_QUEUES_MAX 256

struct tap {
    char name[IFNAMSIZ];
    uint16_t queues;        /* 0: there is none */
    int fd[TAP_QUEUES_MAX]; /* none of them blocks */
    int control;            /* a socket, for the interface's settings */
};

/* Makes the interface; it goes when tap_close() or the end of the process closes its files. False:
 * error. */
bool tap_open(struct tap *tap, const char *name, uint16_t queues, uint16_t mtu,
              char error[DEVICE_ERROR_BYTES]);
/* Sets the kernel's end up, as if its cable were plugged in. */
bool tap_up(const struct tap *tap, char error[DEVICE_ERROR_BYTES]);
/* Whether the kernel's end is up. */
bool tap_link(const struct tap *tap);
/* Harmless on one that is closed. */
void tap_close(struct tap *tap);

#endif
