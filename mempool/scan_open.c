/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opening what lies below ROOT, and nothing else, in a tree that others may change meanwhile.
 *
 * openat2 (Linux 5.6) does it in one step. Where it is not to be had (an older kernel, a container
 * whose seccomp profile does not know it, valgrind), each name on the way is opened from the
 * directory before, none of them through a symlink: what is held is a directory, not a name, so
 * nothing that is renamed or replaced later leads elsewhere. ".." is not needed by any real path,
 * and is refused.
 */
#include "mempool/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* With O_DIRECTORY a symlink is "not a directory"; openat2 says what it is. */
static int why_not(int directory, const char *name, int error)
{
    struct stat st;

    if (error == ENOTDIR && fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode))
        return ELOOP;
    return error;
}

/* Of path's first name; *rest is what follows it and its slashes. 0, or an errno. */
static int name_take(const char *path, char name[NAME_MAX + 1], const char **rest)
{
    size_t len = strcspn(path, "/");

    if (len > NAME_MAX)
        return ENAMETOOLONG;
    memcpy(name, path, len);
    name[len] = '\0';
    *rest = path + len + strspn(path + len, "/");
    return strcmp(name, "..") == 0 ? EXDEV : 0;
}

int scan_open_by_steps(int root_fd, const char *real_path, int flags)
{
    const int step = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const char *rest = real_path[0] == '\0' ? "." : real_path;
    char name[NAME_MAX + 1];
    int directory = root_fd, fd = -1;
    int error = rest[0] == '/' ? EXDEV : 0;

    while (error == 0 && fd < 0) {
        const char *path = rest;
        error = name_take(path, name, &rest);
        if (error != 0)
            break;
        bool last = rest[0] == '\0';
        int more = path[strlen(name)] == '/' ? O_DIRECTORY : 0; /* "a/" is a directory */
        int next = openat(directory, name, last ? flags | more | O_NOFOLLOW | O_CLOEXEC : step);
        if (next < 0)
            error = why_not(directory, name, errno);
        if (directory != root_fd)
            close(directory);
        directory = root_fd;
        if (next >= 0 && last)
            fd = next;
        else if (next >= 0)
            directory = next;
    }
    if (directory != root_fd)
        close(directory);
    if (fd < 0)
        errno = error;
    return fd;
}

static int open_below(int root_fd, const char *real_path, int flags)
{
    static bool absent; /* the kernel has no openat2: asked once */
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };

    if (__atomic_load_n(&absent, __ATOMIC_RELAXED))
        return scan_open_by_steps(root_fd, real_path, flags);
    int fd = (int)syscall(SYS_openat2, root_fd, real_path[0] == '\0' ? "." : real_path, &how,
                          sizeof(how));
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return fd;
    /* EPERM is what some containers say to calls they do not know, but the file's answer as well.
     */
    if (errno == ENOSYS)
        __atomic_store_n(&absent, true, __ATOMIC_RELAXED);
    return scan_open_by_steps(root_fd, real_path, flags);
}

int scan_open(int root_fd, const char *real_path, int flags)
{
    if (real_path[0] != '/')
        return open_below(root_fd, real_path, flags);
    int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -1;
    int fd = open_below(top, real_path + 1, flags), error = errno;
    close(top);
    errno = error;
    return fd;
}
