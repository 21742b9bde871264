/* SPDX-License-Identifier: BSD-3-Clause */
/* What serve may use of this machine, looked at before anything is started. */
#ifndef APP_HOST_H
#define APP_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "app/config.h"

#define HOST_ERROR_BYTES 512

/* Room for a list of all CPUs as EAL reads it. */
#define HOST_CPUS_TEXT_BYTES 1024

/*
 * The cores the workers shall run on: those of the configuration, each of which must be online and
 * allowed to this process; or, where it names none, the highest-numbered one (the first cores get
 * most of the machine's interrupts). False: error.
 */
bool host_worker_cpus(const struct config *config, uint16_t cpus[CONFIG_CORES_MAX], unsigned *count,
                      char error[HOST_ERROR_BYTES]);

/* The cores this process may use, "0,1,5", for threads that need none of their own. */
void host_all_cpus(char text[HOST_CPUS_TEXT_BYTES]);

/* Whether bytes of memory are there in free hugepages. False: error says how many pages are short
 * and the command that provides them. */
bool host_hugepages(uint64_t bytes, char error[HOST_ERROR_BYTES]);

/* Whether VFIO may lock so many bytes for a device's DMA: the limit on locked memory holds for
 * processes without CAP_IPC_LOCK. False: error says how much is needed. */
bool host_memlock(uint64_t bytes, char error[HOST_ERROR_BYTES]);

/* The effective capabilities of this process, a bit each; 0 if they cannot be read. */
uint64_t host_capabilities(void);

/* Whether root is a directory that can be read. False: error. */
bool host_root(const char *root, char error[HOST_ERROR_BYTES + PATH_MAX]);

#endif
