/* SPDX-License-Identifier: BSD-3-Clause */
/* The table that doctor's checks fill in, one row each. */
#ifndef APP_DOCTOR_REPORT_H
#define APP_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum verdict {
    VERDICT_OK,
    VERDICT_WARN,    /* serve on a TAP device works; something else does not, or is slower */
    VERDICT_MISSING, /* serve on a TAP device does not work */
};

struct report {
    FILE *out;
    const char *machine; /* the directory above /sys, "" for this machine */
    const char *root;    /* what is to be served, or NULL */
    uint64_t root_bytes; /* of the pool: files below root, room for changes, and the sums of both */
    unsigned missing, warnings;
};

/* One row: what was looked at, the verdict, and what was found. */
void report_row(struct report *report, enum verdict verdict, const char *what, const char *found,
                ...) __attribute__((format(printf, 4, 5)));

/* Under the last row: the command that mends it. */
void report_mend(struct report *report, const char *command, ...)
    __attribute__((format(printf, 2, 3)));

/* The checks, each in the file of its subject. */
void doctor_root(struct report *report); /* doctor_files.c; first: sets root_bytes */
void doctor_types(struct report *report);
void doctor_uring(struct report *report);
void doctor_user(struct report *report);      /* doctor_user.c */
void doctor_numa(struct report *report);      /* doctor_numa.c */
void doctor_hugepages(struct report *report); /* doctor_memory.c */
void doctor_memlock(struct report *report);
void doctor_cores(struct report *report);
void doctor_privileges(struct report *report); /* doctor_devices.c */
void doctor_tun(struct report *report);
void doctor_drivers(struct report *report);
void doctor_iommu(struct report *report);
void doctor_vfio(struct report *report);
void doctor_nics(struct report *report);

#endif
