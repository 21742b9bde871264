/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which system calls the server's threads may make once it serves: seccomp filters, made by
 * libseccomp from the one table in sandbox.c. Every call in it has its reason there.
 *
 * There are two. The process's filter holds for all threads, those that come later included: no new
 * program, no new process, no executable memory, no trace of others, no mount, no module. What it
 * does not allow fails with EPERM: these threads have drivers' and libraries' rare paths, which
 * must get along without. A worker's filter lies on top and is made for its kind of port. What it
 * does not allow ends the process, with a line that says so: a worker reads what strangers send,
 * and knows all the calls that it makes, so another one is the sign of a bug or of a break-in. An
 * error returned would let the one go unnoticed and the other one try again.
 */
#ifndef APP_SANDBOX_H
#define APP_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "app/config.h"
#include "drivers_cfg/device.h"

#define SANDBOX_ERROR_BYTES 256

/* Loads the process's filter, for all threads there are. No thread may have a filter of its own
 * yet, and no_new_privs must be set. CONFIG_SANDBOX_LOG: nothing is refused, the kernel's audit log
 * names what would be. CONFIG_SANDBOX_OFF: does nothing. */
bool sandbox_process(enum config_sandbox mode, char error[SANDBOX_ERROR_BYTES]);

/* The same for the calling thread, a worker of ports of these kinds (DEVICE_BIT), on top; name
 * (which must last) is for the line that tells of its end. */
bool sandbox_worker(enum config_sandbox mode, unsigned kinds, const char *name,
                    char error[SANDBOX_ERROR_BYTES]);

/* Row i of the table: the call's number, why it is there, and who may make it. False: there is no
 * such row. For tests. */
struct sandbox_row {
    int call;
    const char *why;
    bool worker[DEVICE_KINDS]; /* by enum device_kind */
};
bool sandbox_row(size_t i, struct sandbox_row *row);

#endif
