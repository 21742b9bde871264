/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of plain system calls: read + write, mmap + write, sendfile, splice, vmsplice. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ladder/steps.h"

bool write_all(int fd, const void *data, uint64_t bytes)
{
    const uint8_t *at = data;

    while (bytes > 0) {
        ssize_t n = write(fd, at, bytes);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            at += n;
            bytes -= (uint64_t)n;
        }
    }
    return true;
}

uint8_t *transfer_map(const struct transfer *t)
{
    void *map = mmap(NULL, t->size, PROT_READ, MAP_SHARED, t->file, 0);

    if (map == MAP_FAILED)
        return NULL;
    madvise(map, t->size, MADV_SEQUENTIAL); /* read ahead, as read() does by itself */
    return map;
}

void transfer_unmap(const struct transfer *t, uint8_t *map)
{
    munmap(map, t->size);
}

bool send_read_write(const struct transfer *t)
{
    uint8_t *buffer = malloc(t->buffer);
    bool good = buffer != NULL;

    for (uint64_t at = 0; good && at < t->size;) {
        ssize_t n = pread(t->file, buffer, t->buffer, (off_t)at);
        good = n > 0 && write_all(t->socket, buffer, (uint64_t)n);
        at += n > 0 ? (uint64_t)n : 0;
    }
    free(buffer);
    return good;
}

/* One write may take the whole file: the mapping is the buffer. */
bool send_mmap_write(const struct transfer *t)
{
    uint8_t *map = transfer_map(t);

    if (map == NULL)
        return false;
    bool good = write_all(t->socket, map, t->size);
    transfer_unmap(t, map);
    return good;
}

bool send_sendfile(const struct transfer *t)
{
    off_t at = 0;

    while ((uint64_t)at < t->size)
        if (sendfile(t->socket, t->file, &at, t->size - (uint64_t)at) <= 0)
            return false;
    return true;
}

/* Moves what lies in the pipe to the socket. */
static bool pipe_to_socket(const struct transfer *t, int pipe_out, uint64_t bytes, bool more)
{
    while (bytes > 0) {
        ssize_t n = splice(pipe_out, NULL, t->socket, NULL, bytes,
                           SPLICE_F_MOVE | (more ? SPLICE_F_MORE : 0));
        if (n <= 0)
            return false;
        bytes -= (uint64_t)n;
    }
    return true;
}

/* A pipe that holds a buffer's pages: an entry each. */
static bool pipe_open(const struct transfer *t, int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    (void)fcntl(ends[1], F_SETPIPE_SZ, (int)t->buffer); /* else it is smaller: more calls */
    return true;
}

static void pipe_close(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

bool send_splice(const struct transfer *t)
{
    loff_t at = 0;
    bool good = true;
    int ends[2];

    if (!pipe_open(t, ends))
        return false;
    while (good && (uint64_t)at < t->size) {
        ssize_t n = splice(t->file, &at, ends[1], NULL, t->buffer, SPLICE_F_MOVE | SPLICE_F_MORE);
        good = n > 0 && pipe_to_socket(t, ends[0], (uint64_t)n, (uint64_t)at < t->size);
    }
    pipe_close(ends);
    return good;
}

/* Pages of our own memory into the pipe, by reference. Nothing tells when the socket has done with
 * them: only memory that never changes may be sent so, such as a mapped file. */
bool send_vmsplice(const struct transfer *t)
{
    uint8_t *map = transfer_map(t);
    bool good = map != NULL;
    int ends[2];

    if (!good)
        return false;
    if (!pipe_open(t, ends)) {
        transfer_unmap(t, map);
        return false;
    }
    for (uint64_t at = 0; good && at < t->size;) {
        uint64_t rest = t->size - at;
        struct iovec piece = { .iov_base = map + at,
                               .iov_len = rest < t->buffer ? rest : t->buffer };
        ssize_t n = vmsplice(ends[1], &piece, 1, 0);
        good = n > 0 && pipe_to_socket(t, ends[0], (uint64_t)n, rest > (uint64_t)n);
        at += n > 0 ? (uint64_t)n : 0;
    }
    pipe_close(ends);
    transfer_unmap(t, map);
    return good;
}
