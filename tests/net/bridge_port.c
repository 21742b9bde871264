/* SPDX-License-Identifier: BSD-3-Clause */
#include "bridge_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for a burst of some thousand full-sized frames while the bridge is not scheduled. */
#define SOCKET_BUFFER_BYTES (32 << 20)

static int fail(const char *spec, const char *what)
{
    fprintf(stderr, "bridge: port '%s': %s: %s\n", spec, what, strerror(errno));
    return -1;
}

static int tap_open(const char *spec, const char *ifname)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return fail(spec, "/dev/net/tun");
    memcpy(request.ifr_name, ifname, strlen(ifname));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        fail(spec, "TUNSETIFF");
        close(fd);
        return -1;
    }
    return fd;
}

static int packet_open(const char *spec, const char *ifname)
{
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
    struct packet_mreq promiscuous = { .mr_type = PACKET_MR_PROMISC };
    int one = 1, bytes = SOCKET_BUFFER_BYTES;
    /* Protocol 0: nothing is received before the socket is bound to its interface. */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fail(spec, "packet socket");
    address.sll_ifindex = (int)if_nametoindex(ifname);
    promiscuous.mr_ifindex = address.sll_ifindex;
    if (address.sll_ifindex == 0) {
        fail(spec, "no such interface");
        goto close_fd;
    }
    /* What the bridge itself sends out of the interface must not come back to it. */
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fail(spec, "packet socket");
        goto close_fd;
    }
    return fd;

close_fd:
    close(fd);
    return -1;
}

/* Moves the calling thread into a network namespace; returns the one it was in, or -1. */
static int netns_enter(const char *spec, const char *name)
{
    char path[128];
    int old = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int target;

    if (old < 0)
        return fail(spec, "/proc/self/ns/net");
    snprintf(path, sizeof(path), "/run/netns/%s", name);
    target = open(path, O_RDONLY | O_CLOEXEC);
    if (target < 0 || setns(target, CLONE_NEWNET) < 0) {
        fail(spec, path);
        close(old);
        old = -1;
    }
    if (target >= 0)
        close(target);
    return old;
}

int bridge_port_open(struct bridge_port *port, const char *spec)
{
    static const char packet_prefix[] = "packet:", tap_prefix[] = "tap:";
    bool packet = strncmp(spec, packet_prefix, strlen(packet_prefix)) == 0;
    bool tap = strncmp(spec, tap_prefix, strlen(tap_prefix)) == 0;
    const char *name = strchr(spec, ':') + 1; /* only used where a prefix matched */
    const char *netns = strchr(spec, '@');
    size_t name_len = packet || tap ? (netns ? (size_t)(netns - name) : strlen(name)) : 0;
    char ifname[IFNAMSIZ] = "";
    int home = -1;

    if (name_len == 0 || name_len >= sizeof(ifname)) {
        fprintf(stderr, "bridge: port '%s': want packet:IFNAME[@NETNS] or tap:IFNAME[@NETNS]\n",
                spec);
        return -1;
    }
    memcpy(ifname, name, name_len);
    if (netns && (home = netns_enter(spec, netns + 1)) < 0)
        return -1;
    *port = (struct bridge_port){
        .spec = spec,
        .fd = packet ? packet_open(spec, ifname) : tap_open(spec, ifname),
        .packet_socket = packet,
    };
    if (home >= 0) {
        if (setns(home, CLONE_NEWNET) < 0)
            fail(spec, "return to the first network namespace");
        close(home);
    }
    return port->fd < 0 ? -1 : 0;
}

void bridge_port_close(struct bridge_port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    port->fd = -1;
}

ssize_t bridge_port_receive(struct bridge_port *port, uint8_t *data, size_t capacity)
{
    ssize_t n = read(port->fd, data, capacity);

    /* ENETDOWN is told once when the interface goes down; it may come up again. EIO: so says a TAP.
     */
    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENETDOWN || errno == EIO))
        return 0;
    return n;
}

void bridge_port_send(struct bridge_port *port, const uint8_t *data, size_t len)
{
    if (write(port->fd, data, len) < 0)
        port->send_refused++;
}

unsigned bridge_port_missed(struct bridge_port *port)
{
    struct tpacket_stats stats = { 0 };
    socklen_t len = sizeof(stats);

    if (!port->packet_socket ||
        getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) < 0)
        return 0;
    return stats.tp_drops;
}
