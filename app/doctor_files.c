/* SPDX-License-Identifier: BSD-3-Clause */
/* doctor: the directory to serve, media types, io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <liburing.h>
#include <string.h>
#include <unistd.h>

#include "app/doctor_report.h"
#include "app/sysfs.h"
#include "app/values.h"
#include "mempool/content.h"

/* Files are laid out in the pool at this alignment (that of O_DIRECT on any disk of today). */
#define FILE_ALIGN 4096
#define PAGE_BYTES (UINT64_C(2) << 20)

/* What nftw() found; it hands its visitor no context. */
static struct {
    uint64_t files, bytes, largest, unreadable;
    char first[PATH_MAX]; /* not empty */
} walk;

static int visit(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)ftw;
    if (type == FTW_DNR || type == FTW_NS)
        walk.unreadable++;
    if (type != FTW_F || !S_ISREG(stat->st_mode))
        return 0;
    if (access(path, R_OK) != 0) {
        walk.unreadable++;
        return 0;
    }
    walk.files++;
    if (walk.largest < (uint64_t)stat->st_size)
        walk.largest = (uint64_t)stat->st_size;
    walk.bytes += ((uint64_t)stat->st_size + FILE_ALIGN - 1) & ~(uint64_t)(FILE_ALIGN - 1);
    if (walk.first[0] == '\0' && stat->st_size > 0)
        snprintf(walk.first, sizeof(walk.first), "%s", path);
    return 0;
}

static void direct_io(struct report *report)
{
    if (walk.first[0] == '\0')
        return;
    int fd = open(walk.first, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        report_row(report, VERDICT_OK, "direct I/O", "its file system takes O_DIRECT");
        return;
    }
    report_row(report, VERDICT_WARN, "direct I/O",
               "O_DIRECT refused (%s): files are read through "
               "the page cache",
               strerror(errno));
    report_mend(report, "keep ROOT on ext4, xfs or btrfs");
}

void doctor_root(struct report *report)
{
    char size[VALUE_TEXT_BYTES];

    if (report->root == NULL)
        return;
    int fd = open(report->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        report_row(report, VERDICT_MISSING, "ROOT", "%s: %s", report->root, strerror(errno));
        report_mend(report, errno == EACCES ? "run as root, or make the directory readable"
                                            : "name a directory that exists");
        return;
    }
    close(fd);
    memset(&walk, 0, sizeof(walk));
    nftw(report->root, visit, 64, FTW_PHYS);
    /* Room for changes, then the table of checksums; both in pages of their own. */
    uint64_t bytes = walk.bytes + contents_spare(walk.bytes, walk.largest);
    report->root_bytes = bytes + bytes / PREFIX_SUM_BLOCK * sizeof(uint16_t) + 2 * PAGE_BYTES;
    report_row(report, walk.unreadable > 0 ? VERDICT_WARN : VERDICT_OK, "ROOT",
               "%" PRIu64 " files, %s in pages of 4 KiB", walk.files,
               value_size_text(walk.bytes, size));
    if (walk.unreadable > 0)
        report_mend(report, "make %" PRIu64 " more readable: find %s ! -readable", walk.unreadable,
                    report->root);
    direct_io(report);
}

void doctor_types(struct report *report)
{
    if (sysfs_exists(report->machine, "/etc/mime.types")) {
        report_row(report, VERDICT_OK, "media types", "/etc/mime.types");
        return;
    }
    report_row(report, VERDICT_WARN, "media types",
               "no /etc/mime.types: Content-Type will be "
               "application/octet-stream");
    report_mend(report, "apt-get install media-types");
}

/* 0, or why the kernel gives no ring that reads into fixed buffers. */
static int uring_probe(void)
{
    struct io_uring ring;
    int err = io_uring_queue_init(4, &ring, 0);

    if (err < 0)
        return -err;
    struct io_uring_probe *probe = io_uring_get_probe_ring(&ring);
    if (probe == NULL || !io_uring_opcode_supported(probe, IORING_OP_READ_FIXED))
        err = EOPNOTSUPP;
    io_uring_free_probe(probe);
    io_uring_queue_exit(&ring);
    return err;
}

void doctor_uring(struct report *report)
{
    int64_t disabled = 0;

    /* Linux before 6.6 has no such switch. */
    sysfs_number(report->machine, &disabled, "/proc/sys/kernel/io_uring_disabled");
    int err = uring_probe();
    if (err == 0) {
        report_row(report, VERDICT_OK, "io_uring", "reads into fixed buffers");
        return;
    }
    report_row(report, VERDICT_MISSING, "io_uring", "%s (kernel.io_uring_disabled is %" PRId64 ")",
               strerror(err), disabled);
    if (disabled != 0)
        report_mend(report, "sysctl -w kernel.io_uring_disabled=0");
    else
        report_mend(report, "boot Linux 5.10 or later with CONFIG_IO_URING=y; in a container, "
                            "allow io_uring_setup");
}
