/* SPDX-License-Identifier: BSD-3-Clause */
#include "docroot.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/prng.h"

void docroot_log(void *ctx, enum pool_log_level level, const char *text)
{
    struct docroot *root = ctx;
    size_t used = strlen(root->said);

    snprintf(root->said + used, sizeof(root->said) - used, "%s%s\n",
             level == POOL_LOG_WARNING ? "warning: " : "", text);
}

void docroot_create(struct docroot *root)
{
    const char *below = getenv("HW_TEST_DIR");
    char real[PATH_MAX];

    memset(root, 0, sizeof(*root));
    ck_assert_ptr_nonnull(realpath(below != NULL ? below : ".", real));
    ck_assert_int_lt(snprintf(root->path, sizeof(root->path), "%s/docroot-XXXXXX", real),
                     (int)sizeof(root->path));
    ck_assert_ptr_nonnull(mkdtemp(root->path));
    root->log = (struct pool_log){ .line = docroot_log, .ctx = root };
}

/* By descriptors: paths may be longer than the system opens. Takes fd. */
static void directory_empty(int fd)
{
    DIR *stream = fdopendir(fd);
    const struct dirent *entry;

    ck_assert_ptr_nonnull(stream);
    while ((entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || unlinkat(fd, name, 0) == 0)
            continue;
        fchmodat(fd, name, 0755, 0);
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        ck_assert_msg(below >= 0, "cannot remove %s: %s", name, strerror(errno));
        directory_empty(below);
        unlinkat(fd, name, AT_REMOVEDIR);
    }
    closedir(stream);
}

void docroot_remove(struct docroot *root)
{
    int fd = open(root->path, O_RDONLY | O_DIRECTORY);

    ck_assert_int_ge(fd, 0);
    directory_empty(fd);
    ck_assert_int_eq(rmdir(root->path), 0);
}

const char *docroot_path(const struct docroot *root, const char *name)
{
    static char path[2 * PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", root->path, name);
    return path;
}

void docroot_directory(struct docroot *root, const char *name)
{
    char path[2 * PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", root->path, name);
    for (char *slash = path + strlen(root->path) + 1; (slash = strchr(slash, '/')) != NULL;) {
        *slash = '\0';
        ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
        *slash++ = '/';
    }
    ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static void parent_make(struct docroot *root, const char *name)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(name, '/');

    if (slash == NULL)
        return;
    snprintf(parent, sizeof(parent), "%.*s", (int)(slash - name), name);
    docroot_directory(root, parent);
}

static void content_fill(const char *name, uint8_t *bytes, size_t size)
{
    struct prng prng = { .state = size };

    for (const char *p = name; *p != '\0'; p++)
        prng.state = prng.state * 31 + (unsigned char)*p;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = prng_next(&prng);
        memcpy(bytes + i, &word, size - i < 8 ? size - i : 8);
    }
}

void docroot_write(struct docroot *root, const char *name, size_t size)
{
    uint8_t *bytes = malloc(size + 1);

    ck_assert_ptr_nonnull(bytes);
    parent_make(root, name);
    content_fill(name, bytes, size);
    FILE *file = fopen(docroot_path(root, name), "w");
    ck_assert_msg(file != NULL, "%s: %s", name, strerror(errno));
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
    free(bytes);
}

void docroot_symlink(struct docroot *root, const char *name, const char *target)
{
    char path[2 * PATH_MAX]; /* target may be docroot_path()'s */

    parent_make(root, name);
    snprintf(path, sizeof(path), "%s/%s", root->path, name);
    ck_assert_int_eq(symlink(target, path), 0);
}

bool docroot_content_is(const char *name, const uint8_t *bytes, size_t size)
{
    uint8_t *wanted = malloc(size + 1);

    ck_assert_ptr_nonnull(wanted);
    content_fill(name, wanted, size);
    bool same = size == 0 || memcmp(bytes, wanted, size) == 0;
    free(wanted);
    return same;
}

unsigned docroot_said_count(const struct docroot *root, const char *text)
{
    unsigned count = 0;

    for (const char *at = root->said; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

bool docroot_said(const struct docroot *root, const char *text)
{
    return docroot_said_count(root, text) != 0;
}

bool privileges_drop(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    data[0].effective &= ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
    return syscall(SYS_capset, &header, data) == 0;
}
