/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server's ports: from what the configuration names to queues that run, and back. serve.c says
 * when; each step is taken for all ports, and its error names the port.
 */
#ifndef APP_PORTS_H
#define APP_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"
#include "app/worker.h"
#include "base/memory.h"
#include "drivers_cfg/device.h"
#include "drivers_cfg/port.h"
#include "drivers_cfg/rss.h"
#include "io/pools.h"
#include "mempool/pool.h"
#include "stack/stack.h"

/* Room for any message. */
#define PORTS_ERROR_BYTES (DEVICE_ERROR_BYTES + CONFIG_DEVICE_BYTES)

struct server_port {
    const struct config_port *config;
    struct device device;
    struct stack_config stack; /* what its lanes have in common */
    struct port port;
    struct io_pools pools[CONFIG_CORES_MAX]; /* of each worker's lane */
    bool rss_known;                          /* which flows come to which worker: */
    struct rss rss;
    bool removed; /* the device, by someone else; set on another thread */
    bool gone;    /* and closed since */
};

struct ports {
    const struct config *config;
    unsigned count, workers;
    struct server_port at[CONFIG_PORTS_MAX];
};

/* --- before DPDK starts ---- */

/* Reads what the configuration says of devices and finds what can be found wrong. */
bool ports_prepare(struct ports *ports, const struct config *config, unsigned workers,
                   char error[PORTS_ERROR_BYTES]);
/* Whether some device does DMA. */
bool ports_dma(const struct ports *ports);
/* What kinds they are: DEVICE_BIT()s. */
unsigned ports_kinds(const struct ports *ports);
/* Whether an IOMMU confines each that does, or the configuration goes without. */
bool ports_confined(const struct ports *ports, char error[PORTS_ERROR_BYTES]);
/* Hugepage memory of all lanes: packets, connections, requests as http says. */
uint64_t ports_memory_bytes(const struct ports *ports, const struct http_config *http);
/* devices has room for CONFIG_PORTS_MAX. */
void ports_devices(const struct ports *ports, const struct device **devices);

/* --- bring-up, in order ---- */

/* Looks at the devices: what may be used of each is in its port.caps. */
bool ports_probe(struct ports *ports, char error[PORTS_ERROR_BYTES]);
/* Where the pool shall lie: the first port's node; others that are elsewhere are warned of. */
int ports_node(const struct ports *ports);
/* Whether some port computes no TCP checksums. */
bool ports_want_sums(const struct ports *ports);
bool ports_map_pool(const struct ports *ports, struct pool *pool, char *error, size_t error_bytes);
bool ports_create_pools(struct ports *ports, char error[PORTS_ERROR_BYTES]);
void ports_destroy_pools(struct ports *ports);
/* Starts them all and waits a little for their links. */
bool ports_start(struct ports *ports, char error[PORTS_ERROR_BYTES]);
void ports_close(struct ports *ports);
/* What a lane has of its port. */
struct lane_config ports_lane(const struct ports *ports, unsigned port, unsigned worker);

/* --- while they run ---- */

/* Says which links came and went. */
void ports_watch_links(struct ports *ports);
/* Raises signo in this process when the bus tells that a device is taken away. */
void ports_watch_removal(struct ports *ports, int signo);
#ifdef HW_DEBUG
/* As if the bus had told. Any thread. */
void ports_pretend_removal(struct ports *ports, unsigned port);
#endif
/* The first that was taken away and not yet dropped; or -1. */
int ports_removed(const struct ports *ports);
/* How many are not gone. */
unsigned ports_left(const struct ports *ports);
/* Ends the lanes of a port that was taken away, and closes it. The workers must run. */
void ports_drop(struct ports *ports, unsigned port, struct worker *const *workers,
                struct pool *pool);

#endif
