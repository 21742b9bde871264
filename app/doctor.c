/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/doctor.h"

#include <stdarg.h>

#include "app/doctor_report.h"

static const char *const verdict_words[] = {
    [VERDICT_OK] = "ok",
    [VERDICT_WARN] = "warn",
    [VERDICT_MISSING] = "missing",
};

void report_row(struct report *report, enum verdict verdict, const char *what, const char *found,
                ...)
{
    va_list args;

    fprintf(report->out, "%-8s %-16s ", verdict_words[verdict], what);
    va_start(args, found);
    vfprintf(report->out, found, args);
    va_end(args);
    fputc('\n', report->out);
    report->missing += verdict == VERDICT_MISSING;
    report->warnings += verdict == VERDICT_WARN;
}

void report_mend(struct report *report, const char *command, ...)
{
    va_list args;

    fprintf(report->out, "%-8s %-16s -> ", "", "");
    va_start(args, command);
    vfprintf(report->out, command, args);
    va_end(args);
    fputc('\n', report->out);
}

/* In the order of the table. */
static void (*const checks[])(struct report *report) = {
    doctor_root,       doctor_user,  doctor_hugepages, doctor_memlock, doctor_uring,
    doctor_privileges, doctor_tun,   doctor_drivers,   doctor_types,   doctor_numa,
    doctor_cores,      doctor_iommu, doctor_vfio,      doctor_nics,
};

int doctor_run(const char *machine, const char *root, FILE *out)
{
    struct report report = { .out = out, .machine = machine, .root = root };

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        checks[i](&report);
    if (report.missing > 0)
        fprintf(out, "\nhugewire serve on a TAP device would not work here: %u missing.\n",
                report.missing);
    else
        fprintf(out, "\nhugewire serve on a TAP device works here.\n");
    return report.missing > 0;
}
