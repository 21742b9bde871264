/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's environment layer: started once, with arguments of our own making, and ended without
 * leaving anything on the host.
 */
#ifndef APP_EAL_H
#define APP_EAL_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers_cfg/device.h"

#define EAL_ERROR_BYTES 1024

struct eal_config {
    const struct device *const *devices;
    unsigned device_count;
    const uint16_t *cpus; /* one per worker */
    unsigned workers;
    uint64_t memory_bytes; /* taken from the start, so that later users of hugepages cannot */
    bool hugepages;        /* else locked small pages: for kernel-backed devices only */
    bool verbose;          /* EAL's own log goes to stderr */
};

/* False: error has EAL's reason. Only once per process. */
bool eal_start(const struct eal_config *config, char error[EAL_ERROR_BYTES]);

/* The lcore of worker number index. */
static inline unsigned eal_worker_lcore(unsigned index)
{
    return index + 1;
}

/* The first error that DPDK logged since eal_start() was called, or "". */
const char *eal_first_error(void);

/* The files that EAL made: the telemetry socket, and the directory that holds it alone. */
const char *eal_socket(void);
const char *eal_directory(void);

/* When all ports are closed. Removes these files, where it may. */
void eal_stop(void);

#endif
