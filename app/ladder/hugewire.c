/* SPDX-License-Identifier: BSD-3-Clause */
/* The last step: the built server, a process for each kind of link. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "ladder/ladder.h"

#define READY_S 60

static const struct {
    const char *device, *address;
} servers[LINKS] = {
    [LINK_OFFLOADS] = { "tap:hw0", "10.71.0.2/24" },
    [LINK_PACKETS] = { "vdev:net_tap0,iface=hw1", "10.72.0.2/24" }, /* DPDK's driver: no TSO */
};

static pid_t spawn(const struct options *options, enum link link, const char *root, FILE **log)
{
    char core[16];
    int ends[2];

    snprintf(core, sizeof(core), "%d", options->sender_cpu);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execl(options->hugewire, "hugewire", "serve", "--device", servers[link].device, "--address",
              servers[link].address, "--cores", core, "--drain-seconds", "1", root, NULL);
        _exit(127);
    }
    close(ends[1]);
    *log = fdopen(ends[0], "r");
    return pid;
}

/* Reads what the server says until it serves. False: last is what it said at its end. */
static bool wait_ready(FILE *log, char last[STEP_WHY_BYTES])
{
    char line[1024];

    while (fgets(line, sizeof(line), log) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        snprintf(last, STEP_WHY_BYTES, "%.*s", STEP_WHY_BYTES - 1, line);
        if (strstr(line, "serving http://") != NULL)
            return true;
    }
    return false;
}

static bool start_one(struct sender *sender, const struct options *options, enum link link,
                      const char *root, char error[ERROR_BYTES])
{
    char last[STEP_WHY_BYTES] = "no word";
    FILE *log = NULL;
    pid_t pid = spawn(options, link, root, &log);

    if (pid <= 0 || log == NULL)
        return snprintf(error, ERROR_BYTES, "hugewire cannot be started"), false;
    if (!wait_ready(log, last)) {
        fclose(log);
        kill(pid, SIGKILL); /* it has ended, or says nothing any more */
        waitpid(pid, NULL, 0);
        snprintf(sender->why, sizeof(sender->why), "%s", last);
        return false;
    }
    /* The pipe stays open: the server may say more. */
    sender->pid[link] = pid;
    return network_tap_up(link, error);
}

bool hugewire_start(struct sender *sender, const struct options *options, const char *file,
                    char error[ERROR_BYTES])
{
    char root[PATH_BYTES];

    if (access(options->hugewire, X_OK) != 0) {
        snprintf(sender->why, sizeof(sender->why), "%.100s is not there: --hugewire names it",
                 options->hugewire);
        return false;
    }
    snprintf(root, sizeof(root), "%s", file);
    *strrchr(root, '/') = '\0';
    sender->port = 80;
    for (unsigned link = 0; link < LINKS; link++)
        if (!start_one(sender, options, (enum link)link, root, error))
            return false;
    return true;
}

uint64_t hugewire_counter(const struct options *options, pid_t pid, const char *name)
{
    char command[PATH_BYTES + 64];

    snprintf(command, sizeof(command), "'%s' status --json --pid %d", options->hugewire, (int)pid);
    FILE *out = popen(command, "re");
    json_t *all = out != NULL ? json_loadf(out, 0, NULL) : NULL;
    json_t *value = json_object_get(json_object_get(all, "counters"), name);
    uint64_t number = value != NULL ? (uint64_t)json_integer_value(value) : UINT64_MAX;

    json_decref(all);
    if (out != NULL)
        pclose(out);
    return number;
}
