/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor: what the user that the server becomes may read. */
#include <ftw.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/doctor_report.h"

/* What nftw() found; it hands its visitor no context. */
static struct {
    unsigned long closed;
    char first[PATH_MAX];
} walk;

static void note_closed(const char *path)
{
    if (walk.closed++ == 0)
        snprintf(walk.first, sizeof(walk.first), "%s", path);
}

static bool open_to_others(mode_t mode)
{
    return S_ISDIR(mode) ? (mode & S_IROTH) != 0 && (mode & S_IXOTH) != 0 : (mode & S_IROTH) != 0;
}

static int visit(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    if ((type == FTW_D || (type == FTW_F && S_ISREG(stat->st_mode))) &&
        !open_to_others(stat->st_mode))
        note_closed(path);
    return 0;
}

/* The directories that lead to root must let others pass. */
static void visit_parents(const char *root)
{
    char path[PATH_MAX];
    struct stat entry;

    if (realpath(root, path) == NULL)
        return;
    for (char *slash; (slash = strrchr(path, '/')) != NULL && slash != path;) {
        *slash = '\0';
        if (stat(path, &entry) == 0 && (entry.st_mode & S_IXOTH) == 0)
            note_closed(path);
    }
}

void doctor_user(struct report *report)
{
    if (getpwnam("nobody") == NULL) {
        report_row(report, VERDICT_WARN, "user", "there is no user nobody");
        report_mend(report, "serve --user NAME: who the server becomes when root starts it");
        return;
    }
    memset(&walk, 0, sizeof(walk));
    if (report->root != NULL) {
        visit_parents(report->root);
        nftw(report->root, visit, 64, FTW_PHYS);
    }
    if (walk.closed == 0) {
        report_row(report, VERDICT_OK, "user", "nobody%s",
                   report->root != NULL ? ", who may read all of ROOT" : "");
        return;
    }
    report_row(report, VERDICT_WARN, "user",
               "nobody, who may not read %lu entries, such as '%s': CAP_DAC_READ_SEARCH would be "
               "kept",
               walk.closed, walk.first);
    report_mend(report, "chmod -R a+rX %s, and a+x above it; or serve --user NAME", report->root);
}
