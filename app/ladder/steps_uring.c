/* SPDX-License-Identifier: BSD-3-Clause */
/* io_uring: many sends, and reads, with one system call. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <liburing.h>

#include "ladder/steps.h"

/* Since Linux 6.2; the headers may be older. */
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE  (1U << 3)
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif

#define BATCH 16u /* sends of one system call */

/* Direct I/O: reads under way while one is sent. */
#define SLOTS        8u
#define SLOT_BYTES   (256u << 10)
#define DIRECT_BLOCK 4096u

/* What one io_uring_enter() hands over, as links of a chain: the kernel starts each when the one
 * before it is complete, so that the bytes stay in order. Returns how many. */
static unsigned queue_batch(struct io_uring *ring, const struct transfer *t, const uint8_t *map,
                            uint64_t *at, bool zc, unsigned zc_flags)
{
    struct io_uring_sqe *sqe = NULL;
    unsigned n = 0;

    while (n < BATCH && *at < t->size) {
        uint64_t rest = t->size - *at;
        uint32_t bytes = rest < t->buffer ? (uint32_t)rest : t->buffer;
        sqe = io_uring_get_sqe(ring);
        if (zc)
            io_uring_prep_send_zc(sqe, t->socket, map + *at, bytes, MSG_WAITALL, zc_flags);
        else
            io_uring_prep_send(sqe, t->socket, map + *at, bytes, MSG_WAITALL);
        sqe->flags |= IOSQE_IO_LINK;
        sqe->user_data = bytes;
        *at += bytes;
        n++;
    }
    if (sqe != NULL)
        sqe->flags &= (uint8_t)~IOSQE_IO_LINK;
    return n;
}

/* One completion: of a send, or the notice that the kernel lets the pages go. */
static bool take_one(struct io_uring *ring, const struct transfer *t, unsigned *sends,
                     unsigned *notices)
{
    struct io_uring_cqe *cqe;
    int rc = io_uring_wait_cqe(ring, &cqe);

    if (rc != 0) {
        errno = -rc;
        return rc == -EINTR;
    }
    int res = cqe->res;
    bool good = true;
    if (cqe->flags & IORING_CQE_F_NOTIF) {
        (*notices)--;
        if ((unsigned)res & IORING_NOTIF_USAGE_ZC_COPIED)
            t->tally->copied++;
    } else {
        (*sends)--;
        if (cqe->flags & IORING_CQE_F_MORE)
            (*notices)++;
        good = res == (int)cqe->user_data;
        if (!good)
            errno = res < 0 ? -res : EPIPE;
    }
    io_uring_cqe_seen(ring, cqe);
    return good;
}

static bool send_mapped(struct io_uring *ring, const struct transfer *t, const uint8_t *map,
                        bool zc)
{
    unsigned sends = 0, notices = 0, flags = zc ? IORING_SEND_ZC_REPORT_USAGE : 0;
    uint64_t at = 0;

    while (at < t->size) {
        bool first = at == 0;
        unsigned n = queue_batch(ring, t, map, &at, zc, flags);
        sends += n;
        if (zc)
            t->tally->zero_copy += n;
        io_uring_submit_and_wait(ring, n);
        while (sends > 0) {
            if (take_one(ring, t, &sends, &notices))
                continue;
            /* Linux 6.0 and 6.1 do not know the flag, nor tell. */
            if (!first || errno != EINVAL || flags == 0)
                return false;
            while (sends > 0)
                (void)take_one(ring, t, &sends, &notices);
            flags = 0;
            at = 0;
            t->tally->zero_copy -= n;
        }
    }
    while (notices > 0)
        if (!take_one(ring, t, &sends, &notices))
            return false;
    return true;
}

static bool send_by_ring(const struct transfer *t, bool zc)
{
    struct io_uring ring;
    int rc = io_uring_queue_init(4 * BATCH, &ring, 0);

    if (rc != 0) {
        errno = -rc;
        return false;
    }
    uint8_t *map = transfer_map(t);
    bool good = map != NULL && send_mapped(&ring, t, map, zc);
    if (map != NULL)
        transfer_unmap(t, map);
    io_uring_queue_exit(&ring);
    return good;
}

bool send_uring(const struct transfer *t)
{
    return send_by_ring(t, false);
}

bool send_uring_zc(const struct transfer *t)
{
    return send_by_ring(t, true);
}

/* --- direct I/O ------------------------------------------------------------------------------- */

/* Buffers in a circle: blocks [sent, read_next) of the file are being read, or lie there. */
struct direct {
    struct io_uring ring;
    const struct transfer *t;
    int file; /* O_DIRECT */
    uint8_t *buffers;
    uint64_t blocks, read_next, sent;
    uint32_t arrived[SLOTS]; /* bytes; 0: still on its way */
    bool sending;
};

#define TAG_SEND UINT64_MAX

static uint32_t block_bytes(const struct direct *d, uint64_t block)
{
    uint64_t rest = d->t->size - block * SLOT_BYTES;

    return rest < SLOT_BYTES ? (uint32_t)rest : SLOT_BYTES;
}

static void queue_work(struct direct *d)
{
    struct io_uring_sqe *sqe;
    unsigned slot;

    for (; d->read_next < d->blocks && d->read_next < d->sent + SLOTS; d->read_next++) {
        slot = (unsigned)(d->read_next % SLOTS);
        uint32_t bytes = block_bytes(d, d->read_next);
        /* Whole blocks of the disk; the end of the file cuts the last one short. */
        bytes = (bytes + DIRECT_BLOCK - 1) / DIRECT_BLOCK * DIRECT_BLOCK;
        sqe = io_uring_get_sqe(&d->ring);
        io_uring_prep_read_fixed(sqe, d->file, d->buffers + slot * SLOT_BYTES, bytes,
                                 d->read_next * SLOT_BYTES, 0);
        sqe->user_data = d->read_next;
        d->arrived[slot] = 0;
    }
    slot = (unsigned)(d->sent % SLOTS);
    if (d->sending || d->sent == d->read_next || d->arrived[slot] == 0)
        return;
    sqe = io_uring_get_sqe(&d->ring);
    io_uring_prep_send(sqe, d->t->socket, d->buffers + slot * SLOT_BYTES, d->arrived[slot],
                       MSG_WAITALL);
    sqe->user_data = TAG_SEND;
    d->sending = true;
}

static bool take_done(struct direct *d)
{
    struct io_uring_cqe *cqe;
    bool good = true;

    while (good && io_uring_peek_cqe(&d->ring, &cqe) == 0) {
        bool send = cqe->user_data == TAG_SEND;
        uint32_t want = block_bytes(d, send ? d->sent : cqe->user_data);
        good = cqe->res == (int)want;
        if (!good)
            errno = cqe->res < 0 ? -cqe->res : EIO;
        if (send) {
            d->sending = false;
            d->sent++;
        } else {
            d->arrived[cqe->user_data % SLOTS] = want;
        }
        io_uring_cqe_seen(&d->ring, cqe);
    }
    return good;
}

static bool run_direct(struct direct *d)
{
    struct iovec all = { .iov_base = d->buffers, .iov_len = SLOTS * SLOT_BYTES };
    int rc = io_uring_register_buffers(&d->ring, &all, 1); /* pinned once, for all reads */

    while (rc == 0 && d->sent < d->blocks) {
        queue_work(d);
        rc = io_uring_submit_and_wait(&d->ring, 1);
        rc = rc < 0 && rc != -EINTR ? rc : 0;
        if (rc == 0 && !take_done(d))
            return false;
    }
    errno = -rc;
    return rc == 0;
}

bool send_direct(const struct transfer *t)
{
    struct direct d = { .t = t, .blocks = (t->size + SLOT_BYTES - 1) / SLOT_BYTES };
    int rc = io_uring_queue_init(4 * SLOTS, &d.ring, 0);

    if (rc != 0) {
        errno = -rc;
        return false;
    }
    d.file = open(t->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    d.buffers = aligned_alloc(DIRECT_BLOCK, SLOTS * SLOT_BYTES);
    bool good = d.file >= 0 && d.buffers != NULL && run_direct(&d);
    int error = errno;
    io_uring_queue_exit(&d.ring); /* ends what still writes to the buffers */
    free(d.buffers);
    if (d.file >= 0)
        close(d.file);
    errno = error;
    return good;
}
