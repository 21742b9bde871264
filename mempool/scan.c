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
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DIRECT_ALIGN_MIN 512   /* no disk has smaller blocks */
#define DIRECT_ALIGN_MAX 65536 /* beyond, padding small files would waste the pool */

/* Something found, before it is known whether it will be kept. */
struct found {
    size_t path, real_path;
    struct statx info;
    bool is_link;      /* a symlink has led here: */
    uint32_t link_uid; /* its owner */
};

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
        .ctime_s = info->stx_ctime.tv_sec,
        .ctime_ns = info->stx_ctime.tv_nsec,
    };
    uint32_t align = info->stx_dio_offset_align > info->stx_dio_mem_align
                         ? info->stx_dio_offset_align
                         : info->stx_dio_mem_align;
    if (align > scan->direct_align && align <= DIRECT_ALIGN_MAX && (align & (align - 1)) == 0)
        scan->direct_align = align;
    return 0;
}

static int directory_add(struct scan *scan, const struct found *found, size_t parent, bool above)
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
        .root = scan->directory_count > 1 ? scan->directories[parent].root : 0,
        .dev = makedev(found->info.stx_dev_major, found->info.stx_dev_minor),
        .ino = found->info.stx_ino,
        .mtime_s = found->info.stx_mtime.tv_sec,
        .above = above,
    };
    return 0;
}

/* ---- what is found ---- */

static void skip(struct scan *scan, size_t path, const char *why)
{
    char text[POOL_PATH_TEXT_BYTES];

    scan->skipped++;
    pool_log_warning(scan->log, "not served: %s: %s", pool_path_text(scan_string(scan, path), text),
                     why);
}

static int link_add(struct scan *scan, size_t path)
{
    void *table = scan->links;

    if (room_for_one(&table, scan->link_count, &scan->link_max, sizeof(*scan->links)) != 0)
        return -1;
    scan->links = table;
    scan->links[scan->link_count++] = path;
    return 0;
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

/* Whether an absolute path is another one or below it. */
static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Real paths: below ROOT from there on, else whole. */
static const char *real_name(const struct scan *scan, const char *real)
{
    if (!is_below(real, scan->root_real))
        return real;
    real += strlen(scan->root_real);
    return real[0] == '/' ? real + 1 : real;
}

/* Whether an absolute path is below the root of a directory, both as the kernel knows them. */
static bool is_within_root(const struct scan *scan, size_t directory, const char *real)
{
    size_t root = scan->directories[directory].root;

    return is_below(real, root == 0 ? scan->root_real
                                    : scan_string(scan, scan->directories[root].real_path)) ||
           (root == 0 && scan->root_real[0] == '\0');
}

/* NULL, or why the policy forbids that a name in directory leads to what was found, at real. */
static const char *link_forbidden(const struct scan *scan, size_t directory,
                                  const struct found *found, const char *real)
{
    enum scan_symlinks symlinks = scan->policy.symlinks;

    if (symlinks == SCAN_SYMLINKS_FOLLOW)
        return NULL;
    if (symlinks == SCAN_SYMLINKS_NEVER && found->is_link)
        return "symlink";
    if (!is_within_root(scan, directory, real))
        return "symlink that leads outside ROOT";
    if (symlinks == SCAN_SYMLINKS_SAME_OWNER && found->is_link &&
        found->link_uid != found->info.stx_uid)
        return "symlink of another owner than its target's";
    return NULL;
}

/* Follows a symlink: found becomes what it leads to. 1: it does, 0: skipped, -1: out of memory. */
static int link_follow(struct scan *scan, int directory_fd, size_t directory, const char *name,
                       struct found *found)
{
    char real[PATH_MAX];
    const char *why = NULL;
    int result = 0;

    int fd = openat(directory_fd, name, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        skip(scan, found->path, errno == ENOENT ? "symlink to nothing" : strerror(errno));
        return 0;
    }
    found->is_link = true;
    found->link_uid = found->info.stx_uid;
    if (real_path_of(fd, real) != 0 ||
        statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_DIOALIGN, &found->info) != 0)
        why = strerror(errno);
    else
        why = link_forbidden(scan, directory, found, real);
    if (why != NULL)
        skip(scan, found->path, why);
    else
        result = string_join(scan, 0, real_name(scan, real), &found->real_path) == 0 ? 1 : -1;
    close(fd);
    return result;
}

static bool may_read(const struct scan *scan, const struct found *found, int mode)
{
    const char *real = scan_string(scan, found->real_path);

    return faccessat(scan->root_fd, real[0] == '\0' ? "." : real, mode, AT_EACCESS) == 0;
}

/* Takes up what found names, or skips it. 0, or -1: out of memory. */
static int found_add(struct scan *scan, const struct found *found, size_t parent)
{
    switch (found->info.stx_mode & S_IFMT) {
    case S_IFREG:
        if (may_read(scan, found, R_OK))
            return file_add(scan, found);
        skip(scan, found->path, strerror(errno));
        return 0;
    case S_IFDIR:
        if (is_loop(scan, found, parent))
            skip(scan, found->path, "symlink back to a directory that it is in");
        else if (may_read(scan, found, R_OK | X_OK))
            return directory_add(scan, found, parent, false);
        else
            skip(scan, found->path, strerror(errno));
        return 0;
    default:
        skip(scan, found->path, "neither a file nor a directory");
        return 0;
    }
}

/* ---- the walk ---- */

static int name_visit(struct scan *scan, int directory_fd, size_t directory, const char *name)
{
    struct scan_directory in = scan->directories[directory];
    struct found found = { 0 };
    int follows = 1;

    if (string_join(scan, in.path, name, &found.path) != 0)
        return -1;
    found.real_path = found.path;
    if (statx(directory_fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_DIOALIGN,
              &found.info) != 0) {
        if (errno != ENOENT) /* else deleted just now */
            skip(scan, found.path, strerror(errno));
        return 0;
    }
    if (S_ISLNK(found.info.stx_mode)) {
        follows = link_follow(scan, directory_fd, directory, name, &found);
        if (!S_ISDIR(found.info.stx_mode) && link_add(scan, found.path) != 0)
            return -1;
        if (follows <= 0)
            return follows;
    } else if (in.real_path != in.path) {
        if (string_join(scan, in.real_path, name, &found.real_path) != 0)
            return -1;
    }
    return found_add(scan, &found, directory);
}

static int directory_visit(struct scan *scan, size_t directory)
{
    size_t path = scan->directories[directory].path;
    int fd = scan_open(scan->root_fd, scan_string(scan, scan->directories[directory].real_path),
                       O_RDONLY | O_DIRECTORY);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    int result = 0;

    if (stream == NULL) {
        skip(scan, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return 0;
    }
    if (scan->on_directory != NULL)
        scan->on_directory(scan->ctx, scan_string(scan, path), fd);
    while (result == 0) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            if (errno != 0)
                skip(scan, path, strerror(errno));
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            result = name_visit(scan, fd, directory, entry->d_name);
    }
    closedir(stream);
    return result;
}

/* ---- from ROOT to what is to be scanned ---- */

/*
 * Adds the directory at path's first len bytes, which the policy lets names in directory *at lead
 * to; *at is then its place in directories. It stays as it is if there is no such directory. 0, or
 * -1: out of memory.
 */
static int directory_enter(struct scan *scan, const char *path, size_t len, size_t *at,
                           bool is_root, bool above)
{
    struct found found = { 0 };
    char name[PATH_MAX], real[PATH_MAX];
    bool usable;

    if (len >= sizeof(name))
        return 0;
    memcpy(name, path, len);
    name[len] = '\0';
    int fd = openat(scan->root_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    usable = statx(scan->root_fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &found.info) == 0 &&
             real_path_of(fd, real) == 0;
    found.link_uid = found.info.stx_uid;
    found.is_link = S_ISLNK(found.info.stx_mode);
    usable = usable && statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &found.info) == 0;
    close(fd);
    if (!usable)
        return 0;
    if (!is_root && (link_forbidden(scan, *at, &found, real) != NULL || is_loop(scan, &found, *at)))
        return 0;
    const char *below = real_name(scan, real);
    if (string_join(scan, 0, name, &found.path) != 0 ||
        string_join(scan, 0, below, &found.real_path) != 0)
        return -1;
    if (strcmp(name, below) == 0)
        found.real_path = found.path;
    int result = directory_add(scan, &found, *at, above);
    *at = scan->directory_count - 1;
    if (result == 0 && is_root)
        scan->directories[*at].root = *at;
    return result;
}

/* The further root that path is or is below; NULL: it is below ROOT. */
static const char *root_of(const struct scan *scan, const char *path)
{
    for (uint32_t i = 0; path[0] == '/' && i < scan->policy.root_count; i++)
        if (is_below(path, scan->policy.roots[i]))
            return scan->policy.roots[i];
    return NULL;
}

/* A further root, to be scanned, or on the way to what is. *at: 0 if it is not there. */
static int root_enter(struct scan *scan, const char *root, size_t *at, bool above)
{
    int result = directory_enter(scan, root, strlen(root), at, true, above);

    if (result == 0 && *at == 0) {
        size_t path;
        if (string_join(scan, 0, root, &path) != 0)
            return -1;
        skip(scan, path, "no directory that may be read");
    }
    return result;
}

/* Visits the last name of path, which is not "". */
static int path_visit(struct scan *scan, const char *path)
{
    const char *slash = path, *root = root_of(scan, path);
    size_t at = 0;

    if (root != NULL) {
        bool itself = strcmp(root, path) == 0;
        if (root_enter(scan, root, &at, !itself) != 0)
            return -1;
        if (itself || at == 0)
            return 0;
        slash = path + strlen(root) + 1;
    } else if (path[0] == '/') {
        return 0;
    }
    while ((slash = strchr(slash, '/')) != NULL) {
        size_t before = at;
        if (directory_enter(scan, path, (size_t)(slash - path), &at, false, true) != 0)
            return -1;
        if (at == before) /* the way is gone, and what was there with it */
            return 0;
        slash++;
    }
    int fd = scan_open(scan->root_fd, scan_string(scan, scan->directories[at].real_path),
                       O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return 0;
    slash = strrchr(path, '/');
    int result = name_visit(scan, fd, at, slash != NULL ? slash + 1 : path);
    close(fd);
    return result;
}

int scan_path(struct scan *scan, const char *path)
{
    size_t first = scan->directory_count;

    if (path[0] == '\0') {
        first = 0;
        scan->directories[0].above = false;
        for (uint32_t i = 0; i < scan->policy.root_count; i++) {
            size_t at = 0;
            if (root_enter(scan, scan->policy.roots[i], &at, false) != 0)
                return -1;
        }
    } else if (path_visit(scan, path) != 0) {
        return -1;
    }
    for (size_t i = first; i < scan->directory_count; i++)
        if (!scan->directories[i].above && directory_visit(scan, i) != 0)
            return -1;
    return 0;
}

/* ---- life ---- */

static int root_open(struct scan *scan, const char *root, char *error, size_t error_bytes)
{
    char text[POOL_PATH_TEXT_BYTES];
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || faccessat(fd, ".", R_OK | X_OK, AT_EACCESS) != 0 ||
        real_path_of(fd, scan->root_real) != 0) {
        int failed = errno;
        if (fd >= 0)
            close(fd);
        return pool_error(error, error_bytes,
                          "ROOT %s: %s (it must be a directory that this user may read)",
                          pool_path_text(root, text), strerror(failed));
    }
    scan->root_fd = fd;
    if (scan->root_real[1] == '\0') /* "/" */
        scan->root_real[0] = '\0';
    return 0;
}

int scan_open_root(struct scan *scan, const char *root, struct pool_log *log, char *error,
                   size_t error_bytes)
{
    struct found top = { 0 };

    *scan = (struct scan){ .root_fd = -1, .direct_align = DIRECT_ALIGN_MIN, .log = log };
    if (root_open(scan, root, error, error_bytes) != 0)
        return -1;
    /* The string "" at 0 is ROOT's path, and what string_join() prefixes to paths below it. */
    scan->strings = calloc(1, 4096);
    if (scan->strings != NULL) {
        scan->string_bytes = 1;
        scan->string_max = 4096;
        if (statx(scan->root_fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &top.info) == 0 &&
            directory_add(scan, &top, 0, true) == 0)
            return 0;
    }
    scan_destroy(scan);
    return pool_error(error, error_bytes, "out of memory while scanning ROOT");
}

void scan_clear(struct scan *scan)
{
    scan->string_bytes = 1;
    scan->directory_count = 1;
    scan->directories[0].above = true;
    scan->file_count = 0;
    scan->link_count = 0;
    scan->skipped = 0;
}

int scan_root(struct scan *scan, const char *root, struct pool_log *log, char *error,
              size_t error_bytes)
{
    if (scan_open_root(scan, root, log, error, error_bytes) != 0)
        return -1;
    if (scan_path(scan, "") == 0)
        return 0;
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
    free(scan->links);
    *scan = (struct scan){ .root_fd = -1 };
}
