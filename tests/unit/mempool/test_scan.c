/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "docroot.h"
#include "mempool/scan.h"
#include "suites.h"

static struct docroot root;
static struct scan scan;
static char error[POOL_ERROR_BYTES];

static void setup(void)
{
    docroot_create(&root);
}

static void teardown(void)
{
    docroot_remove(&root);
}

static void run(void)
{
    ck_assert_msg(scan_root(&scan, root.path, &root.log, error, sizeof(error)) == 0, "%s", error);
}

static const struct scan_file *file_named(const char *path)
{
    for (size_t i = 0; i < scan.file_count; i++)
        if (strcmp(scan_string(&scan, scan.files[i].path), path) == 0)
            return &scan.files[i];
    return NULL;
}

static bool has_directory(const char *path)
{
    for (size_t i = 0; i < scan.directory_count; i++)
        if (strcmp(scan_string(&scan, scan.directories[i].path), path) == 0)
            return true;
    return false;
}

static void assert_real(const char *path, const char *real)
{
    const struct scan_file *file = file_named(path);

    ck_assert_msg(file != NULL, "%s is not there", path);
    ck_assert_str_eq(scan_string(&scan, file->real_path), real);
}

/* ---- ROOT ---- */

START_TEST(empty_root_is_one_directory)
{
    run();
    ck_assert_uint_eq(scan.file_count, 0);
    ck_assert_uint_eq(scan.directory_count, 1);
    ck_assert(has_directory(""));
    scan_destroy(&scan);
}
END_TEST

static const struct {
    const char *root, *why;
} bad_roots[] = {
    { "/nonexistent/x", "No such file or directory" },
    { "/etc/passwd", "Not a directory" },
    { "", "No such file or directory" },
};

START_TEST(bad_root_is_an_error_that_names_it)
{
    ck_assert_int_eq(scan_root(&scan, bad_roots[_i].root, &root.log, error, sizeof(error)), -1);
    ck_assert_msg(strstr(error, bad_roots[_i].root) != NULL &&
                      strstr(error, bad_roots[_i].why) != NULL,
                  "%s", error);
}
END_TEST

START_TEST(root_may_be_a_symlink)
{
    struct docroot other;

    docroot_create(&other);
    docroot_write(&other, "a", 1);
    docroot_symlink(&root, "link", other.path);
    ck_assert_int_eq(scan_root(&scan, docroot_path(&root, "link"), &root.log, error, sizeof(error)),
                     0);
    assert_real("a", "a");
    scan_destroy(&scan);
    docroot_remove(&other);
}
END_TEST

/* ---- files ---- */

START_TEST(files_are_found_with_size_and_time)
{
    struct stat st;

    docroot_write(&root, "a.txt", 1000);
    docroot_write(&root, "d/e/empty", 0);
    run();
    ck_assert_uint_eq(scan.file_count, 2);
    ck_assert_int_eq(stat(docroot_path(&root, "a.txt"), &st), 0);
    const struct scan_file *a = file_named("a.txt");
    ck_assert_uint_eq(a->size, 1000);
    ck_assert_int_eq(a->mtime_s, st.st_mtim.tv_sec);
    ck_assert_int_eq(a->mtime_ns, st.st_mtim.tv_nsec);
    ck_assert_uint_eq(a->ino, st.st_ino);
    ck_assert_uint_eq(a->dev, st.st_dev);
    ck_assert_uint_eq(file_named("d/e/empty")->size, 0);
    ck_assert(has_directory("d") && has_directory("d/e"));
    ck_assert_uint_ge(scan.direct_align, 512);
    ck_assert_str_eq(root.said, "");
    scan_destroy(&scan);
}
END_TEST

START_TEST(names_of_any_bytes_and_hidden_ones)
{
    static const char *const names[] = {
        ".hidden", ".d/.x", "a b", "gr\xc3\xbc\xc3\x9f", "\xff\xfe", "100%", "%41", "a\nb", "...",
        "-rf",     "a\\b",  "?#&",
    };
    const size_t count = sizeof(names) / sizeof(names[0]);

    for (size_t i = 0; i < count; i++)
        docroot_write(&root, names[i], i);
    run();
    ck_assert_uint_eq(scan.file_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(file_named(names[i])->size, i);
    scan_destroy(&scan);
}
END_TEST

START_TEST(many_files)
{
    char name[64];

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "d%u/f%u", i % 20, i);
        docroot_write(&root, name, 0);
    }
    run();
    ck_assert_uint_eq(scan.file_count, 2000);
    ck_assert_uint_eq(scan.directory_count, 21);
    scan_destroy(&scan);
}
END_TEST

/* The path outgrows what the system opens: what is deeper is skipped, the rest is served. */
START_TEST(deep_tree)
{
    static const char name[] = "a-directory-with-a-name-of-50-characters-or-nearly";
    const unsigned depth = 200;
    int fd = open(root.path, O_RDONLY | O_DIRECTORY);

    for (unsigned i = 0; i < depth; i++) {
        ck_assert_int_eq(mkdirat(fd, name, 0755), 0);
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY);
        ck_assert_int_ge(below, 0);
        close(fd);
        fd = below;
    }
    close(fd);
    run();
    ck_assert_uint_gt(scan.directory_count, 70);
    ck_assert_uint_lt(scan.directory_count, depth);
    ck_assert_uint_eq(scan.skipped, 1);
    ck_assert(docroot_said(&root, "File name too long"));
    scan_destroy(&scan);
}
END_TEST

/* ---- symlinks ---- */

START_TEST(links_inside_root_are_followed)
{
    docroot_write(&root, "real/a", 7);
    docroot_symlink(&root, "file", "real/a");
    docroot_symlink(&root, "d/up", "../real/a");
    docroot_symlink(&root, "directory", "real");
    docroot_symlink(&root, "chain", "directory/../file");
    docroot_symlink(&root, "absolute", docroot_path(&root, "real/a"));
    run();
    assert_real("real/a", "real/a");
    assert_real("file", "real/a");
    assert_real("d/up", "real/a");
    assert_real("directory/a", "real/a");
    assert_real("chain", "real/a");
    assert_real("absolute", "real/a");
    ck_assert_uint_eq(scan.file_count, 6);
    for (size_t i = 0; i < scan.file_count; i++)
        ck_assert_uint_eq(scan.files[i].ino, scan.files[0].ino);
    ck_assert(has_directory("directory"));
    ck_assert_str_eq(root.said, "");
    scan_destroy(&scan);
}
END_TEST

START_TEST(links_that_leave_root_are_skipped)
{
    struct docroot other;
    char name[sizeof(root.path) + sizeof("-beside")];

    docroot_create(&other);
    docroot_write(&other, "secret", 1);
    docroot_write(&root, "a", 1);
    docroot_symlink(&root, "etc", "/etc");
    docroot_symlink(&root, "passwd", "/etc/passwd");
    docroot_symlink(&root, "up", "..");
    docroot_symlink(&root, "d/other", docroot_path(&other, "secret"));
    /* A directory beside ROOT whose name begins like ROOT's. */
    snprintf(name, sizeof(name), "%s-beside", root.path);
    ck_assert_int_eq(mkdir(name, 0755), 0);
    docroot_symlink(&root, "beside", name);
    run();
    ck_assert_uint_eq(scan.file_count, 1);
    ck_assert_uint_eq(scan.directory_count, 2);
    ck_assert_uint_eq(scan.skipped, 5);
    ck_assert_uint_eq(docroot_said_count(&root, "symlink that leads outside ROOT"), 5);
    scan_destroy(&scan);
    rmdir(name);
    docroot_remove(&other);
}
END_TEST

START_TEST(links_to_nothing_and_to_themselves_are_skipped)
{
    docroot_symlink(&root, "nothing", "absent");
    docroot_symlink(&root, "self", "self");
    docroot_symlink(&root, "ping", "pong");
    docroot_symlink(&root, "pong", "ping");
    run();
    ck_assert_uint_eq(scan.file_count, 0);
    ck_assert_uint_eq(scan.skipped, 4);
    ck_assert(docroot_said(&root, "nothing: symlink to nothing"));
    ck_assert_uint_eq(docroot_said_count(&root, "Too many levels"), 3);
    scan_destroy(&scan);
}
END_TEST

START_TEST(links_back_to_a_directory_above_end)
{
    docroot_write(&root, "a/b/file", 1);
    docroot_write(&root, "c/file", 1);
    docroot_symlink(&root, "a/b/back", "../../a");
    docroot_symlink(&root, "top", ".");
    docroot_symlink(&root, "a/across", "../c");
    docroot_symlink(&root, "c/across", "../a");
    run();
    /* a/b/file, c/file, a/across/file, c/across/b/file: each once, then the loop closes. */
    ck_assert_uint_eq(scan.file_count, 4);
    assert_real("a/across/file", "c/file");
    assert_real("c/across/b/file", "a/b/file");
    ck_assert_uint_eq(docroot_said_count(&root, "symlink back"), 5);
    scan_destroy(&scan);
}
END_TEST

/* ---- what cannot be served ---- */

START_TEST(special_files_are_skipped)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    docroot_write(&root, "a", 1);
    ck_assert_int_eq(mkfifo(docroot_path(&root, "pipe"), 0644), 0);
    ck_assert_int_eq(chdir(root.path), 0);
    strcpy(address.sun_path, "socket");
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    docroot_symlink(&root, "to-pipe", "pipe");
    run();
    ck_assert_uint_eq(scan.file_count, 1);
    ck_assert_uint_eq(scan.skipped, 3);
    ck_assert(docroot_said(&root, "pipe: neither a file nor a directory"));
    scan_destroy(&scan);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(what_cannot_be_read_is_skipped)
{
    docroot_write(&root, "a", 1);
    docroot_write(&root, "closed", 1);
    docroot_write(&root, "d/inside", 1);
    docroot_symlink(&root, "link", "closed");
    ck_assert_int_eq(chmod(docroot_path(&root, "closed"), 0), 0);
    ck_assert_int_eq(chmod(docroot_path(&root, "d"), 0), 0);
    if (!privileges_drop())
        ck_abort_msg("cannot give up CAP_DAC_OVERRIDE: %s", strerror(errno));
    run();
    ck_assert_uint_eq(scan.file_count, 1);
    ck_assert_uint_eq(scan.skipped, 3);
    ck_assert_uint_eq(docroot_said_count(&root, "Permission denied"), 3);
    scan_destroy(&scan);
    chmod(docroot_path(&root, "d"), 0755);
}
END_TEST

START_TEST(unreadable_root_is_an_error)
{
    docroot_directory(&root, "closed");
    ck_assert_int_eq(chmod(docroot_path(&root, "closed"), 0), 0);
    ck_assert(privileges_drop());
    ck_assert_int_eq(
        scan_root(&scan, docroot_path(&root, "closed"), &root.log, error, sizeof(error)), -1);
    ck_assert_msg(strstr(error, "Permission denied") != NULL, "%s", error);
}
END_TEST

/* ---- policy ---- */

static void run_with(struct scan_policy policy)
{
    ck_assert_msg(scan_open_root(&scan, root.path, &root.log, error, sizeof(error)) == 0, "%s",
                  error);
    scan.policy = policy;
    ck_assert_int_eq(scan_path(&scan, ""), 0);
}

static const struct {
    enum scan_symlinks symlinks;
    bool inside, foreign, outside; /* are served */
} policies[] = {
    { SCAN_SYMLINKS_WITHIN_ROOT, true, true, false },
    { SCAN_SYMLINKS_SAME_OWNER, true, false, false },
    { SCAN_SYMLINKS_NEVER, false, false, false },
    { SCAN_SYMLINKS_FOLLOW, true, true, true },
};

/* Links to files and to directories, seen by a scan of all and of the path alone. */
START_TEST(policy_says_which_links_are_followed)
{
    const struct scan_policy policy = { .symlinks = policies[_i].symlinks };
    const bool inside = policies[_i].inside, outside = policies[_i].outside;
    bool foreign = policies[_i].foreign;
    struct docroot other;
    char real[PATH_MAX];

    docroot_create(&other);
    docroot_write(&other, "far/x", 1);
    docroot_write(&root, "d/x", 1);
    docroot_symlink(&root, "inside", "d/x");
    docroot_symlink(&root, "inside-d", "d");
    docroot_symlink(&root, "foreign-d", "d");
    if (lchown(docroot_path(&root, "foreign-d"), 12345, 12345) != 0)
        foreign = inside; /* not root: it stays ours */
    docroot_symlink(&root, "outside-d", docroot_path(&other, "far"));
    docroot_symlink(&root, "outside", docroot_path(&other, "far/x"));
    run_with(policy);
    ck_assert(file_named("d/x") != NULL);
    ck_assert_int_eq(file_named("inside") != NULL, inside);
    ck_assert_int_eq(file_named("inside-d/x") != NULL, inside);
    ck_assert_int_eq(file_named("foreign-d/x") != NULL, foreign);
    ck_assert_int_eq(file_named("outside") != NULL, outside);
    ck_assert_int_eq(file_named("outside-d/x") != NULL, outside);
    if (outside) {
        ck_assert_ptr_nonnull(realpath(docroot_path(&other, "far/x"), real));
        assert_real("outside-d/x", real);
        int fd = scan_open(scan.root_fd, real, O_RDONLY);
        ck_assert_int_ge(fd, 0);
        close(fd);
        /* No symlink on the way, wherever it leads. */
        ck_assert_int_eq(scan_open(scan.root_fd, docroot_path(&root, "inside"), O_RDONLY), -1);
        ck_assert_int_eq(errno, ELOOP);
        ck_assert_int_eq(scan_open_by_steps(scan.root_fd, real, O_RDONLY), -1);
        ck_assert_int_eq(errno, EXDEV);
    }
    const char *const paths[] = { "inside-d/x", "foreign-d/x", "outside-d/x" };
    const bool served[] = { inside, foreign, outside };
    for (unsigned i = 0; i < 3; i++) {
        scan_clear(&scan);
        ck_assert_int_eq(scan_path(&scan, paths[i]), 0);
        ck_assert_msg((file_named(paths[i]) != NULL) == served[i], "%s", paths[i]);
    }
    scan_destroy(&scan);
    docroot_remove(&other);
}
END_TEST

START_TEST(further_roots_have_their_path_before_their_files)
{
    struct docroot other;
    char top[PATH_MAX], path[PATH_MAX + 16];

    docroot_create(&other);
    ck_assert_ptr_nonnull(realpath(other.path, top));
    docroot_write(&other, "x/y", 1);
    docroot_symlink(&other, "inside", "x/y");
    docroot_symlink(&other, "to-root", root.path);
    docroot_write(&root, "a", 1);
    docroot_symlink(&root, "to-other", top);
    const char *roots[] = { top, "/nonexistent/root" };
    run_with((struct scan_policy){ .roots = roots, .root_count = 2 });
    ck_assert_uint_eq(scan.file_count, 3);
    ck_assert(file_named("a") != NULL);
    snprintf(path, sizeof(path), "%s/x/y", top);
    assert_real(path, path);
    ck_assert_uint_eq(docroot_said_count(&root, "symlink that leads outside ROOT"), 2);
    ck_assert(docroot_said(&root, "/nonexistent/root: no directory"));
    /* Parts of it, alone. */
    snprintf(path, sizeof(path), "%s/inside", top);
    scan_clear(&scan);
    ck_assert_int_eq(scan_path(&scan, path), 0);
    ck_assert_uint_eq(scan.file_count, 1);
    ck_assert(file_named(path) != NULL);
    scan_clear(&scan);
    ck_assert_int_eq(scan_path(&scan, top), 0);
    ck_assert_uint_eq(scan.file_count, 2);
    scan_clear(&scan);
    ck_assert_int_eq(scan_path(&scan, "/etc/hostname"), 0);
    ck_assert_uint_eq(scan.file_count, 0);
    scan_destroy(&scan);
    docroot_remove(&other);
}
END_TEST

/* ---- opening later ---- */

START_TEST(a_file_that_became_a_link_is_not_opened)
{
    docroot_write(&root, "d/a", 1);
    run();
    int fd = scan_open(scan.root_fd, "d/a", O_RDONLY);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(unlink(docroot_path(&root, "d/a")), 0);
    docroot_symlink(&root, "d/a", "/etc/passwd");
    ck_assert_int_eq(scan_open(scan.root_fd, "d/a", O_RDONLY), -1);
    ck_assert_int_eq(errno, ELOOP);
    ck_assert_int_eq(scan_open(scan.root_fd, "../x", O_RDONLY), -1);
    ck_assert_int_eq(errno, EXDEV);
    scan_destroy(&scan);
}
END_TEST

/* ---- without openat2 ---- */

/* What both ways of opening answer; 0: opened. */
static const struct {
    const char *path;
    int flags, answer;
} openings[] = {
    { "", O_RDONLY | O_DIRECTORY, 0 },
    { "a", O_RDONLY, 0 },
    { "d/e/b", O_RDONLY | O_NONBLOCK, 0 },
    { "d//e/b", O_RDONLY, 0 },
    { "d/./e/b", O_RDONLY, 0 },
    { "d/e", O_RDONLY | O_DIRECTORY, 0 },
    { "d/e/", O_RDONLY, 0 },
    { "a/", O_RDONLY, ENOTDIR },
    { "d/none", O_RDONLY, ENOENT },
    { "none/b", O_RDONLY, ENOENT },
    { "a/b", O_RDONLY, ENOTDIR },
    { "a", O_RDONLY | O_DIRECTORY, ENOTDIR },
    { "link", O_RDONLY, ELOOP },
    { "to-d/e/b", O_RDONLY, ELOOP },
    { "d/to-e/b", O_RDONLY, ELOOP },
    { "d/to-e", O_RDONLY | O_DIRECTORY, ELOOP },
    { "d/to-root", O_RDONLY | O_DIRECTORY, ELOOP },
    { "out/passwd", O_RDONLY, ELOOP },
    { "..", O_RDONLY | O_DIRECTORY, EXDEV },
    { "../x", O_RDONLY, EXDEV },
    { "d/../../x", O_RDONLY, EXDEV },
};

START_TEST(opening_by_steps_answers_as_the_kernel_does)
{
    static int (*const ways[])(int, const char *, int) = { scan_open, scan_open_by_steps };

    docroot_write(&root, "a", 1);
    docroot_write(&root, "d/e/b", 1);
    docroot_symlink(&root, "link", "a");
    docroot_symlink(&root, "to-d", "d");
    docroot_symlink(&root, "d/to-e", "e");
    docroot_symlink(&root, "d/to-root", "/");
    docroot_symlink(&root, "out", "/etc");
    run();
    for (unsigned way = 0; way < 2; way++) {
        int fd = ways[way](scan.root_fd, openings[_i].path, openings[_i].flags);
        int answer = fd < 0 ? errno : 0;
        ck_assert_msg(answer == openings[_i].answer, "way %u, \"%s\": %s", way, openings[_i].path,
                      strerror(answer));
        ck_assert(fd < 0 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        if (fd >= 0)
            close(fd);
    }
    /* No descriptor of the way is left. */
    int next = dup(scan.root_fd);
    ck_assert_int_eq(next, scan.root_fd + 1);
    close(next);
    scan_destroy(&scan);
}
END_TEST

/* From here on this process has a kernel that does not know openat2. */
static bool openat2_forget(unsigned error_number)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error_number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static const int answers_of_old_kernels[] = { ENOSYS, EPERM };

START_TEST(an_old_kernel_serves_the_same_files)
{
    docroot_write(&root, "a", 1);
    docroot_write(&root, "d/e/b", 1);
    docroot_symlink(&root, "to-d", "d");
    docroot_symlink(&root, "out", "/etc");
    if (!openat2_forget((unsigned)answers_of_old_kernels[_i])) {
        fprintf(stderr, "SKIP: no seccomp filters here: %s\n", strerror(errno));
        return;
    }
    ck_assert_int_eq(syscall(SYS_openat2, 0, "", NULL, 0), -1);
    ck_assert_int_eq(errno, answers_of_old_kernels[_i]);
    run();
    ck_assert_uint_eq(scan.file_count, 3);
    ck_assert_ptr_nonnull(file_named("to-d/e/b"));
    ck_assert_uint_eq(scan.skipped, 1);
    int fd = scan_open(scan.root_fd, "d/e/b", O_RDONLY);
    ck_assert_int_ge(fd, 0);
    close(fd);
    ck_assert_int_eq(scan_open(scan.root_fd, "out/passwd", O_RDONLY), -1);
    ck_assert_int_eq(errno, ELOOP);
    scan_destroy(&scan);
}
END_TEST

Suite *scan_suite(void)
{
    Suite *suite = suite_create("scan");
    TCase *tcase = tcase_create("scan");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, empty_root_is_one_directory);
    tcase_add_loop_test(tcase, bad_root_is_an_error_that_names_it, 0,
                        sizeof(bad_roots) / sizeof(bad_roots[0]));
    tcase_add_test(tcase, root_may_be_a_symlink);
    tcase_add_test(tcase, files_are_found_with_size_and_time);
    tcase_add_test(tcase, names_of_any_bytes_and_hidden_ones);
    tcase_add_test(tcase, many_files);
    tcase_add_test(tcase, deep_tree);
    tcase_add_test(tcase, links_inside_root_are_followed);
    tcase_add_test(tcase, links_that_leave_root_are_skipped);
    tcase_add_test(tcase, links_to_nothing_and_to_themselves_are_skipped);
    tcase_add_test(tcase, links_back_to_a_directory_above_end);
    tcase_add_test(tcase, special_files_are_skipped);
    tcase_add_test(tcase, what_cannot_be_read_is_skipped);
    tcase_add_test(tcase, unreadable_root_is_an_error);
    tcase_add_loop_test(tcase, policy_says_which_links_are_followed, 0,
                        sizeof(policies) / sizeof(policies[0]));
    tcase_add_test(tcase, further_roots_have_their_path_before_their_files);
    tcase_add_test(tcase, a_file_that_became_a_link_is_not_opened);
    tcase_add_loop_test(tcase, opening_by_steps_answers_as_the_kernel_does, 0,
                        sizeof(openings) / sizeof(openings[0]));
    tcase_add_loop_test(tcase, an_old_kernel_serves_the_same_files, 0, 2);
    suite_add_tcase(suite, tcase);
    return suite;
}
