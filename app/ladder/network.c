/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Nothing leaves the machine, and nothing is left behind: both namespaces have no name, so the
 * kernel removes them, with the veth pairs and TAP devices in them, when the last of our processes
 * ends. Children end with this process, even if it is killed; only hugewire, which becomes another
 * user and so forgets that, is then left, and waits for a SIGTERM.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ladder/ladder.h"

const char *const link_names[LINKS] = { "offloads", "packets" };

/* The veth pairs, senders' end first, and the kernel's end of the TAP devices. */
static const struct {
    const char *near, *far, *near_cidr, *far_cidr, *near_ip;
    const char *tap, *tap_cidr, *tap_ip;
} nets[LINKS] = {
    { "sv0", "cl0", "10.73.0.2/24", "10.73.0.1/24", "10.73.0.2", "hw0", "10.71.0.1/24",
      "10.71.0.2" },
    { "sv1", "cl1", "10.74.0.2/24", "10.74.0.1/24", "10.74.0.2", "hw1", "10.72.0.1/24",
      "10.72.0.2" },
};

/* A child in a namespace of its own that does nothing but end with us. */
static pid_t hold_namespace(void)
{
    int ready[2];
    char byte;

    if (pipe2(ready, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) != 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    bool good = pid > 0 && read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    return good ? pid : -1;
}

static bool up(const char *holder, const char *interface, const char *cidr, char error[ERROR_BYTES])
{
    const char *ns[] = { "nsenter", "--net", "-t", holder, NULL };
    const char *add[] = { "ip", "addr", "add", cidr, "dev", interface, NULL };
    const char *set[] = { "ip", "link", "set", interface, "up", NULL };
    const char *const *commands[] = { add, set };

    for (unsigned i = 0; i < 2; i++) {
        const char *argv[16];
        unsigned n = 0;
        for (unsigned k = 0; holder != NULL && ns[k] != NULL; k++)
            argv[n++] = ns[k];
        for (unsigned k = 0; commands[i][k] != NULL; k++)
            argv[n++] = commands[i][k];
        argv[n] = NULL;
        if (!run(error, argv))
            return false;
    }
    return true;
}

static bool offloads_off(const char *holder, const char *interface, char error[ERROR_BYTES])
{
    const char *argv[] = { "nsenter", "--net", "-t",  holder, "ethtool", "-K",
                           interface, "rx",    "off", "tx",   "off",     "tso",
                           "off",     "gso",   "off", "gro",  "off",     NULL };
    return run(error, argv);
}

static bool make_pair(unsigned link, const char *holder, char error[ERROR_BYTES])
{
    char self[16];
    const char *add[] = { "ip",   "link", "add",          nets[link].near, "type", "veth",
                          "peer", "name", nets[link].far, "netns",         holder, NULL };

    snprintf(self, sizeof(self), "%d", (int)getpid());
    if (!run(error, add))
        return false;
    if (link == LINK_PACKETS && (!offloads_off(self, nets[link].near, error) ||
                                 !offloads_off(holder, nets[link].far, error)))
        return false;
    return up(NULL, nets[link].near, nets[link].near_cidr, error) &&
           up(holder, nets[link].far, nets[link].far_cidr, error);
}

bool network_make(struct network *network, char error[ERROR_BYTES])
{
    char holder[16], path[32];

    if (unshare(CLONE_NEWNET) != 0) {
        snprintf(error, ERROR_BYTES, "no network namespace of our own: run as root");
        return false;
    }
    network->holder = hold_namespace();
    snprintf(holder, sizeof(holder), "%d", (int)network->holder);
    snprintf(path, sizeof(path), "/proc/%s/ns/net", holder);
    network->client_ns = network->holder > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (network->client_ns < 0) {
        snprintf(error, ERROR_BYTES, "no second network namespace: run as root");
        return false;
    }
    for (unsigned link = 0; link < LINKS; link++)
        if (!make_pair(link, holder, error))
            return false;
    return true;
}

bool network_tap_up(enum link link, char error[ERROR_BYTES])
{
    return up(NULL, nets[link].tap, nets[link].tap_cidr, error);
}

const char *network_address(const struct step *step, enum link link)
{
    return step->sender == STEP_HUGEWIRE ? nets[link].tap_ip : nets[link].near_ip;
}

bool network_enter(const struct network *network, const struct step *step)
{
    /* The client of a TAP device is the kernel that has its other end: ours. */
    return step->sender == STEP_HUGEWIRE || setns(network->client_ns, CLONE_NEWNET) == 0;
}

void network_remove(struct network *network)
{
    if (network->holder > 0) {
        kill(network->holder, SIGKILL);
        waitpid(network->holder, NULL, 0);
    }
    network->holder = 0;
}
