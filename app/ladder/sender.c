/* SPDX-License-Identifier: BSD-3-Clause */
/* A step's sending process: one client after the other gets the file behind a response head. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ladder/ladder.h"

static bool read_request(int socket)
{
    char request[4096];
    size_t at = 0;

    while (at < sizeof(request) - 1) {
        ssize_t n = read(socket, request + at, sizeof(request) - 1 - at);
        if (n <= 0)
            return false;
        at += (size_t)n;
        request[at] = '\0';
        if (strstr(request, "\r\n\r\n") != NULL)
            return true;
    }
    return false;
}

static void serve_one(const struct step *step, struct transfer *t)
{
    char head[128];
    int len = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n",
                       (unsigned long long)t->size);

    if (!read_request(t->socket) || !write_all(t->socket, head, (uint64_t)len))
        return;
    /* The receiver finds bytes missing, and fails; here is why. */
    if (!step->send(t) && errno != EPIPE && errno != ECONNRESET)
        fprintf(stderr, "hugewire-ladder: %s: %s\n", step->name, strerror(errno));
}

static _Noreturn void serve(const struct step *step, struct transfer *t, int listener)
{
    signal(SIGPIPE, SIG_IGN);
    t->file = open(t->path, O_RDONLY | O_CLOEXEC);
    if (t->file < 0)
        _exit(1);
    for (;;) {
        t->socket = accept(listener, NULL, NULL);
        if (t->socket < 0)
            _exit(1);
        serve_one(step, t);
        close(t->socket);
    }
}

/* Listens on a port that the kernel chooses. */
static int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t len = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener >= 0 && bind(listener, (struct sockaddr *)&address, len) == 0 &&
        listen(listener, 128) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &len) == 0) {
        *port = ntohs(address.sin_port);
        return listener;
    }
    if (listener >= 0)
        close(listener);
    return -1;
}

static bool start_self(struct sender *sender, const struct options *options, const char *file,
                       uint64_t size, char error[ERROR_BYTES])
{
    struct transfer t = {
        .path = file, .size = size, .buffer = options->buffer, .tally = sender->tally
    };
    int listener = listen_anywhere(&sender->port);
    pid_t pid = listener >= 0 ? fork() : -1;

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        cpu_pin(options->sender_cpu);
        serve(sender->step, &t, listener);
    }
    if (pid < 0)
        snprintf(error, ERROR_BYTES, "no sender for %s: %s", sender->step->name, strerror(errno));
    if (listener >= 0)
        close(listener);
    for (unsigned link = 0; pid > 0 && link < LINKS; link++)
        sender->pid[link] = pid;
    return pid > 0;
}

bool sender_start(struct sender *sender, const struct step *step, const struct options *options,
                  const char *file, uint64_t size, char error[ERROR_BYTES])
{
    *sender = (struct sender){ .step = step };
    if (!step_possible(step, sender->why))
        return true;
    sender->tally = mmap(NULL, sizeof(*sender->tally), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (sender->tally == MAP_FAILED) {
        snprintf(error, ERROR_BYTES, "no memory for %s", step->name);
        return false;
    }
    switch (step->sender) {
    case STEP_SELF:
        return start_self(sender, options, file, size, error);
    case STEP_JAVA:
        return java_start(sender, options, file) || sender->why[0] != '\0';
    case STEP_HUGEWIRE:
        return hugewire_start(sender, options, file, error) || sender->why[0] != '\0';
    }
    return false;
}

static void end_process(pid_t pid, bool politely)
{
    kill(pid, politely ? SIGTERM : SIGKILL);
    for (unsigned waited = 0; waited < 1000; waited++) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return;
        usleep(20000);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

void sender_stop(struct sender *sender)
{
    for (unsigned link = 0; link < LINKS; link++) {
        if (sender->pid[link] > 0 && (link == 0 || sender->pid[link] != sender->pid[0]))
            end_process(sender->pid[link], sender->step->sender == STEP_HUGEWIRE);
    }
    sender->pid[LINK_OFFLOADS] = sender->pid[LINK_PACKETS] = 0;
}
