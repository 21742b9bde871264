/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the server gives up: root, capabilities, and the system calls it has no use for
 * (docs/PROTECTION.md). In this order:
 *
 *   protect_begin     before there are threads: nothing that is started may gain rights
 *   protect_drop      port, pool and workers are there, no worker runs: another user, filters
 *   protect_finish    the threads that read files run: what they needed goes from the others
 *   protect_end       at the very end, or after any failure
 */
#ifndef APP_PROTECT_H
#define APP_PROTECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "app/config.h"
#include "app/janitor.h"
#include "drivers_cfg/device.h"

#define PROTECT_ERROR_BYTES 512

struct protect {
    const struct config *config;
    unsigned kinds; /* of ports: DEVICE_BIT()s */
    bool drops;     /* it is root and becomes another user */
    uid_t uid;
    gid_t gid;
    bool listed;    /* the user is in the system's table: it has groups */
    uint64_t keeps; /* capabilities, a bit each, of the main thread and those it starts */
    struct janitor janitor;
};

/* Finds the user. False: error. */
bool protect_begin(struct protect *protect, const struct config *config,
                   char error[PROTECT_ERROR_BYTES]);

/* The files that the user's successor at the end, the janitor, removes. */
void protect_runtime(const struct protect *protect, const char *socket, const char *directory);

/* For all threads. False: error, and the process must end. */
bool protect_drop(struct protect *protect, unsigned kinds, char error[PROTECT_ERROR_BYTES]);

/* For the calling thread, the main one. */
void protect_finish(struct protect *protect);

void protect_end(struct protect *protect);

#endif
