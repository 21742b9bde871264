/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ladder/ladder.h"

#define TRACER_WAIT_NS UINT64_C(10000000000)

uint64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool cpu_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

/* --- a process ----------------------------------------------------------------------------------
 */

/* The numbers behind "name:" in lines of a file of /proc. */
static uint64_t proc_field(const char *path, const char *name)
{
    char line[256];
    uint64_t value = 0;
    FILE *file = fopen(path, "re");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = strtoull(line + strlen(name), NULL, 10);
    if (file != NULL)
        fclose(file);
    return value;
}

/* The numbers of each thread that lives. One that ended is missing: none of a step does meanwhile.
 */
static void add_switches(pid_t pid, struct cost *cost)
{
    char path[64], file[400];
    struct dirent *entry;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s/status", path, entry->d_name);
        cost->voluntary += proc_field(file, "voluntary_ctxt_switches:");
        cost->taken += proc_field(file, "nonvoluntary_ctxt_switches:");
    }
    if (tasks != NULL)
        closedir(tasks);
}

static void add_ticks(pid_t pid, struct cost *cost)
{
    char path[64], line[1024] = "";

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(line, sizeof(line), file) != NULL && strrchr(line, ')') != NULL)
        /* Fields 14 and 15 (proc(5)); the name before may have blanks. */
        (void)!sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                      &cost->user, &cost->kernel);
    fclose(file);
}

struct cost cost_now(pid_t pid)
{
    struct cost cost = { 0 };
    struct timespec t = { 0 };
    clockid_t clock;
    char path[64];

    /* Ticks are of 10 ms; this clock counts nanoseconds, but does not tell user from kernel. */
    if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &t) == 0)
        cost.cpu_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    add_ticks(pid, &cost);
    add_switches(pid, &cost);
    snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
    cost.disk_bytes = proc_field(path, "read_bytes:");
    return cost;
}

/* --- the page cache -----------------------------------------------------------------------------
 */

uint64_t cache_pages(const char *file, uint64_t size)
{
    uint64_t pages = (size + 4095) / 4096, cached = 0;
    uint8_t *there = malloc(pages);
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    void *map = fd >= 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    if (map != MAP_FAILED && there != NULL && mincore(map, size, there) == 0)
        for (uint64_t i = 0; i < pages; i++)
            cached += there[i] & 1;
    if (map != MAP_FAILED)
        munmap(map, size);
    if (fd >= 0)
        close(fd);
    free(there);
    return cached;
}

void cache_drop(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd); /* pages that are not on disk yet stay */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

/* --- other programs -----------------------------------------------------------------------------
 */

bool run(char error[ERROR_BYTES], const char *const argv[])
{
    char said[ERROR_BYTES / 2] = "";
    int ends[2], status = -1;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], said, sizeof(said) - 1);
    said[n > 0 ? n : 0] = '\0';
    said[strcspn(said, "\n")] = '\0';
    close(ends[0]);
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (status == 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        snprintf(error, ERROR_BYTES,
                 "%s is not installed: apt-get install iproute2 ethtool util-linux", argv[0]);
    else
        snprintf(error, ERROR_BYTES, "%s %s %s failed: %s", argv[0], argv[1], argv[2], said);
    return false;
}

/* All threads are traced when the last one is. */
static bool attached(pid_t pid, pid_t tracer)
{
    char path[64], file[400];
    struct dirent *entry;
    bool all = true;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
        snprintf(file, sizeof(file), "%s/%s/status", path, entry->d_name);
        if (entry->d_name[0] != '.' && proc_field(file, "TracerPid:") != (uint64_t)tracer)
            all = false;
    }
    if (tasks != NULL)
        closedir(tasks);
    return all;
}

bool calls_start(struct calls *calls, pid_t pid, char error[ERROR_BYTES])
{
    char target[16];
    uint64_t end = clock_ns() + TRACER_WAIT_NS;

    snprintf(target, sizeof(target), "%d", (int)pid);
    snprintf(calls->path, sizeof(calls->path), "/var/tmp/hugewire-ladder.%d.calls", (int)getpid());
    calls->tracer = fork();
    if (calls->tracer == 0) {
        prctl(PR_SET_PDEATHSIG, SIGINT);
        execlp("strace", "strace", "-f", "-qq", "-c", "-U", "calls,name", "-o", calls->path, "-p",
               target, NULL);
        _exit(127);
    }
    while (calls->tracer > 0 && clock_ns() < end) {
        if (attached(pid, calls->tracer))
            return true;
        if (waitpid(calls->tracer, NULL, WNOHANG) != 0)
            break;
        usleep(2000);
    }
    snprintf(error, ERROR_BYTES, "strace could not attach: apt-get install strace");
    return false;
}

uint64_t calls_stop(struct calls *calls)
{
    char line[256], name[64];
    unsigned long count;
    uint64_t sum = 0;

    kill(calls->tracer, SIGINT);
    waitpid(calls->tracer, NULL, 0);
    FILE *file = fopen(calls->path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "%lu %63s", &count, name) == 2 && strcmp(name, "total") != 0)
            sum += count;
    unlink(calls->path);
    if (file == NULL)
        return UINT64_MAX;
    fclose(file);
    return sum;
}
