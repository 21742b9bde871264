/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "ladder/ladder.h"

/* A program found through PATH. */
static bool installed(const char *program)
{
    char paths[PATH_BYTES], path[PATH_BYTES + 64], *rest = paths;
    const char *all = getenv("PATH");

    snprintf(paths, sizeof(paths), "%s", all != NULL ? all : "/usr/bin:/bin");
    for (const char *one; (one = strsep(&rest, ":")) != NULL;) {
        snprintf(path, sizeof(path), "%s/%s", one, program);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

/* java compiles the source in memory (JEP 330: Java 11) and runs it. */
static pid_t spawn(const struct sender *sender, const struct options *options, const char *file,
                   int *out)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        cpu_pin(options->sender_cpu);
        dup2(ends[1], STDOUT_FILENO);
        execlp("java", "java", "-Xmx64m", "-XX:+UseSerialGC", options->java_source,
               sender->step->name, file, NULL);
        _exit(127);
    }
    close(ends[1]);
    *out = ends[0];
    return pid;
}

bool java_start(struct sender *sender, const struct options *options, const char *file)
{
    unsigned port = 0;
    int out = -1;

    if (!installed("javac") || !installed("java")) {
        snprintf(sender->why, sizeof(sender->why),
                 "no JDK is installed: apt-get install openjdk-17-jdk-headless");
        return false;
    }
    pid_t pid = spawn(sender, options, file, &out);
    FILE *lines = pid > 0 ? fdopen(out, "r") : NULL;
    if (lines == NULL || fscanf(lines, "%u", &port) != 1 || port == 0 || port > UINT16_MAX) {
        snprintf(sender->why, sizeof(sender->why), "java could not run %.100s (see above)",
                 options->java_source);
        if (pid > 0)
            kill(pid, SIGKILL);
    }
    if (lines != NULL)
        fclose(lines);
    sender->port = (uint16_t)port;
    for (unsigned link = 0; link < LINKS; link++)
        sender->pid[link] = sender->why[0] == '\0' ? pid : 0;
    return sender->why[0] == '\0';
}
