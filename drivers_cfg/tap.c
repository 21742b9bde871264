/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "drivers_cfg/tap_steer.h"

#define FAIL(error, ...) (snprintf((error), DEVICE_ERROR_BYTES, __VA_ARGS__), false)

static struct ifreq request(const struct tap *tap)
{
    struct ifreq ifr = { 0 };

    memcpy(ifr.ifr_name, tap->name, sizeof(ifr.ifr_name));
    return ifr;
}

/* One more queue; the first makes the interface. Returns its file, or -1. */
static int open_queue(const struct tap *tap, bool several)
{
    struct ifreq ifr = request(tap);
    int header = sizeof(struct virtio_net_hdr);
    int fd = open(device_host.tun, O_RDWR | O_NONBLOCK | O_CLOEXEC);

    ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0));
    /* TUN_F_CSUM: the kernel need not sum what it gives us; what did not cross a wire is whole.
     * Without TUN_F_TSO4 and 6 it gives us no frame longer than the MTU. */
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) == 0 && ioctl(fd, TUNSETVNETHDRSZ, &header) == 0 &&
        ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0)
        return fd;
    if (fd >= 0) {
        int failed = errno;
        close(fd);
        errno = failed;
    }
    return -1;
}

/* Has the interface that the queue is of spread flows as we say. */
static bool steer(int queue)
{
    int program = tap_steer_load();
    bool ok = program >= 0 && ioctl(queue, TUNSETSTEERINGEBPF, &program) == 0;
    int failed = errno;

    if (program >= 0)
        close(program); /* the interface keeps it */
    errno = failed;
    return ok;
}

bool tap_open(struct tap *tap, const char *name, uint16_t queues, uint16_t mtu,
              char error[DEVICE_ERROR_BYTES])
{
    memset(tap, 0, sizeof(*tap));
    snprintf(tap->name, sizeof(tap->name), "%s", name);
    tap->control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (queues > TAP_QUEUES_MAX)
        return FAIL(error, "a TAP device has at most %d queues: give fewer cores", TAP_QUEUES_MAX);
    for (; tap->queues < queues; tap->queues++) {
        tap->fd[tap->queues] = open_queue(tap, queues > 1);
        if (tap->fd[tap->queues] < 0) {
            (void)FAIL(error, "queue %u of the TAP device '%s' cannot be made: %s (run as root?)",
                       tap->queues, name, strerror(errno));
            tap_close(tap);
            return false;
        }
    }
    if (queues > 1 && !steer(tap->fd[0])) {
        (void)FAIL(error,
                   "the kernel does not let the queues of the TAP device '%s' be chosen (an eBPF "
                   "program: CAP_BPF): %s; give one core",
                   name, strerror(errno));
        tap_close(tap);
        return false;
    }
    struct ifreq ifr = request(tap);
    ifr.ifr_mtu = mtu;
    if (tap->control >= 0 && ioctl(tap->control, SIOCSIFMTU, &ifr) == 0)
        return true;
    (void)FAIL(error, "the TAP device '%s' takes no MTU of %u: %s", name, mtu, strerror(errno));
    tap_close(tap);
    return false;
}

bool tap_up(const struct tap *tap, char error[DEVICE_ERROR_BYTES])
{
    struct ifreq ifr = request(tap);

    if (ioctl(tap->control, SIOCGIFFLAGS, &ifr) == 0) {
        ifr.ifr_flags |= IFF_UP;
        if (ioctl(tap->control, SIOCSIFFLAGS, &ifr) == 0)
            return true;
    }
    return FAIL(error, "the TAP device '%s' cannot be set up: %s", tap->name, strerror(errno));
}

bool tap_link(const struct tap *tap)
{
    struct ifreq ifr = request(tap);

    return ioctl(tap->control, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) != 0;
}

void tap_close(struct tap *tap)
{
    if (tap->name[0] == '\0')
        return;
    while (tap->queues > 0)
        close(tap->fd[--tap->queues]);
    if (tap->control >= 0)
        close(tap->control);
    tap->name[0] = '\0';
}
