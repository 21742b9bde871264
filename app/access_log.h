/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The access log: workers put records of requests into rings, one ring each, and one thread formats
 * them and writes them to a file. A worker never waits: when its ring is full the record is dropped
 * (access_log_dropped). What cannot be written is lost and said once (access_log_lost).
 */
#ifndef APP_ACCESS_LOG_H
#define APP_ACCESS_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "app/config.h"
#include "base/counters.h"
#include "http/record.h"

struct access_log;
struct access_log_ring;

#define ACCESS_LOG_ERROR_BYTES (PATH_MAX + 256)

struct access_log_config {
    const char *path; /* "-": stdout; appended to, made with mode 0644 */
    enum config_access_format format;
    unsigned rings;   /* workers */
    uint32_t records; /* of each ring; rounded up to a power of two */
};

/* Hugepage memory of its rings. */
size_t access_log_bytes(const struct access_log_config *config);

/* Opens the file and starts the thread. NULL: error says what was wrong. After EAL's start. */
struct access_log *access_log_create(const struct access_log_config *config,
                                     char error[ACCESS_LOG_ERROR_BYTES]);

/* Makes a file that is root's the user's, so that it can be opened again by that user. */
void access_log_give(const struct access_log *log, uid_t uid, gid_t gid);
/* Warns if this process may not make a file of that name anew. */
void access_log_check(const struct access_log *log);

/* The ring of worker i, and the worker's call on it: counts a record that is dropped. */
struct access_log_ring *access_log_ring(struct access_log *log, unsigned i);
void access_log_put(struct access_log_ring *ring, const struct http_record *record,
                    struct counters *counters);

/* Any thread: what is written from now on goes to the file that has the path's name then. If that
 * cannot be opened, it is said, and the old one is kept. */
void access_log_reopen(struct access_log *log);

/* What the thread counts. Any thread. */
const struct counters *access_log_counters(const struct access_log *log);

/* When no worker runs any more: writes what is left, for a second at the most, and ends the thread.
 * NULL is allowed. */
void access_log_finish(struct access_log *log);
/* Finishes if that was not done. NULL is allowed. */
void access_log_destroy(struct access_log *log);

#endif
