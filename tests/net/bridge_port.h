/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An Ethernet port of the test bridge: an interface of the kernel seen through a packet socket, or
 * a TAP of which the bridge is the far end.
 */
#ifndef NET_BRIDGE_PORT_H
#define NET_BRIDGE_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct bridge_port {
    const char *spec; /* as given, for messages; not owned */
    int fd;           /* non-blocking */
    bool packet_socket;
    uint64_t send_refused;
};

/*
 * spec: packet:IFNAME or tap:IFNAME, and behind it @NETNS where the interface lives in a network
 * namespace of that name. A TAP that is not there is made, and goes when the bridge ends.
 * 0, or -1: told on stderr.
 */
int bridge_port_open(struct bridge_port *port, const char *spec);
void bridge_port_close(struct bridge_port *port);

/* One frame; 0: none waiting, -1: the interface is gone or broken (errno). */
ssize_t bridge_port_receive(struct bridge_port *port, uint8_t *data, size_t capacity);

/* Where the interface takes no more the frame is dropped and counted in send_refused. */
void bridge_port_send(struct bridge_port *port, const uint8_t *data, size_t len);

/* Frames that came faster than the bridge read them and were dropped by the kernel. */
unsigned bridge_port_missed(struct bridge_port *port);

#endif
