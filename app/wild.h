/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the IOMMU is for, on demand: a frame whose second mbuf points at memory that no device may
 * reach, as a bug in the server would make it. Only in builds with HW_DEBUG; tests/lab asks for it
 * by telemetry (/hugewire/wild) and looks for what becomes of it.
 */
#ifndef APP_WILD_H
#define APP_WILD_H

#include <stdbool.h>
#include <stdint.h>

#include "io/tx.h"

/* A page of the program's own data, full of a phrase that is looked for on the wire: neither pool
 * nor packet buffer, so nobody has mapped it for the device. */
#define WILD_BYTES  1024
#define WILD_PHRASE "these bytes are none of the pool's "
const uint8_t *wild_page(void);

/* Broadcasts an Ethernet frame (type 0x88b5, for local experiments: IEEE 802) whose payload is the
 * page's first WILD_BYTES. On the worker's thread, between two turns. False: the port takes
 * nothing at the moment. */
bool wild_send(struct io_tx *tx, uint64_t now);

#endif
