/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/sandbox.h"

#include <errno.h>
#include <linux/vfio.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#define FAIL(error, ...) (snprintf((error), SANDBOX_ERROR_BYTES, __VA_ARGS__), false)

/* ---- the table ---- */

#define ON_TAP       (1u << DEVICE_TAP)
#define ON_AF_PACKET (1u << DEVICE_AF_PACKET)
#define ON_AF_XDP    (1u << DEVICE_AF_XDP)
#define ON_PCI       (1u << DEVICE_PCI)
#define ON_VDEV      (1u << DEVICE_VDEV) /* any of DPDK's: what all the others may */
#define ALL          (ON_TAP | ON_AF_PACKET | ON_AF_XDP | ON_PCI | ON_VDEV)
#define NONE         0u
/* The sanitizers' own threads and memory, in builds that have them. */
#ifdef __SANITIZE_ADDRESS__
#define CHECKED_BUILD ALL
#define ONLY_THREADS                                                                               \
    {                                                                                              \
        0                                                                                          \
    } /* the leak checker is a process that shares all memory */
#else
#define CHECKED_BUILD NONE
#define ONLY_THREADS                                                                               \
    {                                                                                              \
        0, CLONE_THREAD, CLONE_THREAD                                                              \
    }
#endif

/* Of one argument: (argument & mask) == value. The kernel takes 32 bits of those looked at here. */
struct condition {
    unsigned argument;
    uint64_t mask, value;
};

#define NOT_EXECUTABLE                                                                             \
    {                                                                                              \
        2, PROT_EXEC, 0                                                                            \
    }
#define IS(argument, value)                                                                        \
    {                                                                                              \
        (argument), UINT32_MAX, (value)                                                            \
    }

struct row {
    int call;
    unsigned workers; /* on these ports workers may, too */
    const char *why;
    struct condition only_if;
    bool worker_only_if; /* the condition holds for workers only */
    bool own;            /* argument 0 is this process */
};

/* Calls without a number on this machine have a negative one, and are left out by libseccomp. */
static const struct row rows[] = {
    /* A worker's: the way of packets */
    { SCMP_SYS(readv), ON_VDEV, "net_tap takes a frame from the kernel" },
    { SCMP_SYS(writev), ON_TAP | ON_VDEV, "a TAP device is given a packet" },
    { SCMP_SYS(sendto), ON_AF_PACKET | ON_AF_XDP | ON_VDEV,
      "tells the kernel that its ring has packets" },
    { SCMP_SYS(recvfrom), ON_AF_XDP | ON_VDEV, "tells the kernel that its ring has room" },
    { SCMP_SYS(poll), ON_AF_PACKET | ON_AF_XDP | ON_VDEV, "waits for room in the kernel's ring" },
    { SCMP_SYS(pread64), ON_PCI | ON_VDEV, "I/O ports through VFIO (virtio's legacy interface)" },
    { SCMP_SYS(pwrite64), ON_PCI | ON_VDEV, "the same; files that DPDK writes" },
    { SCMP_SYS(ioctl), ON_PCI | ON_VDEV, "the rx interrupt is enabled again; link state, VFIO, TAP",
      IS(1, VFIO_DEVICE_SET_IRQS), .worker_only_if = true },
    /* A worker's: rest and news */
    { SCMP_SYS(epoll_wait), ALL, "sleeps until a frame or a message comes" },
    { SCMP_SYS(epoll_pwait), ALL, "the same, by other versions of libc" },
    { SCMP_SYS(epoll_ctl), ALL, "takes the rx interrupt's file out of the set at the end" },
    { SCMP_SYS(clock_nanosleep), ALL, "naps where the driver has no rx interrupt" },
    { SCMP_SYS(nanosleep), ALL, "the same, by other versions of libc" },
    { SCMP_SYS(restart_syscall), ALL, "goes on sleeping after the process was stopped" },
    { SCMP_SYS(read), ALL,
      "takes a frame from a TAP device; empties an interrupt's eventfd; EAL's command at the end" },
    { SCMP_SYS(write), ALL,
      "wakes another worker or the streamer; a line of the log; EAL's answer at the end" },
    { SCMP_SYS(clock_gettime), ALL, "where the machine's clock is not read without the kernel" },
    { SCMP_SYS(futex), ALL, "the lock of stderr, when two threads have a line to say" },
    { SCMP_SYS(sched_yield), ALL, "the same" },
    /* A worker's: an assertion of ours that fails */
    { SCMP_SYS(rt_sigprocmask), ALL, "abort()" },
    { SCMP_SYS(gettid), ALL, "abort()" },
    { SCMP_SYS(getpid), ALL, "abort()" },
    { SCMP_SYS(tgkill), ALL, "abort()", .own = true },
    { SCMP_SYS(rt_sigreturn), ALL, "the end of a signal's handler" },
    { SCMP_SYS(exit_group), ALL, "the end, when a forbidden call was caught" },

    /* All other threads: memory, none of it executable */
    { SCMP_SYS(mmap), CHECKED_BUILD, "malloc, stacks of threads", NOT_EXECUTABLE },
    { SCMP_SYS(mprotect), CHECKED_BUILD, "malloc, stacks of threads", NOT_EXECUTABLE },
    { SCMP_SYS(munmap), CHECKED_BUILD, "malloc; the arena, the device's registers at the end" },
    { SCMP_SYS(mremap), CHECKED_BUILD, "realloc" },
    { SCMP_SYS(brk), CHECKED_BUILD, "malloc" },
    { SCMP_SYS(madvise), CHECKED_BUILD, "free" },
    { SCMP_SYS(mbind), NONE, "EAL's memory by node" },
    { SCMP_SYS(get_mempolicy), NONE, "EAL's memory by node" },
    { SCMP_SYS(set_mempolicy), NONE, "EAL's memory by node" },
    { SCMP_SYS(fallocate), NONE, "EAL gives hugepages back" },
    { SCMP_SYS(ftruncate), NONE, "EAL gives hugepages back" },
    { SCMP_SYS(flock), NONE, "EAL gives hugepages back" },
    /* files that changed, the access log */
    { SCMP_SYS(open), NONE, "a file below ROOT; the access log anew" },
    { SCMP_SYS(openat), NONE, "the same" },
    { SCMP_SYS(openat2), NONE, "the same, never outside of ROOT" },
    { SCMP_SYS(close), NONE, "what was opened" },
    { SCMP_SYS(close_range), NONE, "what was opened" },
    { SCMP_SYS(stat), NONE, "what became of a file" },
    { SCMP_SYS(lstat), NONE, "what became of a file" },
    { SCMP_SYS(fstat), NONE, "what became of a file" },
    { SCMP_SYS(newfstatat), NONE, "what became of a file" },
    { SCMP_SYS(statx), NONE, "what became of a file; its alignment for direct I/O" },
    { SCMP_SYS(statfs), NONE, "the file system of a file" },
    { SCMP_SYS(fstatfs), NONE, "the file system of a file" },
    { SCMP_SYS(access), NONE, "whether a file may be read" },
    { SCMP_SYS(faccessat), NONE, "whether a file may be read" },
    { SCMP_SYS(faccessat2), NONE, "whether a file may be read" },
    { SCMP_SYS(getdents64), NONE, "a directory that changed" },
    { SCMP_SYS(readlink), NONE, "a symbolic link below ROOT" },
    { SCMP_SYS(readlinkat), NONE, "a symbolic link below ROOT" },
    { SCMP_SYS(getcwd), NONE, "realpath of a relative ROOT" },
    { SCMP_SYS(lseek), NONE, "libc's streams" },
    { SCMP_SYS(fcntl), NONE, "flags of a descriptor; stdout once more for the access log" },
    { SCMP_SYS(dup), NONE, "flags of a descriptor" },
    { SCMP_SYS(memfd_create), NONE, "the text of a listing, on its way into the pool" },
    { SCMP_SYS(inotify_init1), NONE, "changes of files" },
    { SCMP_SYS(inotify_add_watch), NONE, "changes of files" },
    { SCMP_SYS(inotify_rm_watch), NONE, "changes of files" },
    { SCMP_SYS(io_uring_enter), NONE, "reads of files" },
    { SCMP_SYS(io_uring_register), NONE, "the arena's fixed buffers are given back at the end" },
    { SCMP_SYS(unlink), NONE, "the telemetry socket at the end" },
    { SCMP_SYS(unlinkat), NONE, "the telemetry socket at the end" },
    { SCMP_SYS(rmdir), NONE, "the runtime directory at the end" },
    /* threads; not processes */
    { SCMP_SYS(clone), NONE, "a thread for a telemetry client, and no process", ONLY_THREADS },
    { SCMP_SYS(exit), CHECKED_BUILD, "a thread's end" },
    { SCMP_SYS(set_robust_list), NONE, "a thread's begin" },
    { SCMP_SYS(rseq), NONE, "a thread's begin" },
    { SCMP_SYS(set_tid_address), NONE, "a thread's begin" },
    { SCMP_SYS(sigaltstack), CHECKED_BUILD, "a thread's begin and end" },
    { SCMP_SYS(prctl), CHECKED_BUILD, "a thread's name; the ambient capabilities go" },
    { SCMP_SYS(capset), NONE, "the main thread gives up what it kept for others" },
    { SCMP_SYS(capget), NONE, "the same" },
    { SCMP_SYS(seccomp), NONE, "a worker's stricter filter" },
    { SCMP_SYS(sched_getaffinity), CHECKED_BUILD, "EAL" },
    { SCMP_SYS(sched_setaffinity), NONE, "EAL: where a thread of its own runs" },
    { SCMP_SYS(getcpu), NONE, "EAL's memory by node" },
    { SCMP_SYS(membarrier), NONE, "libc" },
    { SCMP_SYS(getrandom), NONE, "libc" },
    { SCMP_SYS(uname), NONE, "libc" },
    { SCMP_SYS(sysinfo), NONE, "libc" },
    { SCMP_SYS(prlimit64), CHECKED_BUILD, "a stack's size" },
    { SCMP_SYS(getrusage), CHECKED_BUILD, "libc" },
    { SCMP_SYS(getuid), NONE, "libc" },
    { SCMP_SYS(geteuid), NONE, "libc" },
    { SCMP_SYS(getgid), NONE, "libc" },
    { SCMP_SYS(getegid), NONE, "libc" },
    { SCMP_SYS(wait4), CHECKED_BUILD, "the end of the process that cleans up behind us" },
    /* signals, timers, waiting */
    { SCMP_SYS(rt_sigaction), CHECKED_BUILD, "abort()" },
    { SCMP_SYS(rt_sigtimedwait), NONE, "the main thread waits for signals" },
    { SCMP_SYS(kill), NONE, "the device is gone: the server tells itself", .own = true },
    { SCMP_SYS(ppoll), NONE, "waits" },
    { SCMP_SYS(select), NONE, "waits" },
    { SCMP_SYS(pselect6), NONE, "waits" },
    { SCMP_SYS(epoll_create1), NONE, "EAL's interrupts: a device came or went" },
    { SCMP_SYS(epoll_create), NONE, "the same; it aborts if it cannot" },
    { SCMP_SYS(eventfd2), NONE, "EAL's interrupts" },
    { SCMP_SYS(pipe2), NONE, "EAL's interrupts" },
    { SCMP_SYS(timerfd_create), NONE, "EAL's alarms, which drivers use" },
    { SCMP_SYS(timerfd_settime), NONE, "EAL's alarms, which drivers use" },
    { SCMP_SYS(clock_getres), NONE, "EAL" },
    { SCMP_SYS(gettimeofday), NONE, "where the machine's clock is not read without the kernel" },
    { SCMP_SYS(time), NONE, "where the machine's clock is not read without the kernel" },
    /* the telemetry socket; a driver's questions about its interface */
    { SCMP_SYS(accept), NONE, "a telemetry client" },
    { SCMP_SYS(accept4), NONE, "a telemetry client" },
    { SCMP_SYS(sendmsg), NONE, "netlink: the XDP program is taken off; memif" },
    { SCMP_SYS(recvmsg), NONE, "netlink; a device came or went" },
    { SCMP_SYS(socket), NONE, "netlink (af_xdp), and no other", IS(0, AF_NETLINK) },
    { SCMP_SYS(bind), NONE, "netlink (af_xdp)" },
    { SCMP_SYS(getsockname), NONE, "netlink (af_xdp)" },
    { SCMP_SYS(getsockopt), NONE, "af_xdp's counters" },
    { SCMP_SYS(setsockopt), NONE, "a port's end" },
    { SCMP_SYS(shutdown), NONE, "a port's end" },
#ifdef __SANITIZE_ADDRESS__
    { SCMP_SYS(ptrace), NONE, "the leak checker" },
    { SCMP_SYS(getppid), NONE, "the leak checker" },
    { SCMP_SYS(getdents), NONE, "the leak checker" },
    { SCMP_SYS(arch_prctl), NONE, "the leak checker" },
    { SCMP_SYS(process_vm_readv), NONE, "the leak checker" },
#endif
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

bool sandbox_row(size_t i, struct sandbox_row *row)
{
    if (i >= ROWS)
        return false;
    *row = (struct sandbox_row){ .call = rows[i].call, .why = rows[i].why };
    for (unsigned kind = 0; kind < DEVICE_KINDS; kind++)
        row->worker[kind] = (rows[i].workers >> kind & 1) != 0;
    return true;
}

/* ---- the end of a worker that made another call ---- */

static __thread const char *thread_name = "?";

/* At most room bytes. */
static size_t put_text(char *at, const char *text, size_t room)
{
    size_t len = strlen(text);

    if (len > room)
        len = room;
    memcpy(at, text, len);
    return len;
}

/* n in decimal digits, to which a returned pointer leads. */
static const char *number_text(char text[11], unsigned n)
{
    char *at = text + 10;

    *at = '\0';
    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return at;
}

/* Only what a handler may call, and only what a worker may call. */
static void forbidden(int signo, siginfo_t *info, void *context)
{
    char number[11], line[256];
    const char *const words[] = {
        "hugewire: ",
        thread_name,
        " made system call ",
        number_text(number, (unsigned)info->si_syscall),
        ", which no worker may make here (a bug or an attack; security.sandbox): the server ends\n",
    };
    size_t len = 0;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        len += put_text(line + len, words[i], sizeof(line) - len);
    (void)!write(STDERR_FILENO, line, len);
    _exit(2);
}

static bool catch_forbidden(void)
{
    struct sigaction action = { .sa_sigaction = forbidden, .sa_flags = SA_SIGINFO };

    return sigaction(SIGSYS, &action, NULL) == 0;
}

/* ---- filters ---- */

static int rule_add(scmp_filter_ctx filter, const struct row *row, bool worker)
{
    const struct condition *c = &row->only_if;

    if (row->own)
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, row->call, 1,
                                SCMP_CMP64(0, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)getpid()));
    if (c->mask == 0 || (row->worker_only_if && !worker))
        return seccomp_rule_add(filter, SCMP_ACT_ALLOW, row->call, 0);
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, row->call, 1,
                            SCMP_CMP64(c->argument, SCMP_CMP_MASKED_EQ, c->mask, c->value));
}

/* 0 or a negative errno. workers: bits of the rows that are in it; 0: all. */
static int filter_load(uint32_t otherwise, unsigned workers, bool all_threads)
{
    scmp_filter_ctx filter = seccomp_init(otherwise);
    int rc = filter != NULL ? 0 : -ENOMEM;

    /* Most calls of a worker are among the first few of the table; a tree finds all alike. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0 && all_threads)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    for (size_t i = 0; rc == 0 && i < ROWS; i++)
        if (workers == 0 || (rows[i].workers & workers) != 0)
            rc = rule_add(filter, &rows[i], workers != 0);
    /* Its flags are in memory, where no filter can look: libc goes on with clone(). */
    if (rc == 0 && all_threads && otherwise != SCMP_ACT_LOG)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc;
}

bool sandbox_process(enum config_sandbox mode, char error[SANDBOX_ERROR_BYTES])
{
    if (mode == CONFIG_SANDBOX_OFF)
        return true;
    int rc =
        filter_load(mode == CONFIG_SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(EPERM), 0, true);
    if (rc != 0)
        return FAIL(error,
                    "the kernel takes no seccomp filter: %s (--sandbox off goes without one)",
                    strerror(-rc));
    return true;
}

bool sandbox_worker(enum config_sandbox mode, unsigned kinds, const char *name,
                    char error[SANDBOX_ERROR_BYTES])
{
    if (mode == CONFIG_SANDBOX_OFF)
        return true;
    thread_name = name;
    int rc = catch_forbidden() ? 0 : -errno;
    if (rc == 0)
        rc = filter_load(mode == CONFIG_SANDBOX_LOG ? SCMP_ACT_LOG : SCMP_ACT_TRAP, kinds, false);
    if (rc != 0)
        return FAIL(error, "the kernel takes no seccomp filter of %s: %s", name, strerror(-rc));
    return true;
}
