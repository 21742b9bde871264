/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue pair of an ethdev port as a wire. */
#ifndef IO_ETH_H
#define IO_ETH_H

#include <stdbool.h>
#include <stdint.h>

#include "io/wire.h"

struct io_eth {
    uint16_t port, queue;
    bool tx_done; /* the driver's function for it may be called */
};

/* eth must outlive the wire. prepare: packets ask for offloads, so the driver sees them first. */
struct io_wire io_eth_wire(struct io_eth *eth, bool prepare);

#endif
