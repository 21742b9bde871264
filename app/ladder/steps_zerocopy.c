/* SPDX-License-Identifier: BSD-3-Clause */
/* MSG_ZEROCOPY: the pages of the sender's memory hang in the socket's buffer, pinned, until their
 * last byte is acknowledged; the socket's error queue then says so (Documentation/networking/
 * msg_zerocopy.rst). */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/errqueue.h> /* needs struct timespec */

#include "ladder/steps.h"

/* Takes in the completions there are; each names a range of sends. False: the socket is broken. */
static bool reap(const struct transfer *t, uint32_t *done)
{
    char control[128];

    for (;;) {
        struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
        if (recvmsg(t->socket, &message, MSG_ERRQUEUE) < 0)
            return errno == EAGAIN || errno == EINTR;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        struct sock_extended_err error;
        if (head == NULL)
            return false;
        memcpy(&error, CMSG_DATA(head), sizeof(error));
        if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY || error.ee_errno != 0) {
            errno = error.ee_errno != 0 ? (int)error.ee_errno : EPROTO;
            return false;
        }
        uint32_t sends = error.ee_data - error.ee_info + 1;
        *done += sends;
        if (error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
            t->tally->copied += sends;
    }
}

/* POLLERR comes unasked when the error queue has something. */
static bool wait_completion(const struct transfer *t, uint32_t *done)
{
    struct pollfd pollfd = { .fd = t->socket, .events = 0 };

    return poll(&pollfd, 1, 10000) == 1 && reap(t, done);
}

static bool send_map(const struct transfer *t, const uint8_t *map)
{
    uint32_t sent = 0, done = 0;

    for (uint64_t at = 0; at < t->size;) {
        uint64_t rest = t->size - at;
        ssize_t n = send(t->socket, map + at, rest < t->buffer ? rest : t->buffer, MSG_ZEROCOPY);
        if (n > 0) {
            at += (uint64_t)n;
            sent++;
            /* Each completion holds memory of the socket until it is read. */
            if (sent % 32 == 0 && !reap(t, &done))
                return false;
        } else if (errno != ENOBUFS || !wait_completion(t, &done)) { /* no room for notices */
            return false;
        }
    }
    t->tally->zero_copy += sent;
    while (done < sent)
        if (!wait_completion(t, &done))
            return false;
    return true;
}

bool send_msg_zerocopy(const struct transfer *t)
{
    int on = 1;

    if (setsockopt(t->socket, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)) != 0)
        return false;
    uint8_t *map = transfer_map(t);
    if (map == NULL)
        return false;
    bool good = send_map(t, map);
    transfer_unmap(t, map);
    return good;
}
