/* SPDX-License-Identifier: BSD-3-Clause */
#include "app/access_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "app/access_format.h"
#include "app/log.h"
#include "base/time.h"

/* One write(2) takes many lines. */
#define BUFFER_BYTES (256u << 10)
#define BURST        32

/* With nothing to do the thread sleeps, at first for so long, then twice as long, ... */
#define NAP_MIN_NS NS_PER_MS
#define NAP_MAX_NS (64 * NS_PER_MS)

/* A pipe that nobody reads is looked at again after so long. */
#define BLOCKED_MS 100
#define LAST_MS    1000

static_assert(sizeof(struct http_record) % 4 == 0, "an rte_ring holds elements of whole words");

struct access_log_ring {
    struct rte_ring *ring;
} __attribute__((aligned(64)));

struct access_log {
    char path[PATH_MAX];
    enum config_access_format format;
    int fd;
    bool failing; /* the last write failed, and it was said */
    pthread_t thread;
    bool stop, reopen; /* set by others */
    int last_ms;       /* once stopped: how long a pipe is waited for */
    unsigned ring_count;
    struct access_log_ring *rings;
    struct counters counters __attribute__((aligned(64)));
    struct http_record burst[BURST];
    size_t used, lines; /* of buffer */
    char buffer[BUFFER_BYTES];
};

/* ---- the file ---- */

/* A descriptor, or -1 with errno. Not blocking, which matters for pipes only: a FIFO without a
 * reader is refused at once (ENXIO) and one that is full does not hold up the end. */
static int file_open(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
}

static void file_reopen(struct access_log *log)
{
    int fd = file_open(log->path);

    if (fd < 0) {
        log_line(CONFIG_LOG_ERROR,
                 "access log %s: cannot be opened again: %s; the old file is kept", log->path,
                 strerror(errno));
        return;
    }
    close(log->fd);
    log->fd = fd;
    log->failing = false;
    log_line(CONFIG_LOG_INFO, "access log %s: opened again", log->path);
}

/* Whether there may be room now. At the end of the program one does not wait for ever. */
static bool file_wait(struct access_log *log)
{
    struct pollfd poll_fd = { .fd = log->fd, .events = POLLOUT };

    if (__atomic_load_n(&log->stop, __ATOMIC_ACQUIRE)) {
        if (log->last_ms <= 0)
            return false;
        log->last_ms -= BLOCKED_MS;
    }
    (void)poll(&poll_fd, 1, BLOCKED_MS);
    return true;
}

/* Newlines, each the end of a line. */
static size_t lines_in(const char *text, size_t len)
{
    size_t n = 0;

    for (const char *end = text + len; (text = memchr(text, '\n', (size_t)(end - text))) != NULL;
         text++)
        n++;
    return n;
}

static void file_failed(struct access_log *log, size_t written, int error)
{
    size_t done = lines_in(log->buffer, written);

    COUNT_N(&log->counters, access_log_lines, done);
    COUNT_N(&log->counters, access_log_lost, log->lines - done);
    if (!log->failing)
        log_line(CONFIG_LOG_ERROR,
                 "access log %s: cannot be written: %s; lines are lost (access_log_lost) until it "
                 "can",
                 log->path, strerror(error));
    log->failing = true;
    /* Half a line must not grow together with the next one. */
    if (written != 0 && log->buffer[written - 1] != '\n')
        (void)!write(log->fd, "\n", 1);
}

/* Empties the buffer, into the file or, if that fails, not. */
static void file_write(struct access_log *log)
{
    for (size_t at = 0; at < log->used;) {
        ssize_t n = write(log->fd, log->buffer + at, log->used - at);

        if (n > 0) {
            at += (size_t)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n == 0 || errno != EAGAIN || !file_wait(log)) {
            file_failed(log, at, n == 0 ? ENOSPC : errno);
            goto out;
        }
    }
    if (log->failing)
        log_line(CONFIG_LOG_INFO, "access log %s: is written again", log->path);
    log->failing = false;
    COUNT_N(&log->counters, access_log_lines, log->lines);
out:
    log->used = log->lines = 0;
}

/* ---- the thread ---- */

/* Takes a burst of one ring into the buffer. Returns how many records. */
static unsigned ring_drain(struct access_log *log, struct rte_ring *ring)
{
    unsigned n =
        rte_ring_sc_dequeue_burst_elem(ring, log->burst, sizeof(log->burst[0]), BURST, NULL);

    for (unsigned i = 0; i < n; i++) {
        if (sizeof(log->buffer) - log->used < ACCESS_LINE_BYTES)
            file_write(log);
        log->used += access_format(log->format, &log->burst[i], log->buffer + log->used);
        log->lines++;
    }
    return n;
}

static void *log_main(void *arg)
{
    struct access_log *log = arg;
    uint64_t nap_ns = NAP_MIN_NS;

    pthread_setname_np(pthread_self(), "hw-access-log");
    for (;;) {
        bool stop = __atomic_load_n(&log->stop, __ATOMIC_ACQUIRE); /* before the last look */
        unsigned n = 0;

        for (unsigned i = 0; i < log->ring_count; i++)
            n += ring_drain(log, log->rings[i].ring);
        if (n != 0) {
            nap_ns = NAP_MIN_NS;
            continue;
        }
        if (log->used != 0)
            file_write(log);
        if (stop)
            return NULL;
        if (__atomic_exchange_n(&log->reopen, false, __ATOMIC_ACQUIRE))
            file_reopen(log);
        nanosleep(&(struct timespec){ .tv_nsec = (long)nap_ns }, NULL);
        nap_ns = nap_ns < NAP_MAX_NS ? 2 * nap_ns : nap_ns;
    }
}

/* ---- set-up ---- */

static bool rings_create(struct access_log *log, const struct access_log_config *config)
{
    char name[RTE_RING_NAMESIZE];

    log->rings = aligned_alloc(64, config->rings * sizeof(log->rings[0]));
    if (log->rings == NULL)
        return false;
    for (unsigned i = 0; i < config->rings; i++) {
        snprintf(name, sizeof(name), "hw_access_%u", i);
        log->rings[i].ring =
            rte_ring_create_elem(name, sizeof(struct http_record), rte_align32pow2(config->records),
                                 SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (log->rings[i].ring == NULL)
            return false;
        log->ring_count++;
    }
    return true;
}

static void log_free(struct access_log *log)
{
    for (unsigned i = 0; i < log->ring_count; i++)
        rte_ring_free(log->rings[i].ring);
    if (log->fd >= 0)
        close(log->fd);
    free(log->rings);
    free(log);
}

size_t access_log_bytes(const struct access_log_config *config)
{
    ssize_t ring =
        rte_ring_get_memsize_elem(sizeof(struct http_record), rte_align32pow2(config->records));

    return ring > 0 ? config->rings * (size_t)ring : 0;
}

struct access_log *access_log_create(const struct access_log_config *config,
                                     char error[ACCESS_LOG_ERROR_BYTES])
{
    struct access_log *log = aligned_alloc(64, (sizeof(*log) + 63) / 64 * 64);

    if (log == NULL) {
        snprintf(error, ACCESS_LOG_ERROR_BYTES, "no memory for the access log");
        return NULL;
    }
    memset(log, 0, sizeof(*log));
    snprintf(log->path, sizeof(log->path), "%s", config->path);
    log->format = config->format;
    log->last_ms = LAST_MS;
    log->fd = file_open(log->path);
    if (log->fd < 0)
        snprintf(error, ACCESS_LOG_ERROR_BYTES, "access log %s: cannot be opened: %s%s", log->path,
                 strerror(errno), errno == ENXIO ? " (nobody reads the FIFO)" : "");
    else if (!rings_create(log, config))
        snprintf(error, ACCESS_LOG_ERROR_BYTES,
                 "no memory for the access log's rings (%" PRIu64
                 " MiB): lower access_log.ring or reserve more hugepages",
                 (uint64_t)access_log_bytes(config) >> 20);
    else if (pthread_create(&log->thread, NULL, log_main, log) != 0)
        snprintf(error, ACCESS_LOG_ERROR_BYTES, "the access log's thread does not start");
    else
        return log;
    log_free(log);
    return NULL;
}

/* Of a path that names one; a device, a pipe or stdout is opened as it is. */
static bool is_file(const struct access_log *log, struct stat *stat)
{
    return strcmp(log->path, "-") != 0 && fstat(log->fd, stat) == 0 && S_ISREG(stat->st_mode);
}

void access_log_give(const struct access_log *log, uid_t uid, gid_t gid)
{
    struct stat stat;

    if (is_file(log, &stat) && stat.st_uid == 0 && fchown(log->fd, uid, gid) != 0)
        log_line(CONFIG_LOG_WARNING, "access log %s: stays root's: %s", log->path, strerror(errno));
}

void access_log_check(const struct access_log *log)
{
    char directory[PATH_MAX];
    struct stat stat;

    snprintf(directory, sizeof(directory), "%s", log->path);
    if (is_file(log, &stat) && access(dirname(directory), W_OK | X_OK) != 0)
        log_line(CONFIG_LOG_WARNING,
                 "access log %s: user %u may not make files in its directory: after a rotation it "
                 "is opened again only if the new file is there and is that user's (logrotate: "
                 "create)",
                 log->path, (unsigned)getuid());
}

struct access_log_ring *access_log_ring(struct access_log *log, unsigned i)
{
    return &log->rings[i];
}

void access_log_put(struct access_log_ring *ring, const struct http_record *record,
                    struct counters *counters)
{
    if (rte_ring_sp_enqueue_elem(ring->ring, (void *)(uintptr_t)record, sizeof(*record)) != 0)
        COUNT(counters, access_log_dropped);
}

void access_log_reopen(struct access_log *log)
{
    __atomic_store_n(&log->reopen, true, __ATOMIC_RELEASE);
}

const struct counters *access_log_counters(const struct access_log *log)
{
    return &log->counters;
}

void access_log_finish(struct access_log *log)
{
    if (log == NULL || log->stop)
        return;
    __atomic_store_n(&log->stop, true, __ATOMIC_RELEASE);
    pthread_join(log->thread, NULL);
}

void access_log_destroy(struct access_log *log)
{
    if (log == NULL)
        return;
    access_log_finish(log);
    log_free(log);
}
