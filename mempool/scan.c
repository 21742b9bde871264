/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of directories found is the list of directories to visit: no recursion, one directory
 * open at a time, however deep the tree. Each is opened from ROOT by its real path, in which the
 * kernel accepts no symlink, so that a tree that changes meanwhile cannot lead outside.
 */
#include "mempool/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DIRECT_ALIGN_MIN 512   /* no disk has smaller blocks */
#define DIRECT_ALIGN_MAX 65536 /* beyond, padding small files would waste the pool */

struct walk {
    struct scan *scan;
    struct pool_log *log;
    char root_real[PATH_MAX]; /* without a slash at its end: "" for "/" */
    size_t root_real_len;
};

/* Something found, before it is known whether it will be kept. */
struct found {
    size_t path, real_path;
    struct statx info;
};

int scan_open(int root_fd, const char *real_path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    return (int)syscall(SYS_openat2, root_fd, real_path[0] == '\0' ? "." : real_path, &how,
                        sizeof(how));
}

/* ---- tables that grow; -1: out of memory ---- */

static int room_for_one(void **table, size_t count, size_t *max, size_t size)
{
    if (count < *max)
        return 0;
    size_t grown = *max * 2 + 64;
    void *bigger = realloc(*table, grown * size);
    if (bigger == NULL)
        return -1;
    *table = bigger;
    *max = grown;
    return 0;
}

/* Appends "directory/name" (or "name", if directory is "") to strings; *at is where. */
static int string_join(struct scan *scan, size_t directory, const char *name, size_t *at)
{
    size_t directory_len = strlen(scan_string(scan, directory)), name_len = strlen(name);
    size_t len = directory_len + 1 + name_len + 1;

    while (scan->string_max - scan->string_bytes < len) {
        size_t grown = scan->string_max * 2 + 4096;
        char *bigger = realloc(scan->strings, grown);
        if (bigger == NULL)
            return -1;
        scan->strings = bigger;
        scan->string_max = grown;
    }
    char *to = scan->strings + scan->string_bytes;
    *at = scan->string_bytes;
    memcpy(to, scan->strings + directory, directory_len);
    to += directory_len;
    if (directory_len != 0)
        *to++ = '/';
    memcpy(to, name, name_len + 1);
    scan->string_bytes = (size_t)(to - scan->strings) + name_len + 1;
    return 0;
}

static int file_add(struct scan *scan, const struct found *found)
{
    void *table = scan->files;
    const struct statx *info = &found->info;

    if (room_for_one(&table, scan->file_count, &scan->file_max, sizeof(*scan->files)) != 0)
        return -1;
    scan->files = table;
    scan->files[scan->file_count++] = (struct scan_file){
        .path = found->path,
        .real_path = found->real_path,
        .dev = makedev(info->stx_dev_major, info->stx_dev_minor),
        .ino = info->stx_ino,
        .size = info->stx_size,
        .mtime_s = info->stx_mtime.tv_sec,
        .mtime_ns = info->stx_mtime.tv_nsec,
    };
    uint32_t align = info->stx_dio_offset_align > info->stx_dio_mem_align
                         ? info->stx_dio_offset_align
                         : info->stx_dio_mem_align;
    if (align > scan->direct_align && align <= DIRECT_ALIGN_MAX && (align & (align - 1)) == 0)
        scan->direct_align = align;
    return 0;
}

static int directory_add(struct scan *scan, const struct found *found, size_t parent)
{
    void *table = scan->directories;

    if (room_for_one(&table, scan->directory_count, &scan->directory_max,
                     sizeof(*scan->directories)) != 0)
        return -1;
    scan->directories = table;
    scan->directories[scan->directory_count++] = (struct scan_directory){
        .path = found->path,
        .real_path = found->real_path,
        .parent = parent,
        .dev = makedev(found->info.stx_dev_major, found->info.stx_dev_minor),
        .ino = found->info.stx_ino,
    };
    return 0;
}

/* ---- what is found ---- */

static void skip(struct walk *walk, size_t path, const char *why)
{
    char text[POOL_PATH_TEXT_BYTES];

    walk->scan->skipped++;
    pool_log_warning(walk->log, "not served: %s: %s",
                     pool_path_text(scan_string(walk->scan, path), text), why);
}

/* Whether directory `at`, or one that it is in, is the one found: a link has led back. */
static bool is_loop(const struct scan *scan, const struct found *found, size_t at)
{
    dev_t dev = makedev(found->info.stx_dev_major, found->info.stx_dev_minor);

    for (;; at = scan->directories[at].parent) {
        if (scan->directories[at].dev == dev && scan->directories[at].ino == found->info.stx_ino)
            return true;
        if (at == 0)
            return false;
    }
}

/* The path of an open file as the kernel knows it, without symlinks. */
static int real_path_of(int fd, char path[PATH_MAX])
{
    char link[64];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, PATH_MAX - 1);
    if (len < 0)
        return -1;
    path[len] = '\0';
    return 0;
}

/* Follows a symlink: found becomes what it leads to. 1: it does, 0: skipped, -1: out of memory. */
static int link_follow(struct walk *walk, int directory_fd, const char *name, struct found *found)
{
    char real[PATH_MAX];
    int result = 0;
    int fd = openat(directory_fd, name, O_PATH | O_CLOEXEC);

    if (fd < 0) {
        skip(walk, found->path, errno == ENOENT ? "symlink to nothing" : strerror(errno));
        return 0;
    }
    if (real_path_of(fd, real) != 0 ||
        statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_DIOALIGN, &found->info) != 0) {
        skip(walk, found->path, strerror(errno));
    } else if (strncmp(real, walk->root_real, walk->root_real_len) != 0 ||
               (real[walk->root_real_len] != '/' && real[walk->root_real_len] != '\0')) {
        skip(walk, found->path, "symlink that leads outside ROOT");
    } else {
        const char *below = real + walk->root_real_len;
        result =
            string_join(walk->scan, 0, below[0] == '/' ? below + 1 : below, &found->real_path) == 0
                ? 1
                : -1;
    }
    close(fd);
    return result;
}

static bool may_read(const struct scan *scan, const struct found *found, int mode)
{
    const char *real = scan_string(scan, found->real_path);

    return faccessat(scan->root_fd, real[0] == '\0' ? "." : real, mode, AT_EACCESS) == 0;
}

/* Takes up what found names, or skips it. 0, or -1: out of memory. */
static int found_add(struct walk *walk, const struct found *found, size_t parent)
{
    switch (found->info.stx_mode & S_IFMT) {
    case S_IFREG:
        if (may_read(walk->scan, found, R_OK))
            return file_add(walk->scan, found);
        skip(walk, found->path, strerror(errno));
        return 0;
    case S_IFDIR:
        if (is_loop(walk->scan, found, parent))
            skip(walk, found->path, "symlink back to a directory that it is in");
        else if (may_read(walk->scan, found, R_OK | X_OK))
            return directory_add(walk->scan, found, parent);
        else
            skip(walk, found->path, strerror(errno));
        return 0;
    default:
        skip(walk, found->path, "neither a file nor a directory");
        return 0;
    }
}

/* ---- the walk ---- */

static int name_visit(struct walk *walk, int directory_fd, size_t directory, const char *name)
{
    struct scan *scan = walk->scan;
    struct scan_directory in = scan->directories[directory];
    struct found found = { 0 };
    int follows = 1;

    if (string_join(scan, in.path, name, &found.path) != 0)
        return -1;
    found.real_path = found.path;
    if (statx(directory_fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_DIOALIGN,
              &found.info) != 0) {
        if (errno != ENOENT) /* else deleted just now */
            skip(walk, found.path, strerror(errno));
        return 0;
    }
    if (S_ISLNK(found.info.stx_mode)) {
        follows = link_follow(walk, directory_fd, name, &found);
        if (follows <= 0)
            return follows;
    } else if (in.real_path != in.path) {
        if (string_join(scan, in.real_path, name, &found.real_path) != 0)
            return -1;
    }
    return found_add(walk, &found, directory);
}

static int directory_visit(struct walk *walk, size_t directory)
{
    struct scan *scan = walk->scan;
    size_t path = scan->directories[directory].path;
    int fd = scan_open(scan->root_fd, scan_string(scan, scan->directories[directory].real_path),
                       O_RDONLY | O_DIRECTORY);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    int result = 0;

    if (stream == NULL) {
        skip(walk, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while (result == 0) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            if (errno != 0)
                skip(walk, path, strerror(errno));
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = name_visit(walk, fd, directory, entry->d_name);
    }
    closedir(stream);
    return result;
}

static int root_open(struct walk *walk, const char *root, char *error, size_t error_bytes)
{
    char text[POOL_PATH_TEXT_BYTES];
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || faccessat(fd, ".", R_OK | X_OK, AT_EACCESS) != 0 ||
        real_path_of(fd, walk->root_real) != 0) {
        int failed = errno;
        if (fd >= 0)
            close(fd);
        return pool_error(error, error_bytes,
                          "ROOT %s: %s (it must be a directory that this user may read)",
                          pool_path_text(root, text), strerror(failed));
    }
    walk->scan->root_fd = fd;
    walk->root_real_len = strlen(walk->root_real);
    if (walk->root_real_len == 1) /* "/" */
        walk->root_real_len = 0;
    return 0;
}

int scan_root(struct scan *scan, const char *root, struct pool_log *log, char *error,
              size_t error_bytes)
{
    struct walk walk = { .scan = scan, .log = log };
    struct found top = { 0 };

    *scan = (struct scan){ .root_fd = -1, .direct_align = DIRECT_ALIGN_MIN };
    if (root_open(&walk, root, error, error_bytes) != 0)
        return -1;
    /* The string "" at 0 is ROOT's path, and what string_join() prefixes to paths below it. */
    scan->strings = calloc(1, 4096);
    if (scan->strings == NULL)
        goto no_memory;
    scan->string_bytes = 1;
    scan->string_max = 4096;
    if (statx(scan->root_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &top.info) != 0 ||
        directory_add(scan, &top, 0) != 0)
        goto no_memory;
    for (size_t i = 0; i < scan->directory_count; i++)
        if (directory_visit(&walk, i) != 0)
            goto no_memory;
    return 0;

no_memory:
    scan_destroy(scan);
    return pool_error(error, error_bytes, "out of memory while scanning ROOT");
}

void scan_destroy(struct scan *scan)
{
    if (scan->root_fd >= 0)
        close(scan->root_fd);
    free(scan->strings);
    free(scan->directories);
    free(scan->files);
    *scan = (struct scan){ .root_fd = -1 };
}
