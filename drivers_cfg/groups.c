/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers_cfg/groups.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

/* A membership belongs to its socket, which receives nothing itself: protocol 0. So it cannot be
 * left behind, as the interface's flag could. */
int groups_take_all(const char *interface)
{
    struct packet_mreq request = { .mr_ifindex = (int)if_nametoindex(interface),
                                   .mr_type = PACKET_MR_ALLMULTI };
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

    if (fd >= 0 && request.mr_ifindex != 0 &&
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof(request)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}
