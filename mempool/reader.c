/* SPDX-License-Identifier: BSD-3-Clause */
#include "mempool/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <liburing.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

/* ---- io_uring ---- */

#define PIECE_BYTES  (UINT64_C(1) << 30) /* a fixed buffer is at most 1 GiB */
#define SUBMIT_BATCH 16 /* reads given to the kernel at a time while others are finishing */

struct uring_reader {
    struct reader head;
    struct io_uring ring;
    uint8_t *base; /* of the arena */
    uint64_t bytes;
    struct iovec *pieces; /* fixed buffers, side by side */
    unsigned piece_count;
    unsigned unsubmitted;
};

/* The fixed buffer in which p lies. */
static unsigned piece_at(const struct uring_reader *reader, const uint8_t *p)
{
    unsigned low = 0, high = reader->piece_count;

    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;
        if ((const uint8_t *)reader->pieces[middle].iov_base <= p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* What the kernel may refuse for now: the reads stay in the ring for the next try. */
static void uring_submit(struct uring_reader *reader, unsigned wait)
{
    int result;

    while ((result = io_uring_submit_and_wait(&reader->ring, wait)) < 0) {
        ASSERT(result == -EINTR || result == -EAGAIN || result == -EBUSY || result == -ENOMEM);
        if (result != -EINTR)
            sched_yield();
    }
    reader->unsubmitted = io_uring_sq_ready(&reader->ring);
}

static void uring_start(struct reader *head, struct read_op *op)
{
    struct uring_reader *reader = (struct uring_reader *)head;
    uint64_t offset = (uint64_t)(op->to - reader->base);
    unsigned piece = piece_at(reader, op->to);
    const struct iovec *fixed = &reader->pieces[piece];
    uint64_t room = (uint64_t)((uint8_t *)fixed->iov_base + fixed->iov_len - op->to);
    struct io_uring_sqe *sqe;

    ASSERT(offset < reader->bytes && op->len <= reader->bytes - offset);
    while ((sqe = io_uring_get_sqe(&reader->ring)) == NULL)
        uring_submit(reader, 0);
    /* A read stays within its fixed buffer; the rest is a short read, which callers go on from. */
    io_uring_prep_read_fixed(sqe, op->fd, op->to, op->len < room ? op->len : (unsigned)room,
                             op->offset, (int)piece);
    io_uring_sqe_set_data(sqe, op);
    if (++reader->unsubmitted >= SUBMIT_BATCH)
        uring_submit(reader, 0);
}

static struct read_op *uring_take(struct uring_reader *reader, struct io_uring_cqe *cqe)
{
    struct read_op *op = io_uring_cqe_get_data(cqe);

    op->result = cqe->res;
    io_uring_cqe_seen(&reader->ring, cqe);
    return op;
}

static struct read_op *uring_wait(struct reader *head)
{
    struct uring_reader *reader = (struct uring_reader *)head;
    struct io_uring_cqe *cqe;

    while (io_uring_peek_cqe(&reader->ring, &cqe) != 0)
        uring_submit(reader, 1);
    return uring_take(reader, cqe);
}

static void uring_destroy(struct reader *head)
{
    struct uring_reader *reader = (struct uring_reader *)head;

    /* Closing the ring would unpin the arena too, but some time later, and its owner could not give
     * the hugepages back until then. */
    io_uring_unregister_buffers(&reader->ring);
    io_uring_queue_exit(&reader->ring);
    free(reader->pieces);
    free(reader);
}

/*
 * A file of pages that outlives us is locked by whoever uses it, and this ring counts as one that
 * has it open until its last read is over, even if the process is killed: so nobody else uses pages
 * that are still being written to.
 */
static int file_hold(struct uring_reader *reader, const struct arena *arena)
{
    int file = arena->file;

    return file > 0 ? io_uring_register_files(&reader->ring, &file, 1) : 0;
}

/* A buffer lies in one part of the arena: some kernels want one file, and pages of one size. */
static void pieces_cut(struct uring_reader *reader, uint64_t from, uint64_t bytes)
{
    while (bytes > 0) {
        uint64_t len = bytes < PIECE_BYTES ? bytes : PIECE_BYTES;
        reader->pieces[reader->piece_count++] =
            (struct iovec){ .iov_base = reader->base + from, .iov_len = len };
        from += len;
        bytes -= len;
    }
}

static int arena_register(struct uring_reader *reader, const struct arena *arena)
{
    reader->base = arena->base;
    reader->bytes = arena->bytes;
    reader->pieces =
        calloc(arena->bytes / PIECE_BYTES + arena->part_count + 1, sizeof(*reader->pieces));
    if (reader->pieces == NULL)
        return -ENOMEM;
    if (arena->part_count == 0)
        pieces_cut(reader, 0, arena->bytes);
    for (unsigned i = 0; i < arena->part_count; i++)
        pieces_cut(reader, arena->parts[i].offset, arena->parts[i].bytes);
    int result = io_uring_register_buffers(&reader->ring, reader->pieces, reader->piece_count);
    return result == 0 ? file_hold(reader, arena) : result;
}

/* What is finished comes first, so that new reads gather for one system call, which also waits. */
static struct read_op *uring_poll(struct reader *head, uint64_t timeout_ns)
{
    struct uring_reader *reader = (struct uring_reader *)head;
    struct __kernel_timespec timeout = { .tv_sec = (long long)(timeout_ns / 1000000000u),
                                         .tv_nsec = (long long)(timeout_ns % 1000000000u) };
    struct io_uring_cqe *cqe;

    if (io_uring_peek_cqe(&reader->ring, &cqe) == 0)
        return uring_take(reader, cqe);
    if (timeout_ns != 0) {
        /* What the kernel refuses for now stays in the ring for the next try. */
        int result = io_uring_submit_and_wait_timeout(&reader->ring, &cqe, 1, &timeout, NULL);
        reader->unsubmitted = io_uring_sq_ready(&reader->ring);
        if (result < 0)
            return NULL;
    } else if (reader->unsubmitted != 0) {
        uring_submit(reader, 0);
    }
    return io_uring_peek_cqe(&reader->ring, &cqe) == 0 ? uring_take(reader, cqe) : NULL;
}

static const struct reader_ops uring_ops = {
    .name = "io_uring",
    .start = uring_start,
    .wait = uring_wait,
    .poll = uring_poll,
    .destroy = uring_destroy,
};

struct reader *reader_create_uring(const struct arena *arena, char *error, size_t error_bytes)
{
    struct uring_reader *reader = calloc(1, sizeof(*reader));
    int result;

    if (reader == NULL) {
        pool_error(error, error_bytes, "out of memory");
        return NULL;
    }
    reader->head.ops = &uring_ops;
    result = io_uring_queue_init(READER_DEPTH, &reader->ring, 0);
    if (result != 0) {
        pool_error(error, error_bytes,
                   "io_uring is not available: %s (see sysctl kernel.io_uring_disabled, seccomp)",
                   strerror(-result));
        goto free_reader;
    }
    result = arena_register(reader, arena);
    if (result != 0) {
        pool_error(error, error_bytes,
                   "io_uring did not take the pool as fixed buffers: %s (raise `ulimit -l` to "
                   "%" PRIu64 ")",
                   strerror(-result), arena->bytes >> 10);
        goto exit_ring;
    }
    return &reader->head;

exit_ring:
    io_uring_queue_exit(&reader->ring);
    free(reader->pieces);
free_reader:
    free(reader);
    return NULL;
}

/* ---- pread ---- */

struct pread_reader {
    struct reader head;
    struct read_op *done[READER_DEPTH]; /* a ring of finished reads, oldest at first */
    unsigned first, count;
};

static void pread_start(struct reader *head, struct read_op *op)
{
    struct pread_reader *reader = (struct pread_reader *)head;
    ssize_t n = pread(op->fd, op->to, op->len, (off_t)op->offset);

    ASSERT(reader->count < READER_DEPTH);
    op->result = n < 0 ? -errno : (int32_t)n;
    reader->done[(reader->first + reader->count++) % READER_DEPTH] = op;
}

static struct read_op *pread_wait(struct reader *head)
{
    struct pread_reader *reader = (struct pread_reader *)head;
    struct read_op *op = reader->done[reader->first];

    ASSERT(reader->count > 0);
    reader->first = (reader->first + 1) % READER_DEPTH;
    reader->count--;
    return op;
}

static struct read_op *pread_poll(struct reader *head, uint64_t timeout_ns)
{
    return ((struct pread_reader *)head)->count != 0 ? pread_wait(head) : NULL;
}

static void pread_destroy(struct reader *head)
{
    free(head);
}

static const struct reader_ops pread_ops = {
    .name = "pread",
    .start = pread_start,
    .wait = pread_wait,
    .poll = pread_poll,
    .destroy = pread_destroy,
};

struct reader *reader_create_pread(void)
{
    struct pread_reader *reader = calloc(1, sizeof(*reader));

    if (reader == NULL)
        return NULL;
    reader->head.ops = &pread_ops;
    return &reader->head;
}

/* ---- either ---- */

struct reader *reader_create(const struct arena *arena, struct pool_log *log)
{
    char why[POOL_ERROR_BYTES];
    struct reader *reader = reader_create_uring(arena, why, sizeof(why));

    if (reader != NULL)
        return reader;
    pool_log_warning(log, "%s; files are read one at a time by pread", why);
    return reader_create_pread();
}
