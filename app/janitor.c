/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cap-ng.h>
#include <seccomp.h>

/* One write to a pipe arrives in one piece. */
struct orders {
    char socket[PIPE_BUF / 2];
    char directory[PIPE_BUF / 2];
};

/* Whoever started the server may wait for the end of its output. */
static void let_go_of_output(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
}

/* Without, it would be weaker than it is meant to be, and no less useful. */
static void confine(void)
{
    static const int calls[] = { SCMP_SYS(read), SCMP_SYS(unlink), SCMP_SYS(rmdir),
                                 SCMP_SYS(exit_group) };
    scmp_filter_ctx filter = NULL;

    capng_clear(CAPNG_SELECT_ALL);
    capng_apply(CAPNG_SELECT_CAPS);
#ifndef __SANITIZE_ADDRESS__ /* which makes calls of its own */
    filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
#endif
    for (size_t i = 0; filter != NULL && i < sizeof(calls) / sizeof(calls[0]); i++)
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    if (filter != NULL)
        (void)seccomp_load(filter);
}

__attribute__((noreturn)) static void janitor_main(int fd)
{
    static struct orders orders, next;

    prctl(PR_SET_NAME, "hw-janitor");
    (void)!chdir("/");
    let_go_of_output();
    confine();
    for (ssize_t n; (n = read(fd, &next, sizeof(next))) != 0;)
        if (n == sizeof(next))
            orders = next;
        else if (n < 0 && errno != EINTR)
            break;
    if (orders.socket[0] != '\0')
        unlink(orders.socket);
    if (orders.directory[0] != '\0')
        rmdir(orders.directory);
    _exit(0);
}

bool janitor_start(struct janitor *janitor)
{
    int fds[2];

    *janitor = (struct janitor){ .fd = -1 };
    if (pipe2(fds, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[1]);
        janitor_main(fds[0]);
    }
    close(fds[0]);
    if (pid < 0) {
        close(fds[1]);
        return false;
    }
    *janitor = (struct janitor){ .pid = pid, .fd = fds[1] };
    return true;
}

void janitor_tell(const struct janitor *janitor, const char *socket, const char *directory)
{
    struct orders orders = { "", "" };

    if (janitor->pid == 0 || strlen(socket) >= sizeof(orders.socket) ||
        strlen(directory) >= sizeof(orders.directory))
        return;
    strcpy(orders.socket, socket);
    strcpy(orders.directory, directory);
    (void)!write(janitor->fd, &orders, sizeof(orders));
}

void janitor_end(struct janitor *janitor)
{
    if (janitor->pid == 0)
        return;
    close(janitor->fd);
    while (waitpid(janitor->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *janitor = (struct janitor){ .fd = -1 };
}
