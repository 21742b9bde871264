/* SPDX-License-Identifier: BSD-3-Clause */
/* The filters of app/sandbox.c, loaded in child processes, which then try what is forbidden. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

#include "app/sandbox.h"

static const char *const kind_names[DEVICE_KINDS] = { "tap", "af_packet", "af_xdp", "pci", "vdev" };

/* Without libc around it: what happens is this one call. */
#define CALL(...) syscall(__VA_ARGS__)

/* ---- children ---- */

/* Runs what() in a child; *said gets what it wrote to stderr. Returns its status. */
static int child_run(void (*what)(void *arg), void *arg, char said[512])
{
    int fds[2], status;
    ssize_t len = 0, n;

    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[1]);
        alarm(20);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            _exit(99);
        what(arg);
        _exit(0);
    }
    close(fds[1]);
    while (len < 511 && (n = read(fds[0], said + len, 511 - (size_t)len)) > 0)
        len += n;
    said[len] = '\0';
    close(fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

/* ---- a worker ---- */

static int a_pipe[2], an_event, an_epoll;

static int try_open(void)
{
    return (int)CALL(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}
static int try_socket(void)
{
    return (int)CALL(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static int try_execve(void)
{
    char *argv[] = { NULL };
    return (int)CALL(SYS_execve, "/bin/true", argv, argv);
}
static int try_fork(void)
{
    int pid = (int)CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        CALL(SYS_exit, 0);
    return pid;
}
static int try_executable(void)
{
    return syscall(SYS_mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                   -1
               ? -1
               : 0;
}
static int try_kill_parent(void)
{
    return (int)CALL(SYS_kill, getppid(), 0);
}
static int try_ptrace(void)
{
    return (int)CALL(SYS_process_vm_writev, getpid(), 0, 0, 0, 0, 0);
}
static int try_unshare(void)
{
    return (int)CALL(SYS_unshare, 0);
}
static int try_io_uring(void)
{
    return (int)CALL(SYS_io_uring_enter, -1, 0, 0, 0, 0, 0);
}
static int try_sendto(void)
{
    return (int)CALL(SYS_sendto, -1, 0, 0, 0, 0, 0);
}
static int try_writev(void)
{
    return (int)CALL(SYS_writev, a_pipe[1], 0, 0);
}
static int try_pwrite(void)
{
    return (int)CALL(SYS_pwrite64, a_pipe[1], "", 0, 0);
}
static int try_terminal(void)
{
    return (int)CALL(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

#define BIT(kind) (1u << (kind))
#define ALL_KINDS (BIT(DEVICE_KINDS) - 1)

static const struct {
    const char *name;
    int (*call)(void);
    unsigned allowed; /* to a worker on these kinds of port */
} tries[] = {
    { "open", try_open, 0 },
    { "socket", try_socket, 0 },
    { "execve", try_execve, 0 },
    { "fork", try_fork, 0 },
    { "executable memory", try_executable, 0 },
    { "kill", try_kill_parent, 0 },
    { "process_vm_writev", try_ptrace, 0 },
    { "unshare", try_unshare, 0 },
    { "io_uring_enter", try_io_uring, 0 },
    { "ioctl of a terminal", try_terminal, 0 },
    { "sendto", try_sendto, BIT(DEVICE_AF_PACKET) | BIT(DEVICE_AF_XDP) | BIT(DEVICE_VDEV) },
    { "writev", try_writev, BIT(DEVICE_TAP) | BIT(DEVICE_VDEV) },
    { "pwrite", try_pwrite, BIT(DEVICE_PCI) | BIT(DEVICE_VDEV) },
};
#define TRIES ((int)(sizeof(tries) / sizeof(tries[0])))

struct attempt {
    enum device_kind kind;
    int (*call)(void);
};

static void worker_begins(enum device_kind kind)
{
    char error[SANDBOX_ERROR_BYTES];

    if (pipe2(a_pipe, O_CLOEXEC) != 0 || (an_event = eventfd(1, 0)) < 0 ||
        (an_epoll = epoll_create1(0)) < 0 || !sandbox_process(CONFIG_SANDBOX_ON, error) ||
        !sandbox_worker(CONFIG_SANDBOX_ON, DEVICE_BIT(kind), "hw-worker-7", error))
        _exit(98);
}

static void attempt_in_worker(void *arg)
{
    const struct attempt *a = arg;

    worker_begins(a->kind);
    (void)a->call();
    CALL(SYS_exit_group, 0);
}

START_TEST(a_worker_that_makes_another_call_ends_the_process_with_a_line)
{
    char said[512];

    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++) {
        struct attempt attempt = { .kind = kind, .call = tries[_i].call };
        int status = child_run(attempt_in_worker, &attempt, said);
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        bool allowed = (tries[_i].allowed >> kind & 1) != 0;

        ck_assert_msg(code == (allowed ? 0 : 2), "%s on %s: status %x, said '%s'", tries[_i].name,
                      kind_names[kind], (unsigned)status, said);
        ck_assert_msg(allowed == (said[0] == '\0'), "%s on %s: %s", tries[_i].name,
                      kind_names[kind], said);
        if (!allowed)
            ck_assert_msg(strncmp(said, "hugewire: hw-worker-7 made system call ", 39) == 0, "%s",
                          said);
    }
}
END_TEST

static void work(void *arg)
{
    enum device_kind kind = *(enum device_kind *)arg;
    struct timespec nap = { .tv_nsec = 1000 };
    struct epoll_event event = { .events = EPOLLIN };
    uint64_t count;
    char byte = 'x';

    worker_begins(kind);
    if (epoll_ctl(an_epoll, EPOLL_CTL_ADD, an_event, &event) != 0 ||
        epoll_wait(an_epoll, &event, 1, 1000) != 1 ||
        read(an_event, &count, sizeof(count)) != sizeof(count) || count != 1 ||
        write(a_pipe[1], &byte, 1) != 1 || nanosleep(&nap, NULL) != 0)
        CALL(SYS_exit_group, 97);
    CALL(SYS_exit_group, 0);
}

START_TEST(a_worker_may_sleep_wake_and_nap_on_every_port)
{
    enum device_kind kind = (enum device_kind)_i;
    char said[512];
    int status = child_run(work, &kind, said);

    ck_assert_msg(status == 0, "%s: status %x: %s", kind_names[kind], (unsigned)status, said);
}
END_TEST

static void fail_assertion(void *arg)
{
    worker_begins(DEVICE_PCI);
    abort();
}

START_TEST(a_workers_failed_assertion_is_an_abort)
{
    char said[512];
    int status = child_run(fail_assertion, NULL, said);

    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x: %s",
                  (unsigned)status, said);
}
END_TEST

/* ---- the other threads ---- */

static void *nothing(void *arg)
{
    return arg;
}

/* Exits with the number of the first thing that is not as it should be. */
static void others(void *arg)
{
    char error[SANDBOX_ERROR_BYTES];
    pthread_t thread;
    int code = 0;

#define EXPECT(cond)  (code++, (cond) ? (void)0 : _exit(code))
#define REFUSED(call) (errno = 0, (call) == -1 && errno == EPERM)
    EXPECT(sandbox_process(CONFIG_SANDBOX_ON, error));
    EXPECT(REFUSED(try_execve()));
    EXPECT(REFUSED(try_socket()));
    EXPECT(REFUSED(try_ptrace()));
    EXPECT(REFUSED(try_unshare()));
    EXPECT(REFUSED(try_kill_parent()));
    EXPECT(REFUSED(try_executable()));
#ifndef __SANITIZE_ADDRESS__
    EXPECT(REFUSED(try_fork()));
#endif
    EXPECT(REFUSED(CALL(SYS_bpf, 0, 0, 0)));
    EXPECT(REFUSED(CALL(SYS_mount, 0, 0, 0, 0, 0)));
    EXPECT(kill(getpid(), 0) == 0);
    EXPECT(try_open() >= 0);
    EXPECT(pthread_create(&thread, NULL, nothing, NULL) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
    /* EAL's thread of interrupts makes its set anew when one is taken out, and aborts if it cannot.
     */
    EXPECT(epoll_create(1) >= 0);
}

START_TEST(other_threads_cannot_start_programs_but_do_their_work)
{
    char said[512];
    int status = child_run(others, NULL, said);

    ck_assert_msg(status == 0, "step %d of others(): %s", WEXITSTATUS(status), said);
}
END_TEST

static pthread_barrier_t meeting;

static void *thread_started_before(void *arg)
{
    pthread_barrier_wait(&meeting);
    pthread_barrier_wait(&meeting);
    *(bool *)arg = REFUSED(try_socket());
    return NULL;
}

static void all_threads(void *arg)
{
    char error[SANDBOX_ERROR_BYTES];
    bool refused = false;
    pthread_t thread;

    pthread_barrier_init(&meeting, NULL, 2);
    pthread_create(&thread, NULL, thread_started_before, &refused);
    pthread_barrier_wait(&meeting);
    if (!sandbox_process(CONFIG_SANDBOX_ON, error))
        _exit(1);
    pthread_barrier_wait(&meeting);
    pthread_join(thread, NULL);
    _exit(refused ? 0 : 2);
}

START_TEST(the_processes_filter_holds_for_threads_that_run_already)
{
    char said[512];

    ck_assert_int_eq(child_run(all_threads, NULL, said), 0);
}
END_TEST

/* ---- weaker modes ---- */

static void in_mode(void *arg)
{
    enum config_sandbox mode = *(enum config_sandbox *)arg;
    char error[SANDBOX_ERROR_BYTES];

    if (!sandbox_process(mode, error) ||
        !sandbox_worker(mode, DEVICE_BIT(DEVICE_PCI), "hw-worker-0", error))
        _exit(98);
    int fd = try_socket();
    int filters = prctl(PR_GET_SECCOMP) == 2;
    _exit(fd < 0 ? 1 : filters != (mode == CONFIG_SANDBOX_LOG) ? 2 : 0);
}

START_TEST(log_and_off_refuse_nothing)
{
    enum config_sandbox modes[] = { CONFIG_SANDBOX_LOG, CONFIG_SANDBOX_OFF };
    char said[512];

    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(child_run(in_mode, &modes[i], said), 0);
}
END_TEST

/* ---- the table ---- */

START_TEST(each_row_has_a_reason_and_workers_have_few)
{
    struct sandbox_row row;
    unsigned workers[DEVICE_KINDS] = { 0 };
    size_t i;

    for (i = 0; sandbox_row(i, &row); i++) {
        ck_assert_msg(strlen(row.why) >= 3, "row %zu has no reason", i);
        for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
            workers[kind] += row.worker[kind];
    }
    ck_assert_uint_gt(i, 50);
#ifndef __SANITIZE_ADDRESS__
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        ck_assert_uint_le(workers[kind], 25);
#endif
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("protect");
    TCase *c = tcase_create("sandbox");

    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, a_worker_that_makes_another_call_ends_the_process_with_a_line, 0, TRIES);
    tcase_add_loop_test(c, a_worker_may_sleep_wake_and_nap_on_every_port, 0, DEVICE_KINDS);
    tcase_add_test(c, a_workers_failed_assertion_is_an_abort);
    tcase_add_test(c, other_threads_cannot_start_programs_but_do_their_work);
    tcase_add_test(c, the_processes_filter_holds_for_threads_that_run_already);
    tcase_add_test(c, log_and_off_refuse_nothing);
    tcase_add_test(c, each_row_has_a_reason_and_workers_have_few);
    suite_add_tcase(suite, c);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
