/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef APP_DOCTOR_H
#define APP_DOCTOR_H

#include <stdio.h>

/*
 * hugewire doctor: a table of what serve needs, what the machine has, and the command that mends
 * what is missing. machine: the directory above /sys, /proc, /dev and /etc ("" for this machine).
 * root: the directory to serve, or NULL. Returns 0 if serve would work on a TAP device, else 1.
 */
int doctor_run(const char *machine, const char *root, FILE *out);

#endif
